"""A job on several machines: a container for each, with disks of their own, on a network of theirs.

Only the user's code and the dataset are the same directories everywhere, and those read-only.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.container.containers import LABEL, assert_ended, docker, mount
from tests.jobs import Finished, JobRoot, Record

# As the user who runs the tests, so that what a container writes can be removed by that user.
HARDENED = (
    *("--user", f"{os.getuid()}:{os.getgid()}"),
    *("--read-only", "--tmpfs", "/tmp"),
    *("--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
)
# Networks whose addresses are known beforehand are made of 198.18.0.0/15, which RFC 2544 keeps
# for tests; another run of the tests may be at it as well.
SUBNETS = itertools.count(os.getpid())
# How many lines of each log a failed test shows.
SHOWN_LINES = 60
CHIEF = "chief"


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine of the job, as its scheduler sets it up.

    Attributes:
        task: what the log calls the task that runs there.
        names: what it is called on the network; the first is what it calls itself.
        environment: what the scheduler tells it.
        files: the same in files under the root, by name.
        number: the last number of its address; None for any address.
    """

    task: str
    names: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None


def plain_nodes(machines: int) -> list[Node]:
    """Return machines that are listed in MODELMAKER_HOSTS and find themselves by their names."""
    hosts = {"MODELMAKER_HOSTS": f"gpu[0-{machines - 1}]"}
    return [
        Node(
            task=f"worker-{number}" if number else CHIEF,
            names=(f"gpu{number}",),
            environment=hosts,
        )
        for number in range(machines)
    ]


def parameter_server_nodes(
    *, workers: int = 2, servers: int = 2, evaluator: bool = False
) -> list[Node]:
    """Return machines that TF_CONFIG describes, with parameter servers."""
    counts = {"chief": 1, "worker": workers, "ps": servers, "evaluator": int(evaluator)}
    tasks = [(role, number) for role, count in counts.items() for number in range(count)]
    cluster: dict[str, list[str]] = {}
    for role, number in tasks:
        cluster.setdefault(role, []).append(f"{role}-{number}:2222")
    return [
        Node(
            task=role if role in {"chief", "evaluator"} else f"{role}-{number}",
            names=(f"{role}-{number}",),
            environment={
                "TF_CONFIG": json.dumps(
                    {"cluster": cluster, "task": {"type": role, "index": number}}
                )
            },
        )
        for role, number in tasks
    ]


