"""Run the job in a process of its own, and outlive it.

The supervisor is the process that the scheduler starts, PID 1 in a container. It imports no
TensorFlow and does five things that the job's process cannot do for itself: it passes stop signals
on and reaps orphans, it turns what native code and user code print into log records, it prints
the log, it ends the job when another machine of it is lost, and, however the job's process dies,
it ends with the right exit code, failure file and last line.

It may fork more than the job's own process: two services, one that watches the other machines
(see `entrypoint.membership`) and one that moves files (see `entrypoint.storage`), and those that
the job asks for beside its own (see `entrypoint.place.Companion`).
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from entrypoint import logs, outcome
from entrypoint.children import Child, Say, Work, fork, pipes_of
from entrypoint.cluster import Cluster
from entrypoint.cluster.tasks import Role
from entrypoint.console import Console, JsonConsole, TextConsole
from entrypoint.errors import JobError, PlatformError
from entrypoint.outcome import Outcome
from entrypoint.place import Companion, Place
from entrypoint.redaction import redact_value
from entrypoint.settings import Settings
from entrypoint.signals import STOP_SIGNALS, StopRequest

# One process of the job, a parameter server and an evaluator beside it at the most.
CHANNELS = 3
# The chief's membership process takes leave of all others in 10 s, or gives up.
LEAVE_SECONDS = 15.0
# How long a job that has failed goes on publishing what is left.
FAILED_PUBLISH_SECONDS = 20.0
# How often a transfer says how far it is: for a bar, for a log.
BAR_SECONDS = 0.5
LOG_SECONDS = 10.0
# A process that was asked to stop, and has nothing to save, has ended by then.
STOP_SECONDS = 2.0
# A killed process ends at once, but for one in the middle of a call to a driver or a disk.
KILL_SECONDS = 5.0

# How TensorFlow's C++ code begins a line: "I0000 00:00:17 1 file.cc:1] " or "2026-… I tensorflow/".
_NATIVE_LINE = re.compile(
    r"^(?:([IWEF])\d{4} \d\d:\d\d:\d+\.\d+\s+\d+ [\w./-]+:\d+\] "
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: ([IWEF]) "
    r"|(?=WARNING: All log messages before absl))"
)
# No cause for alarm: the end of an input that comes through a queue, the end of a step on several
# machines, a dataset made by a generator, and a processor that has no faster way.
_NATIVE_ROUTINE = re.compile(
    r"Local rendezvous is aborting with status: (CANCELLED|OUT_OF_RANGE|ABORTED: Cleanup)"
    r"|Input of GeneratorDatasetOp::Dataset will not be optimized"
    r"|oneDNN supports \w+ only on platforms with AVX-512\. Falling back"
)
# A native line that goes on in the next one, where it names the node it speaks of.
_NATIVE_REST = re.compile(r"\s+\[\[\{\{node ")
_NATIVE_LEVELS = {"I": "INFO", "W": "WARNING", "E": "ERROR", "F": "CRITICAL"}

# The codes of a job that was asked to stop and has saved what it had.
_STOPPED = (143, 130)

_WATCHER_GONE = outcome.conclude(
    PlatformError(
        "the process that watches the other machines ended before the job",
        hint="start the same job again; it goes on from the newest checkpoint",
    )
)

_STORAGE_GONE = outcome.conclude(
    PlatformError(
        "the process that speaks with the storage ended before the job",
        hint="start the same job again; it goes on from the newest checkpoint",
    )
)

Job = Callable[[Settings, StopRequest, Place], str]
# What a service runs: it is given the channels to the job's processes, and the commands.
Serve = Callable[[Sequence[socket.socket], socket.socket], None]


def run(
    job: Job, settings: Settings, cluster: Cluster | None = None, *, joins: bool = True
) -> Outcome:
    """Run the job in a child process and return how it ended.

    Args:
        job: what the child runs; it returns what to say last, or raises.
        settings: given to the job; also says how to print the log.
        cluster: the machines that take part, where there are several.
        joins: whether the job takes part in a training: needs the other machines, and publishes.
    """
    supervisor = _Supervisor(settings, cluster or Cluster(scheduler="none"))
    return supervisor.run(job, joins=joins)


def fail_early(error: JobError, settings: Settings) -> Outcome:
    """Report a job that failed before there was a process to run it in."""
    return _Supervisor(settings, Cluster(scheduler="none")).end(outcome.conclude(error))


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
class _Service:
    """A process that serves those of the job, and hears from the supervisor how that has ended.

    Attributes:
        child: the process.
        commands: leads to it.
        channels: lead to it, one for each process of the job that is not started yet.
    """

    child: Child
    commands: socket.socket
    channels: list[socket.socket]

    def tell(self, said: Mapping[str, Any]) -> None:
        """Send a line, unless it has ended."""
        if self.child.status is None:
            with contextlib.suppress(OSError):
                self.commands.sendall(json.dumps(said).encode() + b"\n")


@dataclass
class _Supervisor:
    settings: Settings
    cluster: Cluster
    console: Console = field(init=False)
    log_seconds: float = field(init=False)
    bound: dict[str, Any] = field(init=False)
    children: list[Child] = field(default_factory=list)
    watcher: _Service | None = None
    storage: _Service | None = None
    stop_was_passed_on: bool = False

    def __post_init__(self) -> None:
        self.console = choose_console(self.settings)
        shows_bar = isinstance(self.console, TextConsole) and sys.stdout.isatty()
        self.log_seconds = BAR_SECONDS if shows_bar else LOG_SECONDS
        self.bound = {"job": self.settings.job_name, "task": self.cluster.me.name}

    def run(self, job: Job, *, joins: bool) -> Outcome:
        self.job = job
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)
        with selectors.DefaultSelector() as self.selector, _signals_passed_on(self):
            self.selector.register(self.wake_read, selectors.EVENT_READ)
            if joins and self.cluster.is_distributed:
                self.watcher = self._start_service(self._watch)
            if self.settings.locations:
                self.storage = self._start_service(
                    functools.partial(self._move_files, publishes=joins)
                )
            main = self._start_at(self.cluster.me.role, self.cluster.me.name, None)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            ended = self._end_others(self._wait_for(main))
            self.end(ended)
        for descriptor in (self.wake_read, self.wake_write):
            os.close(descriptor)
        return ended

    @property
    def services(self) -> list[_Service]:
        return [service for service in (self.watcher, self.storage) if service]

    def _watch(self, channels: Sequence[socket.socket], commands: socket.socket) -> None:
        from entrypoint import membership

        membership.run(self.cluster, self.settings, channels, commands)

    def _move_files(
        self, channels: Sequence[socket.socket], commands: socket.socket, *, publishes: bool
    ) -> None:
        from entrypoint.storage import process  # boto3 takes a while to import

        process.run(
            self.cluster,
            self.settings,
            channels,
            commands,
            log_seconds=self.log_seconds,
            publishes=publishes,
        )

    def _start_service(self, serve: Serve) -> _Service:
        """Start a process that serves those of the job."""
        pairs = [socket.socketpair() for _ in range(CHANNELS)]
        theirs = [their for _, their in pairs]
        commands, their_commands = socket.socketpair()
        closes = [commands.fileno(), *(ours.fileno() for ours, _ in pairs)]

        def work(_stop: StopRequest, _say: Say) -> str:
            serve(theirs, their_commands)
            return "the service has ended"

        child = self._start(work, self.cluster.me.name, obeys_signals=False, closes=closes)
        for end in (*theirs, their_commands):
            end.close()
        return _Service(child, commands, [ours for ours, _ in pairs])

    def _start_at(self, role: Role, task: str, site_dirs: tuple[Path, ...] | None) -> Child:
        """Start a process of the job at a place in the cluster."""
        channel, storage = (
            service.channels.pop(0) if service else None for service in (self.watcher, self.storage)
        )

        def work(stop: StopRequest, say: Say) -> str:
            place = Place(
                cluster=self.cluster,
                role=role,
                task=task,
                channel=channel,
                storage=storage,
                site_dirs=site_dirs,
                start_companion=lambda companion: _ask_for(companion, say),
            )
            return self.job(self.settings, stop, place)

        child = self._start(work, task)
        for end in (channel, storage):
            if end:
                end.close()  # an end is seen only when nobody else holds it open
        return child

    def _start(
        self, work: Work, task: str, *, obeys_signals: bool = True, closes: Sequence[int] = ()
    ) -> Child:
        """Fork a child and print from now on what it logs and prints."""
        bound = {**self.bound, "task": task}
        closes = [self.wake_read, self.wake_write, *closes]
        for service in self.services:
            ends = (service.commands, *service.channels)
            closes += [end.fileno() for end in ends]
        # Held back until the child has handlers of its own for them.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        id_, records, output = fork(
            work,
            log_level=self.settings.log_level,
            bound=bound,
            obeys_signals=obeys_signals,
            closes=closes,
        )
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        child = Child(id_, bound)
        child.pipes = pipes_of(
            records,
            output,
            lambda line: self._print_record(child, line),
            lambda line: self._print_output(child, line),
        )
        self.children.append(child)
        for pipe in child.pipes:
            self.selector.register(pipe.descriptor, selectors.EVENT_READ, pipe)
        return child

    def _wait_for(self, main: Child) -> Outcome:
        """Relay what the children say until the job has ended, and return how."""
        while True:
            for child in self._relay():
                if child is main:
                    return child.outcome
                if self.watcher and child is self.watcher.child:
                    return self._judge(main, child.outcome)
                if self.storage and child is self.storage.child:
                    return child.outcome if child.outcome.code else _STORAGE_GONE
                # A companion is asked to stop together with the job's own process.
                if child.outcome.code != 0 and not self.stop_was_passed_on:
                    return child.outcome

    def _judge(self, main: Child, lost: Outcome) -> Outcome:
        """Return how the job ends when another machine is lost, or the watcher itself.

        When all are asked to stop, the first that has may be missed by one that is about to.
        """
        if self.stop_was_passed_on:
            self._relay_until_ended([main], STOP_SECONDS)
            if main.status is not None and main.outcome.fields["event"] == "stopped":
                return main.outcome
        return lost if lost.code else _WATCHER_GONE

    def _relay(self, timeout_seconds: float | None = None) -> list[Child]:
        """Print what can be read now, or soon; return the children that have ended meanwhile."""
        ended: list[Child] = []
        for key, _ in self.selector.select(timeout_seconds):
            if key.fd == self.wake_read:
                _drain(self.wake_read)
                ended = _reap(self.children)
            elif not key.data.pump():
                self.selector.unregister(key.fd)
        for child in ended:
            for pipe in child.pipes:
                with contextlib.suppress(KeyError):
                    self.selector.unregister(pipe.descriptor)
                pipe.finish()
        return ended

    def _end_others(self, ended: Outcome) -> Outcome:
        """End every process, the services after they have done what they do last.

        The membership first tells the other machines how this one ended; the storage publishes
        what is left, the failure file among it.

        Returns:
            How the job ends: as it did, unless what it had done could not be published.
        """
        serving = [service.child for service in self.services]
        for child in self.children:
            if child not in serving:
                child.send(signal.SIGKILL)
        told = {"ended": {"code": ended.code, "message": ended.message, "hint": ended.hint}}
        if self.storage:
            self._write_failure(ended)
        for service in self.services:
            service.tell(told)
        if self.storage:
            ended = self._wait_for_storage(self.storage.child, ended)
        if self.watcher:
            self._relay_until_ended([self.watcher.child], LEAVE_SECONDS)
        for child in serving:
            child.send(signal.SIGKILL)
        self._relay_until_ended(self.children, KILL_SECONDS)
        return ended

    def _wait_for_storage(self, storage: Child, ended: Outcome) -> Outcome:
        """Wait until what is left is published, and return how the job ends then.

        One that has failed is not waited for as long, and stays failed for its own reason.
        """
        has_failed = ended.code not in (0, *_STOPPED)
        seconds = FAILED_PUBLISH_SECONDS
        if not has_failed:
            seconds += self.settings.storage_retry_seconds
        self._relay_until_ended([storage], seconds)
        if storage.status is not None:
            published = storage.outcome
        else:
            before = "" if has_failed else f"; before that: {ended.message}"
            published = outcome.conclude(
                PlatformError(
                    f"the job's output was not published within {seconds:.0f} s{before}",
                    hint=f"it is whole in {self.settings.output_dir}; look at the storage",
                )
            )
        if published.code and not has_failed:
            return published
        if published.code and published != ended:
            said = f"{published.message}: {published.hint}"
            self._print(self.bound, "publish_failed", "WARNING", said)
        return ended

    def _relay_until_ended(self, children: Sequence[Child], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while any(child.status is None for child in children):
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._relay(left)

    def _print_record(self, child: Child, line: str) -> None:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            self._print_output(child, line)
            return
        announced = outcome.read_announcement(record)
        if announced:
            # Printed last, once the child has really ended so.
            child.announced = announced
        elif record.keys() == {"companion"}:
            self._start_companion(record["companion"])
        else:
            self.console.print(record)

    def _start_companion(self, asked: dict[str, Any]) -> None:
        self._start_at(asked["role"], asked["task"], tuple(map(Path, asked["site_dirs"])))

    def _print_output(self, child: Child, line: str) -> None:
        native = _NATIVE_LINE.match(line)
        if native:
            message = line[native.end() :]
            level = _NATIVE_LEVELS[native[1] or native[2] or "I"]
            if _NATIVE_ROUTINE.search(message):
                level = "INFO"
            self._print(child.bound, "native_output", level, message)
        elif _NATIVE_REST.match(line):
            self._print(child.bound, "native_output", "INFO", line.strip())
        elif line.strip():
            self._print(child.bound, "output", "INFO", line)

    def _write_failure(self, ended: Outcome) -> None:
        file = self.settings.failure_file
        try:
            outcome.write_failure(ended, file)
        except OSError as error:
            self._print(self.bound, "log", "WARNING", f"cannot write {file}: {error.strerror}")

    def end(self, ended: Outcome) -> Outcome:
        """Say how the job ended, in the failure file and in the last line of the log."""
        self._write_failure(ended)
        level = {"done": "INFO", "stopped": "WARNING"}.get(ended.fields["event"], "ERROR")
        fields = dict(ended.fields)
        self._print(self.bound, fields.pop("event"), level, ended.message, **fields)
        return ended

    def _print(
        self, bound: Mapping[str, Any], event: str, level: str, message: str, **fields: Any
    ) -> None:
        head = {"time": logs.format_time(time.time()), "level": level, "event": event, **bound}
        self.console.print({**head, **redact_value({"message": message, **fields})})

    def pass_on(self, number: int, _frame: FrameType | None) -> None:
        self.stop_was_passed_on = True
        serving = [service.child for service in self.services]
        for child in self.children:
            if child not in serving:
                child.send(number)


@contextlib.contextmanager
def _signals_passed_on(supervisor: _Supervisor) -> Iterator[None]:
    """Pass stop signals on to the children, and wake the relay when a child ends."""
    handlers: dict[int, Any] = dict.fromkeys(STOP_SIGNALS, supervisor.pass_on)
    handlers[signal.SIGCHLD] = lambda _number, _frame: None
    # Held back until there is a child to pass them on to; the child lets them through itself.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    previous_wake = signal.set_wakeup_fd(supervisor.wake_write, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous_wake)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _ask_for(companion: Companion, say: Say) -> None:
    """Ask the supervisor, from the job's own process, for a companion."""
    asked = {
        "role": companion.role,
        "task": companion.task,
        "site_dirs": [str(directory) for directory in companion.site_dirs],
    }
    say(json.dumps({"companion": asked}) + "\n")


def _drain(descriptor: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(descriptor, 4096):
            pass


def _reap(children: list[Child]) -> list[Child]:
    """Reap every process that has ended, and return the children among them.

    A container's first process inherits every orphan, and nobody else reaps them.
    """
    ended: list[Child] = []
    while True:
        try:
            ended_id, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if ended_id == 0:
            return ended
        for child in children:
            if child.id == ended_id:
                child.status = status
                ended.append(child)
