"""`tf.contrib.compiler`: compilation by XLA."""

from __future__ import annotations

from tensorflow.python.compiler.xla import jit, xla

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["jit", "xla"]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
