"""A machine's membership process: it never imports TensorFlow, so no job keeps it from its work."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Sequence
from typing import Any

from entrypoint.cluster import Cluster
from entrypoint.membership.board import Board
from entrypoint.membership.hub import Hub
from entrypoint.membership.local import drain, open_channels, read_ended
from entrypoint.membership.spoke import Spoke
from entrypoint.settings import Settings

_CANCEL_SECONDS = 0.1


def run(
    cluster: Cluster,
    settings: Settings,
    channels: Sequence[socket.socket],
    commands: socket.socket,
) -> None:
    """Take part in the job's membership until the job of this machine has ended.

    Both kinds of socket are AF_UNIX stream sockets, and are closed in the end. Their other ends
    must be open in no other process than the one that uses them, or its end is not seen.

    Args:
        cluster: who takes part; `cluster.me` is this machine.
        settings: the timeouts, and the directory of the files that the chief hands out.
        channels: one for each process of this machine that may use `client.Members`.
        commands: from the supervisor, one line {"ended": {"code": …, "message": …, "hint": …}}
            when the job has ended. If it closes without a word, this returns at once.

    Raises:
        PlatformError: another task is lost, did not come, or ended for a reason that passes; or
            the chief cannot be reached, or the port cannot be had.
        PeerFailedError: another task failed for good; it has that task's exit code.
    """
    _run_loop(_live(cluster, settings, channels, commands))


async def _live(
    cluster: Cluster,
    settings: Settings,
    channels: Sequence[socket.socket],
    commands: socket.socket,
) -> None:
    board = Board()
    member = (Hub if cluster.is_chief else Spoke)(cluster, settings, board)
    local = await open_channels(channels, board, member.publish)
    living = asyncio.ensure_future(member.live())
    # What happens to the others after the job of this machine has ended does not matter here.
    living.add_done_callback(lambda task: task.cancelled() or task.exception())
    ending = asyncio.ensure_future(read_ended(commands))
    try:
        await asyncio.wait({living, ending}, return_when=asyncio.FIRST_COMPLETED)
        if living.done():
            living.result()
        ended = ending.result()
        if ended is not None:
            # What the job's process posted last comes before its end.
            await drain(channels)
            await member.leave(ended)
    finally:
        for channel in local:
            channel.close()


def _run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Do what asyncio.run does, except that it would wait for threads.

    A name server or a disk that does not answer would keep this process for minutes.
    """
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(main)
    finally:
        # Once may not be enough: until Python 3.12 asyncio.wait_for forgets a cancellation that
        # comes together with what it waits for.
        while tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks, timeout=_CANCEL_SECONDS))
        loop.close()
