"""Objects on their way to files, and what has come of them when the job is interrupted."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import logging
import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entrypoint.errors import PlatformError
from entrypoint.storage.items import PIECE_BYTES, Piece
from entrypoint.storage.keys import Listed
from entrypoint.storage.lanes import part_size_of
from entrypoint.storage.parts import RunningDigest, count_parts, etag_of_parts, is_plain
from entrypoint.storage.uris import S3Uri

logger = logging.getLogger(__name__)

# Content that is not what its ETag says: something is wrong with the way, or with the object.
_WRONG_TRIES = 5
_RECORD_SUFFIX = ".pieces"
# Questions about objects that are asked at a time.
_QUESTIONS = 16
# Held by the task that downloads, where several share a directory.
LOCK_NAME = "lock"


@dataclass(frozen=True)
class Wanted:
    """An object to be had as a file.

    Attributes:
        listed: the object.
        file: what it becomes.
    """

    listed: Listed
    file: Path


class Download:
    """One object on its way, in one piece or several, and what has come of it.

    Args:
        bucket: its bucket.
        wanted: the object and its file.
        there: where it is while it is not whole.
        part_size: of the parts that its ETag tells of, None where pieces do not hold them.
        readers: read what has come while the rest comes.
    """

    def __init__(
        self,
        bucket: str,
        wanted: Wanted,
        there: Path,
        part_size: int | None,
        readers: ThreadPoolExecutor,
    ) -> None:
        listed = wanted.listed
        name = hashlib.sha256(f"{listed.key}\0{listed.etag}".encode()).hexdigest()[:32]
        self.file = there / name
        self.record = there / f"{name}{_RECORD_SUFFIX}"
        self.whole = whole(bucket, listed, self.file, wanted.file)
        self._final = wanted.file
        self._digests: dict[int, Sequence[bytes]] = {}
        self._is_placed = self._is_resumed = False
        self._wrong_tries = 0
        self._readers = readers
        self._running = RunningDigest(self.file)
        self._pieces = [self.whole]
        if listed.size > PIECE_BYTES:
            step = PIECE_BYTES // part_size * part_size if part_size else PIECE_BYTES
            self._pieces = [
                dataclasses.replace(
                    self.whole,
                    start=start,
                    length=min(step, listed.size - start),
                    final=None,
                    part_size=part_size,
                )
                for start in range(0, listed.size, step)
            ]

    def go_on(self) -> None:
        """Look what has come already, and make room for what has not."""
        if len(self._pieces) == 1:
            return
        if self.file.exists():
            self._digests = _read_record(self.record, self._pieces)
        # What is written down may be true of a machine's memory alone that has crashed since.
        self._is_resumed = bool(self._digests)
        if not self._digests:
            self.record.unlink(missing_ok=True)
        _make_room(self.file, self.whole.size)

    @property
    def missing(self) -> list[Piece]:
        """The pieces that have not come."""
        if self._is_placed:
            return []
        return [piece for piece in self._pieces if piece.start not in self._digests]

    @property
    def is_unsure(self) -> bool:
        """All has come, and the file has to be read to tell whether it is right."""
        return not self._is_placed and not self.missing

    def take(self, piece: Piece, digests: Sequence[bytes]) -> None:
        """Note what has come, and put the file in place if it is whole and known to be right.

        Args:
            piece: what has come.
            digests: those of its parts.
        """
        if piece.final:
            self._is_placed = True  # by its lane, which has checked it
            return
        self._digests[piece.start] = digests
        with self.record.open("a", encoding="utf-8") as record:
            noted = [piece.start, piece.length, [digest.hex() for digest in digests]]
            record.write(json.dumps(noted) + "\n")
        if is_plain(self.whole.etag):
            missing = self.missing
            self._readers.submit(
                self._running.go_on, missing[0].start if missing else self.whole.size
            )
            return
        if self.missing or self._is_resumed:
            return
        in_order = [digest for one in self._pieces for digest in self._digests[one.start]]
        if etag_of_parts(in_order) == self.whole.etag.strip('"'):
            self._place()

    def try_plain(self) -> None:
        """Put a file in place whose running digest is the ETag, once all has come."""
        if self.is_unsure and is_plain(self.whole.etag):
            self._running.go_on(self.whole.size)
            if self._running.hexdigest() == self.whole.etag.strip('"').lower():
                self._place()

    def settle(self, *, is_right: bool) -> None:
        """Put a file in place that has been read to the end, or begin again.

        Raises:
            PlatformError: the content is wrong again and again.
        """
        if is_right:
            self._place()
            return
        uri = self.whole.uri
        self._wrong_tries += 1
        if self._wrong_tries == _WRONG_TRIES:
            raise PlatformError(
                f"what comes for {uri} is not what its ETag says, {_WRONG_TRIES} times",
                hint="look at what is between this machine and the storage, and at the object",
            )
        logger.warning(
            "what came for %s is not what its ETag says; it is fetched again",
            uri,
            extra={"event": "storage_retry"},
        )
        self._digests.clear()
        self._is_resumed = False
        self._running = RunningDigest(self.file)
        self.record.unlink()

    def _place(self) -> None:
        self.file.replace(self._final)
        self.record.unlink()
        self._is_placed = True


def _make_room(file: Path, size: int) -> None:
    """Give a file its size, and its place on the disk where the filesystem can do that.

    Pieces that are written in any order into a file of holes take twice the time.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.truncate(descriptor, size)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            error.filename = str(file)
            raise
    finally:
        os.close(descriptor)


