"""AWS Batch's multi-node parallel jobs.

Every node knows its own index, the main node's and how many there are; all but the main node know
the main node's address (https://docs.aws.amazon.com/batch/latest/userguide/mnp-env-vars.html). So
tasks introduce themselves when they join. A node's job ID is the job's with "#" and the index.
Nothing says that AWS_BATCH_JOB_ATTEMPT is equal on all nodes, so the key goes without it.
"""

from __future__ import annotations

from entrypoint.cluster.addresses import parse_host
from entrypoint.cluster.assembly import alone, assemble_hosts
from entrypoint.cluster.checks import contradiction, count, index, require
from entrypoint.cluster.tasks import Cluster
from entrypoint.settings import Settings

SCHEDULER = "AWS Batch"
NUM_NODES = "AWS_BATCH_JOB_NUM_NODES"
NODE_INDEX = "AWS_BATCH_JOB_NODE_INDEX"
MAIN_NODE_INDEX = "AWS_BATCH_JOB_MAIN_NODE_INDEX"
MAIN_NODE_ADDRESS = "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS"
JOB_ID = "AWS_BATCH_JOB_ID"


def read_cluster(settings: Settings) -> Cluster | None:
    """Return the cluster of a multi-node parallel job, None if this is none.

    Raises:
        ContradictionError: its variables describe no cluster that can be.
    """
    environment = settings.cluster_environment
    if not environment.get(NUM_NODES):
        return None
    nodes = count(environment, NUM_NODES)
    if nodes == 1:
        return alone(settings, SCHEDULER)
    what = f"{NUM_NODES} is {nodes}"
    require(environment, [NODE_INDEX, MAIN_NODE_INDEX, JOB_ID], what=what)
    mine = index(environment, NODE_INDEX, nodes)
    main = index(environment, MAIN_NODE_INDEX, nodes)
    chief_host = None
    if mine != main:
        require(environment, [MAIN_NODE_ADDRESS], what=f"this is node {mine}, not the main node")
        chief_host = parse_host(environment[MAIN_NODE_ADDRESS], where=MAIN_NODE_ADDRESS)
    elif environment.get(MAIN_NODE_ADDRESS):
        raise contradiction(f"{MAIN_NODE_ADDRESS} is set, but this is the main node, {main}")
    job_id = environment[JOB_ID].partition("#")[0]
    return assemble_hosts(
        settings,
        SCHEDULER,
        [(chief_host if n == main else None, settings.port + 1) for n in range(nodes)],
        mine,
        where=SCHEDULER,
        chief=main,
        identity=[ascii(job_id), nodes, main],
    )
