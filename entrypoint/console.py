"""Print the job's records: JSON lines for collectors, or a readable form for people."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any, Protocol, TextIO

BAR_CELLS = 24
# What libraries say at INFO repeats what the job's own events say better.
_QUIET_BELOW_WARNING = {"tensorflow", "absl", "tf_keras"}
_COLOURS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31m"}
_RESET = "\x1b[0m"


class _Output:
    """A stream that may go away: a job does not die of a log collector that did."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream

    def write(self, text: str) -> None:
        """Write and flush, and write nothing more once that has failed."""
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None


class Console(Protocol):
    """Prints records one after the other."""

    def print(self, record: Mapping[str, Any]) -> None:
        """Print one record."""


class JsonConsole:
    """One JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._output = _Output(stream)

    def print(self, record: Mapping[str, Any]) -> None:
        """Print the record as it is."""
        self._output.write(json.dumps(record, ensure_ascii=False) + "\n")


class TextConsole:
    """Time, level and message; on a terminal also colours and a progress bar.

    Args:
        stream: where to print.
        is_terminal: whether the stream understands cursor movement and colours.
        level: with "DEBUG", what libraries say at INFO is printed too.
    """

    def __init__(self, stream: TextIO, *, is_terminal: bool, level: str = "INFO") -> None:
        self._output = _Output(stream)
        self._is_terminal = is_terminal
        self._shows_libraries = level == "DEBUG"
        self._bar = ""

    def print(self, record: Mapping[str, Any]) -> None:
        """Print the record above the progress bar, or as the bar if it is progress."""
        if self._is_terminal and _is_under_way(record):
            self._bar = self._draw_bar(record)
            self._output.write(f"\r\x1b[K{self._bar}")
        elif self._is_shown(record):
            erase = "\r\x1b[K" if self._bar else ""
            # The last line has no bar under it, nor has the end of a transfer: nothing moves.
            is_end = "code" in record or record.get("event") == "transfer"
            self._bar = "" if is_end else self._bar
            self._output.write(f"{erase}{self._format(record)}\n{self._bar}")

    def _is_shown(self, record: Mapping[str, Any]) -> bool:
        is_library = str(record.get("logger", "")).split(".")[0] in _QUIET_BELOW_WARNING
        is_quiet = is_library or record.get("event") == "native_output"
        return self._shows_libraries or not is_quiet or record.get("level") not in ("INFO", "DEBUG")

    def _format(self, record: Mapping[str, Any]) -> str:
        level = str(record.get("level", "INFO"))
        message = str(record.get("message", ""))
        details = [*_as_lines(record.get("traceback")), *_as_lines(record.get("exc_info"))]
        if record.get("hint"):
            details.append(f"-> {record['hint']}")
        text = "\n".join([message, *(f"    {line}" for line in details)])
        if record.get("event") == "output":
            return text
        line = f"{str(record.get('time', ''))[11:19]} {level:<7} {text}"
        if self._is_terminal and level in _COLOURS:
            return f"{_COLOURS[level]}{line}{_RESET}"
        return line

    def _draw_bar(self, record: Mapping[str, Any]) -> str:
        share = record.get("share")
        bar = ""
        if isinstance(share, int | float):
            filled = round(min(max(share, 0), 1) * BAR_CELLS)
            bar = "█" * filled + "░" * (BAR_CELLS - filled) + " "
        width = shutil.get_terminal_size().columns - 1
        return f"{bar}{record.get('message', '')}"[:width]


def _is_under_way(record: Mapping[str, Any]) -> bool:
    """Tell whether a record is shown as a bar until the next one comes."""
    event = record.get("event")
    return event == "progress" or (event == "transfer" and record.get("share") != 1)


def _as_lines(text: Any) -> list[str]:
    if isinstance(text, list):
        return [str(line) for line in text]
    return str(text).split("\n") if text else []
