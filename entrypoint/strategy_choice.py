"""Choose how the cards and machines of a job work together."""

from __future__ import annotations

import logging
from typing import Literal

from entrypoint.cluster import Cluster
from entrypoint.errors import ContradictionError
from entrypoint.parameters import DistributionStrategy

logger = logging.getLogger(__name__)

StrategyName = Literal["none", "mirrored", "multi_worker_mirrored", "parameter_server"]


def choose_strategy(asked: DistributionStrategy, cluster: Cluster, *, gpus: int) -> StrategyName:
    """Return the strategy of this job.

    On one machine the two strategies for several machines mean all of its cards, as they do for
    SageMaker's containers.

    Args:
        asked: the parameter `distribution_strategy`.
        cluster: the machines.
        gpus: how many of them this machine has.

    Raises:
        ContradictionError: what is asked for and the machines do not fit each other.
    """
    if len(cluster.trainers) == 1 and not cluster.parameter_servers:
        if asked in ("none", "mirrored"):
            return asked
        if asked != "auto":
            logger.info(
                "distribution_strategy %s with one machine: training on its cards alone", asked
            )
        return "mirrored" if gpus > 1 else "none"
    machines = f"{cluster.scheduler} describes {len(cluster.tasks)} tasks"
    if asked in ("none", "mirrored"):
        raise ContradictionError(
            f"distribution_strategy is {asked}, which is for one machine, and {machines}: each"
            " would train a model of its own",
            hint="start the job on one machine, or leave distribution_strategy out",
        )
    if cluster.parameter_servers and asked == "multi_worker_mirrored":
        raise ContradictionError(
            f"distribution_strategy is {asked}, which has no parameter servers, and {machines},"
            f" {len(cluster.parameter_servers)} of them parameter servers",
            hint="take the ps tasks out of the cluster, or leave distribution_strategy out",
        )
    if cluster.parameter_servers:
        return "parameter_server"
    return "multi_worker_mirrored" if asked == "auto" else asked
