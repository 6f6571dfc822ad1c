"""Every exit code that a single container can end with, on a real one."""

from __future__ import annotations

import json

import pytest

from tests.container.containers import (
    Containers,
    assert_ended,
    assert_last_record,
    assert_trained,
    mount,
)
from tests.jobs import JobRoot

# A checkpoint of this model is 8 MiB, and so is its SavedModel.
WIDE_MODEL = """
import line
import tensorflow as tf
from line import eval_input_fn, serving_input_receiver_fn, train_input_fn

def model_fn(features, labels, mode, params):
    tf.get_variable("wide", [2 * 1024 * 1024])
    return line.model_fn(features, labels, mode, params)
"""


@pytest.mark.parametrize(
    ("argument", "variable", "words"),
    [
        ("trian", "MODELMAKER_LOG_LEVEL=info", "trian"),
        ("train", "MODELMAKER_LOG_FORMAT=yaml", "MODELMAKER_LOG_FORMAT='yaml'"),
    ],
    ids=["verb", "variable"],
)
def test_2_usage(job: JobRoot, image: Containers, argument: str, variable: str, words: str) -> None:
    finished = image.run(argument, options=[*mount(job.path), "--env", variable])
    assert_ended(finished, job, 2, words)


def test_10_parameters(job: JobRoot, image: Containers) -> None:
    """All violations are in the one message."""
    job.write_parameters(train_max_steps=-1, eval_steps="some")
    finished = image.run(options=mount(job.path))
    assert_ended(finished, job, 10, "train_max_steps", "eval_steps")


def test_11_dataset(job: JobRoot, image: Containers) -> None:
    (job.path / "input" / "data" / "slope.txt").unlink()
    finished = image.run(options=mount(job.path))
    assert_ended(finished, job, 11, "/opt/ml/input/data is empty")


def test_11_dataset_of_another_user(job: JobRoot, image: Containers) -> None:
    options = [*mount(job.path), "--user", "1234:5678"]
    (job.path / "input" / "data").chmod(0o700)
    finished = image.run(options=options)
    assert_ended(finished, job, 11, "cannot read the dataset", "Permission denied")
    assert "uid 1234" in finished.last["hint"]


def test_20_no_code(job: JobRoot, image: Containers) -> None:
    (job.path / "code" / "line.py").unlink()
    finished = image.run(options=mount(job.path))
    assert_ended(finished, job, 20, "/opt/ml/code defines model_fn")


def test_20_syntax_error(job: JobRoot, image: Containers) -> None:
    job.write_code(line="def model_fn(features:\n")
    assert_ended(image.run(options=mount(job.path)), job, 20, "SyntaxError", "code/line.py, line 1")


def test_20_missing_function(job: JobRoot, image: Containers) -> None:
    code = (job.path / "code" / "line.py").read_text(encoding="utf-8")
    job.write_code(line=code.replace("def eval_input_fn", "def evaluation_input_fn"))
    finished = image.run(options=mount(job.path))
    assert_ended(finished, job, 20, "does not define eval_input_fn")


def test_21_user_code_raises(job: JobRoot, image: Containers) -> None:
    """The message names the user's file and line, and no frame of TensorFlow."""
    code = (job.path / "code" / "line.py").read_text(encoding="utf-8")
    raising = '    raise KeyError("no such column")\n'
    job.write_code(line=code + f"\n\ndef model_fn(features, labels, mode):\n{raising}")
    line = len(code.splitlines()) + 4  # two empty ones, def, raise
    finished = image.run(options=mount(job.path))
    assert_ended(finished, job, 21, "model_fn", "KeyError", f"code/line.py, line {line}")
    assert "site-packages" not in finished.last["message"]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("import os; os._exit(7)", "exit code 7"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    ],
    ids=["os._exit", "segmentation fault"],
)
def test_21_user_code_ends_the_process(
    job: JobRoot, image: Containers, statement: str, words: str
) -> None:
    """The supervisor lives on and says what happened."""
    code = (job.path / "code" / "line.py").read_text(encoding="utf-8")
    job.write_code(line=f"{code}\n{statement}\n")
    assert_ended(image.run(options=mount(job.path)), job, 21, words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--device", "/dev/null:/dev/nvidia0"), "the machine shows nvidia0"),
        (("--env", "MODELMAKER_REQUIRE_GPU=1"), "the machine shows no GPU"),
    ],
    ids=["given", "required"],
)
def test_30_gpu_that_tensorflow_cannot_use(
    job: JobRoot, image: Containers, options: tuple[str, ...], words: str
) -> None:
    finished = image.run(options=[*mount(job.path), *options])
    assert_ended(finished, job, 30, "can use no GPU", words)
    assert "--gpus all" in finished.last["hint"]


