"""The membership of every task but the chief: one connection to the chief's."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable
from typing import TypeVar

from entrypoint.cluster import Cluster
from entrypoint.errors import PlatformError
from entrypoint.membership import protocol
from entrypoint.membership.board import Board
from entrypoint.membership.connection import Connection, ConnectionLostError
from entrypoint.membership.hub import DONE_TOPIC, LEFT_EARLY, WAITING_LOG_SECONDS
from entrypoint.membership.local import Ended
from entrypoint.membership.peer_failure import peer_ended, peer_lost
from entrypoint.membership.protocol import Hello, Leave, Lost, Ping, Post, Refused, Welcome
from entrypoint.settings import Settings

_Result = TypeVar("_Result")
logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 10.0
# An address of one family that leads nowhere does not hold up the other for longer.
_NEXT_ADDRESS_SECONDS = 0.25
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 2.0
# How long a job that has ended still tries to say so.
FAREWELL_SECONDS = 5.0


class Spoke:
    """Joins, posts through the chief, and fails as soon as the chief says so or is lost."""

    def __init__(self, cluster: Cluster, settings: Settings, board: Board) -> None:
        self._cluster = cluster
        self._settings = settings
        self._board = board
        self._chief_host = cluster.chief.host or "localhost"
        self._incarnation = uuid.uuid4().hex
        self._connection: Connection | None = None
        self._not_sent: list[Post] = []
        self._joined = asyncio.Event()
        self._gone = asyncio.Event()
        self._is_leaving = False

    @property
    def _chief_address(self) -> str:
        host = f"[{self._chief_host}]" if ":" in self._chief_host else self._chief_host
        return f"{host}:{self._cluster.port}"

    @property
    def _is_done(self) -> bool:
        """Tell whether the chief needs nobody any more."""
        return self._cluster.chief.name in self._board.posted(DONE_TOPIC)

    async def live(self) -> None:
        """Join and stay connected until the job fails.

        Raises:
            PlatformError: the chief cannot be reached, another task is lost or ended for a reason
                that passes.
            PeerFailedError: another task failed for good.
        """
        connection, welcome = await self._join()
        watch = asyncio.ensure_future(connection.keep_alive(welcome.peer_timeout_seconds))
        try:
            while True:
                self._take(await connection.receive())
        except ConnectionLostError as error:
            self._gone.set()
            if not self._is_done and not self._is_leaving:
                name = self._cluster.chief.name
                raise peer_lost(name, self._chief_address, error.reason) from error
        finally:
            watch.cancel()
            connection.abort()
        # Nobody is needed any more; the job of this machine comes to its end by itself.
        await asyncio.Event().wait()

    def publish(self, post: Post) -> None:
        """Have the chief put a post on every machine's board.

        Raises:
            ProtocolError: it is too large.
        """
        protocol.encode(post)
        if self._connection:
            self._connection.send(post)
        else:
            self._not_sent.append(post)

    async def leave(self, ended: Ended) -> None:
        """Tell the chief that this machine's job has ended, if it can be told within 5 s."""
        self._is_leaving = True
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._say_leave(ended), FAREWELL_SECONDS)

    async def _say_leave(self, ended: Ended) -> None:
        await self._joined.wait()
        if self._connection and not self._gone.is_set():
            self._connection.send(
                Leave(
                    task=self._cluster.me.name,
                    code=ended.code,
                    message=protocol.clip(ended.message),
                    hint=protocol.clip(ended.hint),
                )
            )
            self._connection.say_no_more()
            # The chief closes the connection when it has read that.
            await self._gone.wait()

    def _take(self, message: protocol.Message) -> None:
        if isinstance(message, Post):
            self._board.put(message)
        elif self._is_leaving or self._is_done or isinstance(message, Ping):
            return
        elif isinstance(message, Lost):
            raise PlatformError(message.message, hint=message.hint)
        elif isinstance(message, Leave):
            if message.code == 0:
                raise ConnectionLostError(LEFT_EARLY)
            raise peer_ended(message.task, message.code, message.message, message.hint)
        else:
            raise ConnectionLostError(f"what it sent is a {message.KIND}")

    async def _join(self) -> tuple[Connection, Welcome]:
        """Connect to the chief and be welcomed, however often that takes.

        Raises:
            PlatformError: that did not happen within `start_seconds`.
        """
        clock = asyncio.get_running_loop().time
        seconds = self._settings.start_seconds
        deadline = clock() + seconds
        pause = _FIRST_PAUSE_SECONDS
        log_at = clock() + WAITING_LOG_SECONDS
        reason = "it does not answer"
        while clock() < deadline:
            try:
                return await asyncio.wait_for(self._try_to_join(), deadline - clock())
            except ConnectionLostError as error:
                reason = error.reason
            except asyncio.TimeoutError:
                break
            if clock() >= log_at:
                logger.info(
                    "waiting for the chief at %s: %s",
                    self._chief_address,
                    reason,
                    extra={"event": "wait"},
                )
                log_at = clock() + WAITING_LOG_SECONDS
            await asyncio.sleep(min(pause, max(deadline - clock(), 0)))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        raise PlatformError(
            f"cannot join the chief at {self._chief_address} within {seconds:g} s: {reason}",
            hint="look into the chief's log; if it runs, is that port open between the machines"
            " (security group, network policy), and MODELMAKER_PORT the same on all of them?",
        )

    async def _try_to_join(self) -> tuple[Connection, Welcome]:
        """Connect once and say hello.

        Raises:
            ConnectionLostError: why that did not work.
        """
        connection = await self._connect()
        try:
            connection.send(self._hello())
            answer = await _within(connection.receive(), self._settings.peer_timeout_seconds)
            if isinstance(answer, Refused):
                raise ConnectionLostError(f"it refuses: {answer.reason}")
            if not isinstance(answer, Welcome):
                raise ConnectionLostError("what answers there is no membership")
        except BaseException:
            connection.abort()
            raise
        self._connection = connection
        logger.info(
            "joined the chief at %s (%d of %d)",
            self._chief_address,
            answer.joined,
            answer.tasks,
            extra={"event": "join"},
        )
        for post in self._not_sent:
            connection.send(post)
        self._not_sent.clear()
        self._joined.set()
        return connection, answer

    async def _connect(self) -> Connection:
        """Resolve the chief's name, which may not be known yet, and connect to it."""
        try:
            reader, writer = await _within(
                asyncio.open_connection(
                    self._chief_host,
                    self._cluster.port,
                    limit=protocol.MAX_MESSAGE_BYTES,
                    happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS,
                ),
                _CONNECT_SECONDS,
            )
            return Connection(reader, writer)
        except (OSError, UnicodeError) as error:  # a name that cannot be a host's is the latter
            raise ConnectionLostError(str(error)) from error

    def _hello(self) -> Hello:
        return Hello(
            key=self._cluster.key,
            task=self._cluster.me.name,
            host=self._cluster.me.host,
            port=self._cluster.me.port,
            chief_host=self._chief_host,
            incarnation=self._incarnation,
        )


async def _within(awaited: Awaitable[_Result], seconds: float) -> _Result:
    try:
        return await asyncio.wait_for(awaited, seconds)
    except asyncio.TimeoutError as error:
        raise ConnectionLostError(f"no answer within {seconds:g} s") from error
