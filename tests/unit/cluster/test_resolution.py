from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entrypoint.cluster import resolve_cluster
from entrypoint.cluster.resolution import NOBODY, SOURCES
from entrypoint.errors import ContradictionError
from entrypoint.settings import CLUSTER_VARIABLES, SCHEDULERS, Settings
from tests.jobs import JobRoot

CHIEF_OF_TWO = {
    "cluster": {"chief": ["a:1"], "worker": ["b:1"]},
    "task": {"type": "chief", "index": 0},
}
POOLS = {"cluster": {"workerpool0": ["a:1"]}, "task": {"type": "workerpool0", "index": 0}}
# What every scheduler says of one machine, in the order in which they are asked.
ALONE = {
    "hosts": {"MODELMAKER_HOSTS": "a"},
    "tf_config": {"TF_CONFIG": "{}"},
    "vertex_ai": {"CLUSTER_SPEC": json.dumps(POOLS)},
    "sagemaker": {},
    "aws_batch": {"AWS_BATCH_JOB_NUM_NODES": "1"},
    "kubeflow_trainer": {"PET_NNODES": "1"},
    "kubernetes": {"JOB_COMPLETION_INDEX": "0"},
    "slurm": {"SLURM_STEP_NUM_TASKS": "1"},
}
NAMES = {
    "hosts": "MODELMAKER_HOSTS",
    "tf_config": "TF_CONFIG",
    "vertex_ai": "Vertex AI",
    "sagemaker": "SageMaker",
    "aws_batch": "AWS Batch",
    "kubeflow_trainer": "Kubeflow Trainer",
    "kubernetes": "Kubernetes",
    "slurm": "Slurm",
}


