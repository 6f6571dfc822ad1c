"""`tf.contrib.tensorboard`: settings that TensorBoard's plugins read."""

from __future__ import annotations

from entrypoint.tensorflow1.contrib.missing import explain_missing
from entrypoint.tensorflow1.contrib.tensorboard import plugins

__all__ = ["plugins"]

NOT_SUPPLIED: dict[str, str] = {}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
