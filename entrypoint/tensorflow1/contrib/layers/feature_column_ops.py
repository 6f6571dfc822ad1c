"""Input layers and linear models of the feature columns of `tf.contrib.layers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.feature_column import feature_column as old_core
from tensorflow.python.feature_column import feature_column_v2 as core
from tf_slim.ops.variables import model_variable

from entrypoint.tensorflow1.contrib.layers.embeddings import safe_embedding_lookup_sparse
from entrypoint.tensorflow1.contrib.layers.feature_column import (
    create_feature_spec_for_parsing,
    real_valued_column,
)
from entrypoint.tensorflow1.contrib.layers.sparse_columns import key_of

v1 = tf.compat.v1
_EMBEDDING = (core.EmbeddingColumn, old_core._SharedEmbeddingColumn)


def check_feature_columns(feature_columns: Any) -> None:
    """Check that no column is there twice.

    Raises:
        ValueError: one is, or the columns are in a dict.
    """
    if isinstance(feature_columns, dict):
        raise ValueError(  # noqa: TRY004 (TensorFlow 1's type)
            "Expected feature_columns to be iterable, found dict."
        )
    keys = [key_of(column) for column in feature_columns]
    for column, key in zip(feature_columns, keys, strict=True):
        if keys.count(key) > 1:
            raise ValueError(f"Duplicate feature column key found for column: {column.name}.")


def transform_features(features: dict[str, Any], feature_columns: Any) -> dict[Any, Any]:
    """Return for each column its feature as numbers, bucket numbers or sparse ids."""
    cache = core.FeatureTransformationCache(features)
    return {column: _transformed(column, cache) for column in _sorted(feature_columns)}


def parse_feature_columns_from_examples(
    serialized: Any, feature_columns: Any, name: str | None = None, example_names: Any = None
) -> dict[Any, Any]:
    """Parse examples into features by name and, as `transform_features` has them, by column."""
    features = v1.parse_example(
        serialized, create_feature_spec_for_parsing(feature_columns), name, example_names
    )
    return {**features, **transform_features(features, feature_columns)}


def infer_real_valued_columns(features: Any) -> list[Any]:
    """Return a real-valued column for each feature of a dict, or for a single tensor.

    Raises:
        ValueError: a feature is sparse or no number.
    """
    if not isinstance(features, dict):
        features = {"": features}
    return [_infer_real_valued_column(name, tensor) for name, tensor in features.items()]


def _infer_real_valued_column(name: str, tensor: Any) -> Any:
    dense = not isinstance(tensor, tf.SparseTensor)
    if not dense or not (tensor.dtype.is_integer or tensor.dtype.is_floating):
        raise ValueError(
            "Only dense tensors of numbers are supported for auto detection."
            f" Please define the feature column of {name!r}: {tensor}."
        )
    return real_valued_column(name, tensor.shape[1:].num_elements(), dtype=tensor.dtype)


def input_from_feature_columns(
    columns_to_tensors: dict[Any, Any],
    feature_columns: Any,
    weight_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
    cols_to_outs: dict[Any, Any] | None = None,
) -> Any:
    """Return the input of a network, [batch, width]: the columns side by side, sorted by key.

    Args:
        columns_to_tensors: features by name.
        feature_columns: dense columns.
        weight_collections: collections of the embeddings.
        trainable: whether these are trained.
        scope: the variable scope.
        cols_to_outs: a dict to fill with the part of each column.

    Raises:
        ValueError: a column is sparse or is there twice.
    """
    cache = core.FeatureTransformationCache(columns_to_tensors)
    collections = _with_global(weight_collections)
    outputs = []
    with _scope(scope, "input_from_feature_columns", columns_to_tensors):
        for column in _sorted(feature_columns):
            if not isinstance(column, (core.DenseColumn, old_core._DenseColumn)):
                raise ValueError(  # noqa: TRY004 (TensorFlow 1's type)
                    f"Error creating input layer for column: {column.name}."
                    " Use embedding_column or one_hot_column."
                )
            with _scope(None, column.name, columns_to_tensors):
                if isinstance(column, _EMBEDDING):
                    output = _embed(column, cache, collections, trainable)
                else:
                    dense = column.get_dense_tensor(cache, None)
                    output = tf.reshape(dense, [-1, column.variable_shape.num_elements()])
            outputs.append(output)
            if cols_to_outs is not None:
                cols_to_outs[column] = output
        return tf.concat(outputs, 1)


def _embed(column: Any, cache: Any, collections: Any, trainable: bool) -> Any:
    """Return the embeddings of a column, whose variable other columns may share."""
    ids, weights = column.categorical_column.get_sparse_tensors(cache, None)
    shared_name = getattr(column, "shared_embedding_collection_name", None)
    shared = v1.get_collection_ref(f"SHARED_EMBEDDING_COLLECTION_{str(shared_name).upper()}")
    if shared_name and shared:
        variable = shared[0]
    else:
        variable = model_variable(
            shared_name or "weights",
            shape=[column.length, column.dimension],
            dtype=tf.float32,
            initializer=column.initializer,
            trainable=trainable and column.trainable,
            collections=collections,
        )
        if column.ckpt_to_load_from is not None:
            v1.train.init_from_checkpoint(
                column.ckpt_to_load_from, {column.tensor_name_in_ckpt: variable}
            )
        if shared_name:
            shared.append(variable)
    return safe_embedding_lookup_sparse(
        variable,
        ids,
        sparse_weights=weights,
        combiner=column.combiner,
        name=f"{column.name}weights",
        max_norm=column.max_norm,
    )


def weighted_sum_from_feature_columns(
    columns_to_tensors: dict[Any, Any],
    feature_columns: Any,
    num_outputs: int,
    weight_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> tuple[Any, dict[Any, list[Any]], Any]:
    """Return the outputs of a linear model of columns, [batch, num_outputs].

    Returns:
        The outputs, the parts of the weight variable of each column, and the bias variable.

    Raises:
        ValueError: a column is an embedding, a one-hot column or is there twice.
    """
    cache = core.FeatureTransformationCache(columns_to_tensors)
    outputs, column_to_variable = [], {}
    with _scope(scope, "weighted_sum_from_feature_columns", columns_to_tensors):

        def weights(name: str, rows: int) -> Any:
            return model_variable(
                name,
                shape=[rows, num_outputs],
                dtype=tf.float32,
                initializer=v1.zeros_initializer(),
                trainable=trainable,
                collections=weight_collections,
            )

        for column in _sorted(feature_columns):
            with _scope(None, column.name, columns_to_tensors):
                variable, output = _weigh(column, cache, weights)
            outputs.append(tf.reshape(output, [-1, num_outputs]))
            column_to_variable[column] = _parts(variable)
        bias = _bias(num_outputs, weight_collections, trainable)
        return v1.nn.bias_add(tf.add_n(outputs), bias), column_to_variable, bias


def _weigh(column: Any, cache: Any, weights: Callable[[str, int], Any]) -> tuple[Any, Any]:
    """Return the weights of a column and its share of a linear model's outputs."""
    if isinstance(column, core.CategoricalColumn):
        variable = weights("weights", column.num_buckets)
        ids, id_weights = column.get_sparse_tensors(cache, None)
        output = safe_embedding_lookup_sparse(
            variable, ids, id_weights, column.combiner, name=f"{column.name}_weights"
        )
        return variable, output
    if isinstance(column, core.NumericColumn):
        variable = weights("weight", column.dimension)
        dense = tf.reshape(column.get_dense_tensor(cache, None), [-1, column.dimension])
        return variable, tf.matmul(dense, variable, name="matmul")
    raise ValueError(
        f"Error creating weighted sum for column: {column.name}. Use the sparse column itself."
    )


