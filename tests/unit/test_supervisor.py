"""The supervisor on real processes: however the job ends, the last line says how."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from pathlib import Path

import pytest

from tests.unit.supervised import finished, running, start

# Waits for the stop request without sleeping longer than it takes to arrive.
WAIT_FOR_STOP = """
logging.info("ready")
while stop.signal_number is None:
    signal.pause()
stop.raise_if_requested("waiting")
"""


class TestEnd:
    """How the job ends, what the last line says, and the exit code."""

    def test_what_the_job_returns_is_the_last_line(self, tmp_path: Path) -> None:
        job = finished("return 'trained to step 5'", tmp_path)
        assert job.code == 0
        last = dict(job.last)
        assert last.pop("time")
        assert last == {
            "level": "INFO",
            "event": "done",
            "job": "job",
            "task": "chief",
            "message": "trained to step 5",
            "code": 0,
        }

    def test_a_typed_error_ends_with_its_code_message_and_hint(self, tmp_path: Path) -> None:
        job = finished("raise errors.ExportError('no space', hint='mount one')", tmp_path)
        assert job.code == 40
        assert (job.last["event"], job.last["code"]) == ("error", 40)
        assert (job.last["message"], job.last["hint"]) == ("no space", "mount one")
        text = (tmp_path / "output" / "failure").read_text()
        assert text == "no space\nmount one (exit code 40)"

    def test_an_untyped_error_is_a_bug_with_its_traceback(self, tmp_path: Path) -> None:
        job = finished("1 / 0", tmp_path)
        assert job.code == 1
        assert job.event("traceback")["traceback"][-1] == "ZeroDivisionError: division by zero"
        assert job.last["message"] == "ZeroDivisionError: division by zero"

    @pytest.mark.parametrize("code", [0, 5])
    def test_sys_exit_is_no_way_to_end(self, code: int, tmp_path: Path) -> None:
        job = finished(f"sys.exit({code})", tmp_path)
        assert (job.code, job.last["message"]) == (1, f"SystemExit: {code}")

    @pytest.mark.parametrize("code", [0, 7])
    def test_os_exit_is_never_a_success(self, code: int, tmp_path: Path) -> None:
        job = finished(f"os._exit({code})", tmp_path)
        assert job.code == job.last["code"] == 21
        assert f"exit code {code} in the middle" in job.last["message"]

    def test_a_crash_in_native_code_is_named(self, tmp_path: Path) -> None:
        job = finished("print('before'); os.abort()", tmp_path)
        assert job.code == job.last["code"] == 21
        assert "SIGABRT" in job.last["message"]
        assert job.records[0]["message"] == "before"

    def test_being_killed_speaks_of_memory_and_may_be_retried(self, tmp_path: Path) -> None:
        job = finished("os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
        assert job.code == job.last["code"] == 138
        assert "memory" in job.last["message"]
        assert (tmp_path / "output" / "failure").read_text() == (
            f"{job.last['message']}\n{job.last['hint']} (exit code 138)"
        )

    def test_a_signal_without_a_name_is_told_by_its_number(self, tmp_path: Path) -> None:
        job = finished("os.kill(os.getpid(), signal.SIGRTMIN + 1)", tmp_path)
        assert job.code == 21
        assert f"signal {signal.SIGRTMIN + 1}" in job.last["message"]

    def test_a_thread_left_over_keeps_no_job_alive(self, tmp_path: Path) -> None:
        job = finished("threading.Thread(target=threading.Event().wait).start()", tmp_path)
        assert (job.code, job.last["event"]) == (0, "done")

    @pytest.mark.parametrize("level", ["WARNING", "ERROR"])
    def test_the_last_line_comes_at_every_log_level(self, level: str, tmp_path: Path) -> None:
        job = finished("logging.info('hidden')", tmp_path, level=level)
        assert [record["event"] for record in job.records] == ["done"]

    @pytest.mark.parametrize(
        "statement",
        [
            "logging.disable(logging.CRITICAL)",
            "logging.getLogger().handlers.clear()",
            "logging.getLogger().setLevel(logging.CRITICAL)",
            "import logging.config as c; c.dictConfig({'version': 1})",
            "sys.stdout.close(); sys.stderr.close()",
            "sys.stdout = sys.stderr = None",
            "class S:\n  def flush(self): raise RuntimeError\nsys.stdout = S()",
            "os.close(1); os.close(2)",
            "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
            "signal.signal(signal.SIGTERM, signal.SIG_DFL)",
            "import atexit; atexit.register(os._exit, 9)",
        ],
        ids=lambda statement: statement[:40],
    )
    def test_nothing_that_user_code_does_to_its_process_hides_a_success(
        self, statement: str, tmp_path: Path
    ) -> None:
        job = finished(f"{statement}\nreturn 'trained'", tmp_path)
        assert (job.code, job.last["event"], job.last["message"]) == (0, "done", "trained")

    def test_a_crash_at_the_very_end_is_no_success(self, tmp_path: Path) -> None:
        job = finished("class S:\n  def flush(self): os.abort()\nsys.stdout = S()", tmp_path)
        assert job.code == job.last["code"] == 21

    def test_a_record_that_looks_like_an_end_is_none(self, tmp_path: Path) -> None:
        body = "logging.error('mine', extra={'event': 'error', 'code': 'E17', 'hint': 5})"
        job = finished(body, tmp_path)
        assert job.event("error")["code"] == "E17"
        assert job.last["event"] == "done"

    def test_a_message_of_any_length_is_told(self, tmp_path: Path) -> None:
        job = finished("raise ValueError('x' * 1_000_000)", tmp_path)
        assert job.code == 1
        assert job.last["message"].startswith("ValueError: xxx")

    def test_secrets_in_the_end_are_masked_everywhere(self, tmp_path: Path) -> None:
        body = "raise errors.ExportError('s3://u:hunter2@h', hint='password=hunter2')"
        job = finished(body, tmp_path)
        assert "hunter2" not in job.output
        assert "hunter2" not in (tmp_path / "output" / "failure").read_text()

    def test_success_removes_the_failure_of_an_earlier_attempt(self, tmp_path: Path) -> None:
        finished("1 / 0", tmp_path)
        assert (tmp_path / "output" / "failure").exists()
        finished("return 'trained'", tmp_path)
        assert not (tmp_path / "output" / "failure").exists()

    def test_a_failure_file_that_cannot_be_written_is_a_warning_before_the_last_line(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "output").write_text("a file, no directory")
        job = finished("raise errors.ExportError('m', hint='h')", tmp_path)
        assert job.code == 40
        assert [record["level"] for record in job.records] == ["WARNING", "ERROR"]
        assert job.records[0]["message"].startswith(f"cannot write {tmp_path}/output/failure: ")


class TestOutput:
    """What is printed becomes records."""

    def test_what_user_code_prints_is_a_record_a_line(self, tmp_path: Path) -> None:
        body = r"print('one\r\n\n  two'); print('three', file=sys.stderr); print('four', end='')"
        job = finished(body, tmp_path)
        assert {record["level"] for record in job.events("output")} == {"INFO"}
        found = [record["message"] for record in job.events("output")]
        assert found == ["one", "  two", "three", "four"]

    @pytest.mark.parametrize(
        ("line", "level", "message"),
        [
            ("I0000 00:00:1700000000.123456 42 gpu_device.cc:10] found", "INFO", "found"),
            ("E0000 00:00:1700000000.123456 42 cuda_dnn.cc:1] bad", "ERROR", "bad"),
            ("F0102 03:04:05.678901 42 logging.cc:9] end", "CRITICAL", "end"),
            (
                "2026-01-02 03:04:05.678901: W tensorflow/x.cc:5] low",
                "WARNING",
                "tensorflow/x.cc:5] low",
            ),
            (
                "W0000 00:00:1700000000.123456 42 local_rendezvous.cc:407] Local rendezvous is"
                " aborting with status: CANCELLED: Queue is already closed.",
                "INFO",
                "Local rendezvous is aborting with status: CANCELLED: Queue is already closed.",
            ),
            (
                "2026-01-02 03:04:05.678901: E tensorflow/x.cc:5] oneDNN supports DT_INT32 only on"
                " platforms with AVX-512. Falling back to the default Eigen-based one.",
                "INFO",
                "tensorflow/x.cc:5] oneDNN supports DT_INT32 only on platforms with AVX-512."
                " Falling back to the default Eigen-based one.",
            ),
            ("\t [[{{node queue_Close}}]]", "INFO", "[[{{node queue_Close}}]]"),
            ("WARNING: All log messages before absl::InitializeLog() is called", "INFO", None),
        ],
    )
    def test_what_native_code_prints_has_its_level(
        self, line: str, level: str, message: str | None, tmp_path: Path
    ) -> None:
        record = finished(f"os.write(2, {line!r}.encode() + b'\\n')", tmp_path).records[0]
        assert (record["event"], record["level"]) == ("native_output", level)
        assert record["message"] == (message or line)

    def test_a_subprocess_prints_into_the_log_too(self, tmp_path: Path) -> None:
        job = finished("subprocess.run(['echo', 'from below'], check=True)", tmp_path)
        assert job.event("output")["message"] == "from below"

    def test_secrets_that_are_printed_are_masked(self, tmp_path: Path) -> None:
        job = finished("print('password=hunter2')", tmp_path)
        assert job.event("output")["message"] == "password=***"

    def test_bytes_that_are_no_text_are_replaced(self, tmp_path: Path) -> None:
        job = finished(r"os.write(1, b'a\xffb\n')", tmp_path)
        assert job.event("output")["message"] == "a\ufffdb"

    def test_a_line_without_end_is_printed_in_pieces(self, tmp_path: Path) -> None:
        job = finished("print('x' * 1_000_000)", tmp_path)
        pieces = [record["message"] for record in job.events("output")]
        assert "".join(pieces) == "x" * 1_000_000
        assert len(pieces) > 1

    def test_a_long_record_stays_one_record(self, tmp_path: Path) -> None:
        job = finished("logging.info('long', extra={'own': 'x' * 1_000_000})", tmp_path)
        assert len(job.event("root")["own"]) == 1_000_000

    def test_much_output_arrives_whole_and_before_the_last_line(self, tmp_path: Path) -> None:
        job = finished("for i in range(20_000): print(i)", tmp_path)
        assert [int(record["message"]) for record in job.records[:-1]] == list(range(20_000))

    def test_what_is_no_character_stops_no_log(self, tmp_path: Path) -> None:
        job = finished(r"logging.info('file \udc80'); logging.info('next')", tmp_path)
        messages = [record["message"] for record in job.records]
        assert messages == ["file \udc80", "next", "done"]

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
    def test_the_log_is_utf_8_whatever_the_locale(self, encoding: str, tmp_path: Path) -> None:
        job = finished("logging.info('数字 é')", tmp_path, PYTHONIOENCODING=encoding)
        assert [record["message"] for record in job.records] == ["数字 é", "done"]

    @pytest.mark.parametrize("line", ["5", "[1]", "null", "{}", '{"event": "done"}', "[" * 5000])
    def test_a_line_of_any_kind_on_the_records_pipe_ends_nothing(
        self, line: str, tmp_path: Path
    ) -> None:
        body = f"h = logging.getLogger().handlers[0]; h.stream.write({line!r} + '\\n')"
        job = finished(body, tmp_path)
        assert (job.code, job.last["message"]) == (0, "done")

    def test_an_exception_in_a_thread_is_one_record(self, tmp_path: Path) -> None:
        body = """
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
        """
        job = finished(body, tmp_path)
        assert "ZeroDivisionError" in job.records[0]["exc_info"]
        assert job.last["event"] == "done"


class TestReaderGone:
    def test_a_closed_reader_changes_nothing_about_the_end(self, tmp_path: Path) -> None:
        read, write = os.pipe()
        body = "for i in range(5000): print('x' * 100)\nraise errors.ExportError('m', hint='h')"
        with os.fdopen(write, "w") as stdout:
            process = start(body, tmp_path, stdout=stdout, stderr=subprocess.PIPE)
        os.read(read, 10)
        os.close(read)
        _, stderr = process.communicate(timeout=20)
        assert (process.returncode, stderr) == (40, "")
        assert (tmp_path / "output" / "failure").read_text() == "m\nh (exit code 40)"

    def test_a_reader_gone_before_the_first_line_is_no_failure(self, tmp_path: Path) -> None:
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "w") as stdout:
            process = start("print('x')", tmp_path, stdout=stdout, stderr=subprocess.PIPE)
        _, stderr = process.communicate(timeout=20)
        assert (process.returncode, stderr) == (0, "")


class TestGrandchildren:
    def test_one_that_holds_the_pipes_open_delays_nothing(self, tmp_path: Path) -> None:
        body = """
            child_id = os.fork()
            if child_id == 0:
                signal.pause()
            logging.info("left over", extra={"child_id": child_id})
        """
        # Its own standard output is the job's pipe, so this process's reader sees the end.
        job = finished(body, tmp_path)
        os.kill(job.records[0]["child_id"], signal.SIGKILL)
        assert (job.code, job.last["event"]) == (0, "done")

    def test_one_that_prints_for_ever_delays_nothing(self, tmp_path: Path) -> None:
        job = finished("subprocess.Popen(['yes'])", tmp_path)
        assert (job.code, job.last["event"]) == (0, "done")


class TestSignals:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_a_stop_is_passed_on_and_ends_with_its_code(
        self, number: int, code: int, tmp_path: Path
    ) -> None:
        job = running(WAIT_FOR_STOP, tmp_path)
        job.wait_for("root", message="ready")
        job.process.send_signal(number)
        ended = job.finish()
        assert ended.code == code
        assert (ended.last["event"], ended.last["level"]) == ("stopped", "WARNING")
        assert ended.last["message"].startswith(f"stopped by {signal.Signals(number).name} ")

    def test_a_second_stop_changes_nothing(self, tmp_path: Path) -> None:
        body = """
            logging.info("ready")
            while stop.signal_number is None:
                time.sleep(0.01)
            logging.info("saving")
            time.sleep(0.5)  # goes on after a signal was handled
            stop.raise_if_requested("saving")
        """
        job = running(body, tmp_path)
        job.wait_for("root", message="ready")
        job.process.send_signal(signal.SIGTERM)
        job.wait_for("root", message="saving")
        job.process.send_signal(signal.SIGINT)
        assert job.finish().code == 143

    def test_a_job_that_is_done_all_the_same_has_succeeded(self, tmp_path: Path) -> None:
        body = "logging.info('ready')\nwhile stop.signal_number is None: time.sleep(0.01)"
        job = running(body, tmp_path)
        job.wait_for("root", message="ready")
        job.process.send_signal(signal.SIGTERM)
        assert job.finish().code == 0

    def test_the_job_does_not_outlive_a_killed_supervisor(self, tmp_path: Path) -> None:
        job = running("logging.info('ready', extra={'id': os.getpid()})\nsignal.pause()", tmp_path)
        child_id = job.wait_for("root", message="ready")["id"]
        child = os.pidfd_open(child_id)
        job.process.kill()
        job.finish()
        ended, _, _ = select.select([child], [], [], 10)
        os.close(child)
        assert ended, "the job's process still runs"
