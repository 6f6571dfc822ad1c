"""Begin with, or go on from, the checkpoints of another training, TensorFlow 1's among them."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.jobs import USER_CODE_DIR, JobRoot

# What TensorFlow 1.15.5 wrote: see the README beside it. The kernel is 7 there.
CHECKPOINTS_DIR = Path(__file__).parents[1] / "checkpoints"
OF_TENSORFLOW_1 = CHECKPOINTS_DIR / "tensorflow-1.15"
LINE = (USER_CODE_DIR / "line.py").read_text(encoding="utf-8")


@pytest.fixture
def frozen(job: JobRoot) -> JobRoot:
    """A job whose training changes nothing, so that its loss tells what it began with."""
    job.write("input/data/slope.txt", "7.0")
    return job.write_parameters(train_max_steps=5, learning_rate=0.0, eval_start_delay_secs=0)


def error_of(job: JobRoot) -> float:
    return float(job.report["evaluation"]["error"])


@pytest.mark.parametrize(
    "given",
    [
        OF_TENSORFLOW_1,
        OF_TENSORFLOW_1 / "model.ckpt-30",
        CHECKPOINTS_DIR / "one-file" / "model.ckpt-30",
    ],
    ids=["directory", "checkpoint", "one file"],
)
def test_a_training_begins_with_the_values_of_tensorflow_1(given: Path, frozen: JobRoot) -> None:
    finished = frozen.run(MODELMAKER_WARM_START=str(given))
    assert finished.code == 0, finished.last
    assert finished.event("warm_start")["taken"] == ["line/kernel"]
    assert error_of(frozen) < 1e-4
    assert frozen.report["global_step"] == 5, "it is a new training"


def test_without_it_this_training_has_learned_nothing(frozen: JobRoot) -> None:
    assert frozen.run().code == 0
    assert error_of(frozen) > 1.0


def test_a_training_of_tensorflow_1_goes_on_where_it_was(frozen: JobRoot) -> None:
    shutil.copytree(OF_TENSORFLOW_1, frozen.path / "checkpoints")
    frozen.write_parameters(train_max_steps=40, learning_rate=0.0)
    finished = frozen.run()
    assert finished.code == 0, finished.last
    assert finished.event("resume")["global_step"] == 30
    assert frozen.report["global_step"] == 40
    assert error_of(frozen) < 1e-4


def test_an_exported_model_can_be_begun_with(frozen: JobRoot, tmp_path: Path) -> None:
    assert frozen.run(MODELMAKER_WARM_START=str(OF_TENSORFLOW_1)).code == 0
    (model,) = frozen.versions
    moved = shutil.move(model, tmp_path / "saved-model")
    shutil.rmtree(frozen.path / "checkpoints")
    finished = frozen.run(MODELMAKER_WARM_START=str(moved))
    assert finished.event("warm_start")["taken"] == ["line/kernel"]
    assert error_of(frozen) < 1e-4


def test_what_does_not_match_is_listed(frozen: JobRoot) -> None:
    # The kernel is there; the bias is new; an optimizer's slots are new; nothing is left over.
    model = LINE.replace("use_bias=False", "use_bias=True").replace(
        "tf.train.GradientDescentOptimizer(params.get", "tf.train.AdamOptimizer(params.get"
    )
    finished = frozen.write_code(line=model).run(MODELMAKER_WARM_START=str(OF_TENSORFLOW_1))
    record = finished.event("warm_start")
    assert record["taken"] == ["line/kernel"]
    assert record["only_in_model"] == ["line/bias"]
    assert {"line/kernel/Adam", "beta1_power"} <= set(record["optimizer"])
    assert (record["only_in_checkpoint"], record["unlike"]) == ([], {})
    assert record["message"].endswith("begin anew; 1 not in the checkpoint: line/bias")
    assert error_of(frozen) < 1e-4


def test_the_optimizers_own_variables_begin_anew(frozen: JobRoot) -> None:
    """Its learning rate above all: the parameter counts, not what the checkpoint had."""
    model = LINE.replace(
        '    optimizer = tf.train.GradientDescentOptimizer(params.get("learning_rate", 0.5))',
        '    rate = tf.get_variable("rate", initializer=params.get("learning_rate", 0.5),\n'
        "                           trainable=False)\n"
        "    optimizer = tf.train.MomentumOptimizer(rate, 0.9)",
    )
    assert "MomentumOptimizer" in model
    frozen.write_code(line=model)
    assert frozen.run().code == 0
    first = frozen.path / "first"
    (frozen.path / "checkpoints").rename(first)
    frozen.write_parameters(train_max_steps=60, learning_rate=0.1, eval_start_delay_secs=0)
    finished = frozen.run(MODELMAKER_WARM_START=str(first))
    record = finished.event("warm_start")
    assert record["taken"] == ["line/kernel"]
    assert record["optimizer"] == ["line/kernel/Momentum", "rate"]
    assert error_of(frozen) < 2.0, "it learned, at the rate that was asked for"


def test_a_checkpoint_of_which_nothing_fits_is_an_error(frozen: JobRoot) -> None:
    model = LINE.replace(
        'prediction = tf.layers.dense(features["x"], 1, use_bias=False, name="line")',
        'hidden = tf.layers.dense(features["x"], 3, use_bias=False, name="line")\n'
        "    prediction = tf.reduce_sum(hidden, 1, keep_dims=True)",
    )
    finished = frozen.write_code(line=model).run(MODELMAKER_WARM_START=str(OF_TENSORFLOW_1))
    assert finished.code == 30
    assert (
        "has no variable of this model; 1 of another shape or type:"
        " line/kernel (float32[1, 1] there, float32[1, 3] here)" in finished.last["message"]
    )


def test_a_restarted_training_resumes_from_its_own(frozen: JobRoot) -> None:
    frozen.write_parameters(train_max_steps=5, learning_rate=0.5)
    frozen.write("input/data/slope.txt", "3.0")
    assert frozen.run(MODELMAKER_WARM_START=str(OF_TENSORFLOW_1)).code == 0
    frozen.write_parameters(train_max_steps=200, learning_rate=0.5)
    finished = frozen.run(MODELMAKER_WARM_START=str(OF_TENSORFLOW_1))
    assert finished.event("resume")["global_step"] == 5
    assert finished.events("warm_start") == []
    assert error_of(frozen) < 0.05


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("/absent", "MODELMAKER_WARM_START=/absent does not exist"),
        ("gs://bucket/prefix", "is neither a path nor an s3:// URI"),
    ],
)
def test_a_checkpoint_that_is_not_there_is_an_error_at_once(
    given: str, message: str, frozen: JobRoot
) -> None:
    finished = frozen.run(MODELMAKER_WARM_START=given)
    assert finished.code == 2
    assert message in finished.last["message"]
    assert finished.events("tensorflow_api") == [], "before TensorFlow is imported"


def test_a_directory_without_a_checkpoint_is_an_error(frozen: JobRoot, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    finished = frozen.run(MODELMAKER_WARM_START=str(tmp_path / "empty"))
    assert finished.code == 2
    assert "holds no checkpoint" in finished.last["message"]


def test_a_damaged_checkpoint_is_an_error(frozen: JobRoot, tmp_path: Path) -> None:
    shutil.copytree(OF_TENSORFLOW_1, tmp_path / "damaged")
    (tmp_path / "damaged" / "model.ckpt-30.index").write_bytes(b"\0" * 100)
    finished = frozen.run(MODELMAKER_WARM_START=str(tmp_path / "damaged"))
    assert finished.code == 30
    assert "cannot be read" in finished.last["message"]


@pytest.fixture
def with_bucket(frozen: JobRoot, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobRoot]:
    """The same job, which knows an S3 server with the checkpoints; they speak over HTTP."""
    known = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    known["AWS_ENDPOINT_URL"] = f"http://{host}:{port}"
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="models")
    for file in OF_TENSORFLOW_1.iterdir():
        client.upload_file(str(file), "models", f"line/first/{file.name}")
    client.put_object(Bucket="models", Key="line/first/model.ckpt-7.index", Body=b"older")
    yield dataclasses.replace(frozen, environment=known)
    server.stop()


@pytest.mark.parametrize(
    "uri",
    [
        "s3://models/line/first",
        "s3://models/line/first/",
        "s3://models/line/first/model.ckpt-30",
    ],
)
def test_a_checkpoint_in_s3_is_begun_with(uri: str, with_bucket: JobRoot) -> None:
    finished = with_bucket.run(MODELMAKER_WARM_START=uri)
    assert finished.code == 0, finished.last
    assert finished.event("warm_start")["taken"] == ["line/kernel"]
    assert error_of(with_bucket) < 1e-4


@pytest.mark.parametrize(
    ("uri", "code", "message"),
    [
        ("s3://models/line/absent", 2, "holds no checkpoint"),
        ("s3://absent/line", 30, "cannot list s3://absent/line: "),
        ("s3:///line", 2, "names no bucket"),
    ],
)
def test_a_checkpoint_that_s3_does_not_have_is_named(
    uri: str, code: int, message: str, with_bucket: JobRoot
) -> None:
    finished = with_bucket.run("check", MODELMAKER_WARM_START=uri)
    assert finished.code == code, finished.last
    assert message in finished.last["message"]


def test_storage_that_does_not_answer_is_the_platforms_failure(with_bucket: JobRoot) -> None:
    finished = with_bucket.run(
        "check",
        MODELMAKER_WARM_START="s3://models/line/first",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_MAX_ATTEMPTS="1",
    )
    assert finished.code == 138
    assert "s3://models/line/first" in finished.last["message"]
