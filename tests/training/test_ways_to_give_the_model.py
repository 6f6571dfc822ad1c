"""Modules that give the model as an Estimator or a Keras model, as SageMaker's of 2018 did."""

from __future__ import annotations

import pytest

from tests.jobs import JobRoot

# The label is whether the sum of the four features is above 2.
DATA = """\
import numpy as np
import tensorflow as tf


def rows(name, params, epochs):
    x = np.random.RandomState(0).rand(512, 4).astype("float32")
    y = (x.sum(1) > 2).astype("int32")
    y = np.eye(2, dtype="float32")[y] if params.get("one_hot") else y
    return tf.estimator.inputs.numpy_input_fn(
        {name: x}, y, batch_size=32, num_epochs=epochs, shuffle=epochs is None
    )
"""
KERAS = (
    DATA
    + """

def keras_model_fn(hyperparameters):
    model = tf.keras.models.Sequential()
    model.add(tf.keras.layers.Dense(8, activation="relu", input_shape=(4,), name="first"))
    model.add(tf.keras.layers.Dense(2, activation="softmax"))
    model.compile(
        optimizer=tf.keras.optimizers.RMSprop(lr=hyperparameters["rate"]),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def train_input_fn(training_dir, hyperparameters):
    return rows("first_input", hyperparameters, None)()


def eval_input_fn(training_dir, hyperparameters):
    return rows("first_input", hyperparameters, 1)()


def serving_input_fn(hyperparameters):
    x = tf.placeholder(tf.float32, [None, 4])
    return tf.estimator.export.ServingInputReceiver({"first_input": x}, {"first_input": x})
"""
)
# The same for TensorFlow 2.
KERAS_2 = KERAS.replace("tf.estimator.inputs", "tf.compat.v1.estimator.inputs").replace(
    "tf.placeholder", "tf.compat.v1.placeholder"
)
CANNED = (
    DATA
    + """

def estimator_fn(run_config, params):
    columns = [tf.feature_column.numeric_column("x", shape=[4])]
    return tf.estimator.DNNClassifier(
        hidden_units=[10, 10], feature_columns=columns, n_classes=2, config=run_config
    )


def train_input_fn(training_dir, params):
    return rows("x", params, None)  # a function, as numpy_input_fn made it


def eval_input_fn(channel_dirs, params):
    assert channel_dirs["training"].endswith("input/data"), channel_dirs
    return rows("x", params, 1)


def serving_input_fn(params):
    features = {"x": tf.FixedLenFeature([4], tf.float32)}
    return tf.estimator.export.build_parsing_serving_input_receiver_fn(features)()
"""
)


def with_code(root: JobRoot, source: str, **parameters: object) -> JobRoot:
    root.write("input/data/rows.txt", "").write_code(train=source)
    return root.write_parameters(
        train_max_steps=400, eval_start_delay_secs=0, save_checkpoints_steps=200, **parameters
    )


def saves_objects(job: JobRoot) -> bool:
    """Whether the newest checkpoint has paths of objects for keys, and not names of variables."""
    index = job.path / "checkpoints" / f"model.ckpt-{job.checkpoint_steps[-1]}.index"
    return b".ATTRIBUTES" in index.read_bytes()


@pytest.mark.parametrize(("source", "metric"), [(KERAS, "acc"), (KERAS_2, "accuracy")])
def test_a_compiled_keras_model_learns_and_exports(root: JobRoot, source: str, metric: str) -> None:
    job = with_code(root, source, rate=0.02, one_hot=True)
    finished = job.run()
    assert finished.code == 0, finished.last
    assert finished.event("tensorflow_api")["api"] == ("1" if source == KERAS else "2")
    assert job.report["evaluation"][metric] > 0.85
    assert saves_objects(job) == (source == KERAS_2)
    signature = finished.event("export")["signatures"]["serving_default"]
    assert signature["inputs"] == {"first_input": "float32[?,4]"}
    assert job.checkpoint_steps == [0, 200, 400]
    # Started again, it goes on from its own checkpoint and not from the model's first values.
    job.write_parameters(train_max_steps=500, eval_start_delay_secs=0, rate=0.0, one_hot=True)
    finished = job.run()
    assert finished.event("resume")["global_step"] == 400
    assert job.report["evaluation"][metric] > 0.85
    # And a new training may begin with it.
    first = job.path / "first"
    (job.path / "checkpoints").rename(first)
    job.write_parameters(train_max_steps=1, eval_start_delay_secs=0, rate=0.0, one_hot=True)
    finished = job.run(MODELMAKER_WARM_START=str(first))
    assert {"first/kernel", "dense/bias"} <= set(finished.event("warm_start")["taken"])
    assert job.report["evaluation"][metric] > 0.85


