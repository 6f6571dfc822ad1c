"""The chief's membership: all others are connected to it, and it decides who is lost."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging

from entrypoint.cluster import Cluster
from entrypoint.errors import JobError, PlatformError
from entrypoint.membership import protocol
from entrypoint.membership.board import Board
from entrypoint.membership.connection import Connection, ConnectionLostError
from entrypoint.membership.doorkeeper import Doorkeeper, listen
from entrypoint.membership.file_server import FileServer
from entrypoint.membership.local import Ended
from entrypoint.membership.peer_failure import peer_ended, peer_lost, shorten
from entrypoint.membership.protocol import (
    Fetch,
    Hello,
    Leave,
    Lost,
    Ping,
    Post,
    Refused,
    Welcome,
)
from entrypoint.membership.roster import Peer, Roster
from entrypoint.settings import Settings

logger = logging.getLogger(__name__)

MEMBERS_TOPIC = "members"
DONE_TOPIC = "done"
LEFT_EARLY = "left before the chief was done"
WAITING_LOG_SECONDS = 30.0
# How long the chief stays when the job is done, for the others to leave.
FAREWELL_SECONDS = 10.0
# How long it stays when the job has failed: for those who are there, and who are not yet.
_LAST_WORD_SECONDS = 2.0
_LATE_COMER_SECONDS = 5.0


class Hub:
    """Introduces the tasks, relays what they post, and fails as soon as one of them does."""

    def __init__(self, cluster: Cluster, settings: Settings, board: Board) -> None:
        self._cluster = cluster
        self._settings = settings
        self._board = board
        self._roster = Roster(cluster)
        self._doorkeeper = Doorkeeper(len(cluster.tasks))
        self._files = FileServer(settings.checkpoints_dir, 2 * len(cluster.tasks))
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._greeting: set[asyncio.Future[None]] = set()
        self._all_joined = asyncio.Event()
        self._all_left = asyncio.Event()
        self._last_word: Leave | Lost | None = None

    async def live(self) -> None:
        """Serve until the job fails.

        Raises:
            PlatformError: a task did not come, is lost or ended for a reason that passes; or the
                port is taken.
            PeerFailedError: a task failed for good.
        """
        listening = listen(self._cluster.port)
        server = await asyncio.start_server(
            self._accept, sock=listening, limit=protocol.MAX_MESSAGE_BYTES, backlog=1024
        )
        start = asyncio.ensure_future(self._wait_for_all())
        self._note_who_is_there()
        try:
            await self._failed
        except JobError:
            await self._part()
            raise
        finally:
            start.cancel()
            server.close()

    def publish(self, post: Post) -> None:
        """Put a post on every machine's board.

        Raises:
            ProtocolError: it is too large.
        """
        protocol.encode(post)
        self._board.put(post)

    async def leave(self, ended: Ended) -> None:
        """Tell the others that the chief's job has ended, and wait for them, within reason.

        Once it has posted that it is done, it is for them to end as they see fit.
        """
        if self._is_done:
            await _wait(self._all_left, FAREWELL_SECONDS)
            return
        self._last_word = Leave(
            task=self._cluster.me.name,
            code=ended.code,
            message=protocol.clip(ended.message),
            hint=protocol.clip(ended.hint),
        )
        self._tell_last_word()
        await _wait(self._all_joined, _LATE_COMER_SECONDS)
        await self._part()

    @property
    def _is_done(self) -> bool:
        return self._cluster.me.name in self._board.posted(DONE_TOPIC)

    def _note_who_is_there(self) -> None:
        if self._roster.missing or self._all_joined.is_set():
            return
        self._all_joined.set()
        if not self._roster.peers:
            self._all_left.set()
        logger.info("all %d tasks have joined", self._roster.size, extra={"event": "joined"})
        name = self._cluster.me.name
        self.publish(Post(task=name, topic=MEMBERS_TOPIC, value=self._roster.addresses))

    async def _wait_for_all(self) -> None:
        clock = asyncio.get_running_loop().time
        seconds = self._settings.start_seconds
        deadline = clock() + seconds
        while clock() < deadline:
            if await _wait(self._all_joined, min(WAITING_LOG_SECONDS, deadline - clock())):
                return
            logger.info(
                "waiting for %s; %d of %d tasks have joined",
                shorten(self._roster.missing),
                len(self._roster.here),
                self._roster.size,
                extra={"event": "wait"},
            )
        missing, here = self._roster.missing, self._roster.here
        error = PlatformError(
            f"{shorten(missing)} did not join within {seconds:g} s; {shorten(here)} did",
            hint="look into the log of a task that is missing; all have to start within"
            " MODELMAKER_START_SECONDS, with the same MODELMAKER_PORT, and reach the chief there",
        )
        self._fail(error, Lost(message=error.message, hint=error.hint))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._greet(reader, writer))
        # The loop itself keeps no task alive.
        self._greeting.add(task)
        task.add_done_callback(self._greeting.discard)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end, whoever it is."""
        try:
            connection = Connection(reader, writer)
        except OSError:  # it ended before it began
            writer.transport.abort()
            return
        try:
            await self._serve(connection)
        except Exception as error:  # noqa: BLE001 (a bug of ours must not go unseen)
            if not self._failed.done():
                self._failed.set_exception(error)

    async def _serve(self, connection: Connection) -> None:
        first = await self._doorkeeper.first_message(connection)
        if first is None:
            return
        refusal = self._roster.refusal(first)
        if refusal:
            connection.send(Refused(reason=refusal))
            self._doorkeeper.turn_away(connection, refusal)
        elif isinstance(first, Fetch):
            await self._files.serve(first, connection.writer)
        elif isinstance(first, Hello):
            await self._accompany(first, connection)

    async def _accompany(self, hello: Hello, connection: Connection) -> None:
        """Be connected with a task until it leaves or is lost."""
        peer = self._join(hello, connection)
        seconds = self._settings.peer_timeout_seconds
        watch = asyncio.ensure_future(connection.keep_alive(seconds))
        try:
            while self._take(peer, await connection.receive()):
                pass
        except ConnectionLostError as error:
            if self._roster.holds(peer):
                self._give_up(peer, error.reason)
        finally:
            watch.cancel()
            self._board.remove_reader(connection.send)
            connection.writer.close()
            self._roster.remove(peer)
            if not self._roster.peers:
                self._all_left.set()

    def _join(self, hello: Hello, connection: Connection) -> Peer:
        peer = self._roster.add(hello, connection)
        self._all_left.clear()
        joined, tasks = len(self._roster.here), self._roster.size
        logger.info(
            "%s joined from %s (%d of %d)",
            hello.task,
            connection.peer_host,
            joined,
            tasks,
            extra={"event": "join"},
        )
        seconds = self._settings.peer_timeout_seconds
        connection.send(Welcome(joined=joined, tasks=tasks, peer_timeout_seconds=seconds))
        self._board.add_reader(connection.send)
        if self._last_word:
            connection.send(self._last_word)
        self._note_who_is_there()
        return peer

    def _take(self, peer: Peer, message: protocol.Message) -> bool:
        """Take a message of a task; False once it has left."""
        if isinstance(message, Post):
            try:
                self.publish(message)
            except protocol.ProtocolError as error:
                raise ConnectionLostError(f"what it sent {error}") from error
        elif isinstance(message, Leave):
            self._let_go(peer, message)
            return False
        elif not isinstance(message, Ping):
            raise ConnectionLostError(f"what it sent is a {message.KIND}")
        return True

    def _let_go(self, peer: Peer, leave: Leave) -> None:
        name = peer.task.name
        if self._is_done:
            level = logging.WARNING if leave.code else logging.DEBUG
            logger.log(
                level, "%s left with code %d", name, leave.code, extra={"event": "membership"}
            )
        elif leave.code == 0:
            self._give_up(peer, LEFT_EARLY)
        else:
            leave = dataclasses.replace(leave, task=name)
            self._fail(peer_ended(name, leave.code, leave.message, leave.hint), leave, peer)

    def _give_up(self, peer: Peer, reason: str) -> None:
        if self._is_done:
            return
        error = peer_lost(peer.task.name, str(peer.task.address), reason)
        self._fail(error, Lost(message=error.message, hint=error.hint), peer)

    def _fail(self, error: JobError, last_word: Leave | Lost, culprit: Peer | None = None) -> None:
        """End the job on all machines; only the first failure counts."""
        if self._last_word or self._failed.done():
            return
        self._last_word = last_word
        if culprit:
            self._roster.remove(culprit)
        self._tell_last_word()
        self._failed.set_exception(error)

    def _tell_last_word(self) -> None:
        if self._last_word:
            for peer in self._roster.peers.values():
                peer.connection.send(self._last_word)

    async def _part(self) -> None:
        """Give the others the time to read the last word and to close their connections."""
        if not self._roster.peers:
            return
        self._all_left.clear()
        for peer in self._roster.peers.values():
            peer.connection.say_no_more()
        await _wait(self._all_left, _LAST_WORD_SECONDS)


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
