"""The GPUs of this machine, and the strategy that uses all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from entrypoint.cluster import Cluster
from entrypoint.errors import ContradictionError
from entrypoint.parameters import DistributionStrategy
from entrypoint.place import Place
from entrypoint.settings import Settings
from entrypoint.strategy_choice import StrategyName, choose_strategy

DEVICE_DIR = Path("/dev")


@dataclass(frozen=True, kw_only=True)
class Devices:
    """What this job computes on.

    Attributes:
        gpus: the models of the GPUs that TensorFlow uses, one name each.
        strategy_name: how cards and machines work together.
        strategy: the tf.distribute strategy that does it; None on one GPU or none, and with
            parameter servers.
    """

    gpus: tuple[str, ...]
    strategy_name: StrategyName = "none"
    strategy: Any = None

    @property
    def replicas(self) -> int:
        """How many cards take part in one step, on all machines; the CPU alone counts as one."""
        return self.strategy.num_replicas_in_sync if self.strategy else 1


def find_devices(settings: Settings, place: Place, asked: DistributionStrategy) -> Devices:
    """Find the GPUs, and insist on them where they were asked for.

    On several machines the strategy itself is still to be made, when all of them have joined.

    Args:
        settings: says whether a GPU is insisted on.
        place: the process that this is.
        asked: the parameter `distribution_strategy`.

    Raises:
        ContradictionError: the machine shows GPUs that TensorFlow cannot use, or
            MODELMAKER_REQUIRE_GPU=1 and there is none. Or the strategy does not fit the cluster.
    """
    cluster = place.cluster
    if place.role == "evaluator" and not cluster.evaluator and not settings.evaluate_on_gpu:
        # Those of this machine are busy with the training beside which it evaluates.
        tf.config.set_visible_devices([], "GPU")
        return Devices(gpus=())
    gpus = _divide(_find_gpus(settings), settings, cluster)
    if settings.evaluate_on_gpu and cluster.is_distributed:
        for gpu in gpus:  # shared with the evaluator, so nobody may take all of its memory
            tf.config.experimental.set_memory_growth(gpu, enable=True)
    name = choose_strategy(asked, cluster, gpus=len(gpus))
    if place.role == "evaluator" or name != "mirrored":
        strategy = None
    else:
        strategy = tf.distribute.MirroredStrategy()
    return Devices(gpus=tuple(map(_describe_gpu, gpus)), strategy_name=name, strategy=strategy)


def _divide(gpus: list[Any], settings: Settings, cluster: Cluster) -> list[Any]:
    """Return this task's share of the machine's GPUs, and hide the others from TensorFlow.

    Raises:
        ContradictionError: there are fewer GPUs than tasks.
    """
    tasks = cluster.tasks_on_machine
    # With that option Slurm shows each task the GPUs of its own alone.
    if tasks == 1 or not gpus or "SLURM_GPUS_PER_TASK" in settings.cluster_environment:
        return gpus
    if len(gpus) < tasks:
        raise ContradictionError(
            f"{tasks} tasks share this machine and its {len(gpus)} GPUs",
            hint="start one task a machine, which uses all of its GPUs, or one a GPU",
        )
    share = gpus[cluster.local_index :: tasks]
    tf.config.set_visible_devices(share, "GPU")
    return share


def _find_gpus(settings: Settings) -> list[Any]:
    gpus = tf.config.list_physical_devices("GPU")
    shown = sorted(entry.name for entry in _nvidia_devices())
    if not gpus and settings.require_gpu is not False and (settings.require_gpu or shown):
        found = f"the machine shows {', '.join(shown)}" if shown else "the machine shows no GPU"
        built = "" if tf.test.is_built_with_cuda() else "; this is the CPU build of TensorFlow"
        raise ContradictionError(
            f"TensorFlow {tf.__version__} can use no GPU: {found}{built}",
            hint="run the GPU image with `--gpus all` on a host whose driver supports CUDA 12;"
            " MODELMAKER_REQUIRE_GPU=0 trains on the CPU all the same",
        )
    return list(gpus)


def _nvidia_devices() -> Iterable[Path]:
    """List the device files that the NVIDIA container toolkit gives a container, one a GPU."""
    return DEVICE_DIR.glob("nvidia[0-9]*")


def _describe_gpu(gpu: Any) -> str:
    details = tf.config.experimental.get_device_details(gpu)
    return str(details.get("device_name", gpu.name))
