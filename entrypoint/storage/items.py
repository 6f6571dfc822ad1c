"""What the lanes are given to move, and what they say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entrypoint.storage.uris import S3Uri

MIB = 1024 * 1024
# A larger object comes in pieces; what has come of it is kept when the job is interrupted.
PIECE_BYTES = 32 * MIB


@dataclass(frozen=True)
class Piece:
    """A range of an object, and where in which file it goes.

    Attributes:
        uri: the object.
        etag: its ETag; an object that has changed since is not mixed with what it was.
        size: of the whole object in bytes.
        start: where the range begins in the object, and in the file.
        length: of the range in bytes.
        file: the file, which exists if the piece is not the whole.
        final: what a file that is whole and right is renamed to, None for a piece of one.
        part_size: of the parts whose digests are wanted, None for none.
    """

    uri: S3Uri
    etag: str
    size: int
    start: int
    length: int
    file: Path
    final: Path | None
    part_size: int | None = None


@dataclass(frozen=True)
class Part:
    """A part of a file that goes up in parts.

    Attributes:
        upload_id: S3's name for the upload.
        number: of the part, from 1.
        start: where it begins in the file.
        length: in bytes.
    """

    upload_id: str
    number: int
    start: int
    length: int


@dataclass(frozen=True)
class Parcel:
    """A file that goes up, or a part of one.

    Attributes:
        file: the file.
        uri: what it becomes.
        part: which part of it, None for all.
    """

    file: Path
    uri: S3Uri
    part: Part | None = None


@dataclass(frozen=True)
class Failure:
    """Why something has not come through, as it can pass from a process to another.

    Attributes:
        code: the exit code of the typed error, 0 if `number` says what it was.
        message: as of JobError.
        hint: likewise.
        may_pass: whether trying again may help.
        number: of an OSError.
        file: which that is about.
    """

    code: int
    message: str
    hint: str = ""
    may_pass: bool = False
    number: int = 0
    file: str = ""


# What came of a piece or a parcel: the digests of the parts of a piece, what S3 says of a part that
# has gone up, or why it has not come through.
Result = Sequence[Any] | Failure
