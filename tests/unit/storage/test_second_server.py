"""The storage modules with rclone's server, which nobody has taught what moto believes of S3."""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrypoint.errors import ContradictionError
from entrypoint.storage import s3
from entrypoint.storage.checkpoints import Checkpoints
from entrypoint.storage.dataset import fetch_dataset
from entrypoint.storage.items import Parcel
from entrypoint.storage.lanes import Lanes
from entrypoint.storage.model import MANIFEST, publish_model
from entrypoint.storage.transfers import Transfers
from tests.s3.servers import RcloneServer
from tests.unit.storage.conftest import MIB, Bucket, content_of, digests_below, use

SMALL = 300
LARGE_BYTES = 80 * MIB + 1
TIMEOUT_SECONDS = 10.0


@pytest.fixture(scope="module")
def server() -> Iterator[RcloneServer]:
    with RcloneServer() as server, pytest.MonkeyPatch.context() as environment:
        use(environment, server.environment)
        yield server


@pytest.fixture(scope="module")
def transfers(server: RcloneServer) -> Iterator[Transfers]:
    with warnings.catch_warnings():
        # Other tests may have left a thread; a real job forks before it has any.
        warnings.simplefilter("ignore", DeprecationWarning)
        lanes = Lanes(timeout_seconds=TIMEOUT_SECONDS)
    yield Transfers(
        s3.connect(timeout_seconds=TIMEOUT_SECONDS),
        lanes,
        ending=threading.Event(),
        log_seconds=60.0,
        retry_seconds=0.0,
    )
    lanes._pool.shutdown()


@pytest.fixture
def bucket(server: RcloneServer) -> Bucket:
    """A bucket of the test's own."""
    bucket = Bucket(f"test-{uuid.uuid4()}", server.client())
    bucket.client.create_bucket(Bucket=bucket.name)
    return bucket


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory with many small files, and one that goes up in parts."""
    directory = tmp_path / "files"
    for number in range(SMALL):
        file = directory / str(number % 7) / f"{number:04}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content_of(number, 1000 + number))
    (directory / "empty").touch()
    (directory / "large").write_bytes(content_of("large", LARGE_BYTES))
    return directory


def parcels(directory: Path, bucket: Bucket, prefix: str) -> list[Parcel]:
    return [
        Parcel(file, bucket.uri(f"{prefix}/{file.relative_to(directory)}"))
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    ]


def test_what_was_uploaded_by_others_is_downloaded(
    transfers: Transfers, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put_many("data", SMALL, 1000)
    bucket.put("data/empty", b"")
    bucket.put_in_parts("data/large", content_of("large", LARGE_BYTES), 8 * MIB)
    fetch_dataset(transfers, bucket.uri("data"), tmp_path / "data")
    assert digests_below(tmp_path / "data") == bucket.below("data")
    assert len(bucket.below("data")) == SMALL + 2


def test_what_is_uploaded_is_what_the_server_stores_and_gives_back(
    transfers: Transfers, server: RcloneServer, bucket: Bucket, files: Path, tmp_path: Path
) -> None:
    transfers.upload(parcels(files, bucket, "some/where"), what="files")
    wanted = digests_below(files)
    assert len(wanted) == SMALL + 2
    assert digests_below(server.data_dir / bucket.name / "some" / "where") == wanted
    fetch_dataset(transfers, bucket.uri("some/where"), tmp_path / "back")
    assert digests_below(tmp_path / "back") == wanted


def test_more_objects_than_a_page_of_a_listing_has_are_all_listed(
    transfers: Transfers, bucket: Bucket, tmp_path: Path
) -> None:
    for number in range(1100):
        (tmp_path / f"{number:04}").write_text(str(number))
    transfers.upload(parcels(tmp_path, bucket, "data"), what="files")
    assert bucket.client.list_objects_v2(Bucket=bucket.name)["IsTruncated"]
    listed = s3.list_below(transfers.client, bucket.uri("data"))
    assert [one.key for one in listed] == [f"data/{number:04}" for number in range(1100)]
    assert [one.size for one in listed] == [len(str(number)) for number in range(1100)]


def save(directory: Path, *names: str) -> None:
    """Save the last checkpoint as TensorFlow does, which names those before it too."""
    for suffix in (".index", ".meta", ".data-00000-of-00001"):
        (directory / f"{names[-1]}{suffix}").write_bytes(content_of(f"{names[-1]}{suffix}", 50_000))
    lines = [f'model_checkpoint_path: "{names[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    (directory / "checkpoint").write_text("\n".join(lines) + "\n")


def test_a_checkpoint_goes_to_another_machine(
    transfers: Transfers, server: RcloneServer, bucket: Bucket, tmp_path: Path
) -> None:
    uri = bucket.uri("job/checkpoints")
    here, there = tmp_path / "here", tmp_path / "there"
    chief = Checkpoints(transfers, uri, here)
    chief.fetch(keep=1)
    save(here, "model.ckpt-10")
    chief.publish()
    save(here, "model.ckpt-10", "model.ckpt-20")
    chief.publish()
    assert {
        file.name for file in (server.data_dir / bucket.name / "job/checkpoints").iterdir()
    } == {
        "checkpoint",
        "model.ckpt-20.data-00000-of-00001",
        "model.ckpt-20.index",
        "model.ckpt-20.meta",
    }
    Checkpoints(transfers, uri, there).fetch(keep=1)
    fetched = {name: digest for name, digest in digests_below(there).items() if "-20" in name}
    saved = {name: digest for name, digest in digests_below(here).items() if "-20" in name}
    assert fetched == saved
    assert len(saved) == 3
    assert 'model_checkpoint_path: "model.ckpt-20"' in (there / "checkpoint").read_text()


def test_a_model_is_published_with_a_manifest_that_is_true(
    transfers: Transfers, server: RcloneServer, bucket: Bucket, tmp_path: Path
) -> None:
    version_dir = tmp_path / "1700000000"
    (version_dir / "variables").mkdir(parents=True)
    (version_dir / "saved_model.pb").write_bytes(content_of("graph", 10_000))
    (version_dir / "variables" / "variables.index").write_bytes(content_of("index", 1_000))
    large = content_of("variables", 33 * MIB)
    (version_dir / "variables" / "variables.data-00000-of-00001").write_bytes(large)
    published = publish_model(transfers, bucket.uri("models"), version_dir)
    assert str(published).rstrip("/") == f"s3://{bucket.name}/models/1700000000"
    stored_dir = server.data_dir / bucket.name / "models" / "1700000000"
    manifest = json.loads((stored_dir / MANIFEST).read_text())
    stored = {
        str(file.relative_to(stored_dir)): {
            "size": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in stored_dir.rglob("*")
        if file.is_file() and file.name != MANIFEST
    }
    assert manifest["files"] == stored
    sent = digests_below(version_dir)
    del sent[MANIFEST]
    assert {name: one["sha256"] for name, one in stored.items()} == sent


def test_a_wrong_secret_is_told_from_other_refusals(
    server: RcloneServer, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This server computes every signature itself."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    client = s3.connect(timeout_seconds=TIMEOUT_SECONDS)
    with pytest.raises(ContradictionError) as caught:
        s3.list_below(client, bucket.uri("data"))
    assert f"s3://{bucket.name}/data" in caught.value.message
    assert "AWS_SECRET_ACCESS_KEY" in caught.value.hint
    assert "not-the-secret" not in caught.value.message + caught.value.hint
