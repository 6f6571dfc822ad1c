"""A machine's storage process: all that speaks with S3, so that no training waits for a network.

The job's processes ask it for things one after the other (see `client`); what is to be published
while training goes on, it finds by itself.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import logging
import os
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from entrypoint.cluster import Cluster
from entrypoint.errors import ContradictionError, JobError
from entrypoint.outcome import out_of_space
from entrypoint.settings import Settings
from entrypoint.storage import checkpoints, output
from entrypoint.storage.checkpoints import Checkpoints
from entrypoint.storage.dataset import fetch_dataset
from entrypoint.storage.inputs import fetch_code, fetch_parameters
from entrypoint.storage.lanes import Lanes
from entrypoint.storage.model import publish_model
from entrypoint.storage.output import Output
from entrypoint.storage.s3 import connect, require_writable
from entrypoint.storage.transfers import Transfers

logger = logging.getLogger(__name__)

_READ_BYTES = 64 * 1024
# After a failure that had many tries already.
REST_SECONDS = 30.0


def run(
    cluster: Cluster,
    settings: Settings,
    channels: Sequence[socket.socket],
    commands: socket.socket,
    *,
    log_seconds: float,
    publishes: bool = True,
) -> None:
    """Serve the job's processes until the job has ended, and publish what is left then.

    Both kinds of socket are AF_UNIX stream sockets. Their other ends must be open in no other
    process than the one that uses them, or its end is not seen.

    Args:
        cluster: who takes part; `cluster.me` is this machine.
        settings: the URIs and the paths.
        channels: one for each process of this machine that may use `client.Storage`.
        commands: from the supervisor, one line when the job has ended and its failure file is
            written. If it closes without a word, this returns at once.
        log_seconds: how often a transfer says how far it is.
        publishes: whether anything is; a job that only checks brings its inputs here.

    Raises:
        JobError: what was left could not be published.
    """
    # Before the lanes, so that what is wrong with the environment is an error of this process.
    client = connect(
        timeout_seconds=settings.storage_timeout_seconds,
        retry_seconds=settings.storage_retry_seconds,
    )
    lanes = Lanes(timeout_seconds=settings.storage_timeout_seconds)
    happened: queue.SimpleQueue[BaseException | bytes] = queue.SimpleQueue()
    transfers = Transfers(
        client,
        lanes,
        ending=threading.Event(),
        log_seconds=log_seconds,
        retry_seconds=settings.storage_retry_seconds,
    )
    service = _Service(cluster, settings, transfers, publishes=publishes)
    for channel in channels:
        _start(happened, functools.partial(_serve, service, channel))
    for watch in service.watches:
        _start(happened, watch)
    _start(happened, lambda: happened.put(commands.recv(_READ_BYTES)))
    ended = happened.get()
    with _disk_explained():
        if isinstance(ended, BaseException):
            raise ended
        if ended:
            service.finish()


def _start(happened: queue.SimpleQueue[Any], work: Callable[[], None]) -> None:
    """Do something in a thread that is not waited for; what it raises, the main thread raises."""

    def do() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (the main thread raises it)
            happened.put(error)

    threading.Thread(target=do, daemon=True).start()


def _serve(service: _Service, channel: socket.socket) -> None:
    """Answer one process of the job, until it has ended."""
    with contextlib.suppress(OSError), channel, channel.makefile("rb") as requests:
        for line in requests:
            request = json.loads(line)
            try:
                with _disk_explained():
                    answer = {"value": getattr(service, request["do"])(**request["with"])}
            except JobError as error:
                told = {"code": error.code, "message": error.message, "hint": error.hint}
                answer = {"error": told}
            channel.sendall(json.dumps(answer).encode() + b"\n")


@contextlib.contextmanager
def _disk_explained() -> Iterator[None]:
    """Turn what a disk refuses into a typed error."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise out_of_space(error.filename) from error
        raise ContradictionError(
            f"cannot use {error.filename or 'a file'} as uid {os.getuid()}: {error.strerror}",
            hint=f"mount a directory there that uid {os.getuid()} may write to",
        ) from error


