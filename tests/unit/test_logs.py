from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from entrypoint import logs

logger = logging.getLogger("entrypoint.somewhere")
BOUND = {"job": "mnist", "task": "chief"}


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log goes; this process's own logging is as before afterwards."""
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    excepthook = threading.excepthook
    stream = io.StringIO()
    logs.start(stream, "INFO", BOUND)
    yield stream
    logging.captureWarnings(capture=False)
    root.handlers[:], logging.raiseExceptions = handlers, raises
    root.setLevel(level)
    threading.excepthook = excepthook


def records(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def record(stream: io.StringIO) -> dict[str, Any]:
    """The one record in the log."""
    (only,) = records(stream)
    return only


def test_every_record_begins_with_the_same_fields_in_order(stream: io.StringIO) -> None:
    logger.info("at %d", 5, extra={"loss": 0.5, "global_step": 5, "event": "progress"})
    assert list(record(stream)) == [
        "time",
        "level",
        "event",
        "job",
        "task",
        "global_step",
        "message",
        "loss",
        "logger",
    ]


def test_a_record_has_its_values(stream: io.StringIO) -> None:
    logger.warning("at %d", 5, extra={"event": "progress", "global_step": 5})
    found = record(stream)
    assert found.pop("time")
    assert found == {
        "level": "WARNING",
        "event": "progress",
        "job": "mnist",
        "task": "chief",
        "global_step": 5,
        "message": "at 5",
        "logger": "entrypoint.somewhere",
    }


def test_time_is_utc_with_milliseconds(stream: io.StringIO) -> None:
    assert logs.format_time(0) == "1970-01-01T00:00:00.000Z"
    assert logs.format_time(1700000000.1234) == "2023-11-14T22:13:20.123Z"
    logger.info("now")
    assert len(record(stream)["time"]) == len("1970-01-01T00:00:00.000Z")


def test_a_library_names_the_event_of_its_records(stream: io.StringIO) -> None:
    logging.getLogger("absl.flags").warning("look")
    assert record(stream)["event"] == "absl"


def test_a_record_is_one_line_whatever_it_says(stream: io.StringIO) -> None:
    logger.info("first\nsecond\r\n名")
    assert stream.getvalue().count("\n") == 1
    assert record(stream)["message"] == "first\nsecond\r\n名"
    assert "名" in stream.getvalue(), "readable as it is"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("-inf")])
def test_what_json_has_no_number_for_becomes_text(value: float, stream: io.StringIO) -> None:
    logger.info("loss", extra={"loss": value, "nested": [{"loss": value}]})
    assert record(stream)["loss"] == str(float(value))
    assert record(stream)["nested"] == [{"loss": str(float(value))}]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(2**40), 2**40),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.str_("a"), "a"),
        ((1, 2), [1, 2]),
        ({1}, [1]),
        ({1: {2: None}}, {"1": {"2": None}}),
        (b"bytes", "b'bytes'"),
        (ValueError("x"), "x"),
        ("text", "text"),
        (True, True),
    ],
    ids=repr,
)
def test_values_become_what_json_can_hold(value: Any, expected: Any) -> None:
    found = logs.to_json(value)
    assert found == expected
    assert json.loads(json.dumps(found)) == expected


def test_secrets_are_masked_in_messages_and_fields(stream: io.StringIO) -> None:
    logger.info(
        "password=%s", "hunter2", extra={"token": "hunter2", "own": {"api_key": "hunter2", "a": 1}}
    )
    found = record(stream)
    assert "hunter2" not in stream.getvalue()
    assert found["message"] == "password=***"
    assert found["own"] == {"api_key": "***", "a": 1}


def test_secrets_are_masked_in_tracebacks(stream: io.StringIO) -> None:
    try:
        raise ValueError("password=hunter2hunter2")
    except ValueError:
        logger.exception("failed")
    assert "ValueError: password=***" in record(stream)["exc_info"]


def test_the_level_hides_what_is_below_it(stream: io.StringIO) -> None:
    logger.debug("hidden")
    logger.info("shown")
    assert [found["message"] for found in records(stream)] == ["shown"]


def test_chatty_libraries_are_heard_from_warning_on(stream: io.StringIO) -> None:
    logging.getLogger("urllib3.connectionpool").info("hidden")
    logging.getLogger("urllib3.connectionpool").warning("shown")
    assert [found["message"] for found in records(stream)] == ["shown"]


def test_warnings_are_records(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # Entering the block above has put Python's own way of showing them back.
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old name", FutureWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    assert (record(stream)["level"], record(stream)["event"]) == ("WARNING", "py")
    assert "FutureWarning: old name" in record(stream)["message"]


def test_tensorflows_own_handlers_are_replaced(stream: io.StringIO) -> None:
    library = logging.getLogger("tensorflow")
    own = io.StringIO()
    library.addHandler(logging.StreamHandler(own))
    library.propagate = False
    logs.adopt_tensorflow("INFO")
    library.info("Saving checkpoints")
    library.setLevel(logging.NOTSET)
    assert own.getvalue() == ""
    assert (record(stream)["event"], record(stream)["message"]) == (
        "tensorflow",
        "Saving checkpoints",
    )


def test_an_exception_that_ends_a_thread_is_one_record(stream: io.StringIO) -> None:
    logs.log_uncaught_in_threads()

    def fail() -> None:
        raise ValueError("in the thread")

    thread = threading.Thread(target=fail, name="reader")
    thread.start()
    thread.join()
    found = record(stream)
    assert (found["level"], found["message"]) == ("ERROR", "reader ended with an exception")
    assert "ValueError: in the thread" in found["exc_info"]


def test_a_value_that_holds_itself_is_cut_off(stream: io.StringIO) -> None:
    circular: dict[str, Any] = {"a": 1}
    circular["again"] = [circular, circular]
    logger.info("here", extra={"circular": circular, "twice": [[1]] * 2})
    assert record(stream)["circular"] == {"a": 1, "again": ["…", "…"]}
    assert record(stream)["twice"] == [[1], [1]]


def test_a_value_nested_very_deeply_is_cut_off(stream: io.StringIO) -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    logger.info("here", extra={"deep": deep})
    assert "…" in stream.getvalue()


def test_a_record_that_cannot_be_formatted_raises_nothing(stream: io.StringIO) -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise ValueError("mine")

    logger.info("lost", extra={"value": Unprintable()})
    logger.info("next")
    assert [found["message"] for found in records(stream)] == ["next"]


def test_a_traceback_is_formatted_as_lines_with_its_cause() -> None:
    try:
        try:
            raise KeyError("cause")
        except KeyError as error:
            raise ValueError("two\nlines") from error
    except ValueError as error:
        lines = logs.format_traceback(error)
    assert lines[-2:] == ["ValueError: two", "lines"]
    assert "KeyError: 'cause'" in lines
    assert any(__file__ in line for line in lines)
    assert not any("\n" in line for line in lines)


def test_streams_that_user_code_broke_are_flushed_without_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(io.StringIO):
        def flush(self) -> None:
            raise RuntimeError("mine")

    working = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Broken())
    monkeypatch.setattr(sys, "stderr", working)
    logs.flush_standard_streams()
    monkeypatch.setattr(sys, "stdout", None)
    logs.flush_standard_streams()
