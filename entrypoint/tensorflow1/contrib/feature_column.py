"""`tf.contrib.feature_column`: sequences of features as the input of a recurrent network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.feature_column import feature_column as columns
from tensorflow.python.feature_column import utils

from entrypoint.tensorflow1.contrib.missing import explain_missing

_v1 = tf.compat.v1

__all__ = [
    "sequence_categorical_column_with_hash_bucket",
    "sequence_categorical_column_with_identity",
    "sequence_categorical_column_with_vocabulary_file",
    "sequence_categorical_column_with_vocabulary_list",
    "sequence_input_layer",
    "sequence_numeric_column",
]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


def sequence_input_layer(
    features: dict[str, Any],
    feature_columns: Any,
    weight_collections: Any = None,
    trainable: bool = True,
) -> tuple[Any, Any]:
    """Return a sequence of dense vectors made of features, and its lengths.

    Args:
        features: `SparseTensor`s `[batch, steps]` by name.
        feature_columns: `sequence_numeric_column`s, and sequence_categorical_columns in an
            `embedding_column` or `indicator_column`.
        weight_collections: to which variables are added.
        trainable: whether embeddings are.

    Returns:
        Vectors `[batch, steps, dimensions]`, with the columns in the order of their names, and
        lengths `[batch]`.

    Raises:
        ValueError: a column is no sequence of dense vectors.
    """
    listed = columns._normalize_feature_columns(feature_columns)
    for column in listed:
        if not isinstance(column, columns._SequenceDenseColumn):
            raise ValueError(  # noqa: TRY004 (as TensorFlow 1 raised)
                "All feature_columns must be of type _SequenceDenseColumn. You can wrap a "
                "sequence_categorical_column with an embedding_column or indicator_column. Given "
                f"(type {type(column)}): {column}"
            )
    with _v1.variable_scope(
        None, default_name="sequence_input_layer", values=list(features.values())
    ):
        builder = columns._LazyBuilder(features)
        ordered = sorted(listed, key=lambda column: column.name)
        vectors, lengths = [], []
        for column in ordered:
            with _v1.variable_scope(None, default_name=column._var_scope_name):
                dense, length = column._get_sequence_dense_tensor(
                    builder, weight_collections=weight_collections, trainable=trainable
                )
                size = column._variable_shape.num_elements()
                shape = tf.shape(dense)
                vectors.append(tf.reshape(dense, [shape[0], shape[1], size]))
                lengths.append(length)
        columns._verify_static_batch_size_equality(vectors, ordered)
        columns._verify_static_batch_size_equality(lengths, ordered)
        same = [_v1.assert_equal(lengths[0], length) for length in lengths[1:]]
        with tf.control_dependencies(same):
            return tf.concat(vectors, -1), tf.identity(lengths[0])


def sequence_categorical_column_with_identity(
    key: str, num_buckets: int, default_value: int | None = None
) -> Any:
    """Return a column of sequences of class numbers below `num_buckets`."""
    return columns._SequenceCategoricalColumn(
        columns._categorical_column_with_identity(key, num_buckets, default_value)
    )


def sequence_categorical_column_with_hash_bucket(
    key: str, hash_bucket_size: int, dtype: Any = tf.string
) -> Any:
    """Return a column of sequences whose values are hashed into buckets."""
    return columns._SequenceCategoricalColumn(
        columns._categorical_column_with_hash_bucket(key, hash_bucket_size, dtype)
    )


def sequence_categorical_column_with_vocabulary_file(
    key: str,
    vocabulary_file: Any,
    vocabulary_size: int | None = None,
    num_oov_buckets: int = 0,
    default_value: int | None = None,
    dtype: Any = tf.string,
) -> Any:
    """Return a column of sequences of the lines of a file."""
    return columns._SequenceCategoricalColumn(
        columns._categorical_column_with_vocabulary_file(
            key=key,
            vocabulary_file=vocabulary_file,
            vocabulary_size=vocabulary_size,
            num_oov_buckets=num_oov_buckets,
            default_value=default_value,
            dtype=dtype,
        )
    )


def sequence_categorical_column_with_vocabulary_list(
    key: str,
    vocabulary_list: Any,
    dtype: Any = None,
    default_value: int = -1,
    num_oov_buckets: int = 0,
) -> Any:
    """Return a column of sequences of the elements of a list."""
    return columns._SequenceCategoricalColumn(
        columns._categorical_column_with_vocabulary_list(
            key=key,
            vocabulary_list=vocabulary_list,
            dtype=dtype,
            default_value=default_value,
            num_oov_buckets=num_oov_buckets,
        )
    )


def sequence_numeric_column(
    key: str,
    shape: Any = (1,),
    default_value: float = 0.0,
    dtype: Any = tf.float32,
    normalizer_fn: Callable[[Any], Any] | None = None,
) -> Any:
    """Return a column of sequences of numbers.

    Args:
        key: of the feature, a `SparseTensor`.
        shape: of one step; the feature of a step has so many elements.
        default_value: for steps beyond the end of a sequence.
        dtype: of the feature.
        normalizer_fn: from the sparse feature to another.

    Raises:
        TypeError: `normalizer_fn` cannot be called.
        ValueError: `dtype` is no number.
    """
    shape = columns._check_shape(shape=shape, key=key)
    if not (dtype.is_integer or dtype.is_floating):
        raise ValueError(f"dtype must be convertible to float. dtype: {dtype}, key: {key}")
    if normalizer_fn is not None and not callable(normalizer_fn):
        raise TypeError(f"normalizer_fn must be a callable. Given: {normalizer_fn}")
    return _SequenceNumericColumn(key, shape, default_value, dtype, normalizer_fn)


class _Numbers(NamedTuple):
    key: str
    shape: Any
    default_value: float
    dtype: Any
    normalizer_fn: Callable[[Any], Any] | None


class _SequenceNumericColumn(columns._SequenceDenseColumn, _Numbers):
    """A column of sequences of numbers."""

    @property
    def name(self) -> str:
        return self.key

    @property
    def _parse_example_spec(self) -> dict[str, Any]:
        return {self.key: tf.io.VarLenFeature(self.dtype)}

    def _transform_feature(self, inputs: Any) -> Any:
        given = inputs.get(self.key)
        return given if self.normalizer_fn is None else self.normalizer_fn(given)

    @property
    def _variable_shape(self) -> Any:
        return tf.TensorShape(self.shape)

    def _get_sequence_dense_tensor(
        self, inputs: Any, weight_collections: Any = None, trainable: bool | None = None
    ) -> Any:
        sparse = inputs.get(self)
        dense = _v1.sparse_tensor_to_dense(sparse, default_value=self.default_value)
        dense = tf.reshape(dense, tf.concat([tf.shape(dense)[:1], [-1], self._variable_shape], 0))
        # A feature of more dimensions has its steps in the second.
        is_flat = sparse.shape.rank == 2  # noqa: PLR2004
        size = self._variable_shape.num_elements() if is_flat else 1
        lengths = utils.sequence_length_from_sparse_tensor(sparse, num_elements=size)
        return columns._SequenceDenseColumn.TensorSequenceLengthPair(
            dense_tensor=dense, sequence_length=lengths
        )
