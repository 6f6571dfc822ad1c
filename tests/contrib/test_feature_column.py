from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1

columns = contrib.feature_column


def sparse(values: Any, lengths: list[int], width: int) -> Any:
    indices = [[row, step] for row, length in enumerate(lengths) for step in range(length)]
    return tf.SparseTensor(indices, values, [len(lengths), width])


def embedding(column: Any, size: int, value: float) -> Any:
    constant = v1.constant_initializer(value)
    return v1.feature_column.embedding_column(column, size, initializer=constant)


def variables() -> dict[str, list[int]]:
    return {var.op.name: var.shape.as_list() for var in v1.global_variables()}


def test_classes_words_and_numbers_side_by_side() -> None:
    """As TensorFlow 1.15.5 computes."""
    features = {
        "id": sparse(tf.constant([0, 2, 1], tf.int64), [2, 1], 3),
        "w": sparse(["a", "b", "zz"], [2, 1], 3),
        "n": sparse([1.0, 2.0, 3.0], [2, 1], 3),
    }
    words = columns.sequence_categorical_column_with_vocabulary_list(
        "w", ["a", "b"], num_oov_buckets=1
    )
    layer, lengths = columns.sequence_input_layer(
        features,
        [
            columns.sequence_numeric_column("n"),
            v1.feature_column.indicator_column(words),
            embedding(columns.sequence_categorical_column_with_identity("id", 3), 2, 0.5),
        ],
    )
    found, lengths_found = run([layer, lengths])
    assert found.tolist() == [
        [[0.5, 0.5, 1, 1, 0, 0], [0.5, 0.5, 2, 0, 1, 0], [0, 0, 0, 0, 0, 0]],
        [[0.5, 0.5, 3, 0, 0, 1], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]],
    ]
    assert lengths_found.tolist() == [2, 1]
    assert variables() == {"sequence_input_layer/id_embedding/embedding_weights": [3, 2]}


def test_numbers_of_several_elements_are_normalized_and_padded() -> None:
    """As TensorFlow 1.15.5 computes."""
    features = {
        "w": sparse(["a", "b", "zz"], [2, 1], 3),
        "n": sparse([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [4, 2], 6),
    }

    def double(given: Any) -> Any:
        return tf.SparseTensor(given.indices, given.values * 2, given.dense_shape)

    numbers = columns.sequence_numeric_column(
        "n", shape=[2], default_value=-1.0, normalizer_fn=double
    )
    hashed = columns.sequence_categorical_column_with_hash_bucket("w", 5)
    layer, lengths = columns.sequence_input_layer(features, [embedding(hashed, 1, 0.25), numbers])
    found, lengths_found = run([layer, lengths])
    assert found.tolist() == [
        [[2, 4, 0.25], [6, 8, 0.25], [-1, -1, 0]],
        [[10, 12, 0.25], [-1, -1, 0], [-1, -1, 0]],
    ]
    assert lengths_found.tolist() == [2, 1]
    assert variables() == {"sequence_input_layer/w_embedding/embedding_weights": [5, 1]}


def test_steps_are_the_second_of_three_dimensions() -> None:
    steps = [(0, 0), (1, 0), (1, 1)]
    indices = [[row, step, element] for row, step in steps for element in range(2)]
    feature = tf.SparseTensor(indices, tf.range(6.0), [2, 2, 2])
    numbers = columns.sequence_numeric_column("n", shape=[2])
    found, lengths = run(columns.sequence_input_layer({"n": feature}, [numbers]))
    assert found.tolist() == [[[0, 1], [0, 0]], [[2, 3], [4, 5]]]
    assert lengths.tolist() == [1, 2]


def test_vocabulary_files_and_parsing(tmp_path: Any) -> None:
    path = tmp_path / "words"
    path.write_text("x\ny\n")
    words = v1.feature_column.indicator_column(
        columns.sequence_categorical_column_with_vocabulary_file("w", str(path), 2)
    )
    both = [words, columns.sequence_numeric_column("n")]
    spec = v1.feature_column.make_parse_example_spec(both)
    assert spec == {"w": tf.io.VarLenFeature(tf.string), "n": tf.io.VarLenFeature(tf.float32)}
    layer, _ = columns.sequence_input_layer({"w": sparse(["y", "x"], [2], 2)}, [words])
    assert run(layer).tolist() == [[[0.0, 1.0], [1.0, 0.0]]]
    assert len(v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)) == 1


def test_sequences_of_different_lengths_are_refused() -> None:
    features = {
        name: sparse([1.0, 2.0], lengths, 2) for name, lengths in {"a": [2, 0], "b": [1, 1]}.items()
    }
    both = [columns.sequence_numeric_column(name) for name in "ab"]
    _, lengths = columns.sequence_input_layer(features, both)
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(lengths)


def test_columns_are_checked() -> None:
    with pytest.raises(ValueError, match="must be of type _SequenceDenseColumn"):
        columns.sequence_input_layer({"a": 1}, [v1.feature_column.numeric_column("a")])
    with pytest.raises(ValueError, match="convertible to float"):
        columns.sequence_numeric_column("a", dtype=tf.string)
    with pytest.raises(TypeError, match="must be a callable"):
        columns.sequence_numeric_column("a", normalizer_fn=1)
    np.testing.assert_equal(columns.sequence_numeric_column("a").name, "a")
