"""Every documented parameter, seen to act on a real training."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.jobs import Finished, JobRoot


def seconds_between(finished: Finished, first: str, second: str) -> float:
    """Seconds from the first record of one event to the first of another."""
    times = [
        datetime.fromisoformat(finished.events(event)[0]["time"].replace("Z", "+00:00"))
        for event in (first, second)
    ]
    return (times[1] - times[0]).total_seconds()


def evaluated_steps(finished: Finished) -> list[int]:
    return [record["global_step"] for record in finished.events("evaluation")]


def test_save_checkpoints_steps_is_the_number_of_steps_between_checkpoints(job: JobRoot) -> None:
    job.write_parameters(train_max_steps=20, save_checkpoints_steps=5, keep_checkpoint_max=None)
    assert job.run().code == 0
    assert job.checkpoint_steps == [0, 5, 10, 15, 20]


def test_save_checkpoints_secs_is_the_number_of_seconds_between_checkpoints(job: JobRoot) -> None:
    job.write_parameters(
        train_max_steps=50, save_checkpoints_secs=1, keep_checkpoint_max=0, step_seconds=0.1
    )
    assert job.run().code == 0
    # 50 steps of at least 0.1 s are more than 4 intervals of 1 s between first and last.
    assert len(job.checkpoint_steps) >= 2 + 3
    assert job.checkpoint_steps[0] == 0
    assert job.checkpoint_steps[-1] == 50


@pytest.mark.parametrize(
    ("keep", "steps"), [(3, [12, 16, 20]), (1, [20]), (0, [0, 4, 8, 12, 16, 20])]
)
def test_keep_checkpoint_max_keeps_the_newest(job: JobRoot, keep: int, steps: list[int]) -> None:
    job.write_parameters(train_max_steps=20, save_checkpoints_steps=4, keep_checkpoint_max=keep)
    assert job.run().code == 0
    assert job.checkpoint_steps == steps


def test_log_step_count_steps_is_the_cadence_of_progress(job: JobRoot) -> None:
    job.write_parameters(train_max_steps=20, log_step_count_steps=6)
    finished = job.run()
    progress = finished.events("progress")
    # Multiples of 6, and the last step so that the end is seen.
    assert [record["global_step"] for record in progress] == [6, 12, 18, 20]
    assert [record["share"] for record in progress] == [0.3, 0.6, 0.9, 1.0]
    assert all(record["steps_per_second"] > 0 for record in progress)
    for record in progress:
        # Every batch has 8 rows.
        expected = pytest.approx(8 * record["steps_per_second"], rel=1e-3)
        assert record["examples_per_second"] == expected
    assert progress[-1]["seconds_left"] == 0
    assert progress[-1]["loss"] < progress[0]["loss"]


def test_train_max_steps_is_the_number_of_steps_trained(job: JobRoot) -> None:
    job.write_parameters(train_max_steps=7)
    assert job.run().code == 0
    assert job.report["global_step"] == 7
    assert job.checkpoint_steps[-1] == 7


def test_train_max_steps_null_trains_until_the_data_ends(job: JobRoot) -> None:
    job.write_parameters(train_max_steps=None, rows=43)
    finished = job.run()
    assert finished.code == 0
    # 43 rows in batches of 8: the last batch has 3.
    assert job.report["global_step"] == 6
    assert finished.events("data_ended") == []
    assert len(job.versions) == 1


def test_data_that_ends_early_is_said(job: JobRoot) -> None:
    job.write_parameters(train_max_steps=100, rows=16)
    finished = job.run()
    assert finished.code == 0
    warning = finished.event("data_ended")
    assert warning["level"] == "WARNING"
    assert warning["global_step"] == 2
    assert "100" in warning["message"]


@pytest.mark.parametrize(("eval_steps", "batches"), [(3, 3), (None, 8), (100, 8)])
def test_eval_steps_is_the_number_of_batches_evaluated(
    job: JobRoot, eval_steps: int | None, batches: int
) -> None:
    job.write_parameters(train_max_steps=2, eval_steps=eval_steps, eval_rows=64)
    finished = job.run()
    assert finished.event("evaluation")["batches"] == batches


def test_evaluation_follows_every_checkpoint_when_nothing_holds_it_back(job: JobRoot) -> None:
    job.write_parameters(
        train_max_steps=15, save_checkpoints_steps=5, eval_start_delay_secs=0, eval_throttle_secs=0
    )
    assert evaluated_steps(job.run()) == [5, 10, 15]


def test_eval_throttle_secs_leaves_out_evaluations_but_the_last(job: JobRoot) -> None:
    job.write_parameters(
        train_max_steps=15,
        save_checkpoints_steps=5,
        eval_start_delay_secs=0,
        eval_throttle_secs=600,
    )
    assert evaluated_steps(job.run()) == [5, 15]


def test_eval_throttle_secs_lets_an_evaluation_through_once_it_has_passed(job: JobRoot) -> None:
    job.write_parameters(
        train_max_steps=40,
        save_checkpoints_steps=5,
        step_seconds=0.1,
        eval_start_delay_secs=0,
        eval_throttle_secs=1,
    )
    finished = job.run()
    steps = evaluated_steps(finished)
    # A checkpoint every half second: not each, but more than the first and the last.
    assert steps[0] == 5
    assert 10 not in steps
    assert len(steps) > 2
    assert steps[-1] == 40


def test_eval_start_delay_secs_holds_evaluation_back_until_the_end(job: JobRoot) -> None:
    job.write_parameters(
        train_max_steps=15,
        save_checkpoints_steps=5,
        eval_start_delay_secs=600,
        eval_throttle_secs=0,
    )
    assert evaluated_steps(job.run()) == [15]


def test_eval_start_delay_secs_is_the_least_time_before_the_first_evaluation(job: JobRoot) -> None:
    job.write_parameters(
        train_max_steps=40,
        save_checkpoints_steps=5,
        step_seconds=0.1,
        eval_start_delay_secs=2,
        eval_throttle_secs=0,
    )
    finished = job.run()
    assert seconds_between(finished, "start", "evaluation") >= 2
    assert 5 < evaluated_steps(finished)[0] < 40


def test_without_periodic_checkpoints_there_is_a_model_all_the_same(job: JobRoot) -> None:
    job.write_parameters(
        train_max_steps=20, save_checkpoints_steps=None, save_checkpoints_secs=None
    )
    finished = job.run()
    assert finished.code == 0
    assert finished.event("checkpoints_off")["level"] == "WARNING"
    # The beginning and the end: what is exported has to come from somewhere.
    assert job.checkpoint_steps == [0, 20]
    assert len(job.versions) == 1
