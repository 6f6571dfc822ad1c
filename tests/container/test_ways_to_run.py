"""The image trains and exports in every way that a platform may start it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import entrypoint
from tests.container.containers import (
    HARDENED,
    Containers,
    assert_ended,
    assert_last_record,
    assert_trained,
    mount,
)
from tests.jobs import PROJECT_DIR, JobRoot

SECRET = "a-word-of-the-user-alone"
WAYS = {
    "as root": (),
    "as a user of group root": ("--user", "1234:0"),
    "as a user unknown to the image": ("--user", "1234:5678"),
    "on a read-only root": ("--read-only", "--tmpfs", "/tmp"),
    "without network": ("--network", "none"),
    "without capabilities": ("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    "with an init process": ("--init",),
}


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS.keys())
def test_trains_without_an_argument(
    job: JobRoot, image: Containers, options: tuple[str, ...]
) -> None:
    finished = image.run(options=[*mount(job.path), *options])
    assert_trained(finished, job)


def test_trains_with_everything_taken_away_at_once(job: JobRoot, image: Containers) -> None:
    """The model it makes can be read by every other user."""
    finished = image.run("train", options=[*mount(job.path), *HARDENED])
    version_dir = assert_trained(finished, job)

    stranger = ("--user", "4321:4321", "--volume", f"{version_dir.parent}:/model:ro")
    found = image.print("/model", "-type", "f", "-readable", program="find", options=stranger)
    unreadable = image.print("/model", "!", "-readable", program="find", options=stranger)
    assert f"/model/{version_dir.name}/saved_model.pb" in found.splitlines()
    assert unreadable == ""


def test_trains_with_a_mount_for_each_directory(job: JobRoot, image: Containers) -> None:
    """Code and input may be read-only."""
    options = [*HARDENED]
    for name in ("code", "input"):
        options += mount(job.path / name, f"/opt/ml/{name}", read_only=True)
    for name in ("checkpoints", "model", "output"):
        options += mount(job.path / name, f"/opt/ml/{name}")
    assert_trained(image.run(options=options), job)


def test_trains_as_sagemaker_starts_it(root: JobRoot, image: Containers) -> None:
    """The single channel is the dataset, hyperparameters are strings, a secret stays one."""
    root.copy_code("line").write("input/data/training/slope.txt", "2.0")
    root.write_config(
        "hyperparameters",
        {
            "train_max_steps": "20",
            "eval_start_delay_secs": "0",
            "sagemaker_program": '"line.py"',
            "sagemaker_region": '"eu-central-1"',
            "api_token": SECRET,
        },
    )
    channel = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
    root.write_config("inputdataconfig", {"training": channel})
    root.write_config(
        "resourceconfig",
        {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"},
    )
    options = mount(root.path)
    for variable in ("TRAINING_JOB_NAME=line-7", f"AWS_SECRET_ACCESS_KEY={SECRET}"):
        options += ["--env", variable]

    finished = image.run("train", options=options)

    assert_trained(finished, root)
    start = finished.event("start")
    assert start["dataset"] == "/opt/ml/input/data/training"
    assert start["job"] == "line-7"
    assert SECRET not in finished.output


def test_trains_on_a_root_elsewhere(job: JobRoot, image: Containers) -> None:
    options = [*mount(job.path, "/srv/job"), "--env", "MODELMAKER_ROOT=/srv/job"]
    finished = image.run(options=options)
    version_dir = assert_trained(finished, job)
    assert finished.event("export")["model"] == f"/srv/job/model/{version_dir.name}"


def test_checks_a_job_on_a_read_only_mount(job: JobRoot, image: Containers) -> None:
    """`check` writes nothing."""
    options = [*mount(job.path, read_only=True), *HARDENED]
    finished = image.run("check", options=options)
    assert finished.code == 0, finished.output
    assert finished.last["event"] == "done"
    written = [list((job.path / name).iterdir()) for name in ("checkpoints", "model", "output")]
    assert written == [[], [], []]


@pytest.mark.parametrize("options", [(), ("--user", "1234:5678")], ids=["root", "user"])
def test_says_what_to_mount_where_nothing_is_mounted(
    tmp_path: Path, image: Containers, options: tuple[str, ...]
) -> None:
    """Any user can write the reason to the image's own output directory."""
    finished = image.run(options=options)
    assert finished.code == 20
    message, hint = assert_last_record(finished, 20, "/opt/ml/code defines model_fn")
    assert "mount your code at /opt/ml/code" in hint
    failure = image.copy_from_last("/opt/ml/output/failure", tmp_path / "failure")
    assert failure.read_text(encoding="utf-8").startswith(message)


@pytest.mark.parametrize("directory", ["checkpoints", "model"])
def test_refuses_a_read_only_mount_before_training(
    job: JobRoot, image: Containers, directory: str
) -> None:
    target = f"/opt/ml/{directory}"
    mounts = [*mount(job.path), *mount(job.path / directory, target, read_only=True)]
    finished = image.run(options=mounts)
    assert_ended(finished, job, 30, f"cannot write to {target} as uid 0: Read-only file system")
    assert finished.events("start") == []


def test_refuses_a_directory_of_another_user_before_training(
    job: JobRoot, image: Containers
) -> None:
    (job.path / "checkpoints").chmod(0o755)
    finished = image.run(options=[*mount(job.path), "--user", "1234:5678"])
    words = "cannot write to /opt/ml/checkpoints as uid 1234: Permission denied"
    assert_ended(finished, job, 30, words)


def test_a_root_without_a_temporary_directory_is_named(job: JobRoot, image: Containers) -> None:
    """TensorFlow and pip cannot do without one, so the hint is how to give it."""
    finished = image.run(options=[*mount(job.path), "--read-only"])
    assert_ended(finished, job, 30, "/tmp")
    assert "--tmpfs /tmp" in finished.last["hint"]


def test_a_failure_that_cannot_be_written_is_still_logged(job: JobRoot, image: Containers) -> None:
    """Every line stays a JSON record, and the last one is the failure."""
    job.write_parameters(train_max_steps="many")
    finished = image.run(options=mount(job.path, read_only=True))
    assert finished.code == 10
    assert_last_record(finished, 10, "train_max_steps")


@pytest.mark.parametrize("user", ["0:0", "1234:5678"])
def test_kubernetes_finds_the_failure_in_the_termination_log(
    job: JobRoot, image: Containers, tmp_path_factory: pytest.TempPathFactory, user: str
) -> None:
    log = tmp_path_factory.mktemp("kubelet") / "termination-log"
    log.touch()
    log.chmod(0o666)  # as the kubelet makes it
    job.write_parameters(train_max_steps=-1)
    options = [*mount(job.path), *mount(log, "/dev/termination-log"), "--user", user]
    assert_ended(image.run(options=options), job, 10, "train_max_steps")
    assert log.read_text(encoding="utf-8") == job.failure


def test_version_and_schema_need_no_mount(image: Containers) -> None:
    """They print plain text for people and programs, not records."""
    versions = image.print("version", options=HARDENED).splitlines()
    assert versions[0] == f"modelmaker-tensorflow {entrypoint.__version__}"
    assert [line for line in versions if line.startswith("tensorflow")]
    schema_file = PROJECT_DIR / "schema" / "parameters.schema.json"
    schema = image.print("schema", options=HARDENED)
    assert json.loads(schema) == json.loads(schema_file.read_text(encoding="utf-8"))
