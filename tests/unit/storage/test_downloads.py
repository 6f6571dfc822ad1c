"""What has come of a download is gone on with; what is written down of it is not believed."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from entrypoint.storage.dataset import fetch_dataset
from entrypoint.storage.downloads import Download, Wanted
from entrypoint.storage.keys import DOWNLOAD_DIR_NAME
from entrypoint.storage.s3 import list_objects
from tests.s3.proxy import Fault
from tests.unit.storage.conftest import MIB, Bucket, Child, World, content_of, digests_below

SIZE = 100 * MIB
PIECE = 32 * MIB


def test_a_killed_download_goes_on_where_it_was(
    world: World, bucket: Bucket, tmp_path: Path, show: Callable[[str], None]
) -> None:
    """Only whole files are in place at any time; the second time fetches what was missing."""
    bucket.put_many("data", 20, 1000)
    bucket.put_in_parts("data/large", content_of("large", SIZE), 8 * MIB)
    world.proxy.faults = [Fault("stall", method="GET", key="/data/large", after_bytes=MIB)]
    child = Child(
        """
        uri = parse_uri(arguments[0], name="FROM")
        fetch_dataset(transfers, uri, pathlib.Path(arguments[1]))
        """,
        bucket.uri("data"),
        tmp_path,
        environment=world.proxy.environment,
    )
    world.proxy.wait_for("stall")
    hidden = tmp_path / DOWNLOAD_DIR_NAME
    deadline = time.monotonic() + 30
    while True:
        records = list(hidden.glob("*.pieces"))
        if records and len(records[0].read_text().splitlines()) == 3 and (tmp_path / "6").exists():
            break
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.kill()
    in_place = {
        name: digest
        for name, digest in digests_below(tmp_path).items()
        if not name.startswith(DOWNLOAD_DIR_NAME)
    }
    assert in_place.items() <= bucket.below("data").items()
    assert "large" not in in_place
    first = world.proxy.downloaded_bytes
    world.proxy.faults = []
    world.proxy.forget()
    fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert digests_below(tmp_path) == bucket.below("data")
    second = world.proxy.downloaded_bytes
    missing = SIZE - 3 * PIECE
    assert min(missing, PIECE) <= second < PIECE + MIB
    resumed = world.events("download_resumed")[0]["bytes"]
    show(
        f"killed after {first / 1e6:.1f} MB; then {resumed / 1e6:.1f} MB were there,"
        f" and {second / 1e6:.1f} MB came"
    )


@pytest.fixture
def wanted(world: World, bucket: Bucket, tmp_path: Path) -> Wanted:
    """An object of two pieces, and its file."""
    bucket.put_in_parts("data/large", content_of("large", 40 * MIB), 8 * MIB)
    listed = list_objects(world.transfers().client, bucket.uri("data"), "data/")[0]
    return Wanted(listed, tmp_path / "large")


def come(bucket: Bucket, wanted: Wanted, content: bytes, *, pieces: int) -> Download:
    """Leave what a process leaves that was killed when so many pieces had come."""
    there = wanted.file.parent / DOWNLOAD_DIR_NAME
    there.mkdir()
    with ThreadPoolExecutor() as readers:
        download = Download(bucket.name, wanted, there, 8 * MIB, readers)
        download.go_on()
        download.file.write_bytes(content)
        for piece in download.missing[:pieces]:
            # As if it was killed before the file was put in place.
            download.take(dataclasses.replace(piece), [b"?" * 16])
    return download


def test_a_file_that_was_whole_when_its_process_was_killed_is_put_in_place(
    world: World, bucket: Bucket, wanted: Wanted, tmp_path: Path
) -> None:
    """Nothing of it comes again, and it is read to make sure."""
    come(bucket, wanted, content_of("large", 40 * MIB), pieces=2)
    world.proxy.forget()
    fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert digests_below(tmp_path) == bucket.below("data")
    assert not world.fetched("data/")


def test_what_was_written_down_and_lost_comes_again(
    world: World, bucket: Bucket, wanted: Wanted, tmp_path: Path
) -> None:
    """A machine that crashed may have kept the record and not the bytes."""
    come(bucket, wanted, bytes(40 * MIB), pieces=1)
    fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert digests_below(tmp_path) == bucket.below("data")
    assert world.retries == 1


def test_a_record_that_was_cut_off_says_nothing(
    world: World, bucket: Bucket, wanted: Wanted, tmp_path: Path
) -> None:
    """The pieces come again."""
    download = come(bucket, wanted, bytes(40 * MIB), pieces=0)
    lines = ["", "[0]", "7", "null", '[0, 33554432, ["zz"]]', "[0, 1, []]", "\0\0", "[0, 335"]
    download.record.write_text("\n".join(lines))
    fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert digests_below(tmp_path) == bucket.below("data")
    assert not world.retries


def test_what_is_left_of_an_object_that_has_changed_is_removed(
    world: World, bucket: Bucket, wanted: Wanted, tmp_path: Path
) -> None:
    """It would take space, and never be used."""
    download = come(bucket, wanted, bytes(40 * MIB), pieces=1)
    bucket.put("data/large", content_of("another", 33 * MIB))
    world.proxy.faults = [Fault("denied", method="GET", key="/data/large", times=None)]
    with pytest.raises(Exception, match="AccessDenied"):
        fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert not download.file.exists()
    world.proxy.faults = []
    fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert digests_below(tmp_path) == bucket.below("data")
