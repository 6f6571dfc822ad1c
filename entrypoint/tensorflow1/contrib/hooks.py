"""`tf.contrib.hooks`: the hook that writes a timeline."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["ProfilerHook"]

ProfilerHook = tf.train.ProfilerHook

NOT_SUPPLIED: dict[str, str] = {}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
