"""`tf.contrib.tfprof`: the profiler, most of which is in `tf.profiler`."""

from __future__ import annotations

from tensorflow.python.profiler import model_analyzer, tfprof_logger

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["model_analyzer", "tfprof_logger"]

NOT_SUPPLIED = {"ProfileContext": "use tf.train.ProfilerHook"}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
