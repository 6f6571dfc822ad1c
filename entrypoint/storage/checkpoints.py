"""Bring the newest published checkpoint here, and publish every new one while training goes on.

A checkpoint counts only when all its files are up and then the file `checkpoint`, which names it:
who reads that finds whole checkpoints alone, whenever the job may have died.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

from entrypoint import step_history
from entrypoint.errors import ContradictionError, JobError
from entrypoint.storage import s3
from entrypoint.storage.downloads import Wanted
from entrypoint.storage.items import Parcel
from entrypoint.storage.keys import Listed
from entrypoint.storage.transfers import Transfers
from entrypoint.storage.uris import S3Uri

logger = logging.getLogger(__name__)

# Names the newest checkpoint and those before it; TensorFlow replaces it in one step.
STATE = "checkpoint"
# In the checkpoints directory: what is there came from, and goes to, the URI in it.
MARK = ".modelmaker-source"
# Links to the files on their way, which the job removes meanwhile when newer ones are there.
OUTGOING = ".modelmaker-outgoing"

MAX_STATE_BYTES = 1024 * 1024
# How often is looked for a new one.
LOOK_SECONDS = 1.0

_NAMED = re.compile(r'^(?:all_)?model_checkpoint_paths?: "((?:[^"\\]|\\.)*)"', re.MULTILINE)
_DATA = re.compile(r"\.data-\d{5}-of-(\d{5})")
_STEP = re.compile(r"-(\d+)$")


class Checkpoints:
    """The checkpoints directory of the chief, and its copy below a URI.

    Args:
        transfers: moves the files.
        uri: below which they are published.
        directory: the checkpoints directory.
    """

    def __init__(self, transfers: Transfers, uri: S3Uri, directory: Path) -> None:
        self._transfers = transfers
        self._uri = uri
        self._directory = directory
        self._publishing = threading.Lock()
        self._keep: int | None = None
        # The names of the published checkpoints, the newest last.
        self._published: list[str] = []
        # Those that the index names no more, and that are still there.
        self._dropped: list[str] = []
        # Saved again as training begins, with the values it came with.
        self._restored: str | None = None
        self._is_fetched = False

    def fetch(self, keep: int | None) -> None:
        """Have the newest checkpoint in the directory; publish new ones from now on.

        Args:
            keep: how many published ones are kept, None for all.

        Raises:
            ContradictionError: the directory holds checkpoints of something else; or what is
                published is not whole; or the job may not read it.
            PlatformError: the storage fails, or the disk is full.
        """
        self._keep = keep
        local = self._read_local()
        if local and _marked(self._directory) != str(self._uri):
            raise ContradictionError(
                f"MODELMAKER_CHECKPOINT_URI={self._uri} is given, and {self._directory} holds"
                f" {local[-1]}, which did not come from there",
                hint="leave out the one or the other, or empty the directory",
            )
        found, index = self._look()
        self._published = self._read_published(found, index)
        newest = self._published[-1] if self._published else None
        self._directory.mkdir(parents=True, exist_ok=True)
        _mark(self._directory, str(self._uri))
        if newest and (not local or _step(newest) > _step(local[-1])):
            self._download(newest, found)
            local = [newest]
        self._restored = local[-1] if local else None
        self._is_fetched = True

    def _look(self) -> tuple[dict[str, Listed], str | None]:
        """Return what is below the URI, and the index: both as they were at one time."""
        index = self._read_index()
        while True:
            found = {
                listed.key.removeprefix(self._uri.directory_prefix): listed
                for listed in s3.list_objects(
                    self._transfers.client, self._uri, self._uri.directory_prefix
                )
            }
            before, index = index, self._read_index()
            if index == before:
                return found, index

    def _read_index(self) -> str | None:
        content = s3.read_object(
            self._transfers.client, self._uri.child(STATE), max_bytes=MAX_STATE_BYTES
        )
        return None if content is None else content.decode("utf-8", "replace")

    def _read_published(self, found: dict[str, Listed], index: str | None) -> list[str]:
        """Return the names of the published checkpoints that are whole, the newest last."""
        if index is None:
            if found:
                logger.warning(
                    "%s has files and no index named %s: no checkpoint there is whole",
                    self._uri,
                    STATE,
                )
            return []
        named = _names_in(index)
        whole = [name for name in named if is_whole(name, found)]
        if not whole:
            raise ContradictionError(
                f"{self._uri.child(STATE)} names {named[-1] if named else 'no checkpoint'}, and no"
                " checkpoint there is whole",
                hint="bring its files back, or empty the prefix to train from the beginning",
            )
        if whole[-1] != named[-1]:
            logger.warning(
                "checkpoint %s in %s is not whole; %s, the one before it, is used",
                named[-1],
                self._uri,
                whole[-1],
                extra={"event": "checkpoint_passed_over", "checkpoint": named[-1]},
            )
        return whole

    def _download(self, name: str, found: dict[str, Listed]) -> None:
        """Bring a checkpoint's files here, and name it once they are."""
        files = [file for file in found if _belongs_to(file, name)]
        files += [step_history.FILE_NAME] * (step_history.FILE_NAME in found)
        wanted = [Wanted(found[file], self._directory / file) for file in files]
        self._transfers.download(self._uri.bucket, wanted, what="checkpoint", into=self._directory)
        _write_whole(self._directory / STATE, _state_of([name]))
        size = sum(found[file].size for file in files)
        logger.info(
            "checkpoint %s from %s, %.1f MB",
            name,
            self._uri,
            size / 1e6,
            extra={"event": "checkpoint_fetched", "checkpoint": name, "bytes": size},
        )

    def publish(self) -> None:
        """Publish the newest checkpoint, unless it is published.

        Raises:
            JobError: it cannot be.
        """
        with self._publishing:
            tried = None
            while self._is_fetched:
                names = self._read_local()
                done = (tried, self._restored_and_published, *self._published[-1:])
                if not names or names[-1] in done:
                    return
                tried = names[-1]
                with contextlib.suppress(FileNotFoundError):  # a newer one has come meanwhile
                    self._publish(tried)

    @property
    def _restored_and_published(self) -> str | None:
        return self._restored if self._restored in self._published else None

    def _publish(self, name: str) -> None:
        if name in self._published:  # of a training that was thrown away from there on
            self._name(self._published[: self._published.index(name)])
        files = self._take(name)
        sending = [Parcel(file, self._uri.child(file.name)) for file in files]
        self._transfers.upload(sending, what="checkpoint")
        self._name([*self._published, name][-self._keep if self._keep else 0 :])
        logger.info(
            "published checkpoint %s to %s",
            name,
            self._uri,
            extra={"event": "checkpoint_published", "checkpoint": name},
        )
        shutil.rmtree(self._directory / OUTGOING, ignore_errors=True)
        self._remove_dropped()

    def _name(self, names: list[str]) -> None:
        """Write the index: from now on these are the published checkpoints."""
        state = self._uri.child(STATE)
        where = {"Bucket": state.bucket, "Key": state.key}
        with s3.explained(state, "write", rights=s3.WRITE_RIGHTS):
            if names:
                self._transfers.client.put_object(**where, Body=_state_of(names).encode())
            else:  # an index of nothing would be no index
                self._transfers.client.delete_object(**where)
        dropped = [*self._dropped, *self._published]
        self._dropped = [name for name in dict.fromkeys(dropped) if name not in names]
        self._published = names

    def _take(self, name: str) -> list[Path]:
        """Return a checkpoint's files, held fast against being removed by the job.

        Raises:
            FileNotFoundError: the job has removed some.
        """
        outgoing = self._directory / OUTGOING
        shutil.rmtree(outgoing, ignore_errors=True)
        outgoing.mkdir()
        names = [file.name for file in self._directory.iterdir() if _belongs_to(file.name, name)]
        if not is_whole(name, names):
            raise FileNotFoundError(name)
        # Rewritten in place of itself as training begins, so that the link has what was there.
        names += [step_history.FILE_NAME] * (self._directory / step_history.FILE_NAME).exists()
        held = []
        for file in names:
            try:
                os.link(self._directory / file, outgoing / file)
                held.append(outgoing / file)
            except FileNotFoundError:
                raise
            except OSError:  # a filesystem without links
                held.append(self._directory / file)
        return held

    def _remove_dropped(self) -> None:
        """Remove what is no longer named; what cannot be stays until the next is published."""
        try:
            while self._dropped:
                prefix = self._uri.child(f"{self._dropped[0]}.").key
                for listed in s3.list_objects(self._transfers.client, self._uri, prefix):
                    uri = S3Uri(self._uri.bucket, listed.key)
                    with s3.explained(uri, "remove", rights=s3.WRITE_RIGHTS):
                        self._transfers.client.delete_object(Bucket=uri.bucket, Key=uri.key)
                self._dropped.pop(0)
        except JobError as error:
            logger.warning(
                "old checkpoints stay for now: %s; %s",
                error.message,
                error.hint,
                extra={"event": "remove_failed"},
            )

    def _read_local(self) -> list[str]:
        """Return the names of the checkpoints in the directory, the newest last."""
        try:
            text = (self._directory / STATE).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        return _names_in(text)


