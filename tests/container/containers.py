"""Run an image on the container engine: one container a job, its log read as records."""

from __future__ import annotations

import contextlib
import os
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.jobs import Finished, JobRoot, RunningJob

# Every container of this run of the tests carries it: none is left behind, no other is touched.
LABEL = f"modelmaker-tensorflow.test={uuid.uuid4()}"
PYTHON = "/opt/modelmaker/venv/bin/python"
# Everything that a careful platform takes away from a container.
HARDENED = (
    *("--user", "1234:5678"),
    *("--read-only", "--tmpfs", "/tmp"),
    *("--network", "none"),
    *("--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
)


def docker(*arguments: str, timeout_seconds: float = 60) -> str:
    """Run the docker client and return what it prints."""
    run = subprocess.run(
        ["docker", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    assert run.returncode == 0, f"docker {' '.join(arguments)}: {run.stderr}"
    return run.stdout


def engine_problem() -> str | None:
    """Return the first line of why no container engine answers; None if one does."""
    command = ["docker", "info", "--format", "{{.ServerVersion}}"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return "there is no docker client"
    except subprocess.TimeoutExpired:
        return "docker info does not return"
    if run.returncode == 0:
        return None
    return next(iter(run.stderr.strip().splitlines()), "docker info fails")


class RunningContainer(RunningJob):
    """A job that runs in a container.

    Everything that the container writes is read: a line that is not a JSON record fails the test,
    be it on standard output or on standard error.
    """

    def __init__(self, container: str, timeout_seconds: float) -> None:
        self.container = container
        process = subprocess.Popen(
            ["docker", "start", "--attach", container],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        super().__init__(process, timeout_seconds)

    def abandon(self) -> None:
        """Let go of a job that a failed test has left running."""
        self.process.kill()
        with contextlib.suppress(ValueError):
            self.finish()


@dataclass
class Containers:
    """An image, and the containers that were made of it.

    Attributes:
        image: the image's name.
        made: the ids of the containers, running or not.
    """

    image: str
    made: list[str] = field(default_factory=list)
    _started: list[RunningContainer] = field(default_factory=list)

    def start(
        self, *arguments: str, options: Sequence[str] = (), timeout_seconds: float = 120
    ) -> RunningContainer:
        """Start a container with these arguments after, and these options before, the image."""
        container = docker("create", "--label", LABEL, *options, self.image, *arguments).strip()
        self.made.append(container)
        running = RunningContainer(container, timeout_seconds)
        self._started.append(running)
        return running

    def run(self, *arguments: str, options: Sequence[str] = ()) -> Finished:
        """Run a container to its end."""
        return self.start(*arguments, options=options).finish()

    def print(
        self, *arguments: str, program: str | None = None, options: Sequence[str] = ()
    ) -> str:
        """Return the plain text that the image, or another program in it, prints."""
        options = [*options, *(("--entrypoint", program) if program else ())]
        return docker("run", "--rm", "--label", LABEL, *options, self.image, *arguments)

    def copy_from_last(self, path: str, to: Path) -> Path:
        """Copy a file out of the newest container."""
        docker("cp", f"{self.made[-1]}:{path}", str(to))
        return to

    def remove(self) -> None:
        """Remove every container, and end what still reads their logs."""
        if self.made:
            docker("rm", "--force", "--volumes", *self.made)
        for running in self._started:
            running.abandon()


@contextlib.contextmanager
def containers_of(image: str) -> Iterator[Containers]:
    """Give an image to run, and remove its containers however the test ends."""
    containers = Containers(image)
    try:
        yield containers
    finally:
        containers.remove()


def mount(source: Path, target: str = "/opt/ml", *, read_only: bool = False) -> list[str]:
    """Mount a directory or a file of this machine, readable by every user."""
    for path in (source, *source.rglob("*")):
        if path.stat().st_uid == os.getuid():
            executable = 0o111 if path.is_dir() else 0
            path.chmod(path.stat().st_mode | 0o444 | executable)
    return ["--volume", f"{source}:{target}{':ro' if read_only else ''}"]


def assert_trained(finished: Finished, root: JobRoot, *, step: int = 20) -> Path:
    """Require a finished training with one SavedModel, and return the model's directory."""
    assert finished.code == 0, finished.output
    assert finished.last["event"] == "done", finished.output
    assert finished.last["code"] == 0, finished.output
    assert root.report["global_step"] == step, root.report
    assert not (root.path / "output" / "failure").exists(), root.failure
    (version_dir,) = root.versions
    assert version_dir.name.isdigit(), version_dir
    assert (version_dir / "saved_model.pb").is_file(), version_dir
    return version_dir


def assert_ended(finished: Finished, root: JobRoot, code: int, *words: str) -> None:
    """Require an exit code, a last record that says why, and the same in output/failure."""
    assert finished.code == code, finished.output
    message, hint = assert_last_record(finished, code, *words)
    assert root.failure == f"{message}\n{hint} (exit code {code})"[:1024], root.failure


def assert_last_record(finished: Finished, code: int, *words: str) -> tuple[str, str]:
    """Require a last record with this code and these words, and return its message and hint."""
    last = finished.last
    assert last["event"] == ("stopped" if code in (130, 143) else "error"), last
    assert last["code"] == code, last
    for word in words:
        assert word in last["message"], last
    assert last["hint"], last
    return last["message"], last["hint"]