def test_an_estimator_of_the_users_own_learns_and_exports(root: JobRoot) -> None:
    job = with_code(root, CANNED)
    finished = job.run()
    assert finished.code == 0, finished.last
    assert job.report["evaluation"]["accuracy"] > 0.9
    assert finished.event("export")["signatures"]["serving_default"]["inputs"] == {
        "inputs": "string[?]"
    }
    progress = [record for record in job.metrics if record["event"] == "progress"]
    ratio = progress[-1]["examples_per_second"] / progress[-1]["steps_per_second"]
    assert round(ratio) == 32, "the rows of every batch are counted"


TPU = (
    DATA
    + """

def model_fn(features, labels, mode, params):
    assert mode == "infer" or params["batch_size"] == {"train": 16, "eval": 8}[mode], params
    logits = tf.layers.dense(features["x"], 2)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.contrib.tpu.TPUEstimatorSpec(mode, predictions={"logits": logits})
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    optimizer = tf.tpu.CrossShardOptimizer(tf.train.AdamOptimizer(0.05))
    return tf.contrib.tpu.TPUEstimatorSpec(
        mode,
        loss=loss,
        train_op=optimizer.minimize(loss, tf.train.get_global_step()),
        eval_metrics=(
            lambda labels, logits: {"accuracy": tf.metrics.accuracy(labels, tf.argmax(logits, 1))},
            [labels, logits],
        ),
    )


def estimator_fn(run_config, params):
    return tf.estimator.tpu.TPUEstimator(
        model_fn, config=run_config, use_tpu=False, train_batch_size=16, eval_batch_size=8
    )


def train_input_fn(path, params):
    assert params["batch_size"] == 16
    return rows("x", params, None)


def eval_input_fn(path, params):
    assert params["batch_size"] == 8
    return rows("x", params, 1)


def serving_input_fn():
    x = tf.placeholder(tf.float32, [None, 4])
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})
"""
)


def test_a_tpu_estimator_is_one_for_cpu_and_gpu(root: JobRoot) -> None:
    """Built with the job's RunConfig; its batch sizes reach the user's functions."""
    job = with_code(root, TPU)
    finished = job.run()
    assert finished.code == 0, finished.last
    assert job.report["evaluation"]["accuracy"] > 0.85
    assert job.checkpoint_steps == [0, 200, 400]


def test_a_model_without_a_default_signature_is_exported_with_a_warning(root: JobRoot) -> None:
    """A canned classifier's default one takes serialized examples, which this receiver does not."""
    serving = CANNED[CANNED.index("    features = {") :]
    raw = """\
    x = tf.placeholder(tf.float32, [None, 4])
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})
"""
    finished = with_code(root, CANNED.replace(serving, raw)).run()
    assert finished.code == 0, finished.last
    assert finished.event("no_default_signature")["message"].endswith(" call it: predict")
    assert list(finished.event("export")["signatures"]) == ["predict"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            CANNED.replace("    return tf.estimator.DNNClassifier(", "    return dict("),
            "estimator_fn returned dict, not an Estimator",
        ),
        (
            CANNED.replace("config=run_config", "model_dir='/tmp/elsewhere'"),
            "estimator_fn built an Estimator that saves to /tmp/elsewhere",
        ),
        (KERAS.replace("    return model\n", "    return 3\n"), "keras_model_fn returned int"),
        (
            KERAS.replace("model.compile(", "dict("),
            "keras_model_fn returned a model that is not compiled",
        ),
    ],
    ids=["no estimator", "another directory", "no model", "not compiled"],
)
def test_what_is_not_the_model_is_refused(root: JobRoot, source: str, message: str) -> None:
    finished = with_code(root, source, rate=0.02, one_hot=True).run("check")
    assert finished.code == 21, finished.last
    assert finished.last["message"].startswith(message)


def test_an_estimator_that_was_given_a_warm_start_keeps_it_under_ours(root: JobRoot) -> None:
    """What the job's warm start does not have comes from the user's."""
    job = with_code(root, CANNED)
    assert job.run().code == 0
    first = job.path / "first"
    (job.path / "checkpoints").rename(first)
    source = CANNED.replace(
        "config=run_config", f"config=run_config, warm_start_from={str(first)!r}"
    )
    with_code(
        root,
        source.replace(
            "hidden_units=[10, 10]",
            "optimizer=tf.train.GradientDescentOptimizer(0.0), hidden_units=[10, 10]",
        ),
    )
    job.write_parameters(train_max_steps=1, eval_start_delay_secs=0)
    finished = job.run(MODELMAKER_WARM_START=str(first))
    assert finished.code == 0, finished.last
    assert "dnn/hiddenlayer_0/kernel" in finished.event("warm_start")["taken"]
    assert job.report["evaluation"]["accuracy"] > 0.9
