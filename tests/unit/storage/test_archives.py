from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from entrypoint.errors import ContradictionError, UsageError, UserCodeInvalidError
from entrypoint.storage import archives
from entrypoint.storage.archives import unpack
from tests.jobs import PROJECT_DIR

END = bytes(1024)
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, format=lzma.FORMAT_ALONE),
}


def entry(
    name: str,
    content: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    to: str = "",
    mode: int = 0o644,
    size: int | None = None,
    pax: dict[str, str] | None = None,
    form: Literal[0, 1, 2] = tarfile.PAX_FORMAT,
) -> bytes:
    """Return one member as bytes, its size false where one is given."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, to, mode
    info.size = len(content) if size is None else size
    info.pax_headers = pax or {}
    return info.tobuf(form) + content + bytes(-len(content) % 512)


def link(name: str, to: str) -> bytes:
    return entry(name, kind=tarfile.SYMTYPE, to=to)


def hard_link(name: str, to: str) -> bytes:
    return entry(name, kind=tarfile.LNKTYPE, to=to)


def directory(name: str, mode: int = 0o755) -> bytes:
    return entry(name, kind=tarfile.DIRTYPE, mode=mode)


class Place:
    """An archive, the directory it is for, and something beside it that nothing may touch."""

    def __init__(self, root: Path) -> None:
        self.archive = root / "code.tar.gz"
        self.directory = root / "job" / "code"
        self.directory.parent.mkdir()
        self.bystander = root / "bystander"
        self.bystander.mkdir()
        (self.bystander / "file").write_text("untouched")

    def write(self, *members: bytes, end: bytes = END) -> Place:
        self.archive.write_bytes(gzip.compress(b"".join(members) + end))
        return self

    def unpack(self, *members: bytes, **limits: Any) -> dict[str, str]:
        """Unpack these members, and return what has come of them by its path."""
        self.write(*members)
        count = unpack(self.archive, self.directory, **limits)
        content = self.content()
        assert count == sum(value != "/" for value in content.values())
        return content

    def content(self) -> dict[str, str]:
        found = {}
        for path in sorted(self.directory.rglob("*")):
            name = str(path.relative_to(self.directory))
            if path.is_symlink():
                found[name] = f"-> {path.readlink()}"
            else:
                found[name] = path.read_text() if path.is_file() else "/"
        return found

    def refusal(self, *members: bytes, **limits: Any) -> UserCodeInvalidError:
        if members:
            self.write(*members)
        with pytest.raises(UserCodeInvalidError) as caught:
            unpack(self.archive, self.directory, **limits)
        assert caught.value.code == 20
        assert caught.value.message.startswith(f"the code archive {self.archive} ")
        assert len(caught.value.message) < 700
        caught.value.message.encode()
        assert caught.value.hint
        self.assert_nothing_came()
        return caught.value

    def assert_nothing_came(self) -> None:
        assert list(self.directory.parent.iterdir()) == []
        assert [file.name for file in self.bystander.iterdir()] == ["file"]
        assert (self.bystander / "file").read_text() == "untouched"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_usual_compression_is_known(compression: str, place: Place) -> None:
    plain = directory("trainer") + entry("trainer/model.py", b"import tensorflow") + END
    place.archive.write_bytes(COMPRESSIONS[compression](plain))
    assert unpack(place.archive, place.directory) == 1
    assert place.content() == {"trainer": "/", "trainer/model.py": "import tensorflow"}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_tar_makes_of_a_directory_comes_out_as_it_was(form: int, place: Place) -> None:
    source = place.bystander.parent / "source"
    (source / "a" / ("long" * 20) / ("name" * 20)).mkdir(parents=True)
    (source / "a" / ("long" * 20) / ("name" * 20) / "数据.py").write_text("deep")
    (source / "model.py").write_text("model")
    os.link(source / "model.py", source / "same.py")
    (source / "a" / "up.py").symlink_to("../model.py")
    (source / "missing").symlink_to("later")
    (source / "empty").mkdir()
    with tarfile.open(place.archive, "w:gz", format=form) as tar:
        tar.add(source, arcname=".")
    assert unpack(place.archive, place.directory) == 5
    unpacked = place.content()
    place.directory = source
    assert unpacked == place.content()


def test_an_empty_directory_is_replaced(place: Place) -> None:
    place.directory.mkdir()
    assert place.unpack(entry("a", b"1")) == {"a": "1"}


def test_a_directory_with_something_in_it_is_left_alone(place: Place) -> None:
    place.write(entry("a", b"1"))
    place.directory.mkdir()
    (place.directory / "b").write_text("2")
    with pytest.raises(ContradictionError, match="is not empty"):
        unpack(place.archive, place.directory)
    assert place.content() == {"b": "2"}


def test_what_a_killed_job_left_is_not_in_the_way(place: Place) -> None:
    left = place.directory.parent / ".code.unpacking"
    left.mkdir()
    (left / "old").write_text("old")
    assert place.unpack(entry("a", b"1")) == {"a": "1"}
    assert list(place.directory.parent.iterdir()) == [place.directory]


def test_names_are_made_plain(place: Place) -> None:
    members = [directory("./"), entry("./a//b", b"1"), directory("c/"), link("./c/./d", "../a/b")]
    assert place.unpack(*members) == {"a": "/", "a/b": "1", "c": "/", "c/d": "-> ../a/b"}


@pytest.mark.parametrize(
    "name", [b"\xff.py", b"a b", b"-rf", b"..a", b"a\nb", b"a\\..\\b", b"C:x", b"a" * 100]
)
def test_a_name_that_only_looks_odd_is_a_file(name: bytes, place: Place) -> None:
    place.unpack(entry(os.fsdecode(name), b"1", form=tarfile.GNU_FORMAT))
    assert [os.fsencode(file.name) for file in place.directory.iterdir()] == [name]


@pytest.mark.parametrize("name", [b"\x1f\x8b", b"PK\x03\x04", b"BZh91AY&SY", b"\xfd7zXZ"])
def test_a_plain_archive_may_begin_with_any_name(name: bytes, place: Place) -> None:
    first = entry(os.fsdecode(name), b"1", form=tarfile.GNU_FORMAT)
    place.archive.write_bytes(first + END)
    assert unpack(place.archive, place.directory) == 1


def test_nobody_else_may_write_and_no_file_runs_as_somebody_else(place: Place) -> None:
    place.unpack(
        entry("script", mode=0o6777),
        entry("plain", mode=0o000),
        directory("closed", mode=0o000),
        entry("closed/a", mode=0o1644),
    )
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.directory.rglob("*")}
    ordinary = 0o777 & ~_umask()
    assert modes == {"script": 0o755, "plain": 0o600, "closed": ordinary, "a": 0o644}
    assert stat.S_IMODE(place.directory.stat().st_mode) == ordinary


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("mtime", ["1e300", "nan", "-1e300", "inf"])
def test_an_impossible_time_is_not_looked_at(mtime: str, place: Place) -> None:
    assert place.unpack(entry("a", b"1", pax={"mtime": mtime})) == {"a": "1"}


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (entry("/etc/evil"), "'/etc/evil' has an absolute name"),
        (entry("//evil"), "'//evil' has an absolute name"),
        (entry("../bystander/file", b"x"), "'../bystander/file' has a '..'"),
        (entry("a/../../../bystander/file", b"x"), "has a '..'"),
        (entry("..", b"x"), "'..' has a '..'"),
        (directory("../bystander/new"), "has a '..'"),
        (entry("a", pax={"path": "../bystander/file"}), "'../bystander/file' has a '..'"),
        (entry("a", pax={"path": "/x"}), "'/x' has an absolute name"),
        (entry("a", pax={"path": "a\0b"}), "a NUL in its name"),
        (entry("a", kind=tarfile.CHRTYPE), "'a' is a device"),
        (entry("a", kind=tarfile.BLKTYPE), "'a' is a device"),
        (entry("a", kind=tarfile.FIFOTYPE), "'a' is a device"),
        (entry("a", kind=b"Z"), "'a' is a device"),
        (entry("."), "'.' has no name"),
        (link("./", "a"), "has no name"),
        (link("a", ""), "is no path"),
        (link("a", "b/" * 600), "too long"),
        (entry("a", kind=tarfile.SYMTYPE, pax={"linkpath": "b\0c"}), "is no path"),
        (entry("a" * 256), "has too long a name"),
        (entry("é" * 128), "has too long a name"),
        (entry("/".join(["abcd"] * 300)), "has too long a name"),
        (entry("a/" * 64 + "a"), "has too long a name"),
    ],
)
def test_a_member_that_is_not_safe_is_named(member: bytes, said: str, place: Place) -> None:
    error = place.refusal(entry("good.py", b"1"), member, entry("other.py", b"2"))
    assert said in error.message
    assert "leave that out" in error.hint


@pytest.mark.parametrize(
    ("links", "named"),
    [
        ([link("a", "/etc")], "a"),
        ([link("a", "..")], "a"),
        ([link("a", "../bystander")], "a"),
        ([link("d/a", "../../bystander/file")], "d/a"),
        ([link("a", "b/../..")], "a"),
        ([directory("d/e"), link("a", "d/e"), link("x", "a/../../../bystander")], "x"),
        ([link("x", "a/../../../bystander"), directory("d/e"), link("a", "d/e")], "x"),
        ([link("a", "."), link("b", "a/a/a/.."), link("c", "b/file")], "b"),
        ([link("x", "a/b/../../bystander"), directory("b"), link("a", ".")], "x"),
        ([link("x", "a/b/../../bystander"), directory("b"), link("a", "b/..")], "x"),
        ([link("d/x", "a/../../../bystander"), link("d/a", "e/f"), directory("d/e/f")], "d/x"),
        ([link("a", "b"), link("b", "a")], "a"),
        ([link("a", "a")], "a"),
        ([link("a", "a/b")], "a"),
    ],
)
def test_a_link_that_leads_out_or_in_a_circle_is_refused(
    links: list[bytes], named: str, place: Place
) -> None:
    error = place.refusal(entry("good.py", b"1"), *links)
    assert repr(named) in error.message
    assert "leads out of it" in error.message


def test_a_chain_of_links_longer_than_linux_follows_is_refused(place: Place) -> None:
    chain = [link(f"l{number}", f"l{number + 1}") for number in range(41)]
    assert "leads out of it, or nowhere" in place.refusal(entry("l41", b"1"), *chain).message
    assert place.unpack(entry("l41", b"1"), *chain[1:])["l1"] == "-> l2"


@pytest.mark.parametrize(
    "members",
    [
        [link("a", "d"), entry("a/x", b"1")],
        [link("a", "d"), link("b", "a"), entry("b/x", b"1")],
        [link("a", "d"), entry("a", b"1")],
        [link("a", "d"), link("a", "e")],
        [link("a", "d"), directory("a")],
        [link("a", "d"), link("a/x", "..")],
        [link("a", "d"), hard_link("a/x", "d/file")],
        [link("a", "d/file"), hard_link("b", "a"), entry("b", b"1")],
        [link("a", "d"), hard_link("b", "a/file")],
        [entry("a", b"1"), link("a", "d")],
        [entry("a/x", b"1"), link("a", "d")],
        [entry("a", b"1"), directory("a")],
        [entry("a", b"1"), entry("a/x", b"1")],
        [directory("a"), entry("a", b"1")],
        [entry("a/x", b"1"), entry("a", b"1")],
    ],
)
def test_nothing_is_written_through_a_link_or_over_another_kind(
    members: list[bytes], place: Place
) -> None:
    error = place.refusal(directory("d"), entry("d/file", b"0"), *members)
    assert "is not safe to unpack: its member " in error.message


def test_the_last_of_two_files_of_one_name_counts(place: Place) -> None:
    assert place.unpack(entry("a", b"first"), entry("./a", b"2")) == {"a": "2"}


def test_a_directory_may_come_twice(place: Place) -> None:
    members = [entry("d/a", b"1"), directory("d"), directory("d/")]
    assert place.unpack(*members) == {"d": "/", "d/a": "1"}


def test_a_hard_link_is_another_name_of_an_earlier_file(place: Place) -> None:
    members = [entry("d/a", b"1"), hard_link("b", "./d/a"), hard_link("d/a", "d/a")]
    assert place.unpack(*members) == {"b": "1", "d": "/", "d/a": "1"}


def test_a_file_over_a_hard_link_leaves_the_other_name_as_it_is(place: Place) -> None:
    members = [entry("a", b"1"), hard_link("b", "a"), entry("b", b"2")]
    assert place.unpack(*members) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("to", ["later", "d", "missing", "../bystander/file", "/etc/passwd", ""])
def test_a_hard_link_to_what_is_no_earlier_file_is_refused(to: str, place: Place) -> None:
    members = [directory("d"), hard_link("b", to), entry("later", b"1")]
    assert "its member 'b' " in place.refusal(*members).message


def sparse(form: str, pieces: list[tuple[int, bytes]], size: int) -> bytes:
    """Return a sparse file as GNU tar writes it."""
    stored = b"".join(content for _, content in pieces)
    numbers = [number for offset, content in pieces for number in (offset, len(content))]
    pax = {"GNU.sparse.name": "holes", "GNU.sparse.realsize": str(size)}
    if form == "0.1":
        pax |= {"GNU.sparse.size": str(size), "GNU.sparse.map": ",".join(map(str, numbers))}
    elif form == "1.0":
        pax |= {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
        text = "".join(f"{number}\n" for number in (len(pieces), *numbers)).encode()
        stored = text + bytes(-len(text) % 512) + stored
    elif form == "old":
        header = bytearray(entry("holes", kind=tarfile.GNUTYPE_SPARSE, size=len(stored)))
        for index, number in enumerate(numbers):
            header[386 + 12 * index : 398 + 12 * index] = b"%011o\0" % number
        header[483:495] = b"%011o\0" % size
        header[148:156] = b"%06o\0 " % (256 + sum(header[:148]) + sum(header[156:512]))
        return bytes(header) + stored + bytes(-len(stored) % 512)
    return entry("holes", stored, pax=pax)


@pytest.mark.parametrize("form", ["old", "0.1", "1.0"])
def test_a_sparse_file_comes_with_its_holes(form: str, place: Place) -> None:
    members = [sparse(form, [(0, b"a" * 512), (100_000, b"b" * 512)], 200_000), entry("z", b"1")]
    unpacked = place.unpack(*members)
    assert unpacked["holes"] == (b"a" * 512).ljust(100_000, b"\0").decode() + (
        (b"b" * 512).ljust(100_000, b"\0").decode()
    )
    assert unpacked["z"] == "1"


@pytest.mark.parametrize("form", ["old", "0.1", "1.0"])
def test_a_sparse_file_counts_whole(form: str, place: Place) -> None:
    holes = sparse(form, [(0, b"a" * 512)], 1_000_001)
    assert "holds more than 1,000,000 bytes" in place.refusal(holes, max_bytes=1_000_000).message


@pytest.mark.parametrize("form", ["old", "0.1", "1.0"])
@pytest.mark.parametrize("offset", [10**9, 700])
def test_a_piece_behind_a_sparse_files_end_is_refused(offset: int, form: str, place: Place) -> None:
    holes = sparse(form, [(0, b"a" * 512), (offset, b"b" * 512)], 1024)
    assert "impossible size" in place.refusal(holes).message


def test_pieces_that_hold_more_than_their_sparse_file_are_refused(place: Place) -> None:
    holes = sparse("0.1", [(0, b"a" * 512), (0, b"b" * 512), (0, b"c" * 512)], 1000)
    assert "not as long as its header says" in place.refusal(holes).message


def test_more_members_than_the_limit_are_refused(place: Place) -> None:
    members = [directory("d"), link("l", "d"), entry("a", b"1")]
    assert len(place.unpack(*members, max_members=3)) == 3
    place.directory = place.directory.with_name("again")
    place.write(*members, directory("d"))
    with pytest.raises(UserCodeInvalidError, match="holds more than 3 files and directories"):
        unpack(place.archive, place.directory, max_members=3)


def test_directories_that_are_no_members_count_too(place: Place) -> None:
    assert "more than 3 files" in place.refusal(entry("a/b/c/d"), max_members=3).message


def test_more_bytes_than_the_limit_are_refused(place: Place) -> None:
    members = [entry(name, bytes(40_000)) for name in "abc"]
    error = place.refusal(*members, max_bytes=100_000)
    assert "holds more than 100,000 bytes" in error.message
    assert "leave out" in error.hint
    assert len(place.unpack(*members, max_bytes=130_000)) == 3


def test_zeros_behind_the_end_count_too(place: Place) -> None:
    place.write(entry("a", b"1"), end=bytes(200_000))
    assert "holds more than 100,000 bytes" in place.refusal(max_bytes=100_000).message
    assert unpack(place.archive, place.directory, max_bytes=300_000) == 1


@pytest.mark.parametrize(
    "content", [b"", b"x", b"no archive\n" * 1000, b"\x1f\x8b", b"\x1f\x8b" * 500, b"BZh91AY&SY"]
)
def test_what_is_no_archive_is_refused(content: bytes, place: Place) -> None:
    place.archive.write_bytes(content)
    error = place.refusal()
    assert "archive" in error.message
    assert "tar -czf" in error.hint


@pytest.mark.parametrize("content", [b"", b"no archive\n" * 1000])
@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_what_is_compressed_but_no_archive_is_refused(
    content: bytes, compression: str, place: Place
) -> None:
    place.archive.write_bytes(COMPRESSIONS[compression](content))
    assert "is no tar archive" in place.refusal().message


def test_an_archive_of_nothing_is_refused(place: Place) -> None:
    assert "holds no file" in place.refusal(directory("d")).message
    place.refusal(b"")


def test_a_zip_archive_is_named_as_one(place: Place) -> None:
    place.archive.write_bytes(b"PK\x03\x04" + bytes(100))
    assert "is a zip archive" in place.refusal().message


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_archive_that_is_cut_short_is_refused(compression: str, place: Place) -> None:
    """However many bytes are missing; the plain archive may lack its second block of zeros."""
    noise = os.urandom(3000)
    plain = entry("a", noise) + directory("d") + entry("d/b", noise[:1024]) + END
    whole = COMPRESSIONS[compression](plain)
    shortest_whole = len(whole) - (512 if compression == "plain" else 0)
    for length in {
        *range(0, shortest_whole, 37),
        *range(0, shortest_whole, 512),
        shortest_whole - 1,
    }:
        place.archive.write_bytes(whole[:length])
        place.refusal()


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_an_archive_with_a_bit_changed_is_refused_or_the_same(
    compression: str, place: Place
) -> None:
    plain = entry("a", os.urandom(1000)) + END
    whole = COMPRESSIONS[compression](plain)
    kept = 0
    for at in range(0, len(whole), 7):
        place.archive.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            unpack(place.archive, place.directory)
        except UserCodeInvalidError:
            place.assert_nothing_came()
        else:
            # Some bytes, such as gzip's time, say nothing of the content.
            kept += 1
            assert (place.directory / "a").read_bytes() == plain[512:1512]
            shutil.rmtree(place.directory)
    assert kept < 5


def test_the_checksum_at_the_end_is_looked_at(place: Place) -> None:
    place.write(entry("a", b"1"), end=bytes(300_000))
    content = bytearray(place.archive.read_bytes())
    content[-8] ^= 1
    place.archive.write_bytes(content)
    assert "CRC check failed" in place.refusal().message


@pytest.mark.parametrize("garbage", [b"x" * 512, b"x" * 100, b""])
def test_a_header_that_makes_no_sense_is_not_the_end(garbage: bytes, place: Place) -> None:
    place.write(entry("a", b"1"), end=garbage)
    assert "is damaged or cut short after 'a'" in place.refusal().message


@pytest.mark.parametrize(
    "header",
    [
        entry("b", size=-512, form=tarfile.GNU_FORMAT),
        entry("b", size=-(2**62), form=tarfile.GNU_FORMAT),
        entry("b", size=2**62, form=tarfile.GNU_FORMAT),
        entry("b", kind=b"L", size=-512, form=tarfile.GNU_FORMAT),
        entry("b", kind=b"x", size=-512, form=tarfile.GNU_FORMAT),
        entry("b", kind=b"Z", size=2**62, form=tarfile.GNU_FORMAT),
        entry("b", kind=b"Z", size=-512, form=tarfile.GNU_FORMAT),
        entry("b", kind=b"Z", size=-1024, form=tarfile.GNU_FORMAT),
        entry("b", pax={"size": "-512"}),
        entry("b", pax={"size": "9" * 20}),
        entry("b", pax={"GNU.sparse.size": "x"}),
        entry("b", pax={"GNU.sparse.map": "1,x"}),
        entry("b", pax={"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}),
        entry("b", b"x" * 512, pax={"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}),
        entry("b", b"0 a=b\n", kind=b"x"),
        entry("b", b"99999999999999999999 a=b\n", kind=b"x"),
        entry("b", b"10 hdrcharset=\xff\n", kind=b"x"),
        entry("b", b"long", kind=b"K") * 100,
        entry("b", b"long", kind=b"x") * 100,
        sparse("0.1", [(0, b"a" * 512)], -1),
    ],
)
def test_headers_that_make_no_sense_are_refused(header: bytes, place: Place) -> None:
    place.refusal(entry("a", b"1"), header)


def test_a_long_name_is_shown_in_part(place: Place) -> None:
    error = place.refusal(entry("a" * 5000))
    assert f"{'a' * 100}" in error.message
    assert "aaa..." in error.message


BOMBS = {
    "pax": entry("x", kind=b"x", size=10**10, form=tarfile.GNU_FORMAT),
    "global": entry("x", kind=b"g", size=10**10, form=tarfile.GNU_FORMAT),
    "long name": entry("x", kind=b"L", size=10**10, form=tarfile.GNU_FORMAT),
    "long link": entry("x", kind=b"K", size=10**10, form=tarfile.GNU_FORMAT),
    "file": entry("x", size=10**10, form=tarfile.GNU_FORMAT),
    "unknown": entry("x", kind=b"Z", size=10**10, form=tarfile.GNU_FORMAT),
    "trailing": END,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_soon_and_in_little_memory(bomb: str, place: Place) -> None:
    """10 GB of zeros, where a process may have 100 MB and 5 s; it may unpack 100 MB."""
    zeros = gzip.compress(bytes(10**8), compresslevel=1)
    first = gzip.compress(entry("a", b"1") + BOMBS[bomb], mtime=0)
    place.archive.write_bytes(first + zeros * 100)
    program = """
        import resource, sys
        from pathlib import Path
        from entrypoint.errors import UserCodeInvalidError
        from entrypoint.storage.archives import unpack

        resource.setrlimit(resource.RLIMIT_AS, (100_000_000, 100_000_000))
        resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
        try:
            unpack(Path(sys.argv[1]), Path(sys.argv[2]), max_bytes=100_000_000)
        except UserCodeInvalidError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), place.archive, place.directory],
        check=True,
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(f"the code archive {place.archive} ")
    place.assert_nothing_came()


