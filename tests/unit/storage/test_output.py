"""What the job says of itself is published as it changes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from entrypoint.errors import ContradictionError
from entrypoint.storage.output import Output
from tests.s3.proxy import Fault
from tests.unit.storage.conftest import Bucket, World


@pytest.fixture
def output(world: World, bucket: Bucket, tmp_path: Path) -> Output:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "metrics.jsonl").write_text("{}\n")
    (tmp_path / "data" / "report.json").write_text("{}")
    return Output(world.transfers(), bucket.uri("out"), tmp_path)


def sent(world: World) -> list[str]:
    keys = [one.path.split("/", 3)[3] for one in world.proxy.requests if one.method == "PUT"]
    world.proxy.forget()
    return sorted(keys)


def test_only_what_has_changed_is_sent(
    world: World, bucket: Bucket, output: Output, tmp_path: Path
) -> None:
    """By its size or the time of its change."""
    output.publish()
    assert sent(world) == ["data/metrics.jsonl", "data/report.json"]
    output.publish()
    assert sent(world) == []
    with (tmp_path / "data" / "metrics.jsonl").open("a") as metrics:
        metrics.write("{}\n")
    (tmp_path / "failure").write_text("why")
    output.publish()
    assert sent(world) == ["data/metrics.jsonl", "failure"]
    assert bucket.get("out/data/metrics.jsonl") == b"{}\n{}\n"
    assert bucket.get("out/failure") == b"why"


def test_what_could_not_be_sent_is_sent_the_next_time(world: World, output: Output) -> None:
    """It does not count as published."""
    world.proxy.faults = [Fault("denied", method="PUT", key="report")]
    with pytest.raises(ContradictionError, match="AccessDenied"):
        output.publish()
    world.proxy.forget()
    output.publish()
    assert "data/report.json" in sent(world)


def test_a_file_that_was_only_there_for_a_moment_is_no_failure(
    world: World, bucket: Bucket, output: Output, tmp_path: Path
) -> None:
    """Files are replaced by others while they are looked at."""
    going = tmp_path / "data" / "going"
    ending = threading.Event()

    def come_and_go() -> None:
        while not ending.is_set():
            going.write_text("x")
            going.unlink()

    coming = threading.Thread(target=come_and_go)
    coming.start()
    try:
        for number in range(10):
            (tmp_path / "data" / "report.json").write_text(f"{number:03}")
            output.publish()
    finally:
        ending.set()
        coming.join()
    assert bucket.get("out/data/report.json") == b"009"


def test_the_failure_of_an_earlier_attempt_goes(
    world: World, bucket: Bucket, output: Output, tmp_path: Path
) -> None:
    """Unless this one has failed as well."""
    bucket.put("out/failure", "an earlier one")
    (tmp_path / "failure").write_text("this one")
    output.finish()
    assert bucket.get("out/failure") == b"this one"
    (tmp_path / "failure").unlink()
    output.finish()
    assert bucket.keys == {"out/data/metrics.jsonl", "out/data/report.json"}
    output.finish()


def test_a_job_on_another_machine_adds_to_the_metrics_of_earlier_attempts(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("out/data/metrics.jsonl", b'{"event": "progress"}\n')
    output = Output(world.transfers(), bucket.uri("out"), tmp_path)
    output.go_on()
    metrics = tmp_path / "data" / "metrics.jsonl"
    with metrics.open("a") as stream:
        stream.write('{"event": "evaluation"}\n')
    output.go_on()
    output.publish()
    expected = b'{"event": "progress"}\n{"event": "evaluation"}\n'
    assert bucket.get("out/data/metrics.jsonl") == expected


def test_a_first_attempt_has_no_metrics(world: World, bucket: Bucket, tmp_path: Path) -> None:
    Output(world.transfers(), bucket.uri("out"), tmp_path).go_on()
    assert list(tmp_path.iterdir()) == []
