"""Bring the dataset here: what is missing of it, and nothing that is there and right."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from entrypoint.errors import ContradictionError, DatasetError, PlatformError
from entrypoint.storage import s3
from entrypoint.storage.downloads import LOCK_NAME, Wanted
from entrypoint.storage.keys import DOWNLOAD_DIR_NAME, Placed, nearby, place, share
from entrypoint.storage.transfers import Transfers
from entrypoint.storage.uris import S3Uri

logger = logging.getLogger(__name__)

_SHOWN_FILES = 3


def fetch_dataset(
    transfers: Transfers, uri: S3Uri, data_dir: Path, *, shared_by: tuple[int, int] | None = None
) -> None:
    """Have the objects below a URI as files of the dataset directory, each of them whole.

    Files that are there are kept if they are what the objects hold.

    Args:
        transfers: moves the files.
        uri: the dataset.
        data_dir: where it goes.
        shared_by: this machine's number and how many machines share the objects out by their
            keys; None where each has them all.

    Raises:
        DatasetError: there is nothing below the URI, or not enough for all machines.
        ContradictionError: the directory holds something else; or the job may not read it.
        PlatformError: it does not fit on the disk; the storage fails.
    """
    listed = s3.list_below(transfers.client, uri)
    placed = place(listed, uri)
    if not placed:
        raise DatasetError(
            f"no dataset: there is nothing below {uri}",
            hint="; ".join(filter(None, ("correct MODELMAKER_DATASET_URI", nearby(listed, uri)))),
        )
    everything = placed
    if shared_by:
        index, count = shared_by
        if len(placed) < count:
            raise DatasetError(
                f"{uri} has {len(placed)} objects for {count} machines",
                hint="split the dataset into at least as many objects, or leave out"
                " MODELMAKER_DATASET_SHARD",
            )
        placed = share(placed, index, count)
    data_dir.mkdir(parents=True, exist_ok=True)
    with _alone(data_dir):
        there = _look(data_dir)
        _require_ours(there, placed, everything, uri, data_dir)
        missing = _missing(transfers, uri, placed, there, data_dir)
        _require_space(transfers, missing, uri, data_dir)
        transfers.download(uri.bucket, missing, what="dataset", into=data_dir)
    size = sum(one.listed.size for one in placed)
    logger.info(
        "dataset from %s, %d of %d files%s, %.1f MB; %d were there",
        uri,
        len(placed),
        len(everything),
        " (this machine's share by key)" if shared_by else "",
        size / 1e6,
        len(placed) - len(missing),
        extra={
            "event": "dataset_fetched",
            "files": len(placed),
            "bytes": size,
            "files_there": len(placed) - len(missing),
        },
    )


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Wait while another task of this machine, or of a shared disk, does the same."""
    there = directory / DOWNLOAD_DIR_NAME
    try:
        there.mkdir(exist_ok=True)
        lock = (there / LOCK_NAME).open("w")
    except OSError:  # read-only: nobody fetches anything, and all may be there
        yield
        return
    with lock:
        with contextlib.suppress(OSError):  # a filesystem without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        shutil.rmtree(there, ignore_errors=True)


def _look(data_dir: Path) -> set[Path]:
    """Return the files of the directory, but for what an interrupted download has left."""
    unfinished = data_dir / DOWNLOAD_DIR_NAME
    return {
        file
        for file in data_dir.rglob("*")
        if not (file.is_dir() and not file.is_symlink()) and unfinished not in file.parents
    }


def _require_ours(
    there: set[Path],
    placed: Sequence[Placed],
    everything: Sequence[Placed],
    uri: S3Uri,
    data_dir: Path,
) -> None:
    """Refuse a directory with files that are not of the dataset, or not of this share of it."""
    others = there - {data_dir / one.path for one in placed}
    if not others:
        return
    strange = sorted(others - {data_dir / one.path for one in everything})
    shown = strange or sorted(others)
    names = ", ".join(str(file.relative_to(data_dir)) for file in shown[:_SHOWN_FILES])
    more = f" and {len(shown) - _SHOWN_FILES} more" if len(shown) > _SHOWN_FILES else ""
    if strange:
        raise ContradictionError(
            f"MODELMAKER_DATASET_URI={uri} is given, and {data_dir} holds files that are not"
            f" below it: {names}{more}",
            hint="leave out the one or the other, or empty the directory",
        )
    raise ContradictionError(
        f"{data_dir} holds files of another machine's share of {uri}: {names}{more}",
        hint="give each task a MODELMAKER_ROOT of its own, or empty the directory if the number of"
        " machines has changed",
    )


def _missing(
    transfers: Transfers, uri: S3Uri, placed: Sequence[Placed], there: set[Path], data_dir: Path
) -> list[Wanted]:
    """Return what has to be fetched: all that is not there."""
    wanted = [Wanted(one.listed, data_dir / one.path) for one in placed]
    present = [one for one in wanted if one.file in there]
    right = transfers.are_right(uri.bucket, present)
    wrong = [one for one, is_right in zip(present, right, strict=True) if not is_right]
    if wrong:
        raise ContradictionError(
            f"MODELMAKER_DATASET_URI={uri} is given, and {wrong[0].file} is there with another"
            f" content than {wrong[0].listed.key!r}",
            hint="leave out the one or the other; remove the file if the object has changed since",
        )
    return [one for one in wanted if one.file not in there]


def _require_space(
    transfers: Transfers, missing: Sequence[Wanted], uri: S3Uri, data_dir: Path
) -> None:
    """Refuse to begin what cannot end.

    Raises:
        PlatformError: names what is needed and what is free.
    """
    needed = sum(one.listed.size for one in missing) - transfers.bytes_there(data_dir)
    free = shutil.disk_usage(data_dir).free
    if needed > free:
        raise PlatformError(
            f"no space for the dataset: {uri} still needs {needed / 1024**2:,.1f} MiB, and"
            f" {free / 1024**2:,.1f} MiB are free at {data_dir}",
            hint="give the volume more space, then start the same job again",
        )
