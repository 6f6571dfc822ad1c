"""How tasks come together, and what the board shows them."""

from __future__ import annotations

import functools
import json
import signal
import socket
import threading

import pytest

from entrypoint.membership import Members
from entrypoint.membership.protocol import PROTOCOL
from entrypoint.signals import StopRequest
from tests.unit.membership.machines import (
    KEY,
    Machines,
    connect,
    finish_normally,
    read_to_end,
)

THREE = ("chief", "worker-1", "worker-2")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_tasks_join_in_any_order_and_all_see_the_same_addresses(
    order: tuple[int, ...], machines: Machines, stop: StopRequest
) -> None:
    started = {number: machines.start(THREE, THREE[number]) for number in order}
    ordered = [started[number] for number in range(3)]
    members = [machine.members() for machine in ordered]
    for each in members:
        posted = each.wait_for("members", ["chief"], stop, "waiting")
        assert posted["chief"] == {
            "chief": "127.0.0.1:40001",
            "worker-1": "127.0.0.1:40002",
            "worker-2": "127.0.0.1:40003",
        }
    chief, worker, _ = finish_normally(ordered, members[0])
    assert "all 3 tasks have joined" in chief.log
    joined = [line for line in chief.log if " joined from 127.0.0.1 (" in line]
    assert [line[-8:] for line in joined] == ["(2 of 3)", "(3 of 3)"]
    assert any(line.startswith("joined the chief at 127.0.0.1:") for line in worker.log)


def test_hosts_that_no_scheduler_names_introduce_themselves(
    machines: Machines, stop: StopRequest
) -> None:
    """As on AWS Batch, where the others know the chief's address and the chief knows none."""
    names = ("chief", "worker-1")
    nobody = {"chief": None, "worker-1": None}
    chief = machines.start(names, "chief", hosts=nobody)
    worker = machines.start(names, "worker-1", hosts={"worker-1": None, "chief": "localhost"})
    members = chief.members()
    posted = members.wait_for("members", ["chief"], stop, "waiting")
    assert posted["chief"]["chief"] == "localhost:40001"
    assert posted["chief"]["worker-1"] in ("127.0.0.1:40002", "[::1]:40002")
    finish_normally([chief, worker], members)


def test_ipv6_will_do(machines: Machines, stop: StopRequest) -> None:
    names = ("chief", "worker-1")
    hosts: dict[str, str | None] = {"chief": "::1", "worker-1": None}
    started = [machines.start(names, name, hosts=hosts) for name in names]
    members = started[0].members()
    posted = members.wait_for("members", ["chief"], stop, "waiting")
    assert posted["chief"] == {"chief": "[::1]:40001", "worker-1": "[::1]:40002"}
    finish_normally(started, members)


def test_a_lone_chief_waits_for_nobody(machines: Machines, stop: StopRequest) -> None:
    chief = machines.start(("chief",), "chief")
    members = chief.members()
    assert members.wait_for("members", ["chief"], stop, "waiting")
    finish_normally([chief], members)


def test_an_evaluator_joins_that_only_it_knows_of(machines: Machines, stop: StopRequest) -> None:
    chief = machines.start(("chief",), "chief")
    evaluator = machines.start(("chief", "evaluator"), "evaluator")
    members = evaluator.members()
    posted = members.wait_for("members", ["chief"], stop, "waiting")
    assert posted["chief"] == {"chief": "127.0.0.1:40001"}
    members.post("evaluated 5", {"loss": 0.5})
    at_chief = chief.members()
    seen = at_chief.wait_for("evaluated 5", ["evaluator"], stop, "waiting")
    assert seen == {"evaluator": {"loss": 0.5}}
    finish_normally([chief, evaluator], at_chief)


def test_a_barrier_opens_when_the_last_has_come(machines: Machines, stop: StopRequest) -> None:
    started = machines.start_all(*THREE)
    members = [machine.members() for machine in started]
    opened = threading.Event()

    def wait() -> None:
        members[0].wait_for("ready", THREE, stop, "waiting")
        opened.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    members[0].post("ready")
    members[1].post("ready")
    members[2].wait_for("ready", THREE[:2], stop, "waiting")
    assert not opened.is_set()
    members[2].post("ready", 3)
    waiting.join(10)
    assert opened.is_set()
    assert members[1].wait_for("ready", ["worker-2"], stop, "waiting") == {"worker-2": 3}
    finish_normally(started, members[0])


def test_a_process_that_attaches_late_gets_the_whole_board(
    machines: Machines, stop: StopRequest
) -> None:
    started = machines.start_all("chief", "worker-1")
    chief = started[0].members()
    for number in range(1000):
        chief.post(f"topic {number}", "x" * 1000)
    chief.post("last", 1)
    chief.post("last", 2)
    chief.post("end")
    worker = started[1].members()
    worker.wait_for("end", ["chief"], stop, "waiting")
    late = started[1].members("ps-1")
    late.wait_for("end", ["chief"], stop, "waiting")
    assert late.posted("last") == {"chief": 2}, "a second post takes the place of the first"
    assert all(late.posted(f"topic {number}") for number in range(1000))
    assert late.posted("members")
    late.post("here", [1])
    assert chief.wait_for("here", ["ps-1"], stop, "waiting") == {"ps-1": [1]}
    finish_normally(started, chief)


def test_what_is_posted_before_anybody_is_there_is_not_lost(
    machines: Machines, stop: StopRequest
) -> None:
    names = ("chief", "worker-1")
    worker = machines.start(names, "worker-1")
    members = worker.members()
    members.post("early", 1)
    chief = machines.start(names, "chief")
    at_chief = chief.members()
    assert at_chief.wait_for("early", ["worker-1"], stop, "waiting") == {"worker-1": 1}
    finish_normally([chief, worker], at_chief)


