from __future__ import annotations

import io
import json
import os
import pty
from collections.abc import Iterator
from typing import Any

import pytest

from entrypoint.console import BAR_CELLS, JsonConsole, TextConsole

TIME = "2026-01-02T03:04:05.678Z"
LOG = {"time": TIME, "level": "INFO", "event": "start", "message": "training starts"}
ERASE = "\r\x1b[K"


def progress(share: float | None = 0.5, message: str = "step 5 of 10") -> dict[str, Any]:
    return {"time": TIME, "level": "INFO", "event": "progress", "share": share, "message": message}


def printed(*records: dict[str, Any], is_terminal: bool = False, level: str = "INFO") -> str:
    """What a text console makes of these records."""
    stream = io.StringIO()
    console = TextConsole(stream, is_terminal=is_terminal, level=level)
    for record in records:
        console.print(record)
    return stream.getvalue()


class TestJson:
    def test_every_record_is_a_json_object_on_its_line(self) -> None:
        stream = io.StringIO()
        console = JsonConsole(stream)
        console.print(LOG)
        console.print(progress(message="两\nlines"))
        lines = stream.getvalue().splitlines()
        assert [json.loads(line) for line in lines] == [LOG, progress(message="两\nlines")]
        assert "两" in lines[1]

    def test_every_record_is_flushed(self) -> None:
        read, write = os.pipe()
        with os.fdopen(write, "w") as stream, os.fdopen(read) as reader:
            JsonConsole(stream).print(LOG)
            assert json.loads(reader.readline()) == LOG


class TestText:
    def test_a_record_is_time_level_and_message(self) -> None:
        assert printed(LOG) == "03:04:05 INFO    training starts\n"

    def test_what_user_code_printed_is_printed_as_it_is(self) -> None:
        record = {"time": TIME, "level": "INFO", "event": "output", "message": "  epoch 1"}
        assert printed(record) == "  epoch 1\n"

    def test_hint_and_traceback_stand_below_the_message(self) -> None:
        record = {
            **LOG,
            "level": "ERROR",
            "hint": "correct it",
            "traceback": ["Traceback:", "  File"],
            "exc_info": "ValueError:\n  x",
        }
        assert printed(record).split("\n") == [
            "03:04:05 ERROR   training starts",
            "    Traceback:",
            "      File",
            "    ValueError:",
            "      x",
            "    -> correct it",
            "",
        ]

    def test_progress_off_a_terminal_is_a_line(self) -> None:
        assert printed(progress()) == "03:04:05 INFO    step 5 of 10\n"

    def test_off_a_terminal_there_are_no_escapes(self) -> None:
        assert "\x1b" not in printed(progress(), {**LOG, "level": "ERROR"}, {**LOG, "code": 0})

    @pytest.mark.parametrize("name", ["tensorflow", "absl", "tf_keras.engine"])
    def test_what_libraries_say_below_warning_is_hidden(self, name: str) -> None:
        assert printed({**LOG, "logger": name}) == ""
        assert printed({**LOG, "logger": name, "level": "WARNING"}) != ""
        assert printed({**LOG, "logger": name}, level="DEBUG") != ""

    def test_what_native_code_says_below_warning_is_hidden(self) -> None:
        native = {**LOG, "event": "native_output"}
        assert printed(native) == ""
        assert printed({**native, "level": "WARNING"}) != ""

    def test_what_the_user_logs_is_shown(self) -> None:
        assert printed({**LOG, "logger": "model"}) != ""

    @pytest.mark.parametrize(
        "record",
        [
            {},
            {"event": "progress", "share": "half", "message": 5},
            {"event": "progress", "share": 17},
            {"event": "progress", "share": -1},
            {"event": "start", "traceback": 5, "exc_info": ["a"], "hint": {"a": 1}, "level": None},
            {"event": None, "message": None, "time": 12, "logger": None},
        ],
    )
    def test_a_record_of_the_users_own_shape_raises_nothing(self, record: dict[str, Any]) -> None:
        assert printed(record, is_terminal=True)


