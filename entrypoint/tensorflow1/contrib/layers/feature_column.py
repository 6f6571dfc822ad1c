"""The feature columns of `tf.contrib.layers`, as columns of `tf.feature_column`.

Every column can be given to an Estimator and to `tf.feature_column.input_layer`, as in
TensorFlow 1. It also keeps its `combiner`, `length` and the `key` by which
`input_from_feature_columns` sorts columns, on which the layout of its result depends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.layers.sparse_columns import (
    crossed_column,
    key_of,
    keyed,
    sparse_column_with_hash_bucket,
    sparse_column_with_integerized_feature,
    sparse_column_with_keys,
    sparse_column_with_vocabulary_file,
    weighted_sparse_column,
)
from entrypoint.tensorflow1.contrib.missing import explain_missing

v1 = tf.compat.v1
columns = v1.feature_column

__all__ = [
    "bucketized_column",
    "create_feature_spec_for_parsing",
    "crossed_column",
    "embedding_column",
    "make_place_holder_tensors_for_base_features",
    "one_hot_column",
    "real_valued_column",
    "shared_embedding_columns",
    "sparse_column_with_hash_bucket",
    "sparse_column_with_integerized_feature",
    "sparse_column_with_keys",
    "sparse_column_with_vocabulary_file",
    "weighted_sparse_column",
]
NOT_SUPPLIED = {
    "DataFrameColumn": "feed a DataFrame with tf.estimator.inputs.pandas_input_fn",
    "InputLayer": "use tf.feature_column.input_layer",
    "scattered_embedding_column": (
        "use tf.contrib.layers.embedding_column of a sparse_column_with_hash_bucket"
    ),
}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


def real_valued_column(
    column_name: str,
    dimension: int = 1,
    default_value: Any = None,
    dtype: Any = tf.float32,
    normalizer: Any = None,
) -> Any:
    """Return a column of `dimension` numbers.

    Raises:
        TypeError: `dimension` is no integer.
    """
    if not isinstance(dimension, int):
        raise TypeError(
            f"dimension must be an integer. dimension: {dimension}, column_name: {column_name}"
        )
    column = columns.numeric_column(column_name, (dimension,), default_value, dtype, normalizer)
    column.dimension = dimension
    key = f"_RealValuedColumn({column_name=!s}, {dimension=}, {default_value=}, {dtype=})"
    return keyed(column, key)


def bucketized_column(source_column: Any, boundaries: Sequence[float]) -> Any:
    """Return a column of the ranges between boundaries in which numbers are.

    Raises:
        ValueError: the boundaries are not sorted.
    """
    if list(boundaries) != sorted(boundaries):
        raise ValueError(f"boundaries must be a sorted list. boundaries: {boundaries}")
    column = columns.bucketized_column(source_column, sorted(set(boundaries)))
    column.combiner = "sum"
    column.length = len(column.boundaries) + 1
    # In the key of a column, a name stands in quotes.
    source = key_of(source_column).replace(source_column.key, repr(source_column.key), 1)
    return keyed(column, f"_BucketizedColumn(source_column={source}, {boundaries=})")


def one_hot_column(sparse_id_column: Any) -> Any:
    """Return the dense column of a sparse one: how often each of the ids is there."""
    column = columns.indicator_column(sparse_id_column)
    column.length = sparse_id_column.length
    return keyed(column, f"_OneHotColumn(sparse_id_column={key_of(sparse_id_column)})")


def embedding_column(
    sparse_id_column: Any,
    dimension: int,
    combiner: str = "mean",
    initializer: Any = None,
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> Any:
    """Return the dense column of embeddings of a sparse one's ids."""
    column = columns.embedding_column(
        sparse_id_column,
        dimension,
        combiner,
        initializer or _normal(sparse_id_column),
        ckpt_to_load_from,
        tensor_name_in_ckpt,
        max_norm,
        trainable,
    )
    column.length = sparse_id_column.length
    key = (
        f"_EmbeddingColumn(sparse_id_column={key_of(sparse_id_column)}, {dimension=}, {combiner=})"
    )
    return keyed(column, key)


def shared_embedding_columns(
    sparse_id_columns: Any,
    dimension: int,
    combiner: str = "mean",
    shared_embedding_name: str | None = None,
    initializer: Any = None,
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> Any:
    """Return dense columns of embeddings of several sparse columns, which share them."""
    made = columns.shared_embedding_columns(
        sparse_id_columns,
        dimension,
        combiner,
        initializer or _normal(sparse_id_columns[0]),
        shared_embedding_name or _shared_name(sparse_id_columns),
        ckpt_to_load_from,
        tensor_name_in_ckpt,
        max_norm,
        trainable,
    )
    for column, source in zip(made, sparse_id_columns, strict=True):
        column.length = source.length
        keyed(column, f"_EmbeddingColumn(sparse_id_column={key_of(source)}, {dimension=}, shared)")
    return made if len(made) == 1 else tuple(made)


def _shared_name(sparse_id_columns: Any) -> str:
    """Name shared embeddings after the first three columns, as the variable was named."""
    names = sorted(column.name for column in sparse_id_columns)
    others = f"_plus_{len(names) - 3}_others" if len(names) > 3 else ""  # noqa: PLR2004
    return "_".join(names[:3]) + others + "_shared_embedding"


def create_feature_spec_for_parsing(feature_columns: Any) -> dict[str, Any]:
    """Return what `tf.parse_example` needs to read the features of some columns."""
    if isinstance(feature_columns, dict):
        feature_columns = feature_columns.values()
    return dict(columns.make_parse_example_spec(list(feature_columns)))


def make_place_holder_tensors_for_base_features(feature_columns: Any) -> dict[str, Any]:
    """Return a placeholder for every feature of some columns."""
    placeholders = {}
    for name, spec in create_feature_spec_for_parsing(feature_columns).items():
        if isinstance(spec, tf.io.VarLenFeature):
            placeholders[name] = v1.sparse_placeholder(spec.dtype, name=f"Placeholder_{name}")
        else:
            placeholders[name] = v1.placeholder(
                spec.dtype, (None, spec.shape[0]), name=f"Placeholder_{name}"
            )
    return placeholders


def _normal(sparse_id_column: Any) -> Any:
    return v1.truncated_normal_initializer(stddev=sparse_id_column.length**-0.5)
