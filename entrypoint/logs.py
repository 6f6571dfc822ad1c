"""The job's log: one JSON object a record, with the same fields in every one.

Records leave this process through a pipe to the supervisor, which prints them as they are or in
the readable form (see `console`).
"""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import datetime, timezone
from types import TracebackType
from typing import Any, TextIO

from pythonjsonlogger.json import JsonFormatter

from entrypoint.redaction import redact_value

# Every record begins with these, in this order.
LEADING_FIELDS = ("time", "level", "event", "job", "task", "global_step", "message")

# Values nested deeper than this are cut off in the log.
MAX_DEPTH = 50


def format_time(seconds: float) -> str:
    """Format seconds since the epoch as RFC 3339 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_json(value: Any, *, inside: tuple[int, ...] = ()) -> Any:
    """Turn a value into what JSON can hold; NaN and the infinities become text.

    Args:
        value: anything.
        inside: the identities of what holds the value; what holds itself is cut off as "…".
    """
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if id(value) in inside or len(inside) > MAX_DEPTH:
            return "…"
        inside = (*inside, id(value))
        if isinstance(value, Mapping):
            return {str(key): to_json(item, inside=inside) for key, item in value.items()}
        return [to_json(item, inside=inside) for item in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return to_json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, str | int) else str(value)


class RecordFormatter(JsonFormatter):
    """Formats log records as the job's JSON lines, secrets masked.

    Args:
        bound: fields that every record carries, such as the job's name.
    """

    def __init__(self, bound: Mapping[str, Any]) -> None:
        super().__init__("%(message)s", json_ensure_ascii=False, static_fields=dict(bound))

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Add the fields that every record has and those given as `extra`."""
        super().add_fields(log_data, record, message_dict)
        log_data["time"] = format_time(record.created)
        log_data["level"] = record.levelname
        log_data.setdefault("event", "log")
        log_data["logger"] = record.name

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Order the fields and mask secrets; JSON is made of the result."""
        ordered = {name: log_data[name] for name in LEADING_FIELDS if name in log_data}
        redacted: dict[str, Any] = redact_value(to_json({**ordered, **log_data}))
        return redacted


class _EventlessFilter(logging.Filter):
    """Names the event of records that libraries write, after the library."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "event"):
            record.event = record.name.split(".")[0]
        return True


def start(stream: TextIO, level: str, bound: Mapping[str, Any]) -> None:
    """Send all logging of this process, TensorFlow's and warnings included, to one stream.

    Args:
        stream: where the JSON lines go, line-buffered.
        level: the least level to log, a name such as "INFO".
        bound: fields that every record carries.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RecordFormatter(bound))
    handler.addFilter(_EventlessFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False
    for name in ("boto3", "botocore", "urllib3", "h5py", "numexpr"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def adopt_tensorflow(level: str) -> None:
    """Take TensorFlow's and absl's own handlers away, so that what they log goes through ours."""
    for name in ("tensorflow", "absl"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(level)


def format_traceback(error: BaseException) -> list[str]:
    """Format an exception with its causes as lines."""
    entries = traceback.format_exception(error)
    return [line for entry in entries for line in entry.rstrip("\n").split("\n")]


def log_uncaught_in_threads() -> None:
    """Make an exception that ends a thread a log record."""

    def log(args: threading.ExceptHookArgs) -> None:
        error: tuple[type[BaseException], BaseException, TracebackType | None] | None = None
        if args.exc_value is not None:
            error = (args.exc_type, args.exc_value, args.exc_traceback)
        name = args.thread.name if args.thread else "a thread"
        logging.getLogger(__name__).error("%s ended with an exception", name, exc_info=error)

    threading.excepthook = log


def flush_standard_streams() -> None:
    """Push out what user code printed; user code may have closed or replaced the streams."""
    for stream in (sys.stdout, sys.stderr):
        # What user code put there may raise anything.
        with contextlib.suppress(Exception):
            stream.flush()
