"""`tf.contrib.deprecated`: the summaries of TensorFlow 0.x, named by their tag alone."""

from __future__ import annotations

from tensorflow.python.ops.logging_ops import (
    audio_summary,
    histogram_summary,
    image_summary,
    merge_all_summaries,
    merge_summary,
    scalar_summary,
)

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "audio_summary",
    "histogram_summary",
    "image_summary",
    "merge_all_summaries",
    "merge_summary",
    "scalar_summary",
]

NOT_SUPPLIED: dict[str, str] = {}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
