"""Jobs whose inputs and outputs are in S3, on machines that have nothing else."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import signal
import tarfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cluster.clusters import Ended, listed_hosts
from tests.jobs import USER_CODE_DIR, Finished, JobRoot, RunningJob
from tests.s3.proxy import Fault, FaultProxy
from tests.s3.servers import MotoServer
from tests.training.test_saved_model import run_script

# moto takes any; what is looked for in logs must not be a word that is there anyway.
SECRETS = {
    "AWS_ACCESS_KEY_ID": "a-key-id-of-the-role",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-role",
    "AWS_SESSION_TOKEN": "a-session-of-the-role",
}
LINE = (USER_CODE_DIR / "line.py").read_text(encoding="utf-8")
MANIFEST = "modelmaker-manifest.json"
# Slow enough to be cut off on the way.
SLOW = {
    "train_max_steps": 160,
    "save_checkpoints_steps": 20,
    "keep_checkpoint_max": 2,
    "log_step_count_steps": 5,
    "step_seconds": 0.05,
    "eval_start_delay_secs": 0,
    "eval_steps": 1,
}


@dataclass(frozen=True)
class Bucket:
    """A bucket, and how a test fills it and looks into it."""

    name: str
    client: Any

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def put(self, key: str, content: str | bytes) -> None:
        body = content.encode() if isinstance(content, str) else content
        self.client.put_object(Bucket=self.name, Key=key, Body=body)

    def read(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix
        )
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def fill(self, **parameters: Any) -> Bucket:
        """Put a small, fast training there."""
        self.put("code/line.py", LINE)
        self.put("data/slope.txt", "2.0")
        given = {"train_max_steps": 20, "eval_start_delay_secs": 0, **parameters}
        self.put("parameters.json", json.dumps(given))
        return self

    @property
    def checkpoints(self) -> list[str]:
        """The names of the published checkpoints, the newest last."""
        lines = self.read("checkpoints/checkpoint").decode().splitlines()
        newest, *others = [line.split('"')[1] for line in lines]
        assert newest == others[-1]
        return others

    def environment(self, *left_out: str) -> dict[str, str]:
        """Name everything that a job can take from here or bring here, but for some variables."""
        named = {
            "MODELMAKER_CODE_URI": self.uri("code"),
            "MODELMAKER_PARAMETERS_URI": self.uri("parameters.json"),
            "MODELMAKER_DATASET_URI": self.uri("data"),
            "MODELMAKER_CHECKPOINT_URI": self.uri("checkpoints"),
            "MODELMAKER_MODEL_URI": self.uri("model"),
            "MODELMAKER_OUTPUT_URI": self.uri("output"),
        }
        return {name: uri for name, uri in named.items() if name not in left_out}


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


def new_bucket(server: MotoServer) -> Bucket:
    bucket = Bucket(f"bucket-{uuid.uuid4()}", server.client())
    bucket.client.create_bucket(Bucket=bucket.name)
    return bucket


@pytest.fixture
def bucket(server: MotoServer) -> Bucket:
    return new_bucket(server)


@pytest.fixture
def away(server: MotoServer, tmp_path: Path) -> JobRoot:
    """An empty machine that reaches the server."""
    return machine(tmp_path, server)


def machine(directory: Path, server: MotoServer | FaultProxy) -> JobRoot:
    directory.mkdir(exist_ok=True)
    return JobRoot(directory, {**server.environment, **SECRETS})


def told(root: JobRoot, environment: Mapping[str, str]) -> JobRoot:
    """Return a machine whose jobs find more in their environment."""
    return dataclasses.replace(root, environment={**root.environment, **environment})


def files_in(directory: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file()
    }


def assert_no_secret(finished: Finished) -> None:
    assert [secret for secret in SECRETS.values() if secret in finished.output] == []


def assert_refused(finished: Finished, code: int, *words: str) -> None:
    """Require an end with these words before TensorFlow is imported."""
    assert finished.code == code, finished.output
    assert [word for word in words if word not in finished.last["message"]] == [], finished.last
    assert finished.last["hint"]
    assert finished.events("tensorflow_api") == []
    assert finished.events("start") == []


# A whole job


@pytest.fixture(scope="module")
def whole(
    server: MotoServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Bucket, JobRoot, Finished]:
    """A training with everything in S3, which an earlier attempt had failed at."""
    bucket = new_bucket(server).fill()
    bucket.put("output/failure", "why an earlier attempt failed")
    root = told(machine(tmp_path_factory.mktemp("whole"), server), bucket.environment())
    return bucket, root, root.run(MODELMAKER_LOG_LEVEL="debug")


def test_a_machine_with_nothing_trains_what_is_in_s3(
    whole: tuple[Bucket, JobRoot, Finished],
) -> None:
    bucket, root, finished = whole
    assert finished.code == 0, finished.output
    assert finished.event("dataset_fetched")["files"] == 1
    assert root.report["global_step"] == 20
    (version_dir,) = root.versions
    assert f"model in {bucket.uri('model')}/{version_dir.name}" in finished.last["message"]


def test_the_model_in_s3_is_the_manifests_and_answers(
    whole: tuple[Bucket, JobRoot, Finished], tmp_path: Path
) -> None:
    bucket, root, _ = whole
    (version_dir,) = root.versions
    prefix = f"model/{version_dir.name}/"
    manifest = json.loads(bucket.read(f"{prefix}{MANIFEST}"))
    described = manifest["files"]
    assert set(bucket.keys("model/")) == {f"{prefix}{name}" for name in [*described, MANIFEST]}
    assert {*described, MANIFEST} == files_in(version_dir).keys()
    for name, figures in described.items():
        content = bucket.read(f"{prefix}{name}")
        assert figures == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        file = tmp_path / "model" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    xs = np.array([[0.5], [-1.0]], np.float32)
    np.savez(tmp_path / "in.npz", x=xs)
    run_script("predict_plainly.py", tmp_path / "model", tmp_path / "in.npz", tmp_path / "out.npz")
    answers = np.load(tmp_path / "out.npz")["serving_default/y"]
    np.testing.assert_allclose(answers, 2 * xs, atol=0.1)


def test_the_output_in_s3_is_that_of_the_machine_and_an_earlier_failure_is_gone(
    whole: tuple[Bucket, JobRoot, Finished],
) -> None:
    bucket, root, _ = whole
    published = {key.removeprefix("output/"): bucket.read(key) for key in bucket.keys("output/")}
    assert published == files_in(root.path / "output")
    assert {"data/metrics.jsonl", "data/report.json"} <= published.keys()
    assert "failure" not in published


def test_nothing_is_left_half_done(whole: tuple[Bucket, JobRoot, Finished]) -> None:
    bucket, root, _ = whole
    hidden = {str(file.relative_to(root.path)) for file in root.path.rglob(".*")}
    assert hidden == {"code/.modelmaker-source", "checkpoints/.modelmaker-source"}
    assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.name)


def test_not_even_a_debugging_log_has_credentials(whole: tuple[Bucket, JobRoot, Finished]) -> None:
    *_, finished = whole
    assert [record for record in finished.records if record["level"] == "DEBUG"] != []
    assert_no_secret(finished)
    assert "Signature=" not in finished.output


# Ways to give things


def packed(**modules: str) -> bytes:
    """Return a .tar.gz of modules."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in modules.items():
            member = tarfile.TarInfo(f"{name}.py")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def test_a_check_publishes_nothing(bucket: Bucket, away: JobRoot) -> None:
    """The code is an archive here, and the parameters are in the environment."""
    bucket.fill()
    bucket.put("code.tar.gz", packed(line="from lines import *\n", lines=LINE))
    keys = bucket.keys()
    away.write("output/data/notes.txt", "of an earlier training")
    given = {
        **bucket.environment("MODELMAKER_PARAMETERS_URI"),
        "MODELMAKER_CODE_URI": bucket.uri("code.tar.gz"),
        "MODELMAKER_MODULE": "line",
    }
    root = told(away, given)
    finished = root.run("check", MODELMAKER_PARAMETERS='{"learning_rate": 0.25}')
    assert finished.code == 0, finished.output
    assert finished.event("code_fetched")["files"] == 2
    failed = root.run("check", MODELMAKER_PARAMETERS='{"train_max_steps": -1}')
    assert_refused(failed, 10, "train_max_steps")
    assert bucket.keys() == keys
    assert not (away.path / "checkpoints").exists()


