from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entrypoint.cluster import resolve_cluster
from entrypoint.errors import ContradictionError
from entrypoint.settings import Settings
from tests.jobs import JobRoot

ALONE: dict[str, str] = {
    "TF_CONFIG": json.dumps({"cluster": {"chief": ["a:2222"]}}),
    "CLUSTER_SPEC": json.dumps({"cluster": {"workerpool0": ["a:2222"]}}),
    "AWS_BATCH_JOB_NUM_NODES": "1",
    "SLURM_STEP_NUM_TASKS": "1",
}
SEVERAL: dict[str, tuple[str, int]] = {
    "TF_CONFIG": (json.dumps({"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}}), 3),
    "CLUSTER_SPEC": (json.dumps({"cluster": {"workerpool0": ["a:1"], "workerpool1": ["b:1"]}}), 2),
    "AWS_BATCH_JOB_NUM_NODES": ("4", 4),
    "SLURM_STEP_NUM_TASKS": ("2", 2),
}
SCHEDULERS = {
    "TF_CONFIG": "TF_CONFIG",
    "CLUSTER_SPEC": "Vertex AI",
    "AWS_BATCH_JOB_NUM_NODES": "AWS Batch",
    "SLURM_STEP_NUM_TASKS": "Slurm",
}


def with_environment(root: Path, **environment: str) -> Settings:
    return Settings(root_dir=root, cluster_environment=environment)


def contradiction(settings: Settings) -> str:
    with pytest.raises(ContradictionError) as caught:
        resolve_cluster(settings)
    assert caught.value.code == 30
    assert caught.value.hint
    return caught.value.message


def test_without_a_scheduler_this_is_the_only_task(settings: Settings) -> None:
    assert resolve_cluster(settings).scheduler == "none"


@pytest.mark.parametrize("variable", ALONE)
def test_one_task_is_named_after_its_scheduler(variable: str, tmp_path: Path) -> None:
    settings = with_environment(tmp_path, **{variable: ALONE[variable]})
    assert resolve_cluster(settings).scheduler == SCHEDULERS[variable]


@pytest.mark.parametrize("variable", SEVERAL)
def test_several_tasks_are_refused(variable: str, tmp_path: Path) -> None:
    value, count = SEVERAL[variable]
    message = contradiction(with_environment(tmp_path, **{variable: value}))
    assert message.startswith(f"{SCHEDULERS[variable]} describes {count} tasks; ")


@pytest.mark.parametrize("variable", SEVERAL)
def test_several_tasks_are_refused_whatever_the_others_say(variable: str, root: JobRoot) -> None:
    root.write_config("resourceconfig", {"hosts": ["algo-1"]})
    environment = {**ALONE, variable: SEVERAL[variable][0]}
    message = contradiction(with_environment(root.path, **environment))
    assert message.startswith(SCHEDULERS[variable])


@pytest.mark.parametrize("variable", ALONE)
def test_an_empty_variable_is_like_none(variable: str, tmp_path: Path) -> None:
    assert resolve_cluster(with_environment(tmp_path, **{variable: ""})).scheduler == "none"


@pytest.mark.parametrize("cluster", [{}, {"cluster": None}, {"cluster": {}}, {"task": {}}])
def test_a_tf_config_without_a_cluster_is_one_task(cluster: dict[str, Any], tmp_path: Path) -> None:
    settings = with_environment(tmp_path, TF_CONFIG=json.dumps(cluster))
    assert resolve_cluster(settings).scheduler == "TF_CONFIG"


def test_dynamic_workers_given_as_a_map_are_counted(tmp_path: Path) -> None:
    text = json.dumps({"cluster": {"worker": {"1": "a:1", "2": "b:1"}}})
    assert "describes 2 tasks" in contradiction(with_environment(tmp_path, TF_CONFIG=text))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "TF_CONFIG is not JSON"),
        ("[]", "TF_CONFIG holds a JSON array"),
        ("\udcff", "TF_CONFIG is not UTF-8"),
        ('{"cluster": 5}', 'TF_CONFIG has a "cluster" that does not map roles'),
        ('{"cluster": {"chief": "a:1"}}', 'TF_CONFIG has a "cluster" that does not map roles'),
    ],
)
def test_a_broken_tf_config_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    assert contradiction(with_environment(tmp_path, TF_CONFIG=text)).startswith(problem)


@pytest.mark.parametrize("variable", ["AWS_BATCH_JOB_NUM_NODES", "SLURM_STEP_NUM_TASKS"])
@pytest.mark.parametrize("text", ["two", "-1", "1.0", " 1", "²", "9" * 5000])
def test_a_number_that_is_none_is_refused(variable: str, text: str, tmp_path: Path) -> None:
    message = contradiction(with_environment(tmp_path, **{variable: text}))
    assert message.startswith(f"{variable} is ")


def test_one_sagemaker_host_is_this_one(root: JobRoot, settings: Settings) -> None:
    root.write_config("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    assert resolve_cluster(settings).scheduler == "SageMaker"


def test_several_sagemaker_hosts_are_refused(root: JobRoot, settings: Settings) -> None:
    root.write_config("resourceconfig", {"hosts": ["algo-1", "algo-2"]})
    assert contradiction(settings).startswith("SageMaker describes 2 tasks; ")


@pytest.mark.parametrize("content", [[], {}, {"hosts": []}, {"hosts": "algo-1"}])
def test_a_broken_resourceconfig_is_refused_by_its_name(
    content: Any, root: JobRoot, settings: Settings
) -> None:
    root.write_config("resourceconfig", content)
    assert contradiction(settings).startswith(f"{settings.config_dir}/resourceconfig.json ")
