"""A process that the supervisor forks, and the two pipes through which it speaks."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from entrypoint import logs, outcome
from entrypoint.outcome import Outcome
from entrypoint.signals import STOP_SIGNALS, StopRequest, record_stop_signals

# A longer line is printed in pieces of this many bytes, so that memory stays bounded.
MAX_LINE_BYTES = 64 * 1024
# A record in pieces is no record, and the process that logs it holds it in memory anyway.
MAX_RECORD_BYTES = 4 * 1024 * 1024
# More than a pipe holds (64 KiB on Linux).
READ_BYTES = 256 * 1024
_PR_SET_PDEATHSIG = 1

# Writes a line to the supervisor.
Say = Callable[[str], object]
# What a child runs; it returns what to say last, or raises.
Work = Callable[[StopRequest, Say], str]


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
class Pipe:
    """The supervisor's end of a pipe from a child.

    Attributes:
        descriptor: what is read.
        print_line: is given each line.
    """

    descriptor: int
    print_line: Callable[[str], None]
    lines: _Lines

    def pump(self) -> bool:
        """Print what can be read now; False once the other end is closed."""
        try:
            data = os.read(self.descriptor, READ_BYTES)
        except BlockingIOError:
            return True
        for line in self.lines.feed(data):
            self.print_line(line)
        return bool(data)

    def finish(self) -> None:
        """Print what is left, which one read takes whole, and close.

        A grandchild may hold the other end open and go on writing for ever, so nothing is read
        after that.
        """
        self.pump()
        for line in self.lines.finish():
            self.print_line(line)
        os.close(self.descriptor)


@dataclass
class Child:
    """A child process of the supervisor.

    Attributes:
        id: its process id.
        bound: the fields of every record of its log.
        pipes: what it logs and what it prints.
        status: its wait status once it has ended.
        announced: how it says that it ends.
    """

    id: int
    bound: Mapping[str, Any]
    pipes: list[Pipe] = field(default_factory=list)
    status: int | None = None
    announced: Outcome | None = None

    @property
    def outcome(self) -> Outcome:
        """How it has ended: as it announced, if that agrees with what the kernel says."""
        if self.status is None:
            raise ValueError(f"process {self.id} has not ended")
        if self.announced and os.waitstatus_to_exitcode(self.status) == self.announced.code:
            return self.announced
        return outcome.conclude_death(self.status)

    def send(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.id, number)


def fork(
    work: Work,
    *,
    log_level: str,
    bound: Mapping[str, Any],
    obeys_signals: bool,
    closes: Iterable[int],
) -> tuple[int, int, int]:
    """Fork a child that runs `work` and ends with the code of its outcome.

    Args:
        work: what it runs.
        log_level: the least level that it logs.
        bound: the fields of every record of its log.
        obeys_signals: whether stop signals reach its stop request; they are ignored otherwise.
        closes: the supervisor's descriptors that are none of its business.

    Returns:
        Its process id, and the descriptors from which to read its log and its output.
    """
    records_read, records_write = os.pipe()
    output_read, output_write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    supervisor_id = os.getpid()
    child_id = os.fork()
    if child_id == 0:
        for descriptor in (records_read, output_read, *closes):
            os.close(descriptor)
        die_with(supervisor_id)
        _run(work, log_level, bound, records_write, output_write, obeys_signals=obeys_signals)
    os.close(records_write)
    os.close(output_write)
    for descriptor in (records_read, output_read):
        os.set_blocking(descriptor, False)
    return child_id, records_read, output_read


def pipes_of(
    records: int,
    output: int,
    print_record: Callable[[str], None],
    print_line: Callable[[str], None],
) -> list[Pipe]:
    """Return the supervisor's ends of a child's two pipes."""
    return [
        Pipe(output, print_line, _Lines()),
        Pipe(records, print_record, _Lines(MAX_RECORD_BYTES)),
    ]


def _run(
    work: Work,
    log_level: str,
    bound: Mapping[str, Any],
    records: int,
    output: int,
    *,
    obeys_signals: bool,
) -> NoReturn:
    """Be the child; never returns into the supervisor's code."""
    code = outcome.BUG_CODE
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        stream = os.fdopen(records, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        logs.start(stream, log_level, dict(bound))
        logs.log_uncaught_in_threads()
        with record_stop_signals() as stop:
            if not obeys_signals:
                for number in STOP_SIGNALS:
                    signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            try:
                ended = Outcome(code=0, message=work(stop, stream.write))
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


def die_with(parent_id: int) -> None:
    """Ask Linux to kill this process when its parent is killed, so that no job runs unseen."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_id:
        os._exit(outcome.BUG_CODE)  # killed before it could be asked for
