"""Evaluation goes on beside a training on several machines."""

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
from tests.jobs import Record


@pytest.fixture(scope="module")
def ended(directory: Callable[[str], Path]) -> dict[str, Ended]:
    often = {"eval_throttle_secs": 0, "save_checkpoints_steps": 5, "log_step_count_steps": 1}
    # 60 steps of two machines take 6 s: an evaluator that has to import TensorFlow begins in time.
    lasting = {"train_max_steps": 120, "step_seconds": 0.1, **often}
    beside = {
        "beside": with_rows(listed_hosts(directory("a"), 2), **lasting),
        "failing": with_rows(listed_hosts(directory("b"), 2), **lasting).order("chief", evaluate=4),
    }
    apart = {
        "apart": with_rows(
            described_in_tf_config(directory("c"), workers=1, evaluator="listed"), **lasting
        ),
        "unlisted": with_rows(
            described_in_tf_config(directory("e"), workers=1, evaluator="unlisted"),
            train_max_steps=20,
        ),
        "alone": with_rows(
            described_in_tf_config(directory("d"), evaluator="unlisted"),
            train_max_steps=20,
            **often,
        ),
    }
    return finish_together(beside) | finish_together(apart)


def evaluations(records: list[Record]) -> list[int]:
    return [r["global_step"] for r in records if r["event"] == "evaluation"]


def test_an_evaluator_beside_the_chief_evaluates_while_training_goes_on(
    ended: dict[str, Ended],
) -> None:
    job = ended["beside"]
    job.assert_all_ended_with(0)
    steps = evaluations(job.job.chief.metrics)
    assert steps == sorted(set(steps))
    assert len(steps) >= 2
    order = [(r["event"], r["global_step"]) for r in job.chief.records if "global_step" in r]
    assert order.index(("evaluation", steps[0])) < order.index(("progress", 60))
    assert job.chief.events("evaluation")[0]["task"] == "evaluator"


def test_the_last_step_is_evaluated_before_the_export(ended: dict[str, Ended]) -> None:
    for name in ("beside", "apart"):
        chief = ended[name].job.chief
        assert chief.report["global_step"] == 60
        assert set(chief.report["evaluation"]) == {"loss"}
    assert evaluations(ended["beside"].job.chief.metrics)[-1] == 60
    loss = ended["beside"].job.chief.metrics[-1]["metrics"]["loss"]
    assert ended["beside"].job.chief.report["evaluation"] == {"loss": pytest.approx(loss)}


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
    job = ended["apart"]
    job.assert_all_ended_with(0)
    evaluator = job.job["evaluator"].root
    steps = evaluations(evaluator.metrics)
    assert len(steps) >= 2
    assert steps[-1] == 60
    fetched = [r["checkpoint"] for r in job["evaluator"].events("checkpoint_fetched")]
    assert fetched == [f"model.ckpt-{step}" for step in steps]
    assert (evaluator.path / "checkpoints" / "of-evaluator" / "model.ckpt-60.index").is_file()
    assert evaluations(job.job.chief.metrics) == []
    assert job.job.chief.report["evaluation"] == evaluator.metrics[-1]["metrics"]


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
