"""Evaluation goes on beside a training on several machines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.clusters import (
    Ended,
    JobTasks,
    described_in_tf_config,
    finish_together,
    listed_hosts,
    with_rows,
)
from tests.jobs import Record


@pytest.fixture(scope="module")
def ended(directory: Callable[[str], Path]) -> dict[str, Ended]:
    often = {"eval_throttle_secs": 0, "save_checkpoints_steps": 5, "log_step_count_steps": 1}
    lasting = {"train_max_steps": 100_000, "step_seconds": 0.05, **often}
    beside = with_rows(listed_hosts(directory("a"), 2), **lasting)
    failing = with_rows(listed_hosts(directory("b"), 2), **lasting).order("chief", evaluate=4)
    listed = described_in_tf_config(directory("c"), workers=1, evaluator="listed")
    unlisted = described_in_tf_config(directory("d"), workers=1, evaluator="unlisted")
    alone = described_in_tf_config(directory("e"), evaluator="unlisted")
    short = {
        "unlisted": with_rows(unlisted, train_max_steps=20),
        "alone": with_rows(alone, train_max_steps=20, **often),
    }
    return {
        "beside": train_until_evaluated(beside, "chief"),
        "failing": failing.run(),
        "listed": train_until_evaluated(with_rows(listed, **lasting), "evaluator"),
        **finish_together(short),
    }


def train_until_evaluated(job: JobTasks, where: str) -> Ended:
    """Have training go on until two checkpoints were evaluated, as the log of a task says."""
    running = job.start()
    first = running[where].wait_for("evaluation")
    running[where].wait_for("evaluation", newer_than=first)
    job.chief.write("code/enough", "")
    return Ended(job, running.finish())


def evaluations(records: list[Record]) -> list[int]:
    return [r["global_step"] for r in records if r["event"] == "evaluation"]


def test_an_evaluator_beside_the_chief_evaluates_while_training_goes_on(
    ended: dict[str, Ended],
) -> None:
    job = ended["beside"]
    job.assert_all_ended_with(0)
    steps = evaluations(job.job.chief.metrics)
    assert len(steps) >= 3
    assert steps == sorted(set(steps))
    assert {record["task"] for record in job.chief.events("evaluation")} == {"chief-evaluator"}


@pytest.mark.parametrize("name", ["beside", "listed"])
def test_the_last_step_is_evaluated_before_the_export(ended: dict[str, Ended], name: str) -> None:
    job = ended[name]
    evaluator = job.job["chief" if name == "beside" else "evaluator"].root
    step = job.progress("global_step")[-1]
    assert job.job.chief.report["global_step"] == step
    (last,) = (
        r for r in evaluator.metrics if r["event"] == "evaluation" and r["global_step"] == step
    )
    assert job.job.chief.report["evaluation"] == last["metrics"]
    assert set(last["metrics"]) == {"loss"}
    assert len(job.job.chief.versions) == 1


def test_a_failing_evaluation_fails_the_job(ended: dict[str, Ended]) -> None:
    """It evaluates two batches each time, so the second time is where the fourth is exceeded."""
    job = ended["failing"]
    job.assert_all_ended_with(21)
    assert evaluations(job.job.chief.metrics) != []
    assert "a metric that cannot be" in job.job.chief.failure
    assert "code/rows.py, line" in job.job.chief.failure
    assert job["worker-1"].last["message"].startswith("chief failed: ")
    assert job.job.chief.versions == []


def test_an_evaluator_on_a_machine_of_its_own_fetches_what_it_evaluates(
    ended: dict[str, Ended],
) -> None:
    job = ended["listed"]
    job.assert_all_ended_with(0)
    evaluator = job.job["evaluator"].root
    steps = evaluations(evaluator.metrics)
    assert len(steps) >= 3
    fetched = [record["checkpoint"] for record in job["evaluator"].events("checkpoint_fetched")]
    assert fetched == [f"model.ckpt-{step}" for step in steps]
    of_chief = evaluator.path / "checkpoints" / "of-evaluator"
    assert (of_chief / f"model.ckpt-{steps[-1]}.index").is_file()
    assert evaluations(job.job.chief.metrics) == []


def test_an_evaluator_of_which_the_others_do_not_know_has_its_part(ended: dict[str, Ended]) -> None:
    job = ended["unlisted"]
    job.assert_all_ended_with(0)
    assert evaluations(job.job["evaluator"].root.metrics) == [10]
    assert set(job.job.chief.report["evaluation"]) == {"loss"}


def test_a_job_with_one_trainer_needs_no_evaluator(ended: dict[str, Ended]) -> None:
    job = ended["alone"]
    job.assert_all_ended_with(0)
    assert job["evaluator"].last["message"].startswith("done: the job has one trainer")
    assert evaluations(job.job.chief.metrics)[-1] == 20
    assert job.job.chief.report["total_steps"] == 20
