"""Unpack an archive of the user's code, without trusting it.

tarfile's "data" filter (PEP 706) looks at one member at a time, and follows the links that are on
the disk by then. Here nothing is ever written through a link, sizes are limited, tarfile cannot be
made to read much into memory, and an archive that is refused leaves nothing behind.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from entrypoint.errors import ContradictionError, UsageError, UserCodeInvalidError

MAX_BYTES = 4 * 1024**3
MAX_MEMBERS = 100_000
# Far more than names and attributes take.
MAX_HEADER_BYTES = 64 * 1024
MAX_DEPTH = 64
MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 1024

_CHUNK_BYTES = 256 * 1024
# As many as Linux follows (path_resolution(7)).
_MAX_LINKS_FOLLOWED = 40
# Every member copies the headers that are for all members.
_MAX_GLOBAL_HEADERS = 100
_REPACK = "make it again: tar -czf code.tar.gz -C YOUR_CODE_DIRECTORY ."
_LEAVE_OUT = f"leave that out, or {_REPACK}"
_SHOWN_CHARACTERS = 120
# What tarfile raises, on purpose or not, where headers make no sense.
_BROKEN = (tarfile.TarError, ValueError, ArithmeticError, LookupError, RecursionError)


class _Content(Protocol):
    """What an archive holds, decompressed, from its start to its end."""

    def read(self, size: int, /) -> bytes: ...


class _RefusedError(Exception):
    """Why an archive is not unpacked, in words that continue its name, and how to mend it."""

    def __init__(self, reason: str, *, hint: str = _REPACK) -> None:
        super().__init__(reason)
        self.hint = hint


def unpack(
    archive: Path,
    directory: Path,
    *,
    name: str | None = None,
    max_bytes: int = MAX_BYTES,
    max_members: int = MAX_MEMBERS,
) -> int:
    """Unpack a tar archive (plain, .gz, .bz2 or .xz), all of it or nothing.

    Files and directories belong to the job and have the time of now. Modes are the archive's, but
    nobody else may write, and no file runs as somebody else (setuid).

    Args:
        archive: the archive.
        directory: what the archive's content becomes. It does not exist yet, or is empty, and its
            parent can be written to.
        name: what messages call the archive, if not by its path.
        max_bytes: the most that the archive may hold, decompressed; a sparse file counts whole.
        max_members: the most files, directories and links that it may hold.

    Returns:
        How many files and links there are now.

    Raises:
        UserCodeInvalidError: it is no such archive, is damaged, is larger than the limits, or has
            a member that is no file, directory or link within the archive.
        ContradictionError: the directory is not empty.
        UsageError: this Python's tarfile is too old to unpack safely.
        OSError: the archive cannot be read or the files cannot be written, for want of space
            (ENOSPC) or another reason.
    """
    if not hasattr(tarfile, "data_filter"):
        raise UsageError(
            f"the tarfile of this Python cannot unpack {archive} safely: it has no data filter",
            hint="run the job on Python 3.10.12, 3.11.4, 3.12 or later",
        )
    if directory.is_dir() and any(directory.iterdir()):
        raise ContradictionError(
            f"{archive} cannot be unpacked: {directory} is not empty",
            hint=f"leave out the archive, or what is in {directory}",
        )
    staging = directory.with_name(f".{directory.name}.unpacking")
    # A job that was killed may have left it.
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        count = _unpack(archive, _Tree(staging), max_bytes, max_members)
        staging.rename(directory)
    except _RefusedError as error:
        raise UserCodeInvalidError(
            f"the code archive {name or archive} {error}", hint=error.hint
        ) from error.__cause__
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return count


def _unpack(archive: Path, tree: _Tree, max_bytes: int, max_members: int) -> int:
    with archive.open("rb") as file:
        stream = _Stream(_decompressed(file), max_bytes)
        total = 0
        for number, (tar, member) in enumerate(_members(stream), start=1):
            if member.isreg():
                total += _checked_size(member)
                if total > max_bytes:
                    raise _too_large(f"more than {max_bytes:,} bytes")
                stream.allow(member.size, "its content is not as long as its header says")
            tree.add(tar, member)
            # The directories above a member need not be members.
            if max(number, len(tree)) > max_members:
                raise _too_large(f"more than {max_members:,} files and directories")
        stream.read_to_end()
    tree.check_links()
    count = tree.count_files()
    if not count:
        raise _RefusedError("holds no file")
    return count


def _decompressed(file: BinaryIO) -> _Content:
    """Open what is compressed, as the first bytes tell."""
    start = file.read(512)
    file.seek(0)
    # A plain archive begins with a name, which may look like anything.
    if start[257:262] == b"ustar":
        return file
    if start.startswith(b"PK\x03\x04"):
        raise _RefusedError("is a zip archive, not a tar archive")
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(file)
    if start.startswith(b"BZh") and start[4:10] == b"1AY&SY":
        return bz2.open(file)
    if start.startswith((b"\xfd7zXZ\0", b"\x5d\0\0")):
        return lzma.open(file)
    return file


def _members(stream: _Stream) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield each member while the stream stands before its content."""
    name = ""
    too_long = f"has a header of more than {MAX_HEADER_BYTES // 1024} KiB"
    try:
        stream.allow(MAX_HEADER_BYTES, too_long)
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            while (member := tar.next()) is not None:
                if len(tar.pax_headers) > _MAX_GLOBAL_HEADERS:
                    raise _RefusedError(f"has more than {_MAX_GLOBAL_HEADERS} global headers")
                # It would keep all of them.
                tar.members.clear()  # type: ignore[attr-defined]  # documented, but not typed
                name = member.name
                yield tar, member
                stream.allow(MAX_HEADER_BYTES, too_long)
    except _BROKEN as error:
        if not name:
            raise _RefusedError(f"is no tar archive, or a damaged one: {error}") from error
        raise _RefusedError(f"is damaged after {_quoted(name)}: {error}") from error
    # For tarfile a header that it cannot read is the end of the archive, as its zeros are.
    if stream.last_read != bytes(tarfile.BLOCKSIZE):
        raise _RefusedError(f"is damaged or cut short after {_quoted(name)}")


