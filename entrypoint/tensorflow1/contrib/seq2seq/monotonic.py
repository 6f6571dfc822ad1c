"""Monotonic attention: the memory is read from left to right (https://arxiv.org/abs/1704.00784)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from entrypoint.tensorflow1.contrib.seq2seq.attention import (
    _BaseAttentionMechanism,
    _dense,
    bahdanau_score_with_variables,
    luong_score_with_variables,
)

v1 = tf.compat.v1


def safe_cumprod(x: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the cumulative product of values in (0, 1] as exp(cumsum(log(x))).

    Unlike `tf.cumprod` it and its gradient stay finite for very small x. Takes its arguments.
    """
    with v1.name_scope(None, "SafeCumprod", [x]):
        x = tf.convert_to_tensor(x, name="x")
        tiny = np.finfo(x.dtype.as_numpy_dtype).tiny
        return tf.exp(tf.cumsum(tf.math.log(tf.clip_by_value(x, tiny, 1)), *args, **kwargs))


def monotonic_attention(p_choose_i: Any, previous_attention: Any, mode: str) -> Any:
    """Return the distribution over memory entries when each is chosen, in order, with p_choose_i.

    It is p[i] * q[i], where q[i] = (1 - p[i-1]) * q[i-1] + previous[i].

    Args:
        p_choose_i: probabilities of choosing each entry, [batch, time].
        previous_attention: the distribution at the previous output step, [batch, time].
        mode: "recursive" follows the formula; "parallel" solves it in closed form, faster and
            inexact where p is close to 0 or 1; "hard" is exact where p is 0 or 1.

    Raises:
        ValueError: mode is none of these.
    """
    p_choose_i = tf.convert_to_tensor(p_choose_i, name="p_choose_i")
    previous_attention = tf.convert_to_tensor(previous_attention, name="previous_attention")
    if mode == "recursive":
        return _recursive(p_choose_i, previous_attention)
    if mode == "parallel":
        remaining = safe_cumprod(1 - p_choose_i, axis=1, exclusive=True)
        # Where nothing remains to be chosen, clipping avoids a division by zero.
        ratio = previous_attention / tf.clip_by_value(remaining, 1e-10, 1.0)
        return p_choose_i * remaining * tf.cumsum(ratio, axis=1)
    if mode == "hard":
        # Only entries from the previously chosen one on may be chosen; the first of them wins.
        p_choose_i *= tf.cumsum(previous_attention, axis=1)
        return p_choose_i * tf.math.cumprod(1 - p_choose_i, axis=1, exclusive=True)
    raise ValueError("the mode is none of 'recursive', 'parallel' and 'hard'")


def _recursive(p_choose_i: Any, previous_attention: Any) -> Any:
    passed = tf.concat([tf.ones_like(p_choose_i[:, :1]), 1 - p_choose_i[:, :-1]], 1)
    reaching = tf.scan(
        lambda q, step: step[0] * q + step[1],
        (tf.transpose(passed), tf.transpose(previous_attention)),
        initializer=tf.zeros_like(p_choose_i[:, 0]),
    )
    return p_choose_i * tf.transpose(reaching)


def _monotonic_probability_fn(
    score: Any, previous_alignments: Any, sigmoid_noise: float, mode: str, seed: Any = None
) -> Any:
    """Return the alignments for [batch, time] scores: choose with sigmoid(score + noise)."""
    if sigmoid_noise > 0:
        noise = tf.random.normal(tf.shape(score), dtype=score.dtype, seed=seed)
        score += sigmoid_noise * noise
    p_choose_i = tf.cast(score > 0, score.dtype) if mode == "hard" else tf.sigmoid(score)
    return monotonic_attention(p_choose_i, previous_alignments, mode)


class _BaseMonotonicAttentionMechanism(_BaseAttentionMechanism):
    """A mechanism whose first alignments point at the first memory entry."""

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Any:
        """Return [1, 0, 0, ...] for each example."""
        return tf.one_hot(
            tf.zeros([batch_size], dtype=tf.int32), self._alignments_size, dtype=dtype
        )

    def _add_score_bias(self, score: Any, dtype: Any) -> Any:
        return score + v1.get_variable(
            "attention_score_bias", dtype=dtype, initializer=self._score_bias_init
        )

    _score_bias_init: Any


class BahdanauMonotonicAttention(_BaseMonotonicAttentionMechanism):
    """`BahdanauAttention` with a monotonic distribution and a learned bias of the score.

    Set `score_bias_init` below zero for long memories, and `sigmoid_noise` above zero in training
    to make the choices discrete.
    """

    def __init__(
        self,
        num_units: int,
        memory: Any,
        memory_sequence_length: Any = None,
        normalize: bool = False,
        score_mask_value: Any = None,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: Any = None,
        score_bias_init: Any = 0.0,
        mode: str = "parallel",
        dtype: Any = None,
        name: str = "BahdanauMonotonicAttention",
    ) -> None:
        super().__init__(
            query_layer=_dense("query_layer", num_units, dtype),
            memory_layer=_dense("memory_layer", num_units, dtype),
            memory=memory,
            probability_fn=_probability_fn(sigmoid_noise, mode, sigmoid_noise_seed),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            name=name,
        )
        self._num_units = num_units
        self._normalize = normalize
        self._name = name
        self._score_bias_init = score_bias_init

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Return the alignments, [batch, alignments_size], twice: they are the next state too."""
        with v1.variable_scope(None, "bahdanau_monotonic_attention", [query]):
            score = bahdanau_score_with_variables(self, query)
            score = self._add_score_bias(score, score.dtype)
        alignments = self._probability_fn(score, state)
        return alignments, alignments


class LuongMonotonicAttention(_BaseMonotonicAttentionMechanism):
    """`LuongAttention` with a monotonic distribution; see `BahdanauMonotonicAttention`."""

    def __init__(
        self,
        num_units: int,
        memory: Any,
        memory_sequence_length: Any = None,
        scale: bool = False,
        score_mask_value: Any = None,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: Any = None,
        score_bias_init: Any = 0.0,
        mode: str = "parallel",
        dtype: Any = None,
        name: str = "LuongMonotonicAttention",
    ) -> None:
        super().__init__(
            query_layer=None,
            memory_layer=_dense("memory_layer", num_units, dtype),
            memory=memory,
            probability_fn=_probability_fn(sigmoid_noise, mode, sigmoid_noise_seed),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            name=name,
        )
        self._num_units = num_units
        self._scale = scale
        self._score_bias_init = score_bias_init
        self._name = name

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Return the alignments, [batch, alignments_size], twice: they are the next state too."""
        with v1.variable_scope(None, "luong_monotonic_attention", [query]):
            score = self._add_score_bias(luong_score_with_variables(self, query), query.dtype)
        alignments = self._probability_fn(score, state)
        return alignments, alignments


def _probability_fn(sigmoid_noise: float, mode: str, seed: Any) -> Any:
    if mode not in ("recursive", "parallel", "hard"):
        raise ValueError("the mode is none of 'recursive', 'parallel' and 'hard'")
    return functools.partial(
        _monotonic_probability_fn, sigmoid_noise=sigmoid_noise, mode=mode, seed=seed
    )
