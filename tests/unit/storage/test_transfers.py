"""What goes wrong on the way is tried again, said once, and never ends in a wrong file."""

from __future__ import annotations

import base64
import http.server
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from entrypoint.errors import ContradictionError, PlatformError
from entrypoint.storage.dataset import fetch_dataset
from entrypoint.storage.items import Parcel
from entrypoint.storage.keys import DOWNLOAD_DIR_NAME
from tests.s3.proxy import Fault, FaultProxy, Kind
from tests.unit.storage.conftest import (
    MIB,
    Bucket,
    Child,
    World,
    content_of,
    digests_below,
)

DOWNLOAD_FAULTS: list[tuple[Kind, int]] = [
    ("reset", 5),
    ("truncate", 5),
    ("short", 5),
    ("corrupt", 5),
    ("stall", 3),
    ("slow_down", 5),
    ("internal_error", 5),
]


@pytest.fixture
def figures(show: Callable[[str], None]) -> Callable[[World, str, int], None]:
    def print_figures(world: World, what: str, right: int) -> None:
        faults = ", ".join(f"{kind} {count}" for kind, count in world.proxy.injected.items())
        show(
            f"{what}: faults injected: {sum(world.proxy.injected.values())} ({faults}),"
            f" tried again: {world.retries}, files right: {right} of {right}"
        )

    return print_figures


def fetch(world: World, bucket: Bucket, directory: Path) -> None:
    """Fetch all below "data", and make sure of every byte of it."""
    fetch_dataset(world.transfers(), bucket.uri("data"), directory)
    assert digests_below(directory) == bucket.below("data")
    assert not (directory / DOWNLOAD_DIR_NAME).exists()


@pytest.mark.parametrize(("kind", "times"), DOWNLOAD_FAULTS)
def test_a_download_gets_over(  # noqa: PLR0917 (the fixtures and what is tried)
    world: World,
    bucket: Bucket,
    tmp_path: Path,
    figures: Callable[[World, str, int], None],
    kind: Kind,
    times: int,
) -> None:
    """Each fault is one retry in the log, and no more than the file it befell comes again."""
    bucket.put_many("data", 30, 3000)
    world.proxy.faults = [Fault(kind, method="GET", key="/data/", times=times)]
    fetch(world, bucket, tmp_path)
    assert world.proxy.injected == {kind: times}
    assert world.retries == times
    assert len(world.fetched("data/")) == 30 + times
    figures(world, "downloads", 30)


@pytest.mark.parametrize("kind", ["reset", "truncate", "short", "corrupt", "stall"])
@pytest.mark.parametrize("is_in_parts", [False, True], ids=["at once", "in parts"])
def test_a_large_download_gets_over(
    world: World, bucket: Bucket, tmp_path: Path, kind: Kind, is_in_parts: bool
) -> None:
    """Whether the ETag tells of its parts or not."""
    content = content_of("large", 34 * MIB)
    if is_in_parts:
        bucket.put_in_parts("data/large", content, 8 * MIB)
    else:
        bucket.put("data/large", content)
    world.proxy.faults = [Fault(kind, method="GET", key="/data/", after_bytes=MIB)]
    fetch(world, bucket, tmp_path)
    assert world.proxy.injected == {kind: 1}
    assert world.retries == 1
    assert len(world.fetched("data/")) in {3, 4}


