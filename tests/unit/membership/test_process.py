"""The loop of a membership process ends whatever is still going on in it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

import pytest

from entrypoint.membership import process


def test_a_cancellation_that_gets_lost_is_repeated() -> None:
    lost = []

    async def lose_one() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        lost.append(1)
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.ensure_future(lose_one())
        await asyncio.sleep(0)
        assert not task.done()

    process._run_loop(main())
    assert lost == [1]


def test_a_name_server_that_does_not_answer_keeps_no_process() -> None:
    answered = threading.Event()

    async def main() -> None:
        asyncio.get_running_loop().run_in_executor(None, answered.wait, 20)
        await asyncio.sleep(0)

    start = time.monotonic()
    process._run_loop(main())
    assert time.monotonic() - start < 5
    answered.set()


def test_what_it_raises_comes_out() -> None:
    async def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        process._run_loop(main())
