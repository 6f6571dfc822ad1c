"""The first and second derivatives of a loss by the logits, which trees grow from."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def derive(loss: Any, logits: Any, labels: Any) -> tuple[Any, Any]:
    """Return the gradients and the diagonal of the Hessian of any loss.

    Args:
        loss: of the batch, a scalar.
        logits: of shape [batch, logits].
        labels: not needed.

    Returns:
        both of the logits' shape.
    """
    del labels
    gradients = _gradients(loss, logits)
    if logits.shape[1] == 1:
        return gradients, _gradients(gradients, logits)
    columns = [_gradients(gradients[:, i], logits)[:, i] for i in range(logits.shape[1])]
    return gradients, tf.stack(columns, axis=1)


def derive_logistic(loss: Any, logits: Any, labels: Any) -> tuple[Any, Any]:
    """Return the same of the mean logistic loss, in the terms in which TensorFlow 1.15 wrote it.

    Rounding differs from `derive`, and where splits gain nearly the same that decides between them.

    Args:
        loss: not needed.
        logits: of shape [batch, 1].
        labels: 0 or 1, of shape [batch] or [batch, 1].
    """
    del loss
    probabilities = tf.math.reciprocal(tf.exp(-logits) + 1.0)
    share = tf.math.reciprocal(tf.cast(tf.size(probabilities), tf.float32))
    targets = tf.reshape(tf.cast(labels, tf.float32), tf.shape(logits))
    gradients = (probabilities - targets) * share
    return gradients, probabilities * (1.0 - probabilities) * share


def _gradients(of: Any, by: Any) -> Any:
    (result,) = tf.compat.v1.gradients(of, by)
    # What does not depend on the logits has no gradient, not one of 0.
    return tf.zeros_like(by) if result is None else result
