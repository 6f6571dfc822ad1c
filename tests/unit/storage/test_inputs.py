"""Parameters and code: what is fetched, what is refused, and what an attempt after another does."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from entrypoint.errors import (
    ContradictionError,
    JobError,
    ParametersError,
    UserCodeInvalidError,
)
from entrypoint.storage.inputs import MARK, fetch_code, fetch_parameters
from tests.s3.proxy import Fault
from tests.unit.storage.conftest import Bucket, World


def archive_of(**members: str | tarfile.TarInfo) -> bytes:
    """Pack files, or members that no good tool would pack."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, member in members.items():
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(member)
            archive.addfile(info, io.BytesIO(member.encode()))
    return packed.getvalue()


def files_below(directory: Path) -> dict[str, str]:
    return {
        str(file.relative_to(directory)): file.read_text()
        for file in directory.rglob("*")
        if file.is_file() and file.name != MARK
    }


def test_parameters_are_text(world: World, bucket: Bucket) -> None:
    """With or without the mark that some editors begin files with."""
    bucket.put("p.json", json.dumps({"a": "ä"}).encode("utf-8-sig"))
    assert json.loads(fetch_parameters(world.transfers(), bucket.uri("p.json"))) == {"a": "ä"}


@pytest.mark.parametrize(
    ("content", "says"), [(None, "does not exist"), (b"{\xff}", r"not UTF-8 text \(byte 1\)")]
)
def test_parameters_that_are_missing_or_no_text(
    world: World, bucket: Bucket, content: bytes | None, says: str
) -> None:
    """The object is named."""
    if content is not None:
        bucket.put("p.json", content)
    with pytest.raises(ParametersError, match=says) as raised:
        fetch_parameters(world.transfers(), bucket.uri("p.json"))
    assert str(bucket.uri("p.json")) in raised.value.message


def test_parameters_that_are_denied(world: World, bucket: Bucket) -> None:
    """It is not the parameters that are wrong."""
    bucket.put("p.json", "{}")
    world.proxy.faults = [Fault("denied", key="p.json")]
    with pytest.raises(ContradictionError) as raised:
        fetch_parameters(world.transfers(), bucket.uri("p.json"))
    assert str(bucket.uri("p.json")) in raised.value.message


def test_code_is_what_lies_below_a_prefix(world: World, bucket: Bucket, tmp_path: Path) -> None:
    """With its directories."""
    bucket.put("code/train.py", "a")
    bucket.put("code/package/__init__.py", "b")
    bucket.put("code2/other.py", "c")
    fetch_code(world.transfers(), bucket.uri("code"), tmp_path / "code")
    assert files_below(tmp_path / "code") == {"train.py": "a", "package/__init__.py": "b"}


def test_code_is_what_an_archive_holds(world: World, bucket: Bucket, tmp_path: Path) -> None:
    """And not the archive."""
    bucket.put("source.tar.gz", archive_of(**{"train.py": "a", "package__b.py": "b"}))
    fetch_code(world.transfers(), bucket.uri("source.tar.gz"), tmp_path)
    assert files_below(tmp_path) == {"train.py": "a", "package/b.py": "b"}
    assert {entry.name for entry in tmp_path.iterdir()} == {"train.py", "package", MARK}


def hostile() -> list[tuple[str, bytes]]:
    link, device = tarfile.TarInfo("link"), tarfile.TarInfo("device")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    device.type, device.devmajor, device.devminor = tarfile.CHRTYPE, 1, 3
    return [
        ("parent", archive_of(**{"train.py": "a", "..__evil.py": "b"})),
        ("absolute", archive_of(**{"__tmp__evil.py": "b"})),
        ("link", archive_of(code="a", link=link)),
        ("device", archive_of(device=device)),
        ("no archive", b"import os\n"),
        ("cut off", archive_of(**{"train.py": "a" * 5000})[:-20]),
    ]


