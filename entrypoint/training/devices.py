"""The GPUs of this machine, and the strategy that uses all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from entrypoint.errors import ContradictionError
from entrypoint.settings import Settings

DEVICE_DIR = Path("/dev")


@dataclass(frozen=True, kw_only=True)
class Devices:
    """What this job computes on.

    Attributes:
        gpus: the models of the GPUs that TensorFlow uses, one name each.
        strategy: the tf.distribute strategy over them; None on one GPU or none.
    """

    gpus: tuple[str, ...]
    strategy: Any

    @property
    def replicas(self) -> int:
        """How many cards take part in one step; the CPU alone counts as one."""
        return self.strategy.num_replicas_in_sync if self.strategy else 1

    @property
    def strategy_name(self) -> str:
        """The strategy in the log's words."""
        return "mirrored" if self.strategy else "none"


def find_devices(settings: Settings) -> Devices:
    """Find the GPUs, and insist on them where they were asked for.

    Raises:
        ContradictionError: the machine shows GPUs that TensorFlow cannot use, or
            MODELMAKER_REQUIRE_GPU=1 and there is none.
    """
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
    strategy = tf.distribute.MirroredStrategy() if len(gpus) > 1 else None
    return Devices(gpus=tuple(map(_describe_gpu, gpus)), strategy=strategy)


def _nvidia_devices() -> Iterable[Path]:
    """List the device files that the NVIDIA container toolkit gives a container, one a GPU."""
    return DEVICE_DIR.glob("nvidia[0-9]*")


def _describe_gpu(gpu: Any) -> str:
    details = tf.config.experimental.get_device_details(gpu)
    return str(details.get("device_name", gpu.name))
