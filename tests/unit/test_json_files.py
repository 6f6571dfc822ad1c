from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from entrypoint.json_files import MAX_BYTES, MAX_DEPTH, JsonFileError, parse, read_object

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is not JSON: Expecting value at line 1, column 1"),
    "text": (b"steps: 5", "is not JSON: Expecting value at line 1, column 1"),
    "trailing comma": (b'{\n  "a": 1,\n}', "is not JSON: "),
    "two values": (b"{} {}", "is not JSON: Extra data"),
    "array": (b"[1]", "holds a JSON array, not an object {...}"),
    "string": (b'"a"', "holds a JSON string, not an object {...}"),
    "number": (b"1", "holds a JSON number, not an object {...}"),
    "boolean": (b"true", "holds a JSON boolean, not an object {...}"),
    "null": (b"null", "holds a JSON null, not an object {...}"),
    "NaN": (b'{"a": NaN}', "holds NaN, which is not a JSON number"),
    "Infinity": (b'{"a": [-Infinity]}', "holds -Infinity, which is not a JSON number"),
    "1e400": (b'{"a": 1e400}', "holds 1e400, which is too large a number"),
    "long 1e400": (b'{"a": 1' + b"0" * 5000 + b".0}", "which is too large a number"),
    "same name twice": (b'{"a": {"b": 1, "b": 2}}', "names 'b' twice in one object"),
    "lone surrogate": (b'{"a": "\\ud800"}', "holds a lone surrogate"),
    "lone surrogate as a name": (b'{"\\ud800": 1}', "holds a lone surrogate"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "is not UTF-8 text (byte 0)"),
    "Latin-1": ('{"a": "é"}'.encode("latin-1"), "is not UTF-8 text (byte 7)"),
    "control character": (b'{"a": "\x00"}', "is not JSON: Invalid control character"),
    "nested beyond the parser": (b'{"a": ' + b"[" * 200_000, "is nested too deeply"),
    "nested too deeply": (
        b'{"a": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
        "is nested too deeply",
    ),
    "digits": (b'{"a": ' + b"9" * 1_000_000 + b"}", "holds a number of too many digits"),
    "too large": (b'{"a": "' + b"x" * MAX_BYTES + b'"}', "is larger than 4 MiB"),
}


def problem(file: Path) -> str:
    """Why a file is refused; it must show in well under a second."""
    start = time.monotonic()
    with pytest.raises(JsonFileError) as caught:
        read_object(file)
    assert time.monotonic() - start < 1
    return str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses(name: str, tmp_path: Path) -> None:
    content, reason = REFUSED[name]
    file = tmp_path / "a.json"
    file.write_bytes(content)
    assert reason in problem(file)


def test_a_byte_order_mark_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_object(file) == {"a": 1}


def test_values_arrive_with_their_types(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(
        '{"i": 1, "f": 1.0, "big": 123456789012345678901, "s": "é\\ud83d\\ude00", "n": null}',
        encoding="utf-8",
    )
    value = read_object(file)
    assert value == {"i": 1, "f": 1.0, "big": 123456789012345678901, "s": "é😀", "n": None}
    assert (type(value["i"]), type(value["f"])) == (int, float)


def test_the_greatest_allowed_depth_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"a": ' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}")
    assert "a" in read_object(file)


def test_a_file_of_exactly_4_mib_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"{}" + b" " * (MAX_BYTES - 2))
    assert read_object(file) == {}


def test_a_missing_file_is_told_from_an_unusable_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_object(tmp_path / "a.json")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert problem(tmp_path) == "is not a regular file"


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    assert problem(tmp_path / "a.json") == "is not a regular file"


def test_a_device_is_refused() -> None:
    assert problem(Path("/dev/zero")) == "is not a regular file"


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "input").write_text("")
    assert problem(tmp_path / "input" / "a.json") == "cannot be read: Not a directory"


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to("a.json")
    assert "symbolic links" in problem(tmp_path / "a.json")


def test_a_link_to_nothing_is_no_missing_file(tmp_path: Path) -> None:
    """Otherwise a mount that went wrong would train on all defaults."""
    (tmp_path / "a.json").symlink_to("nowhere")
    assert problem(tmp_path / "a.json") == "is a link to nothing"


def test_any_json_value_can_be_parsed_from_text() -> None:
    assert parse(' [1, "a"] ') == [1, "a"]
    assert parse("null") is None
