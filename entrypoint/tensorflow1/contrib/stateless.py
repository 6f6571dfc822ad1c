"""`tf.contrib.stateless`: random numbers that follow from their seeds, from `tf.random`."""

from __future__ import annotations

import tensorflow as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

stateless_multinomial = tf.compat.v1.random.stateless_multinomial
stateless_random_normal = tf.random.stateless_normal
stateless_random_uniform = tf.random.stateless_uniform
stateless_truncated_normal = tf.random.stateless_truncated_normal

__all__ = [
    "stateless_multinomial",
    "stateless_random_normal",
    "stateless_random_uniform",
    "stateless_truncated_normal",
]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
