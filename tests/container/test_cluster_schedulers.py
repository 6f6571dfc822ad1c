"""A job of two machines under every scheduler, with what that scheduler sets up and no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.container.clusters import (
    CHIEF,
    Cluster,
    Node,
    assert_all_trained,
    cluster_of,
)

TOTAL = 20
DOMAIN = "default.svc.cluster.local"
# Host names of Vertex AI's worker pools, and of TFJobs' services.
POOL = "cmle-training-workerpool{}-5d1e-0"
SERVICE = "census-{}-0.team-a.svc"

Scheduler = Callable[[], list[Node]]


def tfjob() -> list[Node]:
    """Kubeflow's training operator: a service for each task, by whose name it is reached."""
    addresses = {role: [f"{SERVICE.format(role)}:2222"] for role in ("chief", "worker")}
    return [
        Node(
            task=task,
            names=(f"census-{role}-0", SERVICE.format(role)),
            environment={"TF_CONFIG": task_lists(addresses, role, environment="cloud")},
        )
        for role, task in (("chief", CHIEF), ("worker", "worker-0"))
    ]


def tfjob_evaluator() -> list[Node]:
    """The same with an evaluator, of which the others are not told."""
    chief, worker = tfjob()
    addresses = json.loads(chief.environment["TF_CONFIG"])["cluster"]
    evaluator = Node(
        task="evaluator",
        names=("census-evaluator-0", SERVICE.format("evaluator")),
        environment={"TF_CONFIG": task_lists(addresses, "evaluator", environment="cloud")},
    )
    return [chief, worker, evaluator]


def vertex_ai() -> list[Node]:
    addresses = {f"workerpool{pool}": [f"{POOL.format(pool)}:2222"] for pool in (0, 1)}
    return [
        Node(
            task=task,
            names=(POOL.format(pool),),
            environment={
                "CLUSTER_SPEC": task_lists(addresses, f"workerpool{pool}", environment="cloud")
            },
        )
        for pool, task in ((0, CHIEF), (1, "worker-0"))
    ]


def sagemaker() -> list[Node]:
    hosts = ["algo-1", "algo-2"]
    return [
        Node(
            task=task,
            names=(host,),
            environment={"TRAINING_JOB_NAME": "census-2026-01-05-10-00-00-000"},
            files={
                "input/config/resourceconfig.json": {
                    "current_host": host,
                    "hosts": hosts,
                    "network_interface_name": "eth0",
                }
            },
        )
        for host, task in zip(hosts, (CHIEF, "worker-1"), strict=True)
    ]


def kubernetes_indexed_job() -> list[Node]:
    return [
        Node(
            task=task,
            names=(f"train-{index}.train.{DOMAIN}", f"train-{index}.train"),
            environment={"JOB_COMPLETION_INDEX": str(index), "MODELMAKER_HOST_COUNT": "2"},
        )
        for index, task in enumerate((CHIEF, "worker-1"))
    ]


def kubernetes_jobset() -> list[Node]:
    return [
        Node(
            task=task,
            names=(f"census-trainer-0-{index}.census.{DOMAIN}", f"census-trainer-0-{index}.census"),
            environment={"JOB_COMPLETION_INDEX": str(index), "MODELMAKER_HOST_COUNT": "2"},
        )
        for index, task in enumerate((CHIEF, "worker-1"))
    ]


def kubeflow_trainer() -> list[Node]:
    return [
        Node(
            task=task,
            names=(f"census-node-0-{rank}.census.{DOMAIN}", f"census-node-0-{rank}.census"),
            environment={
                "PET_NNODES": "2",
                "PET_NPROC_PER_NODE": "1",
                "PET_NODE_RANK": str(rank),
                "PET_MASTER_ADDR": "census-node-0-0.census",
                "PET_MASTER_PORT": "29400",
                "JOB_COMPLETION_INDEX": str(rank),
            },
        )
        for rank, task in enumerate((CHIEF, "worker-1"))
    ]


