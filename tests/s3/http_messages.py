"""HTTP/1.1 messages as they go over a connection: the head whole, the body in pieces.

The rules are those of RFC 9112, sections 6 and 7.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

PIECE_BYTES = 256 * 1024
_MAX_LINE_BYTES = 64 * 1024

# How long a body is: so many bytes, in chunks that say it, or to the end of the connection.
Framing = int | Literal["chunked", "to the end"]


class BrokenMessageError(Exception):
    """A message that ended too early, or is no HTTP."""


@dataclass(frozen=True)
class Head:
    """The first line and the header fields, in their order."""

    first_line: str
    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """Return a field's value, "" if there is none; the name is in lower case."""
        return next((value for known, value in self.fields if known.lower() == name), "")

    def without(self, *names: str) -> Head:
        """Return it without these fields; the names are in lower case."""
        kept = tuple(item for item in self.fields if item[0].lower() not in names)
        return replace(self, fields=kept)

    def plus(self, name: str, value: str) -> Head:
        """Return it with one more field."""
        return replace(self, fields=(*self.fields, (name, value)))

    def encode(self) -> bytes:
        """Return the bytes that go over a connection."""
        lines = [self.first_line, *(f"{name}: {value}" for name, value in self.fields)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    @property
    def closes(self) -> bool:
        """Whether its sender closes the connection after the message."""
        return "close" in self.get("connection").lower() or "HTTP/1.0" in self.first_line

    def request_framing(self) -> Framing:
        """How long the body of this request is."""
        if "chunked" in self.get("transfer-encoding").lower():
            return "chunked"
        return self._content_length(otherwise=0)

    def answer_framing(self, method: str) -> Framing:
        """How long the body of this answer to such a request is."""
        if method == "HEAD" or self.status in {204, 304} or self.status < 200:
            return 0
        if "chunked" in self.get("transfer-encoding").lower():
            return "chunked"
        return self._content_length(otherwise="to the end")

    def _content_length(self, otherwise: Framing) -> Framing:
        length = self.get("content-length")
        if not length:
            return otherwise
        if not length.isdecimal():
            raise BrokenMessageError(f"Content-Length is {length!r}")
        return int(length)

    @property
    def status(self) -> int:
        """The status of an answer."""
        words = self.first_line.split(" ", 2)
        if len(words) < 2 or not words[1].isdecimal():
            raise BrokenMessageError(f"no status line: {self.first_line!r}")
        return int(words[1])


class Stream:
    """A connection that is read by lines and by pieces."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self._rest = b""

    def has_input(self) -> bool:
        """Tell whether something has come, the end of the connection included."""
        return bool(self._rest or select.select([self.channel], [], [], 0)[0])

    def read_head(self) -> Head | None:
        """Read up to the empty line; None at the end of the connection.

        Raises:
            BrokenMessageError: it ends in the middle, or a line is no field.
        """
        # An empty line before a request is to be overlooked (RFC 9112, section 2.2).
        lines = [""]
        while lines == [""]:
            if not self._rest and not self._receive():
                return None
            lines = [self.read_line()]
        while line := self.read_line():
            lines.append(line)
        fields = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise BrokenMessageError(f"no header field: {line!r}")
            fields.append((name, value.strip()))
        return Head(lines[0], tuple(fields))

    def read_line(self) -> str:
        while b"\n" not in self._rest:
            if len(self._rest) > _MAX_LINE_BYTES or not self._receive():
                raise BrokenMessageError("a line has no end")
        line, _, self._rest = self._rest.partition(b"\n")
        return line.removesuffix(b"\r").decode("latin-1")

    def read_piece(self, most_bytes: int) -> bytes:
        """Return some bytes; none at the end of the connection."""
        if not self._rest:
            return self.channel.recv(min(most_bytes, PIECE_BYTES))
        piece, self._rest = self._rest[:most_bytes], self._rest[most_bytes:]
        return piece

    def _receive(self) -> bool:
        data = self.channel.recv(PIECE_BYTES)
        self._rest += data
        return bool(data)


class IncomingBody:
    """A body as it comes in.

    Attributes:
        length: in bytes; None if it is not known beforehand.
        trailer: the fields after a body in chunks, once that has been read.
        is_read: whether it has been read to its end.
    """

    def __init__(self, stream: Stream, framing: Framing) -> None:
        self.framing = framing
        self.length = framing if isinstance(framing, int) else None
        self.trailer: tuple[str, ...] = ()
        self.is_read = framing == 0
        self._stream = stream

    def pieces(self) -> Iterator[bytes]:
        """Read it, without what frames the chunks.

        Raises:
            BrokenMessageError: the connection ends before the body.
        """
        if self.framing == "chunked":
            yield from self._chunks()
        elif self.framing == "to the end":
            while piece := self._stream.read_piece(PIECE_BYTES):
                yield piece
        else:
            yield from self._bytes(self.framing)
        self.is_read = True

    def _bytes(self, left: int) -> Iterator[bytes]:
        while left:
            piece = self._stream.read_piece(left)
            if not piece:
                raise BrokenMessageError(f"the body ends {left} bytes early")
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := self._chunk_size():
            yield from self._bytes(size)
            self._stream.read_line()
        trailer = []
        while line := self._stream.read_line():
            trailer.append(line)
        self.trailer = tuple(trailer)

    def _chunk_size(self) -> int:
        line = self._stream.read_line()
        try:
            return int(line.partition(";")[0], 16)
        except ValueError as error:
            raise BrokenMessageError(f"no size of a chunk: {line!r}") from error


class OutgoingBody:
    """A body as it goes out, in chunks or plain."""

    def __init__(self, channel: socket.socket, framing: Framing) -> None:
        self._channel = channel
        self._in_chunks = framing == "chunked"

    def write(self, piece: bytes) -> None:
        if not piece:
            return
        if self._in_chunks:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        self._channel.sendall(piece)

    def finish(self, trailer: tuple[str, ...] = ()) -> None:
        if self._in_chunks:
            self._channel.sendall("\r\n".join(["0", *trailer, "", ""]).encode("latin-1"))


def close_in_order(channel: socket.socket, wait_seconds: float = 2.0) -> None:
    """Close a connection so that what was sent last arrives.

    Data that nobody has read would turn the close into a reset.
    """
    with contextlib.suppress(OSError), channel:
        channel.shutdown(socket.SHUT_WR)
        channel.settimeout(wait_seconds)
        while channel.recv(PIECE_BYTES):
            pass