class Running:
    """A container that runs; a thread reads its log as it comes.

    Attributes:
        container: its id.
        records: what it has logged so far.
        code: its exit code, None as long as it runs.
        ended_at: when it ended, on a monotonic clock.
    """

    def __init__(self, container: str, changed: threading.Condition) -> None:
        self.container = container
        self.records: list[Record] = []
        self.code: int | None = None
        self.ended_at = float("inf")
        self.lines: list[str] = []
        self._changed = changed
        self._process = subprocess.Popen(
            ["docker", "start", "--attach", container],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                with self._changed:
                    self.lines.append(line)
                    # What is no record fails the test in the end, by `Finished.records`.
                    with contextlib.suppress(ValueError):
                        self.records.append(json.loads(line))
                    self._changed.notify_all()
        code = self._process.wait()
        with self._changed:
            self.code, self.ended_at = code, time.monotonic()
            self._changed.notify_all()

    def events(self, name: str) -> list[Record]:
        """Return the records of an event so far."""
        return [record for record in self.records if record["event"] == name]

    def let_go(self) -> None:
        """Stop reading the log of a container that was removed."""
        self._reader.join()


class Cluster:
    """The machines of one job, and the network between them.

    Args:
        image: the image of all containers.
        directory: where the machines' disks, the code and the dataset are made.
        nodes: the machines.

    Attributes:
        roots: MODELMAKER_ROOT of each machine, by its task.
        running: the container that runs there, or ran there last, by its task.
    """

    def __init__(self, image: str, directory: Path, nodes: Iterable[Node]) -> None:
        self.nodes = {node.task: node for node in nodes}
        self.running: dict[str, Running] = {}
        self._image = image
        self._made: list[str] = []
        self._log_readers: list[Running] = []
        self._changed = threading.Condition()
        self._shared = JobRoot(directory / "shared")
        self._shared.write("input/data/slope.txt", "2.0").copy_code("line")
        self.roots = {task: JobRoot(directory / task) for task in self.nodes}
        for task, root in self.roots.items():
            for name in ("checkpoints", "model", "output", "code", "input/data"):
                (root.path / name).mkdir(parents=True)
            for name, content in self.nodes[task].files.items():
                root.write(name, json.dumps(content))
        has_numbers = any(node.number for node in self.nodes.values())
        self.network, self.subnet = _make_network(has_numbers=has_numbers)

    def write_parameters(self, **parameters: Any) -> None:
        """Write the job's parameters onto every machine."""
        for root in self.roots.values():
            root.write_parameters(**parameters)

    def address(self, number: int) -> str:
        """Return the address of the node with this number."""
        return f"{self.subnet}.{number}"

    def start(self, tasks: Iterable[str] | None = None, **environment: str) -> None:
        """Start machines in new containers on their own old disks: all of them if none is named."""
        tasks = list(self.nodes if tasks is None else tasks)
        created = {task: self._create(self.nodes[task], environment) for task in tasks}
        for task, container in created.items():
            self.running[task] = Running(container, self._changed)
            self._log_readers.append(self.running[task])

    def _create(self, node: Node, environment: Mapping[str, str]) -> str:
        host, _, domain = node.names[0].partition(".")
        root = self.roots[node.task]
        container = docker(
            *("create", "--label", LABEL, *HARDENED),
            *("--network", self.network, "--hostname", host),
            *(("--domainname", domain) if domain else ()),
            *(part for name in node.names for part in ("--network-alias", name)),
            *(("--ip", self.address(node.number)) if node.number else ()),
            *(
                part
                for name, value in {**node.environment, **environment}.items()
                for part in ("--env", f"{name}={value}")
            ),
            *mount(root.path),
            *mount(self._shared.path / "code", "/opt/ml/code", read_only=True),
            *mount(self._shared.path / "input/data", "/opt/ml/input/data", read_only=True),
            self._image,
        ).strip()
        self._made.append(container)
        return container

    def kill(self, task: str) -> None:
        """End a container without a word, as a machine does that loses power."""
        docker("kill", "--signal", "KILL", self.running[task].container)

    def disconnect(self, task: str) -> None:
        """Take a container off the network: nothing arrives any more, nor that it is gone."""
        docker("network", "disconnect", self.network, self.running[task].container)

    def stop(self) -> None:
        """Stop all containers at once, as a scheduler does; killed after 10 s."""
        docker("stop", *(running.container for running in self.running.values()))

    def wait_until(self, is_so: Callable[[], object], what: str, seconds: float) -> None:
        """Wait for something that logs or ends of containers bring about."""
        with self._changed:
            came = self._changed.wait_for(is_so, seconds)
        assert came, f"{what} did not come within {seconds:g} s"

    def wait_for(self, task: str, event: str, *, times: int = 1, seconds: float = 120) -> None:
        """Wait until a machine has logged an event so many times."""
        running = self.running[task]
        self.wait_until(
            lambda: len(running.events(event)) >= times or running.code is not None,
            f"{event} of {task}",
            seconds,
        )
        assert len(running.events(event)) >= times, (
            f"{task} ended with {running.code}, before {event}"
        )

    def finish(self, seconds: float = 120) -> dict[str, Finished]:
        """Wait until all containers have ended, and return how."""
        runs = self.running.values()
        self.wait_until(
            lambda: all(running.code is not None for running in runs), "the end of all", seconds
        )
        return {
            task: Finished(running.code or 0, "".join(running.lines))
            for task, running in self.running.items()
        }

    def run(self, seconds: float = 120, **environment: str) -> dict[str, Finished]:
        """Start all machines and wait for their end."""
        self.start(**environment)
        return self.finish(seconds)

    def ended_after(self, task: str, moment: float) -> float:
        """Return how many seconds after a moment a machine's container ended."""
        return self.running[task].ended_at - moment

    def print_logs(self) -> None:
        """Print the last lines of each log, for whoever reads of a failed test."""
        for task, running in self.running.items():
            lines = running.lines[-SHOWN_LINES:]
            code = "runs" if running.code is None else f"ended with {running.code}"
            print(f"--- {task} {code}; the last {len(lines)} of {len(running.lines)} lines:")
            print("".join(lines))

    def remove(self) -> None:
        """Remove the containers and the network."""
        try:
            if self._made:
                docker("rm", "--force", "--volumes", *self._made)
        finally:
            docker("network", "rm", self.network)
        for running in self._log_readers:
            running.let_go()


@contextlib.contextmanager
def cluster_of(image: str, directory: Path, nodes: Iterable[Node]) -> Iterator[Cluster]:
    """Give a cluster, and remove its containers and its network however the test ends."""
    cluster = Cluster(image, directory, nodes)
    try:
        yield cluster
    except BaseException:
        cluster.print_logs()
        raise
    finally:
        cluster.remove()


def _make_network(*, has_numbers: bool) -> tuple[str, str]:
    """Make a network without a way out of it; return its name and, if asked for, its subnet."""
    name = f"modelmaker-{uuid.uuid4().hex[:12]}"
    create = ("network", "create", "--internal", "--label", LABEL)
    if not has_numbers:
        docker(*create, name)
        return name, ""
    for _ in range(10):
        subnet = f"198.18.{next(SUBNETS) % 256}"
        with contextlib.suppress(AssertionError):  # another one has it
            docker(*create, "--subnet", f"{subnet}.0/24", name)
            return name, subnet
    raise AssertionError("no subnet is free for another network")


def seconds_between(earlier: Record, later: Record) -> float:
    """Return how long after one record another one was logged."""
    times = [datetime.fromisoformat(record["time"]) for record in (earlier, later)]
    return (times[1] - times[0]).total_seconds()


def assert_all_trained(cluster: Cluster, ended: Mapping[str, Finished], total: int) -> None:
    """Require that all ended well, with so many steps over all cards and the chief's one model."""
    for task, finished in ended.items():
        assert (task, finished.code, finished.last["event"]) == (task, 0, "done"), finished.last
        assert not (cluster.roots[task].path / "output" / "failure").exists(), task
        assert finished.events("traceback") == [], task
    chief = cluster.roots[CHIEF]
    assert chief.report["total_steps"] == total, chief.report
    (version_dir,) = chief.versions
    assert version_dir.name.isdigit(), version_dir
    assert (version_dir / "saved_model.pb").is_file(), version_dir
    for task in cluster.nodes.keys() - {CHIEF}:
        assert cluster.roots[task].versions == [], task


def assert_survivors_end(
    cluster: Cluster,
    ended: Mapping[str, Finished],
    lost: str,
    *,
    saying: str,
    moment: float,
    seconds: float,
) -> None:
    """Require that all but the lost task end with 138 in time, and say why in both places."""
    for task, finished in ended.items():
        if task != lost:
            assert_ended(finished, cluster.roots[task], 138, saying)
            assert cluster.ended_after(task, moment) < seconds, task
