"""Canned estimators that a model_fn borrows, on every kind of feature column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

v1 = tf.compat.v1
columns = tf.feature_column

ROWS = 240


def data(label: Callable[[np.ndarray[Any, Any]], Any]) -> Callable[[], Any]:
    """Rows whose label follows from `size`; `kind` and `words` say it in other ways."""
    size = np.random.RandomState(0).uniform(-1, 1, ROWS).astype(np.float32)
    features = {
        "size": size[:, None],
        "kind": np.where(size > 0, "large", "small")[:, None],
        "number": (size > 0).astype(np.int64)[:, None],
        "weight": np.ones((ROWS, 1), np.float32),
    }
    return lambda: tf.data.Dataset.from_tensor_slices((features, label(size))).repeat(10).batch(40)


def binary(size: np.ndarray[Any, Any]) -> Any:
    return (size > 0).astype(np.int32)[:, None]


def real(size: np.ndarray[Any, Any]) -> Any:
    return (3 * size)[:, None]


def size() -> Any:
    return columns.numeric_column("size")


def every_sparse_column(directory: Path) -> dict[str, Any]:
    """Each makes something of a row that tells large from small."""
    vocabulary = directory / "kinds.txt"
    vocabulary.write_text("small\nlarge\n")
    kinds = columns.categorical_column_with_vocabulary_list("kind", ["small", "large"])
    return {
        "identity": columns.categorical_column_with_identity("number", 2),
        "vocabulary list": kinds,
        "vocabulary file": columns.categorical_column_with_vocabulary_file("kind", str(vocabulary)),
        "hash bucket": columns.categorical_column_with_hash_bucket("kind", 50),
        "bucketized": columns.bucketized_column(size(), [0.0]),
        "crossed": columns.crossed_column(["kind", columns.bucketized_column(size(), [0.0])], 50),
        "weighted": columns.weighted_categorical_column(kinds, "weight"),
    }


SPARSE = list(every_sparse_column(Path("/tmp")))


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return every_sparse_column(tmp_path_factory.mktemp("vocabulary"))


def borrowed(make: Callable[[Any], Any], directory: Path, input_fn: Callable[[], Any]) -> Any:
    """Train and evaluate an Estimator whose model_fn is a canned estimator's."""

    def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
        return make(config).model_fn(features, labels, mode, config)

    config = v1.estimator.RunConfig(str(directory), tf_random_seed=1)
    estimator = v1.estimator.Estimator(model_fn, config=config)
    estimator.train(input_fn)
    return estimator.evaluate(input_fn, steps=10)


CLASSIFIERS = {
    "DNNClassifier": lambda e, c: e.DNNClassifier([8], [size()], config=c),
    "LinearClassifier": lambda e, c: e.LinearClassifier([size()], config=c),
    "DNNLinearCombinedClassifier": lambda e, c: e.DNNLinearCombinedClassifier(
        linear_feature_columns=[size()],
        linear_optimizer=v1.train.FtrlOptimizer(0.5),
        dnn_optimizer=v1.train.AdagradOptimizer(0.5),
        dnn_feature_columns=[size()],
        dnn_hidden_units=[8],
        config=c,
    ),
}
REGRESSORS = {
    "DNNRegressor": lambda e, c: e.DNNRegressor(
        [8], [size()], optimizer=v1.train.AdamOptimizer(0.1), config=c
    ),
    "LinearRegressor": lambda e, c: e.LinearRegressor(
        [size()], optimizer=v1.train.AdamOptimizer(0.1), config=c
    ),
    "DNNLinearCombinedRegressor": lambda e, c: e.DNNLinearCombinedRegressor(
        linear_feature_columns=[size()],
        linear_optimizer=v1.train.AdamOptimizer(0.1),
        dnn_feature_columns=[size()],
        dnn_hidden_units=[8],
        config=c,
    ),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_canned_classifier_learns(name: str, tmp_path: Path) -> None:
    metrics = borrowed(lambda c: CLASSIFIERS[name](v1.estimator, c), tmp_path, data(binary))
    assert metrics["accuracy"] > 0.9


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_canned_regressor_learns(name: str, tmp_path: Path) -> None:
    metrics = borrowed(lambda c: REGRESSORS[name](v1.estimator, c), tmp_path, data(real))
    assert metrics["average_loss"] < 0.3, "the labels' own variance is 3"


def test_a_baseline_classifier_learns_how_often_each_class_comes(tmp_path: Path) -> None:
    labels = data(lambda size: (size > 0.5).astype(np.int32)[:, None])
    metrics = borrowed(lambda c: v1.estimator.BaselineClassifier(config=c), tmp_path, labels)
    assert metrics["accuracy"] == metrics["accuracy_baseline"]
    assert abs(metrics["prediction/mean"] - metrics["label/mean"]) < 0.2


@pytest.mark.parametrize("kind", SPARSE)
def test_a_linear_model_learns_from_a_sparse_column(
    kind: str, sparse: dict[str, Any], tmp_path: Path
) -> None:
    make = lambda c: v1.estimator.LinearClassifier([sparse[kind]], config=c)  # noqa: E731
    assert borrowed(make, tmp_path, data(binary))["accuracy"] > 0.95


@pytest.mark.parametrize("dense", ["indicator_column", "embedding_column"])
@pytest.mark.parametrize("kind", SPARSE)
def test_a_network_learns_from_a_column_made_dense(
    kind: str, dense: str, sparse: dict[str, Any], tmp_path: Path
) -> None:
    column = (
        columns.indicator_column(sparse[kind])
        if dense == "indicator_column"
        else columns.embedding_column(sparse[kind], 3)
    )
    make = lambda c: v1.estimator.DNNClassifier([8], [column], config=c)  # noqa: E731
    assert borrowed(make, tmp_path, data(binary))["accuracy"] > 0.95


def test_shared_embeddings_share_their_weights() -> None:
    with tf.Graph().as_default():
        one, two = (
            v1.feature_column.categorical_column_with_identity(name, 3) for name in ("one", "two")
        )
        shared = v1.feature_column.shared_embedding_columns([one, two], 2)
        features = {"one": tf.constant([[1]]), "two": tf.constant([[1]])}
        layer = v1.feature_column.input_layer(features, shared)
        assert len(v1.trainable_variables()) == 1
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            (row,) = session.run(layer)
    assert row[:2].tolist() == row[2:].tolist()


def test_sequence_columns_give_steps_and_lengths() -> None:
    with tf.Graph().as_default():
        words = columns.sequence_categorical_column_with_vocabulary_list("words", ["a", "b"])
        layer = tf.keras.experimental.SequenceFeatures([columns.indicator_column(words)])
        given = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], ["b", "a", "a"], [2, 2])
        steps, lengths = layer({"words": given})
        with v1.Session() as session:
            session.run([v1.global_variables_initializer(), v1.tables_initializer()])
            found, counted = session.run([steps, lengths])
    assert found.tolist() == [[[0, 1], [1, 0]], [[1, 0], [0, 0]]]
    assert counted.tolist() == [2, 1]


def test_columns_say_how_to_parse_examples() -> None:
    spec = columns.make_parse_example_spec(
        [size(), columns.categorical_column_with_hash_bucket("kind", 9)]
    )
    assert spec == {
        "size": tf.io.FixedLenFeature((1,), tf.float32),
        "kind": tf.io.VarLenFeature(tf.string),
    }
