"""`tf.contrib.batching`: batch the calls of several sessions or threads."""

from __future__ import annotations

from tensorflow.python.ops.batch_ops import batch_function

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["batch_function"]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
