"""Make sure, before training, that the job can write all that it will have to write."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from entrypoint.errors import ContradictionError, ExportError
from entrypoint.outcome import out_of_space
from entrypoint.settings import Settings

# The SavedModel's directory for files that TensorFlow does not read; ours says who made it.
MODEL_MANIFEST = Path("assets.extra") / "modelmaker.json"


def prepare_directories(settings: Settings) -> None:
    """Create the directories that the job writes to, and write a file into each.

    Raises:
        ContradictionError: a directory cannot be written to.
        PlatformError: the disk is full.
    """
    for directory in (
        settings.checkpoints_dir,
        settings.model_dir,
        settings.metrics_file.parent,
        settings.tensorboard_dir,
    ):
        _require_writable(directory)


def inspect_directories(settings: Settings) -> None:
    """Look at the directories that the job will write to, without writing.

    Raises:
        ContradictionError: there is none for temporary files.
        ExportError: model/ already holds a model that this job did not write.
    """
    _require_temporary_dir()
    if not settings.model_dir.is_dir():
        return
    for version_dir in list_versions(settings.model_dir):
        if not (version_dir / MODEL_MANIFEST).is_file():
            raise ExportError(
                f"{version_dir} is not a model of this job, and model/ may hold only one",
                hint="mount an empty directory at model/, or move that one away",
            )


def _require_temporary_dir() -> None:
    """TensorFlow does not start without a directory for temporary files."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise ContradictionError(
            "no directory for temporary files can be written to: neither TMPDIR nor /tmp",
            hint="mount one: `--tmpfs /tmp` with Docker, an emptyDir at /tmp with Kubernetes",
        ) from error


def list_versions(model_dir: Path) -> list[Path]:
    """Return the directories under model/ that a model server takes for versions, oldest first."""
    versions = [
        entry
        for entry in model_dir.iterdir()
        if entry.name.isascii() and entry.name.isdigit() and entry.is_dir()
    ]
    return sorted(versions, key=lambda entry: int(entry.name))


def _require_writable(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as stream:
            stream.write(b"x" * 4096)
            stream.flush()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise out_of_space(directory) from error
        raise ContradictionError(
            f"cannot write to {directory} as uid {os.getuid()}: {error.strerror}",
            hint=f"mount a directory there that uid {os.getuid()} may write to",
        ) from error
