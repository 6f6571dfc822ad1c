"""Bring the parameters and the user's code here."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from pathlib import Path, PurePosixPath

from entrypoint import json_files
from entrypoint.errors import ContradictionError, ParametersError, UserCodeInvalidError
from entrypoint.storage import s3
from entrypoint.storage.archives import unpack
from entrypoint.storage.downloads import Wanted
from entrypoint.storage.keys import Placed, nearby, place
from entrypoint.storage.transfers import Transfers
from entrypoint.storage.uris import S3Uri

logger = logging.getLogger(__name__)

# In the code directory: where what is there came from, and a digest of what it was.
MARK = ".modelmaker-source"
_UNFINISHED = "unfinished\n"
# A zip is none that is unpacked, and told so.
ARCHIVES = (".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz", ".zip")


def fetch_parameters(transfers: Transfers, uri: S3Uri) -> str:
    """Return the text of parameters.json.

    Raises:
        ParametersError: there is no such object, or it is no text.
        ContradictionError, PlatformError: it cannot be read.
    """
    content = s3.read_object(transfers.client, uri, max_bytes=json_files.MAX_BYTES)
    if content is None:
        raise ParametersError(
            f"no parameters: {uri} does not exist", hint="correct MODELMAKER_PARAMETERS_URI"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParametersError(
            f"{uri} is not UTF-8 text (byte {error.start})", hint="correct the object"
        ) from error


def fetch_code(transfers: Transfers, uri: S3Uri, code_dir: Path) -> None:
    """Have the user's code in the code directory, which is either empty or of an earlier fetch.

    Args:
        transfers: moves the files.
        uri: a prefix whose objects are the code, or an object that is an archive of it.
        code_dir: where it goes.

    Raises:
        UserCodeInvalidError: there is nothing there, or an archive that may not be unpacked.
        ContradictionError: the directory holds code from elsewhere; or the job may not read it.
        PlatformError: the storage fails, or the disk is full.
    """
    listed = s3.list_below(transfers.client, uri)
    placed = place(listed, uri)
    if not placed:
        raise UserCodeInvalidError(
            f"no code: there is nothing at {uri}",
            hint="; ".join(filter(None, ("correct MODELMAKER_CODE_URI", nearby(listed, uri)))),
        )
    digest = hashlib.sha256(
        json.dumps([[str(one.path), one.listed.etag] for one in placed]).encode()
    ).hexdigest()
    mark = f"{uri} {digest}\n"
    found = _mark_of(code_dir)
    if found == mark:
        return
    if found is None and code_dir.is_dir() and any(code_dir.iterdir()):
        raise ContradictionError(
            f"MODELMAKER_CODE_URI={uri} is given, and {code_dir} is not empty",
            hint="leave out the one or the other",
        )
    _empty(code_dir)
    # So that a job that is started again knows its own, wherever this one was cut off.
    (code_dir / MARK).write_text(_UNFINISHED, encoding="utf-8")
    archive = _archive_of(placed, uri)
    if archive:
        packed, unpacked = code_dir / f".{archive.path.name}", code_dir / ".modelmaker-unpacked"
        transfers.download(uri.bucket, [Wanted(archive.listed, packed)], what="code", into=code_dir)
        count = unpack(packed, unpacked, name=str(uri))
        packed.unlink()
        for entry in unpacked.iterdir():
            entry.rename(code_dir / entry.name)
        unpacked.rmdir()
    else:
        wanted = [Wanted(one.listed, code_dir / one.path) for one in placed]
        transfers.download(uri.bucket, wanted, what="code", into=code_dir)
        count = len(placed)
    (code_dir / MARK).write_text(mark, encoding="utf-8")
    logger.info(
        "code from %s, %d files", uri, count, extra={"event": "code_fetched", "files": count}
    )


def _archive_of(placed: list[Placed], uri: S3Uri) -> Placed | None:
    """Return the archive that the URI itself names, None if it names a prefix."""
    name = PurePosixPath(uri.key).name
    if len(placed) == 1 and placed[0].listed.key == uri.key and name.endswith(ARCHIVES):
        return placed[0]
    return None


def _mark_of(code_dir: Path) -> str | None:
    try:
        return (code_dir / MARK).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _empty(directory: Path) -> None:
    """Remove what is in a directory, which may be a mount and so has to stay itself."""
    directory.mkdir(parents=True, exist_ok=True)
    # The mark last: what is there without it is somebody else's.
    for entry in sorted(directory.iterdir(), key=lambda one: one.name == MARK):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