def joint_weighted_sum_from_feature_columns(
    columns_to_tensors: dict[Any, Any],
    feature_columns: Any,
    num_outputs: int,
    weight_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> tuple[Any, list[Any], Any]:
    """Return the outputs of a linear model of sparse columns whose weights are one variable.

    Returns:
        The outputs [batch, num_outputs], the parts of the weight variable, the bias variable.

    Raises:
        ValueError: a column is not sparse, is weighted, or is not combined by "sum".
    """
    cache = core.FeatureTransformationCache(columns_to_tensors)
    with _scope(scope, "joint_weighted_sum_from_feature_columns", columns_to_tensors):
        offset, shifted = 0, []
        for column in _sorted(feature_columns):
            ids = _joinable_ids(column, cache)
            values = tf.cast(ids.values, tf.int64) + offset
            shifted.append(tf.SparseTensor(ids.indices, values, ids.dense_shape))
            offset += column.num_buckets
        with _scope(None, "linear_weights", columns_to_tensors):
            variable = model_variable(
                "weights",
                shape=[offset, num_outputs],
                dtype=tf.float32,
                initializer=v1.zeros_initializer(),
                trainable=trainable,
                collections=weight_collections,
            )
            outputs = safe_embedding_lookup_sparse(
                variable, v1.sparse_concat(1, shifted), combiner="sum", name="_weights"
            )
        bias = _bias(num_outputs, weight_collections, trainable)
        return v1.nn.bias_add(outputs, bias), _parts(variable), bias


def _joinable_ids(column: Any, cache: Any) -> Any:
    joinable = isinstance(column, core.CategoricalColumn) and column.combiner == "sum"
    if not joinable or isinstance(column, core.WeightedCategoricalColumn):
        raise ValueError(
            f"Column {column.name} is not supported in a joint sum, which takes sparse columns"
            ' without weights, combined by "sum". Use weighted_sum_from_feature_columns.'
        )
    return column.get_sparse_tensors(cache, None).id_tensor


def _transformed(column: Any, cache: Any) -> Any:
    if isinstance(column, (core.IndicatorColumn, *_EMBEDDING)):
        column = column.categorical_column
    return cache.get(column, None)


def _sorted(feature_columns: Any) -> list[Any]:
    check_feature_columns(feature_columns)
    return sorted(feature_columns, key=key_of)


def _scope(scope: Any, default_name: str, features: dict[Any, Any]) -> Any:
    return v1.variable_scope(scope, default_name=default_name, values=list(features.values()))


def _parts(variable: Any) -> list[Any]:
    is_partitioned = hasattr(variable, "_get_variable_list")
    return list(variable._get_variable_list()) if is_partitioned else [variable]


def _with_global(collections: Any) -> Any:
    if not collections:
        return collections
    return list({*collections, v1.GraphKeys.GLOBAL_VARIABLES})


def _bias(num_outputs: int, collections: Any, trainable: bool) -> Any:
    return model_variable(
        "bias_weight",
        shape=[num_outputs],
        initializer=v1.zeros_initializer(),
        trainable=trainable,
        collections=_with_global(collections),
    )
