"""Anybody can connect to the chief's port: nothing changes by that, and the job completes."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from entrypoint.membership.doorkeeper import MAX_STRANGERS
from entrypoint.membership.protocol import PROTOCOL
from entrypoint.signals import StopRequest
from tests.unit.membership.machines import (
    KEY,
    Machine,
    Machines,
    connect,
    finish_normally,
    read_to_end,
)

TWO = ("chief", "worker-1")
HELLO = {
    "type": "hello",
    "protocol": PROTOCOL,
    "key": KEY,
    "task": "worker-1",
    "host": None,
    "port": 1,
    "chief_host": "x",
    "incarnation": "somebody else",
}


def line(**fields: Any) -> bytes:
    return json.dumps({**HELLO, **fields}).encode() + b"\n"


def answers(port: int, sent: bytes) -> bytes:
    """What a stranger gets to read who sends something and waits to be turned away."""
    with connect(port) as stranger:
        with contextlib.suppress(ConnectionError):
            stranger.sendall(sent)
        return read_to_end(stranger)


def completes(chief: Machine, machines: Machines, stop: StopRequest) -> list[str]:
    """Complete the job with its worker, and return the chief's log."""
    worker = machines.start(TWO, "worker-1")
    members = chief.members()
    members.wait_for("members", ["chief"], stop, "waiting")
    assert members.posted("ready") == {}
    return finish_normally([chief, worker], members)[0].log


GARBAGE = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: chief\r\n\r\n",
    "TLS": bytes.fromhex("16030100f5010000f10303") + b"\x00\n" * 100,
    "random bytes": random.Random(3).randbytes(100_000) + b"\n",
    "a line too long": b"x" * 1_000_000,
    "JSON that is no message": b'{"type": "exec"}\n',
    "an array": b"[" * 50_000 + b"\n",
    "a post before the hello": b'{"type": "post", "task": "chief", "topic": "ready"}\n',
    "a leave before the hello": b'{"type": "leave", "task": "worker-1", "code": 1}\n',
}


@pytest.mark.parametrize("name", GARBAGE)
def test_whoever_sends_what_is_no_hello_is_turned_away(
    name: str, machines: Machines, stop: StopRequest
) -> None:
    chief = machines.start(TWO, "chief")
    answer = answers(machines.port, GARBAGE[name])
    assert b"welcome" not in answer
    log = completes(chief, machines, stop)
    assert len([entry for entry in log if entry.startswith("turned away")]) == 1


REFUSED = {
    "another key": (line(key="1" * 64), "belongs to another job"),
    "an empty key": (line(key=""), "belongs to another job"),
    "a key that is no ASCII": (line(key="é"), "belongs to another job"),
    "another version": (line(protocol="modelmaker-membership/2"), "it speaks 'modelmaker-member"),
    "a task of no such name": (line(task="worker-7"), "'worker-7' is no task of this job"),
    "the chief": (line(task="chief"), "chief is taken"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hello_is_refused(name: str, machines: Machines, stop: StopRequest) -> None:
    sent, reason = REFUSED[name]
    chief = machines.start(TWO, "chief")
    answer = json.loads(answers(machines.port, sent))
    assert answer["type"] == "refused"
    assert reason in answer["reason"]
    completes(chief, machines, stop)


def test_a_task_that_is_there_keeps_its_place(machines: Machines, stop: StopRequest) -> None:
    chief, worker = machines.start_all(*TWO)
    answer = json.loads(answers(machines.port, line()))
    assert answer == {"type": "refused", "reason": "worker-1 is taken, by 127.0.0.1"}
    finish_normally([chief, worker], chief.members())


def test_a_task_that_joined_and_then_sends_garbage_is_lost(machines: Machines) -> None:
    chief = machines.start(TWO, "chief")
    with connect(machines.port) as peer:
        peer.sendall(line() + b"GET / HTTP/1.1\n")
        read_to_end(peer)
        end = chief.finish()
    assert end.code == 138
    assert end.message.startswith("lost worker-1 (127.0.0.1:1): what it sent is not JSON")


def test_a_gigabyte_is_not_read(machines: Machines, stop: StopRequest) -> None:
    chief = machines.start(TWO, "chief")
    sent = 0
    with connect(machines.port) as stranger, contextlib.suppress(ConnectionError):
        while sent < 2**30:
            sent += stranger.send(b"x" * 2**20)
    assert sent < 2**28
    completes(chief, machines, stop)


@contextlib.contextmanager
def holding(port: int, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Hold open so many connections that never say who they are."""
    strangers = []
    try:
        for _ in range(count):
            stranger = connect(port)
            with contextlib.suppress(ConnectionError):
                stranger.sendall(sent)
            strangers.append(stranger)
        yield strangers
    finally:
        for stranger in strangers:
            stranger.close()


@pytest.mark.parametrize("sent", [b"", b'{"type"'], ids=["silent", "slow"])
def test_connections_held_open_keep_no_task_out(
    sent: bytes, machines: Machines, stop: StopRequest
) -> None:
    chief = machines.start(TWO, "chief")
    count = 4 * MAX_STRANGERS
    with holding(machines.port, count, sent) as strangers:
        start = time.monotonic()
        log = completes(chief, machines, stop)
        assert time.monotonic() - start < 8, "before any of them has had its ten seconds"
        closed = 0
        for stranger in strangers:
            stranger.settimeout(5)
            closed += read_to_end(stranger) == b""
    assert closed == count
    assert len([entry for entry in log if entry.startswith("turned away")]) == 1


def test_the_oldest_of_too_many_goes_first(machines: Machines) -> None:
    machines.start(TWO, "chief")
    most = MAX_STRANGERS + len(TWO)
    with holding(machines.port, most, b"") as strangers:
        strangers[-1].setblocking(False)
        with connect(machines.port):
            assert strangers[0].recv(1) == b""
            with pytest.raises(BlockingIOError):
                strangers[-1].recv(1)


def test_whoever_says_nothing_is_turned_away_after_ten_seconds(
    machines: Machines, stop: StopRequest
) -> None:
    chief = machines.start(TWO, "chief")
    with connect(machines.port) as stranger:
        start = time.monotonic()
        assert read_to_end(stranger) == b""
        assert 9 < time.monotonic() - start < 12
    log = completes(chief, machines, stop)
    assert "turned away a connection from 127.0.0.1: it did not say who it is" in log


def test_a_flood_of_garbage_fills_no_log_and_changes_nothing(
    machines: Machines, stop: StopRequest
) -> None:
    """Seeded: two hundred connections with bytes at random, hellos cut short or changed."""
    chance = random.Random(11)
    chief = machines.start(TWO, "chief")
    hello = line(key="2" * 64)
    for _ in range(200):
        at = chance.randrange(len(hello))
        garbage = chance.choice(
            [
                chance.randbytes(chance.randrange(300)),
                hello[:at],
                hello[:at] + chance.randbytes(3) + hello[at + 3 :],
            ]
        )
        with connect(machines.port) as stranger, contextlib.suppress(ConnectionError):
            stranger.sendall(garbage)
    log = completes(chief, machines, stop)
    assert len([entry for entry in log if entry.startswith("turned away")]) == 1
