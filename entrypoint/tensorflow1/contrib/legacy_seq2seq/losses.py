"""Losses of lists of logits, and models for several lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

v1 = tf.compat.v1


def sequence_loss_by_example(
    logits: list[Any],
    targets: list[Any],
    weights: list[Any],
    average_across_timesteps: bool = True,
    softmax_loss_function: Callable[..., Any] | None = None,
    name: str | None = None,
) -> Any:
    """Return each example's weighted cross-entropy, summed over the steps, [batch].

    Args:
        logits: list of [batch, symbols].
        targets: list of int [batch].
        weights: list of float [batch].
        average_across_timesteps: divide by the sum of the example's weights.
        softmax_loss_function: (labels=, logits=) to losses, instead of softmax cross-entropy.
        name: name scope.

    Raises:
        ValueError: the lists are not of one length.
    """
    if len(targets) != len(logits) or len(weights) != len(logits):
        raise ValueError(
            "Lengths of logits, weights, and targets must be the same "
            f"{len(logits)}, {len(weights)}, {len(targets)}."
        )
    with v1.name_scope(name, "sequence_loss_by_example", [*logits, *targets, *weights]):
        losses = [
            _cross_entropy(target, logit, softmax_loss_function) * weight
            for logit, target, weight in zip(logits, targets, weights, strict=True)
        ]
        total = tf.add_n(losses)
        if average_across_timesteps:
            # An example without any weight has loss 0, not NaN.
            total /= tf.add_n(weights) + 1e-12
    return total


def sequence_loss(
    logits: list[Any],
    targets: list[Any],
    weights: list[Any],
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: Callable[..., Any] | None = None,
    name: str | None = None,
) -> Any:
    """Return the sum of `sequence_loss_by_example`, divided by the batch size if asked."""
    with v1.name_scope(name, "sequence_loss", [*logits, *targets, *weights]):
        cost = tf.reduce_sum(
            sequence_loss_by_example(
                logits,
                targets,
                weights,
                average_across_timesteps=average_across_timesteps,
                softmax_loss_function=softmax_loss_function,
            )
        )
        if average_across_batch:
            return cost / tf.cast(tf.shape(targets[0])[0], cost.dtype)
        return cost


def model_with_buckets(
    encoder_inputs: list[Any],
    decoder_inputs: list[Any],
    targets: list[Any],
    weights: list[Any],
    buckets: list[tuple[int, int]],
    seq2seq: Callable[[list[Any], list[Any]], tuple[list[Any], Any]],
    softmax_loss_function: Callable[..., Any] | None = None,
    per_example_loss: bool = False,
    name: str | None = None,
) -> tuple[list[list[Any]], list[Any]]:
    """Build one model per bucket, all with the same variables; return (outputs, losses) of each.

    Args:
        encoder_inputs: list of tensors, as many as the last bucket's first number or more.
        decoder_inputs: list of tensors.
        targets: list of int [batch], as many as the last bucket's second number or more.
        weights: list of float [batch], likewise.
        buckets: (encoder steps, decoder steps) of each, smallest first.
        seq2seq: (encoder inputs, decoder inputs) to (outputs, state).
        softmax_loss_function: as of `sequence_loss`.
        per_example_loss: return losses [batch] instead of their mean.
        name: name scope.

    Raises:
        ValueError: a list is shorter than the last bucket.
    """
    for what, given, needed in (
        ("encoder_inputs", encoder_inputs, buckets[-1][0]),
        ("targets", targets, buckets[-1][1]),
        ("weights", weights, buckets[-1][1]),
    ):
        if len(given) < needed:
            raise ValueError(
                f"Length of {what} ({len(given)}) must be at least that of last bucket ({needed})."
            )
    loss_function = sequence_loss_by_example if per_example_loss else sequence_loss
    outputs, losses = [], []
    everything = [*encoder_inputs, *decoder_inputs, *targets, *weights]
    with v1.name_scope(name, "model_with_buckets", everything):
        for index, (encoder_steps, decoder_steps) in enumerate(buckets):
            with v1.variable_scope(v1.get_variable_scope(), reuse=True if index > 0 else None):
                bucket_outputs, _ = seq2seq(
                    encoder_inputs[:encoder_steps], decoder_inputs[:decoder_steps]
                )
                outputs.append(bucket_outputs)
                losses.append(
                    loss_function(
                        bucket_outputs,
                        targets[:decoder_steps],
                        weights[:decoder_steps],
                        softmax_loss_function=softmax_loss_function,
                    )
                )
    return outputs, losses


def _cross_entropy(target: Any, logit: Any, loss_function: Callable[..., Any] | None) -> Any:
    if loss_function is not None:
        return loss_function(labels=target, logits=logit)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.reshape(target, [-1]), logits=logit
    )
