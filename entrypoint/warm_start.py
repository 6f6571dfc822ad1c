"""Find the checkpoint that MODELMAKER_WARM_START names."""

from __future__ import annotations

import re
from pathlib import Path

from entrypoint.errors import UsageError
from entrypoint.settings import Settings

_NEWEST = re.compile(r'^model_checkpoint_path: "(.+)"$', re.MULTILINE)


def find_warm_start(settings: Settings) -> Path | None:
    """Return the checkpoint to take the first values from, None if none is asked for.

    It is the path that TensorFlow calls a checkpoint: what its files' names have in common.

    Raises:
        UsageError: there is no checkpoint there.
    """
    if settings.warm_start is None:
        return None
    given = f"MODELMAKER_WARM_START={settings.warm_start}"
    if "://" in settings.warm_start:
        raise UsageError(
            f"{given} is a URI, and only a path in the container can be read",
            hint="mount the checkpoint, and name the mount",
        )
    path = Path(settings.warm_start).absolute()
    checkpoint = _newest_in(path) if path.is_dir() else path
    if checkpoint is None or not _is_checkpoint(checkpoint):
        missing = "does not exist" if checkpoint == path else "holds no checkpoint"
        raise UsageError(
            f"{given} {missing}",
            hint="name a directory of checkpoints, a checkpoint such as …/model.ckpt-1000 (its"
            " files' names without what follows that), or a SavedModel",
        )
    return checkpoint


def _newest_in(directory: Path) -> Path | None:
    """Return the newest checkpoint in a directory of them, or that of a SavedModel."""
    saved_model = directory / "variables" / "variables"
    if _is_checkpoint(saved_model):
        return saved_model
    state = directory / "checkpoint"
    if state.is_file():
        newest = _NEWEST.search(state.read_text(encoding="utf-8", errors="replace"))
        # The directory may have been moved since: the name is what counts.
        if newest and _is_checkpoint(directory / Path(newest[1]).name):
            return directory / Path(newest[1]).name
    written = sorted(directory.glob("*.index"), key=lambda file: file.stat().st_mtime)
    return written[-1].with_suffix("") if written else None


def _is_checkpoint(path: Path) -> bool:
    # TensorFlow wrote one file, of the name itself, until 0.12, and still reads it.
    return path.is_file() or path.with_name(f"{path.name}.index").is_file()
