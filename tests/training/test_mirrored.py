"""One machine with several cards, logical CPU devices standing in for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.jobs import PROJECT_DIR, USER_CODE_DIR, JobRoot


def train_on(cards: int, job: JobRoot, **environment: str) -> None:
    finished = try_on(cards, job, **environment)
    assert finished.returncode == 0, finished.stderr[-1500:]


def try_on(cards: int, job: JobRoot, **environment: str) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).parent / "train_mirrored.py"
    return subprocess.run(
        [sys.executable, str(script), str(job.path), str(cards)],
        cwd=PROJECT_DIR,
        env={"PYTHONPATH": str(PROJECT_DIR), "PATH": "/usr/bin:/bin", **environment},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_two_cards_share_the_steps_and_leave_one_model(job: JobRoot) -> None:
    job.write_parameters(
        train_max_steps=21,
        log_step_count_steps=5,
        save_checkpoints_steps=5,
        eval_start_delay_secs=0,
        eval_throttle_secs=0,
    )
    train_on(2, job)
    # 21 steps over two cards are 11 of both together.
    assert job.report["global_step"] == 11
    assert job.report["total_steps"] == 22
    assert job.report["strategy"] == "mirrored"
    progress = [r for r in job.metrics if r["event"] == "progress"]
    assert [r["global_step"] for r in progress] == [5, 10, 11]
    assert progress[1]["total_steps"] == 20
    # Each card takes a batch of 8 rows.
    ratio = progress[1]["examples_per_second"] / progress[1]["steps_per_second"]
    assert round(ratio) == 16
    assert [r["global_step"] for r in job.metrics if r["event"] == "evaluation"] == [5, 10, 11]
    assert len(job.versions) == 1


def test_a_resume_on_another_number_of_cards_ends_at_the_same_total(job: JobRoot) -> None:
    job.write_parameters(train_max_steps=12)
    train_on(3, job)
    assert (job.report["global_step"], job.report["total_steps"]) == (4, 12)
    job.write_parameters(train_max_steps=20)
    train_on(2, job)
    # 4 steps of 3 cards, then 4 steps of 2.
    assert (job.report["global_step"], job.report["total_steps"]) == (8, 20)
    assert job.run().event("already_trained")["global_step"] == 8


def test_every_card_begins_with_the_values_of_a_warm_start(job: JobRoot) -> None:
    checkpoint = PROJECT_DIR / "tests" / "checkpoints" / "tensorflow-1.15"  # its kernel is 7
    job.write("input/data/slope.txt", "7.0")
    job.write_parameters(train_max_steps=4, learning_rate=0.0, eval_start_delay_secs=0)
    train_on(2, job, MODELMAKER_WARM_START=str(checkpoint))
    assert job.report["evaluation"]["error"] < 1e-4


def test_a_mistake_in_model_fn_is_named_as_on_one_card(job: JobRoot) -> None:
    source = (USER_CODE_DIR / "line.py").read_text(encoding="utf-8")
    job.write_code(line=source.replace("    optimizer = ", "    None + 1\n    optimizer = ", 1))
    error = try_on(2, job).stderr.rstrip().splitlines()[-1]
    assert error.startswith("entrypoint.errors.UserCodeFailedError: model_fn raised TypeError: ")
    assert "in model_fn: None + 1" in error
