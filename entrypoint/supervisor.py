"""Run the job in a process of its own, and outlive it.

The supervisor is the process that the scheduler starts, PID 1 in a container. It imports no
TensorFlow and does four things that the job's process cannot do for itself: it passes stop signals
on and reaps orphans, it turns what native code and user code print into log records, it prints
the log, and, however the job's process dies, it ends with the right exit code, failure file and
last line.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NoReturn

from entrypoint import logs, outcome
from entrypoint.console import Console, JsonConsole, TextConsole
from entrypoint.errors import JobError
from entrypoint.outcome import Outcome
from entrypoint.redaction import redact_value
from entrypoint.settings import Settings
from entrypoint.signals import STOP_SIGNALS, StopRequest, record_stop_signals

# A longer line is printed in pieces of this many bytes, so that memory stays bounded.
MAX_LINE_BYTES = 64 * 1024
# A record in pieces is no record, and the job's process holds it in memory anyway.
MAX_RECORD_BYTES = 4 * 1024 * 1024
# More than a pipe holds (64 KiB on Linux).
READ_BYTES = 256 * 1024
_PR_SET_PDEATHSIG = 1

# How TensorFlow's C++ code begins a line: "I0000 00:00:17 1 file.cc:1] " or "2026-… I tensorflow/".
_NATIVE_LINE = re.compile(
    r"^(?:([IWEF])\d{4} \d\d:\d\d:\d+\.\d+\s+\d+ [\w./-]+:\d+\] "
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: ([IWEF]) "
    r"|(?=WARNING: All log messages before absl))"
)
# No cause for alarm: the end of an input that comes through a queue, and a processor that has no
# faster way.
_NATIVE_ROUTINE = re.compile(
    r"Local rendezvous is aborting with status: (CANCELLED|OUT_OF_RANGE)"
    r"|oneDNN supports \w+ only on platforms with AVX-512\. Falling back"
)
# A native line that goes on in the next one, where it names the node it speaks of.
_NATIVE_REST = re.compile(r"\s+\[\[\{\{node ")
_NATIVE_LEVELS = {"I": "INFO", "W": "WARNING", "E": "ERROR", "F": "CRITICAL"}

Job = Callable[[Settings, StopRequest], str]


def run(job: Job, settings: Settings) -> Outcome:
    """Run the job in a child process and return how it ended.

    Args:
        job: what the child runs; it returns what to say last, or raises.
        settings: given to the job; also says how to print the log.
    """
    return _Supervisor(settings).run(job)


def fail_early(error: JobError, settings: Settings) -> Outcome:
    """Report a job that failed before there was a process to run it in."""
    return _Supervisor(settings).end(outcome.conclude(error))


def choose_console(settings: Settings) -> Console:
    """Choose how to print: as forced, else readable on a terminal and JSON everywhere else."""
    is_terminal = sys.stdout.isatty()
    is_json = settings.log_format == "json" or (settings.log_format is None and not is_terminal)
    # Whatever the locale: JSON is UTF-8, and a character that cannot be printed stops no log.
    sys.stdout.reconfigure(  # type: ignore[union-attr]
        encoding="utf-8" if is_json else None, errors="backslashreplace"
    )
    if is_json:
        return JsonConsole(sys.stdout)
    return TextConsole(sys.stdout, is_terminal=is_terminal, level=settings.log_level)


@dataclass
class _Lines:
    """Cuts a stream of bytes into lines."""

    max_bytes: int = MAX_LINE_BYTES
    rest: bytes = b""

    def feed(self, data: bytes) -> Iterator[str]:
        *lines, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) >= self.max_bytes:
            lines.append(self.rest)
            self.rest = b""
        for line in lines:
            yield line.decode("utf-8", "replace").rstrip("\r")

    def finish(self) -> Iterator[str]:
        if self.rest:
            yield self.rest.decode("utf-8", "replace")
            self.rest = b""


@dataclass
class _Supervisor:
    settings: Settings
    console: Console = field(init=False)
    outcome_announced: Outcome | None = None
    child_id: int | None = None

    def __post_init__(self) -> None:
        self.console = choose_console(self.settings)
        self.bound = {"job": self.settings.job_name, "task": "chief"}

    def run(self, job: Job) -> Outcome:
        records_read, records_write = os.pipe()
        output_read, output_write = os.pipe()
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        with _signals_passed_on(self, wake_write):
            sys.stdout.flush()
            sys.stderr.flush()
            supervisor_id = os.getpid()
            child_id = os.fork()
            if child_id == 0:
                for descriptor in (records_read, output_read, wake_read, wake_write):
                    os.close(descriptor)
                _die_with(supervisor_id)
                _be_the_job(job, self.settings, self.bound, records_write, output_write)
            self.child_id = child_id
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            os.close(records_write)
            os.close(output_write)
            status = self._relay(records_read, output_read, wake_read)
            ended = self.outcome_announced
            if ended is None or os.waitstatus_to_exitcode(status) != ended.code:
                ended = outcome.conclude_death(status)
            self.end(ended)
        for descriptor in (records_read, output_read, wake_read, wake_write):
            os.close(descriptor)
        return ended

    def _relay(self, records: int, output: int, wake: int) -> int:
        """Print what the child logs and prints until it has ended; return its wait status."""
        lines = {output: _Lines(), records: _Lines(MAX_RECORD_BYTES)}
        printers = {output: self._print_output, records: self._print_record}
        status: int | None = None
        with selectors.DefaultSelector() as selector:
            for descriptor in (output, records, wake):
                os.set_blocking(descriptor, False)
                selector.register(descriptor, selectors.EVENT_READ)
            while status is None:
                for key, _ in selector.select():
                    if key.fd == wake:
                        _drain(wake)
                        status = _reap(self.child_id)
                    elif not self._pump(key.fd, lines[key.fd], printers[key.fd]):
                        selector.unregister(key.fd)
        # What is left in the pipes, which one read takes whole. A grandchild may hold them open and
        # go on writing for ever, so nothing is read after that.
        for descriptor in (output, records):
            self._pump(descriptor, lines[descriptor], printers[descriptor])
            for line in lines[descriptor].finish():
                printers[descriptor](line)
        return status

    def _pump(self, descriptor: int, lines: _Lines, printer: Callable[[str], None]) -> bool:
        """Print what can be read now; False once the other end is closed."""
        try:
            data = os.read(descriptor, READ_BYTES)
        except BlockingIOError:
            return True
        for line in lines.feed(data):
            printer(line)
        return bool(data)

    def _print_record(self, line: str) -> None:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            self._print_output(line)
            return
        announced = outcome.read_announcement(record)
        if announced:
            # Printed last, once the child has really ended so.
            self.outcome_announced = announced
        else:
            self.console.print(record)

    def _print_output(self, line: str) -> None:
        native = _NATIVE_LINE.match(line)
        if native:
            message = line[native.end() :]
            level = _NATIVE_LEVELS[native[1] or native[2] or "I"]
            if _NATIVE_ROUTINE.search(message):
                level = "INFO"
            self._print("native_output", level, message)
        elif _NATIVE_REST.match(line):
            self._print("native_output", "INFO", line.strip())
        elif line.strip():
            self._print("output", "INFO", line)

    def end(self, ended: Outcome) -> Outcome:
        """Say how the job ended, in the failure file and in the last line of the log."""
        file = self.settings.failure_file
        try:
            outcome.write_failure(ended, file)
        except OSError as error:
            self._print("log", "WARNING", f"cannot write {file}: {error.strerror}")
        level = {"done": "INFO", "stopped": "WARNING"}.get(ended.fields["event"], "ERROR")
        fields = dict(ended.fields)
        self._print(fields.pop("event"), level, ended.message, **fields)
        return ended

    def _print(self, event: str, level: str, message: str, **fields: Any) -> None:
        head = {"time": logs.format_time(time.time()), "level": level, "event": event, **self.bound}
        self.console.print({**head, **redact_value({"message": message, **fields})})

    def pass_on(self, number: int, _frame: FrameType | None) -> None:
        if self.child_id is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child_id, number)


@contextlib.contextmanager
def _signals_passed_on(supervisor: _Supervisor, wake: int) -> Iterator[None]:
    """Pass stop signals on to the child, and wake the relay when the child ends."""
    handlers: dict[int, Any] = dict.fromkeys(STOP_SIGNALS, supervisor.pass_on)
    handlers[signal.SIGCHLD] = lambda _number, _frame: None
    # Held back until there is a child to pass them on to; the child lets them through itself.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    previous_wake = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous_wake)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _drain(descriptor: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(descriptor, 4096):
            pass


def _reap(child_id: int | None) -> int | None:
    """Reap every process that has ended; return the wait status of the child if it is among them.

    A container's first process inherits every orphan, and nobody else reaps them.
    """
    status = None
    while True:
        try:
            ended_id, ended_status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if ended_id == 0:
            return status
        if ended_id == child_id:
            status = ended_status


def _be_the_job(
    job: Job, settings: Settings, bound: dict[str, Any], records: int, output: int
) -> NoReturn:
    """Turn the forked child into the job's process; never returns into the supervisor's code."""
    code = outcome.BUG_CODE
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        stream = os.fdopen(records, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        logs.start(stream, settings.log_level, bound)
        logs.log_uncaught_in_threads()
        with record_stop_signals() as stop:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            try:
                ended = Outcome(code=0, message=job(settings, stop))
            except BaseException as error:  # noqa: BLE001 (the one place where everything ends)
                ended = outcome.conclude(error)
            # A stop that comes now comes too late: the outcome stands.
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        stream.write(outcome.announce(ended))
        stream.flush()
        code = ended.code
    finally:
        logs.flush_standard_streams()
        # Without this a thread that user code left running would keep the process alive.
        os._exit(code)


def _die_with(supervisor_id: int) -> None:
    """Ask Linux to kill this process when the supervisor is killed, so that no job runs unseen."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor_id:
        os._exit(outcome.BUG_CODE)  # killed before it could be asked for