PARAMETERS = '{"train_max_steps": 20}'


@pytest.mark.parametrize(
    ("there", "environment", "names"),
    [
        ("code/line.py", {}, ["MODELMAKER_CODE_URI=s3://", "{root}/code"]),
        (
            "input/parameters.json",
            {},
            ["MODELMAKER_PARAMETERS_URI=s3://", "{root}/input/parameters.json"],
        ),
        (
            "input/parameters.json",
            {"MODELMAKER_PARAMETERS": PARAMETERS, "MODELMAKER_PARAMETERS_URI": ""},
            ["MODELMAKER_PARAMETERS", "{root}/input/parameters.json"],
        ),
        (
            None,
            {"MODELMAKER_PARAMETERS": PARAMETERS},
            ["MODELMAKER_PARAMETERS and", "MODELMAKER_PARAMETERS_URI=s3://"],
        ),
        (
            "input/data/another.txt",
            {},
            ["MODELMAKER_DATASET_URI=s3://", "{root}/input/data", "another.txt"],
        ),
        (
            "input/data/slope.txt",
            {},
            ["MODELMAKER_DATASET_URI=s3://", "{root}/input/data/slope.txt", "'data/slope.txt'"],
        ),
        (
            "checkpoints/checkpoint",
            {},
            ["MODELMAKER_CHECKPOINT_URI=s3://", "{root}/checkpoints", "model.ckpt-7"],
        ),
    ],
)
def test_what_is_given_twice_is_an_error_that_names_both(
    there: str | None, environment: dict[str, str], names: list[str], bucket: Bucket, away: JobRoot
) -> None:
    bucket.fill()
    content = {
        "checkpoints/checkpoint": 'model_checkpoint_path: "model.ckpt-7"\n',
        "input/parameters.json": PARAMETERS,
    }
    if there:
        away.write(there, content.get(there, "of the mount"))
    finished = told(away, {**bucket.environment(), **environment}).run()
    assert_refused(finished, 30, *(name.format(root=away.path) for name in names))
    assert bucket.read("output/failure").decode() == away.failure
    assert bucket.keys("model/") == bucket.keys("checkpoints/") == []


