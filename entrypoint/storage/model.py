"""Publish a SavedModel so that nobody takes half of it."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from entrypoint.errors import JobError, error_of
from entrypoint.storage.items import Parcel
from entrypoint.storage.transfers import Transfers
from entrypoint.storage.uris import S3Uri

logger = logging.getLogger(__name__)

# Beside saved_model.pb, and the last object that is written.
MANIFEST = "modelmaker-manifest.json"
# A server that watches the prefix takes the version for there once it finds one of these.
_SIGNS = ("saved_model.pb", "saved_model.pbtxt")


def publish_model(transfers: Transfers, uri: S3Uri, version_dir: Path) -> S3Uri:
    """Publish a version directory below a URI: its files, what servers look for, the manifest.

    Args:
        transfers: moves the files.
        uri: below which it goes, under its own name.
        version_dir: the SavedModel, which stays where it is.

    Returns:
        The version's URI.

    Raises:
        JobError: it could not be published; says how to do that by hand.
    """
    to = uri.child(version_dir.name)
    manifest = version_dir / MANIFEST
    files = sorted(file for file in version_dir.rglob("*") if file.is_file() and file != manifest)
    try:
        described: dict[str, Any] = {
            str(file.relative_to(version_dir)): {
                "size": file.stat().st_size,
                "sha256": _sha256(file),
            }
            for file in files
        }
        content = json.dumps({"version": int(version_dir.name), "files": described}, indent=2)
        manifest.write_text(f"{content}\n", encoding="utf-8")
        manifest.chmod(0o644)
        for signs in (False, True):
            sending = [
                Parcel(file, to.child(str(file.relative_to(version_dir))))
                for file in files
                if signs == (file.parent == version_dir and file.name in _SIGNS)
            ]
            transfers.upload(sending, what="model")
        transfers.upload([Parcel(manifest, to.child(MANIFEST))], what="manifest")
    except JobError as error:
        raise error_of(
            error.code,
            f"the model is not published: {error.message}",
            f"{error.hint}; the model is whole in {version_dir}: publish it by hand with"
            f" `aws s3 cp --recursive --exclude {MANIFEST} {version_dir} {to} &&"
            f" aws s3 cp {manifest} {to}/`",
        ) from error
    size = sum(one["size"] for one in described.values())
    logger.info(
        "published the model to %s, %d files, %.1f MB",
        to,
        len(files),
        size / 1e6,
        extra={"event": "model_published", "model": str(to), "bytes": size},
    )
    return to


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while data := stream.read(1024 * 1024):
            digest.update(data)
    return digest.hexdigest()