def ask_part_sizes(client: Any, bucket: str, wanted: Collection[Wanted]) -> dict[Wanted, int]:
    """Ask for the sizes of the parts of large objects.

    Returns:
        They, for those objects of whose parts a piece can hold some.
    """
    asked = [
        one for one in wanted if one.listed.size > PIECE_BYTES and count_parts(one.listed.etag)
    ]
    with ThreadPoolExecutor(_QUESTIONS) as questions:
        sizes = questions.map(lambda one: _part_size(client, bucket, one.listed), asked)
        return {one: size for one, size in zip(asked, sizes, strict=True) if size}


def whole(bucket: str, listed: Listed, file: Path, final: Path | None) -> Piece:
    """Return an object as one piece.

    Args:
        bucket: its bucket.
        listed: the object.
        file: where it comes.
        final: what that is renamed to once it is right.
    """
    return Piece(
        uri=S3Uri(bucket, listed.key),
        etag=listed.etag,
        size=listed.size,
        start=0,
        length=listed.size,
        file=file,
        final=final,
    )


def remove_others(there: Path, downloads: Collection[Download]) -> None:
    """Remove what was left of objects that have changed since, or are not wanted any more."""
    wanted = {file for download in downloads for file in (download.file, download.record)}
    for file in there.iterdir():
        if file not in wanted and file.name != LOCK_NAME:
            file.unlink()


def _part_size(client: Any, bucket: str, listed: Listed) -> int | None:
    size = part_size_of(client, S3Uri(bucket, listed.key))
    fits = (
        size is not None
        and 0 < size <= PIECE_BYTES
        and -(-listed.size // size) == count_parts(listed.etag)
    )
    return size if fits else None


def _read_record(file: Path, pieces: Collection[Piece]) -> dict[int, Sequence[bytes]]:
    """Return the digests of the pieces that have come, by where they start."""
    found: dict[int, Sequence[bytes]] = {}
    lengths = {piece.start: piece.length for piece in pieces}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        try:
            start, length, digests = json.loads(line)
            told = [bytes.fromhex(digest) for digest in digests]
        except (TypeError, ValueError):
            continue  # the last line of a process that was killed
        if lengths.get(start) == length:
            found[start] = told
    return found
