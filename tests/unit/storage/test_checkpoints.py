"""A published checkpoint is whole whenever anybody looks, and the job finds its own again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from entrypoint import step_history
from entrypoint.errors import ContradictionError, PlatformError
from entrypoint.storage.checkpoints import Checkpoints
from entrypoint.storage.uris import S3Uri
from tests.s3.proxy import Fault
from tests.unit.storage.conftest import Bucket, Child, World, content_of

SIZE = 50_000


def names_of(step: int, shards: int = 2) -> dict[str, int]:
    """Return the files of a checkpoint with their sizes."""
    data = {f"model.ckpt-{step}.data-{one:05}-of-{shards:05}": SIZE + one for one in range(shards)}
    return data | {f"model.ckpt-{step}.index": 500, f"model.ckpt-{step}.meta": 3000}


def save(directory: Path, *steps: int, keep: int = 5) -> None:
    """Save checkpoints as TensorFlow does: files, then the index, then old files go."""
    directory.mkdir(exist_ok=True)
    state = directory / "checkpoint"
    for step in steps:
        for name, size in names_of(step).items():
            (directory / name).write_bytes(content_of(name, size))
    here = sorted(int(file.stem.rpartition("-")[2]) for file in directory.glob("*.index"))
    kept = [one for one in here if one <= steps[-1]][-keep:]
    lines = [f'model_checkpoint_path: "model.ckpt-{steps[-1]}"']
    lines += [f'all_model_checkpoint_paths: "model.ckpt-{one}"' for one in kept]
    (directory / "new").write_text("\n".join(lines) + "\n")
    (directory / "new").replace(state)
    for one in set(here) - set(kept):
        remove(directory, one)


def remove(directory: Path, step: int) -> None:
    for file in directory.glob(f"model.ckpt-{step}.*"):
        file.unlink()


def open_(world: World, uri: S3Uri, directory: Path, keep: int | None = 2) -> Checkpoints:
    checkpoints = Checkpoints(world.transfers(), uri, directory)
    checkpoints.fetch(keep)
    return checkpoints


def newest_of(directory: Path) -> int | None:
    """Return the step of the checkpoint a directory's index names, of which each byte is right."""
    state = directory / "checkpoint"
    if not state.exists():
        return None
    step = int(state.read_text().splitlines()[0].rpartition("-")[2].strip('"'))
    for name, size in names_of(step).items():
        assert (directory / name).read_bytes() == content_of(name, size), name
    return step


def put_files(bucket: Bucket, step: int) -> None:
    for name, size in names_of(step).items():
        bucket.put(f"run/{name}", content_of(name, size))


def put_index(bucket: Bucket, *steps: int) -> None:
    lines = [f'model_checkpoint_path: "model.ckpt-{steps[-1]}"']
    lines += [f'all_model_checkpoint_paths: "model.ckpt-{step}"' for step in steps]
    bucket.put("run/checkpoint", "\n".join(lines))


