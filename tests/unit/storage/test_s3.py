"""Every refusal is one sentence that names the URI and the fix; nothing of it is a secret."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from entrypoint.errors import ContradictionError, JobError, PlatformError
from entrypoint.storage import s3
from entrypoint.storage.uris import S3Uri
from tests.s3.proxy import Fault, Kind
from tests.unit.storage.conftest import TIMEOUT_SECONDS, Bucket, World, content_of, use


def refusal(uri: S3Uri) -> JobError:
    with pytest.raises(JobError) as raised:
        s3.list_below(s3.connect(timeout_seconds=TIMEOUT_SECONDS), uri)
    assert str(uri) in raised.value.message
    assert "\n" not in raised.value.message + raised.value.hint
    assert raised.value.hint
    return raised.value


def test_no_credentials(world: World, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would guess what "Unable to locate credentials" wants."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = refusal(bucket.uri("data"))
    assert isinstance(error, ContradictionError)
    assert "no usable credentials" in error.message
    assert "AWS_ACCESS_KEY_ID" in error.hint
    assert "s3:ListBucket" in error.hint
    assert not world.proxy.requests


def test_half_of_the_credentials(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which half is missing is said."""
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ContradictionError, match="AWS_SECRET_ACCESS_KEY"):
        s3.connect(timeout_seconds=TIMEOUT_SECONDS)
    assert not world.proxy.requests


def test_a_profile_that_is_not_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named."""
    monkeypatch.setenv("AWS_PROFILE", "research")
    with pytest.raises(ContradictionError, match="research") as raised:
        s3.connect(timeout_seconds=TIMEOUT_SECONDS)
    assert "AWS_PROFILE" in raised.value.hint


def test_a_bucket_that_is_not_there(world: World) -> None:
    """It may be that of another server."""
    error = refusal(S3Uri("no-such-bucket", "data"))
    assert isinstance(error, ContradictionError)
    assert "bucket's name" in error.hint
    assert "AWS_ENDPOINT_URL" in error.hint


@pytest.mark.parametrize("bucket_name", ["b", "UPPER..case", "-"])
def test_a_bucket_that_cannot_be(world: World, bucket_name: str) -> None:
    """S3 is not even asked."""
    error = refusal(S3Uri(bucket_name, "data"))
    assert isinstance(error, ContradictionError)


def test_denied(world: World, bucket: Bucket) -> None:
    """What the role has to be allowed is said."""
    world.proxy.faults = [Fault("denied", times=None)]
    error = refusal(bucket.uri("data"))
    assert isinstance(error, ContradictionError)
    assert "AccessDenied" in error.message
    assert "s3:ListBucket, s3:GetObject" in error.hint
    client = world.client
    with pytest.raises(ContradictionError, match="cannot write to") as raised:
        s3.require_writable(client, bucket.uri("model"))
    assert str(bucket.uri("model")) in raised.value.message
    assert "s3:PutObject" in raised.value.hint
    assert not world.retries


def test_the_wrong_region(world: World, bucket: Bucket) -> None:
    """The bucket's region is named, where the answer names it."""
    world.proxy.faults = [Fault("redirect", times=None, region="eu-north-1")]
    error = refusal(bucket.uri("data"))
    assert isinstance(error, ContradictionError)
    assert error.hint == "set AWS_REGION=eu-north-1, the bucket's region"


def test_a_clock_that_is_wrong(world: World, bucket: Bucket) -> None:
    """It is no matter of credentials."""
    world.proxy.faults = [Fault("skew", times=None)]
    error = refusal(bucket.uri("data"))
    assert isinstance(error, ContradictionError)
    assert "clock" in error.hint


