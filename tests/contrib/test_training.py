"""`tf.contrib.training`."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1.contrib import training
from tests.contrib.running import run


def _hparams() -> Any:
    return training.HParams(rate=0.1, units=3, layers=[8, 4], relu=True, name="a", free=None)


def test_parse_reads_each_value_as_its_type() -> None:
    hparams = _hparams()
    assert hparams.parse("rate=1e-3, units=5,layers=[16, 8,4],relu=false,name=b/c") is hparams
    assert hparams.values() == {
        "rate": 1e-3,
        "units": 5,
        "layers": [16, 8, 4],
        "relu": False,
        "name": "b/c",
        "free": None,
    }


def test_parse_values_reads_index_assignments() -> None:
    types = {"x": int, "l": float, "arr": int, "b": bool}
    read = training.parse_values("x=5,l=[1,2.5],arr[1]=3,arr[0]=-4,b=1", types)
    assert read == {"x": 5, "l": [1.0, 2.5], "arr": {1: 3, 0: -4}, "b": True}
    assert training.parse_values("x=1,y=2", types, ignore_unknown=True) == {"x": 1}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("units=0.5", "Could not parse hparam 'units' of type 'int' with value '0.5'"),
        ("relu=maybe", "Could not parse hparam 'relu' of type 'bool'"),
        ("other=1", "Unknown hyperparameter type for other"),
        ("units=1,units=2", "Multiple assignments to variable 'units'"),
        ("layers[0]=1,layers[0]=2", r"Multiple assignments to variable 'layers\[0\]'"),
        ("layers=[1],layers[0]=2", r"Multiple assignments to variable 'layers\[0\]'"),
        ("layers[0]=[1,2]", "Assignment of a list to a list index"),
        ("units", "Malformed hyperparameter value: units"),
        ("layers=3", "Must pass a list for multi-valued parameter: layers"),
        ("units=[3]", "Must not pass a list for single-valued parameter: units"),
    ],
)
def test_parse_refuses(values: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _hparams().parse(values)


@pytest.mark.parametrize(
    ("name", "value"),
    [("units", 1.5), ("units", True), ("relu", 1), ("name", 3), ("rate", "0.5"), ("layers", 4)],
)
def test_a_value_of_another_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        _hparams().set_hparam(name, value)


def test_an_int_widens_to_float_and_none_takes_anything() -> None:
    hparams = _hparams().override_from_dict({"rate": 2, "free": "x"})
    assert (type(hparams.rate), hparams.rate, hparams.free) == (float, 2.0, "x")
    with pytest.raises(KeyError):
        hparams.set_hparam("other", 1)


def test_json_goes_there_and_back() -> None:
    hparams = _hparams()
    assert json.loads(hparams.to_json(indent=1, sort_keys=True)) == hparams.values()
    assert hparams.parse_json('{"layers": [1], "rate": 3}').layers == [1]
    assert hparams.rate == 3.0


def test_get_contains_and_delete() -> None:
    hparams = _hparams()
    assert "units" in hparams
    assert hparams.get("units") == hparams.get("units", 7) == 3
    assert hparams.get("other", 7) == 7
    with pytest.raises(ValueError, match="units"):
        hparams.get("units", 0.5)
    with pytest.raises(ValueError, match="layers"):
        hparams.get("layers", 1)
    hparams.del_hparam("units")
    hparams.del_hparam("units")
    assert "units" not in hparams
    assert not hasattr(hparams, "units")


def test_names_of_methods_and_empty_lists_are_refused() -> None:
    with pytest.raises(ValueError, match="reserved: parse"):
        training.HParams(parse=1)
    with pytest.raises(ValueError, match="cannot be empty: layers"):
        training.HParams(layers=[])
    with pytest.raises(ValueError, match=r"HParams\.to_json"):
        _hparams().to_proto()


def test_text_and_copies() -> None:
    hparams = training.HParams(b=1, a=[2.5])
    assert str(hparams) == "b=1,a=[2.5]"
    assert repr(hparams) == "HParams([('a', [2.5]), ('b', 1)])"
    other = copy.deepcopy(hparams)
    other.parse("b=2")
    assert (hparams.b, other.b) == (1, 2)


def test_estimator_takes_hparams(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: Any, params: Any) -> Any:
        weight = tf.get_variable("w", [], initializer=tf.zeros_initializer())
        loss = (weight - params.target) ** 2
        train_op = training.create_train_op(
            loss,
            tf.train.GradientDescentOptimizer(params.rate),
            transform_grads_fn=training.clip_gradient_norms_fn(1.0),
        )
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    estimator = tf.estimator.Estimator(
        model_fn, str(tmp_path), params=training.HParams(target=4.0, rate=0.5)
    )
    estimator.train(lambda: tf.data.Dataset.from_tensors((0.0, 0.0)).repeat(), steps=3)
    # The gradient, -8 at first, is clipped to norm 1: three steps of 0.5.
    assert estimator.get_variable_value("w") == pytest.approx(1.5)
    assert estimator.get_variable_value("global_step") == 3


def test_multiply_gradients_scales_by_name() -> None:
    variable = tf.get_variable("v", initializer=[1.0, 2.0])
    other = tf.get_variable("o", initializer=1.0)
    pairs = [(tf.constant([3.0, 4.0]), variable), (tf.constant(1.0), other)]
    scaled = training.multiply_gradients(pairs, {"v": 0.5})
    also = training.multiply_gradients(pairs, {variable: 2.0})
    scaled, also = run([[gradient for gradient, _ in some] for some in (scaled, also)])
    np.testing.assert_allclose(scaled[0], [1.5, 2.0])
    np.testing.assert_allclose(also[0], [6.0, 8.0])
    assert scaled[1] == also[1] == 1.0
    with pytest.raises(ValueError, match="None"):
        training.multiply_gradients([(None, variable)], {"v": 2.0})


def test_sparse_gradients_stay_sparse() -> None:
    table = tf.get_variable("t", initializer=[[3.0, 4.0], [0.0, 0.0], [0.0, 2.0]])
    loss = tf.reduce_sum(tf.nn.embedding_lookup(table, [0, 2]) ** 2)
    pairs = tf.train.GradientDescentOptimizer(1.0).compute_gradients(loss)
    doubled = training.multiply_gradients(training.clip_gradient_norms(pairs, 1.0), {"t": 2.0})
    gradient = doubled[0][0]
    assert isinstance(gradient, tf.IndexedSlices)
    values, indices = run([gradient.values, gradient.indices])
    # The gradient is 2 * rows, clipped over all rows at once to norm 1, then doubled.
    rows = np.array([[6.0, 8.0], [0.0, 4.0]])
    np.testing.assert_allclose(values, 2 * rows / np.sqrt(np.sum(rows**2)), rtol=1e-6)
    np.testing.assert_array_equal(indices, [0, 2])
    assert len(training.add_gradients_summaries([*doubled, (None, table)])) == 2


def test_train_op_runs_update_ops_first() -> None:
    seen = tf.get_variable("seen", initializer=1.0, trainable=False, use_resource=True)
    weight = tf.get_variable("w", initializer=1.0, use_resource=True)
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, seen.assign(5.0))
    train_op = training.create_train_op(weight**2, tf.train.GradientDescentOptimizer(0.5))
    assert train_op in tf.get_collection(tf.GraphKeys.TRAIN_OP)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(train_op) == 1.0
        assert session.run([seen, weight]) == [5.0, 0.0]


def test_infinite_loss_stops_the_job() -> None:
    weight = tf.get_variable("w", initializer=0.0, use_resource=True)
    train_op = training.create_train_op(1.0 / weight, tf.train.GradientDescentOptimizer(1.0))
    with pytest.raises(tf.errors.InvalidArgumentError, match="LossTensor is inf or nan"):
        run(train_op)


def _step_and_weight() -> tuple[Any, Any]:
    return tf.train.get_or_create_global_step(), tf.get_variable("w", initializer=1.0)


def test_train_and_evaluate_repeatedly(tmp_path: Path) -> None:
    _, weight = _step_and_weight()
    train_op = training.create_train_op(weight**2, tf.train.GradientDescentOptimizer(0.25))
    loss = training.train(train_op, str(tmp_path), hooks=[tf.train.StopAtStepHook(num_steps=2)])
    # w halves each step: 1, 0.5; the last loss is of the value before the update.
    assert loss == pytest.approx(0.25)
    with tf.Graph().as_default():
        step, weight = _step_and_weight()
        tf.summary.scalar("w", weight)
        values = training.evaluate_repeatedly(
            str(tmp_path),
            eval_ops=tf.no_op(),
            final_ops={"w": weight, "step": step},
            hooks=[
                training.StopAfterNEvalsHook(1),
                training.SummaryAtEndHook(str(tmp_path / "eval")),
            ],
            max_number_of_evaluations=1,
        )
    assert (values["w"], values["step"]) == (pytest.approx(0.25), 2)
    assert list((tmp_path / "eval").iterdir())


def test_resample_at_rate_draws_each_example_at_its_rate() -> None:
    example = tf.range(15000) % 3
    (drawn,) = training.resample_at_rate([example], tf.cast(example, tf.float32) * 1.5, seed=4)
    # 5000 examples each, at rates 0, 1.5 and 3.
    np.testing.assert_allclose(np.bincount(run(drawn)), [0, 7500, 15000], rtol=0.05)


def test_resample_keeps_the_order_and_pairs() -> None:
    index = tf.range(50)
    drawn, squares = run(training.resample_at_rate([index, index**2], tf.fill([50], 1.5), seed=3))
    assert list(drawn) == sorted(drawn)
    np.testing.assert_array_equal(drawn**2, squares)


def test_weighted_resample_draws_in_proportion() -> None:
    weights = tf.constant([1.0, 3.0] * 4000)
    (drawn,), rates = training.weighted_resample([weights], weights, 0.5, seed=2)
    drawn, rates = run([drawn, rates])
    # The mean weight is 2, so weight 1 is drawn at rate 0.25 and weight 3 at 0.75.
    np.testing.assert_allclose(rates, drawn * 0.25, rtol=1e-4)
    np.testing.assert_allclose([np.sum(drawn == 1), np.sum(drawn == 3)], [1000, 3000], rtol=0.1)


def test_random_strategy_spreads_by_name() -> None:
    strategy = training.RandomStrategy(3, seed=1)
    operations = [tf.get_variable(name, [2]).op for name in "abcdef"]
    # as TensorFlow 1.15.5 computes
    assert [strategy(op) for op in operations] == [1, 1, 2, 0, 0, 0]


@pytest.mark.parametrize("use_resource", [False, True])
def test_greedy_strategy_counts_bytes(use_resource: bool) -> None:
    strategy = training.GreedyLoadBalancingStrategy(2, training.byte_size_load_fn)
    shapes = {"a": [10], "b": [3], "c": [4], "d": [2], "e": [2], "f": [1]}
    placed = [
        strategy(tf.get_variable(name, shape, use_resource=use_resource).op)
        for name, shape in shapes.items()
    ]
    assert placed == [0, 1, 1, 1, 1, 0]
    assert training.byte_size_load_fn(tf.constant([1.0, 2.0], tf.float64).op) == 16
