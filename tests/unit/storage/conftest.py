"""The storage modules with everything real: S3 servers, the proxy before them, and processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import random
import re
import subprocess
import sys
import textwrap
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from entrypoint.storage import s3
from entrypoint.storage.lanes import Lanes
from entrypoint.storage.transfers import Transfers
from entrypoint.storage.uris import S3Uri
from tests.jobs import PROJECT_DIR, Record, RunningJob
from tests.s3.proxy import FaultProxy
from tests.s3.servers import MotoServer

MIB = 1024 * 1024
# Silence for so long ends a connection of these tests.
TIMEOUT_SECONDS = 2.0
# moto takes any; a word that nothing else writes.
SECRET = "the-secret-of-these-tests"
_LANES_END_SECONDS = 10
# What describes S3 to boto3, and may be set where the tests run.
AWS_NAMES = re.compile(r"AWS_|BOTO_")


def content_of(name: object, size: int) -> bytes:
    """Return bytes that nothing else has: the same for a name again and again."""
    return random.Random(str(name)).randbytes(size)


def digests_below(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a directory, hidden ones too."""
    return {
        str(file.relative_to(directory)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in directory.rglob("*")
        if file.is_file()
    }


@dataclass
class Bucket:
    """A bucket, and how a test fills it and looks into it, past the proxy.

    Attributes:
        digests: the SHA-256 of what was put into it, by key.
    """

    name: str
    client: Any
    digests: dict[str, str] = field(default_factory=dict)

    def uri(self, key: str) -> S3Uri:
        return S3Uri(self.name, key)

    def put(self, key: str, content: bytes | str) -> None:
        body = content.encode() if isinstance(content, str) else content
        self.client.put_object(Bucket=self.name, Key=key, Body=body)
        self.digests[key] = hashlib.sha256(body).hexdigest()

    def put_in_parts(self, key: str, content: bytes, part_bytes: int) -> None:
        """Upload as clients do that cut at another size than the job does."""
        where = {"Bucket": self.name, "Key": key}
        upload = self.client.create_multipart_upload(**where)["UploadId"]
        parts = []
        for number, start in enumerate(range(0, len(content), part_bytes), 1):
            body = content[start : start + part_bytes]
            answer = self.client.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self.client.complete_multipart_upload(
            **where, UploadId=upload, MultipartUpload={"Parts": parts}
        )
        self.digests[key] = hashlib.sha256(content).hexdigest()

    def put_many(self, prefix: str, count: int, size: int) -> None:
        for number in range(count):
            key = f"{prefix}/{number % 7}/{number:04}"
            self.put(key, content_of(key, size + number))

    def get(self, key: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return body

    def remove(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)
        self.digests.pop(key, None)

    @property
    def keys(self) -> set[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {found["Key"] for page in pages for found in page.get("Contents", ())}

    def below(self, prefix: str) -> dict[str, str]:
        """Return what a directory that stands for a prefix has to hold, as `digests_below`."""
        start = f"{prefix}/"
        return {
            key.removeprefix(start): digest
            for key, digest in self.digests.items()
            if key.startswith(start)
        }


class _LogFile(logging.FileHandler):
    """Appends JSON lines, from this process and from all that are forked from it."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            name: value
            for name, value in vars(record).items()
            if isinstance(value, str | int | float) and not name.startswith("_")
        }
        return json.dumps({"event": "log", **fields, "message": record.getMessage()})


@dataclass
class World:
    """A server, the proxy before it, and the processes that move files by way of the proxy.

    Attributes:
        log_file: what all of them log.
        client: the job's own, by way of the proxy.
        direct: a client that asks the server itself.
        log_start: where in the log the test began.
    """

    server: MotoServer
    proxy: FaultProxy
    lanes: Lanes
    log_file: Path
    client: Any
    direct: Any
    log_start: int = 0

    @property
    def records(self) -> list[Record]:
        """What this test has had logged, in any process."""
        text = self.log_file.read_bytes()[self.log_start :].decode()
        return [json.loads(line) for line in text.splitlines()]

    def events(self, name: str) -> list[Record]:
        return [record for record in self.records if record["event"] == name]

    @property
    def retries(self) -> int:
        """How many requests, or transfers, were logged to be tried again."""
        return sum(record.get("transfers", 1) for record in self.events("storage_retry"))

    def transfers(
        self,
        *,
        retry_seconds: float = 60.0,
        log_seconds: float = 60.0,
        ending: threading.Event | None = None,
    ) -> Transfers:
        return Transfers(
            self.client,
            self.lanes,
            ending=ending or threading.Event(),
            log_seconds=log_seconds,
            retry_seconds=retry_seconds,
        )

    def fetched(self, prefix: str = "") -> list[str]:
        """Return the keys that were asked for with GET, without the bucket."""
        asked = [one.path.split("/", 2)[2:] for one in self.proxy.requests if one.method == "GET"]
        return [key for (key,) in filter(None, asked) if key.startswith(prefix) and key]


_PRELUDE = """\
import json, os, pathlib, sys, threading, time
from entrypoint import logs
from entrypoint.storage import s3
from entrypoint.storage.checkpoints import Checkpoints
from entrypoint.storage.dataset import fetch_dataset
from entrypoint.storage.items import Parcel
from entrypoint.storage.lanes import Lanes
from entrypoint.storage.transfers import Transfers
from entrypoint.storage.uris import parse_uri
from tests.unit.storage.conftest import content_of

def say(event):
    print(json.dumps({"event": event}), flush=True)

arguments = sys.argv[1:]
logs.start(sys.stdout, "INFO", {})
lanes = Lanes(timeout_seconds=20)
client, ending = s3.connect(timeout_seconds=20), threading.Event()
transfers = Transfers(client, lanes, ending=ending, log_seconds=60, retry_seconds=30)
"""


class Child(RunningJob):
    """Statements in a process of their own, with lanes of their own.

    `transfers`, `say` and `arguments` are at hand. What is said and logged can be read as of a job.

    Args:
        body: the statements.
        arguments: for them.
        environment: of the process, beside what this one has.
    """

    def __init__(self, body: str, *arguments: object, environment: dict[str, str]) -> None:
        super().__init__(
            subprocess.Popen(
                [sys.executable, "-c", _PRELUDE + textwrap.dedent(body), *map(str, arguments)],
                cwd=PROJECT_DIR,
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            ),
            timeout_seconds=60,
        )

    def kill(self) -> None:
        """Kill the process alone, as an operating system does; its lanes have to end by themselves.

        Raises:
            TimeoutError: they do not.
        """
        began = time.monotonic()
        self.process.kill()
        self.finish()  # the lanes hold the other end of its output open
        if time.monotonic() - began > _LANES_END_SECONDS:
            raise TimeoutError("the lanes went on after their process was killed")

    def finished(self) -> list[Record]:
        """Wait for its end in good order, and return its log."""
        ended = self.finish()
        assert ended.code == 0
        return ended.records


@pytest.fixture(scope="session")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    log_file = tmp_path_factory.mktemp("storage") / "log"
    handler = _LogFile(log_file, encoding="utf-8")
    logger = logging.getLogger("entrypoint")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    with MotoServer() as server, contextlib.ExitStack() as stack:
        proxy = FaultProxy(server.url)
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        use(environment, proxy.environment | {"AWS_SECRET_ACCESS_KEY": SECRET})
        with warnings.catch_warnings():
            # Other tests may have left a thread; a real job forks before it has any.
            warnings.simplefilter("ignore", DeprecationWarning)
            lanes = Lanes(timeout_seconds=TIMEOUT_SECONDS)
        client = s3.connect(timeout_seconds=TIMEOUT_SECONDS)
        with proxy:
            yield World(server, proxy, lanes, log_file, client, server.client())
    logger.removeHandler(handler)
    logger.setLevel(level)
    handler.close()


def use(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Have boto3 find this and nothing else in the environment."""
    for name in list(os.environ):
        if AWS_NAMES.match(name):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def world(_world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world in which nothing has happened yet."""
    use(monkeypatch, _world.proxy.environment | {"AWS_SECRET_ACCESS_KEY": SECRET})
    _world.proxy.faults = []
    _world.proxy.forget()
    _world.log_start = _world.log_file.stat().st_size
    yield _world
    _world.proxy.faults = []
    assert SECRET not in _world.log_file.read_bytes()[_world.log_start :].decode()


@pytest.fixture
def bucket(world: World) -> Bucket:
    """A bucket of the test's own."""
    name = f"test-{uuid.uuid4()}"
    world.direct.create_bucket(Bucket=name)
    return Bucket(name, world.direct)


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a line of figures that is seen although the test passes."""

    def print_it(line: str) -> None:
        with capsys.disabled():
            print(f"\n  {line}")

    return print_it
