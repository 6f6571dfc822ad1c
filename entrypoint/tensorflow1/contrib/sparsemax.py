"""`tf.contrib.sparsemax`: Martins & Astudillo, "From Softmax to Sparsemax"."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["sparsemax", "sparsemax_loss"]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


def sparsemax(logits: Any, name: str | None = None) -> Any:
    """Return the points of the probability simplex that are nearest to rows of logits.

    Args:
        logits: `[batch, classes]`.
        name: of the operation.

    Returns:
        Probabilities `[batch, classes]`, many of them zero; NaN in rows that have one, or no finite
        number.
    """
    with tf.name_scope(name or "sparsemax"):
        z = tf.convert_to_tensor(logits, name="logits")
        batch, classes = tf.shape(z)[0], tf.shape(z)[1]
        ordered, _ = tf.math.top_k(z, k=classes)
        sums = tf.cumsum(ordered, axis=1)
        ranks = tf.cast(tf.range(1, classes + 1), z.dtype)
        support = tf.reduce_sum(tf.cast(1 + ranks * ordered > sums, tf.int32), axis=1)
        last = tf.stack([tf.range(batch), tf.maximum(support, 1) - 1], axis=1)
        threshold = (tf.gather_nd(sums, last) - 1) / tf.cast(support, z.dtype)
        probabilities = tf.maximum(tf.zeros([], z.dtype), z - threshold[:, tf.newaxis])
        is_unknown = tf.logical_or(tf.equal(support, 0), tf.math.is_nan(sums[:, -1]))
        return tf.where(
            tf.broadcast_to(is_unknown[:, tf.newaxis], [batch, classes]),
            tf.fill([batch, classes], tf.constant(float("nan"), z.dtype)),
            probabilities,
        )


def sparsemax_loss(logits: Any, sparsemax: Any, labels: Any, name: str | None = None) -> Any:
    """Return the loss of each row whose gradient is `sparsemax - labels`.

    Args:
        logits: `[batch, classes]`.
        sparsemax: what `sparsemax(logits)` returned.
        labels: probabilities `[batch, classes]`.
        name: of the operation.
    """
    with tf.name_scope(name or "sparsemax_loss"):
        z = tf.convert_to_tensor(logits, name="logits")
        p = tf.convert_to_tensor(sparsemax, name="sparsemax")
        q = tf.convert_to_tensor(labels, name="labels")
        # Where the factor is zero, an infinite logit counts for nothing; a NaN still shows.
        is_chosen = tf.logical_or(p > 0, tf.math.is_nan(p))
        of_chosen = tf.where(is_chosen, p * (z - 0.5 * p), tf.zeros_like(p))
        is_nothing = tf.logical_and(tf.equal(q, 0), tf.math.is_inf(z))
        of_labels = tf.where(is_nothing, tf.zeros_like(z), q * (0.5 * q - z))
        return tf.reduce_sum(of_chosen + of_labels, axis=1)
