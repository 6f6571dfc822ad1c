"""`tf.contrib.staging`: tensors on the way from one step to the next."""

from __future__ import annotations

from tensorflow.python.ops.data_flow_ops import StagingArea

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["StagingArea"]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
