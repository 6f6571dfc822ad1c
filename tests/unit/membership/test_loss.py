"""Whoever fails or vanishes: all others learn of it, soon, and end as they should."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from entrypoint.membership.peer_failure import RETRY_HINT
from entrypoint.signals import StopRequest
from tests.unit.membership.machines import End, Machine, Machines, finish_normally

THREE = ("chief", "worker-1", "worker-2")
SOON_SECONDS = 5


def ends_soon(*machines: Machine) -> list[End]:
    start = time.monotonic()
    ends = [machine.finish() for machine in machines]
    assert time.monotonic() - start < SOON_SECONDS
    return ends


class TestLost:
    """Machines that are gone without a word."""

    def test_a_killed_worker_is_named_by_all_others(self, machines: Machines) -> None:
        chief, worker, other = machines.start_all(*THREE)
        worker.send_signal(signal.SIGKILL)
        for end in ends_soon(chief, other):
            assert (end.kind, end.code) == ("PlatformError", 138)
            assert end.message == "lost worker-1 (127.0.0.1:40002): its connection closed"
            assert end.hint == RETRY_HINT

    def test_a_worker_that_stands_still_is_lost_after_the_timeout(self, machines: Machines) -> None:
        chief, worker, other = machines.start_all(*THREE, peer_timeout_seconds=1)
        worker.send_signal(signal.SIGSTOP)
        for end in ends_soon(chief, other):
            assert end.code == 138
            assert end.message == "lost worker-1 (127.0.0.1:40002): nothing heard from it for 1 s"

    def test_a_killed_chief_is_named_by_all_others(self, machines: Machines) -> None:
        chief, *workers = machines.start_all(*THREE)
        chief.send_signal(signal.SIGKILL)
        for end in ends_soon(*workers):
            assert end.code == 138
            place = f"127.0.0.1:{machines.port}"
            assert end.message == f"lost chief ({place}): its connection closed"

    def test_a_chief_that_stands_still_is_lost_after_the_timeout(self, machines: Machines) -> None:
        chief, *workers = machines.start_all(*THREE, peer_timeout_seconds=1)
        chief.send_signal(signal.SIGSTOP)
        for end in ends_soon(*workers):
            assert end.code == 138
            assert end.message.endswith("nothing heard from it for 1 s")

    def test_machines_that_say_nothing_for_long_are_not_lost(self, machines: Machines) -> None:
        """Signs of life go to and fro: here for three times the timeout."""
        started = machines.start_all(*THREE, peer_timeout_seconds=0.5)
        members = started[0].members()
        for machine in started:
            with pytest.raises(subprocess.TimeoutExpired):
                machine.process.wait(0.5)
        finish_normally(started, members)

    def test_a_loss_before_all_have_joined_counts_too(self, machines: Machines) -> None:
        chief, worker = (machines.start(THREE, name) for name in THREE[:2])
        worker.wait_for_log("joined the chief")
        worker.send_signal(signal.SIGKILL)
        (end,) = ends_soon(chief)
        assert end.message == "lost worker-1 (127.0.0.1:40002): its connection closed"

    def test_a_machine_whose_supervisor_died_leaves_without_a_word(
        self, machines: Machines
    ) -> None:
        chief, worker, other = machines.start_all(*THREE)
        worker.commands.close()
        ends = ends_soon(worker, chief, other)
        assert [end.code for end in ends] == [0, 138, 138]
        assert ends[1].message == "lost worker-1 (127.0.0.1:40002): its connection closed"


class TestLeave:
    """Machines whose job has ended, and who say so."""

    @pytest.mark.parametrize("culprit", [0, 1])
    @pytest.mark.parametrize(
        ("code", "failure"),
        [
            (21, ("PeerFailedError", 21, "failed")),
            (1, ("PeerFailedError", 1, "failed")),
            (138, ("PlatformError", 138, "ended")),
            (143, ("PlatformError", 138, "ended")),
        ],
    )
    def test_a_failure_ends_all_others(
        self, culprit: int, code: int, failure: tuple[str, int, str], machines: Machines
    ) -> None:
        kind, others_code, verb = failure
        started = machines.start_all(*THREE)
        failing = started.pop(culprit)
        failing.end_job(code, "model_fn raised \udc80: 1\n2", "mend it")
        for end in ends_soon(*started):
            assert (end.kind, end.code) == (kind, others_code)
            assert end.message == f"{failing.name} {verb}: model_fn raised ?: 1\n2"
            assert end.hint == ("mend it" if code < 128 else RETRY_HINT)
        (own,) = ends_soon(failing)
        assert own.code == 0, "the supervisor knows better how the job ended"

    def test_a_message_of_any_length_arrives(self, machines: Machines) -> None:
        chief, worker = machines.start_all("chief", "worker-1")
        worker.end_job(21, "x" * 500_000, "y" * 100_000)
        (end,) = ends_soon(chief)
        assert end.code == 21
        assert end.message.startswith("worker-1 failed: xxx")

    @pytest.mark.parametrize("early", [0, 1])
    def test_a_success_before_the_chief_was_done_is_a_loss(
        self, early: int, machines: Machines
    ) -> None:
        started = machines.start_all(*THREE)
        leaving = started.pop(early)
        leaving.end_job()
        for end in ends_soon(*started):
            assert end.code == 138
            assert end.message.startswith(f"lost {leaving.name} (127.0.0.1:")
            assert end.message.endswith("): left before the chief was done")

    def test_a_failure_before_the_chief_is_there_is_delivered(self, machines: Machines) -> None:
        worker = machines.start(THREE, "worker-1")
        worker.end_job(20, "no model_fn", "write one")
        chief = machines.start(THREE, "chief")
        ends = ends_soon(worker, chief)
        assert [end.code for end in ends] == [0, 20]
        assert ends[1].message == "worker-1 failed: no model_fn"

    def test_a_failure_of_the_chief_is_told_to_a_worker_that_comes_after(
        self, machines: Machines
    ) -> None:
        chief = machines.start(THREE, "chief")
        chief.end_job(20, "no model_fn")
        worker = machines.start(THREE, "worker-1")
        (end,) = ends_soon(worker)
        assert (end.code, end.message) == (20, "chief failed: no model_fn")
        assert chief.finish().code == 0

    def test_a_failure_that_nobody_can_be_told_ends_all_the_same(self, machines: Machines) -> None:
        worker = machines.start(THREE, "worker-1", start_seconds=60)
        worker.end_job(20, "no model_fn")
        assert worker.finish(within_seconds=8).code == 0


class TestDone:
    """The normal end."""

    def test_when_the_chief_is_done_nobody_is_lost(
        self, machines: Machines, stop: StopRequest
    ) -> None:
        chief, worker, other = machines.start_all(*THREE)
        members = chief.members()
        members.post("done", {"stopped": False})
        others = other.members()
        others.wait_for("done", ["chief"], stop, "waiting")
        worker.send_signal(signal.SIGKILL)
        worker.process.wait()
        for number in range(20):
            others.post("still here", number)
            others.post(f"still here {number}")
            members.wait_for(f"still here {number}", ["worker-2"], stop, "waiting")
        chief.end_job()
        other.end_job()
        assert [end.code for end in ends_soon(chief, other)] == [0, 0]

    def test_the_chief_waits_for_those_who_have_not_left(
        self, machines: Machines, stop: StopRequest
    ) -> None:
        chief, worker = machines.start_all("chief", "worker-1")
        chief.members().post("done")
        chief.end_job()
        members = worker.members()
        members.wait_for("done", ["chief"], stop, "waiting")
        members.post("after", 1)
        assert members.wait_for("after", ["worker-1"], stop, "waiting"), "the chief relays it"
        assert chief.process.poll() is None
        worker.end_job()
        assert [end.code for end in ends_soon(worker, chief)] == [0, 0]

    def test_a_worker_may_outlive_the_chief_then(
        self, machines: Machines, stop: StopRequest
    ) -> None:
        chief, worker = machines.start_all("chief", "worker-1")
        chief.members().post("done")
        members = worker.members()
        members.wait_for("done", ["chief"], stop, "waiting")
        chief.send_signal(signal.SIGKILL)
        chief.process.wait()
        members.post("nobody hears it")
        members.check()
        worker.end_job()
        assert ends_soon(worker)[0].code == 0

    @pytest.mark.parametrize("culprit", [0, 1])
    def test_a_failure_after_that_is_the_machine_s_own(
        self, culprit: int, machines: Machines, stop: StopRequest
    ) -> None:
        """As when all were asked to stop, and each ends with the code for that."""
        started = machines.start_all("chief", "worker-1")
        started[0].members().post("done", {"stopped": True})
        started[1].members().wait_for("done", ["chief"], stop, "waiting")
        started[culprit].end_job(143, "stopped")
        started[1 - culprit].end_job(143, "stopped")
        assert [end.code for end in ends_soon(*started)] == [0, 0]
