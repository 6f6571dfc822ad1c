"""The feature columns of `tf.contrib.layers`, as columns of `tf.feature_column`.

Every column can be given to an Estimator and to `tf.feature_column.input_layer`, as in
TensorFlow 1. It also keeps its `combiner`, `length` and the `key` by which
`input_from_feature_columns` sorts columns, on which the layout of its result depends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.feature_column import feature_column as old_core
from tensorflow.python.feature_column import feature_column_v2 as core

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
_CORE_NAME = "embedding_weights"

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


class _OneHotColumn(core.IndicatorColumn):
    """Counts of ids; the name is by which Estimators sort columns."""

    @property
    def name(self) -> str:
        return f"{self.categorical_column.name}_one_hot"


def one_hot_column(sparse_id_column: Any) -> Any:
    """Return the dense column of a sparse one: how often each of the ids is there."""
    column = _OneHotColumn(sparse_id_column)
    column.length = sparse_id_column.length
    return keyed(column, f"_OneHotColumn(sparse_id_column={key_of(sparse_id_column)})")


class _EmbeddingColumn(core.EmbeddingColumn):
    """An embedding whose variable is named `weights`, also in an Estimator."""

    def create_state(self, state_manager: Any) -> None:
        super().create_state(_RenamingManager(state_manager))

    def get_dense_tensor(self, transformation_cache: Any, state_manager: Any) -> Any:
        manager = _RenamingManager(state_manager)
        return super().get_dense_tensor(transformation_cache, manager)

    def _get_dense_tensor(self, *args: Any, **kwargs: Any) -> Any:
        with _renamed("weights"):
            return super()._get_dense_tensor(*args, **kwargs)


class _SharedEmbeddingColumn(old_core._SharedEmbeddingColumn):
    """A shared embedding whose variable is named after all of its columns."""

    @property
    def _var_scope_name(self) -> str:
        return str(self.name)

    def _get_dense_tensor(self, *args: Any, **kwargs: Any) -> Any:
        with _renamed(self.shared_embedding_collection_name):
            return super()._get_dense_tensor(*args, **kwargs)


class _RenamingManager:
    """A state manager in which the variable of an embedding is `weights`."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    def create_variable(self, column: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        new_name = "weights" if name == _CORE_NAME else name
        return self._manager.create_variable(column, new_name, *args, **kwargs)

    def get_variable(self, column: Any, name: str) -> Any:
        return self._manager.get_variable(column, "weights" if name == _CORE_NAME else name)


def _renamed(new_name: str) -> Any:
    """Return a scope in which the variable of an embedding has another name."""

    def get_renamed(getter: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        return getter(name.replace(_CORE_NAME, new_name), *args, **kwargs)

    return v1.variable_scope(
        v1.get_variable_scope(), custom_getter=get_renamed, auxiliary_name_scope=False
    )


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
    column = _EmbeddingColumn(*column)
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
    made = [_SharedEmbeddingColumn(*column) for column in made]
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
