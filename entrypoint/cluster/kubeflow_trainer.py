"""Kubeflow Trainer's TrainJobs, with a runtime of the torch policy.

Every node gets the number of nodes, its own rank and the first node's name, which is
"<TrainJob>-node-0-0.<TrainJob>" (kubeflow/trainer, pkg/runtime/framework/plugins/torch/torch.go).
The last number of the first label is the node's, as in every JobSet. Runtimes of other policies
do not say how many nodes there are; MODELMAKER_HOST_COUNT does.
"""

from __future__ import annotations

import re

from entrypoint.cluster.addresses import parse_host
from entrypoint.cluster.assembly import alone, assemble_hosts
from entrypoint.cluster.checks import contradiction, count, index, require, shown
from entrypoint.cluster.tasks import Cluster
from entrypoint.settings import Settings

SCHEDULER = "Kubeflow Trainer"
NODES = "PET_NNODES"
RANK = "PET_NODE_RANK"
CHIEF = "PET_MASTER_ADDR"
_FIRST_NODE = re.compile(r"([^.]+-0-)0(\..+)?")


def read_cluster(settings: Settings) -> Cluster | None:
    """Return the cluster of a TrainJob, None if this is none.

    Raises:
        ContradictionError: its variables describe no cluster that can be.
    """
    environment = settings.cluster_environment
    if not environment.get(NODES):
        return None
    nodes = count(environment, NODES, hint="give numNodes as one number: the job is not elastic")
    if nodes == 1:
        return alone(settings, SCHEDULER)
    require(environment, [RANK, CHIEF], what=f"{NODES} is {nodes}")
    rank = index(environment, RANK, nodes)
    chief = _FIRST_NODE.fullmatch(parse_host(environment[CHIEF], where=CHIEF))
    if chief is None:
        raise contradiction(
            f'{CHIEF} is {shown(environment[CHIEF])}, not "<TrainJob>-node-0-0.<TrainJob>", so the '
            "names of the other nodes are not known",
            hint="list them in MODELMAKER_HOSTS",
        )
    name, domain = chief.groups(default="")
    places = [(f"{name}{number}{domain}", settings.port + 1) for number in range(nodes)]
    return assemble_hosts(settings, SCHEDULER, places, rank, where=SCHEDULER)