def test_0_gpu_is_waived(job: JobRoot, image: Containers) -> None:
    options = ("--device", "/dev/null:/dev/nvidia0", "--env", "MODELMAKER_REQUIRE_GPU=0")
    finished = image.run(options=[*mount(job.path), *options])
    assert_trained(finished, job)
    assert finished.event("start")["gpus"] == []


def test_30_task_that_the_cluster_does_not_have(job: JobRoot, image: Containers) -> None:
    cluster = {"chief": ["first:2222"], "worker": ["second:2222"]}
    tf_config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 1}})
    finished = image.run(options=[*mount(job.path), "--env", f"TF_CONFIG={tf_config}"])
    words = "TF_CONFIG says that this is worker 1, but lists no such task"
    assert_ended(finished, job, 30, words)
    assert finished.events("start") == []


def test_40_model_of_somebody_else(job: JobRoot, image: Containers) -> None:
    """It is found before training, and stays as it is."""
    job.write("model/7/saved_model.pb", "somebody's")
    finished = image.run(options=mount(job.path))
    assert_ended(finished, job, 40, "/opt/ml/model/7 is not a model of this job")
    assert finished.events("start") == []
    assert (job.path / "model" / "7" / "saved_model.pb").read_text(encoding="utf-8") == "somebody's"


@pytest.mark.parametrize("directory", ["checkpoints", "model", "output"])
def test_138_disk_is_full_from_the_start(job: JobRoot, image: Containers, directory: str) -> None:
    """A disk may also be full of files: this one holds its own root directory alone."""
    disk = ("--tmpfs", f"/opt/ml/{directory}:nr_inodes=1")
    finished = image.run(options=[*mount(job.path), *disk])
    words = f"no space left while writing /opt/ml/{directory}"
    if directory == "output":  # where the failure file would be
        assert finished.code == 138
        assert_last_record(finished, 138, words)
    else:
        assert_ended(finished, job, 138, words)
    assert finished.events("start") == []


def test_138_disk_is_full_of_our_own_output(job: JobRoot, image: Containers) -> None:
    """There is no room for output/failure either: the last line says it all."""
    disk = ("--tmpfs", "/opt/ml/output:size=16k,mode=1777")
    finished = image.run(options=[*mount(job.path), *disk])
    assert finished.code == 138
    assert_last_record(finished, 138, "no space left while writing /opt/ml/output/data/")


@pytest.mark.parametrize(("directory", "begun"), [("checkpoints", "start"), ("model", "progress")])
def test_138_disk_is_full_on_the_way(
    job: JobRoot, image: Containers, directory: str, begun: str
) -> None:
    """A checkpoint, or the SavedModel, does not fit; how much is free is said."""
    job.write_code(wide=WIDE_MODEL)
    disk = ("--tmpfs", f"/opt/ml/{directory}:size=4m", "--env", "MODELMAKER_MODULE=wide")
    finished = image.run(options=[*mount(job.path), *disk])
    words = f"no space left while writing /opt/ml/{directory}"
    assert_ended(finished, job, 138, words, "of 4.0 MiB are free now")
    assert finished.events(begun) != []


def test_138_memory_runs_out(job: JobRoot, image: Containers) -> None:
    """The kernel kills the job's process; the supervisor, which is small, says so."""
    code = (job.path / "code" / "line.py").read_text(encoding="utf-8")
    job.write_code(line=f"{code}\nmemory = b'x' * (4 << 30)\n")
    limit = ("--memory", "1g", "--memory-swap", "1g")
    finished = image.run(options=[*mount(job.path), *limit])
    assert_ended(finished, job, 138, "killed with SIGKILL", "memory")
