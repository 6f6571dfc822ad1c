"""Predict by operators alone, as a server must."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from entrypoint.estimator.boosted_trees.protos import DESCRIPTOR_SOURCE, PACKAGE
from entrypoint.estimator.boosted_trees.variables import hidden_variable


class Table:
    """All nodes of all trees, one below the other; it is filled when a checkpoint is restored.

    Reading the serialized trees takes longer than a prediction, so it is done once.
    """

    def __init__(self, logits: int) -> None:
        """Make an empty one.

        Args:
            logits: how many numbers a leaf holds.
        """
        self._logits = logits
        self._roots = hidden_variable(tf.zeros([0], tf.int32), "roots", [None])
        # Feature, threshold, left and right child; a leaf's children are itself.
        self._splits = hidden_variable(tf.zeros([0, 4], tf.int32), "splits", [None, 4])
        self._values = hidden_variable(tf.zeros([0, logits]), "values", [None, logits])

    def fill(self, trees: Any) -> Sequence[Any]:
        """Return the operations that read serialized trees into the table."""
        roots, splits, values = _read(trees, self._logits)
        return [
            self._roots.assign(roots).op,
            self._splits.assign(splits).op,
            self._values.assign(values).op,
        ]

    def predict(self, buckets: Any) -> Any:
        """Return the sums over trees, of shape [batch, logits].

        Args:
            buckets: the bucket numbers, int32 of shape [batch, features].
        """
        roots, splits = self._roots.read_value(), self._splits.read_value()
        shape = [tf.shape(buckets)[0], tf.size(roots)]

        def descend(nodes: Any, _: Any) -> Any:
            feature_ids, thresholds, left, right = tf.unstack(tf.gather(splits, nodes), axis=-1)
            reached = tf.gather(buckets, feature_ids, batch_dims=1)
            children = tf.where(reached <= thresholds, left, right)
            return children, tf.reduce_any(tf.not_equal(children, nodes))

        nodes, _ = tf.while_loop(
            lambda _, goes_on: goes_on,
            descend,
            [tf.broadcast_to(roots, shape), tf.constant(value=True)],
            shape_invariants=[tf.TensorShape([None, None]), tf.TensorShape([])],
        )
        logits = tf.reduce_sum(tf.gather(self._values.read_value(), nodes), axis=1)
        return tf.ensure_shape(logits, [None, self._logits])


def _read(trees: Any, logits: int) -> tuple[Any, Any, Any]:
    """Return what the table holds of serialized trees."""
    trees = tf.ensure_shape(trees, [])
    serialized, weights = _fields(trees, "TreeEnsemble", trees=tf.string, tree_weights=tf.float32)
    # [trees, the most nodes]; shorter trees are filled up with empty messages.
    (nodes,) = _fields(serialized, "Tree", nodes=tf.string)
    leaves, buckets, categories = _first_fields(
        nodes, "Node", leaf=tf.string, bucketized_split=tf.string, categorical_split=tf.string
    )
    feature, threshold, left, right, dimension = _first_fields(
        buckets,
        "BucketizedSplit",
        feature_id=tf.int32,
        threshold=tf.int32,
        left_id=tf.int32,
        right_id=tf.int32,
        dimension_id=tf.int32,
    )
    count, width = tf.unstack(tf.shape(nodes))
    first = tf.range(count)[:, None] * width
    own = first + tf.range(width)
    is_split = tf.not_equal(left, 0)
    splits = [
        feature,
        threshold,
        tf.where(is_split, first + left, own),
        tf.where(is_split, first + right, own),
    ]
    values = tf.reshape(_leaf_values(leaves, logits), [count, width, logits])
    known = tf.reduce_all(tf.equal(categories, b"")) & tf.reduce_all(tf.equal(dimension, 0))
    message = "the checkpoint has splits of a kind that TensorFlow 1.15 did not make"
    with tf.control_dependencies([tf.debugging.Assert(known, [message])]):
        return (
            tf.reshape(first, [-1]),
            tf.reshape(tf.stack(splits, axis=-1), [-1, 4]),
            tf.reshape(values * weights[:, None, None], [-1, logits]),
        )


def _leaf_values(leaves: Any, logits: int) -> Any:
    scalars, vectors = _first_fields(leaves, "Leaf", scalar=tf.float32, vector=tf.string)
    if logits == 1:
        return scalars
    (values,) = _fields(vectors, "Vector", value=tf.float32)
    # No tree, no value: then the last dimension is 0 wide.
    missing = [[0, 0]] * 2 + [[0, logits - tf.shape(values)[-1]]]
    return tf.pad(values, missing)


def _fields(serialized: Any, message: str, **fields: Any) -> list[Any]:
    """Return all values of fields; there is one more dimension, of the most values there are."""
    decoded = tf.io.decode_proto(
        serialized,
        f"{PACKAGE}.{message}",
        list(fields),
        list(fields.values()),
        descriptor_source=DESCRIPTOR_SOURCE,
    )
    values: list[Any] = decoded.values
    return values


def _first_fields(serialized: Any, message: str, **fields: Any) -> list[Any]:
    """Return the one value of fields, 0 or empty where there is none."""
    return [
        tf.pad(values, [[0, 0]] * 2 + [[0, 1]])[..., 0]
        if values.dtype != tf.string
        else tf.concat([values, tf.fill([*tf.unstack(tf.shape(values))[:2], 1], b"")], -1)[..., 0]
        for values in _fields(serialized, message, **fields)
    ]
