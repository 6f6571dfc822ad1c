"""A container with a network and nothing mounted: all comes from S3, and all goes there."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.container.containers import LABEL, Containers, assert_last_record, docker
from tests.jobs import USER_CODE_DIR, Finished
from tests.s3.endpoint import EVERY_ADDRESS
from tests.s3.servers import MotoServer
from tests.training.test_saved_model import run_script

# moto takes any; what is looked for in logs must not be a word that is there anyway.
SECRETS = {
    "AWS_ACCESS_KEY_ID": "a-key-id-of-the-role",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-role",
    "AWS_SESSION_TOKEN": "a-session-of-the-role",
}
MANIFEST = "modelmaker-manifest.json"
# Slow enough to be killed on the way.
SLOW = {"train_max_steps": 100, "save_checkpoints_steps": 10, "step_seconds": 0.1}
WAYS = {
    "as a user unknown to the image": ("--user", "1234:5678"),
    "on a read-only root": ("--read-only", "--tmpfs", "/tmp", "--tmpfs", "/opt/ml"),
    "with everything taken away at once": (
        *("--user", "1234:5678"),
        # Older engines give it the mode of the image's directory, whatever is asked for.
        *("--read-only", "--tmpfs", "/tmp", "--tmpfs", "/opt/ml:uid=1234"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    ),
}


@dataclass(frozen=True)
class Place:
    """A bucket that containers reach, and what they have to be told to use it.

    Attributes:
        name: the bucket's.
        client: reaches it from here.
        options: of `docker create`: the network, the credentials and the URIs.
    """

    name: str
    client: Any
    options: list[str]

    def put(self, key: str, content: str) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content.encode())

    def read(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def keys(self, prefix: str) -> list[str]:
        listed = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [found["Key"] for found in listed.get("Contents", ())]

    def write_parameters(self, **parameters: Any) -> None:
        self.put("parameters.json", json.dumps({"eval_start_delay_secs": 0, **parameters}))

    @property
    def newest_checkpoint(self) -> str:
        """What the published index names first."""
        return self.read("checkpoints/checkpoint").decode().split('"')[1]

    def fetch_model(self, to: Path) -> Path:
        """Bring the one published model here, each file as its manifest has it."""
        (manifest_key,) = [key for key in self.keys("model/") if key.endswith(f"/{MANIFEST}")]
        prefix = manifest_key.removesuffix(MANIFEST)
        described = json.loads(self.read(manifest_key))["files"]
        assert set(self.keys("model/")) == {f"{prefix}{name}" for name in [*described, MANIFEST]}
        for name, figures in described.items():
            content = self.read(f"{prefix}{name}")
            assert figures == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            file = to / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return to


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with MotoServer(EVERY_ADDRESS) as server:
        yield server


@pytest.fixture(scope="module")
def network(engine: None) -> Iterator[tuple[str, str]]:
    """A network that leads to this machine alone: its name, and this machine's address there."""
    name = f"modelmaker-{uuid.uuid4().hex[:12]}"
    docker("network", "create", "--internal", "--label", LABEL, name)
    address = "{{(index .IPAM.Config 0).Gateway}}"
    yield name, docker("network", "inspect", "--format", address, name).strip()
    docker("network", "rm", name)


@pytest.fixture
def place(server: MotoServer, network: tuple[str, str]) -> Place:
    """A bucket with a small training in it."""
    name, address = network
    bucket = f"bucket-{uuid.uuid4()}"
    environment = {
        **server.environment_at(server.url_at(address)),
        **SECRETS,
        "MODELMAKER_CODE_URI": f"s3://{bucket}/code",
        "MODELMAKER_PARAMETERS_URI": f"s3://{bucket}/parameters.json",
        "MODELMAKER_DATASET_URI": f"s3://{bucket}/data",
        "MODELMAKER_CHECKPOINT_URI": f"s3://{bucket}/checkpoints",
        "MODELMAKER_MODEL_URI": f"s3://{bucket}/model",
        "MODELMAKER_OUTPUT_URI": f"s3://{bucket}/output",
    }
    options = ["--network", name]
    for variable, value in environment.items():
        options += ["--env", f"{variable}={value}"]
    place = Place(bucket, server.client(), options)
    place.client.create_bucket(Bucket=bucket)
    place.put("code/line.py", (USER_CODE_DIR / "line.py").read_text(encoding="utf-8"))
    place.put("data/slope.txt", "2.0")
    place.write_parameters(train_max_steps=20)
    return place


def step_of(checkpoint: str) -> int:
    return int(checkpoint.rpartition("-")[2])


def assert_no_secret(finished: Finished) -> None:
    assert [secret for secret in SECRETS.values() if secret in finished.output] == []


def assert_answers(model: Path, directory: Path) -> None:
    """Require that plain TensorFlow gets the slope's answers from a model."""
    xs = np.array([[0.5], [-1.0]], np.float32)
    inputs, outputs = directory / "in.npz", directory / "out.npz"
    np.savez(inputs, x=xs)
    run_script("predict_plainly.py", model, inputs, outputs)
    np.testing.assert_allclose(np.load(outputs)["serving_default/y"], 2 * xs, atol=0.1)


def test_a_killed_job_goes_on_in_an_empty_container_from_what_was_published(
    place: Place, image: Containers, tmp_path: Path
) -> None:
    place.write_parameters(**SLOW)
    running = image.start(options=place.options)
    for record in running.records():
        if record["event"] == "checkpoint_published" and step_of(record["checkpoint"]) >= 20:
            break
    docker("kill", "--signal", "KILL", running.container)
    killed = running.finish()
    assert killed.code == 137, killed.output
    assert_no_secret(killed)
    assert place.keys("model/") == []
    left = place.newest_checkpoint

    finished = image.run(options=place.options)

    assert finished.code == 0, finished.output
    assert finished.event("checkpoint_fetched")["checkpoint"] == left
    step = step_of(left)
    assert 20 <= step < 100
    assert finished.event("resume")["global_step"] == step
    report = json.loads(place.read("output/data/report.json"))
    assert (report["start_step"], report["global_step"]) == (step, 100)
    assert place.newest_checkpoint == "model.ckpt-100"
    assert_answers(place.fetch_model(tmp_path / "model"), tmp_path)
    assert_no_secret(finished)


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS.keys())
def test_trains_from_s3_in_every_way_that_a_careful_platform_starts_it(
    place: Place, image: Containers, options: tuple[str, ...], tmp_path: Path
) -> None:
    finished = image.run(options=[*place.options, *options])
    assert finished.code == 0, finished.output
    report = json.loads(place.read("output/data/report.json"))
    assert report["global_step"] == 20
    assert (place.fetch_model(tmp_path / "model") / "saved_model.pb").is_file()
    assert_no_secret(finished)


def test_a_failure_is_published_where_nothing_is_mounted(place: Place, image: Containers) -> None:
    place.write_parameters(train_max_steps="many")
    finished = image.run(options=place.options)
    assert finished.code == 10
    message, hint = assert_last_record(finished, 10, "train_max_steps")
    assert place.read("output/failure").decode() == f"{message}\n{hint} (exit code 10)"