def test_a_sparse_map_of_any_length_is_refused(place: Place) -> None:
    header = bytearray(entry("holes", kind=tarfile.GNUTYPE_SPARSE))
    header[482] = 1
    header[148:156] = b"%06o\0 " % (256 + sum(header[:148]) + sum(header[156:512]))
    block = (b"%011o\0%011o\0" % (1, 1) * 21 + b"\1").ljust(512, b"\0")
    assert "more than 64 KiB" in place.refusal(bytes(header), block * 1000).message


def test_global_headers_do_not_grow_without_end(place: Place) -> None:
    few = {f"a.key{number}": "1" for number in range(50)}
    many = {f"b.key{number}": "1" for number in range(60)}
    headers = [tarfile.TarInfo.create_pax_global_header(headers) for headers in (few, many)]
    assert "global headers" in place.refusal(*headers, entry("a", b"1")).message
    assert place.unpack(headers[0], entry("a", b"1")) == {"a": "1"}


def test_no_list_of_members_is_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    real = tarfile.TarFile.next

    def counted(tar: tarfile.TarFile) -> tarfile.TarInfo | None:
        kept.append(len(tar.members))  # type: ignore[attr-defined]
        return real(tar)

    monkeypatch.setattr(tarfile.TarFile, "next", counted)
    place.unpack(*(entry(f"{number}") for number in range(100)))
    assert max(kept) <= 1


