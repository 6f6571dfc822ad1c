"""The feature columns of boosted trees, as numbered features that hold bucket numbers.

A numeric column is one feature for each of its values, cut at quantiles of the training data; a
bucketized column is one; an indicator column is one of two buckets for each of its categories.
Columns are numbered in the order of their names: a checkpoint knows features by number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.feature_column import feature_column_v2 as fc

# Absent and present.
_INDICATOR_BUCKETS = 2


class Columns:
    """The columns of one model."""

    def __init__(self, feature_columns: Iterable[Any]) -> None:
        """Number the features.

        Raises:
            ValueError: a column is of a kind that trees cannot split on; names it.
        """
        self._columns = sorted(feature_columns, key=lambda column: column.name)
        if not self._columns:
            raise ValueError("feature_columns is empty; trees need a column to split on")
        self._sizes = [_count_features(column) for column in self._columns]
        self._numeric = [column for column in self._columns if _is_numeric(column)]

    @property
    def names(self) -> list[str]:
        """For each feature by number, the name of its column, or of the categories it is one of."""
        return [
            column.categorical_column.name if _is_indicator(column) else column.name
            for column, size in zip(self._columns, self._sizes, strict=True)
            for _ in range(size)
        ]

    @property
    def numeric_features(self) -> int:
        """How many features are cut at quantiles."""
        return sum(_count_features(column) for column in self._numeric)

    @property
    def bucket_counts(self) -> list[int | None]:
        """For each feature by number how many buckets it has; None for those of numeric columns.

        All bucketized columns count as the longest of them does, as in TensorFlow 1.15.
        """
        longest = max(
            (len(c.boundaries) + 1 for c in self._columns if isinstance(c, fc.BucketizedColumn)),
            default=0,
        )
        counts: list[int | None] = []
        for column, size in zip(self._columns, self._sizes, strict=True):
            if isinstance(column, fc.BucketizedColumn):
                counts.append(max(longest, _INDICATOR_BUCKETS))
            else:
                counts += [_INDICATOR_BUCKETS if _is_indicator(column) else None] * size
        return counts

    def numeric_values(self, features: Mapping[str, Any]) -> list[Any]:
        """Return the values of each numeric feature, float32 of shape [batch]."""
        transformed = _transform(features, self._numeric)
        return [
            value for column in self._numeric for value in tf.unstack(transformed[column], axis=1)
        ]

    def buckets(self, features: Mapping[str, Any], boundaries: Sequence[Any]) -> Any:
        """Return the bucket numbers, int32 of shape [batch, features].

        Args:
            features: what the input_fn gave.
            boundaries: for each numeric feature the quantiles to cut at, float32 of shape [any].
        """
        transformed = _transform(features, self._columns)
        left = list(boundaries)
        result: list[Any] = []
        for column, size in zip(self._columns, self._sizes, strict=True):
            tensor = transformed[column]
            if isinstance(column, fc.BucketizedColumn):
                result.append(tf.squeeze(tensor, axis=1))
            elif _is_indicator(column):
                # A category that a row names twice counts two there; there is no third bucket.
                present = tf.cast(tf.minimum(tensor, 1), tf.int32)
                result += tf.unstack(present, num=size, axis=1)
            else:
                cuts, left = left[:size], left[size:]
                values = tf.unstack(tensor, num=size, axis=1)
                result += [_cut(v, at) for v, at in zip(values, cuts, strict=True)]
        return tf.stack([tf.cast(feature, tf.int32) for feature in result], axis=1)


def column_values(features: Mapping[str, Any], column: Any) -> Any:
    """Return the values of a numeric column, or of the feature of that name, shape [batch]."""
    if isinstance(column, str):
        column = tf.feature_column.numeric_column(column, shape=(1,))
    return tf.squeeze(_transform(features, [column])[column], axis=1)


def _cut(values: Any, boundaries: Any) -> Any:
    """Return in which bucket values are: the first whose boundary, its greatest value, they reach.

    What is above the last boundary is in the last bucket; without boundaries there is one bucket.
    """
    found = tf.searchsorted(boundaries, values, side="left")
    return tf.maximum(tf.minimum(found, tf.size(boundaries) - 1), 0)


def _transform(features: Mapping[str, Any], columns: Sequence[Any]) -> dict[Any, Any]:
    if not columns:
        return {}
    state = fc._StateManagerImpl(layer=None, trainable=False)
    transformed: dict[Any, Any] = fc._transform_features_v2(features, columns, state)
    return transformed


def _is_indicator(column: Any) -> bool:
    return isinstance(column, fc.IndicatorColumn)


def _is_numeric(column: Any) -> bool:
    # A dense column of the user's own class counts too, if it says what it holds.
    return (
        isinstance(column, fc.DenseColumn)
        and not isinstance(column, fc.BucketizedColumn | fc.IndicatorColumn)
        and hasattr(column, "dtype")
    )


def _count_features(column: Any) -> int:
    if _is_indicator(column):
        categories: int = column.categorical_column.num_buckets
        return categories
    if isinstance(column, fc.BucketizedColumn):
        if tuple(column.source_column.shape) not in {(), (1,)}:
            raise ValueError(
                f"column {column.name!r} bucketizes values of shape"
                f" {tuple(column.source_column.shape)}; boosted trees take one value each:"
                " make one bucketized column for every value"
            )
        return 1
    if isinstance(column, fc.CategoricalColumn):
        raise ValueError(  # noqa: TRY004 (TensorFlow 1.15's type)
            f"boosted trees cannot split on the categorical column {column.name!r} as it is;"
            " wrap it: tf.feature_column.indicator_column(…)"
        )
    if _is_numeric(column):
        shape = tf.TensorShape(column.variable_shape)
        if shape.rank is None or shape.rank > 1:
            raise ValueError(
                f"column {column.name!r} has shape {shape}; boosted trees take numeric columns of"
                " one dimension"
            )
        return int(shape.num_elements())
    raise ValueError(
        f"boosted trees cannot split on {column!r}; give numeric, bucketized or indicator columns"
    )