@pytest.fixture
def everything(root: JobRoot) -> dict[str, str]:
    """An environment in which every scheduler speaks of one machine."""
    root.write_config("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    return {name: text for variables in ALONE.values() for name, text in variables.items()}


def test_every_scheduler_that_can_be_named_is_known() -> None:
    assert {source.name for source in SOURCES} | {NOBODY} == set(SCHEDULERS)


def test_without_a_scheduler_this_is_the_only_task(settings: Settings) -> None:
    cluster = resolve_cluster(settings)
    assert cluster.scheduler == "none"
    assert cluster.me.address == "localhost:2222"
    assert cluster.is_chief
    assert not cluster.is_distributed


@pytest.mark.parametrize("name", ALONE)
def test_one_task_is_named_after_its_scheduler(
    name: str, root: JobRoot, settings: Settings
) -> None:
    if name == "sagemaker":
        root.write_config("resourceconfig", {"hosts": ["algo-1"]})
    cluster = resolve_cluster(Settings(root_dir=root.path, cluster_environment=ALONE[name]))
    assert cluster.scheduler == NAMES[name]
    assert [task.name for task in cluster.tasks] == ["chief"]
    assert len(cluster.key) == 64


def test_the_first_of_several_that_is_there_is_taken(
    everything: dict[str, str], root: JobRoot
) -> None:
    found = []
    for variables in ALONE.values():
        settings = Settings(root_dir=root.path, cluster_environment=everything)
        found.append(resolve_cluster(settings).scheduler)
        everything = {name: everything[name] for name in everything if name not in variables}
        if found[-1] == "SageMaker":
            (settings.config_dir / "resourceconfig.json").unlink()
    assert found == list(NAMES.values())


@pytest.mark.parametrize("name", ALONE)
def test_a_scheduler_that_is_named_is_the_only_one_asked(
    name: str, everything: dict[str, str], root: JobRoot
) -> None:
    if name != "hosts":
        del everything["MODELMAKER_HOSTS"]
    settings = Settings(root_dir=root.path, cluster_environment=everything, scheduler=name)
    assert resolve_cluster(settings).scheduler == NAMES[name]


@pytest.mark.parametrize("name", ALONE)
def test_a_scheduler_that_is_named_and_says_nothing_is_a_contradiction(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(ContradictionError) as caught:
        resolve_cluster(Settings(root_dir=tmp_path, scheduler=name))
    missing = next(iter(ALONE[name]), "input/config/resourceconfig.json")
    assert caught.value.message.startswith(f"MODELMAKER_SCHEDULER is {name}, but {missing} ")
    assert caught.value.message.endswith(" is not there")


def test_nobody_is_asked_where_nobody_is_named(everything: dict[str, str], root: JobRoot) -> None:
    everything["TF_CONFIG"] = "{"
    settings = Settings(root_dir=root.path, cluster_environment=everything, scheduler="none")
    assert resolve_cluster(settings).scheduler == "none"


def test_kubernetes_takes_the_hosts_that_are_listed(tmp_path: Path) -> None:
    environment = {"JOB_COMPLETION_INDEX": "1", "MODELMAKER_HOSTS": "a,b"}
    settings = Settings(root_dir=tmp_path, cluster_environment=environment, scheduler="kubernetes")
    cluster = resolve_cluster(settings)
    assert (cluster.scheduler, cluster.me.address) == ("Kubernetes", "b:2222")


def test_an_index_for_this_list_goes_before_that_of_kubernetes(tmp_path: Path) -> None:
    environment = {
        "JOB_COMPLETION_INDEX": "1",
        "MODELMAKER_HOST_INDEX": "0",
        "MODELMAKER_HOSTS": "a,b",
    }
    settings = Settings(root_dir=tmp_path, cluster_environment=environment)
    assert resolve_cluster(settings).is_chief


@pytest.mark.parametrize("variable", CLUSTER_VARIABLES)
def test_an_empty_variable_is_like_none(variable: str, tmp_path: Path) -> None:
    settings = Settings(root_dir=tmp_path, cluster_environment={variable: ""})
    assert resolve_cluster(settings).scheduler == "none"


@pytest.mark.parametrize(
    "config",
    [{}, {"cluster": None}, {"cluster": {}}, {"task": {}}, {"cluster": {"worker": [], "ps": []}},
     {"task": {"type": "worker", "index": 0}}, {"environment": "cloud", "job": 5}],
)  # fmt: skip
def test_a_tf_config_without_a_cluster_is_one_task(config: dict[str, Any], tmp_path: Path) -> None:
    environment = {"TF_CONFIG": json.dumps(config)}
    cluster = resolve_cluster(Settings(root_dir=tmp_path, cluster_environment=environment))
    assert (cluster.scheduler, cluster.is_distributed) == ("TF_CONFIG", False)


@pytest.mark.parametrize("role", ["chief", "master", "worker"])
def test_a_tf_config_of_one_trainer_is_a_chief_alone(role: str, tmp_path: Path) -> None:
    config = {"cluster": {role: ["a:1"]}, "task": {"type": role, "index": 0}}
    environment = {"TF_CONFIG": json.dumps(config)}
    cluster = resolve_cluster(Settings(root_dir=tmp_path, cluster_environment=environment))
    assert (cluster.me.name, cluster.me.address) == ("chief", "a:1")
    assert not cluster.is_distributed


def test_a_chief_alone_and_an_evaluator_it_does_not_know_have_one_key(tmp_path: Path) -> None:
    def resolved(role: str) -> Any:
        config = {"cluster": {"chief": ["a:1"]}, "task": {"type": role, "index": 0}}
        environment = {"TF_CONFIG": json.dumps(config)}
        return resolve_cluster(Settings(root_dir=tmp_path, cluster_environment=environment))

    assert resolved("chief").key == resolved("evaluator").key
    assert not resolved("evaluator").is_distributed  # the chief evaluates by itself


@pytest.mark.parametrize("port", [1, 2221, 65_000])
def test_ports_follow_the_one_that_is_set(port: int, tmp_path: Path) -> None:
    environment = {"MODELMAKER_HOSTS": "a,b", "MODELMAKER_HOST_INDEX": "0"}
    settings = Settings(root_dir=tmp_path, cluster_environment=environment, port=port)
    cluster = resolve_cluster(settings)
    assert cluster.port == port
    assert [task.port for task in cluster.tasks] == [port + 1, port + 1]


def test_ports_of_tf_config_do_not(tmp_path: Path) -> None:
    environment = {"TF_CONFIG": json.dumps(CHIEF_OF_TWO)}
    settings = Settings(root_dir=tmp_path, cluster_environment=environment, port=7)
    assert [task.port for task in resolve_cluster(settings).tasks] == [1, 1]


@pytest.mark.parametrize(
    "environment",
    [
        {"TRAINING_JOB_NAME": "a"},
        {"AWS_BATCH_JOB_ID": "a"},
        {"SLURM_JOB_ID": "5", "SLURM_STEP_NODELIST": "n[1-2]"},
        {"PET_MASTER_ADDR": "a"},
        {"MODELMAKER_HOST_INDEX": "4"},
    ],
)
def test_what_does_not_say_how_many_there_are_is_no_cluster(
    environment: dict[str, str], tmp_path: Path
) -> None:
    settings = Settings(root_dir=tmp_path, cluster_environment=environment)
    assert resolve_cluster(settings).scheduler == "none"


@pytest.mark.parametrize(
    "variable", ["AWS_BATCH_JOB_NUM_NODES", "SLURM_STEP_NUM_TASKS", "PET_NNODES"]
)
@pytest.mark.parametrize("text", ["two", "-1", "1.0", " 1", "²", "9" * 5000, "\udcff"])
def test_a_number_that_is_none_is_refused(variable: str, text: str, tmp_path: Path) -> None:
    settings = Settings(root_dir=tmp_path, cluster_environment={variable: text})
    with pytest.raises(ContradictionError, match=f"^{variable} is .*, not a number$"):
        resolve_cluster(settings)