def _checked_size(member: tarfile.TarInfo) -> int:
    """Return a file's size, its holes included."""
    # Pairs of an offset and a length; the types that tarfile has elsewhere say otherwise.
    pieces: Any = member.sparse or ()
    fit = all(
        offset >= 0 and length >= 0 and offset + length <= member.size
        for offset, length in pieces
        if length
    )
    if member.size < 0 or not fit:
        raise _RefusedError(f"is damaged: {_quoted(member.name)} has an impossible size")
    return member.size


class _Tree:
    """What has been unpacked so far."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # The kind of everything that is there, by its path.
        self._kinds: dict[str, str] = {}
        # Where the links lead, as the archive has it.
        self._links: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def count_files(self) -> int:
        """Return how many files and links there are."""
        return sum(kind != "directory" for kind in self._kinds.values())

    def add(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Unpack one member."""
        parts = _split(member.name, of=member)
        kind = _kind(member)
        if not parts and kind == "directory":
            return
        if not parts:
            raise _refused(member, "has no name")
        path, linkname = "/".join(parts), member.linkname
        if member.islnk():
            linkname = "/".join(_split(linkname, of=member))
            if self._kinds.get(linkname) != "file":
                raise _refused(member, "is a hard link to what is no earlier file")
            if linkname == path:
                return
        self._make_room(member, parts, kind)
        plain = member.replace(
            name=path,
            linkname=linkname,
            mtime=None,  # type: ignore[arg-type]  # so documented: the time is not set
            deep=False,
        )
        try:
            if kind == "link":
                self._add_link(plain)
            else:
                tar.extract(plain, self._directory, filter="data")
        except tarfile.FilterError as error:
            raise _refused(member, "leads out of it") from error
        except _BROKEN as error:
            raise _RefusedError(f"is damaged in {_quoted(path)}: {error}") from error

    def _add_link(self, member: tarfile.TarInfo) -> None:
        target = member.linkname
        if not target or "\0" in target or len(os.fsencode(target)) > MAX_PATH_BYTES:
            raise _refused(member, "is a link whose target is no path, or too long")
        # What is unpacked later may change where a link leads, so `check_links` comes last.
        tarfile.data_filter(member, str(self._directory))
        link = self._directory / member.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
        self._links[member.name] = target

    def _make_room(self, member: tarfile.TarInfo, parts: list[str], kind: str) -> None:
        """See that nothing is written through a link, and nothing over another kind."""
        for depth in range(1, len(parts)):
            above = "/".join(parts[:depth])
            if self._kinds.setdefault(above, "directory") != "directory":
                raise _refused(member, f"lies below {_quoted(above)}, which is no directory")
        path = "/".join(parts)
        there = self._kinds.get(path)
        if there not in {None, kind} or there == "link":
            raise _refused(member, f"is a {kind} where a {there} of this name is already")
        if there == "file":
            # Its other hard links keep what they have.
            (self._directory / path).unlink()
        self._kinds[path] = kind

    def check_links(self) -> None:
        """Refuse a link that leads out, by however many other links."""
        for path in self._links:
            if not _stays_inside(path, self._links):
                raise _RefusedError(
                    f"is not safe to unpack: its link {_quoted(path)} leads out of it, or nowhere",
                    hint=_LEAVE_OUT,
                )