# Storage that refuses or goes away


def test_a_place_that_may_not_be_written_to_is_refused_before_anything_is_fetched(
    bucket: Bucket, server: MotoServer, tmp_path: Path
) -> None:
    bucket.fill()
    denied = Fault("denied", method="POST", key=f"/{bucket.name}/model/", times=None)
    with FaultProxy(server.url, [denied]) as proxy:
        finished = told(machine(tmp_path, proxy), bucket.environment()).run()
    assert_refused(finished, 30, f"cannot write to {bucket.uri('model')}", "AccessDenied")
    assert "s3:PutObject" in finished.last["hint"]
    assert finished.events("dataset_fetched") == []
    assert_no_secret(finished)


def test_a_stop_in_the_middle_of_a_download_is_obeyed_at_once(
    bucket: Bucket, server: MotoServer, tmp_path: Path
) -> None:
    bucket.fill()
    stall = Fault("stall", method="GET", key=f"/{bucket.name}/data/", times=None)
    with FaultProxy(server.url, [stall]) as proxy:
        root = told(machine(tmp_path, proxy), bucket.environment())
        running = root.start()
        proxy.wait_for("stall")
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        finished = running.finish()
    assert finished.code == 143, finished.output
    assert "stopped by SIGTERM while fetching the dataset" in finished.last["message"]
    assert time.monotonic() - began < 10, "schedulers kill after 30 s"
    assert bucket.read("output/failure").decode() == root.failure
    there = [path.name for path in (tmp_path / "input" / "data").iterdir()]
    assert there in ([], [".modelmaker-download"])


def test_a_failure_that_cannot_be_published_is_still_the_jobs(
    bucket: Bucket, server: MotoServer, tmp_path: Path
) -> None:
    bucket.fill(train_max_steps=-1)
    denied = Fault("denied", method="PUT", key=f"/{bucket.name}/output/", times=None)
    with FaultProxy(server.url, [denied]) as proxy:
        finished = told(machine(tmp_path, proxy), bucket.environment()).run()
    assert_refused(finished, 10, "train_max_steps")
    assert bucket.uri("output/failure") in finished.event("publish_failed")["message"]


