"""A job that is started again, after a stop, after its end, and with more to do."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.jobs import USER_CODE_DIR, JobRoot


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


def damage(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    if how == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif how == "flipped":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    else:
        file.unlink()


@pytest.fixture
def saved(job: JobRoot) -> JobRoot:
    """A job with the checkpoints 0, 10 and 20 that is to train on."""
    job.write_parameters(train_max_steps=20, save_checkpoints_steps=10)
    assert job.run().code == 0
    return job.write_parameters(train_max_steps=30, save_checkpoints_steps=10)


@pytest.mark.parametrize(
    ("suffix", "how"),
    [
        (".index", "truncated"),
        (".index", "removed"),
        (".data-00000-of-00001", "flipped"),
        (".data-00000-of-00001", "truncated"),
    ],
)
def test_a_damaged_newest_checkpoint_is_set_aside_for_the_one_before(
    saved: JobRoot, suffix: str, how: str
) -> None:
    directory = saved.path / "checkpoints"
    damage(directory / f"model.ckpt-20{suffix}", how)
    finished = saved.run()
    assert finished.code == 0
    warning = finished.event("checkpoint_damaged")
    assert (warning["level"], warning["checkpoint"]) == ("WARNING", "model.ckpt-20")
    assert finished.event("checkpoint_fallback")["global_step"] == 10
    assert finished.event("resume")["global_step"] == 10
    assert saved.report["global_step"] == 30
    assert list((directory / "damaged").glob("model.ckpt-20.*"))


def test_several_damaged_checkpoints_are_set_aside(saved: JobRoot) -> None:
    for step in (10, 20):
        damage(saved.path / "checkpoints" / f"model.ckpt-{step}.data-00000-of-00001", "flipped")
    finished = saved.run()
    damaged = [record["checkpoint"] for record in finished.events("checkpoint_damaged")]
    assert damaged == ["model.ckpt-20", "model.ckpt-10"]
    assert finished.event("resume")["global_step"] == 0
    assert finished.code == 0


def test_only_damaged_checkpoints_never_mean_a_start_from_zero(saved: JobRoot) -> None:
    for file in (saved.path / "checkpoints").glob("*.data-*"):
        damage(file, "flipped")
    finished = saved.run()
    assert finished.code == 30
    assert "no checkpoint in " in finished.last["message"]
    assert "of the newest, model.ckpt-20: " in finished.last["message"]
    assert finished.events("progress") == []
    assert len(list((saved.path / "checkpoints").glob("*.index"))) == 3, "nothing is moved"


@pytest.mark.parametrize("how", ["removed", "empty", "garbled", "of nothing"])
def test_checkpoints_are_found_without_their_index(saved: JobRoot, how: str) -> None:
    index = saved.path / "checkpoints" / "checkpoint"
    texts = {
        "empty": "",
        "garbled": "\0\1",
        "of nothing": 'model_checkpoint_path: "model.ckpt-7"\n',
    }
    if how in texts:
        index.write_text(texts[how])
    else:
        index.unlink()
    finished = saved.run()
    assert finished.code == 0
    assert finished.event("resume")["global_step"] == 20


def test_an_earlier_checkpoint_that_the_index_names_is_gone_on_from(saved: JobRoot) -> None:
    index = saved.path / "checkpoints" / "checkpoint"
    index.write_text('model_checkpoint_path: "model.ckpt-10"\n')
    finished = saved.run()
    assert finished.event("resume")["global_step"] == 10
    assert finished.events("checkpoint_damaged") == []


def test_a_wall_clock_that_jumps_saves_nothing_early(job: JobRoot) -> None:
    source = (USER_CODE_DIR / "line.py").read_text(encoding="utf-8")
    source += (
        "\n\n_time, _days = time.time, iter(range(10**9))\n"
        "time.time = lambda: _time() + 86400 * next(_days)\n"
    )
    job.write_code(line=source).write_parameters(train_max_steps=20, save_checkpoints_secs=600)
    assert job.run().code == 0
    assert job.checkpoint_steps == [0, 20]


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
