"""A job that is started again, after a stop, after its end, and with more to do."""

from __future__ import annotations

import signal

import pytest

from tests.jobs import JobRoot


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_job_goes_on_at_the_step_it_stopped_at(
    job: JobRoot, number: signal.Signals, code: int
) -> None:
    job.write_parameters(train_max_steps=60, log_step_count_steps=1, step_seconds=0.05)
    running = job.start()
    running.wait_for("progress", global_step=5)
    running.process.send_signal(number)
    stopped = running.finish()

    assert stopped.code == code
    assert stopped.last["event"] == "stopped"
    assert stopped.last["code"] == code
    step = stopped.events("progress")[-1]["global_step"]
    assert 5 <= step < 60
    assert f"at step {step}" in stopped.last["message"]
    assert job.checkpoint_steps[-1] == step
    assert job.versions == []
    assert number.name in job.failure

    finished = job.run()
    assert finished.code == 0
    assert finished.event("resume")["global_step"] == step
    assert finished.events("progress")[0]["global_step"] == step + 1
    assert job.report["global_step"] == 60
    assert job.report["start_step"] == step
    assert not (job.path / "output" / "failure").exists()


def test_a_finished_job_says_so_and_leaves_one_valid_model(job: JobRoot) -> None:
    assert job.run().code == 0
    (first,) = job.versions
    again = job.run()
    assert again.code == 0
    warning = again.event("already_trained")
    assert warning["level"] == "WARNING"
    assert warning["global_step"] == 20
    assert again.events("progress") == []
    (second,) = job.versions
    assert int(second.name) > int(first.name)
    assert (second / "saved_model.pb").is_file()


def test_more_steps_are_trained_on_top_and_replace_the_model(job: JobRoot) -> None:
    assert job.run().code == 0
    job.write_parameters(train_max_steps=30)
    finished = job.run()
    assert finished.event("resume")["global_step"] == 20
    assert job.report["global_step"] == 30
    assert len(job.versions) == 1


def damage(job: JobRoot, how: str) -> None:
    index = job.path / "checkpoints" / "model.ckpt-20.index"
    if how == "truncated":
        index.write_bytes(index.read_bytes()[:20])
    else:
        index.unlink()


@pytest.mark.parametrize("how", ["truncated", "removed"])
def test_a_damaged_newest_checkpoint_never_means_a_start_from_zero(job: JobRoot, how: str) -> None:
    assert job.run().code == 0
    damage(job, how)
    finished = job.write_parameters(train_max_steps=30).run()
    assert finished.code == 30
    assert "model.ckpt-20, cannot be read" in finished.last["message"]
    assert finished.events("progress") == []


def test_what_an_interrupted_export_left_behind_is_cleared_away(job: JobRoot) -> None:
    job.write("model/.incoming/123/saved_model.pb", "half")
    assert job.run().code == 0
    assert [version.name.isdigit() for version in job.versions] == [True]


def test_a_stop_before_the_first_step_is_obeyed(job: JobRoot) -> None:
    running = job.start()
    running.wait_for("start")
    running.process.terminate()
    stopped = running.finish()
    # Training may have begun by then; either way the job ends as stopped, never as failed.
    assert stopped.code in (143, 0)
    assert stopped.last["event"] in ("stopped", "done")
