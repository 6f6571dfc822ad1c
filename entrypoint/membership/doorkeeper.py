"""Who may stay at the hub's port: anybody can connect to it, and few belong to the job."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

from entrypoint.errors import PlatformError
from entrypoint.membership.connection import Connection, ConnectionLostError
from entrypoint.membership.protocol import Message

logger = logging.getLogger(__name__)

# So long may a connection be open before it has said who it is.
HELLO_SECONDS = 10.0
# So many may, besides one for each task.
MAX_STRANGERS = 64
# A port scan fills no log.
_LOG_SECONDS = 60.0


class Doorkeeper:
    """Keeps count of the connections that have not said who they are, and turns away the others."""

    def __init__(self, tasks: int) -> None:
        self._most = MAX_STRANGERS + tasks
        self._strangers: dict[Connection, None] = {}
        self._logged_at = float("-inf")
        self._not_logged = 0

    async def first_message(self, connection: Connection) -> Message | None:
        """Wait for what a connection says first; None if it said nothing and was turned away."""
        try:
            with self._holding(connection):
                return await asyncio.wait_for(connection.receive(), HELLO_SECONDS)
        except ConnectionLostError as error:
            self.turn_away(connection, error.reason)
        except asyncio.TimeoutError:
            self.turn_away(connection, "it did not say who it is")
        return None

    @contextlib.contextmanager
    def _holding(self, connection: Connection) -> Iterator[None]:
        """Count a connection as a stranger's.

        One too many ends the oldest: a task says at once who it is, so it is hardly ever that one,
        and whoever holds connections open keeps no task out.
        """
        if len(self._strangers) >= self._most:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.abort()
        self._strangers[connection] = None
        try:
            yield
        finally:
            self._strangers.pop(connection, None)

    def turn_away(self, connection: Connection, reason: str) -> None:
        """Close a connection, and say so in the log, though not every time."""
        connection.writer.close()
        now = asyncio.get_running_loop().time()
        if now - self._logged_at < _LOG_SECONDS:
            self._not_logged += 1
            return
        more = f" ({self._not_logged} more since the last such line)" if self._not_logged else ""
        logger.info(
            "turned away a connection from %s: %s%s",
            connection.peer_host,
            reason,
            more,
            extra={"event": "stranger"},
        )
        self._logged_at = now
        self._not_logged = 0


def listen(port: int) -> socket.socket:
    """Listen on all of this machine's addresses, of IPv6 too where there is any.

    Raises:
        PlatformError: the port is taken.
    """
    if socket.has_dualstack_ipv6():
        # It may be switched off all the same.
        with contextlib.suppress(OSError):
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    try:
        return socket.create_server(("", port))
    except OSError as error:
        raise PlatformError(
            f"the membership cannot listen on port {port}: {error.strerror}",
            hint="set MODELMAKER_PORT, on all machines of the job, to a port that is free",
        ) from error
