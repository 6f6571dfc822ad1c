"""`tf.contrib.tpu`, as BERT-style code uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

# What `revive` silences, pytest lets through again in every test after the first.
pytestmark = pytest.mark.filterwarnings("ignore:`tf.layers.dense` is deprecated:UserWarning")

_INPUTS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 0.0]] * 4, np.float32)
_LABELS = np.array([0, 1, 1, 0] * 4, np.int32)


def _input_fn(params: dict[str, Any]) -> Any:
    dataset = tf.data.Dataset.from_tensor_slices(({"x": _INPUTS}, _LABELS))
    return dataset.repeat(params.get("epochs")).batch(params["batch_size"])


def _predict_input_fn(params: dict[str, Any]) -> Any:
    return tf.data.Dataset.from_tensor_slices({"x": _INPUTS[:5]}).batch(params["batch_size"])


def _serving_input_fn() -> Any:
    features = {"x": tf.placeholder(tf.float32, [None, 2], "x")}
    return tf.estimator.export.ServingInputReceiver(features, features)


def _model_fn_builder(sizes: list[Any] | None = None) -> Any:
    def host_call(step: Any, loss: Any) -> Any:
        directory = tf.get_default_graph().get_collection("directory")[0]
        with (
            contrib.summary.create_file_writer(directory, max_queue=1).as_default(),
            contrib.summary.always_record_summaries(),
        ):
            contrib.summary.scalar("host_loss", tf.reduce_mean(loss), step=step[0])
            return contrib.summary.all_summary_ops()

    def model_fn(features: Any, labels: Any, mode: str, params: dict[str, Any]) -> Any:
        if sizes is not None:
            sizes.append((mode, params.get("batch_size"), params["use_tpu"]))
        logits = tf.layers.dense(features["x"], 2, kernel_initializer="zeros", name="logits")
        probabilities = tf.nn.softmax(logits)
        if mode == tf.estimator.ModeKeys.PREDICT:
            return contrib.tpu.TPUEstimatorSpec(mode, predictions={"probabilities": probabilities})
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        loss = tf.reduce_mean(each)
        if mode == tf.estimator.ModeKeys.TRAIN:
            optimizer = contrib.tpu.CrossShardOptimizer(tf.train.GradientDescentOptimizer(1.0))
            step = tf.train.get_global_step()
            gradients = optimizer.compute_gradients(loss)
            tf.add_to_collection("directory", params["summaries"])
            return contrib.tpu.TPUEstimatorSpec(
                mode,
                loss=loss,
                train_op=optimizer.apply_gradients(gradients, global_step=step),
                scaffold_fn=tf.train.Scaffold,
                host_call=(host_call, [tf.reshape(step, [1]), tf.reshape(loss, [1])]),
            )

        def metric_fn(each: Any, labels: Any, logits: Any) -> dict[str, Any]:
            classes = tf.argmax(logits, -1, output_type=tf.int32)
            return {
                "eval_accuracy": tf.metrics.accuracy(labels, classes),
                "eval_loss": tf.metrics.mean(each),
            }

        return contrib.tpu.TPUEstimatorSpec(
            mode, loss=loss, eval_metrics=(metric_fn, [each, labels, logits])
        )

    return model_fn


def _estimator(directory: Path, model_fn: Any, **kwargs: Any) -> Any:
    config = contrib.tpu.RunConfig(
        cluster=None,
        master=None,
        model_dir=str(directory / "model"),
        save_checkpoints_steps=10,
        tpu_config=contrib.tpu.TPUConfig(
            iterations_per_loop=1000,
            num_shards=8,
            per_host_input_for_training=contrib.tpu.InputPipelineConfig.PER_HOST_V2,
        ),
    )
    return contrib.tpu.TPUEstimator(
        use_tpu=False,
        model_fn=model_fn,
        config=config,
        params={"summaries": str(directory / "summaries"), **kwargs},
        train_batch_size=16,
        eval_batch_size=3,
        predict_batch_size=2,
    )


def _one_step_by_hand() -> tuple[Any, Any]:
    """Return kernel and bias after a gradient step of the softmax regression from zero."""
    error = 0.5 - np.eye(2)[_LABELS]
    return -_INPUTS.T @ error / 16, -error.mean(axis=0)


def test_a_step_is_that_of_the_whole_batch(tmp_path: Path) -> None:
    sizes: list[Any] = []
    estimator = _estimator(tmp_path, _model_fn_builder(sizes))
    estimator.train(_input_fn, max_steps=1)
    assert sizes == [("train", 16, False)]
    kernel, bias = _one_step_by_hand()
    np.testing.assert_allclose(estimator.get_variable_value("logits/kernel"), kernel, rtol=1e-6)
    np.testing.assert_allclose(estimator.get_variable_value("logits/bias"), bias, atol=1e-7)
    assert set(estimator.get_variable_names()) == {"global_step", "logits/bias", "logits/kernel"}


def _softmax(logits: Any) -> Any:
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_evaluation_runs_the_metrics_over_every_batch(tmp_path: Path) -> None:
    sizes: list[Any] = []
    estimator = _estimator(tmp_path, _model_fn_builder(sizes), epochs=1)
    estimator.train(_input_fn, steps=1)
    metrics = estimator.evaluate(_input_fn)
    kernel, bias = _one_step_by_hand()
    probabilities = _softmax(_INPUTS @ kernel + bias)
    expected = -np.log(probabilities[np.arange(16), _LABELS]).mean()
    assert sizes[1:] == [("eval", 3, False)]
    assert metrics["eval_loss"] == pytest.approx(expected, rel=1e-5)
    assert metrics["eval_accuracy"] == np.mean(probabilities.argmax(1) == _LABELS)
    assert metrics["global_step"] == 1


def test_prediction_and_export_agree(tmp_path: Path) -> None:
    sizes: list[Any] = []
    estimator = _estimator(tmp_path, _model_fn_builder(sizes))
    estimator.train(_input_fn, steps=1)
    predicted = [each["probabilities"] for each in estimator.predict(_predict_input_fn)]
    kernel, bias = _one_step_by_hand()
    expected = _softmax(_INPUTS[:5] @ kernel + bias)
    np.testing.assert_allclose(predicted, expected, rtol=1e-5)
    exported = estimator.export_saved_model(str(tmp_path / "export"), _serving_input_fn)
    assert sizes[1:] == [("infer", 2, False), ("infer", None, False)]
    with tf.Graph().as_default(), tf.Session() as session:
        served = tf.saved_model.load(session, ["serve"], exported.decode())
        signature = served.signature_def["serving_default"]
        values = session.run(
            signature.outputs["probabilities"].name,
            {signature.inputs["x"].name: _INPUTS[:5]},
        )
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_an_export_has_one_graph(tmp_path: Path) -> None:
    """A second one, for TPUs, could not be told apart without tags."""
    from tensorflow.python.saved_model import loader_impl

    estimator = _estimator(tmp_path, _model_fn_builder())
    estimator.train(_input_fn, steps=1)
    exported = estimator.export_saved_model(str(tmp_path / "export"), _serving_input_fn)
    (graph,) = loader_impl.parse_saved_model(exported).meta_graphs
    assert list(graph.meta_info_def.tags) == ["serve"]


def _events(directory: Path) -> Iterator[Any]:
    for file in directory.glob("events*"):
        yield from tf.train.summary_iterator(str(file))


def test_host_call_writes_its_summaries_every_step(tmp_path: Path) -> None:
    _estimator(tmp_path, _model_fn_builder()).train(_input_fn, steps=3)
    written = {
        event.step: tf.make_ndarray(value.tensor)
        if value.HasField("tensor")
        else value.simple_value
        for event in _events(tmp_path / "summaries")
        for value in event.summary.value
        if value.tag == "host_loss"
    }
    assert len(written) == 3
    assert written[min(written)] == pytest.approx(np.log(2.0))
    assert written[max(written)] < np.log(2.0)


@pytest.mark.parametrize("batch_size", [None, 4])
def test_speed_is_logged_as_often_as_asked_for(tmp_path: Path, batch_size: int | None) -> None:
    config = contrib.tpu.RunConfig(
        model_dir=str(tmp_path),
        log_step_count_steps=2,
        tpu_config=contrib.tpu.TPUConfig(iterations_per_loop=1000),
    )

    def model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
        loss = tf.get_variable("w", initializer=2.0) ** 2
        train_op = tf.train.GradientDescentOptimizer(0.5).minimize(loss, tf.train.get_global_step())
        return contrib.tpu.TPUEstimatorSpec(mode, loss=loss, train_op=train_op)

    estimator = contrib.tpu.TPUEstimator(
        model_fn, config=config, use_tpu=False, train_batch_size=batch_size
    )

    def input_fn(params: Any) -> Any:
        return tf.data.Dataset.from_tensors((0.0, 0.0)).repeat()

    estimator.train(input_fn, steps=7)
    steps: dict[str, list[int]] = {}
    for event in _events(tmp_path):
        for value in event.summary.value:
            steps.setdefault(value.tag, []).append(event.step)
    assert steps["global_step/sec"] == [3, 5, 7]
    assert steps.get("examples/sec") == (None if batch_size is None else [3, 5, 7])


def test_train_and_evaluate(tmp_path: Path) -> None:
    metrics, _ = tf.estimator.train_and_evaluate(
        _estimator(tmp_path, _model_fn_builder()),
        tf.estimator.TrainSpec(_input_fn, max_steps=5),
        tf.estimator.EvalSpec(_input_fn, steps=2, start_delay_secs=0, throttle_secs=0),
    )
    assert metrics["global_step"] == 5
    assert metrics["eval_accuracy"] == 1.0


def test_an_estimator_takes_the_spec_as_its_own(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        loss = tf.get_variable("w", initializer=2.0) ** 2
        eval_metrics = (lambda value: {"value": tf.metrics.mean(value)}, {"value": loss})
        train_op = tf.train.GradientDescentOptimizer(0.5).minimize(loss, tf.train.get_global_step())
        spec = contrib.tpu.TPUEstimatorSpec(
            mode, loss=loss, train_op=train_op, eval_metrics=eval_metrics
        )
        return spec.as_estimator_spec()

    estimator = tf.estimator.Estimator(model_fn, str(tmp_path))

    def input_fn() -> Any:
        return tf.data.Dataset.from_tensors((0.0, 0.0))

    estimator.train(input_fn, steps=1)
    assert estimator.evaluate(input_fn, steps=1)["value"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no TPU runs here; set use_tpu=False"),
        ({"use_tpu": False, "export_to_cpu": False}, "set export_to_cpu=True"),
        ({"use_tpu": False, "embedding_config_spec": object()}, "embedding_config_spec"),
        ({"use_tpu": False, "params": {"batch_size": 3}}, "reserved"),
    ],
)
def test_construction_says_what_runs_on_tpus_alone(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        contrib.tpu.TPUEstimator(
            _model_fn_builder(),
            str(tmp_path),
            config=contrib.tpu.RunConfig(),
            train_batch_size=8,
            **arguments,
        )


def test_input_fn_must_take_params(tmp_path: Path) -> None:
    estimator = _estimator(tmp_path, _model_fn_builder())
    with pytest.raises(ValueError, match="params"):
        estimator.train(lambda: _input_fn({"batch_size": 4}), steps=1)


@pytest.mark.parametrize("reduction", [tf.losses.Reduction.SUM, tf.losses.Reduction.MEAN])
def test_cross_shard_optimizer_is_the_optimizer_it_wraps(reduction: str) -> None:
    weight = tf.get_variable("w", initializer=[1.0, 2.0])
    optimizer = contrib.tpu.CrossShardOptimizer(tf.train.MomentumOptimizer(0.5, 0.9), reduction)
    step = tf.train.get_or_create_global_step()
    train_op = optimizer.minimize(tf.reduce_sum(weight**2), global_step=step)
    assert optimizer.get_slot_names() == ["momentum"]
    assert [each.op.name for each in tf.global_variables()] == ["w", "global_step", "w/Momentum"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        assert session.run([step, optimizer.get_slot(weight, "momentum")[1]]) == [1, 4.0]
        np.testing.assert_allclose(session.run(weight), [0.0, 0.0])


def test_cross_shard_optimizer_refuses_what_one_shard_has_not() -> None:
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    with pytest.raises(ValueError, match="reduction"):
        contrib.tpu.CrossShardOptimizer(optimizer, reduction="none")
    with pytest.raises(ValueError, match="group_assignment"):
        contrib.tpu.CrossShardOptimizer(optimizer, group_assignment=[[0, 1]])
    contrib.tpu.CrossShardOptimizer(optimizer, group_assignment=[[0]])


def test_cross_replica_sum_of_one_replica_and_of_two() -> None:
    assert list(run(contrib.tpu.cross_replica_sum(tf.constant([1.0, 2.0])))) == [1.0, 2.0]
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])

    def replica_fn() -> Any:
        context = tf.distribute.get_replica_context()
        own = tf.cast(context.replica_id_in_sync_group, tf.float32) + 1.0
        return contrib.tpu.cross_replica_sum(own)

    with strategy.scope():
        sums = strategy.experimental_local_results(strategy.run(replica_fn))
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as session:
        assert session.run(sums) == (3.0, 3.0)


def test_bfloat16_scope_keeps_variables_in_float32() -> None:
    with contrib.tpu.bfloat16_scope():
        outputs = tf.layers.dense(tf.ones([1, 2], tf.bfloat16), 1, kernel_initializer="ones")
    assert outputs.dtype == tf.bfloat16
    assert {variable.dtype.base_dtype for variable in tf.global_variables()} == {tf.float32}
    assert float(run(outputs)[0, 0]) == 2.0


def test_outside_compilation_calls() -> None:
    assert contrib.tpu.outside_compilation(lambda a, b: a - b, 3, b=1) == 2


def test_what_needs_a_tpu_says_so() -> None:
    with pytest.raises(AttributeError, match=r"tf.contrib.tpu.rewrite is not supplied; no TPU"):
        _ = contrib.tpu.rewrite
