"""The other tasks' side of a transfer: a file of the chief's checkpoints directory comes here."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from entrypoint.cluster import Cluster
from entrypoint.errors import PlatformError
from entrypoint.membership import protocol
from entrypoint.membership.file_server import BUSY, CHUNK_BYTES, MISSING, STALL_SECONDS
from entrypoint.membership.peer_failure import RETRY_HINT
from entrypoint.membership.protocol import MAX_MESSAGE_BYTES, Fetch
from entrypoint.signals import StopRequest

ATTEMPTS = 3
_CONNECT_SECONDS = 10.0
_PAUSE_SECONDS = 1.0
# How often a wait for the chief looks for a stop request.
_LOOK_SECONDS = 0.2


class _BrokenTransferError(Exception):
    """A transfer that may do better when it is tried again."""


def fetch_file(cluster: Cluster, name: str, to: Path, *, stop: StopRequest) -> None:
    """Fetch a file from the chief's checkpoints directory, whole and unharmed.

    What has come of it is in "<to>.incoming" until all of it is there.

    Args:
        cluster: where the chief is, and who asks.
        name: the file's name there.
        to: the file to make, in a directory that exists.
        stop: a request to stop ends the transfer.

    Raises:
        FileNotFoundError: the chief does not have the file any more.
        PlatformError: the transfer broke three times, or the chief refuses it.
        StoppedError: a stop signal has arrived.
        OSError: the file cannot be written here, for want of space (ENOSPC) or another reason.
    """
    incoming = to.with_name(f"{to.name}.incoming")
    reason = ""
    try:
        for attempt in range(ATTEMPTS):
            if attempt:
                _pause(stop, name)
            try:
                _receive(cluster, name, incoming, stop)
            except _BrokenTransferError as error:
                reason = str(error)
            else:
                incoming.replace(to)
                return
    finally:
        incoming.unlink(missing_ok=True)
    raise _cannot(cluster, name, reason)


def _receive(cluster: Cluster, name: str, incoming: Path, stop: StopRequest) -> None:
    with _connected(cluster) as channel:
        stream = _Stream(channel, stop, f"fetching {name} from the chief")
        fetch = Fetch(key=cluster.key, task=cluster.me.name, file=name)
        stream.send(protocol.encode(fetch))
        answer = stream.read_object()
        refused = answer.get("refused")
        if refused == MISSING:
            raise FileNotFoundError(f"the chief has no {name}")
        if refused == BUSY:
            raise _BrokenTransferError(BUSY)
        if refused is not None:
            raise _cannot(cluster, name, f"it refuses: {refused}")
        if answer.get("type") == "refused":
            raise _cannot(cluster, name, f"it refuses: {answer.get('reason')}")
        left = answer.get("size")
        if not isinstance(left, int) or left < 0:
            raise _BrokenTransferError("the answer gives no size")
        digest = hashlib.sha256()
        with incoming.open("wb") as file:
            while left:
                chunk = stream.read(min(left, CHUNK_BYTES))
                digest.update(chunk)
                file.write(chunk)
                left -= len(chunk)
            file.flush()
            os.fsync(file.fileno())
        if stream.read_object().get("sha256") != digest.hexdigest():
            raise _BrokenTransferError("what came is not what was sent (SHA-256 differs)")


@contextlib.contextmanager
def _connected(cluster: Cluster) -> Iterator[socket.socket]:
    try:
        channel = socket.create_connection(
            (cluster.chief.host or "localhost", cluster.port), timeout=_CONNECT_SECONDS
        )
    except (OSError, UnicodeError) as error:
        raise _BrokenTransferError(str(error)) from error
    with channel:
        yield channel


class _Stream:
    """Reads a socket, without waiting for it longer than it takes to see a stop request."""

    def __init__(self, channel: socket.socket, stop: StopRequest, during: str) -> None:
        self._channel = channel
        self._stop = stop
        self._during = during
        self._rest = b""

    def send(self, line: bytes) -> None:
        try:
            self._channel.sendall(line)
        except OSError as error:
            raise _BrokenTransferError(str(error)) from error
        self._channel.settimeout(_LOOK_SECONDS)

    def read(self, most_bytes: int) -> bytes:
        """Return some bytes, at least one."""
        data = self._rest or self._receive()
        self._rest = data[most_bytes:]
        return data[:most_bytes]

    def read_object(self) -> dict[str, Any]:
        while b"\n" not in self._rest:
            if len(self._rest) > MAX_MESSAGE_BYTES:
                raise _BrokenTransferError("the answer is no line")
            self._rest += self._receive()
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            return protocol.decode_object(line)
        except protocol.ProtocolError as error:
            raise _BrokenTransferError(f"the answer {error}") from error

    def _receive(self) -> bytes:
        deadline = time.monotonic() + STALL_SECONDS
        while time.monotonic() < deadline:
            self._stop.raise_if_requested(self._during)
            try:
                data = self._channel.recv(CHUNK_BYTES)
            except TimeoutError:
                continue
            except OSError as error:
                raise _BrokenTransferError(str(error)) from error
            if not data:
                raise _BrokenTransferError("the connection closed before the end")
            return data
        raise _BrokenTransferError(f"nothing came for {STALL_SECONDS:g} s")


def _pause(stop: StopRequest, name: str) -> None:
    deadline = time.monotonic() + _PAUSE_SECONDS
    while time.monotonic() < deadline:
        stop.raise_if_requested(f"fetching {name} from the chief")
        time.sleep(_LOOK_SECONDS)


def _cannot(cluster: Cluster, name: str, reason: str) -> PlatformError:
    place = f"{cluster.chief.host}:{cluster.port}"
    return PlatformError(
        f"{name} cannot be fetched from the chief ({place}): {reason}", hint=RETRY_HINT
    )
