"""Objects on their way to files, and what has come of them when the job is interrupted."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entrypoint.errors import PlatformError
from entrypoint.storage.keys import Listed
from entrypoint.storage.lanes import PIECE_BYTES, Piece, part_size_of
from entrypoint.storage.parts import count_parts, etag_of_parts
from entrypoint.storage.uris import S3Uri

logger = logging.getLogger(__name__)

# Content that is not what its ETag says: something is wrong with the way, or with the object.
_WRONG_TRIES = 5
_RECORD_SUFFIX = ".pieces"
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
        client: asks for the size of the object's parts.
        bucket: its bucket.
        wanted: the object and its file.
        there: where it is while it is not whole.
    """

    def __init__(self, client: Any, bucket: str, wanted: Wanted, there: Path) -> None:
        listed = wanted.listed
        name = hashlib.sha256(f"{listed.key}\0{listed.etag}".encode()).hexdigest()[:32]
        self.file = there / name
        self.record = there / f"{name}{_RECORD_SUFFIX}"
        self._final = wanted.file
        self._whole = whole(bucket, listed, self.file, wanted.file)
        self._digests: dict[int, Sequence[bytes]] = {}
        self._wrong_tries = 0
        self._pieces = [self._whole]
        if listed.size > PIECE_BYTES:
            part_size = _part_size(client, self._whole)
            step = PIECE_BYTES // part_size * part_size if part_size else PIECE_BYTES
            self._pieces = [
                dataclasses.replace(
                    self._whole,
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
        if not self._digests:
            self.record.unlink(missing_ok=True)
        with self.file.open("ab"):
            os.truncate(self.file, self._whole.size)

    @property
    def missing(self) -> list[Piece]:
        """The pieces that have not come."""
        return [piece for piece in self._pieces if piece.start not in self._digests]

    def take(
        self, piece: Piece, digests: Sequence[bytes], is_right: Callable[[Piece], bool]
    ) -> Sequence[Piece]:
        """Note what has come, and put the file in place once it is whole and right.

        Args:
            piece: what has come.
            digests: those of its parts.
            is_right: reads a whole file again to tell.

        Returns:
            The pieces that have to come again.

        Raises:
            PlatformError: the content is wrong again and again.
        """
        if piece.final:
            return []  # its lane has checked it, and put it in place
        self._digests[piece.start] = digests
        with self.record.open("a", encoding="utf-8") as record:
            noted = [piece.start, piece.length, [digest.hex() for digest in digests]]
            record.write(json.dumps(noted) + "\n")
        if self.missing:
            return []
        in_order = [digest for one in self._pieces for digest in self._digests[one.start]]
        if etag_of_parts(in_order) != self._whole.etag.strip('"') and not is_right(self._whole):
            return self._begin_again()
        self.record.unlink()
        self.file.replace(self._final)
        return []

    def _begin_again(self) -> Sequence[Piece]:
        uri = self._whole.uri
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
        self.record.unlink()
        return self._pieces


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


def _part_size(client: Any, piece: Piece) -> int | None:
    """Return the size of an object's parts, where a piece can hold some and they can be told."""
    count = count_parts(piece.etag)
    if count is None:
        return None
    size = part_size_of(client, piece.uri)
    fits = size is not None and 0 < size <= PIECE_BYTES and -(-piece.size // size) == count
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
        except ValueError:
            continue  # the last line of a process that was killed
        if lengths.get(start) == length:
            found[start] = [bytes.fromhex(digest) for digest in digests]
    return found
