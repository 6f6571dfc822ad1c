"""`tf.estimator.BoostedTrees*`: the trees of TensorFlow 1.15.5, and what is learned beyond them."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.jobs import PROJECT_DIR, JobRoot

X1 = [0.1, 0.4, 0.9, 1.3, 1.7, 2.2, 2.8, 3.1, 3.6, 4.4]
X2 = [5.0, 1.0, 4.0, 2.0, 8.0, 6.0, 7.0, 3.0, 9.0, 0.0]
C = list("aabbcabcca")
WEIGHTS = [1.0, 2.0, 1.0, 0.5, 1.0, 1.0, 3.0, 1.0, 1.0, 2.0]
TARGETS = [1.2, 0.7, 2.9, 3.1, 5.5, 1.9, 4.2, 7.3, 6.1, 0.4]
CLASSES = [0, 0, 1, 1, 1, 0, 1, 1, 1, 0]
COARSE = {"learning_rate": 0.5, "quantile_sketch_epsilon": 0.1}

# Name -> columns, arguments, rows in a batch; and as TensorFlow 1.15.5 computes: predictions of
# the rows, loss, global step and importances.
Case = tuple[str, dict[str, Any], int, list[float], float, int, dict[str, float]]
CASES: dict[str, Case] = {
    "a regression": (
        "cuts",
        {},
        10,
        [
            *(0.91756, 0.447631, 0.91756, 0.773739, 1.411928),
            *(1.411928, 1.411928, 1.767928, 1.767928, 0.623739),
        ],
        8.362964,
        4,
        {"x1_bucketized": 6.28694, "x2_bucketized": 5.34256},
    ),
    "a regression from a bias, with l2": (
        "cuts",
        {"l2_regularization": 0.1, "center_bias": True, "learning_rate": 0.3},
        10,
        [
            *(2.740192, 1.902636, 2.740192, 2.569641, 3.904956),
            *(3.904956, 3.904956, 4.77283, 4.77283, 2.306582),
        ],
        2.255943,
        9,
        {"x1_bucketized": 4.68346, "x2_bucketized": 3.73987},
    ),
    "columns of every kind": (
        "all",
        {"n_trees": 3, **COARSE},
        10,
        [
            *(1.398521, 0.68683, 3.093313, 3.093313, 5.354027),
            *(1.679102, 3.888774, 6.899489, 6.149488, 0.53683),
        ],
        0.042555,
        6,
        {"c": 10.35464, "x2": 0.60371, "x1_bucketized": 0.45308},
    ),
    "trees pruned after": (
        "all",
        {
            "n_trees": 3,
            "max_depth": 3,
            "tree_complexity": 0.02,
            "pruning_mode": "post",
            **COARSE,
        },
        10,
        [
            *(1.225558, 0.725558, 3.066183, 3.066183, 5.44654),
            *(1.898019, 4.172238, 6.993109, 6.252595, 0.54933),
        ],
        0.017347,
        9,
        {"c": 9.74734, "x2": 0.72631, "x1_bucketized": 0.39501},
    ),
    "trees pruned before, with l1 and a least weight": (
        "numeric",
        {
            "n_trees": 3,
            "max_depth": 3,
            "tree_complexity": 0.02,
            "pruning_mode": "pre",
            "l1_regularization": 0.05,
            "min_node_weight": 0.1,
            **COARSE,
        },
        10,
        [
            *(2.002872, 0.713152, 2.941537, 2.941537, 5.002374),
            *(2.002872, 4.024465, 6.651062, 6.115682, 0.782484),
        ],
        0.15283,
        9,
        {"x2": 6.7681, "x1_bucketized": 4.05079},
    ),
    "layers of two batches": (
        "all",
        {"n_batches_per_layer": 2, "center_bias": True, **COARSE},
        5,
        [
            *(1.505446, 1.005446, 3.200238, 3.200238, 5.460953),
            *(1.505446, 3.715119, 6.725833, 5.975833, 1.005446),
        ],
        0.139074,
        12,
        {"c": 10.35464, "x2": 0.5, "x1_bucketized": 0.31812},
    ),
    "weighted rows": (
        "all",
        {"weight_column": "w", "center_bias": True, **COARSE},
        10,
        [
            *(1.310757, 0.810757, 3.407701, 3.407701, 5.753056),
            *(1.821166, 3.91811, 6.503056, 5.753056, 0.810757),
        ],
        0.174347,
        6,
        {"c": 13.55045, "x2": 1.08274, "x1_bucketized": 0.0},
    ),
    "all in memory": (
        "all",
        {"train_in_memory": True, "n_trees": 3, "center_bias": True, **COARSE},
        10,
        [
            *(1.450552, 0.738862, 3.145344, 3.145344, 5.406058),
            *(1.731133, 3.940805, 6.951519, 6.201519, 0.588862),
        ],
        0.039847,
        8,
        {"c": 10.35464, "x2": 0.60372, "x1_bucketized": 0.45308},
    ),
    "two classes": (
        "cuts",
        {},
        10,
        [
            *(0.041972, -0.325946, 0.041972, 0.211771, 0.379467),
            *(0.219173, 0.219173, 0.376719, 0.376719, -0.159487),
        ],
        0.6104,
        4,
        {"x1_bucketized": 0.37498, "x2_bucketized": 0.18245},
    ),
    "two classes from a bias, with l2": (
        "numeric",
        {**COARSE, "n_trees": 3, "center_bias": True, "l2_regularization": 0.01}
        | {"learning_rate": 0.4},
        10,
        [
            *(-0.510569, -1.88501, 1.624425, 1.624425, 1.550322),
            *(-0.510569, 1.550322, 1.624425, 1.550322, -1.88501),
        ],
        0.233968,
        11,
        {"x2": 1.02282, "x1_bucketized": 0.0},
    ),
    "two classes, weighted": (
        "numeric",
        {**COARSE, "n_trees": 3, "weight_column": "w", "min_node_weight": 0.02}
        | {"learning_rate": 0.4},
        10,
        [
            *(-0.63035, -2.388858, 1.184116, 1.184116, 2.211309),
            *(-0.63035, 2.211309, 1.184116, 2.211309, -2.388858),
        ],
        0.239201,
        6,
        {"x2": 1.63005, "x1_bucketized": 0.0},
    ),
}
# The trees of "columns of every kind" as TensorFlow 1.15.5 saved them, at step 6.
SAVED_TREES = (
    "CmgKEBIGCAIYASACyjAFDdjx8UAKFRIEGAMgBMowDA3dW/I/EgUdO6iDPwoZEggIBBADGAUgBsowDA2AmZk+EgUdmplJ"
    "QAoHCgUd27YNQAoHCgUdUAeFPwoHCgUdNDOnQAoHCgUdMzOPQApqCg4SBBgBIALKMAUNYINmPwoZEggIAxABGAMgBMow"
    "DA364KI+EgUdi68wPwoZEggIBBABGAUgBsowDA3PzEw+EgUdYYuvOwoHCgUdsx9HPwoHCgUdd3elPwoHCgUdecV3vgoH"
    "CgUdRR2EPgpsChISCAgEEAEYASACyjAFDeho1D0KFxIGCAMYAyAEyjAMDbt0EzwSBR3VQf29ChkSCAgDEAEYBSAGyjAM"
    "Dcr7AD4SBR1s2yQ+CgcKBR0lSeK9CgcKBR0WX4W+CgcKBR3YQc89CgcKBR2weMM+CgQKAgoAEhAAAIA/AACAPwAAgD8A"
    "AIA/GgQQAhgBGgQQAhgBGgQQAhgBGgAiBggDEAYgAQ=="
)
# Its predictions with two trees more, which TensorFlow 1.15.5 grew from step 6 to step 10.
WITH_TWO_MORE = [1.305932, 0.698785, 3.000724, 3.129808, 5.52597]
WITH_TWO_MORE += [1.851045, 4.060717, 7.071432, 6.146127, 0.476939]


@pytest.fixture(scope="module", autouse=True)
def _tensorflow1() -> None:
    from entrypoint import estimator

    estimator.revive()
    estimator.behave_like_tensorflow1()


@pytest.fixture(autouse=True)
def _graph(_tensorflow1: None) -> Iterator[None]:
    import tensorflow as tf

    with tf.Graph().as_default():
        yield


def make_columns(kind: str) -> list[Any]:
    import tensorflow as tf

    fc = tf.feature_column
    columns = [fc.bucketized_column(fc.numeric_column("x1"), [1.0, 2.0, 3.0])]
    if kind == "cuts":
        return [*columns, fc.bucketized_column(fc.numeric_column("x2"), [2.5, 5.5])]
    columns.append(fc.numeric_column("x2"))
    if kind == "all":
        vocabulary = fc.categorical_column_with_vocabulary_list("c", list("abc"))
        columns.append(fc.indicator_column(vocabulary))
    return columns


def rows(labels: Any, features: Any = None, *, batch: int = 10, repeat: int | None = 1) -> Any:
    """Return an input_fn."""
    import tensorflow as tf

    own = {
        "x1": np.array(X1, np.float32),
        "x2": np.array(X2, np.float32),
        "c": C,
        "w": np.array(WEIGHTS, np.float32),
    }
    data = (own if features is None else features, np.asarray(labels))
    return lambda: tf.data.Dataset.from_tensor_slices(data).batch(batch).repeat(repeat)


def trees_of(model: Any) -> Any:
    import tensorflow as tf

    from entrypoint.estimator.boosted_trees.protos import TreeEnsemble

    serialized = tf.train.load_variable(model.model_dir, "boosted_trees:0_serialized")
    return TreeEnsemble.FromString(serialized)


def make(model_dir: Path, columns: list[Any], *, of: str = "Regressor", **arguments: Any) -> Any:
    import tensorflow as tf

    arguments = {"n_batches_per_layer": 1, "n_trees": 2, "max_depth": 2} | arguments
    kind = getattr(tf.compat.v1.estimator, f"BoostedTrees{of}")
    return kind(columns, model_dir=str(model_dir), **arguments)


def predictions_of(model: Any, input_fn: Any, key: str = "predictions") -> Any:
    return np.squeeze([row[key] for row in model.predict(input_fn)])


@pytest.mark.parametrize("name", CASES)
def test_trees_are_those_of_tensorflow1(name: str, tmp_path: Path) -> None:
    kind, arguments, batch, predictions, loss, step, importances = CASES[name]
    is_classifier = name.startswith("two classes")
    labels = CLASSES if is_classifier else TARGETS
    of = "Classifier" if is_classifier else "Regressor"
    model = make(tmp_path, make_columns(kind), of=of, **arguments)
    model.train(rows(labels, batch=batch, repeat=None))
    key = "logits" if is_classifier else "predictions"
    np.testing.assert_allclose(predictions_of(model, rows(labels), key), predictions, atol=3e-6)
    metrics = model.evaluate(rows(labels))
    assert metrics["loss"] == pytest.approx(loss, abs=3e-6)
    assert metrics["global_step"] == step, "training ends when the trees are grown"
    found = model.experimental_feature_importances()
    assert found == pytest.approx(importances, abs=2e-5)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_classifier_gives_what_its_head_gives(tmp_path: Path) -> None:
    kind, arguments, *_ = CASES["two classes from a bias, with l2"]
    model = make(tmp_path, make_columns(kind), of="Classifier", **arguments)
    model.train(rows(CLASSES, repeat=None))
    first = next(model.predict(rows(CLASSES)))
    # As TensorFlow 1.15.5 computes.
    np.testing.assert_allclose(first["probabilities"], [0.624940, 0.375060], atol=2e-6)
    assert first["class_ids"] == [0]
    assert first["classes"] == [b"0"]
    assert model.evaluate(rows(CLASSES)) == pytest.approx(
        {
            "accuracy": 1.0,
            "accuracy_baseline": 0.6,
            "auc": 1.0,
            "auc_precision_recall": 1.0,
            "average_loss": 0.233968,
            "global_step": 11,
            "label/mean": 0.6,
            "loss": 0.233968,
            "precision": 1.0,
            "prediction/mean": 0.599484,
            "recall": 1.0,
        },
        abs=2e-6,
    )


def test_predictions_are_explained(tmp_path: Path) -> None:
    kind, arguments, *_ = CASES["two classes from a bias, with l2"]
    model = make(tmp_path, make_columns(kind), of="Classifier", **arguments)
    model.train(rows(CLASSES, repeat=None))
    explained = list(model.experimental_predict_with_explanations(rows(CLASSES)))
    # As TensorFlow 1.15.5 computes.
    assert explained[0]["bias"] == pytest.approx(0.599782, abs=2e-6)
    assert explained[0]["dfc"] == pytest.approx({"x2": -0.224722, "x1_bucketized": 0.0}, abs=2e-6)
    for row in explained:
        assert row["bias"] + sum(row["dfc"].values()) == pytest.approx(row["logistic"][0])
    few = model.experimental_predict_with_explanations(rows(CLASSES), predict_keys=["logits"])
    assert set(next(few)) == {"logits", "bias", "dfc"}


def test_regressions_are_explained(tmp_path: Path) -> None:
    kind, arguments, batch, *_ = CASES["layers of two batches"]
    model = make(tmp_path, make_columns(kind), **arguments)
    model.train(rows(TARGETS, batch=batch, repeat=None))
    first = next(model.experimental_predict_with_explanations(rows(TARGETS)))
    # As TensorFlow 1.15.5 computes.
    assert first["bias"] == pytest.approx(3.33, abs=2e-6)
    contributions = {"c": -1.869107, "x2": 0.044554, "x1_bucketized": 0.0}
    assert first["dfc"] == pytest.approx(contributions, abs=2e-6)
    without = make(tmp_path, make_columns(kind), **arguments | {"center_bias": False})
    with pytest.raises(ValueError, match="center_bias=True"):
        next(without.experimental_predict_with_explanations(rows(TARGETS)))


def test_the_first_split_is_the_one_that_gains_most(tmp_path: Path) -> None:
    """Worked by hand: squared loss, so G is twice the sum of -y / rows, and H twice the share."""
    l2, rate = 0.05, 0.3
    model = make(
        tmp_path,
        make_columns("cuts"),
        n_trees=1,
        max_depth=1,
        l2_regularization=l2,
        learning_rate=rate,
    )
    model.train(rows(TARGETS, repeat=None))
    g, h = -2 * np.array(TARGETS) / 10, np.full(10, 2 / 10)

    def score(which: Any) -> Any:
        return g[which].sum() ** 2 / (h[which].sum() + l2)

    everywhere = np.full(10, fill_value=True)
    candidates = []
    for feature, (values, cuts) in enumerate([(X1, [1.0, 2.0, 3.0]), (X2, [2.5, 5.5])]):
        for bucket, cut in enumerate(cuts):
            left = np.array(values) < cut
            candidates.append((score(left) + score(~left) - score(everywhere), feature, bucket))
    gain, feature, bucket = max(candidates)
    root, *leaves = trees_of(model).trees[0].nodes
    assert root.metadata.gain == pytest.approx(gain, rel=1e-5)
    assert (root.bucketized_split.feature_id, root.bucketized_split.threshold) == (feature, bucket)
    left = np.array([X1, X2][feature]) < [[1.0, 2.0, 3.0], [2.5, 5.5]][feature][bucket]
    values = [-rate * g[side].sum() / (h[side].sum() + l2) for side in (left, ~left)]
    assert [leaf.leaf.scalar for leaf in leaves] == pytest.approx(values, rel=1e-5)


def test_a_checkpoint_of_tensorflow1_is_read_and_gone_on_from(tmp_path: Path) -> None:
    import tensorflow as tf

    saved = {
        "boosted_trees/QuantileAccumulator:0_bucket_boundaries_0": np.arange(10, dtype="f"),
        "boosted_trees/are_boundaries_ready": True,
        "boosted_trees/center_bias_needed": False,
        "boosted_trees:0_serialized": base64.b64decode(SAVED_TREES),
        "boosted_trees:0_stamp": np.int64(6),
        "global_step": np.int64(6),
    }
    prefix = str(tmp_path / "model.ckpt-6")
    with tf.compat.v1.Session() as session:
        values = [tf.constant(value) for value in saved.values()]
        session.run(
            tf.raw_ops.SaveV2(
                prefix=prefix,
                tensor_names=list(saved),
                shape_and_slices=[""] * len(saved),
                tensors=values,
            )
        )
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-6"\n')
    columns, arguments = make_columns("all"), CASES["columns of every kind"][1]
    model = make(tmp_path, columns, **arguments)
    expected = CASES["columns of every kind"][3]
    np.testing.assert_allclose(predictions_of(model, rows(TARGETS)), expected, atol=2e-6)
    more = make(tmp_path, columns, **arguments | {"n_trees": 5})
    more.train(rows(TARGETS, repeat=None))
    assert more.get_variable_value("global_step") == 10
    np.testing.assert_allclose(predictions_of(more, rows(TARGETS)), WITH_TWO_MORE, atol=3e-6)
    assert {name for name, _ in tf.train.list_variables(str(tmp_path))} == set(saved)


def test_trees_are_saved_as_tensorflow1_saves_them(tmp_path: Path) -> None:
    from entrypoint.estimator.boosted_trees.protos import TreeEnsemble

    model = make(tmp_path, make_columns("all"), **CASES["columns of every kind"][1])
    model.train(rows(TARGETS, repeat=None))

    def structure(ensemble: Any) -> list[Any]:
        trees = [
            [
                (node.bucketized_split.SerializeToString(), node.HasField("leaf"))
                for node in tree.nodes
            ]
            for tree in ensemble.trees
        ]
        metadata = [each.SerializeToString() for each in ensemble.tree_metadata]
        growing = ensemble.growing_metadata.SerializeToString()
        return [trees, list(ensemble.tree_weights), metadata, growing]

    theirs = TreeEnsemble.FromString(base64.b64decode(SAVED_TREES))
    assert structure(trees_of(model)) == structure(theirs)
    assert model.get_variable_value("boosted_trees:0_stamp") == 6


@pytest.mark.parametrize(("name", "parts"), [("columns of every kind", 3), ("all in memory", 4)])
def test_an_interrupted_training_grows_the_same_trees(
    name: str, parts: int, tmp_path: Path
) -> None:
    kind, arguments, *_ = CASES[name]
    whole = make(tmp_path / "whole", make_columns(kind), **arguments)
    whole.train(rows(TARGETS, repeat=None))
    for _ in range(parts):
        again = make(tmp_path / "parts", make_columns(kind), **arguments)
        again.train(rows(TARGETS, repeat=None), steps=2)
    assert trees_of(again) == trees_of(whole)
    assert again.get_variable_value("global_step") == whole.get_variable_value("global_step")


def test_a_finished_training_that_is_started_again_grows_nothing(tmp_path: Path) -> None:
    model = make(tmp_path, make_columns("cuts"))
    model.train(rows(TARGETS, repeat=None))
    trees = trees_of(model)
    model.train(rows(TARGETS, repeat=None), steps=100)
    assert trees_of(model) == trees
    assert model.get_variable_value("global_step") == 5


def test_it_learns_what_no_line_can(tmp_path: Path) -> None:
    import tensorflow as tf

    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (600, 2)).astype("f")
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)
    columns = [tf.feature_column.numeric_column("x", shape=(2,))]
    train, test = (
        rows(labels[part], {"x": x[part]}, batch=200, repeat=repeat)
        for part, repeat in ((slice(400), None), (slice(400, None), 1))
    )
    trees = make(
        tmp_path / "trees", columns, of="Classifier", n_batches_per_layer=2, n_trees=30, max_depth=4
    )
    trees.train(train)
    line = tf.compat.v1.estimator.LinearClassifier(columns, str(tmp_path / "line"))
    line.train(train, steps=100)
    assert line.evaluate(test)["accuracy"] < 0.65
    assert trees.evaluate(test)["accuracy"] > 0.9
    assert trees.experimental_feature_importances(normalize=True) == {"x": pytest.approx(1.0)}


def test_more_than_two_classes_have_a_logit_each(tmp_path: Path) -> None:
    """Worked by hand for one split: p is 1/3, so g is p - y and h is p (1 - p), over the rows."""
    import tensorflow as tf

    labels = np.array([0, 0, 1, 1, 2, 0, 1, 2, 2, 0])
    cuts = tf.feature_column.bucketized_column(tf.feature_column.numeric_column("x1"), [2.0])
    model = make(
        tmp_path,
        [cuts],
        of="Classifier",
        n_classes=3,
        n_trees=1,
        max_depth=1,
        l2_regularization=0.1,
    )
    model.train(rows(labels, repeat=None))
    left = np.array(X1) < 2.0
    g, h = (1 / 3 - np.eye(3)[labels]) / 10, np.full((10, 3), 2 / 9 / 10)
    leaves = [-0.1 * g[side].sum(0) / (h[side].sum(0) + 0.1) for side in (left, ~left)]
    logits = predictions_of(model, rows(labels), "logits")
    np.testing.assert_allclose(logits, np.where(left[:, None], *leaves), rtol=1e-5)


def test_derivatives_of_several_logits_are_the_diagonal() -> None:
    """Of the mean cross entropy: p - y and p (1 - p), over the rows."""
    import tensorflow as tf

    from entrypoint.estimator.boosted_trees.derivatives import derive

    logits = np.array([[0.3, -1.0, 2.0], [1.0, 0.5, -0.5]], np.float32)
    labels = np.array([2, 1])
    tensor = tf.constant(logits)
    loss = tf.compat.v1.losses.sparse_softmax_cross_entropy(labels, tensor)
    with tf.compat.v1.Session() as session:
        gradients, hessians = session.run(derive(loss, tensor, labels))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(gradients, (p - np.eye(3)[labels]) / 2, rtol=1e-5)
    np.testing.assert_allclose(hessians, p * (1 - p) / 2, rtol=1e-5)


@pytest.mark.parametrize("center_bias", [False, True])
def test_more_than_two_classes_are_learned(center_bias: bool, tmp_path: Path) -> None:
    names = np.array(list("abcbcacbba"))
    model = make(
        tmp_path,
        make_columns("numeric"),
        of="Classifier",
        n_classes=3,
        label_vocabulary=list("abc"),
        n_trees=30,
        max_depth=4,
        center_bias=center_bias,
        quantile_sketch_epsilon=0.05,
    )
    model.train(rows(names, repeat=None))
    assert model.evaluate(rows(names))["accuracy"] == 1.0
    found = predictions_of(model, rows(names), "classes")
    assert found.tolist() == [name.encode() for name in names]


@pytest.mark.parametrize("module", ["new", "canned"])
def test_a_head_of_either_kind_may_be_given(module: str, tmp_path: Path) -> None:
    import tensorflow as tf
    from tensorflow_estimator.python.estimator.canned import head as canned

    head = (
        tf.estimator.RegressionHead()
        if module == "new"
        else canned._regression_head(
            loss_reduction=tf.compat.v1.losses.Reduction.SUM_OVER_BATCH_SIZE
        )
    )
    model = make(tmp_path, make_columns("cuts"), of="Estimator", head=head)
    model.train(rows(TARGETS, repeat=None))
    expected = CASES["a regression"][3]
    np.testing.assert_allclose(predictions_of(model, rows(TARGETS)), expected, atol=2e-6)


def test_an_export_predicts_by_operators_alone(tmp_path: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    model = make(tmp_path, make_columns("all"), **CASES["columns of every kind"][1])
    model.train(rows(TARGETS, repeat=None))
    spec = {name: v1.FixedLenFeature([1], tf.float32) for name in ("x1", "x2")}
    spec["c"] = v1.FixedLenFeature([1], tf.string)
    receiver = v1.estimator.export.build_parsing_serving_input_receiver_fn(spec)
    path = model.export_saved_model(str(tmp_path / "export"), receiver)

    def example(row: int) -> bytes:
        features = {
            "x1": tf.train.Feature(float_list=tf.train.FloatList(value=[X1[row]])),
            "x2": tf.train.Feature(float_list=tf.train.FloatList(value=[X2[row]])),
            "c": tf.train.Feature(bytes_list=tf.train.BytesList(value=[C[row].encode()])),
        }
        message = tf.train.Example(features=tf.train.Features(feature=features))
        serialized: bytes = message.SerializeToString()
        return serialized

    with tf.Graph().as_default() as graph, v1.Session() as session:
        loaded = v1.saved_model.load(session, ["serve"], path.decode())
        assert not {node.op for node in graph.as_graph_def().node} & {"PyFunc", "EagerPyFunc"}
        assert set(loaded.signature_def) == {"predict", "regression", "serving_default"}
        signature = loaded.signature_def["serving_default"]
        assert signature.method_name == "tensorflow/serving/regress"
        outputs = session.run(
            signature.outputs["outputs"].name,
            {signature.inputs["inputs"].name: [example(row) for row in range(10)]},
        )
    expected = CASES["columns of every kind"][3]
    np.testing.assert_allclose(outputs[:, 0], expected, atol=2e-6)


def test_an_untrained_model_predicts_nothing(tmp_path: Path) -> None:
    """Estimator predicts with first values when there is no checkpoint."""
    model = make(tmp_path, make_columns("all"))
    assert not predictions_of(model, rows(TARGETS)).any()


def test_boundaries_of_many_values_are_those_of_tensorflow1() -> None:
    from entrypoint.estimator.boosted_trees.quantiles import Sketch

    sketch = Sketch()
    values = np.array([(i * 37 % 101) / 10 for i in range(60)], np.float32)
    for part in np.split(values, 4):
        sketch.add(part, np.ones(1, np.float32))
    # As TensorFlow 1.15.5 computes.
    np.testing.assert_allclose(sketch.boundaries(10), np.arange(11.0), atol=1e-6)
    few = Sketch()
    few.add(np.array([3, 1, 3, 2], np.float32), np.ones(1, np.float32))
    assert few.boundaries(10).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("heavy", "weight", "expected"),
    [  # As TensorFlow 1.15.5 computes.
        (range(0, 60, 7), 30, [0, 6, 12, 15, 25, 29, 33, 43, 45, 55, 59, 60]),
        ([5, 6], 100, [0, 2, 12, 18, 25, 31, 37, 39, 49, 55, 60]),
    ],
)
def test_boundaries_of_weighted_values_are_those_of_tensorflow1(
    heavy: Any, weight: float, expected: list[float]
) -> None:
    from entrypoint.estimator.boosted_trees.quantiles import Sketch

    values = np.array([i * 37 % 61 for i in range(60)], np.float32)
    weights = np.ones(60, np.float32)
    weights[heavy] = weight
    sketch = Sketch()
    sketch.add(values, weights)
    assert sketch.boundaries(10).tolist() == expected


def test_boundaries_of_very_many_values_are_quantiles() -> None:
    from entrypoint.estimator.boosted_trees.quantiles import Sketch

    random = np.random.default_rng(0)
    values = random.normal(size=300_000).astype("f")
    weights = np.where(values > 0, 3.0, 1.0).astype("f")
    sketch = Sketch()
    for part, of_part in zip(np.split(values, 30), np.split(weights, 30), strict=True):
        sketch.add(part, of_part)
    found = sketch.boundaries(100)
    order = np.argsort(values)
    ranks = np.cumsum(weights[order]) / weights.sum()
    at = ranks[np.searchsorted(values[order], found)]
    assert 100 <= len(found) <= 102
    assert found[0] == values.min()
    assert found[-1] == values.max()
    np.testing.assert_allclose(np.diff(at)[:-1], 0.01, atol=0.001)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pruning_mode": "pre"}, "pruning_mode 'pre'"),
        ({"tree_complexity": 0.1}, "tree_complexity is 0.1"),
        ({"pruning_mode": "late"}, "it may be none, pre, post"),
        ({"train_in_memory": True, "n_batches_per_layer": 2}, "n_batches_per_layer is 2"),
        ({"n_classes": 3, "pruning_mode": "pre", "tree_complexity": 0.1}, "only with one logit"),
    ],
)
def test_arguments_that_cannot_be_trained_are_refused(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        make(tmp_path, make_columns("cuts"), of="Classifier", **arguments)


def bad_columns() -> dict[str, tuple[Callable[[Any], Any], str]]:
    return {
        "categories": (
            lambda fc: fc.categorical_column_with_identity("c", 3),
            "'c' as it is; wrap it: tf.feature_column.indicator_column",
        ),
        "embedding": (
            lambda fc: fc.embedding_column(fc.categorical_column_with_identity("c", 3), 2),
            "give numeric, bucketized or indicator columns",
        ),
        "table": (lambda fc: fc.numeric_column("x", (2, 2)), "take numeric columns of one dim"),
        "cut rows": (
            lambda fc: fc.bucketized_column(fc.numeric_column("x", (2,)), [0.0]),
            "make one bucketized column for every value",
        ),
    }


@pytest.mark.parametrize("name", bad_columns())
def test_columns_that_trees_cannot_split_on_are_named(name: str, tmp_path: Path) -> None:
    import tensorflow as tf

    column, message = bad_columns()[name]
    with pytest.raises(ValueError, match=message):
        make(tmp_path, [column(tf.feature_column)])


def test_training_on_several_machines_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    model = make(tmp_path, make_columns("cuts"))
    features, labels = tf.compat.v1.data.make_one_shot_iterator(rows(TARGETS)()).get_next()
    cluster = SimpleNamespace(num_worker_replicas=2)
    with pytest.raises(ValueError, match="trained in one place, and here are 2"):
        model.model_fn(features, labels, "train", cluster)


def test_nothing_of_it_is_loaded_before_it_is_named() -> None:
    code = """
