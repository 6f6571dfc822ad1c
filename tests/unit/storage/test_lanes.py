"""The processes that move bytes: what they are given, and how they end."""

from __future__ import annotations

from pathlib import Path

from entrypoint.storage.items import Failure, Parcel, Piece
from entrypoint.storage.s3 import list_objects
from tests.unit.storage.conftest import MIB, Bucket, Child, World, content_of


def piece_of(world: World, bucket: Bucket, file: Path, final: Path | None) -> Piece:
    listed = list_objects(world.transfers().client, bucket.uri("a"), "a")[0]
    return Piece(
        uri=bucket.uri("a"),
        etag=listed.etag,
        size=listed.size,
        start=0,
        length=listed.size,
        file=file,
        final=final,
    )


def test_a_piece_is_written_where_it_belongs(world: World, bucket: Bucket, tmp_path: Path) -> None:
    """Beside what others write into the same file."""
    content = content_of("a", 3 * MIB)
    bucket.put("a", content)
    file = tmp_path / "file"
    file.write_bytes(bytes(3 * MIB))
    whole = piece_of(world, bucket, file, None)
    middle = Piece(**{**vars(whole), "start": MIB, "length": MIB + 5, "part_size": MIB})
    (digests,) = world.lanes.download([middle]).result()
    assert not isinstance(digests, Failure)
    assert len(digests) == 2
    assert file.read_bytes() == bytes(MIB) + content[MIB : 2 * MIB + 5] + bytes(MIB - 5)


def test_a_file_that_cannot_be_written_is_its_own_failure_alone(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """With the number and the name that the system gives."""
    bucket.put("a", b"content")
    bad = piece_of(world, bucket, tmp_path / "missing" / "file", tmp_path / "a")
    good = piece_of(world, bucket, tmp_path / "file", tmp_path / "b")
    failed, done = world.lanes.download([bad, good]).result()
    assert isinstance(failed, Failure)
    assert (failed.number, failed.file) == (2, str(tmp_path / "missing" / "file"))
    assert not failed.may_pass
    assert done == []
    assert (tmp_path / "b").read_bytes() == b"content"


def test_a_file_that_is_gone_fails_as_such(world: World, bucket: Bucket, tmp_path: Path) -> None:
    """It is for who sent it to know whether it should be there."""
    (failed,) = world.lanes.upload([Parcel(tmp_path / "gone", bucket.uri("gone"))]).result()
    assert isinstance(failed, Failure)
    assert (failed.number, failed.file) == (2, str(tmp_path / "gone"))


def test_what_moves_is_counted_once(world: World, bucket: Bucket, tmp_path: Path) -> None:
    """Up and down."""
    bucket.put("a", content_of("a", MIB))
    before = world.lanes.moved
    world.lanes.download([piece_of(world, bucket, tmp_path / "a", tmp_path / "b")]).result()
    assert world.lanes.moved - before == MIB
    world.lanes.upload([Parcel(tmp_path / "b", bucket.uri("b"))]).result()
    assert world.lanes.moved - before == 2 * MIB


def test_a_cancelled_lane_fetches_nothing_and_still_sends(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """What a job that ends has to say is published after its downloads were given up."""
    bucket.put("a", b"content")
    world.lanes.cancel()
    try:
        piece = piece_of(world, bucket, tmp_path / "a", tmp_path / "b")
        world.proxy.forget()
        (failed,) = world.lanes.download([piece]).result()
        assert isinstance(failed, Failure)
        assert not world.fetched("a")
        (tmp_path / "c").write_bytes(b"last words")
        assert world.lanes.upload([Parcel(tmp_path / "c", bucket.uri("c"))]).result() == [[]]
        assert bucket.get("c") == b"last words"
    finally:
        world.lanes._is_cancelled.value = 0


def test_a_lane_that_was_killed_is_a_typed_error(world: World, bucket: Bucket) -> None:
    """Nobody waits for ever for what it was at."""
    bucket.put("data/a", b"a")
    records = Child(
        """
        import multiprocessing, signal
        from entrypoint.errors import PlatformError
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
        uri = parse_uri(arguments[0], name="FROM")
        try:
            time.sleep(0.2)
            fetch_dataset(transfers, uri, pathlib.Path(arguments[1]))
        except PlatformError as error:
            say(error.message)
        """,
        bucket.uri("data"),
        "/dev/shm/none",
        environment=world.proxy.environment,
    ).finished()
    assert "a process that moves files was killed" in records[-1]["event"]
