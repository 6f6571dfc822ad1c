"""The sparse feature columns of `tf.contrib.layers`, as columns of `tf.feature_column`."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.feature_column import feature_column_v2 as core

v1 = tf.compat.v1
columns = v1.feature_column


def sparse_column_with_hash_bucket(
    column_name: str,
    hash_bucket_size: int,
    combiner: str = "sum",
    dtype: Any = tf.string,
    hash_keys: Any = None,
) -> Any:
    """Return a sparse column whose ids are hashes of the feature's values.

    Raises:
        ValueError: there are hash keys.
    """
    if hash_keys is not None:
        raise ValueError(
            f"hash_keys of sparse_column_with_hash_bucket({column_name!r}) are not supported;"
            " leave them out, or make one column for each of the keys"
        )
    column = columns.categorical_column_with_hash_bucket(column_name, hash_bucket_size, dtype)
    key = (
        f"_SparseColumnHashed(column_name={column_name!r}, is_integerized=False,"
        f" bucket_size={hash_bucket_size}, {combiner=}, {dtype=})"
    )
    return as_sparse(column, key, combiner)


class _ModuloColumn(core.IdentityCategoricalColumn):
    """Ids that are integers modulo the number of buckets."""

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        return dict(self.spec)

    def _transform_input_tensor(self, input_tensor: Any) -> Any:
        ids = tf.cast(input_tensor.values, tf.int64) % self.number_buckets
        return tf.SparseTensor(input_tensor.indices, ids, input_tensor.dense_shape)


def sparse_column_with_integerized_feature(
    column_name: str, bucket_size: int, combiner: str = "sum", dtype: Any = tf.int64
) -> Any:
    """Return a sparse column whose ids are the feature's values modulo `bucket_size`.

    Raises:
        ValueError: `dtype` is no integer or there is no bucket.
    """
    if not dtype.is_integer:
        raise ValueError(f"dtype must be an integer. dtype: {dtype}, column_name: {column_name}.")
    if bucket_size < 1:
        raise ValueError(f"bucket_size must be at least 1. column_name: {column_name}")
    column = _ModuloColumn(column_name, bucket_size, None)
    column.spec = {column_name: tf.io.VarLenFeature(dtype)}
    key = (
        f"_SparseColumnIntegerized(column_name={column_name!r}, is_integerized=True,"
        f" bucket_size={bucket_size}, {combiner=}, {dtype=})"
    )
    return as_sparse(column, key, combiner)


def sparse_column_with_keys(
    column_name: str,
    keys: Any,
    default_value: int = -1,
    combiner: str = "sum",
    dtype: Any = tf.string,
) -> Any:
    """Return a sparse column whose ids are positions in a list."""
    keys = tuple(keys)
    column = columns.categorical_column_with_vocabulary_list(
        column_name, keys, dtype=dtype, default_value=default_value
    )
    key = (
        f"_SparseColumnKeys(column_name={column_name!r}, is_integerized=False, {keys=},"
        f" {default_value=}, {combiner=}, {dtype=})"
    )
    return as_sparse(column, key, combiner)


def sparse_column_with_vocabulary_file(
    column_name: str,
    vocabulary_file: str,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    combiner: str = "sum",
    dtype: Any = tf.string,
) -> Any:
    """Return a sparse column whose ids are line numbers of a file.

    Raises:
        ValueError: the number of lines is not given.
    """
    if vocab_size is None:
        raise ValueError(f"vocab_size should be defined. column_name: {column_name}")
    column = columns.categorical_column_with_vocabulary_file(
        column_name,
        vocabulary_file,
        vocab_size,
        num_oov_buckets=num_oov_buckets,
        default_value=None if num_oov_buckets else default_value,
        dtype=dtype,
    )
    key = (
        f"_SparseColumnVocabulary(column_name={column_name!r}, is_integerized=False,"
        f" {vocabulary_file=}, {num_oov_buckets=}, {vocab_size=}, {default_value=}, {combiner=},"
        f" {dtype=})"
    )
    return as_sparse(column, key, combiner)


def weighted_sparse_column(
    sparse_id_column: Any, weight_column_name: str, dtype: Any = tf.float32
) -> Any:
    """Return a sparse column whose ids have the weights that another feature gives them."""
    column = columns.weighted_categorical_column(sparse_id_column, weight_column_name, dtype)
    key = (
        f"_WeightedSparseColumn(sparse_id_column={key_of(sparse_id_column)}, {weight_column_name=})"
    )
    return as_sparse(column, key, sparse_id_column.combiner)


class _CrossedColumn(core.CrossedColumn):
    """A cross of raw features of any type; `tf.feature_column` takes only strings by name."""

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        return dict(self.spec)


def crossed_column(
    columns: Any,
    hash_bucket_size: int,
    combiner: str = "sum",
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    hash_key: int | None = None,
) -> Any:
    """Return a sparse column whose ids are hashes of combinations of other columns' values.

    Without `hash_key` the hash differs from TensorFlow 1's, so weights that it trained for this
    column do not fit; with one it is the same.

    Raises:
        ValueError: there is a checkpoint, or there are less than two columns.
        TypeError: a column cannot be crossed.
    """
    if ckpt_to_load_from or tensor_name_in_ckpt:
        raise ValueError(
            "ckpt_to_load_from of crossed_column is not supported;"
            " use tf.train.init_from_checkpoint"
        )
    if len(columns) < 2:  # noqa: PLR2004 (a cross is of two)
        raise ValueError(f"columns must contain at least 2 elements. columns: {columns}")
    if hash_key is None:
        v1.logging.warning(
            "crossed_column: without hash_key, current TensorFlow hashes crossed features otherwise"
            " than TensorFlow 1; do not load what TensorFlow 1 trained for such a column."
        )
    ordered = sorted(columns, key=lambda column: column.name)
    parts, spec = [], {}
    for column in ordered:
        _require_crossable(column)
        spec.update(column.parse_example_spec)
        whole = isinstance(column, (core.BucketizedColumn, core.CrossedColumn))
        parts.append(column if whole else column.key)
    crossed = _CrossedColumn(tuple(parts), hash_bucket_size, hash_key)
    crossed.spec = spec
    keys = ", ".join(key_of(column) for column in ordered)
    return as_sparse(
        crossed, f"_CrossedColumn(columns=({keys}), {hash_bucket_size=}, {hash_key=})", combiner
    )


def _require_crossable(column: Any) -> None:
    sparse = isinstance(column, core.CategoricalColumn) and hasattr(column, "contrib_key")
    if not sparse or isinstance(column, core.WeightedCategoricalColumn):
        raise TypeError(
            "columns must be a set of sparse, crossed or bucketized columns of tf.contrib.layers;"
            f" {column} is none"
        )


def as_sparse(column: Any, key: str, combiner: str) -> Any:
    """Return a sparse column with what `tf.contrib.layers` knows of it besides."""
    column.combiner = combiner
    column.length = column.num_buckets
    return keyed(column, key)


def keyed(column: Any, key: str) -> Any:
    """Return a column with its key, by which the columns of an input layer are sorted."""
    column.contrib_key = key
    return column


def key_of(column: Any) -> str:
    """Return the key of a column of this module.

    Raises:
        TypeError: it is another one.
    """
    if not hasattr(column, "contrib_key"):
        raise TypeError(f"{column} is not a feature column of tf.contrib.layers")
    return str(column.contrib_key)