class _Once:
    """Does something once, whoever asks; all who ask have what came of it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._is_done = False
        self._value: Any = None

    def __call__(self) -> Any:
        with self._lock:
            if not self._is_done:
                self._value = self._work()
                self._is_done = True
            return self._value


class _Service:
    """What the job's processes can ask for, by the names of the public methods."""

    def __init__(
        self, cluster: Cluster, settings: Settings, transfers: Transfers, *, publishes: bool
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._transfers = transfers
        self._ending = transfers.ending
        self.parameters = _Once(self._fetch_parameters)
        self.code = _Once(self._fetch_code)
        self.dataset = _Once(self._fetch_dataset)
        self._checkpoints: Checkpoints | None = None
        self._output: Output | None = None
        to, says_to = settings.locations.checkpoints, settings.locations.output
        # The chief alone saves checkpoints; what each task says of itself has a place of its own.
        if publishes and to and cluster.is_chief:
            self._checkpoints = Checkpoints(transfers, to, settings.checkpoints_dir)
        if publishes and says_to:
            own = says_to if cluster.is_chief else says_to.child(cluster.me.name)
            self._output = Output(transfers, own, settings.output_dir)

    def _fetch_parameters(self) -> str | None:
        uri = self._settings.locations.parameters
        return fetch_parameters(self._transfers, uri) if uri else None

    def _fetch_code(self) -> None:
        if self._settings.locations.code:
            fetch_code(self._transfers, self._settings.locations.code, self._settings.code_dir)

    def _fetch_dataset(self) -> None:
        settings, cluster = self._settings, self._cluster
        if not settings.locations.dataset:
            return
        shared_by = None
        if settings.dataset_by_key and cluster.me in cluster.trainers:
            shared_by = (cluster.trainers.index(cluster.me), len(cluster.trainers))
        fetch_dataset(
            self._transfers, settings.locations.dataset, settings.data_dir, shared_by=shared_by
        )

    def checkpoint(self, keep: int | None) -> None:
        """See `client.Storage.fetch_checkpoint`."""
        if self._checkpoints:
            self._checkpoints.fetch(keep)

    def outputs(self) -> None:
        """See `client.Storage.check_outputs`."""
        locations = self._settings.locations
        chief = (locations.checkpoints, locations.model) if self._cluster.is_chief else ()
        for uri in filter(None, (*chief, locations.output)):
            require_writable(self._transfers.client, uri)
        if self._output:
            self._output.go_on()

    def publish_checkpoint(self) -> None:
        """See `client.Storage.publish_checkpoint`."""
        if self._checkpoints:
            self._checkpoints.publish()

    def model(self, directory: str) -> str | None:
        """See `client.Storage.publish_model`."""
        uri = self._settings.locations.model
        return str(publish_model(self._transfers, uri, Path(directory))) if uri else None

    @property
    def watches(self) -> list[Callable[[], None]]:
        """What publishes while the job runs, each in a thread of its own."""
        pairs: list[tuple[Callable[[], None], float]] = []
        if self._checkpoints:
            pairs.append((self._checkpoints.publish, checkpoints.LOOK_SECONDS))
        if self._output:
            pairs.append((self._output.publish, output.LOOK_SECONDS))
        return [functools.partial(self._publish_again_and_again, *pair) for pair in pairs]

    def _publish_again_and_again(self, publish: Callable[[], None], seconds: float) -> None:
        """Publish what is new until the job has ended; what fails is tried again."""
        while not self._ending.wait(seconds):
            try:
                publish()
            except JobError as error:
                logger.warning(
                    "%s; it is tried again: %s",
                    error.message,
                    error.hint,
                    extra={"event": "publish_failed"},
                )
                self._ending.wait(REST_SECONDS)

    def finish(self) -> None:
        """Publish what is left when the job has ended.

        Raises:
            JobError: it cannot be.
        """
        self._ending.set()
        # Why a job has failed is small and comes first. What comes of it, the rest is tried.
        try:
            if self._output:
                self._output.finish()
        finally:
            if self._checkpoints:
                self._checkpoints.publish()
