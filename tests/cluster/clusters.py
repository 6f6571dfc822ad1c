"""Run the tasks of a distributed job side by side, each as its own process on a root of its own."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.jobs import PROJECT_DIR, USER_CODE_DIR, Finished, JobRoot, Record

# A job that has not ended by then never will.
TIMEOUT_SECONDS = 90.0
# Below those that Linux gives to whoever asks for any port.
_PORTS = range(20_000, 32_000)
# A task's own, that of the parameter server beside it, and some to tell them apart in a log.
_PORTS_OF_A_TASK = 10


@dataclass(frozen=True)
class Task:
    """One task of a job: its root, and what tells it who it is."""

    name: str
    root: JobRoot
    port: int

    @property
    def rows(self) -> list[list[int]]:
        """The row ids that `rows.py` trained on in this task, step by step."""
        file = self.root.path / "code" / "rows.jsonl"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]


@dataclass(frozen=True)
class JobTasks:
    """All tasks of a job, by name."""

    tasks: dict[str, Task]
    environment: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Task:
        return self.tasks[name]

    @property
    def chief(self) -> JobRoot:
        return self.tasks["chief"].root

    @property
    def port(self) -> int:
        """Where the chief's membership listens."""
        return int(self.environment["MODELMAKER_PORT"])

    def write_parameters(self, **parameters: Any) -> JobTasks:
        for task in self.tasks.values():
            task.root.write_parameters(**parameters)
        return self

    def copy_code(self, name: str) -> JobTasks:
        """Take a module of tests/user_code as the user's."""
        for task in self.tasks.values():
            task.root.copy_code(name)
        return self

    def edit_code(self, name: str, old: str, new: str) -> JobTasks:
        """Take a module of tests/user_code as the user's, with one piece of it replaced."""
        text = (USER_CODE_DIR / f"{name}.py").read_text(encoding="utf-8")
        assert text.count(old) == 1
        for task in self.tasks.values():
            task.root.write_code(**{name: text.replace(old, new)})
        return self

    def write_data(self, name: str, text: str) -> JobTasks:
        for task in self.tasks.values():
            task.root.write(f"input/data/{name}", text)
        return self

    def order(self, task: str, **orders: Any) -> JobTasks:
        """Have `rows.py` do something in one task only."""
        self.tasks[task].root.write("code/orders.json", json.dumps(orders))
        return self

    def start(self) -> RunningTasks:
        return RunningTasks(
            {
                name: RunningTask(name, task.root, self.environment)
                for name, task in self.tasks.items()
            }
        )

    def run(self) -> Ended:
        return Ended(self, self.start().finish())


class RunningTask:
    """A task that is running; a thread reads its log, so that it never waits for a reader."""

    def __init__(self, name: str, root: JobRoot, environment: dict[str, str]) -> None:
        self._name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", "entrypoint", "train"],
            cwd=PROJECT_DIR,
            env=root._environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        self._records: list[Record] = []
        self._is_over = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        # A test that waits for what never comes must end all the same.
        self._timer = threading.Timer(TIMEOUT_SECONDS, self.process.kill)
        self._timer.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                with self._changed:
                    self._lines.append(line)
                    with contextlib.suppress(ValueError):
                        self._records.append(json.loads(line))
                    self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait_for(self, event: str, *, newer_than: Record | None = None, **fields: Any) -> Record:
        """Wait until it has logged an event with these fields, after another one if that is given.

        Events from before the call count.
        """
        seen = 0 if newer_than is None else self._records.index(newer_than) + 1
        with self._changed:
            while True:
                for record in self._records[seen:]:
                    if record.get("event") == event and fields.items() <= record.items():
                        return record
                seen = len(self._records)
                if self._is_over:
                    log = "".join(self._lines)
                    raise AssertionError(f"{self._name} ended without {event}:\n{log}")
                self._changed.wait()

    def finish(self) -> Finished:
        self._reader.join()
        code = self.process.wait()
        self._timer.cancel()
        return Finished(code, "".join(self._lines))

    def children(self) -> list[int]:
        """Return the ids of the processes that the supervisor has forked, the oldest first."""
        id_ = self.process.pid
        text = Path(f"/proc/{id_}/task/{id_}/children").read_text(encoding="ascii")
        return [int(child) for child in text.split()]


