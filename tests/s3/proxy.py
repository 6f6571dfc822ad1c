"""An HTTP/1.1 proxy before an S3 server that does what networks and busy servers do."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.s3.connections import NO_ANSWER, WRONG_ETAG, Connection, Request
from tests.s3.endpoint import Endpoint
from tests.s3.faults import Fault, Kind, Rules

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NO_ANSWER", "WRONG_ETAG", "Fault", "FaultProxy", "Kind", "Request"]


class FaultProxy(Endpoint):
    """A proxy that runs while its context lasts; every method may be called from any thread.

    Bodies stream both ways. The Host field is passed on as it came, so that signatures stay
    right. At most one fault befalls a request: that of the first rule that matches.

    Args:
        upstream_url: the S3 server, "http://host:port".
        faults: the rules to begin with.
        host: the address to listen on.
        seed: what the draws of `Fault.probability` begin with. Which thread gets which draw is
            not repeated from run to run, their sequence is.
    """

    def __init__(
        self,
        upstream_url: str,
        faults: Iterable[Fault] = (),
        *,
        host: str = "127.0.0.1",
        seed: int = 0,
    ) -> None:
        url = urlsplit(upstream_url)
        self._upstream = (url.hostname or "", url.port or 80)
        self.host = host
        self.rules = Rules(faults, seed)
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._downloaded_bytes = 0
        self._channels: set[socket.socket] = set()
        self._listener = _Listener(host, self)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the proxy and every connection, in the middle of whatever they are at."""
        self.closing.set()
        self._listener.shutdown()
        with self._lock:
            for channel in self._channels:
                with suppress(OSError):
                    channel.shutdown(socket.SHUT_RDWR)
        self._listener.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._listener.server_address[1])

    @property
    def faults(self) -> list[Fault]:
        """The rules that are not used up. Assigning puts others in their place, all unused."""
        return self.rules.faults

    @faults.setter
    def faults(self, faults: Iterable[Fault]) -> None:
        self.rules.replace(faults)

    @property
    def injected(self) -> Counter[Kind]:
        """How many faults of each kind have happened."""
        return self.rules.injected

    @property
    def requests(self) -> list[Request]:
        """The requests so far, in the order in which their answers began."""
        with self._lock:
            return list(self._requests)

    @property
    def downloaded_bytes(self) -> int:
        """The bytes of answers' bodies, those of the server's errors too."""
        with self._lock:
            return self._downloaded_bytes

    def forget(self) -> None:
        """Empty the log and begin counting again; the rules stay."""
        self.rules.forget()
        with self._lock:
            self._requests.clear()
            self._downloaded_bytes = 0

    def wait_for(self, kind: Kind, times: int = 1, timeout_seconds: float = 20) -> None:
        """Wait until a fault has happened that often.

        Raises:
            TimeoutError: it has not, in that time.
        """
        self.rules.wait_for(kind, times, timeout_seconds)

    def serve(self, channel: socket.socket) -> None:
        """Serve a client in this thread, to the end of its connection."""
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(channel, self)
        if self._is_added(channel):
            connection.serve()
        with self._lock:
            self._channels.discard(channel)

    def connect(self) -> socket.socket:
        """Connect to the server."""
        channel = socket.create_connection(self._upstream)
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._is_added(channel):
            channel.close()
            raise ConnectionAbortedError("the proxy closes")
        return channel

    def note(self, request: Request) -> None:
        """Take a request into the log."""
        with self._lock:
            self._requests.append(request)

    def note_downloaded(self, count: int) -> None:
        """Take bytes of an answer into account."""
        with self._lock:
            self._downloaded_bytes += count

    def _is_added(self, channel: socket.socket) -> bool:
        """Take a connection into the ones to end with the proxy; False if that ends already."""
        with self._lock:
            self._channels = {known for known in self._channels if known.fileno() >= 0}
            if not self.closing.is_set():
                self._channels.add(channel)
            return not self.closing.is_set()


class _Listener(socketserver.ThreadingTCPServer):
    """Takes connections; each is served in a thread of its own."""

    request_queue_size = 128

    def __init__(self, host: str, proxy: FaultProxy) -> None:
        self._proxy = proxy
        super().__init__((host, 0), socketserver.BaseRequestHandler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        del client_address
        self._proxy.serve(request)