def test_no_space_is_left_to_the_caller_and_leaves_nothing(place: Place) -> None:
    """A file may only have so many bytes here, which stops a write as a full disk does."""
    place.write(entry("a", b"1"), entry("b", os.urandom(100_000)))
    program = """
        import errno, resource, signal, sys
        from pathlib import Path
        from entrypoint.storage.archives import unpack

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        try:
            unpack(Path(sys.argv[1]), Path(sys.argv[2]))
        except OSError as error:
            print(errno.errorcode[error.errno])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), place.archive, place.directory],
        check=True,
        cwd=PROJECT_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.stdout == "EFBIG\n"
    place.assert_nothing_came()


def test_a_missing_archive_is_the_callers_to_explain(place: Place) -> None:
    with pytest.raises(FileNotFoundError):
        unpack(place.archive, place.directory)
    place.assert_nothing_came()


def test_a_disk_that_fails_is_no_damaged_archive(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FailingFile(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 50_000:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    place.write(entry("a", os.urandom(200_000)))
    file = FailingFile(place.archive.read_bytes())
    monkeypatch.setattr(Path, "open", lambda *_: file)
    with pytest.raises(OSError, match="Input/output error") as caught:
        unpack(place.archive, place.directory)
    assert caught.value.errno == errno.EIO


def test_a_python_without_the_data_filter_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(entry("a", b"1"))
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(UsageError, match="has no data filter") as caught:
        archives.unpack(place.archive, place.directory)
    assert "3.10.12" in caught.value.hint
    place.assert_nothing_came()