class TestTerminal:
    def test_progress_is_a_bar_as_long_as_its_share(self) -> None:
        for share, filled in ((0.0, 0), (0.5, BAR_CELLS // 2), (1.0, BAR_CELLS)):
            bar = "█" * filled + "░" * (BAR_CELLS - filled)
            assert printed(progress(share), is_terminal=True) == f"{ERASE}{bar} step 5 of 10"

    def test_progress_without_an_end_has_no_bar(self) -> None:
        assert printed(progress(None), is_terminal=True) == f"{ERASE}step 5 of 10"

    def test_the_bar_is_redrawn_below_every_line(self) -> None:
        bar = printed(progress(), is_terminal=True).removeprefix(ERASE)
        line = printed(LOG)
        assert printed(progress(), LOG, is_terminal=True) == f"{ERASE}{bar}{ERASE}{line}{bar}"

    def test_nothing_is_erased_before_there_is_a_bar(self) -> None:
        assert printed(LOG, is_terminal=True) == printed(LOG)

    def test_the_last_line_has_no_bar_below_it(self) -> None:
        last = {**LOG, "event": "done", "code": 0}
        assert printed(progress(), last, is_terminal=True).endswith(f"{ERASE}{printed(last)}")

    def test_a_transfer_is_a_bar_until_its_end(self) -> None:
        on, end = ({**progress(share), "event": "transfer"} for share in (0.5, 1))
        shown = printed(on, end, LOG, is_terminal=True)
        assert shown.startswith(f"{ERASE}{'█' * (BAR_CELLS // 2)}░")
        assert shown.endswith("step 5 of 10\n03:04:05 INFO    training starts\n")

    def test_a_hidden_record_leaves_the_bar_alone(self) -> None:
        hidden = {**LOG, "logger": "tensorflow"}
        assert printed(progress(), hidden, is_terminal=True) == printed(
            progress(), is_terminal=True
        )

    @pytest.mark.parametrize(("level", "colour"), [("WARNING", "\x1b[33m"), ("ERROR", "\x1b[31m")])
    def test_warnings_and_errors_have_colours(self, level: str, colour: str) -> None:
        text = printed({**LOG, "level": level}, is_terminal=True)
        assert text == f"{colour}03:04:05 {level:<7} training starts\x1b[0m\n"

    def test_the_bar_fits_on_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A bar that wraps could not be redrawn."""
        monkeypatch.setenv("COLUMNS", "40")
        text = printed(progress(message="x" * 200), is_terminal=True)
        assert len(text.removeprefix(ERASE)) == 39


class TestBrokenStream:
    @pytest.fixture
    def stream(self) -> Iterator[io.TextIOBase]:
        """A stream whose reader has gone away."""
        read, write = os.pipe()
        os.close(read)
        stream = os.fdopen(write, "w", encoding="utf-8")
        yield stream
        with pytest.raises(BrokenPipeError):
            stream.close()

    @pytest.mark.parametrize("kind", [JsonConsole, lambda s: TextConsole(s, is_terminal=True)])
    def test_it_raises_nothing(self, kind: Any, stream: io.TextIOBase) -> None:
        console = kind(stream)
        console.print(LOG)
        console.print(progress())

    def test_a_closed_stream_raises_nothing(self) -> None:
        stream = io.StringIO()
        console = JsonConsole(stream)
        stream.close()
        console.print(LOG)
        console.print(LOG)


def test_a_pseudo_terminal_shows_the_bar_again_after_a_line() -> None:
    main, terminal = pty.openpty()
    with os.fdopen(terminal, "w", encoding="utf-8") as stream:
        console = TextConsole(stream, is_terminal=stream.isatty())
        console.print(progress())
        console.print(LOG)
        console.print({**LOG, "event": "done", "code": 0, "message": "done"})
        shown = b""
        while not shown.endswith(b"done\r\n"):
            shown += os.read(main, 10_000)
    os.close(main)
    screen = [line.rpartition(ERASE)[2] for line in shown.decode().split("\r\n")]
    assert screen == ["03:04:05 INFO    training starts", "03:04:05 INFO    done", ""]
    assert shown.count(b"step 5 of 10") == 2
