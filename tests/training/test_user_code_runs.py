"""What user code may look like, seen to train."""

from __future__ import annotations

import pytest

from tests.jobs import USER_CODE_DIR, JobRoot

LINE = (USER_CODE_DIR / "line.py").read_text(encoding="utf-8")
SERVING = LINE[LINE.index("def serving_input_receiver_fn") :]


def with_serving(text: str) -> str:
    # A TensorServingInputReceiver gives model_fn the tensor itself.
    takes_both = 'features if isinstance(features, tf.Tensor) else features["x"]'
    return LINE.replace(SERVING, text).replace('features["x"]', f"({takes_both})")


TENSOR_RECEIVER = """
def serving_input_receiver_fn():
    x = tf.placeholder(tf.float32, [None, 1])
    return tf.estimator.export.TensorServingInputReceiver(x, {"x": x})
"""
RAW = """
def serving_input_receiver_fn():
    return tf.estimator.export.build_raw_serving_input_receiver_fn(
        {"x": tf.placeholder(tf.float32, [None, 1])}
    )
"""
RAW_ITSELF = """
with tf.Graph().as_default():
    serving_input_receiver_fn = tf.estimator.export.build_raw_serving_input_receiver_fn(
        {"x": tf.placeholder(tf.float32, [None, 1])}
    )
"""
PARSING = """
def serving_input_receiver_fn():
    features = {"x": tf.FixedLenFeature([1], tf.float32)}
    return tf.estimator.export.build_parsing_serving_input_receiver_fn(features)
"""


@pytest.mark.parametrize(
    ("serving", "inputs"),
    [
        (TENSOR_RECEIVER, {"x": "float32[?,1]"}),
        (RAW, {"x": "float32[?,1]"}),
        (RAW_ITSELF, {"x": "float32[?,1]"}),
        (PARSING, {"examples": "string[?]"}),
    ],
    ids=["tensor receiver", "returns build_raw", "is build_raw", "returns build_parsing"],
)
def test_each_kind_of_serving_function_exports(
    job: JobRoot, serving: str, inputs: dict[str, str]
) -> None:
    finished = job.write_code(line=with_serving(serving)).run()
    assert finished.code == 0, finished.last
    assert finished.event("export")["signatures"]["serving_default"]["inputs"] == inputs


def test_a_serving_function_that_returns_something_else_is_refused(job: JobRoot) -> None:
    finished = job.write_code(
        line=with_serving("def serving_input_receiver_fn():\n    return 3\n")
    ).run()
    assert finished.code == 21
    assert "returned int, not a ServingInputReceiver" in finished.last["message"]


def test_input_functions_may_return_features_and_labels(job: JobRoot) -> None:
    source = LINE.replace(
        'return rows(path, params, params.get("rows"))',
        "return rows(path, params, None).make_one_shot_iterator().get_next()",
    ).replace(
        'return rows(path, params, params.get("eval_rows", 64))',
        'x = tf.ones([4, 1])\n    return {"x": x}, 2.0 * x',
    )
    finished = job.write_code(line=source).write_parameters(train_max_steps=5, eval_steps=2).run()
    assert finished.code == 0, finished.last
    assert finished.event("evaluation")["batches"] == 2


def test_arguments_are_optional_and_model_fn_may_take_config(job: JobRoot) -> None:
    source = LINE
    for old, new, first in (
        (
            "model_fn(features, labels, mode, params)",
            "model_fn(features, labels, mode, config)",
            "assert config.keep_checkpoint_max == 2; params = {}",
        ),
        ("eval_input_fn(path, params)", "eval_input_fn(path)", "params = {}"),
        (
            "train_input_fn(path, params)",
            "train_input_fn(data_dir, hyperparameters)",
            "path, params = data_dir, hyperparameters",
        ),
    ):
        source = source.replace(f"def {old}:", f"def {new}:\n    {first}")
    job.write_code(line=source).write_parameters(train_max_steps=3, keep_checkpoint_max=2)
    finished = job.run()
    assert finished.code == 0, finished.last


PARAMS_CHECK = """
import json

def check(params, seen_by):
    assert isinstance(params, dict), type(params)
    print("PARAMS", seen_by, json.dumps(params, sort_keys=True))
    # What one function does to its copy must not reach another.
    params["layers"]["sizes"].append(99)
    params["train_max_steps"] = -1
    del params["own"]
"""