def _kind(member: tarfile.TarInfo) -> str:
    if member.isdir():
        return "directory"
    if member.issym():
        return "link"
    if member.isreg() or member.islnk():
        return "file"
    raise _refused(member, "is a device, or another thing that is no file")


def _split(name: str, *, of: tarfile.TarInfo) -> list[str]:
    """Return the parts of a path within the archive."""
    if name.startswith("/"):
        raise _refused(of, "has an absolute name, or leads to one")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts or "\0" in name:
        raise _refused(of, "has a '..' or a NUL in its name, or leads to such a name")
    if (
        len(os.fsencode(name)) > MAX_PATH_BYTES
        or len(parts) > MAX_DEPTH
        or any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in parts)
    ):
        raise _refused(
            of,
            f"has too long a name: {MAX_PATH_BYTES} bytes, {MAX_DEPTH} directories, and"
            f" {MAX_NAME_BYTES} bytes for each are the most",
        )
    return parts


def _stays_inside(path: str, links: dict[str, str]) -> bool:
    """Follow a path as Linux does, one part at a time, in a tree that has these links."""
    at: list[str] = []
    ahead = path.split("/")[::-1]
    followed = 0
    while ahead:
        part = ahead.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            if not at:
                return False
            at.pop()
            continue
        target = links.get("/".join((*at, part)))
        if target is None:
            at.append(part)
            if len(at) > MAX_DEPTH:
                return False
            continue
        followed += 1
        if target.startswith("/") or followed > _MAX_LINKS_FOLLOWED:
            return False
        ahead.extend(target.split("/")[::-1])
    return True


class _Stream(io.RawIOBase):
    """The decompressed archive as tarfile reads it: forward only, and never much at once.

    Attributes:
        last_read: what was read last.
    """

    def __init__(self, content: _Content, most_bytes: int) -> None:
        super().__init__()
        self.last_read = b""
        self._content = content
        self._most_bytes = most_bytes
        self._position = 0
        self._allowed = 0
        self._else = ""

    def allow(self, most_bytes: int, otherwise: str) -> None:
        """Allow so many bytes to be read from here on; more is refused with the reason."""
        self._allowed = most_bytes
        self._else = otherwise

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self._allowed:
            raise _RefusedError(self._else)
        self._allowed -= size
        self.last_read = self._take(size)
        return self.last_read

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence != os.SEEK_SET or offset < self._position:
            raise _RefusedError("is damaged: one of its members lies before another one's end")
        while self._position < offset and self._take(min(offset - self._position, _CHUNK_BYTES)):
            pass
        return self._position

    def tell(self) -> int:
        return self._position

    def read_to_end(self) -> None:
        """See to it that the decompressor compares its checksum, which comes last."""
        while self._take(_CHUNK_BYTES):
            pass

    def _take(self, size: int) -> bytes:
        try:
            data = self._content.read(size)
        except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise _RefusedError(f"is damaged or cut short: {error}") from error
        self._position += len(data)
        if self._position > self._most_bytes:
            raise _too_large(f"more than {self._most_bytes:,} bytes")
        return data


def _refused(member: tarfile.TarInfo, reason: str) -> _RefusedError:
    return _RefusedError(
        f"is not safe to unpack: its member {_quoted(member.name)} {reason}", hint=_LEAVE_OUT
    )


def _too_large(reason: str) -> _RefusedError:
    return _RefusedError(
        f"holds {reason}",
        hint="leave out what the code does not need; data belongs in the dataset",
    )


def _quoted(name: str) -> str:
    shown = name if len(name) <= _SHOWN_CHARACTERS else f"{name[:_SHOWN_CHARACTERS]}..."
    return repr(shown)
