"""Machines for tests: real membership processes on loopback, and this process as their jobs."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entrypoint.cluster import Cluster, Task
from entrypoint.membership import Members
from tests.jobs import PROJECT_DIR

KEY = "0f" * 32
CHANNELS = 2

SCRIPT = """\
import json, logging, os, pathlib, signal, socket, sys
from entrypoint import errors, membership
from entrypoint.cluster import Cluster, Task
from entrypoint.settings import Settings

given = json.loads(sys.argv[1])
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="log %(message)s")
logging.getLogger("asyncio").setLevel(logging.WARNING)
tasks = [Task(**task) for task in given["tasks"]]
cluster = Cluster(
    scheduler="test",
    tasks=tuple(tasks),
    me=tasks[given["me"]],
    port=given["port"],
    key=given["key"],
)
settings = Settings(root_dir=pathlib.Path(given["root"]), **given["seconds"])
*channels, commands = [socket.socket(fileno=descriptor) for descriptor in given["descriptors"]]
end = {"code": 0, "message": "", "hint": ""}
try:
    membership.run(cluster, settings, channels, commands)
except errors.JobError as error:
    end = {"kind": type(error).__name__, "code": error.code, "message": error.message}
    end["hint"] = error.hint
print("end", json.dumps(end), flush=True)
os._exit(end["code"])
"""


@dataclass(frozen=True, kw_only=True)
class End:
    """How a membership process ended."""

    code: int
    message: str
    hint: str
    log: list[str]
    kind: str = ""


class Machine:
    """One membership process, and the other ends of its sockets."""

    def __init__(
        self, cluster: Cluster, root_dir: Path, seconds: Mapping[str, float], key: str | None
    ) -> None:
        self.cluster = cluster
        self.name = cluster.me.name
        pairs = [socket.socketpair() for _ in range(CHANNELS + 1)]
        self._ours = [ours for ours, _ in pairs]
        *self.channels, self.commands = self._ours
        theirs = [their for _, their in pairs]
        descriptors = [their.fileno() for their in theirs]
        given = {
            "tasks": [dataclasses.asdict(task) for task in cluster.tasks],
            "me": cluster.tasks.index(cluster.me),
            "port": cluster.port,
            "key": key or cluster.key,
            "root": str(root_dir),
            "seconds": seconds,
            "descriptors": descriptors,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", SCRIPT, json.dumps(given)],
            cwd=PROJECT_DIR,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            text=True,
        )
        for their in theirs:
            their.close()

    def members(self, task: str | None = None) -> Members:
        """Be a process of this machine's job."""
        return Members(self.channels.pop(0), task or self.name)

    def end_job(self, code: int = 0, message: str = "", hint: str = "") -> None:
        """Be the supervisor whose job has ended."""
        ended = {"code": code, "message": message, "hint": hint}
        self.commands.sendall(json.dumps({"ended": ended}).encode() + b"\n")

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_for_log(self, text: str) -> None:
        """Read the log up to a line that holds a text."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if text in line:
                return
        raise AssertionError(f"no {text!r} in {lines}")

    def finish(self, within_seconds: float = 20) -> End:
        """Wait for the end of the process; it prints nothing but its log and how it ended."""
        output, _ = self.process.communicate(timeout=within_seconds)
        lines = output.splitlines()
        ends = [json.loads(line[4:]) for line in lines if line.startswith("end ")]
        log = [line[4:] for line in lines if line.startswith("log ")]
        assert len(ends) == 1, output
        assert len(log) + 1 == len(lines), output
        assert self.process.returncode == ends[0]["code"]
        return End(**ends[0], log=log)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        for channel in self._ours:
            channel.close()


class Machines:
    """The machines of one job."""

    def __init__(self, root_dir: Path) -> None:
        self._root_dir = root_dir
        self._machines: list[Machine] = []
        self.port = free_port()

    def cluster(
        self, names: Sequence[str], me: str, hosts: Mapping[str, str | None] | None = None
    ) -> Cluster:
        """Return a cluster of these tasks, each on 127.0.0.1 unless its host is given."""
        tasks = tuple(
            Task(
                role=name.partition("-")[0],  # type: ignore[arg-type]  # a name begins so
                name=name,
                host=(hosts or {}).get(name, "127.0.0.1"),
                port=40001 + number,
            )
            for number, name in enumerate(names)
        )
        (mine,) = (task for task in tasks if task.name == me)
        return Cluster(scheduler="test", tasks=tasks, me=mine, port=self.port, key=KEY)

    def start(
        self,
        names: Sequence[str],
        me: str,
        *,
        hosts: Mapping[str, str | None] | None = None,
        key: str | None = None,
        start_seconds: float = 20,
        peer_timeout_seconds: float = 10,
    ) -> Machine:
        """Start one machine of a job of these tasks."""
        seconds = {"start_seconds": start_seconds, "peer_timeout_seconds": peer_timeout_seconds}
        machine = Machine(self.cluster(names, me, hosts), self._root_dir, seconds, key)
        self._machines.append(machine)
        return machine

    def start_all(self, *names: str, **options: Any) -> list[Machine]:
        """Start a job of these tasks and wait until all have joined."""
        machines = [self.start(names, name, **options) for name in names]
        machines[0].wait_for_log("tasks have joined")
        return machines

    def close(self) -> None:
        for machine in self._machines:
            machine.close()


def finish_normally(machines: Sequence[Machine], chief: Members) -> list[End]:
    """End a job as it should end, and return how each machine has ended."""
    chief.post("done", {"stopped": False})
    for machine in machines:
        machine.end_job()
    ends = [machine.finish() for machine in machines]
    assert [end.code for end in ends] == [0] * len(machines)
    return ends


def free_port() -> int:
    with socket.create_server(("", 0)) as server:
        return int(server.getsockname()[1])


def connect(port: int) -> socket.socket:
    """Connect as anybody may, as soon as somebody listens."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=15)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # there is no event for a port that begins to listen


def read_to_end(channel: socket.socket) -> bytes:
    """Return everything that comes until the other side closes, in whichever way."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while chunk := channel.recv(65536):
            data += chunk
    return data


@contextlib.contextmanager
def hard_timeout(seconds: int) -> Iterator[None]:
    """Fail, whatever the test waits for."""

    def fail(_number: int, _frame: object) -> None:
        raise AssertionError(f"the test takes longer than {seconds} s")

    previous = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
