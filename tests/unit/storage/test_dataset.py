"""A dataset comes whole, once, and into nothing but a directory of its own."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from entrypoint.errors import ContradictionError, DatasetError, JobError, PlatformError
from entrypoint.storage.dataset import fetch_dataset
from entrypoint.storage.keys import DOWNLOAD_DIR_NAME
from entrypoint.storage.transfers import CancelledError
from tests.s3.proxy import Fault
from tests.unit.storage.conftest import MIB, Bucket, World, content_of, digests_below


def test_small_and_large_objects_come_whole(
    world: World, bucket: Bucket, tmp_path: Path, show: Callable[[str], None]
) -> None:
    """However they were uploaded; not one byte comes twice, and nothing else is left there."""
    bucket.put_many("data", 150, 2000)
    bucket.put("data/empty", b"")
    bucket.put_in_parts("data/parts of 8", content_of("a", 100 * MIB + 7), 8 * MIB)
    bucket.put_in_parts("data/parts of 34", content_of("b", 35 * MIB), 34 * MIB)
    bucket.put("data/at once", content_of("c", 33 * MIB + 1))
    bucket.put("data2/other", b"not below data")
    fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert digests_below(tmp_path) == bucket.below("data")
    assert {entry.name for entry in tmp_path.iterdir()} == {
        *map(str, range(7)), "empty", "parts of 8", "parts of 34", "at once",
    }  # fmt: skip
    size = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert size <= world.proxy.downloaded_bytes < size + MIB
    assert not world.retries
    record = world.events("dataset_fetched")[0]
    assert (record["files"], record["bytes"], record["files_there"]) == (154, size, 0)
    show(f"dataset: {record['files']} files, {size / 1e6:.1f} MB, all right")


def test_what_is_there_and_right_is_not_fetched_again(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """Only what is missing is asked for."""
    bucket.put_many("data", 30, 100)
    bucket.put_in_parts("data/large", content_of("large", 20 * MIB), 8 * MIB)
    fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    (tmp_path / "3" / "0003").unlink()
    world.proxy.forget()
    fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert world.fetched("data/") == ["data/3/0003"]
    assert digests_below(tmp_path) == bucket.below("data")
    assert world.events("dataset_fetched")[-1]["files_there"] == 30
    world.proxy.forget()
    fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert not world.fetched("data/")


@pytest.mark.parametrize("content", [b"another content", b"sAme length", b""])
def test_a_file_with_another_content_is_an_error_that_names_both(
    world: World, bucket: Bucket, tmp_path: Path, content: bytes
) -> None:
    """Nothing is fetched, and the file stays as it is."""
    bucket.put("data/a/file", b"same length")
    bucket.put("data/b", b"missing")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(content)
    with pytest.raises(ContradictionError) as raised:
        fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert str(tmp_path / "a" / "file") in raised.value.message
    assert str(bucket.uri("data")) in raised.value.message
    assert (tmp_path / "a" / "file").read_bytes() == content
    assert not world.fetched("data/")


def test_strange_files_are_an_error_that_shows_some(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """What is not below the URI would be read as if it were part of the dataset."""
    bucket.put("data/a", b"a")
    for name in ("x1", "x2", "x3", "x4", "x5"):
        (tmp_path / name).write_text(name)
    with pytest.raises(ContradictionError, match="x1, x2, x3 and 2 more") as raised:
        fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert str(bucket.uri("data")) in raised.value.message
    assert str(tmp_path) in raised.value.message
    assert not world.fetched("data/")


def test_a_misspelt_prefix_is_answered_with_what_there_is(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """The directory stays empty."""
    bucket.put("dataset/a", b"a")
    with pytest.raises(DatasetError) as raised:
        fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert str(bucket.uri("data")) in raised.value.message
    assert f"s3://{bucket.name}/dataset/" in raised.value.hint
    with pytest.raises(DatasetError, match="nothing below") as raised:
        fetch_dataset(world.transfers(), bucket.uri("elsewhere"), tmp_path)
    assert "MODELMAKER_DATASET_URI" in raised.value.hint
    assert not list(tmp_path.iterdir())


def test_shares_by_key_are_disjoint_and_whole(world: World, bucket: Bucket, tmp_path: Path) -> None:
    """Each machine fetches its objects alone; too few objects are an error."""
    bucket.put_many("data", 20, 100)
    shares = []
    for index in range(3):
        directory = tmp_path / str(index)
        fetch_dataset(world.transfers(), bucket.uri("data"), directory, shared_by=(index, 3))
        shares.append(digests_below(directory))
    assert [len(share) for share in shares] == [7, 7, 6]
    assert len(world.fetched("data/")) == 20
    together: dict[str, str] = {}
    for share in shares:
        assert not together.keys() & share.keys()
        together |= share
    assert together == bucket.below("data")
    with pytest.raises(DatasetError, match="20 objects for 21 machines"):
        fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path / "none", shared_by=(0, 21))


def test_two_tasks_of_a_machine_fetch_once(world: World, bucket: Bucket, tmp_path: Path) -> None:
    """Who comes second waits, and finds all there."""
    bucket.put_many("data", 40, 1000)
    with ThreadPoolExecutor() as tasks:
        for done in [
            tasks.submit(fetch_dataset, world.transfers(), bucket.uri("data"), tmp_path)
            for _ in range(2)
        ]:
            done.result()
    assert digests_below(tmp_path) == bucket.below("data")
    assert len(world.fetched("data/")) == 40


def test_an_object_that_changes_meanwhile_is_an_error_and_no_mixture(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """The second piece is refused, as it would be one of another object."""
    size = 40 * MIB
    bucket.put("data/large", content_of("before", size))
    world.proxy.faults = [Fault("stall", method="GET", key="/data/large", after_bytes=MIB)]
    raised: list[JobError] = []

    def fetch() -> None:
        try:
            fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
        except JobError as error:
            raised.append(error)

    fetching = threading.Thread(target=fetch)
    fetching.start()
    world.proxy.wait_for("stall")
    bucket.put("data/large", content_of("after", size))
    fetching.join()
    assert isinstance(raised[0], PlatformError)
    assert str(bucket.uri("data/large")) in raised[0].message
    assert "changed" in raised[0].message
    assert not (tmp_path / "large").exists()
    fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert digests_below(tmp_path) == bucket.below("data")


def test_an_object_that_goes_away_meanwhile_is_an_error_at_once(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """It is not asked for again and again."""
    bucket.put("data/large", content_of("before", 8 * MIB))
    world.proxy.faults = [Fault("stall", method="GET", key="/data/large", after_bytes=MIB)]
    with ThreadPoolExecutor() as tasks:
        fetching = tasks.submit(fetch_dataset, world.transfers(), bucket.uri("data"), tmp_path)
        world.proxy.wait_for("stall")
        bucket.remove("data/large")
        with pytest.raises(PlatformError, match="is gone"):
            fetching.result()
    assert len(world.fetched("data/")) == 2


def test_a_stop_ends_a_download_at_once(world: World, bucket: Bucket, tmp_path: Path) -> None:
    """Even while it rests before it tries again; what has come is kept for another attempt."""
    bucket.put_many("data", 20, 100)
    world.proxy.faults = [Fault("corrupt", method="GET", key="/data/0/0000", times=None)]
    ending = threading.Event()
    transfers = world.transfers(ending=ending)
    with ThreadPoolExecutor() as tasks:
        fetching = tasks.submit(fetch_dataset, transfers, bucket.uri("data"), tmp_path)
        world.proxy.wait_for("corrupt", 3)  # four seconds of rest follow
        stopped = time.monotonic()
        ending.set()
        with pytest.raises(CancelledError):
            fetching.result()
    assert time.monotonic() - stopped < 2
    world.lanes._is_cancelled.value = 0  # the lanes outlive their job here
    world.proxy.faults = []
    hidden = tmp_path / DOWNLOAD_DIR_NAME
    assert len([file for file in digests_below(tmp_path) if hidden.name not in file]) == 19
    fetch_dataset(world.transfers(), bucket.uri("data"), tmp_path)
    assert not hidden.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 8 MiB."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", directory],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small filesystem cannot be mounted here: {mounted.stderr.strip()}")
    yield directory
    subprocess.run(["umount", "--lazy", directory], check=True)


def test_what_does_not_fit_is_refused_before_a_byte_is_moved(
    world: World, bucket: Bucket, small_disk: Path
) -> None:
    """With what is needed and what is free, and a code that says to try again with more."""
    bucket.put("data/a", content_of("a", 5 * MIB))
    bucket.put("data/b", content_of("b", 5 * MIB))
    with pytest.raises(PlatformError) as raised:
        fetch_dataset(world.transfers(), bucket.uri("data"), small_disk)
    assert raised.value.code == 138
    assert "10.0 MiB" in raised.value.message
    assert "8.0 MiB" in raised.value.message
    assert str(bucket.uri("data")) in raised.value.message
    assert not world.fetched("data/")
