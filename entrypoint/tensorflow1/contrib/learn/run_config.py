"""The RunConfig of `tf.contrib.learn`: that of Estimator under older argument names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

__all__ = ["Environment", "RunConfig", "TaskType"]

_DEFAULT_CHECKPOINT_SECONDS = 600
_IDENTITY = (
    "model_dir",
    "master",
    "evaluation_master",
    "task_type",
    "task_id",
    "num_ps_replicas",
    "num_worker_replicas",
    "cluster_spec",
)


class Environment:
    """Where a job runs."""

    CLOUD = "cloud"
    GOOGLE = "google"
    LOCAL = "local"


class TaskType:
    """The task types of a cluster."""

    MASTER = "master"
    PS = "ps"
    WORKER = "worker"


class RunConfig(tf.estimator.RunConfig):
    """Settings of an Estimator's runs; the cluster is read from TF_CONFIG.

    Args:
        master: the session to use; default that of the cluster.
        num_cores: how many CPU cores to use, 0 for all.
        log_device_placement: log the device of each operation.
        gpu_memory_fraction: of each GPU, to be used at most.
        tf_random_seed: of the graph.
        save_summary_steps: steps between summaries.
        save_checkpoints_secs: seconds between checkpoints; 0 for 600, unless steps are given.
        save_checkpoints_steps: steps between checkpoints.
        keep_checkpoint_max: how many checkpoints stay; None or 0 for all.
        keep_checkpoint_every_n_hours: a checkpoint of each period stays for good.
        log_step_count_steps: steps between logged speeds.
        protocol: of the cluster's servers.
        evaluation_master: the session to evaluate with.
        model_dir: where checkpoints are.
        session_config: a ConfigProto, in place of the four settings above.
        session_creation_timeout_secs: how long a worker waits for the chief.
    """

    def __init__(
        self,
        master: str | None = None,
        num_cores: int = 0,
        log_device_placement: bool = False,
        gpu_memory_fraction: float = 1,
        tf_random_seed: int | None = None,
        save_summary_steps: int = 100,
        save_checkpoints_secs: int | None = 0,
        save_checkpoints_steps: int | None = None,
        keep_checkpoint_max: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000,
        log_step_count_steps: int | None = 100,
        protocol: str | None = None,
        evaluation_master: str = "",
        model_dir: str | None = None,
        session_config: Any = None,
        session_creation_timeout_secs: int = 7200,
    ) -> None:
        if save_checkpoints_secs == 0:
            by_steps = save_checkpoints_steps is not None
            save_checkpoints_secs = None if by_steps else _DEFAULT_CHECKPOINT_SECONDS
        self._tf_config = tf.ConfigProto(
            log_device_placement=log_device_placement,
            inter_op_parallelism_threads=num_cores,
            intra_op_parallelism_threads=num_cores,
            gpu_options=tf.GPUOptions(per_process_gpu_memory_fraction=gpu_memory_fraction),
        )
        if session_config is None and (num_cores, log_device_placement, gpu_memory_fraction) != (
            0,
            False,
            1,
        ):
            session_config = self._tf_config
        super().__init__(
            model_dir=model_dir,
            tf_random_seed=tf_random_seed,
            save_summary_steps=save_summary_steps,
            save_checkpoints_steps=save_checkpoints_steps,
            save_checkpoints_secs=save_checkpoints_secs,
            session_config=session_config,
            keep_checkpoint_max=keep_checkpoint_max,
            keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours,
            log_step_count_steps=log_step_count_steps,
            protocol=protocol,
            session_creation_timeout_secs=session_creation_timeout_secs,
        )
        if master is not None:
            self._master = master
        if evaluation_master:
            self._evaluation_master = evaluation_master

    @property
    def tf_config(self) -> Any:
        """The ConfigProto that the arguments describe."""
        return self._tf_config

    @property
    def environment(self) -> str:
        """Whether there is a cluster."""
        return Environment.CLOUD if self.cluster_spec else Environment.LOCAL

    def uid(self, whitelist: Sequence[str] | None = None) -> str:
        """Return what two configurations of one job have in common.

        Args:
            whitelist: properties in which they may differ.
        """
        values = {name: getattr(self, name) for name in _IDENTITY if name not in (whitelist or ())}
        if values.get("cluster_spec") is not None:
            values["cluster_spec"] = sorted(values["cluster_spec"].as_dict().items())
        return ", ".join(f"{name}={value!r}" for name, value in sorted(values.items()))
