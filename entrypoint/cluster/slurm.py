"""Slurm's job steps: what `srun` starts.

Slurm writes which nodes a step has, how many tasks on each, and which of all tasks this is
(https://slurm.schedmd.com/srun.html, "Output environment variables"). Tasks are taken to fill one
node after the other, which is --distribution=block, and what Slurm says of this task is checked
against that. The lowest rank is the chief; nodes keep Slurm's order.
"""

from __future__ import annotations

import itertools
import re

from entrypoint.cluster.addresses import parse_host
from entrypoint.cluster.assembly import alone, assemble_hosts
from entrypoint.cluster.checks import (
    MAX_DIGITS,
    MAX_TASKS,
    contradiction,
    count,
    index,
    number,
    require,
    shown,
)
from entrypoint.cluster.host_ranges import expand
from entrypoint.cluster.tasks import Cluster
from entrypoint.settings import Settings

SCHEDULER = "Slurm"
TASKS = "SLURM_STEP_NUM_TASKS"
NODES = "SLURM_STEP_NODELIST"
TASKS_PER_NODE = "SLURM_STEP_TASKS_PER_NODE"
RANK = "SLURM_PROCID"
NODE = "SLURM_NODEID"
LOCAL_RANK = "SLURM_LOCALID"
JOB = "SLURM_JOB_ID"
STEP = "SLURM_STEP_ID"
_REPEATED = re.compile(rf"(\d{{1,{MAX_DIGITS}}})(?:\(x(\d{{1,{MAX_DIGITS}}})\))?", re.ASCII)


def read_cluster(settings: Settings) -> Cluster | None:
    """Return the cluster of a job step, None if this is none.

    Raises:
        ContradictionError: its variables describe no cluster that can be.
    """
    environment = settings.cluster_environment
    if not environment.get(TASKS):
        return None
    tasks = count(environment, TASKS)
    if tasks == 1:
        return alone(settings, SCHEDULER)
    names = [NODES, TASKS_PER_NODE, RANK, NODE, LOCAL_RANK, JOB, STEP]
    require(environment, names, what=f"{TASKS} is {tasks}")
    nodes = expand(environment[NODES], where=NODES)
    per_node = _read_tasks_per_node(environment[TASKS_PER_NODE])
    if len(per_node) != len(nodes) or sum(per_node) != tasks:
        raise contradiction(
            f"{NODES} has {len(nodes)} nodes and {TASKS} is {tasks}, but {TASKS_PER_NODE} has "
            f"{sum(per_node)} tasks on {len(per_node)} nodes"
        )
    rank = index(environment, RANK, tasks)
    _check_block(settings, rank, per_node)
    hosts = [parse_host(node, where=NODES) for node in nodes]
    return assemble_hosts(
        settings,
        SCHEDULER,
        [
            # Each task keeps two ports: one for a parameter server beside it.
            (host, settings.port + 1 + 2 * local_rank)
            for host, local_tasks in zip(hosts, per_node, strict=True)
            for local_rank in range(local_tasks)
        ],
        rank,
        where=NODES,
        identity=[ascii(environment[name]) for name in (JOB, STEP, NODES, TASKS_PER_NODE)],
    )


def _read_tasks_per_node(text: str) -> list[int]:
    """Return how many tasks each node has: "2(x3),1" is 2, 2, 2, 1."""
    per_node: list[int] = []
    for part in text.split(","):
        match = _REPEATED.fullmatch(part)
        tasks, nodes = (int(match[1]), int(match[2] or 1)) if match else (0, 0)
        if not tasks or not nodes:
            raise contradiction(f'{TASKS_PER_NODE} has {shown(part)}, not tasks as in "2(x3),1"')
        if max(tasks, nodes + len(per_node)) > MAX_TASKS:
            raise contradiction(f"{TASKS_PER_NODE} has more than {MAX_TASKS} tasks")
        per_node += [tasks] * nodes
    return per_node


def _check_block(settings: Settings, rank: int, per_node: list[int]) -> None:
    """Check that this task is where it is when tasks fill one node after the other."""
    environment = settings.cluster_environment
    ends = list(itertools.accumulate(per_node))
    node = next(number for number, end in enumerate(ends) if rank < end)
    local_rank = rank - (ends[node] - per_node[node])
    found = (number(environment, NODE), number(environment, LOCAL_RANK))
    if found != (node, local_rank):
        raise contradiction(
            f"Slurm has task {rank} as number {found[1]} on node {found[0]}, which is number "
            f"{local_rank} on node {node} when tasks fill one node after the other",
            hint="start the step with --distribution=block",
        )
