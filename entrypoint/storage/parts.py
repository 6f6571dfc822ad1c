"""The digests of an object's parts, of which S3 makes the ETag of what was uploaded in parts."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

_PLAIN_ETAG = re.compile(r'"?[0-9a-f]{32}"?')
_ETAG = re.compile(r'"?[0-9a-f]{32}-([1-9]\d{0,4})"?')
_READ_BYTES = 1024 * 1024


def count_parts(etag: str) -> int | None:
    """Return of how many parts an ETag tells; None if it tells of none."""
    found = _ETAG.fullmatch(etag.lower())
    return int(found[1]) if found else None


def digests_of_parts(descriptor: int, start: int, length: int, part_size: int) -> Iterator[bytes]:
    """Give the MD5 of each part in a range of a file.

    Args:
        descriptor: the file.
        start: where the range begins, at the beginning of a part.
        length: of the range in bytes; the last part may be short.
        part_size: in bytes.
    """
    for part in range(start, start + length, part_size):
        digest = hashlib.md5(usedforsecurity=False)
        position, end = part, min(part + part_size, start + length)
        while data := os.pread(descriptor, min(_READ_BYTES, end - position), position):
            digest.update(data)
            position += len(data)
        yield digest.digest()


def etag_of_parts(digests: Sequence[bytes]) -> str:
    """Return the ETag of an object of parts with these digests."""
    digest = hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()
    return f"{digest}-{len(digests)}"


def is_plain(etag: str) -> bool:
    """Tell whether an ETag may be the MD5 of the whole content."""
    return bool(_PLAIN_ETAG.fullmatch(etag.lower()))


class RunningDigest:
    """The MD5 of a file that is still being written, as far as it is from its beginning.

    Args:
        file: the file.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._digest = hashlib.md5(usedforsecurity=False)
        self._position = 0
        self._reading = threading.Lock()

    def go_on(self, end: int) -> None:
        """Read what was not read yet; nothing if that much was.

        Args:
            end: up to where the file is written, in bytes.
        """
        with self._reading, self._file.open("rb", buffering=0) as stream:
            stream.seek(self._position)
            while data := stream.read(min(_READ_BYTES, max(end - self._position, 0))):
                self._digest.update(data)
                self._position += len(data)

    def hexdigest(self) -> str:
        """Return the MD5 of what was read."""
        return self._digest.hexdigest()
