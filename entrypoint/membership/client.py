"""What a job's process sees of the other tasks: it posts on the board, reads it and waits."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any

from entrypoint.errors import PlatformError
from entrypoint.membership import protocol
from entrypoint.membership.board import Board
from entrypoint.membership.peer_failure import RETRY_HINT
from entrypoint.membership.protocol import Attach, Post, ProtocolError
from entrypoint.signals import StopRequest

logger = logging.getLogger(__name__)

# How often a wait looks for a stop request.
_LOOK_SECONDS = 0.2
# A post goes to a process of this machine that does nothing but wait for posts.
_POST_SECONDS = 10.0
_READ_BYTES = 64 * 1024


class Members:
    """The board, kept up to date by a thread.

    Args:
        channel: the job's end of a socket pair whose other end the membership process has.
        task: the name under which this process posts.
    """

    def __init__(self, channel: socket.socket, task: str) -> None:
        self._channel = channel
        self._task = task
        self._board = Board()
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._is_closed = False
        self._channel.settimeout(_POST_SECONDS)
        self._send(protocol.encode(Attach()))
        threading.Thread(target=self._read, name="members", daemon=True).start()

    def post(self, topic: str, value: Any = None) -> None:
        """Post a JSON value for all tasks to see, in place of this task's earlier one.

        Raises:
            ValueError: the value is not JSON, or larger than a message may be
                (`protocol.MAX_MESSAGE_BYTES`).
            PlatformError: the membership process ended.
        """
        line = protocol.encode(Post(task=self._task, topic=topic, value=value))
        # What is encoded is not all that is decoded: a dict may have both 1 and "1" as keys.
        protocol.decode(line)
        self._send(line)

    def posted(self, topic: str) -> Mapping[str, Any]:
        """Return what was posted on a topic until now, by the names of the tasks."""
        with self._changed:
            return self._board.posted(topic)

    def check(self) -> None:
        """Tell whether the others can still be heard, for those who wait in their own way.

        Raises:
            PlatformError: the membership process ended.
        """
        if self._is_closed:
            raise _ended()

    def wait_for(
        self, topic: str, tasks: Collection[str], stop: StopRequest, during: str
    ) -> Mapping[str, Any]:
        """Wait until all of some tasks have posted on a topic; return what these have posted.

        Args:
            topic: the topic.
            tasks: the names of the tasks.
            stop: a request to stop ends the wait.
            during: what the wait is for, to complete "stopped while …".

        Raises:
            PlatformError: the membership process ended.
            StoppedError: a stop signal has arrived.
        """
        while True:
            stop.raise_if_requested(during)
            with self._changed:
                values = self._board.posted(topic)
                if all(task in values for task in tasks):
                    return {task: values[task] for task in tasks}
                self.check()
                self._changed.wait(_LOOK_SECONDS)

    def on_post(self, topic: str, callback: Callable[[str, Any], None]) -> None:
        """Have a function called with the task and the value of every post on a topic.

        Posts made before are handed to it first, in the caller's thread; the others come in the
        thread that reads, so the function must not wait for anything.
        """

        def read(post: Post) -> None:
            if post.topic == topic:
                callback(post.task, post.value)

        with self._changed:
            self._board.add_reader(read)

    def _send(self, line: bytes) -> None:
        with self._sending:
            self.check()
            try:
                self._channel.sendall(line)
            except OSError as error:
                # Half a line may have been sent, so nothing can follow it.
                self._close()
                raise _ended() from error

    def _read(self) -> None:
        rest = b""
        try:
            while True:
                try:
                    data = self._channel.recv(_READ_BYTES)
                except TimeoutError:
                    continue
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._take(line)
        except (OSError, ProtocolError) as error:
            logger.debug("the membership's channel ended: %s", error)
        finally:
            self._close()

    def _take(self, line: bytes) -> None:
        post = protocol.decode(line)
        if isinstance(post, Post):
            with self._changed:
                self._board.put(post)
                self._changed.notify_all()

    def _close(self) -> None:
        self._is_closed = True
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        with self._changed:
            self._changed.notify_all()


def _ended() -> PlatformError:
    return PlatformError(
        "the membership process ended", hint=f"its last lines in the log say why; {RETRY_HINT}"
    )
