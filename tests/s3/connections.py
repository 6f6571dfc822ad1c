"""One client's connection to the proxy: request after request goes to the server and back."""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import unquote

from tests.s3.answers import ANSWERED, error_answer
from tests.s3.faults import ChosenFault, Kind, Rules
from tests.s3.http_messages import (
    BrokenMessageError,
    Framing,
    Head,
    IncomingBody,
    OutgoingBody,
    Stream,
    close_in_order,
)

NO_ANSWER = 0
WRONG_ETAG = '"00000000000000000000000000000bad"'
_ON_EITHER_BODY: frozenset[Kind] = frozenset({"reset", "stall", "corrupt"})
_ON_ANSWER_BODY: frozenset[Kind] = frozenset({"truncate", "short"})
_INVERTED_BYTES = 16
_DELIVERY_SECONDS = 2.0
_OF_A_HOP = ("connection", "keep-alive")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client asked for, and what it was told.

    Attributes:
        method: the HTTP method.
        path: "/bucket/key", percent-decoded.
        status: the status it was answered with; NO_ANSWER if there was none.
        query: the query string, as it was sent.
        range: the Range field, "" if there was none.
    """

    method: str
    path: str
    status: int
    query: str
    range: str


class Proxy(Protocol):
    """What a connection needs of the proxy it belongs to."""

    rules: Rules
    closing: threading.Event

    def connect(self) -> socket.socket:
        """Connect to the server."""

    def note(self, request: Request) -> None:
        """Take a request into the log."""

    def note_downloaded(self, count: int) -> None:
        """Take bytes of an answer into account."""


class _ResetError(Exception):
    """The client's connection is to be reset."""


class _CloseError(Exception):
    """The client's connection is to be closed in good order."""


class _Exchange:
    """A request and what becomes of it."""

    def __init__(self, head: Head, body: IncomingBody, rules: Rules) -> None:
        words = head.first_line.split(" ")
        if len(words) != 3:
            raise BrokenMessageError(f"no request: {head.first_line!r}")
        self.method = words[0]
        path, _, query = words[1].partition("?")
        self.path, self.query = unquote(path), query
        self.head = head
        self.body = body
        self.waits_for_100 = not body.is_read and "100-continue" in head.get("expect").lower()
        self.status: int | None = None
        has_body = not body.is_read
        self.fault = rules.choose(self.method, self.path, self.query)
        kind = self.fault.kind if self.fault else None
        self.acts_on_request = has_body and kind in _ON_EITHER_BODY
        self.acts_on_answer = kind in _ON_ANSWER_BODY or (not has_body and kind in _ON_EITHER_BODY)

    def has_fault(self, *kinds: Kind) -> bool:
        return self.fault is not None and self.fault.kind in kinds


