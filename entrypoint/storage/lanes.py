"""The processes that move bytes, several so that one interpreter's lock does not limit them.

Each has a client and a transfer manager of s3transfer of its own, and is given a batch at a time:
files, or pieces of large ones. s3transfer's own pool of processes only downloads, holds three times
the memory and begins anew what was interrupted.
"""

from __future__ import annotations

import errno
import functools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from s3transfer.exceptions import CancelledError, RetriesExceededError
from s3transfer.manager import TransferConfig, TransferManager
from s3transfer.subscribers import BaseSubscriber
from s3transfer.utils import ReadFileChunk

from entrypoint.children import die_with
from entrypoint.errors import PlatformError
from entrypoint.storage import s3
from entrypoint.storage.items import Failure, Parcel, Part, Piece, Result
from entrypoint.storage.parts import digests_of_parts
from entrypoint.storage.uris import S3Uri
from entrypoint.storage.verification import matches

MAX_LANES = 3
# Connections of one lane.
CONNECTIONS = 8
# How often a wait for what comes looks whether the job has ended.
_LOOK_SECONDS = 0.2
_NEVER_CUT = 1 << 62


class Lanes:
    """The processes; to be made while this one has no other threads.

    Args:
        timeout_seconds: see `s3.connect`.
    """

    def __init__(self, *, timeout_seconds: float) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
        self.count = min(MAX_LANES, cores)
        context = get_context("fork")
        self._moved = context.Value("q", 0)
        self._is_cancelled = context.Value("b", 0, lock=False)
        self._pool = ProcessPoolExecutor(
            self.count,
            mp_context=context,
            initializer=_begin,
            initargs=(os.getpid(), timeout_seconds, self._moved, self._is_cancelled),
        )
        # Forks all of them now, from this thread.
        self._pool.submit(os.getpid).result()

    @property
    def moved(self) -> int:
        """The bytes that have come through until now, those that came twice counted once."""
        return int(self._moved.value)

    def cancel(self) -> None:
        """Have all downloads end at once, and those that would begin."""
        self._is_cancelled.value = 1

    def download(self, pieces: Sequence[Piece]) -> Future[list[Result]]:
        """Fetch pieces, check and rename those that are whole files."""
        return self._pool.submit(_download, pieces)

    def upload(self, parcels: Sequence[Parcel]) -> Future[list[Result]]:
        """Send files."""
        return self._pool.submit(_upload, parcels)

    def check(self, pieces: Sequence[Piece]) -> Future[list[bool]]:
        """Tell of whole files whether they are what the objects hold."""
        return self._pool.submit(_check, pieces)


class _RangeManager(TransferManager):
    """s3transfer knows ranges, but not from its callers."""

    ALLOWED_DOWNLOAD_ARGS = [*TransferManager.ALLOWED_DOWNLOAD_ARGS, "Range", "IfMatch"]  # noqa: RUF012


@dataclass
class _Lane:
    """What a process has for all its life."""

    client: Any
    downloads: TransferManager
    uploads: TransferManager
    parts: ThreadPoolExecutor
    moved: Any
    is_cancelled: Any


_lane: _Lane


def _begin(parent: int, timeout_seconds: float, moved: Any, is_cancelled: Any) -> None:
    global _lane  # noqa: PLW0603 (there is no other way to a worker of a pool)
    die_with(parent)
    client = s3.connect(timeout_seconds=timeout_seconds)

    config = TransferConfig(
        max_request_concurrency=CONNECTIONS,
        # Every item is one request: what is large is cut before, so that lanes can share it.
        multipart_threshold=_NEVER_CUT,
    )

    _lane = _Lane(
        client,
        _RangeManager(client, config),
        TransferManager(client, config),
        ThreadPoolExecutor(CONNECTIONS),
        moved,
        is_cancelled,
    )


