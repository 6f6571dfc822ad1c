from __future__ import annotations

import binascii
import hashlib
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from entrypoint.storage.verification import matches
from tests.jobs import PROJECT_DIR

MIB = 1024 * 1024
# No two parts of it are the same.
CONTENT = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(13 * MIB // 32))


def etag_of_parts(content: bytes, part_size: int) -> str:
    """As Amazon describes it: concatenate the parts' MD5s, decoded from hex, and take the MD5."""
    rest, digests = content, []
    while rest:
        digests.append(hashlib.md5(rest[:part_size]).hexdigest())
        rest = rest[part_size:]
    whole = hashlib.md5(binascii.unhexlify("".join(digests))).hexdigest()
    return f'"{whole}-{len(digests)}"'


def says(answer: int | None) -> Callable[[], int | None]:
    return lambda: answer


def must_not_be_asked() -> int | None:
    raise AssertionError("the storage is asked for the size of parts")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("storage") / "object"
    file.write_bytes(CONTENT)
    return file


def changed(file: Path, at: int) -> Path:
    """Return a copy with one bit changed."""
    copy = file.with_name("changed")
    copy.write_bytes(CONTENT[:at] + bytes([CONTENT[at] ^ 1]) + CONTENT[at + 1 :])
    return copy


@pytest.mark.parametrize("etag", ["{}", '"{}"'])
@pytest.mark.parametrize("content", [b"", b"a", CONTENT])
def test_a_plain_etag_is_the_contents_md5(content: bytes, etag: str, tmp_path: Path) -> None:
    file = tmp_path / "object"
    file.write_bytes(content)
    digest = hashlib.md5(content).hexdigest()
    assert matches(file, len(content), etag.format(digest), must_not_be_asked) is True
    assert matches(file, len(content), etag.format(digest.upper()), must_not_be_asked) is True
    other = hashlib.md5(content + b"b").hexdigest()
    assert matches(file, len(content), etag.format(other), must_not_be_asked) is False


@pytest.mark.parametrize("etag", ["plain", "parts", "other"])
@pytest.mark.parametrize("difference", [-1, 1])
def test_another_size_is_enough_to_tell(etag: str, difference: int, file: Path) -> None:
    etags = {
        "plain": hashlib.md5(CONTENT).hexdigest(),
        "parts": etag_of_parts(CONTENT, 5 * MIB),
        "other": "opaque",
    }
    size = len(CONTENT) + difference
    assert matches(file, size, etags[etag], must_not_be_asked) is False
    assert matches(file, size, etags[etag], must_not_be_asked, is_md5=False) is False


@pytest.mark.parametrize(
    "part_size", [5 * MIB, 5 * MIB + 1, 7_000_000, 12 * MIB, len(CONTENT) // 2, len(CONTENT)]
)
def test_the_etag_of_parts_is_the_md5_of_their_md5s(part_size: int, file: Path) -> None:
    etag = etag_of_parts(CONTENT, part_size)
    assert matches(file, len(CONTENT), etag, says(part_size)) is True
    assert matches(file, len(CONTENT), etag.strip('"'), says(part_size)) is True


def test_a_single_part_needs_no_size(file: Path) -> None:
    etag = etag_of_parts(CONTENT, len(CONTENT))
    assert matches(file, len(CONTENT), etag, must_not_be_asked) is True
    assert matches(changed(file, 7), len(CONTENT), etag, must_not_be_asked) is False


@pytest.mark.parametrize("at", [0, 5 * MIB - 1, 5 * MIB, len(CONTENT) - 1])
@pytest.mark.parametrize(
    "etag", [hashlib.md5(CONTENT).hexdigest(), etag_of_parts(CONTENT, 5 * MIB)]
)
def test_one_bit_makes_a_difference(etag: str, at: int, file: Path) -> None:
    assert matches(changed(file, at), len(CONTENT), etag, says(5 * MIB)) is False


@pytest.mark.parametrize("answer", [None, 0, -1, 1, 13 * MIB + 1])
@pytest.mark.parametrize("part_size", [5 * MIB, 8 * MIB, 3 * MIB, 4_543_830, 13 * MIB, 64 * MIB])
def test_a_usual_part_size_is_found_where_the_storage_does_not_tell(
    part_size: int, answer: int | None, file: Path
) -> None:
    assert matches(file, len(CONTENT), etag_of_parts(CONTENT, part_size), says(answer)) is True


def test_nothing_can_be_said_where_no_part_size_is_found(file: Path) -> None:
    etag = etag_of_parts(CONTENT, 7_000_001)
    assert matches(file, len(CONTENT), etag, says(None)) is None
    assert matches(file, len(CONTENT), etag, says(7_000_001)) is True


def test_a_size_of_parts_that_makes_another_number_of_them_is_not_believed(file: Path) -> None:
    etag = etag_of_parts(CONTENT, 8 * MIB)
    assert matches(file, len(CONTENT), etag, says(5 * MIB)) is True


def test_an_empty_object_may_have_one_part(tmp_path: Path) -> None:
    file = tmp_path / "object"
    file.touch()
    etag = hashlib.md5(hashlib.md5(b"").digest()).hexdigest() + "-1"
    assert matches(file, 0, etag, says(None)) is True
    assert matches(file, 0, etag, says(0)) is True
    assert matches(file, 0, etag.replace("-1", "-2"), says(None)) is None


@pytest.mark.parametrize(
    "etag",
    [
        "",
        '""',
        "opaque",
        "W/" + hashlib.md5(CONTENT).hexdigest(),
        hashlib.md5(CONTENT).hexdigest() + "0",
        hashlib.md5(CONTENT).hexdigest() + "-",
        hashlib.md5(CONTENT).hexdigest() + "-0",
        hashlib.md5(CONTENT).hexdigest() + "-x",
        hashlib.md5(CONTENT).hexdigest() + "-123456",
        hashlib.sha256(CONTENT).hexdigest(),
    ],
)
def test_nothing_can_be_said_by_an_etag_of_another_form(etag: str, file: Path) -> None:
    assert matches(file, len(CONTENT), etag, must_not_be_asked) is None


@pytest.mark.parametrize(
    "etag", [hashlib.md5(CONTENT).hexdigest(), etag_of_parts(CONTENT, 5 * MIB)]
)
def test_nothing_can_be_said_where_etags_are_no_md5(etag: str, file: Path) -> None:
    assert matches(file, len(CONTENT), etag, must_not_be_asked, is_md5=False) is None


def test_a_missing_file_is_no_match_but_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        matches(tmp_path / "object", 0, "", must_not_be_asked)


def test_a_file_is_not_read_into_memory(tmp_path: Path) -> None:
    """The file is larger than all the memory of the process that looks at it."""
    file = tmp_path / "object"
    zeros, md5 = bytes(1_000_000), hashlib.md5()
    with file.open("wb") as stream:
        stream.truncate(150_000_000)
    for _ in range(150):
        md5.update(zeros)
    program = """
        import resource, sys
        from pathlib import Path
        from entrypoint.storage.verification import matches

        resource.setrlimit(resource.RLIMIT_AS, (120_000_000, 120_000_000))
        file, size, etag = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
        assert matches(file, size, etag, lambda: size)
    """
    single_part = hashlib.md5(md5.digest()).hexdigest() + "-1"
    command = [sys.executable, "-c", textwrap.dedent(program), str(file), "150000000", single_part]
    subprocess.run(command, check=True, cwd=PROJECT_DIR)