class Connection:
    """Serves a client until one of the two closes the connection."""

    def __init__(self, channel: socket.socket, proxy: Proxy) -> None:
        self._client = Stream(channel)
        self._proxy = proxy
        self._upstream: Stream | None = None

    def serve(self) -> None:
        """Serve the client's requests, to the last."""
        try:
            while (head := self._client.read_head()) and self._exchange(head):
                pass
        except _ResetError:
            _reset(self._client.channel)
        except (_CloseError, BrokenMessageError, OSError):
            pass
        finally:
            self._abort_upstream()
            close_in_order(self._client.channel)

    def _exchange(self, head: Head) -> bool:
        """Answer a request; return whether the connection stays."""
        body = IncomingBody(self._client, head.request_framing())
        exchange = _Exchange(head, body, self._proxy.rules)
        try:
            if exchange.fault and exchange.fault.kind in ANSWERED:
                return self._answer_with_error(exchange, exchange.fault)
            return self._ask_server(exchange)
        finally:
            # Before the client can see how its connection ends.
            if exchange.status is None:
                self._note(exchange, NO_ANSWER)
            if exchange.fault:
                exchange.fault.give_back()

    def _answer_with_error(self, exchange: _Exchange, fault: ChosenFault) -> bool:
        # A client that waits for "100 Continue" gets the error instead and keeps its body.
        if not exchange.waits_for_100:
            for _ in exchange.body.pieces():
                pass
        head, body = error_answer(fault.fault, exchange.path)
        fault.happens()
        stays = exchange.body.is_read and not exchange.head.closes
        self._send_head(exchange, head, stays=stays)
        if exchange.method != "HEAD":
            self._client.channel.sendall(body)
        return stays

    def _ask_server(self, exchange: _Exchange) -> bool:
        upstream = self._connect()
        upstream.channel.sendall(exchange.head.without(*_OF_A_HOP).encode())
        answer = None
        if exchange.waits_for_100:
            answer = self._wait_for_100(upstream)
        if answer is None:
            answer = self._send_body(exchange, upstream) or self._read_answer(upstream)
        return self._deliver(exchange, answer, upstream)

    def _wait_for_100(self, upstream: Stream) -> Head | None:
        """Wait for what comes first: the server's word or the body; return a final answer."""
        if not self._client.has_input():
            select.select([self._client.channel, upstream.channel], [], [])
        if self._client.has_input():
            return None
        head = upstream.read_head()
        if head is None:
            raise BrokenMessageError("the server closed instead of answering")
        if head.status >= 200:
            return head
        self._client.channel.sendall(head.encode())
        return None

    def _send_body(self, exchange: _Exchange, upstream: Stream) -> Head | None:
        """Send the request's body to the server; return an answer that comes before its end."""
        body = exchange.body
        outgoing = OutgoingBody(upstream.channel, body.framing)
        fault = exchange.fault if exchange.acts_on_request else None
        position = fault.fault.position_in(body.length) if fault else None
        for piece in self._spoiled(body.pieces(), fault, position):
            if upstream.has_input():
                head = upstream.read_head()
                if head is None:
                    raise BrokenMessageError("the server closed in the middle of a request")
                if head.status >= 200:
                    return head
            if not _is_taken(lambda piece=piece: outgoing.write(piece)):  # type: ignore[misc]
                return self._read_answer(upstream)
        _is_taken(lambda: outgoing.finish(body.trailer))
        return None

    def _read_answer(self, upstream: Stream) -> Head:
        while head := upstream.read_head():
            if head.status >= 200:
                return head
        raise BrokenMessageError("the server closed instead of answering")

    def _deliver(self, exchange: _Exchange, answer: Head, upstream: Stream) -> bool:
        """Send the answer to the client; return whether the connection stays."""
        framing = answer.answer_framing(exchange.method)
        body = IncomingBody(upstream, framing)
        fault = exchange.fault
        if fault and exchange.has_fault("lost_answer"):
            fault.happens()
            raise _ResetError
        head = replace(answer, first_line=f"HTTP/1.1 {answer.first_line.partition(' ')[2]}")
        if fault and exchange.has_fault("wrong_etag") and answer.get("etag"):
            fault.happens()
            head = head.without("etag").plus("ETag", WRONG_ETAG)
        spoils = exchange.acts_on_answer and answer.status in {200, 206}
        position = fault.fault.position_in(body.length) if fault and spoils else None
        if fault and exchange.has_fault("short") and body.length and position is not None:
            fault.happens()
            head = head.without("content-length").plus("Content-Length", str(position))
        if fault and position is None:
            # Before the client can send its next request.
            fault.give_back()
        stays = self._client_stays(exchange, framing)
        self._send_head(exchange, head, stays=stays)
        outgoing = OutgoingBody(self._client.channel, framing)
        for piece in self._spoiled(body.pieces(), fault, position):
            self._proxy.note_downloaded(len(piece))
            outgoing.write(piece)
        if fault:
            fault.give_back()
        outgoing.finish(body.trailer)
        if not body.is_read or not exchange.body.is_read:
            self._abort_upstream()
        elif answer.closes or framing == "to the end":
            upstream.channel.close()
            self._upstream = None
        return stays

    def _client_stays(self, exchange: _Exchange, framing: Framing) -> bool:
        return exchange.body.is_read and framing != "to the end" and not exchange.head.closes

    def _spoiled(
        self, pieces: Iterator[bytes], fault: ChosenFault | None, position: int | None
    ) -> Iterator[bytes]:
        """Give the pieces of a body, but for what a fault does after `position` bytes."""
        passed = 0
        for piece in pieces:
            begin, passed = passed, passed + len(piece)
            if fault is None or position is None or not begin <= position < passed:
                yield piece
                continue
            fault.happens()
            if position > begin:
                yield piece[: position - begin]
            if fault.kind == "short":
                return
            if fault.kind == "reset":
                raise _ResetError
            if fault.kind == "truncate" or (
                fault.kind == "stall" and self._proxy.closing.wait(fault.fault.seconds)
            ):
                raise _CloseError
            rest = piece[position - begin :]
            yield _inverted(rest) if fault.kind == "corrupt" else rest

    def _send_head(self, exchange: _Exchange, head: Head, *, stays: bool) -> None:
        head = head.without(*_OF_A_HOP)
        if not stays:
            head = head.plus("Connection", "close")
        self._note(exchange, head.status)
        self._client.channel.sendall(head.encode())

    def _note(self, exchange: _Exchange, status: int) -> None:
        exchange.status = status
        self._proxy.note(
            Request(
                method=exchange.method,
                path=exchange.path,
                status=status,
                query=exchange.query,
                range=exchange.head.get("range"),
            )
        )

    def _connect(self) -> Stream:
        # What an idle connection has to say can only be that the server has closed it.
        if self._upstream is not None and self._upstream.has_input():
            self._abort_upstream()
        if self._upstream is None:
            self._upstream = Stream(self._proxy.connect())
        return self._upstream

    def _abort_upstream(self) -> None:
        """Reset the connection to the server, so that it never takes half a request for all."""
        if self._upstream is not None:
            _reset(self._upstream.channel, wait_seconds=0)
            self._upstream = None


def _is_taken(send: Callable[[], None]) -> bool:
    """Send; return False if the other side has closed: its answer may lie there to be read."""
    try:
        send()
    except OSError:
        return False
    return True


def _inverted(piece: bytes) -> bytes:
    inverted = bytes(byte ^ 0xFF for byte in piece[:_INVERTED_BYTES])
    return inverted + piece[_INVERTED_BYTES:]


def _reset(channel: socket.socket, wait_seconds: float = _DELIVERY_SECONDS) -> None:
    """Close a connection with a TCP reset, after what was sent has arrived."""
    deadline = time.monotonic() + wait_seconds
    # A reset throws away what the kernel has not sent yet.
    with suppress(OSError), channel:
        while _unsent_bytes(channel) and time.monotonic() < deadline:
            time.sleep(0.001)
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _unsent_bytes(channel: socket.socket) -> int:
    """Return how much the other side's kernel has not acknowledged (Linux: tcp(7), SIOCOUTQ)."""
    try:
        answer = fcntl.ioctl(channel, termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)