def test_an_endpoint_that_nobody_listens_on(
    world: World, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may pass; each try is logged once."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    error = refusal(bucket.uri("data"))
    assert isinstance(error, PlatformError)
    assert "AWS_ENDPOINT_URL" in error.hint
    assert f"127.0.0.1:{port}" in error.message
    assert world.retries == s3.MAX_ATTEMPTS - 1


@pytest.mark.parametrize("url", ["minio:9000", "http://", "http:// x", "/data"])
def test_an_endpoint_that_is_no_url(
    world: World, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """The variable is named."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(ContradictionError) as raised:
        s3.list_below(s3.connect(timeout_seconds=TIMEOUT_SECONDS), bucket.uri("data"))
    assert "AWS_ENDPOINT_URL" in raised.value.hint


def test_each_retry_of_a_request_is_logged_once(world: World, bucket: Bucket) -> None:
    """With what was asked for and what came."""
    bucket.put("data/a", b"a")
    world.proxy.faults = [Fault("slow_down"), Fault("internal_error"), Fault("reset", method="GET")]
    client = world.client
    assert len(s3.list_below(client, bucket.uri("data"))) == 1
    messages = [record["message"] for record in world.events("storage_retry")]
    assert len(messages) == 3
    assert messages[0].startswith("S3 ListObjectsV2 is tried again: 503 SlowDown")
    assert messages[1].startswith("S3 ListObjectsV2 is tried again: 500 InternalError")


@pytest.mark.parametrize("kind", ["reset", "truncate", "short", "corrupt", "wrong_etag", "stall"])
def test_a_small_object_is_read_again_if_it_breaks_off(
    world: World, bucket: Bucket, kind: Kind
) -> None:
    """It is whole and right, or an error."""
    content = content_of("parameters", 5000)
    bucket.put("parameters.json", content)
    uri = bucket.uri("parameters.json")
    world.proxy.faults = [Fault(kind, method="GET", key="parameters", after_bytes=100)]
    client = world.client
    assert s3.read_object(client, uri, max_bytes=5000) == content
    assert world.proxy.injected == {kind: 1}
    assert world.retries == 1


def test_a_small_object_that_is_never_right_is_an_error(world: World, bucket: Bucket) -> None:
    """Which may pass."""
    bucket.put("parameters.json", b"{}" * 50)
    uri = bucket.uri("parameters.json")
    world.proxy.faults = [Fault("short", method="GET", key="parameters", times=None)]
    client = world.client
    with pytest.raises(PlatformError) as raised:
        s3.read_object(client, uri, max_bytes=5000)
    assert str(uri) in raised.value.message
    assert world.proxy.injected == {"short": s3.MAX_ATTEMPTS}


def test_what_is_not_there_or_too_large(world: World, bucket: Bucket) -> None:
    """None is for who asks to judge; a large object is named."""
    bucket.put("large", bytes(2049))
    client = world.client
    assert s3.read_object(client, bucket.uri("missing"), max_bytes=10) is None
    with pytest.raises(ContradictionError, match="more than 2 KiB") as raised:
        s3.read_object(client, bucket.uri("large"), max_bytes=2048)
    assert str(bucket.uri("large")) in raised.value.message


def test_an_object_that_went_away_is_an_error_that_may_pass(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """It was there when the prefix was listed."""
    client = world.client
    with pytest.raises(PlatformError, match="is gone"):
        s3.download(client, bucket.name, "missing", tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_the_probe_leaves_nothing(world: World, bucket: Bucket) -> None:
    """Not even an upload that nobody completes."""
    s3.require_writable(s3.connect(timeout_seconds=TIMEOUT_SECONDS), bucket.uri("model"))
    assert not bucket.keys
    uploads = bucket.client.list_multipart_uploads(Bucket=bucket.name)
    assert not uploads.get("Uploads")


def test_keys_are_listed_as_they_are(world: World, bucket: Bucket) -> None:
    """Such too as a URL would write otherwise."""
    names = {"a b", "ä/ö", "q?x=1", "a+b%20", "#", "日本"}
    for name in names:
        bucket.put(f"data/{name}", name)
    listed = s3.list_below(world.client, bucket.uri("data"))
    assert {one.key for one in listed} == {f"data/{name}" for name in names}


def test_no_secret_is_ever_in_a_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong; the log is looked through after every test."""
    use(monkeypatch, world.proxy.environment | {"AWS_SECRET_ACCESS_KEY": "s3cr3t/k3y"})
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t0k3n")
    kinds: tuple[Kind, ...] = ("denied", "skew", "redirect")
    for kind in kinds:
        world.proxy.faults = [Fault(kind, times=None)]
        error = refusal(S3Uri("some-bucket", "data"))
        assert "s3cr3t" not in error.message + error.hint
        assert "t0k3n" not in error.message + error.hint
    said = "".join(record["message"] for record in world.records)
    assert "s3cr3t" not in said
    assert os.environ["AWS_SESSION_TOKEN"] not in said
