"""One TCP connection between two membership processes: messages, signs of life, a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from entrypoint.membership import protocol
from entrypoint.membership.protocol import MAX_MESSAGE_BYTES, Message, Ping

PING_SECONDS = 5.0
# A quiet connection is looked at so many times until its peer counts as lost.
_LOOKS = 20


class ConnectionLostError(Exception):
    """Nothing more comes from a peer; the reason continues "lost worker-1: "."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Connection:
    """Sends and receives messages over a pair of asyncio's streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._reason = "its connection closed"
        self._heard_at = self._sent_at = asyncio.get_running_loop().time()
        channel = writer.get_extra_info("socket")
        # asyncio does it only where the listening socket was made with a protocol number.
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = writer.get_extra_info("peername") or ("an unknown host",)
        # What IPv4 looks like to a socket that listens for IPv6 too.
        self.peer_host: str = peer[0].removeprefix("::ffff:")

    def send(self, message: Message) -> None:
        """Send a message, without waiting; nothing happens if the connection has ended."""
        if not self.writer.is_closing():
            self.writer.write(protocol.encode(message))
            self._sent_at = asyncio.get_running_loop().time()

    async def receive(self) -> Message:
        """Wait for the next message.

        Raises:
            ConnectionLostError: the connection ended, or what came is no message.
        """
        try:
            line = await self._reader.readuntil()
            message = protocol.decode(line)
        except asyncio.LimitOverrunError as error:
            reason = f"what it sent is longer than {MAX_MESSAGE_BYTES} bytes"
            raise ConnectionLostError(reason) from error
        except protocol.ProtocolError as error:
            raise ConnectionLostError(f"what it sent {error}") from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ConnectionLostError(self._reason) from error
        except OSError as error:
            raise ConnectionLostError(f"its connection broke: {error.strerror}") from error
        self._heard_at = asyncio.get_running_loop().time()
        return message

    async def keep_alive(self, timeout_seconds: float) -> None:
        """Send pings when there is nothing else to send, and end the connection after a silence.

        Args:
            timeout_seconds: how long a silence is the end. `receive` then raises.
        """
        clock = asyncio.get_running_loop().time
        interval = min(PING_SECONDS, timeout_seconds / 4)
        look_seconds = min(1.0, timeout_seconds / _LOOKS)
        looked_at = clock()
        while not self.writer.is_closing():
            await asyncio.sleep(look_seconds)
            now = clock()
            # This process itself may have stood still, and then it heard nobody.
            self._heard_at += max(now - looked_at - 2 * look_seconds, 0)
            looked_at = now
            if now - self._heard_at > timeout_seconds:
                self._reason = f"nothing heard from it for {timeout_seconds:g} s"
                self.abort()
            elif now - self._sent_at >= interval:
                self.send(Ping())

    def say_no_more(self) -> None:
        """Send what is still to be sent, and then only listen.

        To close at once could destroy on its way what was sent last.
        """
        with contextlib.suppress(OSError, RuntimeError):
            self.writer.write_eof()

    def abort(self) -> None:
        """End the connection now."""
        self.writer.transport.abort()
