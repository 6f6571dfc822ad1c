"""Move many files, and pieces of large ones, at a time; go on where an earlier try was cut off."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from entrypoint.durations import format_duration
from entrypoint.errors import JobError, PlatformError, error_of
from entrypoint.storage.downloads import Download, Wanted, ask_part_sizes, remove_others, whole
from entrypoint.storage.items import MIB, PIECE_BYTES, Failure, Parcel, Piece, Result
from entrypoint.storage.keys import DOWNLOAD_DIR_NAME
from entrypoint.storage.lanes import Lanes
from entrypoint.storage.uploads import CUT_BYTES, PART_BYTES, Upload

logger = logging.getLogger(__name__)

# What a lane is given at once, at the most.
_BATCH_FILES = 64
_BATCH_BYTES = 128 * MIB
# So that every lane has some, and none the last one alone.
_BATCHES_OF_A_LANE = 4
# Files that are read at a time while the rest of them comes.
_READERS = 3
# For what is under way when something has failed for good.
_SETTLE_SECONDS = 5.0
# Between tries of what has failed after boto3's own tries.
_FIRST_REST_SECONDS = 1.0
_LONGEST_REST_SECONDS = 30.0

Item = TypeVar("Item", Piece, Parcel)
Told = TypeVar("Told", Result, bool)
# Has a lane do something with some.
Do = Callable[[Sequence[Item]], Future[list[Told]]]


class CancelledError(PlatformError):
    """The job has ended in the middle of a download."""


class Transfers:
    """Moves files between this machine and buckets.

    Args:
        client: a boto3 client, for what is asked beside the transfers.
        lanes: the processes that move bytes.
        ending: set when the job has ended; what comes then is of no use.
        log_seconds: how often it is said how far a transfer is.
        retry_seconds: how long what fails is tried again while nothing comes through.
    """

    def __init__(
        self,
        client: Any,
        lanes: Lanes,
        *,
        ending: threading.Event,
        log_seconds: float,
        retry_seconds: float,
    ) -> None:
        self.client = client
        self._lanes = lanes
        self.ending = ending
        self._log_seconds = log_seconds
        self._retry_seconds = retry_seconds
        # The lanes count what all transfers move.
        self._one_at_a_time = threading.Lock()

    def download(self, bucket: str, wanted: Sequence[Wanted], *, what: str, into: Path) -> None:
        """Have objects as files, each of which appears whole and checked, or not at all.

        What an interrupted download has left is gone on with.

        Args:
            bucket: the objects' bucket.
            wanted: the objects and their files, none of which exists.
            what: what they are, for the log.
            into: the directory above all files, on whose filesystem they are made.

        Raises:
            ContradictionError: the job may not read them.
            PlatformError: the storage fails for longer than `retry_seconds`, or what comes is
                wrong again and again; or the job has ended.
            OSError: a file cannot be written.
        """
        if not wanted:
            return
        there = into / DOWNLOAD_DIR_NAME
        there.mkdir(parents=True, exist_ok=True)
        for directory in {one.file.parent for one in wanted}:
            directory.mkdir(parents=True, exist_ok=True)
        with self._one_at_a_time, ThreadPoolExecutor(_READERS) as readers:
            sizes = ask_part_sizes(self.client, bucket, wanted)
            downloads = [Download(bucket, one, there, sizes.get(one), readers) for one in wanted]
            remove_others(there, downloads)
            for download in downloads:
                download.go_on()
            total = sum(one.listed.size for one in wanted)
            done = total - sum(piece.length for one in downloads for piece in one.missing)
            if done:
                extra = {"event": "download_resumed", "bytes": done}
                logger.info("%.1f MB of the %s are there already", done / 1e6, what, extra=extra)
            progress = _Progress(
                f"fetching the {what}", total, self._lanes, self._log_seconds, done=done
            )
            while downloads:
                self._fetch(downloads, progress)
                for one in downloads:
                    one.try_plain()
                downloads = self._settle([one for one in downloads if one.is_unsure], progress)
            progress.end()
        shutil.rmtree(there, ignore_errors=True)

    def _fetch(self, downloads: Sequence[Download], progress: _Progress) -> None:
        by_piece = {piece: one for one in downloads for piece in one.missing}
        self._move(
            list(by_piece),
            self._lanes.download,
            progress,
            size_of=lambda piece: piece.length,
            take=lambda piece, digests: by_piece[piece].take(piece, digests),
            ending=self.ending,
        )

    def _settle(self, downloads: Sequence[Download], progress: _Progress) -> list[Download]:
        """Read what has come whole, and return what has to come again."""
        verdicts = self._check([one.whole for one in downloads], progress.tell)
        for one, is_right in zip(downloads, verdicts, strict=True):
            one.settle(is_right=is_right)
        return [one for one in downloads if one.missing]

    def upload(self, parcels: Sequence[Parcel], *, what: str) -> None:
        """Send files.

        Args:
            parcels: the files and what they become.
            what: what they are, for the log.

        Raises:
            ContradictionError: the job may not write there.
            PlatformError: the storage fails for longer than `retry_seconds`.
            OSError: a file cannot be read; FileNotFoundError if it is gone.
        """
        if not parcels:
            return
        with self._one_at_a_time:
            sizes = {parcel: parcel.file.stat().st_size for parcel in parcels}
            progress = _Progress(
                f"publishing the {what}", sum(sizes.values()), self._lanes, self._log_seconds
            )
            uploads: list[Upload] = []
            try:
                for parcel, size in sizes.items():
                    if size > CUT_BYTES:
                        uploads.append(Upload(self.client, parcel.file, parcel.uri, size))
                by_part = {part: one for one in uploads for part in one.parcels}

                def take(item: Parcel, told: Sequence[Any]) -> None:
                    if item.part:
                        by_part[item].take(*told)

                self._move(
                    [
                        *(one for one in parcels if sizes[one] <= CUT_BYTES),
                        *_dealt(list(by_part), self._lanes.count),
                    ],
                    self._lanes.upload,
                    progress,
                    size_of=lambda item: item.part.length if item.part else sizes[item],
                    take=take,
                )
            finally:
                for upload in uploads:
                    upload.abort()
            progress.end()

    def are_right(self, bucket: str, wanted: Sequence[Wanted]) -> list[bool]:
        """Tell of files that exist whether they are what the objects hold.

        Raises:
            PlatformError: the job has ended.
            OSError: a file cannot be read.
        """
        pieces = [whole(bucket, one.listed, one.file, None) for one in wanted]
        return self._check(pieces, lambda: None)

    def _check(self, pieces: Sequence[Piece], tell: Callable[[], None]) -> list[bool]:
        verdicts = dict(
            self._results(pieces, self._lanes.check, tell, lambda piece: piece.length, self.ending)
        )
        return [verdicts[piece] for piece in pieces]

    def bytes_there(self, into: Path) -> int:
        """Return how much space an interrupted download has taken already, in bytes."""
        files = (into / DOWNLOAD_DIR_NAME).glob("*")
        return sum(file.stat().st_blocks * 512 for file in files)

    def _batches(
        self, items: Sequence[Item], size_of: Callable[[Item], int]
    ) -> Iterator[list[Item]]:
        """Divide what is to be moved into what a lane is given at once."""
        batches = self._lanes.count * _BATCHES_OF_A_LANE
        most_files = min(_BATCH_FILES, -(-len(items) // batches))
        most_bytes = min(_BATCH_BYTES, max(sum(map(size_of, items)) // batches, PIECE_BYTES))
        batch: list[Item] = []
        size = 0
        for item in items:
            if batch and (len(batch) == most_files or size + size_of(item) > most_bytes):
                yield batch
                batch, size = [], 0
            batch.append(item)
            size += size_of(item)
        if batch:
            yield batch

    def _move(
        self,
        items: Sequence[Item],
        move: Do[Item, Result],
        progress: _Progress,
        *,
        size_of: Callable[[Item], int],
        take: Callable[[Item, Sequence[Any]], None],
        ending: threading.Event | None = None,
    ) -> None:
        """Move everything; what fails and may pass is moved again after a rest.

        Args:
            items: what to move.
            move: has a lane move some.
            progress: is told how it goes.
            size_of: gives the bytes of one.
            take: is given what has come through.
            ending: ends it all.
        """
        left = list(items)
        rest_seconds, stuck_since = _FIRST_REST_SECONDS, time.monotonic()
        while left:
            failed: dict[Item, Failure] = {}
            with contextlib.closing(
                self._results(left, move, progress.tell, size_of, ending)
            ) as results:
                for item, result in results:
                    if not isinstance(result, Failure):
                        take(item, result)
                    elif result.may_pass:
                        failed[item] = result
                    else:
                        raise _raised(result)
            if len(failed) < len(left):
                rest_seconds, stuck_since = _FIRST_REST_SECONDS, time.monotonic()
            left = list(failed)
            if left:
                self._rest(list(failed.values()), rest_seconds, stuck_since, ending)
                rest_seconds = min(2 * rest_seconds, _LONGEST_REST_SECONDS)

    def _rest(
        self,
        failures: Sequence[Failure],
        seconds: float,
        stuck_since: float,
        ending: threading.Event | None,
    ) -> None:
        """Wait before what has failed is tried again, unless it was for too long."""
        if time.monotonic() + seconds - stuck_since > self._retry_seconds:
            raise _raised(failures[0])
        logger.warning(
            "%d transfers are tried again in %.0f s: %s",
            len(failures),
            seconds,
            failures[0].message,
            extra={"event": "storage_retry", "transfers": len(failures)},
        )
        (ending or threading.Event()).wait(seconds)

    def _results(
        self,
        items: Sequence[Item],
        do: Do[Item, Told],
        tell: Callable[[], None],
        size_of: Callable[[Item], int],
        ending: threading.Event | None,
    ) -> Generator[tuple[Item, Told], None, None]:
        """Give what comes of every item, as it comes; what has not begun at the end never does."""
        with _death_explained():
            batches = {do(batch): batch for batch in self._batches(items, size_of)}
        try:
            while batches:
                done, _ = wait(batches, min(self._log_seconds, 1), return_when=FIRST_COMPLETED)
                tell()
                if ending and ending.is_set():
                    self._lanes.cancel()
                    raise CancelledError("the job has ended", hint="start it again")
                for future in done:
                    with _death_explained():
                        results = future.result()
                    yield from zip(batches.pop(future), results, strict=True)
        finally:
            # What a lane is in the middle of would come into the way of the next try.
            running = [future for future in batches if not future.cancel()]
            wait(running, 0 if ending and ending.is_set() else _SETTLE_SECONDS)


def _dealt(parts: Sequence[Parcel], lanes: int) -> Iterator[Parcel]:
    """Order parts so that lanes that take a batch each send neighbours at the same time.

    A server that writes parts into one file has to keep what comes before its turn.
    """
    together = lanes * _BATCH_BYTES // PART_BYTES
    for start in range(0, len(parts), together):
        group = parts[start : start + together]
        for lane in range(lanes):
            yield from group[lane::lanes]


@contextlib.contextmanager
def _death_explained() -> Iterator[None]:
    """Turn the death of a lane into a typed error."""
    try:
        yield
    except BrokenProcessPool as error:
        raise PlatformError(
            "a process that moves files was killed, most often because memory ran out",
            hint="give the job more memory, then start it again",
        ) from error


def _raised(failure: Failure) -> JobError | OSError:
    """Return the error to raise for what has failed for good."""
    if failure.number:
        return OSError(failure.number, failure.message, failure.file or None)
    return error_of(failure.code, failure.message, failure.hint)


class _Progress:
    """Says how far a transfer is, now and then.

    Args:
        doing: what is done to what, "fetching the dataset".
        total: all of it in bytes.
        lanes: count what comes through.
        log_seconds: how often to say it.
        done: the bytes that were there before.
    """

    def __init__(
        self, doing: str, total: int, lanes: Lanes, log_seconds: float, *, done: int = 0
    ) -> None:
        self._doing = doing
        self._total = total
        self._done = done
        self._lanes = lanes
        self._log_seconds = log_seconds
        self._moved_before = lanes.moved
        self._began = self._told = time.monotonic()
        self._has_told = False

    def tell(self) -> None:
        """Say it, if it was not said just now."""
        if time.monotonic() - self._told >= self._log_seconds:
            self._say()

    def end(self) -> None:
        """Say that it is done, if anything was said."""
        if self._has_told:
            self._say(is_done=True)

    def _say(self, *, is_done: bool = False) -> None:
        self._told, self._has_told = time.monotonic(), True
        moved = self._lanes.moved - self._moved_before
        rate = moved / max(self._told - self._began, 1e-9)
        done = self._total if is_done else min(self._done + moved, self._total)
        share = 1 if is_done else min(done / max(self._total, 1), 0.999)
        seconds_left = (self._total - done) / rate if rate else None
        # What is wanted most comes first: a narrow terminal cuts the end off.
        left = f"  {format_duration(seconds_left)} left" if seconds_left else ""
        logger.info(
            "%s: %.0f%%%s  %.1f of %.1f MB  %.1f MB/s",
            self._doing,
            100 * share,
            left,
            done / 1e6,
            self._total / 1e6,
            rate / 1e6,
            extra={
                "event": "transfer",
                "transfer": self._doing,
                "share": round(share, 4),
                "bytes": done,
                "total_bytes": self._total,
                "bytes_per_second": round(rate),
                "seconds_left": None if seconds_left is None else round(seconds_left, 1),
            },
        )