def test_wrong_etags_of_answers_change_nothing(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """The ETag that counts is that of the listing, and asked for with If-Match."""
    bucket.put_many("data", 20, 3000)
    world.proxy.faults = [Fault("wrong_etag", method="GET", key="/data/", times=None)]
    fetch(world, bucket, tmp_path)
    assert world.proxy.injected == {"wrong_etag": 20}
    assert not world.retries


def test_a_storm_of_everything(
    world: World, bucket: Bucket, tmp_path: Path, figures: Callable[[World, str, int], None]
) -> None:
    """Three requests of ten fail in one way or another, small and large."""
    bucket.put_many("data", 100, 3000)
    bucket.put_in_parts("data/large", content_of("large", 40 * MIB), 8 * MIB)
    world.proxy.faults = [
        Fault("slow_down", times=None, probability=0.2),
        *(
            Fault(kind, method="GET", key="/data/", times=5, probability=0.2)
            for kind in ("reset", "truncate", "short", "corrupt", "internal_error")
        ),
        Fault("stall", method="GET", key="/data/", times=2, probability=0.1),
    ]
    fetch(world, bucket, tmp_path)
    injected = sum(world.proxy.injected.values())
    assert injected >= 25
    # A server that answers late counts as a stall of its own.
    assert injected <= world.retries <= injected + 5
    figures(world, "downloads in a storm", 101)


@pytest.mark.parametrize(
    ("kind", "times"),
    [("reset", 4), ("stall", 2), ("slow_down", 5), ("internal_error", 5), ("lost_answer", 5)],
)
def test_an_upload_gets_over(  # noqa: PLR0917 (the fixtures and what is tried)
    world: World,
    bucket: Bucket,
    tmp_path: Path,
    figures: Callable[[World, str, int], None],
    kind: Kind,
    times: int,
) -> None:
    """Each fault is one retry in the log; small files go up at once, large ones in parts."""
    sizes = {f"{number}": 3000 + number for number in range(20)} | {"large": 33 * MIB}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(content_of(name, size))
    world.proxy.faults = [
        Fault(kind, method="PUT", key="/up/large"),
        Fault(kind, method="PUT", key="/up/", times=times - 1),
    ]
    parcels = [Parcel(tmp_path / name, bucket.uri(f"up/{name}")) for name in sizes]
    world.transfers().upload(parcels, what="files")
    for name in sizes:
        assert bucket.get(f"up/{name}") == (tmp_path / name).read_bytes()
    assert world.proxy.injected == {kind: times}
    assert world.retries == times
    figures(world, "uploads", len(sizes))


def test_an_upload_in_parts_is_completed_although_the_answer_is_lost(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """What S3 says then is that it knows of no such upload."""
    (tmp_path / "large").write_bytes(content_of("large", 33 * MIB))
    world.proxy.faults = [Fault("lost_answer", method="POST", query="uploadId=")]
    parcel = Parcel(tmp_path / "large", bucket.uri("large"))
    world.transfers().upload([parcel], what="files")
    assert world.proxy.injected == {"lost_answer": 1}
    assert bucket.get("large") == (tmp_path / "large").read_bytes()


@pytest.mark.parametrize("kind", ["truncate", "corrupt"])
def test_a_download_that_goes_on_failing_ends_with_a_typed_error(
    world: World, bucket: Bucket, tmp_path: Path, kind: Kind
) -> None:
    """In the time that is given for it; nothing of it is in place."""
    bucket.put_many("data", 5, 3000)
    bucket.put("data/bad", content_of("bad", 3000))
    world.proxy.faults = [Fault(kind, method="GET", key="/data/bad", times=None)]
    began = time.monotonic()
    with pytest.raises(PlatformError) as raised:
        fetch_dataset(world.transfers(retry_seconds=2), bucket.uri("data"), tmp_path)
    assert time.monotonic() - began < 2 + 3
    assert str(bucket.uri("data/bad")) in raised.value.message
    assert raised.value.hint
    assert not (tmp_path / "bad").exists()
    right = bucket.below("data").items()
    assert digests_below(tmp_path).items() >= {one for one in right if one[0] != "bad"}


def test_content_that_is_wrong_for_ever_is_not_fetched_for_ever(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """A large object is read to the end before that shows, five times and no more."""
    bucket.put_in_parts("data/large", content_of("bad", 33 * MIB), 8 * MIB)
    world.proxy.faults = [Fault("corrupt", method="GET", key="/data/", after_bytes=100, times=None)]
    with pytest.raises(PlatformError, match="not what its ETag says, 5 times") as raised:
        fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert str(bucket.uri("data/large")) in raised.value.message
    assert not (tmp_path / "large").exists()


def test_a_refusal_ends_a_download_at_its_first(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """What is denied once is not asked for a thousand times."""
    bucket.put_many("data", 300, 10)
    world.proxy.faults = [Fault("denied", method="GET", key="/data/", times=None)]
    with pytest.raises(ContradictionError, match="AccessDenied"):
        fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert len(world.fetched("data/")) < 250
    assert not world.retries


class _Checking(http.server.BaseHTTPRequestHandler):
    """As much of S3 as checks what comes, which neither of the servers of the tests does."""

    protocol_version = "HTTP/1.1"
    taken: ClassVar[dict[str, bytes]] = {}

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        checksum = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
        is_right = self.headers["x-amz-checksum-crc32"] == checksum
        answer = b"" if is_right else b"<Error><Code>BadDigest</Code></Error>"
        if is_right:
            self.taken[self.path] = content
        self.send_response(200 if is_right else 400)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_what_is_corrupted_on_its_way_up_is_refused_and_sent_again(tmp_path: Path) -> None:
    """A checksum goes with every upload."""
    sent = {f"/bucket/{number}": content_of(number, 3000 + number) for number in range(20)}
    for path, content in sent.items():
        (tmp_path / Path(path).name).write_bytes(content)
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Checking) as server,
        FaultProxy(f"http://127.0.0.1:{server.server_port}") as proxy,
    ):
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        proxy.faults = [Fault("corrupt", method="PUT", times=5)]
        child = Child(
            """
            files = pathlib.Path(arguments[0]).iterdir()
            to = parse_uri("s3://bucket", name="TO")
            transfers.upload([Parcel(file, to.child(file.name)) for file in files], what="files")
            """,
            tmp_path,
            environment=proxy.environment,
        )
        records = child.finished()
        server.shutdown()
        serving.join()
    assert proxy.injected == {"corrupt": 5}
    assert _Checking.taken == sent
    retries = [record for record in records if record["event"] == "storage_retry"]
    assert sum(record.get("transfers", 1) for record in retries) == 5
