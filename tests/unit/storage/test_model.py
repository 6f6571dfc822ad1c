"""A published model is whole once its manifest is there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from entrypoint.errors import ContradictionError, PlatformError
from entrypoint.storage.model import MANIFEST, publish_model
from entrypoint.storage.uris import S3Uri
from tests.s3.proxy import Fault
from tests.unit.storage.conftest import MIB, Bucket, World, content_of

FILES = {
    "saved_model.pb": 4000,
    "variables/variables.data-00000-of-00001": 33 * MIB,
    "variables/variables.index": 300,
    "assets/vocabulary ä.txt": 0,
    "assets/saved_model.pb": 10,
}


@pytest.fixture
def version_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "1700000000"
    for name, size in FILES.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content_of(name, size))
    return directory


def sent(world: World) -> list[str]:
    """Return the keys that were written, in the order in which they were there."""
    written = [
        request.path.split("/", 2)[2]
        for request in world.proxy.requests
        if request.method == "PUT" and "partNumber" not in request.query and request.status == 200
    ]
    completed = [one for one in world.proxy.requests if one.query.startswith("uploadId")]
    assert len([one for one in completed if one.method == "POST"]) == 1
    return written


def test_the_manifest_comes_last_and_tells_of_every_file(
    world: World, bucket: Bucket, version_dir: Path
) -> None:
    """Sizes and SHA-256; just before it what servers look for."""
    to = publish_model(world.transfers(), bucket.uri("models/digits"), version_dir)
    assert to == bucket.uri("models/digits/1700000000")
    start = f"{to.key}/"
    assert [key.removeprefix(start) for key in sent(world)[-2:]] == ["saved_model.pb", MANIFEST]
    assert bucket.keys == {f"{start}{name}" for name in (*FILES, MANIFEST)}
    manifest = json.loads(bucket.get(f"{start}{MANIFEST}"))
    assert manifest["version"] == 1700000000
    assert set(manifest["files"]) == set(FILES)
    for name, size in FILES.items():
        content = bucket.get(f"{start}{name}")
        assert content == content_of(name, size)
        digest = hashlib.sha256(content).hexdigest()
        assert manifest["files"][name] == {"size": size, "sha256": digest}


@pytest.mark.parametrize("key", ["variables.index", "saved_model.pb", MANIFEST])
def test_a_denied_publish_leaves_the_model_and_says_how_to_publish_it(
    world: World, bucket: Bucket, version_dir: Path, key: str
) -> None:
    """By hand, with a line to copy, the manifest last."""
    world.proxy.faults = [Fault("denied", method="PUT", key=key, times=None)]
    with pytest.raises(ContradictionError) as raised:
        publish_model(world.transfers(), bucket.uri("models"), version_dir)
    error = raised.value
    assert error.message.startswith("the model is not published: cannot write s3://")
    assert "AccessDenied" in error.message
    assert "s3:PutObject" in error.hint
    to = bucket.uri("models/1700000000")
    first = f"`aws s3 cp --recursive --exclude {MANIFEST} {version_dir} {to} &&"
    assert f"{first} aws s3 cp {version_dir / MANIFEST} {to}/`" in error.hint
    assert (version_dir / MANIFEST).is_file(), "there is one to copy last"
    assert f"{to.key}/{MANIFEST}" not in bucket.keys
    for name, size in FILES.items():
        assert (version_dir / name).read_bytes() == content_of(name, size)


def test_a_storage_that_is_gone_is_an_error_that_may_pass(
    world: World, bucket: Bucket, version_dir: Path
) -> None:
    """After it was tried again for as long as is said."""
    world.proxy.faults = [Fault("lost_answer", method="PUT", times=None)]
    with pytest.raises(PlatformError, match="the model is not published") as raised:
        publish_model(world.transfers(retry_seconds=0), bucket.uri("models"), version_dir)
    assert "aws s3 cp" in raised.value.hint


def test_faults_on_the_way_do_no_harm(world: World, bucket: Bucket, version_dir: Path) -> None:
    """What is there in the end is what the manifest says."""
    world.proxy.faults = [
        Fault("reset", method="PUT", key="variables.data", times=1),
        Fault("slow_down", method="PUT", key="variables.data"),
        Fault("slow_down", method="POST", query="uploadId="),
        Fault("internal_error", method="PUT", key="manifest"),
    ]
    to = publish_model(world.transfers(), S3Uri(bucket.name, ""), version_dir)
    assert to.key == "1700000000"
    for name, size in FILES.items():
        assert bucket.get(f"{to.key}/{name}") == content_of(name, size)
    assert world.retries == sum(world.proxy.injected.values()) == 4
