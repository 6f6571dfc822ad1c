"""Read JSON that somebody else wrote, without trusting it."""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path
from typing import Any

MAX_BYTES = 4 * 1024 * 1024
# Far more than anybody nests by hand, and far less than the recursion limit of what reads on.
MAX_DEPTH = 100


class JsonFileError(ValueError):
    """Why a file does not hold one usable JSON object, in words that continue its name."""


def read_object(file: Path) -> dict[str, Any]:
    """Read a JSON object from a regular file.

    Raises:
        FileNotFoundError: there is no such file.
        JsonFileError: it is not a regular file, is too large, is not UTF-8, is not JSON, holds a
            duplicate name or a number JSON does not know, or is not an object.
    """
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            raise JsonFileError("is not a regular file")
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        if file.is_symlink():
            raise JsonFileError("is a link to nothing") from None
        raise
    except OSError as error:
        raise JsonFileError(f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise JsonFileError(f"is larger than {MAX_BYTES // 1024**2} MiB")
    return parse_object(content)


def parse_object(content: bytes) -> dict[str, Any]:
    """Parse one JSON object from UTF-8 bytes (a byte order mark is allowed).

    Raises:
        JsonFileError: see `read_object`.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JsonFileError(f"is not UTF-8 text (byte {error.start})") from error
    value = parse(text)
    if not isinstance(value, dict):
        raise JsonFileError(f"holds a JSON {_type_name(value)}, not an object {{...}}")
    return value


def parse(text: str) -> Any:
    """Parse any JSON value, strictly: no NaN or Infinity, no name twice, no lone surrogate.

    Raises:
        JsonFileError: the text is not such a value.
    """
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
            object_pairs_hook=_unique_names,
        )
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise JsonFileError(f"is not JSON: {error.msg} at {where}") from error
    except UnicodeEncodeError as error:
        raise JsonFileError("holds a lone surrogate, which is no character") from error
    except RecursionError as error:
        raise JsonFileError("is nested too deeply") from error
    except ValueError as error:
        if isinstance(error, JsonFileError):
            raise
        # CPython refuses to convert integers of thousands of digits.
        raise JsonFileError("holds a number of too many digits") from error
    if _is_deeper_than(MAX_DEPTH, value):
        raise JsonFileError("is nested too deeply")
    return value


def _is_deeper_than(depth: int, value: Any) -> bool:
    """Tell whether more lists and objects than that lie inside each other."""
    level = [value]
    for _ in range(depth + 1):
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return False
        level = [
            item
            for outer in containers
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return True


def _refuse_constant(name: str) -> None:
    raise JsonFileError(f"holds {name}, which is not a JSON number")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise JsonFileError(f"holds {digits[:30]}, which is too large a number")
    return number


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for name, value in pairs:
        if name in names:
            raise JsonFileError(f"names {name!r} twice in one object")
        names[name] = value
    return names


def _type_name(value: Any) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
