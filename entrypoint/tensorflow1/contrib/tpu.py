"""`tf.contrib.tpu`: TPUEstimator and its kin, where no TPU is: they train on CPU and GPU."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.tpu.bfloat16 import bfloat16_scope
from tensorflow.python.tpu.tpu_replication import outside_compilation
from tensorflow_estimator.python.estimator.tpu.tpu_config import (
    InputPipelineConfig,
    RunConfig,
    TPUConfig,
)
from tensorflow_estimator.python.estimator.tpu.tpu_estimator import TPUEstimatorSpec

from entrypoint.estimator.tpu_estimator import CrossShardOptimizer, TPUEstimator
from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "CrossShardOptimizer",
    "InputPipelineConfig",
    "RunConfig",
    "TPUConfig",
    "TPUEstimator",
    "TPUEstimatorSpec",
    "bfloat16_scope",
    "cross_replica_sum",
    "outside_compilation",
]


def cross_replica_sum(x: Any, group_assignment: Any = None, name: str | None = None) -> Any:
    """Return the sum over the replicas, which is `x` itself where there is one.

    Raises:
        ValueError: replicas of a `tf.distribute` strategy are to be summed in groups.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return tf.identity(x, name=name)
    if group_assignment is not None:
        raise ValueError("cross_replica_sum(group_assignment=...) needs a TPU; leave it out")
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)


_NO_TPU = "no TPU runs here; run this part of the code on CPU or GPU, without it"
NOT_SUPPLIED = {
    "AsyncCheckpointSaverHook": "use tf.train.CheckpointSaverHook",
    "DeviceAssignment": _NO_TPU,
    "InfeedQueue": _NO_TPU,
    "TPUDistributionStrategy": "use tf.distribute.MirroredStrategy",
    "TPUInMemoryEvalHook": "use tf.estimator.experimental.InMemoryEvaluatorHook",
    "Topology": _NO_TPU,
    "batch_parallel": _NO_TPU,
    "core": _NO_TPU,
    "device_assignment": _NO_TPU,
    "export_estimator_savedmodel": "use the estimator's own export_saved_model",
    "infeed_dequeue": _NO_TPU,
    "infeed_dequeue_tuple": _NO_TPU,
    "infeed_enqueue": _NO_TPU,
    "infeed_enqueue_tuple": _NO_TPU,
    "initialize_system": _NO_TPU,
    "keras_to_tpu_model": "use tf.keras.estimator.model_to_estimator",
    "outfeed_dequeue": _NO_TPU,
    "outfeed_dequeue_tuple": _NO_TPU,
    "outfeed_enqueue": _NO_TPU,
    "outfeed_enqueue_tuple": _NO_TPU,
    "profiler": "use tf.train.ProfilerHook",
    "repeat": "use tf.while_loop",
    "replicate": _NO_TPU,
    "rewrite": _NO_TPU,
    "shard": _NO_TPU,
    "shutdown_system": _NO_TPU,
    "while_loop": "use tf.while_loop",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