def test_the_index_goes_up_last_and_old_ones_go_after_it(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """So that it never names what is not there."""
    checkpoints = open_(world, bucket.uri("run"), tmp_path)
    for step in (10, 20, 30):
        save(tmp_path, step)
        (tmp_path / step_history.FILE_NAME).write_text("{}")
        world.proxy.forget()
        checkpoints.publish()
        changes = [
            (one.method, one.path.split("/")[-1])
            for one in world.proxy.requests
            if one.method in {"PUT", "DELETE"}
        ]
        index = changes.index(("PUT", "checkpoint"))
        assert {name for _, name in changes[:index]} == {*names_of(step), step_history.FILE_NAME}
        assert {method for method, _ in changes[index + 1 :]} <= {"DELETE"}
    assert bucket.keys == {
        f"run/{name}"
        for name in ("checkpoint", step_history.FILE_NAME, *names_of(20), *names_of(30))
    }
    world.proxy.forget()
    checkpoints.publish()
    assert not world.proxy.requests


def test_an_empty_directory_gets_the_newest(world: World, bucket: Bucket, tmp_path: Path) -> None:
    """Nothing that was restored is published again."""
    one = open_(world, bucket.uri("run"), tmp_path / "one")
    for step in (10, 20):
        save(tmp_path / "one", step)
        one.publish()
    two = open_(world, bucket.uri("run"), tmp_path / "two")
    assert newest_of(tmp_path / "two") == 20
    world.proxy.forget()
    two.publish()
    assert not world.proxy.requests
    save(tmp_path / "two", 30)
    two.publish()
    assert bucket.get("run/checkpoint").splitlines()[1:] == [
        b'all_model_checkpoint_paths: "model.ckpt-20"',
        b'all_model_checkpoint_paths: "model.ckpt-30"',
    ]
    open_(world, bucket.uri("run"), tmp_path / "three")
    assert newest_of(tmp_path / "three") == 30


def test_a_local_checkpoint_that_is_newer_stays_and_is_published(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """The last attempt was cut off before it could publish it."""
    checkpoints = open_(world, bucket.uri("run"), tmp_path)
    save(tmp_path, 10)
    checkpoints.publish()
    save(tmp_path, 20)
    again = open_(world, bucket.uri("run"), tmp_path)
    assert newest_of(tmp_path) == 20
    again.publish()
    open_(world, bucket.uri("run"), tmp_path / "elsewhere")
    assert newest_of(tmp_path / "elsewhere") == 20


def test_a_local_checkpoint_that_is_older_gives_way(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """The job has been on another machine since."""
    checkpoints = open_(world, bucket.uri("run"), tmp_path)
    save(tmp_path, 10)
    checkpoints.publish()
    put_files(bucket, 20)
    put_index(bucket, 10, 20)
    open_(world, bucket.uri("run"), tmp_path)
    assert newest_of(tmp_path) == 20


@pytest.mark.parametrize("uri_key", ["run", "other"])
def test_checkpoints_from_elsewhere_are_refused(
    world: World, bucket: Bucket, tmp_path: Path, uri_key: str
) -> None:
    """With the URI and the directory in one sentence."""
    if uri_key == "other":
        open_(world, bucket.uri("run"), tmp_path)
    save(tmp_path, 10)
    with pytest.raises(ContradictionError) as raised:
        open_(world, bucket.uri(uri_key), tmp_path)
    assert str(bucket.uri(uri_key)) in raised.value.message
    assert str(tmp_path) in raised.value.message
    assert "model.ckpt-10" in raised.value.message
    assert not bucket.keys


@pytest.mark.parametrize("missing", [".index", ".data-00001-of-00002"])
def test_one_that_is_not_whole_gives_way_to_the_one_before_it(
    world: World, bucket: Bucket, tmp_path: Path, missing: str
) -> None:
    """Said in the log; the one that is not whole is published again when it comes."""
    put_files(bucket, 10)
    put_files(bucket, 20)
    put_index(bucket, 10, 20)
    bucket.remove(f"run/model.ckpt-20{missing}")
    checkpoints = open_(world, bucket.uri("run"), tmp_path)
    assert newest_of(tmp_path) == 10
    (record,) = world.events("checkpoint_passed_over")
    assert record["checkpoint"] == "model.ckpt-20"
    save(tmp_path, 20)
    checkpoints.publish()
    open_(world, bucket.uri("run"), tmp_path / "elsewhere")
    assert newest_of(tmp_path / "elsewhere") == 20


def test_an_index_without_any_whole_checkpoint_is_an_error(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """A training that silently began anew would overwrite what there was."""
    put_files(bucket, 10)
    put_index(bucket, 10)
    bucket.remove("run/model.ckpt-10.index")
    with pytest.raises(ContradictionError, match=r"model\.ckpt-10") as raised:
        open_(world, bucket.uri("run"), tmp_path)
    assert str(bucket.uri("run/checkpoint")) in raised.value.message


def test_files_without_an_index_are_no_checkpoint(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """The job that sent them was killed before its first was whole."""
    put_files(bucket, 10)
    open_(world, bucket.uri("run"), tmp_path)
    assert newest_of(tmp_path) is None
    assert "no checkpoint there is whole" in world.records[-1]["message"]


def test_the_index_counts_as_published_only_when_it_is(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """What failed once is tried again."""
    checkpoints = open_(world, bucket.uri("run"), tmp_path)
    save(tmp_path, 10)
    world.proxy.faults = [Fault("denied", method="PUT", key="run/checkpoint")]
    with pytest.raises(ContradictionError, match="AccessDenied"):
        checkpoints.publish()
    assert "run/checkpoint" not in bucket.keys
    checkpoints.publish()
    open_(world, bucket.uri("run"), tmp_path / "elsewhere")
    assert newest_of(tmp_path / "elsewhere") == 10


def test_old_ones_that_cannot_be_removed_fail_no_job(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """They go once they can be."""
    checkpoints = open_(world, bucket.uri("run"), tmp_path, keep=1)
    world.proxy.faults = [Fault("denied", method="DELETE", times=2)]
    for step in (10, 20, 30):
        save(tmp_path, step)
        checkpoints.publish()
    assert len(world.events("remove_failed")) == 2
    assert "s3:DeleteObject" in world.events("remove_failed")[0]["message"]
    assert {key for key in bucket.keys if "ckpt-10" in key}
    save(tmp_path, 40)
    checkpoints.publish()
    assert bucket.keys == {"run/checkpoint", *(f"run/{name}" for name in names_of(40))}


def test_training_that_goes_back_takes_the_index_back_first(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """Even from the only one there is: nobody reads a mixture, and nobody an empty index."""
    checkpoints = open_(world, bucket.uri("run"), tmp_path)
    save(tmp_path, 10)
    checkpoints.publish()
    save(tmp_path, 20)
    checkpoints.publish()
    for step in (10, 20):
        (tmp_path / "checkpoint").write_text(f'model_checkpoint_path: "model.ckpt-{step}"\n')
        world.proxy.faults = [Fault("denied", method="PUT", key=f"ckpt-{step}.index")]
        with pytest.raises(ContradictionError):
            checkpoints.publish()
        directory = tmp_path / f"while {step}"
        open_(world, bucket.uri("run"), directory)
        assert newest_of(directory) == (None if step == 10 else 10)
        checkpoints.publish()
    assert bucket.get("run/checkpoint").splitlines()[0].endswith(b'ckpt-20"')


def test_files_that_the_job_removes_meanwhile_are_sent_all_the_same(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """They are held fast before the first byte of them is sent."""
    checkpoints = open_(world, bucket.uri("run"), tmp_path)
    save(tmp_path, 10)
    world.proxy.faults = [Fault("stall", method="PUT", key="ckpt-10", seconds=0.5, times=None)]
    publishing = threading.Thread(target=checkpoints.publish)
    publishing.start()
    world.proxy.wait_for("stall")
    save(tmp_path, 20, keep=1)
    assert not (tmp_path / "model.ckpt-10.index").exists()
    publishing.join()
    assert [one["checkpoint"] for one in world.events("checkpoint_published")] == [
        "model.ckpt-10",
        "model.ckpt-20",
    ]
    open_(world, bucket.uri("run"), tmp_path / "elsewhere")
    assert newest_of(tmp_path / "elsewhere") == 20


def test_a_checkpoint_whose_files_are_gone_is_not_waited_for(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """The index may name it for ever."""
    checkpoints = open_(world, bucket.uri("run"), tmp_path)
    save(tmp_path, 10)
    (tmp_path / "model.ckpt-10.index").unlink()
    publishing = threading.Thread(target=checkpoints.publish, daemon=True)
    publishing.start()
    publishing.join(5)
    assert not publishing.is_alive()
    assert not bucket.keys


def test_faults_on_the_way_leave_no_wrong_checkpoint(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """Up and down."""
    checkpoints = open_(world, bucket.uri("run"), tmp_path)
    save(tmp_path, 10)
    world.proxy.faults = [
        Fault("reset", method="PUT", times=2),
        Fault("slow_down", method="PUT", times=2),
        Fault("lost_answer", method="PUT", key="checkpoint"),
    ]
    checkpoints.publish()
    world.proxy.faults = [
        Fault("short", method="GET", key="ckpt-10", times=2),
        Fault("corrupt", method="GET", key="ckpt-10", times=2),
        Fault("truncate", method="GET", key="run/checkpoint"),
    ]
    open_(world, bucket.uri("run"), tmp_path / "elsewhere")
    assert newest_of(tmp_path / "elsewhere") == 10
    assert sum(world.proxy.injected.values()) == world.retries == 10


PUBLISHER = """
from tests.unit.storage import test_checkpoints
directory = pathlib.Path(arguments[1])
checkpoints = Checkpoints(transfers, parse_uri(arguments[0], name="TO"), directory)
checkpoints.fetch(2)
for step in range(1, 1000):
    test_checkpoints.save(directory, step, keep=2)
    checkpoints.publish()
    say(f"published {step}")
    time.sleep(0.05 * step)
"""


def test_a_publisher_killed_at_any_moment_leaves_a_whole_checkpoint(
    world: World, bucket: Bucket, tmp_path: Path, show: Callable[[str], None]
) -> None:
    """What another machine gets then is the one that was published last, or a later one."""
    draws = random.Random(7)
    publishers = [
        Child(
            PUBLISHER,
            bucket.uri(f"run{number}"),
            tmp_path / f"from {number}",
            environment=world.proxy.environment,
        )
        for number in range(10)
    ]
    least = []
    for publisher in publishers:
        least.append(draws.randint(1, 3))
        publisher.wait_for(f"published {least[-1]}")
        time.sleep(draws.random() * 0.2)
        publisher.kill()
    found = []
    for number, at_least in enumerate(least):
        directory = tmp_path / f"to {number}"
        open_(world, bucket.uri(f"run{number}"), directory)
        step = newest_of(directory)
        assert step is not None
        assert step >= at_least
        found.append(step)
    show(f"publishers killed: {len(found)}, whole checkpoints found: {len(found)}, steps {found}")


def test_a_reader_beside_a_publisher_finds_a_whole_checkpoint(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """Or is told that it changed under its hands; never a mixture."""
    publisher = Child(
        PUBLISHER.replace("fetch(2)", "fetch(1)"),
        bucket.uri("run"),
        tmp_path / "from",
        environment=world.proxy.environment,
    )
    publisher.wait_for("published 1")
    changed = []
    for number in range(8):
        directory = tmp_path / str(number)
        try:
            open_(world, bucket.uri("run"), directory)
        except PlatformError as error:
            changed.append(error.message)
        else:
            assert newest_of(directory) is not None
    publisher.kill()
    assert all("is gone" in message for message in changed)
    open_(world, bucket.uri("run"), tmp_path / "last")
    assert newest_of(tmp_path / "last") is not None
