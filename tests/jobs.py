"""Run real jobs: the entrypoint as its own process, on a directory made for the test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT_DIR = Path(__file__).parents[1]
USER_CODE_DIR = PROJECT_DIR / "tests" / "user_code"

Record = dict[str, Any]


@dataclass(frozen=True)
class Finished:
    """A job that has ended."""

    code: int
    output: str

    @property
    def records(self) -> list[Record]:
        """Every line of the log; a line that is not JSON fails the test."""
        return [json.loads(line) for line in self.output.splitlines()]

    @property
    def last(self) -> Record:
        return self.records[-1]

    def events(self, name: str) -> list[Record]:
        return [record for record in self.records if record["event"] == name]

    def event(self, name: str) -> Record:
        """The one record of this event."""
        (record,) = self.events(name)
        return record


class RunningJob:
    """A job that is running: read its log while it goes on."""

    def __init__(self, process: subprocess.Popen[str], timeout_seconds: float = 120) -> None:
        self.process = process
        self._lines: list[str] = []
        # A test that waits for a line that never comes must end all the same.
        self._timer = threading.Timer(timeout_seconds, process.kill)
        self._timer.start()

    def records(self) -> Iterator[Record]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)
            yield json.loads(line)

    def wait_for(self, event: str, **fields: Any) -> Record:
        """Read on until a record of this event with these fields."""
        for record in self.records():
            if record["event"] == event and fields.items() <= record.items():
                return record
        raise AssertionError(f"the job ended without {event}:\n{''.join(self._lines)}")

    def finish(self) -> Finished:
        for _ in self.records():
            pass
        code = self.process.wait()
        self._timer.cancel()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return Finished(code, "".join(self._lines))


@dataclass(frozen=True)
class JobRoot:
    """A MODELMAKER_ROOT and the ways a test fills it and looks into it."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write_code(self, **modules: str) -> JobRoot:
        (self.path / "code").mkdir(exist_ok=True)
        for name, text in modules.items():
            (self.path / "code" / f"{name}.py").write_text(text, encoding="utf-8")
        return self

    def copy_code(self, name: str) -> JobRoot:
        """Take a module of tests/user_code as the user's."""
        (self.path / "code").mkdir(exist_ok=True)
        shutil.copy(USER_CODE_DIR / f"{name}.py", self.path / "code")
        return self

    def write_parameters(self, **parameters: Any) -> JobRoot:
        return self.write("input/parameters.json", json.dumps(parameters))

    def write_config(self, name: str, content: Any) -> JobRoot:
        return self.write(f"input/config/{name}.json", json.dumps(content))

    def write(self, name: str, text: str) -> JobRoot:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return self

    def start(self, verb: str = "train", **environment: str) -> RunningJob:
        process = subprocess.Popen(
            [sys.executable, "-m", "entrypoint", verb],
            cwd=PROJECT_DIR,
            env=self._environment(environment),
            stdout=subprocess.PIPE,
            text=True,
        )
        return RunningJob(process)

    def run(self, *arguments: str, timeout_seconds: float = 120, **environment: str) -> Finished:
        finished = subprocess.run(
            [sys.executable, "-m", "entrypoint", *arguments],
            cwd=PROJECT_DIR,
            env=self._environment(environment),
            stdout=subprocess.PIPE,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
        return Finished(finished.returncode, finished.stdout)

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MODELMAKER_", "TF_"))}
        return {**kept, "MODELMAKER_ROOT": str(self.path), **self.environment, **more}

    @property
    def failure(self) -> str:
        return (self.path / "output" / "failure").read_text(encoding="utf-8")

    @property
    def metrics(self) -> list[Record]:
        text = (self.path / "output" / "data" / "metrics.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    @property
    def report(self) -> Record:
        text = (self.path / "output" / "data" / "report.json").read_text(encoding="utf-8")
        report: Record = json.loads(text)
        return report

    @property
    def checkpoint_steps(self) -> list[int]:
        """The global steps of the checkpoints on disk, oldest first."""
        indexes = (self.path / "checkpoints").glob("model.ckpt-*.index")
        return sorted(int(index.stem.rpartition("-")[2]) for index in indexes)

    @property
    def versions(self) -> list[Path]:
        """What lies under model/, hidden entries included."""
        return sorted((self.path / "model").iterdir())
