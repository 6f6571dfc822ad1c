"""The membership process's ends of its machine's sockets."""

from __future__ import annotations

import asyncio
import socket

from entrypoint.membership import protocol
from entrypoint.membership.board import Board
from entrypoint.membership.local import Ended, drain, open_channels, read_ended
from entrypoint.membership.protocol import Attach, Post


def test_all_that_was_sent_is_taken_before_the_end_counts() -> None:
    """Also of a process that has ended, and with one beside it that never was."""
    ours, theirs = socket.socketpair()
    unused, other = socket.socketpair()
    taken: list[Post] = []
    posts = [Post(task="chief", topic=str(number), value="x" * 1000) for number in range(100)]

    async def main() -> None:
        opened = await open_channels([theirs, other], Board(), taken.append)
        ours.sendall(b"".join(map(protocol.encode, posts)))
        ours.close()
        await drain([theirs, other])
        assert taken == posts
        for channel in opened:
            channel.close()
        await asyncio.sleep(0)

    asyncio.run(main())
    unused.close()


def test_a_process_that_never_asked_for_the_board_is_sent_nothing() -> None:
    ours, theirs = socket.socketpair()
    board = Board()

    async def main() -> list[bytes]:
        (channel,) = await open_channels([theirs], board, board.put)
        received = []
        ours.setblocking(False)
        for message in (Post(task="chief", topic="a"), Attach(), Post(task="chief", topic="b")):
            ours.sendall(protocol.encode(message))
            await drain([theirs])
            try:
                received.append(ours.recv(1000))
            except BlockingIOError:
                received.append(b"")
        channel.close()
        await asyncio.sleep(0)
        return received

    first, second = (protocol.encode(Post(task="chief", topic=topic)) for topic in "ab")
    assert asyncio.run(main()) == [b"", first, second]
    ours.close()


def test_a_process_that_sends_garbage_is_cut_off_and_nobody_else() -> None:
    ours, theirs = socket.socketpair()
    taken: list[Post] = []

    async def main() -> None:
        await open_channels([theirs], Board(), taken.append)
        ours.sendall(protocol.encode(Post(task="a", topic="b")) + b"x" * 100_000)
        while await asyncio.get_running_loop().run_in_executor(None, ours.recv, 1):
            pass

    ours.settimeout(10)
    asyncio.run(main())
    assert taken == [Post(task="a", topic="b")]
    ours.close()


def test_the_supervisor_says_how_the_job_ended_or_is_gone() -> None:
    ends = []
    for line in (b'{"ended": {"code": 21, "message": "\\udc80", "hint": "h"}}\n', b""):
        ours, theirs = socket.socketpair()
        ours.sendall(line)
        ours.close()
        ends.append(asyncio.run(read_ended(theirs)))
    assert ends == [Ended(code=21, message="\udc80", hint="h"), None]