def test_all_three_functions_get_the_same_plain_params_and_cannot_change_them(job: JobRoot) -> None:
    source = LINE.replace(
        "import numpy as np", "import numpy as np\nfrom params_check import check"
    )
    for head, name in (
        ("def train_input_fn(path, params):", "train"),
        ("def eval_input_fn(path, params):", "eval"),
        ("def model_fn(features, labels, mode, params):", "model"),
    ):
        source = source.replace(head, f"{head}\n    check(params, '{name}')")
    job.write_code(line=source, params_check=PARAMS_CHECK)
    job.write_parameters(train_max_steps=2, own="mine", layers={"sizes": [1, 2]})
    finished = job.run()
    assert finished.code == 0, finished.last
    printed = [r["message"].split(" ", 2) for r in finished.events("output")]
    seen = {(who, params) for tag, who, params in printed if tag == "PARAMS"}
    assert {who for who, _ in seen} == {"train", "eval", "model"}
    (params,) = {params for _, params in seen}
    assert '"layers": {"sizes": [1, 2]}' in params
    assert '"own": "mine"' in params
    assert '"save_checkpoints_secs": 600' in params
    assert '"train_max_steps": 2' in params


def test_check_builds_every_graph_and_trains_nothing(job: JobRoot) -> None:
    finished = job.run("check")
    assert finished.code == 0, finished.last
    assert finished.last["message"].startswith("check passed")
    assert not (job.path / "checkpoints").exists()
    assert not (job.path / "model").exists()


@pytest.mark.parametrize(
    "function", ["train_input_fn", "eval_input_fn", "serving_input_receiver_fn"]
)
def test_check_fails_where_a_training_would(job: JobRoot, function: str) -> None:
    source = LINE.replace(f"def {function}(", f"def unused_{function}(")
    source += f"\ndef {function}(*_args, **_kwargs):\n    raise KeyError('boom')\n"
    finished = job.write_code(line=source).run("check")
    assert finished.code == 21
    assert f"{function} raised KeyError: 'boom'" in finished.last["message"]


def test_sagemaker_hyperparameters_and_channel_reach_the_functions(root: JobRoot) -> None:
    root.copy_code("line").write("input/data/training/slope.txt", "3.0")
    root.write_config("inputdataconfig", {"training": {"TrainingInputMode": "File"}})
    root.write_config("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    root.write_config(
        "hyperparameters",
        {
            "train_max_steps": "4",
            "eval_start_delay_secs": '"0"',
            "batch_size": "16",
            "sagemaker_program": '"line.py"',
            "sagemaker_region": '"eu-west-1"',
        },
    )
    finished = root.run()
    assert finished.code == 10
    assert "eval_start_delay_secs" in finished.last["message"]

    root.write_config(
        "hyperparameters",
        {"train_max_steps": "4", "batch_size": "16", "sagemaker_program": "line.py"},
    )
    finished = root.run()
    assert finished.code == 0, finished.last
    start = finished.event("start")
    assert start["own_parameters"] == {"batch_size": 16}
    assert start["not_default"] == {"train_max_steps": 4}
    assert start["dataset"].endswith("input/data/training")


def test_a_global_step_that_stands_still_ends_the_job(job: JobRoot) -> None:
    source = LINE.replace("global_step=tf.train.get_or_create_global_step()", "")
    source = source.replace("return dataset.batch(", "return dataset.cache().repeat().batch(")
    job.write_code(line=source).write_parameters(rows=8, eval_rows=8, eval_steps=1)
    finished = job.run()
    message = finished.event("step_stands_still")["message"]
    assert message.startswith(
        "the training operation ran 1,000 times and the global step is still 0"
    )
    assert finished.code == 21
    assert "ran 10,000 times and the global step is still 0" in finished.last["message"]
    assert "optimizer.iterations" in finished.last["hint"]


def test_no_false_alarm_is_raised_about_the_global_step(job: JobRoot) -> None:
    job.write_parameters(train_max_steps=2500, eval_steps=1)
    finished = job.run()
    assert finished.code == 0
    assert "has not been increased" not in finished.output
    assert finished.events("step_stands_still") == []


def test_model_fn_may_return_a_tpu_estimators_spec(job: JobRoot) -> None:
    """As code does that was written for TPUs and runs without them."""
    source = (
        LINE.replace(
            "return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)",
            "metrics = (lambda a, b: {'error': tf.metrics.mean_absolute_error(a, b)},"
            " [labels, prediction])\n"
            "        return tf.contrib.tpu.TPUEstimatorSpec(mode, loss=loss, eval_metrics=metrics)",
        )
        .replace("optimizer.minimize(", "tf.contrib.tpu.CrossShardOptimizer(optimizer).minimize(")
        .replace("tf.estimator.EstimatorSpec(", "tf.contrib.tpu.TPUEstimatorSpec(")
    )
    finished = job.write_code(line=source).run()
    assert finished.code == 0, finished.last
    assert job.report["evaluation"]["error"] < 0.1