def is_whole(name: str, files: Iterable[str]) -> bool:
    """Tell whether all files of a checkpoint are there.

    Args:
        name: "model.ckpt-100".
        files: the names of the files that are there.
    """
    suffixes = {file.removeprefix(name) for file in files if file.startswith(name)}
    counts = [int(found[1]) for found in map(_DATA.fullmatch, suffixes) if found]
    return ".index" in suffixes and bool(counts) and len(counts) == counts[0]


def _belongs_to(file: str, name: str) -> bool:
    return file.startswith(f"{name}.")


def _names_in(state: str) -> list[str]:
    """Return what a file `checkpoint` names, the newest last; whatever directory it was in."""
    names = [Path(found).name for found in _NAMED.findall(state)]
    # The first line names the newest, and so does one of the others.
    return [*(name for name in dict.fromkeys(names[1:]) if name != names[0]), *names[:1]]


def _state_of(names: list[str]) -> str:
    """Write a file `checkpoint` as TensorFlow does, with names relative to it."""
    lines = [f"model_checkpoint_path: {json.dumps(names[-1])}"] if names else []
    lines += [f"all_model_checkpoint_paths: {json.dumps(name)}" for name in names]
    return "".join(f"{line}\n" for line in lines)


def _step(name: str) -> int:
    found = _STEP.search(name)
    return int(found[1]) if found else -1


def _marked(directory: Path) -> str | None:
    try:
        return (directory / MARK).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def _mark(directory: Path, uri: str) -> None:
    _write_whole(directory / MARK, f"{uri}\n")


def _write_whole(file: Path, text: str) -> None:
    incoming = file.with_name(f"{file.name}.incoming")
    incoming.write_text(text, encoding="utf-8")
    incoming.replace(file)
