"""Which strategies the machines of a job allow, and how one machine's user code ends all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.clusters import (
    Ended,
    described_in_tf_config,
    finish_together,
    listed_hosts,
    with_rows,
)


@pytest.fixture(scope="module")
def ended(directory: Callable[[str], Path]) -> dict[str, Ended]:
    jobs = {
        "none": listed_hosts(directory("a"), 2),
        "mirrored": listed_hosts(directory("b"), 2),
        "multi_worker_mirrored": described_in_tf_config(directory("c"), servers=1),
        "multi_worker_mirrored on one": listed_hosts(directory("d"), 1),
        "parameter_server on one": listed_hosts(directory("e"), 1),
    }
    return finish_together(
        {
            name: with_rows(job, train_max_steps=10, distribution_strategy=name.split()[0])
            for name, job in jobs.items()
        }
    )


@pytest.mark.parametrize("name", ["none", "mirrored"])
def test_strategies_of_one_machine_are_refused_on_two(ended: dict[str, Ended], name: str) -> None:
    job = ended[name]
    job.assert_all_ended_with(30)
    for task in job.finished.values():
        assert f"distribution_strategy is {name}, which is for one machine" in task.last["message"]
        assert "leave distribution_strategy out" in task.last["hint"]


def test_a_check_refuses_them_too(directory: Callable[[str], Path]) -> None:
    job = with_rows(listed_hosts(directory("check"), 2), distribution_strategy="none")
    checked = job.chief.run("check")
    assert checked.code == 30
    assert "distribution_strategy is none" in checked.last["message"]


def test_a_check_waits_for_no_other_machine(directory: Callable[[str], Path]) -> None:
    job = with_rows(listed_hosts(directory("alone"), 2))
    assert job.chief.run("check").code == 0


def test_training_in_step_has_no_parameter_servers(ended: dict[str, Ended]) -> None:
    job = ended["multi_worker_mirrored"]
    job.assert_all_ended_with(30)
    for task in job.finished.values():
        assert "1 of them parameter servers" in task.last["message"]
        assert "take the ps tasks out of the cluster" in task.last["hint"]


@pytest.mark.parametrize("name", ["multi_worker_mirrored", "parameter_server"])
def test_one_machine_trains_alone_whatever_the_strategy(ended: dict[str, Ended], name: str) -> None:
    job = ended[f"{name} on one"]
    job.assert_all_ended_with(0)
    assert job.chief.event("start")["strategy"] == "none"
    assert job.job.chief.report["total_steps"] == 10
    assert job.chief.events("joined") == []


def test_a_hook_that_asks_for_the_end_on_one_machine_ends_all_together(tmp_path: Path) -> None:
    """Worker 1 asks in its step 5, tells the others with step 6, and all end there."""
    job = with_rows(listed_hosts(tmp_path, 2), train_max_steps=100, save_checkpoints_steps=4)
    ended = job.order("worker-1", request_stop_at_step=5).run()
    ended.assert_all_ended_with(0)
    assert {name: len(steps) for name, steps in ended.rows.items()} == {"chief": 6, "worker-1": 6}
    assert ended["worker-1"].event("trained")["global_step"] == 6
    assert ended.chief.event("export")["global_step"] == 6
    assert job.chief.report["global_step"] == 6
    assert job.chief.checkpoint_steps[-1] == 6
    assert len(job.chief.versions) == 1