import sys
from entrypoint import estimator
estimator.revive()
import tensorflow as tf
assert not hasattr(tf.estimator, "BoostedTreesRanker")
assert "entrypoint.estimator.boosted_trees" not in sys.modules
from tensorflow.compat.v1.estimator import BoostedTreesRegressor
from tensorflow.estimator import BoostedTreesClassifier
assert tf.compat.v1.estimator.BoostedTreesClassifier is BoostedTreesClassifier
assert tf.estimator.BoostedTreesRegressor is BoostedTreesRegressor
assert issubclass(tf.estimator.BoostedTreesEstimator, tf.compat.v1.estimator.Estimator)
"""
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, check=True)


DATA = """\
import numpy as np
import tensorflow as tf

COLUMNS = [tf.feature_column.numeric_column("x", shape=[4])]


def rows(epochs):
    x = np.random.RandomState(0).rand(512, 4).astype("float32")
    y = (x.sum(1) > 2).astype("int32")
    return tf.estimator.inputs.numpy_input_fn(
        {"x": x}, y, batch_size=128, num_epochs=epochs, shuffle=False
    )


def train_input_fn(training_dir, params):
    return rows(None)()


def eval_input_fn(training_dir, params):
    return rows(1)()


def serving_input_fn(params):
    features = {"x": tf.FixedLenFeature([4], tf.float32)}
    return tf.estimator.export.build_parsing_serving_input_receiver_fn(features)()
