from __future__ import annotations

import errno
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from entrypoint import outcome
from entrypoint.errors import DatasetError, ParametersError, StoppedError
from entrypoint.outcome import (
    FAILURE_CHARACTERS,
    Outcome,
    announce,
    conclude,
    conclude_death,
    out_of_space,
    read_announcement,
    write_failure,
)

FAILED = Outcome(code=11, message="no dataset", hint="mount it")


@pytest.fixture(autouse=True)
def termination_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Kubernetes' file, where this test looks for it; absent unless the test makes it."""
    file = tmp_path / "termination-log"
    monkeypatch.setattr(outcome, "TERMINATION_LOG", file)
    return file


class TestConclude:
    def test_a_typed_error_has_its_code_message_and_hint(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        error = DatasetError("no dataset", hint="mount it")
        assert conclude(error) == FAILED
        assert caplog.records == [], "the last line says it all"

    def test_any_other_error_is_a_bug_of_ours_with_a_traceback(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        ended = conclude(ZeroDivisionError("by zero"))
        assert (ended.code, ended.message) == (1, "ZeroDivisionError: by zero")
        assert "report it" in ended.hint
        (record,) = caplog.records
        assert record.levelno == logging.ERROR
        assert vars(record)["traceback"] == ["ZeroDivisionError: by zero"]

    def test_sys_exit_somewhere_is_a_bug_of_ours_whatever_its_code(self) -> None:
        assert conclude(SystemExit(0)).code == 1

    def test_an_error_that_cannot_be_printed_is_told_all_the_same(self) -> None:
        class UnprintableError(Exception):
            def __str__(self) -> str:
                raise ValueError("mine")

        assert conclude(UnprintableError()).message == (
            "UnprintableError: (its __str__ raised ValueError)"
        )

    def test_a_message_with_a_whole_graph_in_it_is_cut(self) -> None:
        assert len(conclude(RuntimeError("x" * 100_000)).message) == 4096

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
    def test_a_full_disk_is_the_platforms_failure(self, number: int, tmp_path: Path) -> None:
        file = tmp_path / "not" / "yet" / "there"
        ended = conclude(OSError(number, "full", str(file)))
        assert ended.code == 138
        assert ended.message.startswith(f"no space left while writing {file}: ")
        assert ended.message.endswith(" MiB are free now")

    def test_a_full_disk_is_described_without_knowing_the_file(self) -> None:
        assert out_of_space(None).message.startswith("no space left while writing a file: ")


class TestDeath:
    @staticmethod
    def death_of(code: str) -> Outcome:
        """How the death of a process that runs this code is described."""
        process = subprocess.Popen([sys.executable, "-c", f"import os; {code}"])
        _, status = os.waitpid(process.pid, 0)
        process.returncode = 0
        return conclude_death(status)

    def test_sigkill_is_the_platforms_failure_and_speaks_of_memory(self) -> None:
        ended = self.death_of("os.kill(os.getpid(), 9)")
        assert ended.code == 138
        assert "memory" in ended.message

    def test_a_crash_in_native_code_is_named_by_its_signal(self) -> None:
        ended = self.death_of("os.kill(os.getpid(), 11)")
        assert ended.code == 21
        assert ended.message == "the job's process crashed with SIGSEGV in native code"

    def test_a_signal_without_a_name_has_its_number(self) -> None:
        number = signal.SIGRTMIN + 1
        ended = self.death_of(f"os.kill(os.getpid(), {number})")
        assert ended.message == f"the job's process crashed with signal {number} in native code"

    @pytest.mark.parametrize("code", [0, 7])
    def test_an_exit_in_the_middle_is_the_users(self, code: int) -> None:
        ended = self.death_of(f"os._exit({code})")
        assert ended.code == 21
        assert f"exit code {code} in the middle of the job" in ended.message
        assert "os._exit" in ended.hint


class TestLastLine:
    @pytest.mark.parametrize(
        ("code", "event"),
        [
            (0, "done"),
            (1, "error"),
            (10, "error"),
            (138, "error"),
            (143, "stopped"),
            (130, "stopped"),
        ],
    )
    def test_it_has_the_event_of_its_code(self, code: int, event: str) -> None:
        fields = Outcome(code=code, message="m", hint="h").fields
        assert (fields["event"], fields["code"]) == (event, code)
        assert ("hint" in fields) is (code != 0)


class TestAnnouncement:
    def test_it_is_one_line_that_reads_back(self) -> None:
        announced = Outcome(code=21, message="two\nlines \udc80 名", hint="h")
        line = announce(announced)
        assert line.count("\n") == 1
        assert read_announcement(json.loads(line)) == announced

    @pytest.mark.parametrize(
        "record",
        [
            {},
            {"event": "error", "code": 5, "message": "the user's own"},
            {"time": "t", "outcome": {"code": 0, "message": "m", "hint": ""}},
        ],
    )
    def test_no_log_record_is_taken_for_one(self, record: dict[str, object]) -> None:
        assert read_announcement(record) is None


class TestFailureFile:
    def test_it_says_what_how_to_mend_it_and_the_code(self, tmp_path: Path) -> None:
        write_failure(FAILED, tmp_path / "output" / "failure")
        text = (tmp_path / "output" / "failure").read_text(encoding="utf-8")
        assert text == "no dataset\nmount it (exit code 11)"

    def test_it_is_at_most_1024_characters_with_the_first_words_kept(self, tmp_path: Path) -> None:
        error = ParametersError("名字 is wrong; " + "x" * 5000, hint="h")
        write_failure(conclude(error), tmp_path / "failure")
        text = (tmp_path / "failure").read_text(encoding="utf-8")
        assert len(text) == FAILURE_CHARACTERS == 1024
        assert text.startswith("名字 is wrong; ")

    def test_secrets_are_masked(self, tmp_path: Path) -> None:
        ended = Outcome(code=21, message="password=hunter2", hint="s3://u:hunter2@h")
        write_failure(ended, tmp_path / "failure")
        assert "hunter2" not in (tmp_path / "failure").read_text()

    def test_a_message_that_is_no_text_is_written_all_the_same(self, tmp_path: Path) -> None:
        write_failure(
            Outcome(code=11, message="cannot read \udc80", hint="h"), tmp_path / "failure"
        )
        assert (tmp_path / "failure").read_text().startswith("cannot read ?")

    def test_success_removes_the_failure_of_an_earlier_attempt(self, tmp_path: Path) -> None:
        write_failure(FAILED, tmp_path / "failure")
        write_failure(Outcome(code=0, message="done"), tmp_path / "failure")
        assert not (tmp_path / "failure").exists()

    def test_success_without_an_output_directory_raises_nothing(self, tmp_path: Path) -> None:
        write_failure(Outcome(code=0, message="done"), tmp_path / "absent" / "failure")

    def test_a_stop_is_written_too(self, tmp_path: Path) -> None:
        stop = StoppedError("stopped at step 5", hint="go on", signal_number=signal.SIGTERM)
        write_failure(conclude(stop), tmp_path / "failure")
        assert (tmp_path / "failure").read_text().endswith("(exit code 143)")

    def test_kubernetes_gets_it_where_its_file_is(
        self, tmp_path: Path, termination_log: Path
    ) -> None:
        termination_log.touch()
        write_failure(FAILED, tmp_path / "failure")
        assert termination_log.read_text() == (tmp_path / "failure").read_text()

    def test_kubernetes_file_is_not_made_where_there_is_none(
        self, tmp_path: Path, termination_log: Path
    ) -> None:
        write_failure(FAILED, tmp_path / "failure")
        assert not termination_log.exists()

    def test_kubernetes_gets_it_even_where_the_output_cannot_be_written(
        self, tmp_path: Path, termination_log: Path
    ) -> None:
        termination_log.touch()
        (tmp_path / "output").write_text("a file, no directory")
        with pytest.raises(OSError, match="File exists"):
            write_failure(FAILED, tmp_path / "output" / "failure")
        assert termination_log.read_text().startswith("no dataset")
