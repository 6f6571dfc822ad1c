"""What a job's process sees when the membership process answers, and when it does not."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from entrypoint.errors import PlatformError, StoppedError
from entrypoint.membership import Members, client
from entrypoint.membership.protocol import MAX_MESSAGE_BYTES
from entrypoint.signals import StopRequest


@pytest.fixture
def pair() -> Iterator[tuple[Members, socket.socket]]:
    """A job's process, and the end of the membership process, played by the test."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    yield Members(ours, "worker-1"), theirs
    theirs.close()
    wait_for_thread()
    ours.close()


def wait_for_thread() -> None:
    for thread in threading.enumerate():
        if thread.name == "members":
            thread.join(10)


def send(channel: socket.socket, topic: str, value: Any = None, task: str = "chief") -> None:
    post = {"type": "post", "task": task, "topic": topic, "value": value}
    channel.sendall(json.dumps(post).encode() + b"\n")


def test_a_wait_is_over_when_all_have_posted(
    pair: tuple[Members, socket.socket], stop: StopRequest
) -> None:
    members, channel = pair
    send(channel, "ready", 1)
    send(channel, "ready", 2, task="worker-1")
    send(channel, "ready", 3, task="worker-2")
    posted = members.wait_for("ready", ["chief", "worker-2"], stop, "waiting")
    assert posted == {"chief": 1, "worker-2": 3}
    assert members.posted("ready") == {"chief": 1, "worker-1": 2, "worker-2": 3}
    assert members.posted("other") == {}


def test_nobody_is_waited_for_in_vain(pair: tuple[Members, socket.socket]) -> None:
    assert pair[0].wait_for("ready", [], StopRequest(), "waiting") == {}


def test_a_stop_request_ends_a_wait(pair: tuple[Members, socket.socket]) -> None:
    stop = StopRequest()
    threading.Timer(0.1, setattr, (stop, "signal_number", 15)).start()
    start = time.monotonic()
    with pytest.raises(StoppedError, match="stopped by SIGTERM while waiting for the others"):
        pair[0].wait_for("ready", ["chief"], stop, "waiting for the others")
    assert time.monotonic() - start < 2


def test_the_end_of_the_membership_process_ends_a_wait(
    pair: tuple[Members, socket.socket], stop: StopRequest
) -> None:
    members, channel = pair
    send(channel, "ready", 1)
    members.wait_for("ready", ["chief"], stop, "waiting")
    threading.Timer(0.1, channel.close).start()
    with pytest.raises(PlatformError, match="the membership process ended"):
        members.wait_for("never", ["chief"], stop, "waiting")
    with pytest.raises(PlatformError, match="the membership process ended"):
        members.check()
    with pytest.raises(PlatformError, match="the membership process ended"):
        members.post("late")
    assert members.wait_for("ready", ["chief"], stop, "waiting"), "what had come is still there"


def test_whatever_the_other_end_sends_a_wait_does_not_hang(
    pair: tuple[Members, socket.socket], stop: StopRequest
) -> None:
    pair[1].sendall(b"\x00\xff\n")
    with pytest.raises(PlatformError, match="the membership process ended"):
        pair[0].wait_for("never", ["chief"], stop, "waiting")


def test_a_membership_process_that_does_not_read_holds_up_no_post(
    pair: tuple[Members, socket.socket],
) -> None:
    members, _ = pair
    members._channel.settimeout(0.2)

    def post_more_than_a_socket_holds() -> None:
        for _ in range(1000):
            members.post("topic", "x" * 60_000)

    with pytest.raises(PlatformError, match="the membership process ended"):
        post_more_than_a_socket_holds()


@pytest.mark.parametrize(
    "value",
    ["x" * MAX_MESSAGE_BYTES, float("nan"), {1}, {1: "a", "1": "b"}, "\ud800"],
    ids=["too large", "nan", "set", "a name twice", "half a character"],
)
def test_what_cannot_arrive_is_not_posted(value: Any, pair: tuple[Members, socket.socket]) -> None:
    members, channel = pair
    with pytest.raises(ValueError):
        members.post("topic", value)
    members.post("topic", "fits")
    with channel.makefile("rb") as stream:
        lines = [json.loads(stream.readline()) for _ in range(2)]
    assert lines[0] == {"type": "attach"}
    assert lines[1] == {"type": "post", "task": "worker-1", "topic": "topic", "value": "fits"}


def test_a_callback_is_called_for_earlier_and_later_posts(
    pair: tuple[Members, socket.socket], stop: StopRequest
) -> None:
    members, channel = pair
    send(channel, "stop", "SIGTERM")
    members.wait_for("stop", ["chief"], stop, "waiting")
    seen: list[tuple[str, Any]] = []
    members.on_post("stop", lambda task, value: seen.append((task, value)))
    assert seen == [("chief", "SIGTERM")]
    send(channel, "other", 1)
    send(channel, "stop", "SIGINT", task="worker-1")
    members.wait_for("stop", ["worker-1"], stop, "waiting")
    assert seen == [("chief", "SIGTERM"), ("worker-1", "SIGINT")]


def test_a_wait_looks_for_a_stop_request_at_least_five_times_a_second() -> None:
    assert client._LOOK_SECONDS <= 0.2
