"""`tf.contrib.tensorboard.plugins`: the projector."""

from __future__ import annotations

from entrypoint.tensorflow1.contrib.missing import explain_missing
from entrypoint.tensorflow1.contrib.tensorboard.plugins import projector

__all__ = ["projector"]

NOT_SUPPLIED = {"trace": "use tf.train.ProfilerHook"}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
