"""Find the checkpoint that MODELMAKER_WARM_START names, and bring it here where it is elsewhere."""

from __future__ import annotations

import contextlib
import logging
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from entrypoint.errors import UsageError
from entrypoint.settings import Settings
from entrypoint.storage.keys import Listed
from entrypoint.storage.uris import parse_uri

logger = logging.getLogger(__name__)

# Silence for so long ends a connection.
_TIMEOUT_SECONDS = 60.0
_NEWEST = re.compile(r'^model_checkpoint_path: "(.+)"$', re.MULTILINE)
_HINT = (
    "name a directory of checkpoints, a checkpoint such as …/model.ckpt-1000 (its files' names"
    " without what follows that), or a SavedModel"
)


def find_warm_start(settings: Settings) -> Path | str | None:
    """Return what to begin with: a checkpoint's path, an s3:// URI, or None if none is asked for.

    A checkpoint's path is what its files' names have in common.

    Raises:
        UsageError: there is no checkpoint there, or it is a URI of another kind.
    """
    if settings.warm_start is None:
        return None
    given = f"MODELMAKER_WARM_START={settings.warm_start}"
    if settings.warm_start.startswith("s3://"):
        return settings.warm_start
    if "://" in settings.warm_start:
        raise UsageError(f"{given} is neither a path nor an s3:// URI", hint=_HINT)
    path = Path(settings.warm_start).absolute()
    checkpoint = _newest_in(path) if path.is_dir() else path
    if checkpoint is None or not _is_checkpoint(checkpoint):
        missing = "does not exist" if checkpoint == path else "holds no checkpoint"
        raise UsageError(f"{given} {missing}", hint=_HINT)
    return checkpoint


@contextlib.contextmanager
def brought_here(found: Path | str | None) -> Iterator[Path | None]:
    """Give the checkpoint's path in this machine's files, downloaded for as long as it is needed.

    Args:
        found: what `find_warm_start` returned.

    Raises:
        UsageError: there is no checkpoint under the URI.
        ContradictionError, PlatformError: it cannot be read; see `storage.s3`.
    """
    if not isinstance(found, str):
        yield found
        return
    with tempfile.TemporaryDirectory(prefix="modelmaker-warm-start-") as directory:
        yield _download(found, Path(directory))


def _download(uri: str, directory: Path) -> Path:
    """Download the files of the newest checkpoint under a URI, or of the one that it names."""
    from entrypoint.storage import s3  # boto3 takes a while to import

    place = parse_uri(uri, name="MODELMAKER_WARM_START")
    client = s3.connect(timeout_seconds=_TIMEOUT_SECONDS)
    prefix = PurePosixPath(place.key)
    # Keys by their names below the prefix as if it were a directory, and beside it.
    below: dict[str, Listed] = {}
    beside: dict[str, Listed] = {}
    for listed in s3.list_objects(client, place, place.key):
        key = PurePosixPath(listed.key)
        if prefix in key.parents:
            below[str(key.relative_to(prefix))] = listed
        elif key.parent == prefix.parent:
            beside[key.name] = listed

    def download(listed: Listed, file: Path) -> None:
        s3.download(client, place.bucket, listed.key, file)

    files, name = below, _newest_of(below, directory, download)
    if name is None:
        files, name = beside, prefix.name
    wanted = [n for n in files if n == name or n.startswith((f"{name}.index", f"{name}.data-"))]
    if not wanted:
        raise UsageError(f"MODELMAKER_WARM_START={uri} holds no checkpoint", hint=_HINT)
    for file in wanted:
        download(files[file], directory / file)
    logger.info("warm start: %d files from %s", len(wanted), uri, extra={"event": "download"})
    return directory / name


def _newest_of(
    files: dict[str, Listed], directory: Path, download: Callable[[Listed, Path], None]
) -> str | None:
    """Return the name of the checkpoint that a directory's files make the newest."""
    if "variables/variables.index" in files:
        return "variables/variables"
    if "checkpoint" in files:
        download(files["checkpoint"], directory / "checkpoint")
        newest = _named_newest(directory)
        if newest:
            return newest
    indexes = [n for n in files if n.endswith(".index") and "/" not in n]
    return max(indexes, key=lambda n: files[n].modified).removesuffix(".index") if indexes else None


def _newest_in(directory: Path) -> Path | None:
    """Return the newest checkpoint in a directory of them, or that of a SavedModel."""
    saved_model = directory / "variables" / "variables"
    if _is_checkpoint(saved_model):
        return saved_model
    newest = _named_newest(directory)
    if newest and _is_checkpoint(directory / newest):
        return directory / newest
    written = sorted(directory.glob("*.index"), key=lambda file: file.stat().st_mtime)
    return written[-1].with_suffix("") if written else None


def _named_newest(directory: Path) -> str | None:
    """Return the name of the checkpoint that a directory's file `checkpoint` calls the newest."""
    state = directory / "checkpoint"
    if not state.is_file():
        return None
    newest = _NEWEST.search(state.read_text(encoding="utf-8", errors="replace"))
    # The directory may have been moved since: the name is what counts.
    return Path(newest[1]).name if newest else None


def _is_checkpoint(path: Path) -> bool:
    # TensorFlow wrote one file, of the name itself, until 0.12, and still reads it.
    return path.is_file() or path.with_name(f"{path.name}.index").is_file()