def test_storage_that_goes_away_slows_no_training_and_takes_nothing_with_it(
    bucket: Bucket, server: MotoServer, tmp_path: Path
) -> None:
    """It trains to its end; when the storage is back, another start publishes what it made."""
    bucket.fill(**SLOW)
    with FaultProxy(server.url) as proxy:
        given = {**bucket.environment(), "MODELMAKER_STORAGE_RETRY_SECONDS": "1"}
        root = told(machine(tmp_path, proxy), given)
        running = root.start()
        running.wait_for("checkpoint_published")
        proxy.faults = [Fault("slow_down", times=None)]
        finished = running.finish()

        assert finished.code == 138, finished.output
        assert finished.event("export")["global_step"] == 160
        speeds = [record["steps_per_second"] for record in finished.events("progress")[1:]]
        # 20 a second are asked for; one wait for a request that is tried again takes seconds.
        assert min(speeds) > 5, speeds
        retries = finished.events("storage_retry")
        assert "503 SlowDown" in retries[0]["message"]
        assert finished.events("publish_failed") != []

        (version_dir,) = root.versions
        assert "the model is not published: " in finished.last["message"]
        command = f" {version_dir} {bucket.uri('model')}/{version_dir.name} && aws s3 cp "
        assert command in finished.last["hint"]
        assert (version_dir / "saved_model.pb").is_file()
        assert root.checkpoint_steps[-1] == 160
        assert bucket.keys("model/") == []
        assert finished.last["message"] in root.failure

        proxy.faults = []
        again = root.run()
    assert again.code == 0, again.output
    assert again.event("already_trained")["global_step"] == 160
    (published,) = [key for key in bucket.keys("model/") if key.endswith(MANIFEST)]
    assert published == f"model/{root.versions[0].name}/{MANIFEST}"
    assert bucket.checkpoints[-1] == "model.ckpt-160"
    assert bucket.keys("output/failure") == []


# Machines that are lost


@dataclass(frozen=True)
class Lives:
    """One training on three machines, one after the other; two of them are taken away.

    Attributes:
        bucket: what the last of them left.
        left: the checkpoints that the first one had published when it was killed.
        stopped: how the second ended, which was told to stop.
        stopped_root: its disk.
        published: the checkpoints that were published then.
        failure: why it had ended, as it was published.
        finished: how the third ended.
        root: its disk.
    """

    bucket: Bucket
    left: list[str]
    stopped: Finished
    stopped_root: JobRoot
    published: list[str]
    failure: str
    finished: Finished
    root: JobRoot


@pytest.fixture(scope="module")
def lives(server: MotoServer, tmp_path_factory: pytest.TempPathFactory) -> Lives:
    bucket = new_bucket(server).fill(**SLOW)
    roots = [
        told(machine(tmp_path_factory.mktemp(f"machine-{number}"), server), bucket.environment())
        for number in range(3)
    ]

    kill_in_the_middle(roots[0].start())
    wait_until_gone(roots[0])
    left = bucket.checkpoints

    second = roots[1].start()
    first_step = int(second.wait_for("resume")["global_step"])
    # Between two checkpoints, so that there is one more to be made and published.
    second.wait_for("progress", global_step=first_step + 25)
    second.process.terminate()
    stopped = second.finish()
    published = bucket.checkpoints

    failure = bucket.read("output/failure").decode()

    return Lives(bucket, left, stopped, roots[1], published, failure, roots[2].run(), roots[2])


def kill_in_the_middle(running: RunningJob) -> None:
    for record in running.records():
        if record["event"] == "checkpoint_published" and step_of(record["checkpoint"]) >= 20:
            break
    running.process.kill()
    assert running.finish().code == -signal.SIGKILL


def wait_until_gone(root: JobRoot) -> None:
    """Wait until no process works on a root any more, the ones that move files included."""
    deadline = time.monotonic() + 10
    while left := processes_on(root):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def processes_on(root: JobRoot) -> list[int]:
    wanted = f"MODELMAKER_ROOT={root.path}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:  # ended just now, or somebody else's
            continue
    return [id_ for id_ in found if id_ != os.getpid()]


def step_of(checkpoint: str) -> int:
    return int(checkpoint.rpartition("-")[2])


def test_another_machine_goes_on_from_what_a_killed_one_had_published(lives: Lives) -> None:
    assert lives.stopped.event("checkpoint_fetched")["checkpoint"] == lives.left[-1]
    step = step_of(lives.left[-1])
    assert 20 <= step < 160
    assert lives.stopped.event("resume")["global_step"] == step


