"""A file against the size and the ETag of the object that it came from."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from entrypoint.storage.parts import is_plain

_CHUNK_BYTES = 1024 * 1024
_MIB = 1024 * 1024
_MULTIPART_ETAG = re.compile(r"([0-9a-f]{32})-([1-9][0-9]{0,4})")
# What clients upload in where nobody chooses: boto3 and the AWS CLI 8 MiB, doubled for large
# objects; others 5, 16, 64, 100 or 128.
_USUAL_PART_SIZES = tuple(size * _MIB for size in (8, 16, 5, 64, 100, 128, 32, 256, 512))
# Each guess reads the whole file once more.
_MAX_GUESSES = 8


def matches(
    file: Path,
    size: int,
    etag: str,
    part_size: Callable[[], int | None],
    *,
    is_md5: bool = True,
) -> bool | None:
    """Tell whether a file is what an object holds.

    An object that was uploaded at once has the MD5 of its content for an ETag. One that was
    uploaded in N parts has the MD5 of the parts' MD5s, and "-N" ("Checking object integrity" in
    Amazon S3's user guide). That cannot be computed without the size of the parts.

    Args:
        file: the file, which exists.
        size: the object's size in bytes.
        etag: the object's ETag, in quotes or not.
        part_size: asks the storage for the size of the object's first part (HeadObject with
            PartNumber=1) in bytes; None where it does not say. Only called for an object in
            several parts when its size is the file's.
        is_md5: the ETag can be made of MD5s. It is not where the object is encrypted with KMS or
            a customer's key (SSE-KMS, DSSE-KMS, SSE-C), or lies in a directory bucket.

    Returns:
        Whether size and content are the object's; None where the sizes agree and nothing can be
        said of the content.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open("rb", buffering=0) as content:
        if os.fstat(content.fileno()).st_size != size:
            return False
        digest = etag.strip('"').lower()
        if is_md5 and is_plain(digest):
            return _digest(content, size).hex() == digest
        found = _MULTIPART_ETAG.fullmatch(digest)
        if not is_md5 or found is None:
            return None
        count = int(found[2])
        told = part_size() if count > 1 else max(size, 1)
        if told is not None and told > 0 and _count_parts(size, told) == count:
            return _digest_of_parts(content, size, told) == found[1]
        guesses = _guess_part_sizes(size, count)
        # Guesses that fail say nothing: the parts may have been of any sizes.
        return any(_digest_of_parts(content, size, guess) == found[1] for guess in guesses) or None


def _guess_part_sizes(size: int, count: int) -> list[int]:
    """Return the sizes in which a client may have uploaded so many parts, the likely ones first."""
    # Where the usual size makes too many parts, clients take as few bytes, or MiB, as will do.
    least = -(-size // count)
    fewest = -(-least // _MIB)
    multiples = (number * _MIB for number in range(fewest, fewest + _MAX_GUESSES))
    guesses = dict.fromkeys((*_USUAL_PART_SIZES, *multiples, least))
    return [guess for guess in guesses if guess and _count_parts(size, guess) == count][
        :_MAX_GUESSES
    ]


def _count_parts(size: int, part_size: int) -> int:
    return max(1, -(-size // part_size))


def _digest_of_parts(content: BinaryIO, size: int, part_size: int) -> str:
    """Return the MD5 of the MD5s of a file's parts, as hexadecimal digits."""
    content.seek(0)
    digests = b"".join(_digest(content, part_size) for _ in range(_count_parts(size, part_size)))
    return hashlib.md5(digests, usedforsecurity=False).hexdigest()


def _digest(content: BinaryIO, most_bytes: int) -> bytes:
    """Return the MD5 of what follows, of so many bytes or of all there are."""
    md5 = hashlib.md5(usedforsecurity=False)
    # Python hashes without its lock what is as long as this.
    chunk = memoryview(bytearray(min(most_bytes, _CHUNK_BYTES)))
    while most_bytes:
        count = content.readinto(chunk[:most_bytes])  # type: ignore[attr-defined]
        if not count:
            break
        md5.update(chunk[:count])
        most_bytes -= count
    return md5.digest()
