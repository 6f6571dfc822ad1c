"""Find the user's own file and line in an exception, under all the framework's frames."""

from __future__ import annotations

import contextlib
import difflib
import linecache
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from entrypoint.errors import JobError, UserCodeFailedError

logger = logging.getLogger(__name__)

# Where TensorFlow wrote Python frames into the text of an error of its own.
_FRAME_IN_TEXT = re.compile(r'File "([^"]+)", line (\d+)(?:, in ([\w<>.]+))?')
# A name that one of TensorFlow's modules does not have.
_NO_ATTRIBUTE = re.compile(
    r"module '(?P<module>tensorflow(?:\._api\.v2(?:\.compat\.v1)?)?\.?(?P<below>[\w.]*))'"
    r" has no attribute '(?P<name>\w+)'"
)
MAX_MESSAGE = 400


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of the user's code.

    Attributes:
        file: relative to the code directory's parent, such as "code/model.py".
        line: from 1.
        function: the function the line is in, or "<module>".
        text: the line itself, without indentation.
    """

    file: str
    line: int
    function: str
    text: str

    def __str__(self) -> str:
        inside = "" if self.function == "<module>" else f" in {self.function}"
        return f"{self.file}, line {self.line}{inside}" + (f": {self.text}" if self.text else "")


def user_frames(error: BaseException, code_dir: Path) -> list[traceback.FrameSummary]:
    """Return the frames of an exception that are lines of the user's, outermost first.

    Looks in three places: the traceback itself; the traceback of the TensorFlow operation that
    failed, which shows where it was made; and frames quoted in the text of the message, which is
    how errors from inside tf.data and tf.py_function arrive. Where there are none, its cause is
    looked at in the same way.
    """
    seen: list[BaseException] = []
    cause: BaseException | None = error
    # `raise error from error` makes a circle.
    while cause is not None and cause not in seen:
        frames = _own_user_frames(cause, code_dir)
        if frames:
            return frames
        seen.append(cause)
        cause = cause.__cause__
    return []


def _own_user_frames(error: BaseException, code_dir: Path) -> list[traceback.FrameSummary]:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_under(f, code_dir)]
    operation = getattr(error, "op", None)
    if operation is not None:
        made_at = [f for f in getattr(operation, "traceback", ()) if _is_under(f, code_dir)]
        # The operation's own frames are nearer to the cause than those that ran it.
        frames = made_at or frames
    if not frames:
        frames = [
            traceback.FrameSummary(file, int(line), function or "<module>")
            for file, line, function in _FRAME_IN_TEXT.findall(text_of(error))
            if Path(file).is_relative_to(code_dir)
        ]
    return frames


def _is_under(frame: traceback.FrameSummary, code_dir: Path) -> bool:
    return Path(frame.filename).is_relative_to(code_dir)


def find_place(error: BaseException, code_dir: Path) -> Place | None:
    """Return the user's innermost line that an exception leads to, if it leads to one."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return _place(error.filename, error.lineno, "<module>", error.text or "", code_dir)
    frames = user_frames(error, code_dir)
    if not frames:
        return None
    frame = frames[-1]
    line = frame.lineno or 0
    text = frame.line or linecache.getline(frame.filename, line)
    return _place(frame.filename, line, frame.name, text, code_dir)


def _place(filename: str, line: int, function: str, text: str, code_dir: Path) -> Place:
    file = Path(filename)
    shown = file.relative_to(code_dir.parent) if file.is_relative_to(code_dir.parent) else file
    return Place(file=str(shown), line=line, function=function, text=text.strip())


def text_of(error: BaseException) -> str:
    """Return the message of an exception, whose own `__str__` may be the user's, and raise."""
    try:
        return str(error)
    except Exception as another:  # noqa: BLE001 (whatever the user wrote may happen there)
        return f"(its __str__ raised {type(another).__name__})"


def describe(error: BaseException) -> str:
    """Return the type and the first lines of the message of an exception, shortened."""
    # TensorFlow appends the graph's whole traceback after these words.
    text = re.split(
        r"\n\n?(?:Original stack trace|Errors may have originated|in user code:)",
        error.what if isinstance(error, _Advising) else text_of(error),
    )[0]
    # Before the message it puts the failing node's whole traceback, the node's name behind it.
    if "Detected at node" in text:
        text = re.split(r"(?m)^Node: '.*'$", text)[-1]
    text = " ".join(re.sub(r"\[\[\{\{node .*?\}\}\]\]", "", text).split())
    if isinstance(error, SyntaxError):
        text = error.msg
    if len(text) > MAX_MESSAGE:
        text = text[:MAX_MESSAGE] + "…"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@runtime_checkable
class _Advising(Protocol):
    """An exception that says apart what is wrong and what to do."""

    what: str
    advice: str


def advise(error: BaseException) -> str | None:
    """Return what an exception itself says is to be done, or what its misspelt name may mean."""
    if isinstance(error, _Advising):
        return error.advice
    found = _NO_ATTRIBUTE.fullmatch(text_of(error)) if isinstance(error, AttributeError) else None
    if found is None:
        return None
    shown = f"tf.{found['below']}" if found["below"] else "tf"
    near = difflib.get_close_matches(
        found["name"], dir(sys.modules.get(found["module"])), n=1, cutoff=0.75
    )
    return f"did you mean {shown}.{near[0]}?" if near else None


@contextlib.contextmanager
def blame_user(function: str, code_dir: Path) -> Iterator[None]:
    """Turn what a user's function raises into a UserCodeFailedError that names its line.

    Raises:
        UserCodeFailedError: the function raised, or called sys.exit.
    """
    try:
        yield
    except JobError:
        raise
    except (Exception, SystemExit) as error:
        raise user_failure(function, error, code_dir) from error


def user_failure(function: str, error: BaseException, code_dir: Path) -> UserCodeFailedError:
    """Describe an exception as the user's: what was raised, by which function, at which line."""
    frames = user_frames(error, code_dir)
    if len(frames) > 1:
        lines = [line.rstrip() for line in "".join(traceback.format_list(frames)).split("\n")]
        extra = {"event": "user_traceback", "traceback": lines[:-1]}
        logger.error("%s raised; your lines, the last one is the nearest:", function, extra=extra)
    logger.debug("the whole traceback", exc_info=error)
    place = find_place(error, code_dir)
    what = describe(error)
    if isinstance(error, SystemExit):
        what = f"sys.exit({error.code!r})"
    where = f" at {place}" if place else ""
    return UserCodeFailedError(
        f"{function} raised {what}{where}",
        hint=advise(error)
        or (f"correct {place.file}" if place else f"look at {function} and the data it reads"),
    )