@dataclass(frozen=True)
class RunningTasks:
    """All tasks of a job that is running."""

    tasks: dict[str, RunningTask]

    def __getitem__(self, name: str) -> RunningTask:
        return self.tasks[name]

    def send(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        self.tasks[name].process.send_signal(number)

    def finish(self) -> dict[str, Finished]:
        return {name: task.finish() for name, task in self.tasks.items()}


@dataclass(frozen=True)
class Ended:
    """A job whose tasks have all ended."""

    job: JobTasks
    finished: dict[str, Finished]

    def __getitem__(self, name: str) -> Finished:
        return self.finished[name]

    @property
    def chief(self) -> Finished:
        return self.finished["chief"]

    @property
    def codes(self) -> dict[str, int]:
        """The exit code of each task."""
        return {name: task.code for name, task in self.finished.items()}

    @property
    def rows(self) -> dict[str, list[list[int]]]:
        """The row ids that each task trained on, step by step."""
        return {name: task.rows for name, task in self.job.tasks.items()}

    def progress(self, figure: str) -> list[Any]:
        """Return one figure of all progress events of the chief."""
        return [record[figure] for record in self.chief.events("progress")]

    def assert_all_ended_with(self, code: int) -> None:
        """Fail with the last lines of each log if a task has another exit code."""
        ends = [
            f"{name} {task.code}: {line}"
            for name, task in self.finished.items()
            for line in task.output.splitlines()[-3:]
        ]
        assert set(self.codes.values()) == {code}, "\n".join(ends)


def listed_hosts(directory: Path, machines: int, **environment: str) -> JobTasks:
    """Return a job whose machines are listed in MODELMAKER_HOSTS: a chief and workers.

    Where the directory has tasks of an earlier job, they go on with their roots.
    """
    names = ["chief", *(f"worker-{number}" for number in range(1, machines))]
    port, ports = _free_ports(machines)
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return JobTasks(
        {
            name: Task(
                name,
                _root(directory, name, MODELMAKER_HOSTS=hosts, MODELMAKER_HOST_INDEX=str(i)),
                p,
            )
            for i, (name, p) in enumerate(zip(names, ports, strict=True))
        },
        {"MODELMAKER_PORT": str(port), **environment},
    )


def described_in_tf_config(
    directory: Path,
    *,
    workers: int = 0,
    servers: int = 0,
    evaluator: Literal["none", "unlisted", "listed"] = "none",
) -> JobTasks:
    """Return a job of a chief and other tasks, as TF_CONFIG describes it.

    An evaluator that is not listed knows of the others, and they do not know of it; so Kubeflow
    has it.
    """
    evaluators = int(evaluator != "none")
    counts = {"chief": 1, "worker": workers, "ps": servers, "evaluator": evaluators}
    places = [(role, index) for role, count in counts.items() for index in range(count)]
    port, ports = _free_ports(len(places))
    cluster: dict[str, list[str]] = {}
    for (role, _), own in zip(places, ports, strict=True):
        if role != "evaluator" or evaluator == "listed":
            cluster.setdefault(role, []).append(f"127.0.0.1:{own}")
    tasks = {}
    for (role, index), own in zip(places, ports, strict=True):
        name = role if role in {"chief", "evaluator"} else f"{role}-{index}"
        described = {"cluster": cluster, "task": {"type": role, "index": index}}
        tasks[name] = Task(name, _root(directory, name, TF_CONFIG=json.dumps(described)), own)
    return JobTasks(tasks, {"MODELMAKER_PORT": str(port)})


def with_rows(job: JobTasks, **parameters: Any) -> JobTasks:
    """Have a job train `tests/user_code/rows.py`."""
    job.copy_code("rows").write_data("rows.txt", "0\n")
    return job.write_parameters(**{"eval_start_delay_secs": 0, **parameters})


def share_disk(job: JobTasks) -> JobTasks:
    """Have all tasks keep their checkpoints in the chief's directory."""
    shared = job.chief.path / "checkpoints"
    shared.mkdir(exist_ok=True)
    for task in job.tasks.values():
        own = task.root.path / "checkpoints"
        if own != shared and not own.is_symlink():
            own.symlink_to(shared)
    return job


def finish_together(jobs: Mapping[str, JobTasks]) -> dict[str, Ended]:
    """Run jobs that have nothing to do with each other at the same time."""
    running = {name: job.start() for name, job in jobs.items()}
    return {name: Ended(jobs[name], tasks.finish()) for name, tasks in running.items()}


@contextlib.contextmanager
def taken(port: int) -> Iterator[None]:
    """Listen on a port."""
    with socket.create_server(("127.0.0.1", port)):
        yield


def _root(directory: Path, name: str, **environment: str) -> JobRoot:
    path = directory / name
    path.mkdir(parents=True, exist_ok=True)
    return JobRoot(path, environment)


def _free_ports(tasks: int) -> tuple[int, list[int]]:
    """Return a free port for the membership and one for each task with free ones behind it."""
    count = (tasks + 1) * _PORTS_OF_A_TASK
    while True:
        first = random.choice(_PORTS[:-count])
        wanted = [first + n * _PORTS_OF_A_TASK for n in range(tasks + 1)]
        if all(_is_free(port) and _is_free(port + 1) for port in wanted):
            return wanted[0], wanted[1:]


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_server(("", port)):
        return True
    return False
