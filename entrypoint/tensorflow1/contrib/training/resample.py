"""Draw the examples of a batch more or less often than once."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.training import moving_averages

__all__ = ["resample_at_rate", "weighted_resample"]


def resample_at_rate(
    inputs: Any,
    rates: Any,
    scope: str | None = None,
    seed: int | None = None,
    back_prop: bool = False,
) -> list[Any]:
    """Repeat each example a Poisson distributed number of times.

    Args:
        inputs: tensors [batch, ...].
        rates: the expected number of repetitions, [batch].
        scope: the name of the operations.
        seed: of the random draw.
        back_prop: accepted; integer counts have no gradient either way.

    Returns:
        The tensors, with an unknown first dimension and the order kept.
    """
    with tf.name_scope(scope, "resample_at_rate", [*inputs, rates]):
        rates = tf.convert_to_tensor(rates, name="rates")
        counts = tf.cast(tf.random_poisson(rates, (), rates.dtype, seed=seed), tf.int32)
        chosen = tf.repeat(tf.range(tf.size(counts)), counts)
        return [tf.gather(tensor, chosen) for tensor in inputs]


def weighted_resample(
    inputs: Any,
    weights: Any,
    overall_rate: float,
    scope: str | None = None,
    mean_decay: float = 0.999,
    seed: int | None = None,
) -> tuple[list[Any], Any]:
    """Draw examples in proportion to their weights, `overall_rate` of them on average.

    An example's rate is weight / mean weight * overall_rate; the mean is a running one, kept in
    local variables.

    Args:
        inputs: a list of tensors [batch, ...].
        weights: [batch].
        overall_rate: how often an example of average weight is drawn.
        scope: the name of the operations.
        mean_decay: of the running mean of the weights.
        seed: of the random draw.

    Returns:
        The tensors, and the rate at which each drawn example was drawn.
    """
    with tf.name_scope(scope, "weighted_resample", inputs) as operations_scope:
        with tf.variable_scope(scope, "estimate_mean", inputs):
            estimate = tf.get_local_variable(
                "estimated_mean",
                initializer=tf.cast(0, weights.dtype),
                dtype=weights.dtype,
            )
            mean = moving_averages.assign_moving_average(
                estimate, tf.reduce_mean(weights), mean_decay
            )
        rates = weights * overall_rate / mean
        drawn = resample_at_rate([rates, *inputs], rates, scope=operations_scope, seed=seed)
        return drawn[1:], drawn[0]