"""
AS_ESTIMATOR = (
    DATA
    + """

def estimator_fn(run_config, params):
    return tf.estimator.BoostedTreesClassifier(
        COLUMNS, n_batches_per_layer=4, n_trees=params["trees"], max_depth=3, config=run_config
    )
"""
)
AS_MODEL_FN = (
    DATA
    + """

def model_fn(features, labels, mode, params, config):
    trees = tf.estimator.BoostedTreesClassifier(
        COLUMNS, n_batches_per_layer=4, n_trees=params["trees"], max_depth=3, config=config
    )
    return trees.model_fn(features, labels, mode, config)
"""
)


@pytest.mark.parametrize("source", [AS_ESTIMATOR, AS_MODEL_FN], ids=["estimator", "model_fn"])
def test_a_job_trains_exports_and_starts_again(source: str, tmp_path: Path) -> None:
    job = JobRoot(tmp_path).write("input/data/rows.txt", "").write_code(train=source)
    job.write_parameters(
        train_max_steps=1000, eval_start_delay_secs=0, save_checkpoints_steps=100, trees=20
    )
    finished = job.run("train")
    assert finished.code == 0, finished.last
    # Twenty trees of three layers, of four batches each.
    assert job.report["global_step"] == 240
    accuracy = job.report["evaluation"]["accuracy"]
    assert accuracy > 0.85
    assert {"serving_default", "predict"} <= set(finished.event("export")["signatures"])
    finished = job.run("train")
    assert finished.code == 0, finished.last
    assert finished.event("resume")["global_step"] == 240
    assert job.report["evaluation"]["accuracy"] == accuracy