def test_a_stop_publishes_the_checkpoint_of_that_very_step(lives: Lives) -> None:
    assert lives.stopped.code == 143, lives.stopped.output
    step = step_of(lives.published[-1])
    assert f"stopped by SIGTERM at step {step};" in lives.stopped.last["message"]
    assert lives.stopped_root.checkpoint_steps[-1] == step
    assert lives.failure == lives.stopped_root.failure
    assert step > step_of(lives.left[-1])


def test_the_next_machine_goes_on_from_exactly_there_to_the_exact_total(lives: Lives) -> None:
    finished, step = lives.finished, step_of(lives.published[-1])
    assert finished.code == 0, finished.output
    assert finished.event("resume")["global_step"] == step
    assert lives.root.report["start_step"] == step
    assert lives.root.report["global_step"] == 160
    assert json.loads(lives.bucket.read("output/data/report.json"))["global_step"] == 160


def test_as_many_checkpoints_are_kept_in_the_bucket_as_on_the_disk(lives: Lives) -> None:
    assert len(lives.published) <= 2
    kept = lives.bucket.checkpoints
    assert len(kept) == 2
    assert kept[-1] == "model.ckpt-160"
    names = {key.removeprefix("checkpoints/") for key in lives.bucket.keys("checkpoints/")}
    of_kept = {name for name in names if name.startswith(tuple(f"{one}." for one in kept))}
    assert names - of_kept == {"checkpoint", "step_history.json"}
    assert len(of_kept) == 2 * 3


def test_what_killed_machines_began_is_not_in_the_bucket(lives: Lives) -> None:
    versions = {key.split("/")[1] for key in lives.bucket.keys("model/")}
    assert versions == {lives.root.versions[0].name}
    assert lives.bucket.keys("output/failure") == []


# Several machines


@pytest.fixture(scope="module")
def shared_out(
    server: MotoServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Bucket, Ended]:
    """Two machines that have the objects of the dataset by turns."""
    bucket = new_bucket(server)
    bucket.put("code.tar.gz", packed(rows=(USER_CODE_DIR / "rows.py").read_text(encoding="utf-8")))
    for number in range(4):
        rows = range(16 * number, 16 * (number + 1))
        bucket.put(f"data/rows-{number}.txt", "".join(f"{row}\n" for row in rows))
    parameters = {"epochs": 1, "train_max_steps": None, "eval_start_delay_secs": 0}
    environment = {
        **server.environment,
        **bucket.environment("MODELMAKER_PARAMETERS_URI"),
        "MODELMAKER_PARAMETERS": json.dumps(parameters),
        "MODELMAKER_CODE_URI": bucket.uri("code.tar.gz"),
        "MODELMAKER_DATASET_SHARD": "by-key",
    }
    return bucket, listed_hosts(tmp_path_factory.mktemp("cluster"), 2, **environment).run()


def test_each_machine_fetches_and_trains_on_its_share_of_the_objects(
    shared_out: tuple[Bucket, Ended],
) -> None:
    _, job = shared_out
    job.assert_all_ended_with(0)
    data = {
        name: sorted(files_in(task.root.path / "input" / "data"))
        for name, task in job.job.tasks.items()
    }
    assert data == {
        "chief": ["rows-0.txt", "rows-2.txt"],
        "worker-1": ["rows-1.txt", "rows-3.txt"],
    }
    rows = {name: sorted(row for step in steps for row in step) for name, steps in job.rows.items()}
    assert rows == {
        "chief": [*range(16), *range(32, 48)],
        "worker-1": [*range(16, 32), *range(48, 64)],
    }


def test_the_chief_publishes_for_all_and_each_says_its_own(
    shared_out: tuple[Bucket, Ended],
) -> None:
    bucket, job = shared_out
    assert len(job.chief.events("model_published")) == 1
    assert job["worker-1"].events("model_published") == []
    assert job["worker-1"].events("checkpoint_published") == []
    assert bucket.checkpoints[-1] == "model.ckpt-4"
    report = json.loads(bucket.read("output/data/report.json"))
    assert report["global_step"] == 4
    worker = {
        key.removeprefix("output/worker-1/"): bucket.read(key)
        for key in bucket.keys("output/worker-1/")
    }
    assert worker == files_in(job.job["worker-1"].root.path / "output")
