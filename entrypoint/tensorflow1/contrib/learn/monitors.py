"""`tf.contrib.learn.monitors`: those that are hooks under another name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "CheckpointSaver",
    "NanLoss",
    "NanLossDuringTrainingError",
    "PrintTensor",
    "StepCounter",
    "StopAtStep",
    "replace_monitors_with_hooks",
]

CheckpointSaver = tf.train.CheckpointSaverHook
NanLoss = tf.train.NanTensorHook
NanLossDuringTrainingError = tf.train.NanLossDuringTrainingError
StepCounter = tf.train.StepCounterHook
StopAtStep = tf.train.StopAtStepHook

_HOOK = "write a tf.train.SessionRunHook"
NOT_SUPPLIED = {
    "BaseMonitor": _HOOK,
    "CaptureVariable": "use tf.train.LoggingTensorHook",
    "EveryN": _HOOK,
    "ExportMonitor": "use tf.estimator.LatestExporter in tf.estimator.train_and_evaluate",
    "GraphDump": _HOOK,
    "LoggingTrainable": "use tf.train.LoggingTensorHook",
    "RunHookAdapterForMonitors": _HOOK,
    "SummarySaver": "use tf.train.SummarySaverHook",
    "SummaryWriterCache": "use tf.summary.FileWriterCache",
    "ValidationMonitor": (
        "use tf.estimator.train_and_evaluate, or tf.contrib.estimator.InMemoryEvaluatorHook"
    ),
    "get_default_monitors": "Estimator has them already",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


class PrintTensor(tf.train.LoggingTensorHook):
    """Log tensors, by name or by tag, every `every_n` steps; there is no `first_n` of its own."""

    def __init__(self, tensor_names: Any, every_n: int = 100, first_n: int = 1) -> None:
        super().__init__(tensor_names, every_n_iter=every_n)


def replace_monitors_with_hooks(monitors_or_hooks: Iterable[Any] | None, estimator: Any) -> Any:
    """Return the hooks, all of which monitors are here."""
    return list(monitors_or_hooks or [])
