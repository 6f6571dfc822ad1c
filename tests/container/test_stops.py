"""A container that is told to stop saves its work, and the next one goes on from there."""

from __future__ import annotations

from tests.container.containers import (
    HARDENED,
    Containers,
    assert_ended,
    assert_trained,
    docker,
    mount,
)
from tests.jobs import JobRoot

# Slow enough to be stopped on the way.
SLOW = {
    "train_max_steps": 60,
    "log_step_count_steps": 5,
    "step_seconds": 0.1,
    "eval_start_delay_secs": 0,
}


def test_143_docker_stop_in_mid_training_then_130_then_the_rest(
    job: JobRoot, image: Containers
) -> None:
    """Each start resumes at exactly the step that the one before was stopped at."""
    job.write_parameters(**SLOW)
    options = [*mount(job.path), *HARDENED]

    running = image.start(options=options)
    running.wait_for("progress", global_step=5)
    docker("stop", running.container)  # which kills after 10 s
    finished = running.finish()
    assert_ended(finished, job, 143, "stopped by SIGTERM")
    first = job.checkpoint_steps[-1]
    assert 5 <= first < 60
    assert f"at step {first};" in finished.last["message"]
    assert job.versions == []

    running = image.start(options=options)
    assert running.wait_for("resume")["global_step"] == first
    running.wait_for("progress")
    docker("kill", "--signal", "INT", running.container)
    finished = running.finish()
    assert_ended(finished, job, 130, "stopped by SIGINT")
    second = job.checkpoint_steps[-1]
    assert first < second < 60

    finished = image.run(options=options)
    assert finished.event("resume")["global_step"] == second
    assert_trained(finished, job, step=60)
    assert job.report["start_step"] == second


def test_143_docker_stop_before_training(job: JobRoot, image: Containers) -> None:
    """A stop that comes while the user's code is imported is obeyed as well."""
    code = (job.path / "code" / "line.py").read_text(encoding="utf-8")
    job.write_code(line=f"print('imported')\n{code}")
    running = image.start(options=mount(job.path))
    running.wait_for("output", message="imported")
    docker("stop", running.container)
    assert_ended(running.finish(), job, 143, "stopped by SIGTERM")
    assert job.versions == []


def test_143_docker_stop_while_requirements_are_installed(job: JobRoot, image: Containers) -> None:
    """pip tries an index that cannot be reached for longer than a scheduler waits."""
    job.write("code/requirements.txt", "tiny-slope==1.0\n")
    running = image.start(options=[*mount(job.path), "--network", "none"])
    running.wait_for("requirements")
    docker("stop", running.container)
    assert_ended(running.finish(), job, 143, "stopped by SIGTERM")


def test_137_a_killed_container_leaves_a_job_that_resumes(job: JobRoot, image: Containers) -> None:
    """What a node that goes away leaves: no word, and the checkpoints that were written."""
    job.write_parameters(**SLOW | {"save_checkpoints_steps": 5})
    running = image.start(options=mount(job.path))
    running.wait_for("progress", global_step=10)
    docker("kill", running.container)
    assert running.process.wait(timeout=30) == 137

    finished = image.run(options=mount(job.path))
    assert_trained(finished, job, step=60)
    assert finished.event("resume")["global_step"] in (5, 10, 15)
