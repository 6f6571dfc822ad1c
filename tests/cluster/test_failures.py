"""One machine fails, and all of them end and say which and why."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.clusters import Ended, described_in_tf_config, listed_hosts, taken, with_rows

STEPS = {"train_max_steps": 1_000, "step_seconds": 0.02, "log_step_count_steps": 1}


@pytest.fixture(scope="module")
def ended(directory: Callable[[str], Path]) -> dict[str, Ended]:
    jobs = {
        "raises": with_rows(listed_hosts(directory("a"), 3), **STEPS).order(
            "worker-2", raise_at_step=4
        ),
        "parameters": with_rows(listed_hosts(directory("b"), 2), **STEPS),
        "membership's port": with_rows(
            listed_hosts(directory("c"), 2, MODELMAKER_START_SECONDS="8"), **STEPS
        ),
        "TensorFlow's port": with_rows(listed_hosts(directory("d"), 2), **STEPS),
        "server's port": with_rows(described_in_tf_config(directory("e"), servers=1), **STEPS),
    }
    jobs["parameters"]["worker-1"].root.write_parameters(train_max_steps=999)
    with contextlib.ExitStack() as ports:
        ports.enter_context(taken(jobs["membership's port"].port))
        ports.enter_context(taken(jobs["TensorFlow's port"]["worker-1"].port))
        ports.enter_context(taken(jobs["server's port"]["ps-0"].port))
        running = {name: job.start() for name, job in jobs.items()}
        return {name: Ended(jobs[name], tasks.finish()) for name, tasks in running.items()}


def test_what_user_code_raises_on_one_machine_fails_all(ended: dict[str, Ended]) -> None:
    job = ended["raises"]
    job.assert_all_ended_with(21)
    assert "code/rows.py, line" in job["worker-2"].last["message"]
    for name in ("chief", "worker-1"):
        failure = job.job[name].root.failure
        assert failure.startswith("worker-2 failed: ")
        assert "a row that nobody expected" in failure
        assert "code/rows.py, line" in failure
    assert job.job.chief.versions == []


def test_other_parameters_on_one_machine_are_named(ended: dict[str, Ended]) -> None:
    job = ended["parameters"]
    job.assert_all_ended_with(30)
    assert "digest of the parameters" in job.chief.last["message"]
    assert "on worker-1" in job.chief.last["message"]
    assert job.chief.events("progress") == []


def test_a_membership_port_that_is_taken_is_named(ended: dict[str, Ended]) -> None:
    job = ended["membership's port"]
    assert job.chief.code == 138
    port = job.job.port
    assert f"the membership cannot listen on port {port}" in job.chief.last["message"]
    assert "MODELMAKER_PORT" in job.chief.last["hint"]
    assert job["worker-1"].code == 138


@pytest.mark.parametrize(
    ("name", "task"), [("TensorFlow's port", "worker-1"), ("server's port", "ps-0")]
)
def test_a_port_of_tensorflows_that_is_taken_is_named(
    ended: dict[str, Ended], name: str, task: str
) -> None:
    job = ended[name]
    job.assert_all_ended_with(30)
    message = f"TensorFlow cannot listen at 127.0.0.1:{job.job[task].port}"
    assert message in job[task].last["message"]
    assert f"{task} failed: {message}" in job.chief.last["message"]


def test_a_machine_whose_process_is_killed_ends_all_for_another_try(tmp_path: Path) -> None:
    job = with_rows(listed_hosts(tmp_path, 3), **STEPS)
    running = job.start()
    running["chief"].wait_for("progress", global_step=5)
    # The first child watches the other machines, the second is the job's own process.
    os.kill(running["worker-1"].children()[1], signal.SIGKILL)
    ended = Ended(job, running.finish())
    ended.assert_all_ended_with(138)
    assert "most often because memory ran out" in ended["worker-1"].last["message"]
    for name in ("chief", "worker-2"):
        last = ended[name].last
        assert last["message"].startswith("worker-1 ended: the job's process was killed")
        assert "start the same job again" in last["hint"]
