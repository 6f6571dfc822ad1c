"""What a scheduler says and cannot mean is refused in words that say what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entrypoint.cluster import resolve_cluster
from entrypoint.errors import ContradictionError
from entrypoint.settings import Settings
from tests.jobs import JobRoot

AWS_BATCH = {
    "AWS_BATCH_JOB_NUM_NODES": "3",
    "AWS_BATCH_JOB_NODE_INDEX": "1",
    "AWS_BATCH_JOB_MAIN_NODE_INDEX": "0",
    "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS": "10.0.0.3",
    "AWS_BATCH_JOB_ID": "8c3f1b1a#1",
}
SLURM = {
    "SLURM_JOB_ID": "200505",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NODELIST": "n[1-2]",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    "SLURM_PROCID": "1",
    "SLURM_NODEID": "0",
    "SLURM_LOCALID": "1",
}
TRAINER = {
    "PET_NNODES": "2",
    "PET_NODE_RANK": "1",
    "PET_MASTER_ADDR": "census-node-0-0.census",
}
POD = {"JOB_COMPLETION_INDEX": "1", "MODELMAKER_HOST_COUNT": "2"}
HOSTS = {"MODELMAKER_HOSTS": "a,b", "MODELMAKER_HOST_INDEX": "1"}


def refused(environment: dict[str, str], root: Path, **settings: Any) -> ContradictionError:
    with pytest.raises(ContradictionError) as caught:
        resolve_cluster(Settings(root_dir=root, cluster_environment=environment, **settings))
    assert caught.value.code == 30
    assert caught.value.hint
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500
    return caught.value


def tf_config(cluster: Any, type_: Any = "worker", index: Any = 0) -> dict[str, str]:
    task = {"type": type_, "index": index}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


@pytest.mark.parametrize(
    "environment",
    [AWS_BATCH, SLURM, TRAINER, POD, HOSTS, tf_config({"worker": ["a:1", "b:1"]})],
)
def test_what_the_tests_below_change_is_right_unchanged(
    environment: dict[str, str], tmp_path: Path
) -> None:
    settings = Settings(root_dir=tmp_path, cluster_environment=environment, host_name="train-1")
    assert resolve_cluster(settings).is_distributed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "TF_CONFIG is not JSON"),
        ("[]", "TF_CONFIG holds a JSON array"),
        ("\udcff", "TF_CONFIG is not UTF-8"),
        ("a\ud800", "TF_CONFIG is not UTF-8"),
        ('{"cluster": 5}', 'TF_CONFIG has a "cluster" that does not map roles'),
        ('{"cluster": {"chief": "a:1"}}', 'TF_CONFIG has a "cluster" that does not map roles'),
        ('{"cluster": {"chief": ["a:1"]}}', 'TF_CONFIG has no "task" with a "type" and an "index"'),
        ('{"cluster": {"chief": ["a:1"]}, "task": {"type": "chief"}}', 'TF_CONFIG has no "task"'),
        ('{"task": {"type": "ps", "index": 0}}', "TF_CONFIG has no cluster for its task ps 0"),
        ('{"task": {"type": "worker", "index": 1}}', "TF_CONFIG has no cluster for its task"),
    ],
)
def test_a_broken_tf_config_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    assert refused({"TF_CONFIG": text}, tmp_path).message.startswith(problem)


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        (tf_config({"chief": ["a:1"], "master": ["b:1"]}), "has a chief and a master"),
        (tf_config({"chief": ["a:1", "b:1"]}), "has 2 tasks of chief"),
        (tf_config({"worker": ["a:1"], "evaluator": ["b:1", "c:1"]}), "has 2 tasks of evaluator"),
        (tf_config({"worker": ["a:1"], "boss": ["b:1"]}), "has the role 'boss', not one of chief,"),
        (tf_config({"worker": ["a:1"]}, "boss"), "has a task 'boss', not one of chief,"),
        (tf_config({"worker": ["a:1"]}, ["worker"]), "has a task ['worker'], not one of chief,"),
        (tf_config({"worker": ["a:1"]}, index="first"), "has a task index 'first', not a number"),
        (tf_config({"worker": ["a:1"]}, index=-1), "has a task index -1, not a number"),
        (tf_config({"worker": ["a:1"]}, index=0.0), "has a task index 0.0, not a number"),
        (tf_config({"worker": ["a:1"]}, index=True), "has a task index True, not a number"),
        (tf_config({"worker": ["a:1"]}, index=10**9), "has a task index 1000000000, not a number"),
        (tf_config({"worker": ["a:1"]}, index=1), "this is worker 1, but lists no such task"),
        (tf_config({"worker": ["a:1"]}, "chief"), "this is chief 0, but lists no such task"),
        (tf_config({"chief": ["a:1"]}, "evaluator", 1), "this is evaluator 1, but lists no such"),
        (tf_config({"worker": ["a:1", "A:1"]}), "one address, a:1, to chief and worker-1"),
        (tf_config({"chief": ["a:1"], "ps": ["a:1"]}, "ps"), "one address, a:1, to chief and ps-0"),
        (tf_config({"worker": ["a"]}), "has 'a', which is not an address"),
        (tf_config({"worker": ["a b:1"]}), "has 'a b', which is not a host"),
        (tf_config({"worker": [None]}), "has None as an address of worker"),
        (tf_config({"worker": [["a:1"]]}), "has ['a:1'] as an address of worker"),
        (tf_config({"worker": {"x": "a:1"}}), "indexes of worker that are no numbers"),
        (tf_config({"worker": {"0": "a:1", "00": "b:1"}}), "indexes of worker that are no numbers"),
        (tf_config({"ps": ["a:1"]}, "ps"), "has ps but nobody who trains"),
        (tf_config({"ps": ["a:1"]}, "evaluator"), "has evaluator and ps but nobody who trains"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(
    environment: dict[str, str], problem: str, tmp_path: Path
) -> None:
    message = refused(environment, tmp_path).message
    assert message.startswith("TF_CONFIG ")
    assert problem in message


def test_a_dynamic_worker_that_cannot_see_the_chief_is_told_what_to_do(tmp_path: Path) -> None:
    error = refused(tf_config({"worker": {"1": "b:1"}, "ps": ["p:1"]}, index=1), tmp_path)
    assert error.message == "TF_CONFIG has workers, but not worker 0"
    assert "enableDynamicWorker" in error.hint


@pytest.mark.parametrize(("role", "index"), [("worker", 0), ("worker", 1), ("ps", 0)])
def test_a_sparse_cluster_is_refused_on_every_task(role: str, index: int, tmp_path: Path) -> None:
    """Worker 0 would train alone, and export, while the others fail."""
    sparse = {"sparseCluster": {"worker": {"0": "a:1"}, "ps": ["p:1"]}}
    text = json.dumps({**sparse, "task": {"type": role, "index": index}})
    assert "enableDynamicWorker" in refused({"TF_CONFIG": text}, tmp_path).hint


@pytest.mark.parametrize("taken", ["chief", "worker"])
def test_a_port_of_the_chief_is_for_one_thing_only(taken: str, tmp_path: Path) -> None:
    ports = {"chief": 2222, "worker": 2223, taken: 2221}
    cluster = {role: [f"127.0.0.1:{port}"] for role, port in ports.items()}
    error = refused(tf_config(cluster), tmp_path)
    assert "on port 2221, where the chief listens for the others" in error.message
    assert "MODELMAKER_PORT" in error.hint


def test_that_port_is_free_on_other_machines_and_where_nobody_listens(tmp_path: Path) -> None:
    for cluster in ({"chief": ["a:1"], "worker": ["b:2221"]}, {"worker": ["a:2221"]}):
        settings = Settings(root_dir=tmp_path, cluster_environment=tf_config(cluster))
        assert resolve_cluster(settings).me.port in {2221, 1}


@pytest.mark.parametrize(
    ("cluster", "task", "problem"),
    [
        ({"chief": ["a:1"]}, "workerpool0", "has the role 'chief', not one of workerpool0,"),
        ({"workerpool0": ["a:1"]}, "chief", "has a task 'chief', not one of workerpool0,"),
        ({"workerpool0": ["a:1"], "workerpool3": ["b:1", "c:1"]}, "workerpool0", "has 2 tasks of"),
        ({"workerpool0": ["a:1"], "workerpool4": ["b:1"]}, "workerpool0", "role 'workerpool4'"),
        ({"workerpool2": ["a:1"]}, "workerpool2", "has ps but nobody who trains"),
    ],
)
def test_worker_pools_that_cannot_be_are_refused(
    cluster: Any, task: str, problem: str, tmp_path: Path
) -> None:
    text = json.dumps({"cluster": cluster, "task": {"type": task, "index": 0}})
    message = refused({"CLUSTER_SPEC": text}, tmp_path).message
    assert message.startswith("CLUSTER_SPEC ")
    assert problem in message


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "holds a JSON array"),
        ({}, 'has no "hosts" list'),
        ({"hosts": []}, 'has no "hosts" list'),
        ({"hosts": "algo-1"}, 'has no "hosts" list'),
        ({"hosts": ["algo-1", 2]}, 'has "hosts" that are not names'),
        ({"hosts": ["algo-1", "algo-2"]}, "has the current_host None, which is not in hosts"),
        ({"hosts": ["algo-1"], "current_host": "algo-2"}, "has the current_host 'algo-2', which"),
        ({"hosts": ["a", "b"], "current_host": ["a"]}, "has the current_host ['a'], which"),
        ({"hosts": ["a", "a"], "current_host": "a"}, "gives one address, a:2222, to chief and"),
        ({"hosts": ["a", "b c"], "current_host": "a"}, "has 'b c', which is not a host"),
    ],
)
def test_a_broken_resourceconfig_is_refused_by_its_name(
    content: Any, problem: str, root: JobRoot, settings: Settings
) -> None:
    root.write_config("resourceconfig", content)
    message = refused({}, root.path).message
    assert message.startswith(f"{settings.config_dir}/resourceconfig.json {problem}")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"AWS_BATCH_JOB_NUM_NODES": "0"}, "AWS_BATCH_JOB_NUM_NODES is 0, not 1 to 100000 tasks"),
        ({"AWS_BATCH_JOB_NUM_NODES": "100001"}, "AWS_BATCH_JOB_NUM_NODES is 100001, not 1 to"),
        ({"AWS_BATCH_JOB_NODE_INDEX": "3"}, "AWS_BATCH_JOB_NODE_INDEX is 3, but there are 3 tasks"),
        ({"AWS_BATCH_JOB_MAIN_NODE_INDEX": "3"}, "AWS_BATCH_JOB_MAIN_NODE_INDEX is 3, but there"),
        (
            {"AWS_BATCH_JOB_NODE_INDEX": "", "AWS_BATCH_JOB_ID": ""},
            "AWS_BATCH_JOB_NUM_NODES is 3, but there is no AWS_BATCH_JOB_NODE_INDEX, "
            "no AWS_BATCH_JOB_ID",
        ),
        (
            {"AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS": ""},
            "this is node 1, not the main node, but there is no AWS_BATCH_JOB_MAIN_NODE_PRIVATE",
        ),
        (
            {"AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS": "10.0.0.3 "},
            "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS has '10.0.0.3 ', which is not a host",
        ),
        ({"AWS_BATCH_JOB_NODE_INDEX": "0"}, "IPV4_ADDRESS is set, but this is the main node, 0"),
    ],
)
def test_nodes_of_aws_batch_that_cannot_be_are_refused(
    changes: dict[str, str], problem: str, tmp_path: Path
) -> None:
    assert problem in refused({**AWS_BATCH, **changes}, tmp_path).message


@pytest.mark.parametrize(
    ("changes", "problem", "hint"),
    [
        ({"PET_NNODES": "1:2"}, "PET_NNODES is '1:2', not a number", "numNodes as one number"),
        ({"PET_NNODES": "0"}, "PET_NNODES is 0, not 1 to", "numNodes as one number"),
        ({"PET_NODE_RANK": ""}, "PET_NNODES is 2, but there is no PET_NODE_RANK", "scheduler"),
        ({"PET_NODE_RANK": "2"}, "PET_NODE_RANK is 2, but there are 2 tasks", "scheduler"),
        ({"PET_MASTER_ADDR": ""}, "PET_NNODES is 2, but there is no PET_MASTER_ADDR", "scheduler"),
        ({"PET_MASTER_ADDR": "a b"}, "PET_MASTER_ADDR has 'a b', which is not a host", "scheduler"),
        ({"PET_MASTER_ADDR": "10.0.0.1"}, "PET_MASTER_ADDR is '10.0.0.1', not", "MODELMAKER_HOSTS"),
        ({"PET_MASTER_ADDR": "j-master-0"}, "is 'j-master-0', not", "MODELMAKER_HOSTS"),
    ],
)
def test_a_trainjob_that_cannot_be_is_refused(
    changes: dict[str, str], problem: str, hint: str, tmp_path: Path
) -> None:
    error = refused({**TRAINER, **changes}, tmp_path)
    assert problem in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("changes", "host_name", "problem"),
    [
        ({}, "train-0.train", "JOB_COMPLETION_INDEX is '1', but the host name 'train-0.train' has"),
        ({"MODELMAKER_HOST_INDEX": "0"}, "train-1", "MODELMAKER_HOST_INDEX is '0', but the host"),
        ({"JOB_COMPLETION_INDEX": "x"}, "train-1", "JOB_COMPLETION_INDEX is 'x', not a number"),
        ({"JOB_COMPLETION_INDEX": "2"}, "train-2", "MODELMAKER_HOST_COUNT is 2, but this is mach"),
        ({}, "localhost", "the host name 'localhost' does not begin with a name that ends in"),
        ({}, "train-01", "the host name 'train-01' does not begin with a name that ends in"),
        ({}, "1.train", "the host name '1.train' does not begin with a name that ends in"),
        ({}, "tr ain-1", "the host name has 'tr ain-1', which is not a host"),
        ({"MODELMAKER_HOST_COUNT": "0"}, "train-1", "MODELMAKER_HOST_COUNT is 0, not 1 to"),
        ({"MODELMAKER_HOST_COUNT": "two"}, "train-1", "MODELMAKER_HOST_COUNT is 'two', not a numb"),
    ],
)
def test_a_pod_that_cannot_be_is_refused(
    changes: dict[str, str], host_name: str, problem: str, tmp_path: Path
) -> None:
    assert problem in refused({**POD, **changes}, tmp_path, host_name=host_name).message


@pytest.mark.parametrize("name", [n for n in SLURM if n != "SLURM_STEP_NUM_TASKS"])
def test_a_step_of_slurm_says_everything(name: str, tmp_path: Path) -> None:
    message = refused({**SLURM, name: ""}, tmp_path).message
    assert message == f"SLURM_STEP_NUM_TASKS is 4, but there is no {name}"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"SLURM_STEP_NUM_TASKS": "x"}, "SLURM_STEP_NUM_TASKS is 'x', not a number"),
        ({"SLURM_STEP_NUM_TASKS": "5"}, "SLURM_STEP_NUM_TASKS is 5, but SLURM_STEP_TASKS_PER_NODE"),
        ({"SLURM_STEP_NODELIST": "n[1-3]"}, "has 3 nodes and SLURM_STEP_NUM_TASKS is 4, but"),
        ({"SLURM_STEP_NODELIST": "n[1"}, "SLURM_STEP_NODELIST has 'n[1', which is not a host"),
        ({"SLURM_STEP_NODELIST": "n1,-"}, "SLURM_STEP_NODELIST has '-', which is not a host"),
        ({"SLURM_STEP_NODELIST": "n1,n1"}, "gives one address, n1:2222, to chief and worker-2"),
        ({"SLURM_STEP_TASKS_PER_NODE": "2(2)"}, "SLURM_STEP_TASKS_PER_NODE has '2(2)', not tasks"),
        ({"SLURM_STEP_TASKS_PER_NODE": "4,0"}, "SLURM_STEP_TASKS_PER_NODE has '0', not tasks as"),
        ({"SLURM_STEP_TASKS_PER_NODE": "2,"}, "SLURM_STEP_TASKS_PER_NODE has '', not tasks as"),
        ({"SLURM_STEP_TASKS_PER_NODE": "2(x999999999)"}, "has more than 100000 tasks"),
        ({"SLURM_PROCID": "4"}, "SLURM_PROCID is 4, but there are 4 tasks"),
        ({"SLURM_NODEID": "x"}, "SLURM_NODEID is 'x', not a number"),
    ],
)
def test_a_step_of_slurm_that_cannot_be_is_refused(
    changes: dict[str, str], problem: str, tmp_path: Path
) -> None:
    assert problem in refused({**SLURM, **changes}, tmp_path).message


@pytest.mark.parametrize("changes", [{"SLURM_NODEID": "1"}, {"SLURM_LOCALID": "0"}])
def test_tasks_that_slurm_deals_out_cyclically_are_refused(
    changes: dict[str, str], tmp_path: Path
) -> None:
    assert "--distribution=block" in refused({**SLURM, **changes}, tmp_path).hint


def test_more_tasks_on_a_machine_than_ports_are_refused(tmp_path: Path) -> None:
    changes = {"SLURM_STEP_NODELIST": "n1", "SLURM_STEP_TASKS_PER_NODE": "4"}
    error = refused({**SLURM, **changes}, tmp_path, port=65_533)
    assert "leaves no port for worker-1: 65536 is above 65535" in error.message


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"MODELMAKER_HOST_INDEX": "2"}, "MODELMAKER_HOST_INDEX is 2, but there are 2 tasks"),
        ({"MODELMAKER_HOST_INDEX": "b"}, "MODELMAKER_HOST_INDEX is 'b', not a number"),
        ({"MODELMAKER_HOST_COUNT": "3"}, "MODELMAKER_HOST_COUNT is 3, but MODELMAKER_HOSTS has 2"),
        ({"MODELMAKER_HOSTS": "a,A"}, "gives one address, a:2222, to chief and worker-1"),
        ({"MODELMAKER_HOSTS": "a:1,a:1"}, "gives one address, a:1, to chief and worker-1"),
        ({"MODELMAKER_HOSTS": "[::1] [0::1]"}, "gives one address, ::1:2222, to chief and"),
        ({"MODELMAKER_HOSTS": "a:1,b"}, "MODELMAKER_HOSTS has ports for 1 of 2 hosts"),
        ({"MODELMAKER_HOSTS": "a:2221,b:1"}, "chief on port 2221, where the chief listens"),
        ({"MODELMAKER_HOSTS": "a,,b"}, "MODELMAKER_HOSTS has '', which is not a host"),
        ({"MODELMAKER_HOSTS": "a, ,b"}, "MODELMAKER_HOSTS has '', which is not a host"),
        ({"MODELMAKER_HOSTS": "a,b,"}, "MODELMAKER_HOSTS has '', which is not a host"),
        ({"MODELMAKER_HOSTS": "  "}, "MODELMAKER_HOSTS has '', which is not a host"),
        ({"MODELMAKER_HOSTS": "::1,::2"}, "MODELMAKER_HOSTS has '::1', which is not an address"),
        ({"MODELMAKER_HOSTS": "n[1-2"}, "MODELMAKER_HOSTS has 'n[1-2', which is not a host"),
        ({"MODELMAKER_HOSTS": "n[1-999999999]"}, "MODELMAKER_HOSTS names more than 100000 hosts"),
    ],
)
def test_hosts_that_cannot_be_are_refused(
    changes: dict[str, str], problem: str, tmp_path: Path
) -> None:
    assert problem in refused({**HOSTS, **changes}, tmp_path).message


@pytest.mark.parametrize(
    ("hosts", "matching"), [("a,b", 0), ("me,me.lab", 2), ("127.0.0.1:1,127.0.0.1:2", 0)]
)
def test_a_list_of_hosts_must_say_which_one_this_is(
    hosts: str, matching: int, tmp_path: Path
) -> None:
    error = refused({"MODELMAKER_HOSTS": hosts}, tmp_path, host_name="me.lab")
    assert f"has {matching} entries that are this machine, 'me.lab'" in error.message
    assert "MODELMAKER_HOST_INDEX" in error.hint