def slurm() -> list[Node]:
    """The first node is the one that comes first in numbers, not in letters."""
    return [
        Node(
            task=task,
            names=(node,),
            environment={
                "SLURM_JOB_ID": "200505",
                "SLURM_STEP_ID": "0",
                "SLURM_STEP_NODELIST": "n[2,10]",
                "SLURM_STEP_NUM_TASKS": "2",
                "SLURM_STEP_TASKS_PER_NODE": "1(x2)",
                "SLURM_PROCID": str(rank),
                "SLURM_NODEID": str(rank),
                "SLURM_LOCALID": "0",
            },
        )
        for rank, (node, task) in enumerate((("n2", CHIEF), ("n10", "worker-1")))
    ]


def task_lists(addresses: dict[str, list[str]], role: str, **fields: str) -> str:
    """Return what TF_CONFIG and CLUSTER_SPEC hold for the first task of a role."""
    return json.dumps({"cluster": addresses, "task": {"type": role, "index": 0}, **fields})


SCHEDULERS: list[tuple[Scheduler, str]] = [
    (tfjob, "TF_CONFIG"),
    (tfjob_evaluator, "TF_CONFIG"),
    (vertex_ai, "Vertex AI"),
    (sagemaker, "SageMaker"),
    (kubernetes_indexed_job, "Kubernetes"),
    (kubernetes_jobset, "Kubernetes"),
    (kubeflow_trainer, "Kubeflow Trainer"),
    (slurm, "Slurm"),
]


@pytest.mark.parametrize(
    ("scheduler", "name"), SCHEDULERS, ids=[scheduler.__name__ for scheduler, _ in SCHEDULERS]
)
def test_machines_find_each_other(
    image_name: str, tmp_path: Path, scheduler: Scheduler, name: str
) -> None:
    with cluster_of(image_name, tmp_path, scheduler()) as cluster:
        cluster.write_parameters(train_max_steps=TOTAL, eval_start_delay_secs=0)
        cluster.start()
        assert_trained_under(cluster, name)


def test_aws_batch_nodes_know_nothing_but_the_main_node_s_address(
    image_name: str, tmp_path: Path
) -> None:
    """The main node does not even know its own, and comes last."""
    nodes = [
        Node(
            task=task,
            names=(f"ip-198-18-0-1{index}",),
            environment={
                "AWS_BATCH_JOB_ID": f"8c3f1b1a-4f2e-4f0e-9b6e-2f1f3a4b5c6d#{index}",
                "AWS_BATCH_JOB_ATTEMPT": "1",
                "AWS_BATCH_JOB_NUM_NODES": "2",
                "AWS_BATCH_JOB_NODE_INDEX": str(index),
                "AWS_BATCH_JOB_MAIN_NODE_INDEX": "0",
            },
            number=10 + index,
        )
        for index, task in enumerate((CHIEF, "worker-1"))
    ]
    with cluster_of(image_name, tmp_path, nodes) as cluster:
        cluster.write_parameters(train_max_steps=TOTAL, eval_start_delay_secs=0)
        main = cluster.address(10)
        cluster.start(["worker-1"], AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS=main)
        # It imports TensorFlow while it waits.
        cluster.wait_for("worker-1", "start")
        cluster.start([CHIEF])
        assert_trained_under(cluster, "AWS Batch")


def assert_trained_under(cluster: Cluster, name: str) -> None:
    """Require a whole training on all machines, each of which saw the others."""
    ended = cluster.finish()
    assert_all_trained(cluster, ended, TOTAL)
    assert cluster.roots[CHIEF].report["strategy"] == "multi_worker_mirrored"
    if "evaluator" in ended:
        assert ended["evaluator"].events("evaluation") != []
    known = [task for task in cluster.nodes if task != "evaluator"]
    for task in known:
        start = next(r for r in ended[task].events("start") if r["task"] == task)
        assert start["scheduler"] == name
        assert start["tasks"] == known
