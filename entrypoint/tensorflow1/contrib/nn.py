"""`tf.contrib.nn`: losses of sampled classes, dropout for SELU, and old orders of arguments."""

from __future__ import annotations

import numbers
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import embedding_ops, nn_impl
from tensorflow.python.ops.nn_ops import nth_element

from entrypoint.tensorflow1.contrib.missing import explain_missing

_v1 = tf.compat.v1

conv1d_transpose = tf.nn.conv1d_transpose

__all__ = [
    "alpha_dropout",
    "conv1d_transpose",
    "deprecated_flipped_sigmoid_cross_entropy_with_logits",
    "deprecated_flipped_softmax_cross_entropy_with_logits",
    "deprecated_flipped_sparse_softmax_cross_entropy_with_logits",
    "nth_element",
    "rank_sampled_softmax_loss",
    "sampled_sparse_softmax_loss",
    "scaled_softplus",
]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)

# What SELU tends to for large negative inputs: minus its scale times its alpha.
_SELU_FLOOR = -1.7580993408473766


def alpha_dropout(
    x: Any,
    keep_prob: Any,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Drop elements, keeping mean and variance.

    Klambauer et al., "Self-Normalizing Neural Networks".

    Args:
        x: what to drop elements of.
        keep_prob: the probability with which an element is kept.
        noise_shape: for which shape it is decided; that of `x` if not given.
        seed: of the decision.
        name: of the operation.

    Raises:
        ValueError: the probability is not above 0 and at most 1.
    """
    with tf.name_scope(name or "alpha_dropout"):
        x = tf.convert_to_tensor(x, name="x")
        if isinstance(keep_prob, numbers.Real) and not 0 < float(keep_prob) <= 1:
            raise ValueError(
                "keep_prob must be a scalar tensor or a float in the range (0, 1], got "
                f"{float(keep_prob):g}"
            )
        keep = tf.convert_to_tensor(keep_prob, dtype=x.dtype, name="keep_prob")
        keep.shape.assert_has_rank(0)
        if tf.get_static_value(keep) == 1:
            return x
        shape = tf.shape(x) if noise_shape is None else noise_shape
        drawn = _v1.random_uniform(shape, seed=seed, dtype=x.dtype)
        is_kept = tf.cast(drawn >= 1 - keep, x.dtype)
        dropped = x * is_kept + _SELU_FLOOR * (1 - is_kept)
        scale = (keep + keep * (1 - keep) * _SELU_FLOOR**2) ** -0.5
        return scale * dropped - scale * _SELU_FLOOR * (1 - keep)


def scaled_softplus(x: Any, alpha: Any, clip: Any = None, name: str | None = None) -> Any:
    """Return `min(alpha * log(1 + exp(x / alpha)), clip)`; not clipped if `clip` is not given."""
    with tf.name_scope(name or "scaled_softplus"):
        x = tf.convert_to_tensor(x, name="x")
        alpha = tf.convert_to_tensor(alpha, dtype=x.dtype, name="alpha")
        y = alpha * tf.nn.softplus(x / alpha)
        if clip is None:
            return y
        return tf.minimum(y, tf.convert_to_tensor(clip, dtype=x.dtype, name="clip"))


def deprecated_flipped_softmax_cross_entropy_with_logits(
    logits: Any, labels: Any, dim: int = -1, name: str | None = None
) -> Any:
    """Return `tf.nn.softmax_cross_entropy_with_logits`, with logits before labels."""
    return _v1.nn.softmax_cross_entropy_with_logits(
        labels=labels, logits=logits, dim=dim, name=name
    )


def deprecated_flipped_sparse_softmax_cross_entropy_with_logits(
    logits: Any, labels: Any, name: str | None = None
) -> Any:
    """Return `tf.nn.sparse_softmax_cross_entropy_with_logits`, with logits before labels."""
    return _v1.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def deprecated_flipped_sigmoid_cross_entropy_with_logits(
    logits: Any, targets: Any, name: str | None = None
) -> Any:
    """Return `tf.nn.sigmoid_cross_entropy_with_logits`, with logits before labels."""
    return _v1.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits, name=name)


def sampled_sparse_softmax_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    partition_strategy: str = "mod",
    name: str = "sampled_sparse_softmax_loss",
) -> Any:
    """Return the softmax loss of each example against a sample of classes.

    As `tf.nn.sampled_softmax_loss`, for one label of each example.

    Args:
        weights: `[num_classes, dim]`, or its parts.
        biases: `[num_classes]`.
        labels: `[batch, 1]`.
        inputs: `[batch, dim]`.
        num_sampled: classes in the sample.
        num_classes: all classes.
        sampled_values: what a candidate sampler returned.
        remove_accidental_hits: leave an example's own label out of its sample.
        partition_strategy: of the parts of the weights.
        name: of the operation.
    """
    logits, _ = nn_impl._compute_sampled_logits(
        weights=weights,
        biases=biases,
        labels=labels,
        inputs=inputs,
        num_sampled=num_sampled,
        num_classes=num_classes,
        num_true=1,
        sampled_values=sampled_values,
        subtract_log_q=True,
        remove_accidental_hits=remove_accidental_hits,
        partition_strategy=partition_strategy,
        name=name,
    )
    # The true class is the first of the sampled ones.
    first = tf.zeros([tf.shape(logits)[0]], tf.int64)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=first, logits=logits)


def rank_sampled_softmax_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_resampled: int,
    num_classes: int,
    num_true: int,
    sampled_values: Any,
    resampling_temperature: Any,
    remove_accidental_hits: bool,
    partition_strategy: str,
    name: str | None = None,
) -> Any:
    """Return the sampled softmax loss against the likeliest `num_resampled` classes of a sample.

    They are those of the largest `log(sum(exp(logit / resampling_temperature)))` over the batch.
    The other arguments are those of `tf.nn.sampled_softmax_loss`.

    Raises:
        ValueError: the numbers of classes do not fall, or the strategy is unknown.
    """
    if num_sampled > num_classes:
        raise ValueError(
            f"num_sampled ({num_sampled}) cannot be greater than num_classes ({num_classes})"
        )
    if num_sampled <= num_resampled:
        raise ValueError(
            f"num_resampled ({num_resampled}) must be less than num_sampled ({num_sampled})"
        )
    if partition_strategy not in {"div", "mod"}:
        raise ValueError(f"unsupported partition_strategy ({partition_strategy})")
    with tf.name_scope(name or "rank_sampled_softmax_loss"):
        if not sampled_values:
            sampled_values = tf.random.learned_unigram_candidate_sampler(
                labels, num_true, num_sampled, unique=True, range_max=num_classes
            )
        sampled, true_count, sampled_count = (tf.stop_gradient(value) for value in sampled_values)
        sampled = tf.cast(sampled, tf.int64)
        scaled = inputs / resampling_temperature

        def log_sum_of_logits(rows: Any) -> Any:
            return tf.reduce_logsumexp(tf.matmul(rows, scaled, transpose_b=True), axis=1)

        likelihoods = embedding_ops._embedding_lookup_and_transform(
            weights, sampled, partition_strategy, transform_fn=log_sum_of_logits
        )
        of_biases = _v1.nn.embedding_lookup(biases, sampled, partition_strategy)
        likelihoods += tf.reshape(of_biases, [-1]) / resampling_temperature
        _, best = tf.math.top_k(likelihoods, k=num_resampled, sorted=False)
        return _v1.nn.sampled_softmax_loss(
            weights=weights,
            biases=biases,
            labels=labels,
            inputs=inputs,
            num_sampled=num_resampled,
            num_classes=num_classes,
            num_true=num_true,
            sampled_values=(tf.gather(sampled, best), true_count, tf.gather(sampled_count, best)),
            remove_accidental_hits=remove_accidental_hits,
            partition_strategy=partition_strategy,
        )
