"""The storage process as the job's processes and the supervisor know it: by its sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from entrypoint.errors import (
    ContradictionError,
    ParametersError,
    PlatformError,
    StoppedError,
)
from entrypoint.signals import StopRequest
from entrypoint.storage.client import Storage
from entrypoint.storage.keys import DOWNLOAD_DIR_NAME
from tests.jobs import PROJECT_DIR, Record, RunningJob
from tests.s3.proxy import Fault
from tests.unit.storage.conftest import SECRET, Bucket, World, content_of, digests_below
from tests.unit.storage.test_checkpoints import newest_of, save

SERVICE = """\
import json, os, socket, sys
from entrypoint import logs, outcome
from entrypoint.cluster import Cluster
from entrypoint.settings import read_settings
from entrypoint.storage import process

*channels, commands = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
logs.start(sys.stdout, "INFO", {})
ended = outcome.Outcome(code=0, message="done")
try:
    process.run(
        Cluster(scheduler="none"), read_settings(os.environ), channels, commands, log_seconds=0.1
    )
except BaseException as error:
    ended = outcome.conclude(error)
print(json.dumps({"event": "ended", "message": ended.message, "hint": ended.hint}), flush=True)
os._exit(ended.code)
"""


@dataclass
class Service:
    """A storage process, and the other ends of its sockets."""

    running: RunningJob
    channels: list[socket.socket]
    commands: socket.socket
    asked: int = 0

    def storage(self, stop: StopRequest | None = None) -> Storage:
        """Be one more process of the job."""
        self.asked += 1
        return Storage(self.channels[self.asked - 1], stop or StopRequest())

    def end(self) -> tuple[int, list[Record]]:
        """Say that the job has ended; return how the process has."""
        self.commands.sendall(b'{"ended": {}}\n')
        ended = self.running.finish()
        assert SECRET not in ended.output
        return ended.code, ended.records


class Start:
    """Starts storage processes, and ends them with the test."""

    def __init__(self, world: World, root: Path) -> None:
        self._world = world
        self._root = root
        self.services: list[Service] = []

    def __call__(self, **environment: object) -> Service:
        pairs = [socket.socketpair() for _ in range(3)]
        theirs = [their for _, their in pairs]
        names = {f"MODELMAKER_{name}": str(value) for name, value in environment.items()}
        process = subprocess.Popen(
            [sys.executable, "-c", SERVICE, *(str(one.fileno()) for one in theirs)],
            cwd=PROJECT_DIR,
            env={
                **os.environ,
                "MODELMAKER_ROOT": str(self._root),
                "MODELMAKER_STORAGE_TIMEOUT_SECONDS": "10",
                "MODELMAKER_STORAGE_RETRY_SECONDS": "3",
                **names,
            },
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[one.fileno() for one in theirs],
            start_new_session=True,
        )
        for their in theirs:
            their.close()
        ours = [our for our, _ in pairs]
        service = Service(RunningJob(process, timeout_seconds=40), ours[:2], ours[2])
        self.services.append(service)
        return service


@pytest.fixture
def start(world: World, tmp_path: Path) -> Iterator[Start]:
    start = Start(world, tmp_path)
    yield start
    for service in start.services:
        for end in (*service.channels, service.commands):
            end.close()
        if service.running.process.poll() is None:
            service.running.process.kill()
            service.running.finish()


def test_a_job_from_its_inputs_to_its_outputs(
    start: Start, world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """Two processes ask; what both need is fetched once."""
    bucket.put("p.json", '{"rate": 1}')
    bucket.put("code/train.py", "a = 1")
    bucket.put_many("data", 10, 100)
    service = start(
        PARAMETERS_URI=bucket.uri("p.json"),
        CODE_URI=bucket.uri("code"),
        DATASET_URI=bucket.uri("data"),
        CHECKPOINT_URI=bucket.uri("run"),
        MODEL_URI=bucket.uri("models"),
        OUTPUT_URI=bucket.uri("out"),
    )
    one, two = service.storage(), service.storage()
    assert one.fetch_parameters() == two.fetch_parameters() == '{"rate": 1}'
    one.check_outputs()
    for storage in (one, two):
        storage.fetch_code()
        storage.fetch_dataset()
    assert len(world.fetched("data/")) == 10
    assert digests_below(tmp_path / "input" / "data") == bucket.below("data")
    assert (tmp_path / "code" / "train.py").read_text() == "a = 1"
    one.fetch_checkpoint(2)
    save(tmp_path / "checkpoints", 10)
    published = service.running.wait_for("checkpoint_published")  # without being asked
    assert published["checkpoint"] == "model.ckpt-10"
    save(tmp_path / "checkpoints", 20)
    one.publish_checkpoint()
    assert "run/model.ckpt-20.index" in bucket.keys
    version_dir = tmp_path / "model" / "7"
    version_dir.mkdir(parents=True)
    (version_dir / "saved_model.pb").write_bytes(b"model")
    assert one.publish_model(version_dir) == str(bucket.uri("models/7"))
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "failure").write_text("it is the last thing that is published")
    save(tmp_path / "checkpoints", 30)
    code, _ = service.end()
    assert code == 0
    assert bucket.get("out/failure").startswith(b"it is")
    assert bucket.get("run/checkpoint").splitlines()[0].endswith(b'ckpt-30"')


def test_what_cannot_be_fetched_is_raised_by_who_asked(start: Start, bucket: Bucket) -> None:
    """As it was found, and the process goes on."""
    bucket.put("code/a.py", "a")
    service = start(PARAMETERS_URI=bucket.uri("p.json"), CODE_URI=bucket.uri("code"))
    storage = service.storage()
    with pytest.raises(ParametersError, match="does not exist") as raised:
        storage.fetch_parameters()
    assert "MODELMAKER_PARAMETERS_URI" in raised.value.hint
    storage.fetch_code()
    assert service.end()[0] == 0


def test_an_endpoint_that_is_no_url_is_a_typed_error_of_the_process(
    start: Start, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a death of those that it forks."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "minio:9000")
    service = start(CODE_URI=bucket.uri("code"))
    ended = service.running.wait_for("ended")
    assert "AWS_ENDPOINT_URL" in ended["hint"]
    assert service.running.finish().code == ContradictionError.code
    with pytest.raises(PlatformError, match="ended before the job"):
        service.storage().fetch_code()


def test_a_directory_that_cannot_be_used_is_a_typed_error(
    start: Start, bucket: Bucket, tmp_path: Path
) -> None:
    """With its name."""
    bucket.put("data/a", "a")
    (tmp_path / "input").write_text("a file where a directory has to be")
    service = start(DATASET_URI=bucket.uri("data"))
    with pytest.raises(ContradictionError, match=str(tmp_path / "input")):
        service.storage().fetch_dataset()
    assert service.end()[0] == 0


@pytest.fixture
def stalled(start: Start, world: World, bucket: Bucket) -> Service:
    """A process in which every lane will wait for the middle of an object for a long time."""
    for number in range(40):
        bucket.put(f"data/{number}", content_of(number, 5000))
    world.proxy.faults = [Fault("stall", method="GET", key="data/", times=None)]
    return start(
        DATASET_URI=bucket.uri("data"), OUTPUT_URI=bucket.uri("out"), STORAGE_TIMEOUT_SECONDS=60
    )


def test_a_stop_ends_the_wait_for_a_fetch(
    stalled: Service, world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """At once, and what the job says of its end is still published."""
    stop = StopRequest()
    storage = stalled.storage(stop)

    def ask_to_stop() -> None:
        world.proxy.wait_for("stall", 9)
        stop.signal_number = signal.SIGTERM

    stopping = threading.Thread(target=ask_to_stop)
    stopping.start()
    with pytest.raises(StoppedError, match="fetching the dataset"):
        storage.fetch_dataset()
    stopping.join()
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "failure").write_text("stopped")
    began = time.monotonic()
    code, records = stalled.end()
    assert code == 0
    assert time.monotonic() - began < 8
    assert bucket.get("out/failure") == b"stopped"
    assert not [record for record in records if record["event"] == "traceback"]
    left = digests_below(tmp_path / "input" / "data")
    assert not [name for name in left if DOWNLOAD_DIR_NAME not in name]


def test_a_supervisor_that_is_gone_ends_the_process_in_the_middle(
    stalled: Service, world: World
) -> None:
    """Nobody is there to tell of what would come."""
    storage = stalled.storage()
    gone: list[BaseException] = []

    def ask() -> None:
        try:
            storage.fetch_dataset()
        except PlatformError as error:
            gone.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    world.proxy.wait_for("stall", 9)
    stalled.commands.close()
    assert stalled.running.finish().code == 0
    asking.join()
    assert "ended before the job" in str(gone[0])


def test_a_finish_that_cannot_publish_is_a_typed_error(
    start: Start, world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """Of what could not be; the rest is published all the same."""
    service = start(CHECKPOINT_URI=bucket.uri("run"), OUTPUT_URI=bucket.uri("out"))
    service.storage().fetch_checkpoint(2)
    world.proxy.faults = [Fault("denied", method="PUT", key="/run/", times=None)]
    save(tmp_path / "checkpoints", 10)
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "failure").write_text("why")
    code, records = service.end()
    assert code == ContradictionError.code
    assert str(bucket.uri("run")) in records[-1]["message"]
    assert "s3:PutObject" in records[-1]["hint"]
    assert bucket.get("out/failure") == b"why"
    assert newest_of(tmp_path / "checkpoints") == 10


def test_an_output_that_cannot_be_published_keeps_no_checkpoint_back(
    start: Start, world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """It is the more precious of the two."""
    service = start(CHECKPOINT_URI=bucket.uri("run"), OUTPUT_URI=bucket.uri("out"))
    service.storage().fetch_checkpoint(2)
    world.proxy.faults = [Fault("slow_down", method="PUT", key="/out/", times=None)]
    save(tmp_path / "checkpoints", 10)
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "failure").write_text("why")
    code, records = service.end()
    assert code == PlatformError.code
    assert str(bucket.uri("out/failure")) in records[-1]["message"]
    assert "run/checkpoint" in bucket.keys
    assert json.dumps(records).count("SlowDown") > 1
