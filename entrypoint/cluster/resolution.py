"""Which scheduler is this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from entrypoint.cluster import (
    aws_batch,
    host_list,
    kubeflow_trainer,
    kubernetes,
    sagemaker,
    slurm,
    tf_config,
    vertex_ai,
)
from entrypoint.cluster.assembly import alone
from entrypoint.cluster.checks import contradiction
from entrypoint.cluster.tasks import Cluster
from entrypoint.settings import Settings


@dataclass(frozen=True, kw_only=True)
class _Source:
    """One scheduler.

    Attributes:
        name: its name in MODELMAKER_SCHEDULER.
        described_by: what it describes the cluster in.
        read: returns the cluster, None if it is not there.
    """

    name: str
    described_by: str
    read: Callable[[Settings], Cluster | None]


# The first that is there is taken: what the user wrote, then what says most. Kubeflow runs on
# Kubernetes, whose own variables are there as well, and anything may run inside a Slurm job.
SOURCES = (
    _Source(name="hosts", described_by="MODELMAKER_HOSTS", read=host_list.read_cluster),
    _Source(name="tf_config", described_by="TF_CONFIG", read=tf_config.read_cluster),
    _Source(name="vertex_ai", described_by="CLUSTER_SPEC", read=vertex_ai.read_cluster),
    _Source(
        name="sagemaker",
        described_by="input/config/resourceconfig.json",
        read=sagemaker.read_cluster,
    ),
    _Source(name="aws_batch", described_by=aws_batch.NUM_NODES, read=aws_batch.read_cluster),
    _Source(
        name="kubeflow_trainer",
        described_by=kubeflow_trainer.NODES,
        read=kubeflow_trainer.read_cluster,
    ),
    _Source(
        name="kubernetes",
        described_by=f"{kubernetes.INDEX} or {kubernetes.COUNT}",
        read=kubernetes.read_cluster,
    ),
    _Source(name="slurm", described_by=slurm.TASKS, read=slurm.read_cluster),
)
NOBODY = "none"


def resolve_cluster(settings: Settings) -> Cluster:
    """Read what the scheduler says about the tasks of this job, and which of them this is.

    Where MODELMAKER_SCHEDULER names a scheduler, nobody else is asked.

    Raises:
        ContradictionError: what it says cannot be, or the scheduler that was named says nothing.
    """
    if settings.scheduler == NOBODY:
        return alone(settings, NOBODY)
    for source in SOURCES:
        if settings.scheduler not in {None, source.name}:
            continue
        cluster = source.read(settings)
        if cluster is not None:
            return cluster
        if settings.scheduler:
            raise contradiction(
                f"MODELMAKER_SCHEDULER is {source.name}, but {source.described_by} is not there",
                hint="name the scheduler that starts the job, or leave MODELMAKER_SCHEDULER out",
            )
    return alone(settings, NOBODY)
