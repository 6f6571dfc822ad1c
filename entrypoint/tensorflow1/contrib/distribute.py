"""`tf.contrib.distribute`: the strategies of `tf.distribute` under their first arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.distribute import cross_device_ops as cross_device_ops_lib
from tensorflow.python.distribute.cluster_resolver.cluster_resolver import SimpleClusterResolver
from tensorflow.python.distribute.cluster_resolver.tfconfig_cluster_resolver import (
    TFConfigClusterResolver,
)
from tensorflow.python.distribute.cross_device_ops import CrossDeviceOps
from tensorflow.python.distribute.distribute_config import DistributeConfig
from tensorflow.python.distribute.distribute_coordinator import run_standard_tensorflow_server
from tensorflow.python.distribute.distribute_lib import (
    ReplicaContext,
    UpdateContext,
    get_cross_replica_context,
    get_replica_context,
    get_strategy,
    has_strategy,
    in_cross_replica_context,
    require_replica_context,
)
from tensorflow.python.distribute.distribute_lib import StrategyV1 as DistributionStrategy
from tensorflow.python.distribute.distribute_utils import get_loss_reduction
from tensorflow.python.distribute.step_fn import StandardInputStep, StandardSingleLossStep, Step
from tensorflow.python.distribute.v1 import input_lib

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "AllReduceCrossDeviceOps",
    "AllReduceCrossTowerOps",
    "CollectiveAllReduceStrategy",
    "CrossDeviceOps",
    "DistributeConfig",
    "DistributionStrategy",
    "MirroredStrategy",
    "Monitor",
    "OneDeviceStrategy",
    "ParameterServerStrategy",
    "ReplicaContext",
    "StandardInputStep",
    "StandardSingleLossStep",
    "Step",
    "UpdateContext",
    "get_cross_replica_context",
    "get_distribution_strategy",
    "get_loss_reduction",
    "get_replica_context",
    "get_strategy",
    "has_distribution_strategy",
    "has_strategy",
    "in_cross_replica_context",
    "require_replica_context",
    "run_standard_tensorflow_server",
]

OneDeviceStrategy = tf.distribute.OneDeviceStrategy
get_distribution_strategy = get_strategy
has_distribution_strategy = has_strategy


class MirroredStrategy(tf.distribute.MirroredStrategy):
    """`tf.distribute.MirroredStrategy`; a dataset's batch is that of one replica, not of all.

    Args:
        devices: the devices to train on.
        num_gpus: in place of `devices`: the first so many GPUs, or the CPU where there is none.
        num_gpus_per_worker: likewise.
        cross_device_ops: how gradients are added up.
        auto_shard_dataset: must be False; tasks of a cluster shard their own input.
        cross_tower_ops: the older name of `cross_device_ops`.

    Raises:
        ValueError: two arguments for one thing are given, or `auto_shard_dataset`.
    """

    def __init__(
        self,
        devices: Sequence[str] | None = None,
        num_gpus: int | None = None,
        num_gpus_per_worker: int | None = None,
        cross_device_ops: Any = None,
        auto_shard_dataset: bool = False,
        cross_tower_ops: Any = None,
    ) -> None:
        if [devices, num_gpus, num_gpus_per_worker].count(None) < 2:  # noqa: PLR2004 (of three)
            raise ValueError(
                "You can specify only one of `devices`, `num_gpus` and `num_gpus_per_worker`."
            )
        if cross_device_ops and cross_tower_ops:
            raise ValueError("You cannot specify both `cross_device_ops` and `cross_tower_ops`.")
        if auto_shard_dataset:
            raise ValueError(
                "MirroredStrategy(auto_shard_dataset=True) is not supplied; shard the dataset in"
                " input_fn, by its input_context"
            )
        count = num_gpus if num_gpus is not None else num_gpus_per_worker
        if count is not None:
            devices = _gpus(count)
        super().__init__(devices, cross_device_ops or cross_tower_ops)

    def make_dataset_iterator(self, dataset: Any) -> Any:
        """Return an iterator from which every replica takes a batch of its own."""
        return _per_replica_iterator(self, dataset)


def _gpus(count: int) -> list[str]:
    present = [device.name for device in tf.config.list_logical_devices("GPU")]
    return present[:count] or ["/device:CPU:0"]


def _per_replica_iterator(strategy: Any, dataset: Any) -> Any:
    workers = strategy.extended._input_workers
    return input_lib.DatasetIterator(dataset, workers, strategy)


def _cluster_resolver(num_gpus_per_worker: int) -> Any:
    """Return the cluster of TF_CONFIG, with so many GPUs on each of its machines."""
    tf_config = TFConfigClusterResolver()
    return SimpleClusterResolver(
        cluster_spec=tf_config.cluster_spec(),
        task_type=tf_config.task_type,
        task_id=tf_config.task_id,
        num_accelerators={"GPU": num_gpus_per_worker},
        rpc_layer=tf_config.rpc_layer,
    )


class ParameterServerStrategy(tf.distribute.experimental.ParameterServerStrategy):
    """Variables on the parameter servers of TF_CONFIG, or on the CPU where there is no cluster.

    Args:
        num_gpus_per_worker: how many GPUs each task uses.
    """

    def __init__(self, num_gpus_per_worker: int = 0) -> None:
        super().__init__(cluster_resolver=_cluster_resolver(num_gpus_per_worker))

    def make_dataset_iterator(self, dataset: Any) -> Any:
        """Return an iterator from which every replica takes a batch of its own."""
        return _per_replica_iterator(self, dataset)


class CollectiveAllReduceStrategy(tf.distribute.experimental.MultiWorkerMirroredStrategy):
    """The same variables on every worker of TF_CONFIG, kept equal by collective operations.

    Args:
        num_gpus_per_worker: how many GPUs each worker uses.
        communication: one of `tf.distribute.experimental.CollectiveCommunication`.
    """

    def __init__(
        self,
        num_gpus_per_worker: int = 0,
        communication: Any = tf.distribute.experimental.CollectiveCommunication.AUTO,
    ) -> None:
        super().__init__(
            communication=communication, cluster_resolver=_cluster_resolver(num_gpus_per_worker)
        )


class AllReduceCrossDeviceOps(cross_device_ops_lib.AllReduceCrossDeviceOps):
    """Adds gradients up on all devices at once.

    Args:
        all_reduce_alg: "nccl" or "hierarchical_copy".
        num_packs: in how many packs they travel.
        agg_small_grads_max_bytes: accepted; packs are made without it.
        agg_small_grads_max_group: likewise.
    """

    def __init__(
        self,
        all_reduce_alg: str = "nccl",
        num_packs: int = 1,
        agg_small_grads_max_bytes: int = 0,
        agg_small_grads_max_group: int = 10,
    ) -> None:
        super().__init__(all_reduce_alg, num_packs)


AllReduceCrossTowerOps = AllReduceCrossDeviceOps


class Monitor:
    """Runs the steps of a training function in a session.

    Args:
        step_callable: a `Step`.
        session: the session, in graph mode.

    Raises:
        ValueError: there is no session in graph mode, or one in eager mode.
    """

    def __init__(self, step_callable: Any, session: Any = None) -> None:
        if tf.executing_eagerly():
            if session is not None:
                raise ValueError(
                    "a session was given, and there is none in eager mode; leave it out"
                )
            self._run_step = step_callable
            return
        if session is None:
            raise ValueError("no session was given; in graph mode the step runs in one")
        session.run(step_callable.initialize())
        self._run_step = session.make_callable(step_callable())
        session.run(tf.global_variables_initializer())

    def run_steps(self, num_steps: int | None = None) -> None:
        """Run so many steps, or until the input ends."""
        step = 0
        while num_steps is None or step < num_steps:
            try:
                self._run_step()
            except tf.errors.OutOfRangeError:
                return
            step += 1


NOT_SUPPLIED = {
    "MultiWorkerAllReduce": "use tf.contrib.distribute.CollectiveAllReduceStrategy",
    "TPUStrategy": "no TPU runs here; use tf.distribute.MirroredStrategy",
    "initialize_tpu_system": "no TPU runs here; leave it out",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
