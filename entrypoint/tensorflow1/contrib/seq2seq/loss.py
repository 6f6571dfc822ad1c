"""Cross-entropy of predicted sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

v1 = tf.compat.v1


def sequence_loss(
    logits: Any,
    targets: Any,
    weights: Any,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    sum_over_timesteps: bool = False,
    sum_over_batch: bool = False,
    softmax_loss_function: Callable[..., Any] | None = None,
    name: str | None = None,
) -> Any:
    """Return the weighted cross-entropy of [batch, time, symbols] logits, reduced as asked.

    An average divides the sum over a dimension by the sum of the weights, "sum_over" by the number
    of weights that are not zero; 0 where that is 0. Both averages give a scalar, one of them a
    vector, none of the four the [batch, time] losses.

    Args:
        logits: [batch, time, symbols].
        targets: int [batch, time].
        weights: float [batch, time]; 0 for padding.
        average_across_timesteps: average over time.
        average_across_batch: average over the batch.
        sum_over_timesteps: sum over time, divided by the number of steps that count.
        sum_over_batch: sum over the batch, divided by the number of examples that count.
        softmax_loss_function: (labels=, logits=) to losses, instead of softmax cross-entropy.
        name: name scope.

    Raises:
        ValueError: a tensor of another rank, or an average and a sum over the same dimension.
    """
    for what, tensor, rank in (("Logits", logits, 3), ("Targets", targets, 2)):
        _require_rank(what, tensor, rank)
    _require_rank("Weights", weights, 2)
    if average_across_timesteps and sum_over_timesteps:
        raise ValueError(
            "average_across_timesteps and sum_over_timesteps cannot be set to True at same time."
        )
    if average_across_batch and sum_over_batch:
        raise ValueError(
            "average_across_batch and sum_over_batch cannot be set to True at same time."
        )
    loss_function = softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits
    with v1.name_scope(name, "sequence_loss", [logits, targets, weights]):
        flat_logits = tf.reshape(logits, [-1, tf.shape(logits)[2]])
        losses = loss_function(labels=tf.reshape(targets, [-1]), logits=flat_logits)
        losses *= tf.reshape(weights, [-1])
        if average_across_timesteps and average_across_batch:
            return tf.math.divide_no_nan(tf.reduce_sum(losses), tf.reduce_sum(weights))
        if sum_over_timesteps and sum_over_batch:
            return tf.math.divide_no_nan(tf.reduce_sum(losses), _count(weights, None, losses.dtype))
        losses = tf.reshape(losses, tf.shape(logits)[:2])
        if average_across_timesteps or average_across_batch:
            axis = 0 if average_across_batch else 1
            total = tf.reduce_sum(weights, axis=axis)
            return tf.math.divide_no_nan(tf.reduce_sum(losses, axis=axis), total)
        if sum_over_timesteps or sum_over_batch:
            axis = 0 if sum_over_batch else 1
            total = _count(weights, axis, losses.dtype)
            return tf.math.divide_no_nan(tf.reduce_sum(losses, axis=axis), total)
        return losses


def _count(weights: Any, axis: int | None, dtype: Any) -> Any:
    return tf.cast(tf.math.count_nonzero(weights, axis=axis), dtype)


def _require_rank(what: str, tensor: Any, rank: int) -> None:
    if len(tensor.shape) != rank:
        kind = "[batch_size x sequence_length" + (" x logits]" if rank == 3 else "]")  # noqa: PLR2004
        raise ValueError(f"{what} must be a {kind} tensor")