class _Watch(BaseSubscriber):
    """Tells s3transfer what it would ask S3 for, and counts what comes."""

    def __init__(self, size: int, etag: str) -> None:
        self._size = size
        self._etag = etag
        self._done = threading.Event()

    def on_queued(self, future: Any, **_: Any) -> None:
        future.meta.provide_transfer_size(self._size)
        future.meta.provide_object_etag(self._etag)

    def on_done(self, **_: Any) -> None:
        self._done.set()

    def wait_for(self, future: Any) -> None:
        """Wait for a transfer; not for one that nothing comes of once the job has ended.

        Raises:
            CancelledError: the job has ended.
            Exception: why it has not come through.
        """
        while not self._done.wait(_LOOK_SECONDS):
            if _lane.is_cancelled.value:
                raise CancelledError("the job has ended")
        future.result()

    def on_progress(self, future: Any, bytes_transferred: int, **_: Any) -> None:
        _count(bytes_transferred)
        if _lane.is_cancelled.value:
            future.cancel()


class _At:
    """A file from some place on, as s3transfer writes to what it can seek in.

    Attributes:
        descriptor: the file.
        end: up to where something was written, from that place.
    """

    def __init__(self, descriptor: int, start: int) -> None:
        self.descriptor = descriptor
        self.end = 0
        self._start = start
        self._position = 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + (self._position if whence == os.SEEK_CUR else 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        while view:
            written = os.pwrite(self.descriptor, view, self._start + self._position)
            self._position += written
            view = view[written:]
        self.end = max(self.end, self._position)
        return len(data)


def _download(pieces: Sequence[Piece]) -> list[Result]:
    if _lane.is_cancelled.value:
        return [Failure(PlatformError.code, "cancelled") for _ in pieces]
    files = [_open(piece) for piece in pieces]
    waits: list[Any] = [
        None if isinstance(file, Failure) else _start(piece, file)
        for piece, file in zip(pieces, files, strict=True)
    ]
    results: list[Result] = []
    for piece, file, wait in zip(pieces, files, waits, strict=True):
        if isinstance(file, Failure):
            results.append(file)
            continue
        failure = _failure_of(wait, piece.uri, "fetch", s3.READ_RIGHTS)
        results.append(failure or _finish(piece, file))
        if not _lane.is_cancelled.value:  # else something may yet come, and go where it belongs
            os.close(file.descriptor)
    return results


def _open(piece: Piece) -> _At | Failure:
    try:
        return _At(os.open(piece.file, os.O_RDWR | os.O_CREAT, 0o644), piece.start)
    except OSError as error:
        return _of_system(error)


def _start(piece: Piece, file: _At) -> Callable[[], None]:
    watch = _Watch(piece.length, piece.etag)
    # A server answers a range of nothing with an error.
    last = piece.start + piece.length - 1
    ranged = {} if piece.length == piece.size else {"Range": f"bytes={piece.start}-{last}"}
    future = _lane.downloads.download(
        piece.uri.bucket,
        piece.uri.key,
        file,
        extra_args={"IfMatch": piece.etag, **ranged},
        subscribers=[watch],
    )
    return functools.partial(watch.wait_for, future)


def _finish(piece: Piece, file: _At) -> Result:
    """Check what has come: a whole file against the ETag, a piece for its parts' digests."""
    is_all = file.end == piece.length
    try:
        if piece.final is None:
            if not is_all:
                return not_right(piece.uri)
            if piece.part_size is None:
                return []
            start, length = piece.start, piece.length
            return list(digests_of_parts(file.descriptor, start, length, piece.part_size))
        if not is_all or not _is_right(piece):
            piece.file.unlink()
            return not_right(piece.uri)
        piece.file.replace(piece.final)
    except OSError as error:
        return _of_system(error)
    return []


def not_right(uri: S3Uri) -> Failure:
    """Return how content fails that is not the object's."""
    return Failure(
        PlatformError.code,
        f"what came for {uri} is not what its size and ETag say",
        "look at what is between this machine and the storage, and start the job again",
        may_pass=True,
    )


def _upload(parcels: Sequence[Parcel]) -> list[Result]:
    futures: list[Any] = [
        _lane.parts.submit(_upload_part, parcel.file, parcel.uri, parcel.part)
        if parcel.part
        else _lane.uploads.upload(str(parcel.file), parcel.uri.bucket, parcel.uri.key)
        for parcel in parcels
    ]
    results: list[Result] = []
    for parcel, future in zip(parcels, futures, strict=True):
        failure = _failure_of(future.result, parcel.uri, "write", s3.WRITE_RIGHTS)
        results.append(failure or ([future.result()] if parcel.part else []))
        if failure is None:
            # What was sent and not taken does not count, so this waits for the answer.
            _count(parcel.part.length if parcel.part else future.meta.size)
    return results


def _count(moved: int) -> None:
    with _lane.moved.get_lock():
        _lane.moved.value += moved


def _upload_part(file: Path, uri: S3Uri, part: Part) -> dict[str, Any]:
    """Send a part, and return how its upload's completion has to name it."""
    checksum = s3.checksum_of(_lane.client)
    with ReadFileChunk.from_filename(str(file), part.start, part.length) as body:
        answer = _lane.client.upload_part(
            Bucket=uri.bucket,
            Key=uri.key,
            UploadId=part.upload_id,
            PartNumber=part.number,
            Body=body,
            **checksum,
        )
    checksums = {name: value for name, value in answer.items() if name.startswith("Checksum")}
    return {"PartNumber": part.number, "ETag": answer["ETag"], **checksums}


def _check(pieces: Sequence[Piece]) -> list[bool]:
    return [not _lane.is_cancelled.value and _is_right(piece) for piece in pieces]


def _is_right(piece: Piece) -> bool:
    """Tell whether a file is what the object holds, as far as that can be told."""

    def ask_part_size() -> int | None:
        return part_size_of(_lane.client, piece.uri)

    is_md5 = not piece.uri.bucket.endswith("--x-s3")  # a directory bucket's ETags are random
    verdict = matches(piece.file, piece.size, piece.etag, ask_part_size, is_md5=is_md5)
    if verdict is False and piece.file.stat().st_size == piece.size:
        return is_encrypted(_lane.client, piece.uri)
    return verdict is not False


def part_size_of(client: Any, uri: S3Uri) -> int | None:
    """Ask for the size of an object's first part; None where the server does not tell."""
    try:
        head = client.head_object(Bucket=uri.bucket, Key=uri.key, PartNumber=1)
    except s3.ERRORS:
        return None
    return int(head["ContentLength"]) if head.get("PartsCount") else None


def is_encrypted(client: Any, uri: S3Uri) -> bool:
    """Tell whether an object is encrypted so that its ETag looks like an MD5 and is none."""
    try:
        head = client.head_object(Bucket=uri.bucket, Key=uri.key)
    except s3.ERRORS:
        return False
    return s3.is_encrypted(head)


def _failure_of(result: Callable[[], Any], uri: S3Uri, doing: str, rights: str) -> Failure | None:
    """Wait for a transfer; return why it has not come through, None if it has."""
    try:
        result()
    except RetriesExceededError as error:
        return _of_storage(error.last_exception, uri, doing, rights)
    except CancelledError:
        return Failure(PlatformError.code, f"cancelled before {uri} had come through")
    except s3.ERRORS as error:
        return _of_storage(error, uri, doing, rights)
    except OSError as error:
        return _of_system(error)
    return None


def _of_storage(error: Exception, uri: S3Uri, doing: str, rights: str) -> Failure:
    explained = s3.explain(error, uri, doing, rights=rights)
    may_pass = isinstance(explained, PlatformError) and not s3.is_changed(error)
    return Failure(explained.code, explained.message, explained.hint, may_pass=may_pass)


def _of_system(error: OSError) -> Failure:
    return Failure(
        0,
        error.strerror or str(error),
        number=error.errno or errno.EIO,
        file=os.fsdecode(error.filename or ""),
    )
