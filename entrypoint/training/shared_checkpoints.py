"""The chief's checkpoints on machines that may or may not share its disk."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import tensorflow as tf

logger = logging.getLogger(__name__)

# Gets a file of the chief's checkpoints directory, by name, to a path.
Fetch = Callable[[str, Path], None]
# The size in bytes and the digest of each file of a checkpoint, by name.
Files = Mapping[str, tuple[int, str]]

# An index has a checksum of everything in it, data files included, and is small.
_DIGESTED_SUFFIXES = (".index",)


def list_files(prefix: Path) -> dict[str, tuple[int, str]]:
    """Return the files of a checkpoint with their sizes, and the digest where it tells them apart.

    Args:
        prefix: the checkpoint's path without its suffixes, "…/model.ckpt-100".

    Raises:
        FileNotFoundError: one of them has been removed meanwhile.
    """
    return {
        file.name: (file.stat().st_size, _digest(file))
        for file in sorted(prefix.parent.glob(f"{prefix.name}.*"))
        # The graph in words, which no restore reads.
        if file.suffix != ".meta"
    }


def newest(checkpoints_dir: Path) -> Path:
    """Return the prefix of the newest checkpoint."""
    return Path(tf.train.latest_checkpoint(str(checkpoints_dir)))


def obtain(files: Files, checkpoints_dir: Path, own_dir: Path, fetch: Fetch) -> Path:
    """Return a directory in which the chief's checkpoint is the newest, on this machine.

    It is the checkpoints directory itself where that is on a disk that the chief shares. Otherwise
    the checkpoint is fetched; what else is in the checkpoints directory stays as it is and unused.

    Args:
        files: those of the chief's checkpoint; none at the beginning of a training.
        checkpoints_dir: this machine's checkpoints directory.
        own_dir: where to put what is fetched; it is emptied first.
        fetch: gets a file from the chief.

    Raises:
        PlatformError: a file cannot be fetched.
    """
    if files and _holds(checkpoints_dir, files):
        return checkpoints_dir
    shutil.rmtree(own_dir, ignore_errors=True)
    own_dir.mkdir(parents=True)
    if files:
        fetch_checkpoint(files, own_dir, fetch)
    return own_dir


def fetch_checkpoint(files: Files, own_dir: Path, fetch: Fetch) -> Path:
    """Fetch a checkpoint's files into an empty directory, and return its prefix there.

    Raises:
        FileNotFoundError: the chief has removed it.
        PlatformError: a file cannot be fetched.
    """
    for name in files:
        fetch(name, own_dir / name)
    prefix = own_dir / next(name for name in files if name.endswith(".index"))
    prefix = prefix.with_suffix("")
    tf.compat.v1.train.update_checkpoint_state(str(own_dir), prefix.name, [prefix.name])
    size = sum(size for size, _ in files.values())
    logger.info(
        "fetched checkpoint %s from the chief, %.1f MB",
        prefix.name,
        size / 1e6,
        extra={"event": "checkpoint_fetched", "checkpoint": prefix.name, "bytes": size},
    )
    return prefix


def _holds(checkpoints_dir: Path, files: Files) -> bool:
    """Tell whether a directory has exactly this checkpoint as its newest."""
    found = tf.train.latest_checkpoint(str(checkpoints_dir))
    if found is None:
        return False
    try:
        return list_files(Path(found)) == dict(files)
    except FileNotFoundError:
        return False


def _digest(file: Path) -> str:
    if file.suffix not in _DIGESTED_SUFFIXES:
        return ""
    return hashlib.sha256(file.read_bytes()).hexdigest()