def test_all_machines_see_all_posts_in_one_order(machines: Machines, stop: StopRequest) -> None:
    started = machines.start_all(*THREE)
    members = [machine.members() for machine in started]
    seen: list[list[tuple[str, int]]] = [[], [], []]

    def note(order: list[tuple[str, int]], task: str, value: int) -> None:
        order.append((task, value))

    for each, order in zip(members, seen, strict=True):
        each.on_post("count", functools.partial(note, order))

    def post(each: Members) -> None:
        for number in range(200):
            each.post("count", number)
        each.post("counted")

    posting = [threading.Thread(target=post, args=(each,)) for each in members]
    for thread in posting:
        thread.start()
    for each in members:
        each.wait_for("counted", THREE, stop, "waiting")
    assert len(seen[0]) == 600
    assert seen[0] == seen[1] == seen[2]
    finish_normally(started, members[0])


def test_what_the_job_posted_last_comes_before_its_end(
    machines: Machines, stop: StopRequest
) -> None:
    """Even if it is more than is read at once, and the process wakes up only then."""
    started = machines.start_all("chief", "worker-1")
    worker = started[1].members()
    started[0].channels[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
    chief = started[0].members()
    chief.post("ready")
    worker.wait_for("ready", ["chief"], stop, "waiting")
    started[0].send_signal(signal.SIGSTOP)
    for number in range(5):
        chief.post(f"topic {number}", "x" * 60_000)
    chief.post("done")
    started[0].end_job()
    started[0].send_signal(signal.SIGCONT)
    worker.wait_for("done", ["chief"], stop, "waiting")
    assert all(worker.posted(f"topic {number}") for number in range(5))
    started[1].end_job()
    assert [machine.finish().code for machine in started] == [0, 0]


def test_the_same_process_takes_its_own_place_again(machines: Machines) -> None:
    """It has given up a connection of which the chief does not know yet that it is dead."""
    chief = machines.start(THREE, "chief", start_seconds=2)
    line = json.dumps(
        {
            "type": "hello",
            "protocol": PROTOCOL,
            "key": KEY,
            "task": "worker-1",
            "host": None,
            "port": 1,
            "chief_host": "x",
            "incarnation": "a",
        }
    ).encode()
    with connect(machines.port) as first, connect(machines.port) as second:
        first.sendall(line + b"\n")
        assert b"welcome" in first.recv(1000)
        second.sendall(line + b"\n")
        assert b"welcome" in second.recv(1000)
        assert b"lost" not in read_to_end(first)
        end = chief.finish()
    assert end.message == "worker-2 did not join within 2 s; chief, worker-1 did"


class TestTooLate:
    """Tasks that do not come."""

    def test_a_task_that_never_starts_is_named_on_all_others(self, machines: Machines) -> None:
        chief, worker = (
            machines.start(THREE, name, start_seconds=seconds)
            for name, seconds in (("chief", 1.5), ("worker-1", 20))
        )
        ends = [chief.finish(), worker.finish()]
        for end in ends:
            assert (end.kind, end.code) == ("PlatformError", 138)
            assert end.message == "worker-2 did not join within 1.5 s; chief, worker-1 did"
            assert "MODELMAKER_START_SECONDS" in end.hint
        assert ends[0].hint == ends[1].hint
        assert "waiting for worker-2; 2 of 3 tasks have joined" in ends[0].log

    def test_a_chief_that_never_starts_is_named_with_its_address(self, machines: Machines) -> None:
        end = machines.start(THREE, "worker-1", start_seconds=1).finish()
        place = f"127.0.0.1:{machines.port}"
        assert (end.kind, end.code) == ("PlatformError", 138)
        assert end.message.startswith(f"cannot join the chief at {place} within 1 s: ")
        assert "refused" in end.message or "Connect call failed" in end.message
        assert "security group" in end.hint
        assert "MODELMAKER_PORT" in end.hint

    @pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".invalid", "no host", ""])
    def test_a_name_that_does_not_resolve_is_tried_again_until_then(
        self, host: str, machines: Machines
    ) -> None:
        worker = machines.start(THREE, "worker-1", hosts={"chief": host}, start_seconds=1)
        end = worker.finish()
        assert end.code == 138
        assert " within 1 s: " in end.message

    def test_a_silent_listener_is_no_chief(self, machines: Machines) -> None:
        with socket.create_server(("127.0.0.1", machines.port)):
            end = machines.start(
                THREE, "worker-1", start_seconds=2, peer_timeout_seconds=0.5
            ).finish()
        assert end.code == 138
        assert end.message.endswith("within 2 s: no answer within 0.5 s")

    def test_a_refusal_is_what_the_worker_says_in_the_end(self, machines: Machines) -> None:
        chief = machines.start(THREE, "chief")
        worker = machines.start(THREE, "worker-1", key="1" * 64, start_seconds=1)
        end = worker.finish()
        assert end.code == 138
        assert "it refuses: it belongs to another job, or sees another cluster" in end.message
        chief.close()

    def test_a_port_that_is_taken_is_named(self, machines: Machines) -> None:
        first = machines.start(THREE, "chief")
        connect(machines.port).close()
        end = machines.start(THREE, "chief").finish()
        assert end.code == 138
        assert f"cannot listen on port {machines.port}: " in end.message
        assert "MODELMAKER_PORT" in end.hint
        first.close()
