"""`tf.contrib.estimator`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

_FEATURES = {"x": np.zeros([2, 1], np.float32), "w": np.array([1.0, 3.0], np.float32)}


def _spec(head: Any, mode: str, logits: Any, labels: Any = None, **kwargs: Any) -> Any:
    logits = tf.nest.map_structure(lambda each: tf.constant(each, tf.float32), logits)
    if mode == "train":
        kwargs["train_op_fn"] = tf.identity
    features = {name: tf.constant(value) for name, value in _FEATURES.items()}
    return head.create_estimator_spec(
        features=features, mode=mode, logits=logits, labels=labels, **kwargs
    )


def _metrics(spec: Any) -> dict[str, float]:
    values = {name: value for name, (value, _) in spec.eval_metric_ops.items()}
    with tf.Session() as session:
        session.run(
            [
                tf.global_variables_initializer(),
                tf.local_variables_initializer(),
                tf.tables_initializer(),
            ]
        )
        session.run([update for _, update in spec.eval_metric_ops.values()])
        return dict(session.run(values))


def _sigmoid(logits: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(logits)))


def _cross_entropy(labels: Any, logits: Any) -> Any:
    labels, chance = np.asarray(labels), _sigmoid(logits)
    return -(labels * np.log(chance) + (1 - labels) * np.log(1 - chance))


def test_multi_class_head_averages_over_the_batch() -> None:
    logits = [[1.0, 2.0, 0.5], [0.0, 0.0, 3.0]]
    head = contrib.estimator.multi_class_head(3, weight_column="w")
    loss = run(_spec(head, "train", logits, tf.constant([[1], [2]])).loss)
    each = [
        math.log(sum(map(math.exp, row))) - row[i] for row, i in zip(logits, [1, 2], strict=True)
    ]
    assert loss == pytest.approx((each[0] + 3 * each[1]) / 2, rel=1e-5)


def test_binary_classification_head_has_metrics_at_thresholds() -> None:
    logits = [[2.0], [-1.0]]
    head = contrib.estimator.binary_classification_head(
        thresholds=[0.2], loss_reduction=tf.losses.Reduction.SUM, name="b"
    )
    labels = tf.constant([[1.0], [0.0]])
    assert run(_spec(head, "train", logits, labels).loss) == pytest.approx(
        _cross_entropy([[1], [0]], logits).sum(), rel=1e-5
    )
    metrics = _metrics(_spec(head, "eval", logits, labels))
    # sigmoid(-1) is 0.27, above the threshold.
    assert metrics["precision/positive_threshold_0.2/b"] == 0.5
    assert metrics["accuracy/b"] == 1.0


def test_regression_heads() -> None:
    estimator = contrib.estimator
    logits, labels = [[1.0], [2.0]], tf.constant([[3.0], [0.5]])
    squared = run(_spec(estimator.regression_head(), "train", logits, labels).loss)
    assert squared == pytest.approx((4.0 + 2.25) / 2)
    poisson = estimator.poisson_regression_head(compute_full_loss=False)
    # The mean of exp(logit) - logit * label.
    expected = (math.e - 3.0 + math.e**2 - 1.0) / 2
    assert run(_spec(poisson, "train", logits, labels).loss) == pytest.approx(expected, rel=1e-5)
    predictions = run(_spec(poisson, "infer", logits).predictions["predictions"])
    np.testing.assert_allclose(predictions, np.exp(logits), rtol=1e-5)


def test_poisson_head_adds_the_constant_of_the_label() -> None:
    head = contrib.estimator.poisson_regression_head()
    loss = run(_spec(head, "train", [[1.0], [1.0]], tf.constant([[3.0], [3.0]])).loss)
    stirling = 3 * math.log(3) - 3 + 0.5 * math.log(2 * math.pi * 3)
    assert loss == pytest.approx(math.e - 3 + stirling, rel=1e-5)


def test_logistic_regression_head() -> None:
    head = contrib.estimator.logistic_regression_head()
    logits, labels = [[1.0], [-2.0]], [[0.25], [1.0]]
    loss = run(_spec(head, "train", logits, tf.constant(labels)).loss)
    assert loss == pytest.approx(_cross_entropy(labels, logits).mean(), rel=1e-5)
    spec = _spec(head, "infer", logits)
    np.testing.assert_allclose(run(spec.predictions["predictions"]), _sigmoid(logits), rtol=1e-5)
    assert isinstance(spec.export_outputs["serving_default"], tf.estimator.export.RegressionOutput)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"in range \[0, 1\]"):
        run(_spec(head, "train", logits, tf.constant([[2.0], [0.0]])).loss)


_MULTI_LOGITS = [[-1.0, 1.0, 0.5], [2.0, -0.5, -0.1]]
_MULTI_HOT = [[1, 0, 1], [1, 1, 0]]


def test_multi_label_loss_averages_over_classes_and_examples() -> None:
    head = contrib.estimator.multi_label_head(3, weight_column="w")
    spec = _spec(head, "train", _MULTI_LOGITS, tf.constant(_MULTI_HOT, tf.int64))
    by_example = _cross_entropy(_MULTI_HOT, _MULTI_LOGITS).mean(axis=1)
    assert run(spec.loss) == pytest.approx((by_example @ [1.0, 3.0]) / 2, rel=1e-5)
    assert head.logits_dimension == 3


@pytest.mark.parametrize(
    ("values", "vocabulary"), [([0, 2, 0, 1], None), (["a", "c", "a", "b"], ["a", "b", "c"])]
)
def test_multi_label_head_takes_sparse_labels(values: Any, vocabulary: Any) -> None:
    labels = tf.SparseTensor([[0, 0], [0, 1], [1, 0], [1, 1]], values, [2, 2])
    head = contrib.estimator.multi_label_head(
        3, label_vocabulary=vocabulary, loss_reduction=tf.losses.Reduction.SUM, name="m"
    )
    loss = run(_spec(head, "train", _MULTI_LOGITS, labels, regularization_losses=[10.0]).loss)
    expected = _cross_entropy(_MULTI_HOT, _MULTI_LOGITS).mean(axis=1).sum() + 10.0
    assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("values", [[3], ["z"]])
def test_multi_label_head_refuses_other_classes(values: Any) -> None:
    labels = tf.SparseTensor([[0, 0]], values, [2, 1])
    head = contrib.estimator.multi_label_head(3, label_vocabulary=["a", "b", "c"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels must be"):
        run(_spec(head, "train", _MULTI_LOGITS, labels).loss)


def test_multi_label_metrics() -> None:
    head = contrib.estimator.multi_label_head(
        3,
        weight_column="w",
        thresholds=[0.5],
        label_vocabulary=["a", "b", "c"],
        classes_for_class_based_metrics=["b"],
        name="m",
    )
    labels = tf.constant(_MULTI_HOT, tf.int64)
    metrics = _metrics(_spec(head, "eval", _MULTI_LOGITS, labels))
    by_example = _cross_entropy(_MULTI_HOT, _MULTI_LOGITS).mean(axis=1)
    chance = _sigmoid(_MULTI_LOGITS)
    # Positive at 0.5: b and c of the first example, of weight 1, and a of the second, weight 3.
    expected = {
        "average_loss/m": by_example @ [1.0, 3.0] / 4,
        "accuracy/positive_threshold_0.5/m": (1 * 1 + 3 * 2) / 12,
        "precision/positive_threshold_0.5/m": (1 + 3) / (2 + 3),
        "recall/positive_threshold_0.5/m": (1 + 3) / (2 + 6),
        "probability_mean/b/m": chance[:, 1] @ [1.0, 3.0] / 4,
        # The one positive of class b has the lower probability.
        "auc/b/m": 0.0,
    }
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value, rel=1e-4, abs=1e-4), name
    assert set(metrics) == {
        *expected,
        "auc/m",
        "auc_precision_recall/m",
        "auc_precision_recall/b/m",
    }


def test_multi_label_predictions_and_exports() -> None:
    head = contrib.estimator.multi_label_head(3, label_vocabulary=["a", "b", "c"])
    spec = _spec(head, "infer", _MULTI_LOGITS)
    assert set(spec.predictions) == {"logits", "probabilities"}
    assert set(spec.export_outputs) == {"serving_default", "classification", "predict"}
    served = spec.export_outputs["serving_default"]
    classes, scores = run([served.classes, served.scores])
    assert classes.tolist() == [[b"a", b"b", b"c"]] * 2
    np.testing.assert_allclose(scores, _sigmoid(_MULTI_LOGITS), rtol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"n_classes": 1},
        {"n_classes": 3, "thresholds": [1.0]},
        {"n_classes": 3, "label_vocabulary": ["a"]},
        {"n_classes": 3, "loss_reduction": "none"},
        {"n_classes": 3, "classes_for_class_based_metrics": [3]},
        {"n_classes": 3, "classes_for_class_based_metrics": ["a"]},
    ],
)
def test_multi_label_head_checks_its_arguments(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        contrib.estimator.multi_label_head(**arguments)


def _two_heads(weights: Any = None) -> Any:
    return contrib.estimator.multi_head(
        [
            contrib.estimator.regression_head(name="r"),
            contrib.estimator.multi_label_head(3, name="m"),
        ],
        weights,
    )


_BOTH_LABELS = {"r": [[1.0], [2.0]], "m": _MULTI_HOT}


def _both_labels() -> dict[str, Any]:
    return {"r": tf.constant(_BOTH_LABELS["r"]), "m": tf.constant(_MULTI_HOT, tf.int64)}


@pytest.mark.parametrize("as_dict", [True, False])
@pytest.mark.parametrize("weights", [None, [2.0, 0.5]])
def test_multi_head_adds_the_losses(as_dict: bool, weights: Any) -> None:
    head = _two_heads(weights)
    logits: Any = {"r": [[0.0], [0.0]], "m": _MULTI_LOGITS}
    if not as_dict:
        logits = np.concatenate([logits["r"], logits["m"]], axis=1)
    assert (head.name, head.logits_dimension) == ("r_m", 4)
    loss = run(_spec(head, "train", logits, _both_labels()).loss)
    first, second = 2.5, _cross_entropy(_MULTI_HOT, _MULTI_LOGITS).mean()
    by_weight = weights or [1.0, 1.0]
    assert loss == pytest.approx(first * by_weight[0] + second * by_weight[1], rel=1e-5)


def test_multi_head_merges_metrics_predictions_and_exports() -> None:
    logits = {"r": [[0.0], [1.0]], "m": _MULTI_LOGITS}
    metrics = _metrics(_spec(_two_heads(), "eval", logits, _both_labels()))
    assert {"loss/r", "loss/m", "average_loss/r", "auc/m"} <= set(metrics)
    assert metrics["loss/r"] == pytest.approx(1.0)
    spec = _spec(_two_heads(), "infer", logits)
    assert set(spec.predictions) == {("r", "predictions"), ("m", "logits"), ("m", "probabilities")}
    assert set(spec.export_outputs) == {
        "serving_default",
        "r",
        "r/regression",
        "r/predict",
        "m",
        "m/classification",
        "m/predict",
        "predict",
    }
    assert spec.export_outputs["serving_default"] is spec.export_outputs["r"]
    assert set(spec.export_outputs["predict"].outputs) == {
        "r/predictions",
        "m/logits",
        "m/probabilities",
    }


def test_multi_head_checks_its_arguments() -> None:
    regression = contrib.estimator.regression_head(name="r")
    for heads, weights in (([], None), ([contrib.estimator.regression_head()], None)):
        with pytest.raises(ValueError, match="specif"):
            contrib.estimator.multi_head(heads, weights)
    with pytest.raises(ValueError, match="same size"):
        contrib.estimator.multi_head([regression], [1.0, 2.0])
    with pytest.raises(ValueError, match="Could not split"):
        _spec(_two_heads(), "train", [[1.0, 2.0]], _both_labels())
    head = _two_heads()
    with pytest.raises(ValueError, match="train_op_fn and optimizer cannot both be None"):
        head.create_estimator_spec({}, "train", tf.zeros([2, 4]), _both_labels())


def _input_fn() -> Any:
    dataset = tf.data.Dataset.from_tensors(
        ({"x": [[1.0], [2.0]], "key": [[7], [8]]}, [[2.0], [4.0]])
    )
    return dataset.repeat()


def _regression(directory: Path, optimizer: Any, **kwargs: Any) -> Any:
    return contrib.estimator.LinearEstimator(
        head=contrib.estimator.regression_head(),
        feature_columns=[tf.feature_column.numeric_column("x")],
        optimizer=optimizer,
        model_dir=str(directory),
        **kwargs,
    )


def test_an_estimator_clips_the_global_norm(tmp_path: Path) -> None:
    optimizer = contrib.estimator.clip_gradients_by_norm(
        tf.train.GradientDescentOptimizer(1.0), 0.5
    )
    estimator = _regression(tmp_path, optimizer)
    estimator.train(_input_fn, steps=1)
    # From zero, the gradients of the mean of (wx + b - y)^2 are -10 and -6.
    names = ("linear/linear_model/x/weights", "linear/linear_model/bias_weights")
    weight, bias = (estimator.get_variable_value(name).item() for name in names)
    assert (weight, bias) == pytest.approx((0.5 * 10 / 136**0.5, 0.5 * 6 / 136**0.5), rel=1e-5)


def test_clipping_keeps_slots_and_missing_gradients() -> None:
    weight = tf.get_variable("w", initializer=4.0)
    unused = tf.get_variable("u", initializer=1.0)
    optimizer = contrib.estimator.clip_gradients_by_norm(tf.train.MomentumOptimizer(1.0, 0.9), 2.0)
    train_op = optimizer.minimize(weight**2, var_list=[weight, unused])
    assert optimizer.get_slot_names() == ["momentum"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        assert session.run([weight, optimizer.get_slot(weight, "momentum")]) == [2.0, 2.0]


def test_forwarded_features_are_predicted_and_exported(tmp_path: Path) -> None:
    estimator = contrib.estimator.forward_features(_regression(tmp_path, "Ftrl"), "key")
    estimator.train(_input_fn, steps=1)
    predictions = [next(estimator.predict(_input_fn)) for _ in range(1)]
    assert predictions[0]["key"].tolist() == [7]

    def serving_input_fn() -> Any:
        features = {"x": tf.placeholder(tf.float32, [None, 1]), "key": tf.placeholder(tf.int32)}
        return tf.estimator.export.ServingInputReceiver(features, features)

    exported = estimator.export_saved_model(str(tmp_path / "export"), serving_input_fn).decode()
    with tf.Graph().as_default(), tf.Session() as session:
        served = tf.saved_model.load(session, ["serve"], exported)
        assert set(served.signature_def["predict"].outputs) == {"predictions", "key"}


def test_forward_features_checks_keys(tmp_path: Path) -> None:
    estimator = _regression(tmp_path, "Ftrl")
    with pytest.raises(TypeError, match="string"):
        contrib.estimator.forward_features(estimator, [1])
    with pytest.raises(ValueError, match="'other' is not among"):
        contrib.estimator.forward_features(estimator, "other").train(_input_fn, steps=1)


def test_add_metrics(tmp_path: Path) -> None:
    def metric_fn(labels: Any, predictions: Any) -> dict[str, Any]:
        return {"label": tf.metrics.mean(labels)}

    estimator = contrib.estimator.add_metrics(_regression(tmp_path, "Ftrl"), metric_fn)
    estimator.train(_input_fn, steps=1)
    assert estimator.evaluate(_input_fn, steps=1)["label"] == 3.0


def test_in_memory_evaluator_evaluates_while_training(tmp_path: Path) -> None:
    estimator = _regression(tmp_path, "Ftrl")
    hook = contrib.estimator.InMemoryEvaluatorHook(estimator, _input_fn, steps=1, every_n_iter=2)
    estimator.train(_input_fn, hooks=[hook], steps=4)
    metrics = contrib.estimator.read_eval_metrics(estimator.eval_dir())
    # Before the first step, after every second one, and at the end.
    assert list(metrics) == [0, 2, 4]
    assert metrics[0]["loss"] == pytest.approx(10.0)
    assert metrics[4]["loss"] < metrics[2]["loss"] < metrics[0]["loss"]


def test_early_stopping_stops_where_the_loss_does_not_fall(tmp_path: Path) -> None:
    config = tf.estimator.RunConfig(save_checkpoints_steps=1)
    # Steps so long that the loss grows.
    estimator = _regression(tmp_path, tf.train.GradientDescentOptimizer(1.0), config=config)
    hook = contrib.estimator.stop_if_no_decrease_hook(
        estimator, "loss", max_steps_without_decrease=3, run_every_secs=None, run_every_steps=1
    )
    evaluator = contrib.estimator.InMemoryEvaluatorHook(
        estimator, _input_fn, steps=1, every_n_iter=1
    )
    estimator.train(_input_fn, hooks=[evaluator, hook], max_steps=50)
    assert 3 <= estimator.get_variable_value("global_step") <= 5


def test_stop_if_higher_hook(tmp_path: Path) -> None:
    estimator = _regression(tmp_path, tf.train.GradientDescentOptimizer(1.0))
    hook = contrib.estimator.stop_if_higher_hook(
        estimator, "loss", threshold=11.0, run_every_secs=None, run_every_steps=1
    )
    evaluator = contrib.estimator.InMemoryEvaluatorHook(
        estimator, _input_fn, steps=1, every_n_iter=1
    )
    estimator.train(_input_fn, hooks=[evaluator, hook], max_steps=50)
    assert estimator.get_variable_value("global_step") <= 3


def test_replicated_on_one_device_is_the_model_itself(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        loss = tf.get_variable("w", initializer=4.0) ** 2
        optimizer = contrib.estimator.TowerOptimizer(tf.train.GradientDescentOptimizer(0.25))
        train_op = optimizer.minimize(loss, global_step=tf.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    replicated = contrib.estimator.replicate_model_fn(model_fn)
    estimator = tf.estimator.Estimator(replicated, str(tmp_path))
    estimator.train(_input_fn, steps=2)
    assert estimator.get_variable_value("w") == 1.0
    with pytest.raises(ValueError, match="MirroredStrategy"):
        contrib.estimator.replicate_model_fn(model_fn, devices=["/gpu:0", "/gpu:1"])
    with pytest.raises(ValueError, match="NONE"):
        contrib.estimator.replicate_model_fn(model_fn, tf.losses.Reduction.NONE)


def _labelled_input() -> Any:
    return contrib.estimator.build_raw_supervised_input_receiver_fn(
        {"x": tf.placeholder(tf.float32, [None, 1])}, tf.placeholder(tf.float32, [None, 1])
    )


def test_a_saved_training_graph_trains_on(tmp_path: Path) -> None:
    estimator = _regression(tmp_path / "model", tf.train.GradientDescentOptimizer(0.1))
    estimator.train(_input_fn, steps=1)
    before = estimator.get_variable_value("linear/linear_model/x/weights").item()
    exported = contrib.estimator.export_all_saved_models(
        estimator,
        str(tmp_path / "export"),
        {mode: _labelled_input() for mode in ("train", "eval")},
    ).decode()
    again = contrib.estimator.SavedModelEstimator(exported, str(tmp_path / "again"))

    def input_fn() -> Any:
        return _input_fn().map(lambda features, label: ({"x": features["x"]}, label))

    again.train(input_fn, steps=1)
    assert again.get_variable_value("linear/linear_model/x/weights").item() > before
    metrics = again.evaluate(input_fn, steps=1)
    assert metrics["loss"] < 10.0


def test_one_mode_is_exported(tmp_path: Path) -> None:
    estimator = _regression(tmp_path / "model", "Ftrl")
    estimator.train(_input_fn, steps=1)
    exported = contrib.estimator.export_saved_model_for_mode(
        estimator, str(tmp_path / "export"), _labelled_input(), mode="eval"
    )
    with tf.Graph().as_default(), tf.Session() as session:
        assert "eval" in tf.saved_model.load(session, ["eval"], exported.decode()).signature_def


def test_logit_fns() -> None:
    columns = [tf.feature_column.numeric_column("x")]
    features = {"x": tf.constant([[1.0], [2.0]])}
    linear = contrib.estimator.linear_logit_fn_builder(3, columns)
    logits = contrib.estimator.call_logit_fn(linear, features, "train", {}, None)
    assert logits.shape.as_list() == [2, 3]
    dnn = contrib.estimator.dnn_logit_fn_builder(
        units=2,
        hidden_units=[4],
        feature_columns=columns,
        activation_fn=tf.nn.relu,
        dropout=None,
        input_layer_partitioner=None,
        batch_norm=False,
    )
    dnn_logits = contrib.estimator.call_logit_fn(dnn, features, "train", {}, None)
    assert dnn_logits.shape.as_list() == [2, 2]
    assert {variable.op.name for variable in tf.global_variables()} >= {
        "linear_model/x/weights",
        "hiddenlayer_0/kernel",
        "logits/bias",
    }
