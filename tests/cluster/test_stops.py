"""One task is asked to stop, and all of them end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.clusters import (
    Ended,
    JobTasks,
    RunningTasks,
    described_in_tf_config,
    listed_hosts,
    with_rows,
)

# Longer than any of these tests waits, so that none ends by itself.
LASTING = {
    "train_max_steps": 100_000,
    "step_seconds": 0.02,
    "log_step_count_steps": 1,
    "eval_start_delay_secs": 10_000,
}


def stop_together(jobs: dict[str, tuple[JobTasks, list[str]]]) -> dict[str, Ended]:
    """Start jobs at the same time, and ask some tasks of each to stop in the middle of training."""
    running: dict[str, RunningTasks] = {name: job.start() for name, (job, _) in jobs.items()}
    for name, tasks in running.items():
        tasks["chief"].wait_for("progress", global_step=5)
        for asked in jobs[name][1]:
            tasks.send(asked, signal.SIGTERM)
    return {name: Ended(jobs[name][0], tasks.finish()) for name, tasks in running.items()}


@pytest.fixture(scope="module")
def ended(directory: Callable[[str], Path]) -> dict[str, Ended]:
    worker = with_rows(listed_hosts(directory("a"), 2), **LASTING)
    chief = with_rows(listed_hosts(directory("b"), 2), **LASTING)
    both = with_rows(listed_hosts(directory("c"), 2), **LASTING)
    server = described_in_tf_config(directory("d"), workers=1, servers=1)
    evaluator = described_in_tf_config(directory("e"), workers=1, evaluator="listed")
    return stop_together(
        {
            "worker": (worker, ["worker-1"]),
            "chief": (chief, ["chief"]),
            "all": (both, ["chief", "worker-1"]),
        }
    ) | stop_together(
        {
            "ps": (with_rows(server, **LASTING), ["ps-0"]),
            "evaluator": (with_rows(evaluator, **LASTING), ["evaluator"]),
        }
    )


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("worker", {"chief": 138, "worker-1": 143}),
        ("chief", {"chief": 143, "worker-1": 138}),
        ("all", {"chief": 143, "worker-1": 143}),
        ("ps", {"chief": 138, "worker-0": 138, "ps-0": 143}),
        ("evaluator", {"chief": 138, "worker-0": 138, "evaluator": 143}),
    ],
)
def test_who_was_asked_says_stopped_and_the_others_ask_to_be_started_again(
    ended: dict[str, Ended], name: str, codes: dict[str, int]
) -> None:
    job = ended[name]
    assert job.codes == codes
    (asked, *_) = (task for task, code in codes.items() if code == 143)
    for task, code in codes.items():
        last = job[task].last
        if code == 143:
            assert last["event"] == "stopped"
            assert last["message"].startswith("stopped by SIGTERM")
        else:
            assert last["message"].startswith(f"{asked} was asked to stop")


@pytest.mark.parametrize("name", ["worker", "chief", "all", "ps", "evaluator"])
def test_the_step_of_the_stop_is_saved(ended: dict[str, Ended], name: str) -> None:
    job = ended[name]
    step = job.progress("global_step")[-1]
    assert step >= 5
    assert job.job.chief.checkpoint_steps[-1] == step
    assert f"at step {step}; the checkpoint is saved" in job.chief.last["message"]
    assert job.job.chief.versions == []


def test_machines_in_step_stop_after_the_same_step(ended: dict[str, Ended]) -> None:
    for name in ("worker", "chief", "all"):
        rows = ended[name].rows
        assert (
            len(rows["chief"]) == len(rows["worker-1"]) == ended[name].progress("global_step")[-1]
        )


def test_a_stopped_job_goes_on_to_the_exact_total(ended: dict[str, Ended]) -> None:
    stopped = ended["worker"]
    step = stopped.progress("global_step")[-1]
    directory = stopped.job.chief.path.parent
    total = 2 * (step + 10)
    job = with_rows(listed_hosts(directory, 2), train_max_steps=total).run()
    job.assert_all_ended_with(0)
    assert job.chief.event("resume")["global_step"] == step
    assert (job.job.chief.report["start_step"], job.job.chief.report["total_steps"]) == (
        step,
        total,
    )
    assert {len(steps) for steps in job.rows.values()} == {step + 10}
    assert not (job.job["worker-1"].root.path / "output" / "failure").exists()


@pytest.mark.parametrize("event", ["joined", "start"])
def test_all_that_are_asked_before_the_first_step_say_stopped(
    directory: Callable[[str], Path], event: str
) -> None:
    """Whoever ends first is no loss to the other, which is about to end as well."""
    job = with_rows(listed_hosts(directory(event), 2), **LASTING)
    running = job.start()
    running["chief"].wait_for(event)
    for task in ("chief", "worker-1"):
        running.send(task, signal.SIGTERM)
    assert Ended(job, running.finish()).codes == {"chief": 143, "worker-1": 143}
