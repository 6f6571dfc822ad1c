"""The membership process's ends of the sockets to the other processes of its machine."""

from __future__ import annotations

import asyncio
import json
import logging
import select
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from entrypoint.membership import protocol
from entrypoint.membership.board import Board
from entrypoint.membership.protocol import MAX_MESSAGE_BYTES, Attach, Post, ProtocolError

logger = logging.getLogger(__name__)

_DRAIN_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the job of this machine ended, as the supervisor says: see `outcome.Outcome`."""

    code: int
    message: str
    hint: str


class LocalChannel(asyncio.Protocol):
    """Takes posts from one process of this machine and, once it asks, hands it the board."""

    def __init__(self, board: Board, publish: Callable[[Post], None]) -> None:
        self._board = board
        self._publish = publish
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take what has come, at once, so that nothing is left when the socket is empty."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for line in lines:
                self._take(line)
            if len(self._rest) > MAX_MESSAGE_BYTES:
                raise ProtocolError("is too long")
        except ProtocolError as error:
            logger.warning("a local process sent what %s", error, extra={"event": "membership"})
            self.close()

    def connection_lost(self, _exception: Exception | None) -> None:
        """Forget the process; the supervisor tells how it ended."""
        self._board.remove_reader(self._send)

    def close(self) -> None:
        """End the channel."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, line: bytes) -> None:
        message = protocol.decode(line)
        if isinstance(message, Attach):
            self._board.add_reader(self._send)
        elif isinstance(message, Post):
            self._publish(message)
        else:
            raise ProtocolError(f"is a {message.KIND}")

    def _send(self, post: Post) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(protocol.encode(post))


async def open_channels(
    channels: Sequence[socket.socket], board: Board, publish: Callable[[Post], None]
) -> list[LocalChannel]:
    """Begin to serve the local processes, whether or not there is one at the other end already."""
    loop = asyncio.get_running_loop()
    opened = []
    for channel in channels:
        _, local = await loop.create_unix_connection(
            lambda: LocalChannel(board, publish), sock=channel
        )
        opened.append(local)
    return opened


async def drain(channels: Sequence[socket.socket]) -> None:
    """Take everything that a process had posted when it ended."""
    clock = asyncio.get_running_loop().time
    # A companion that goes on posting is waited for no longer than that.
    deadline = clock() + _DRAIN_SECONDS
    while any(map(_has_more, channels)) and clock() < deadline:  # noqa: ASYNC110 (no event tells)
        await asyncio.sleep(0)


def _has_more(channel: socket.socket) -> bool:
    if channel.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    return any(event & select.POLLIN for _, event in poll.poll(0))


async def read_ended(commands: socket.socket) -> Ended | None:
    """Wait for the supervisor's word that the job has ended; None if the supervisor has."""
    reader, writer = await asyncio.open_unix_connection(sock=commands, limit=1024**2)
    try:
        line = await reader.readuntil()
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    finally:
        writer.close()
    ended = json.loads(line)["ended"]
    return Ended(
        code=int(ended["code"]), message=str(ended["message"]), hint=str(ended.get("hint", ""))
    )