@pytest.mark.parametrize(("name", "content"), hostile())
def test_a_hostile_archive_leaves_nothing(
    world: World, bucket: Bucket, tmp_path: Path, name: str, content: bytes
) -> None:
    """Another attempt, with an archive that was mended, goes on."""
    code_dir = tmp_path / "code"
    bucket.put("source.tar.gz", content)
    with pytest.raises(UserCodeInvalidError) as raised:
        fetch_code(world.transfers(), bucket.uri("source.tar.gz"), code_dir)
    assert raised.value.hint, name
    assert f"the code archive {bucket.uri('source.tar.gz')} " in raised.value.message
    assert not list(tmp_path.rglob("*.py"))
    assert {entry.name for entry in tmp_path.iterdir()} == {"code"}
    bucket.put("source.tar.gz", archive_of(**{"train.py": "mended"}))
    fetch_code(world.transfers(), bucket.uri("source.tar.gz"), code_dir)
    assert files_below(code_dir) == {"train.py": "mended"}


def test_a_zip_is_named_as_one(world: World, bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("source.zip", b"PK\3\4 and so on" * 100)
    with pytest.raises(UserCodeInvalidError, match="is a zip archive, not a tar archive"):
        fetch_code(world.transfers(), bucket.uri("source.zip"), tmp_path / "code")


@pytest.mark.parametrize("is_archive", [False, True])
def test_another_attempt_fetches_code_again_only_if_it_has_changed(
    world: World, bucket: Bucket, tmp_path: Path, is_archive: bool
) -> None:
    """And leaves nothing of what it was."""
    key = "source.tar.gz" if is_archive else "code"

    def put(**files: str) -> None:
        if is_archive:
            bucket.put(key, archive_of(**files))
            return
        for old in bucket.keys:
            bucket.remove(old)
        for name, content in files.items():
            bucket.put(f"{key}/{name}", content)

    put(**{"train.py": "one", "old.py": "old"})
    fetch_code(world.transfers(), bucket.uri(key), tmp_path)
    (tmp_path / "train.py").write_text("the job's own change stays")
    world.proxy.forget()
    fetch_code(world.transfers(), bucket.uri(key), tmp_path)
    assert not world.fetched(key)
    assert files_below(tmp_path)["train.py"] == "the job's own change stays"
    put(**{"train.py": "two"})
    fetch_code(world.transfers(), bucket.uri(key), tmp_path)
    assert files_below(tmp_path) == {"train.py": "two"}


def test_a_fetch_that_was_cut_off_is_begun_again(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """What it has left is not taken for somebody else's code."""
    bucket.put("code/a.py", "a")
    bucket.put("code/b.py", "b")
    world.proxy.faults = [Fault("denied", method="GET", key="code/b.py")]
    with pytest.raises(JobError):
        fetch_code(world.transfers(), bucket.uri("code"), tmp_path)
    fetch_code(world.transfers(), bucket.uri("code"), tmp_path)
    assert files_below(tmp_path) == {"a.py": "a", "b.py": "b"}


def test_code_that_came_from_elsewhere_is_not_touched(
    world: World, bucket: Bucket, tmp_path: Path
) -> None:
    """Both are named."""
    bucket.put("code/train.py", "a")
    (tmp_path / "mine.py").write_text("mine")
    with pytest.raises(ContradictionError) as raised:
        fetch_code(world.transfers(), bucket.uri("code"), tmp_path)
    assert str(bucket.uri("code")) in raised.value.message
    assert str(tmp_path) in raised.value.message
    assert files_below(tmp_path) == {"mine.py": "mine"}


def test_code_that_is_not_there(world: World, bucket: Bucket, tmp_path: Path) -> None:
    """What may have been meant is named."""
    bucket.put("code/train.py", "a")
    with pytest.raises(UserCodeInvalidError) as raised:
        fetch_code(world.transfers(), bucket.uri("cod"), tmp_path)
    assert str(bucket.uri("cod")) in raised.value.message
    assert f"s3://{bucket.name}/code/" in raised.value.hint
