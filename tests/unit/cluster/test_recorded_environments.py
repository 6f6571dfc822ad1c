"""Every recorded environment gives the cluster that is recorded with it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from entrypoint.cluster import Cluster, resolve_cluster
from tests.unit.cluster.recorded import FILES, replay


def described(cluster: Cluster) -> dict[str, object]:
    """Return a cluster as the files have it."""
    return {
        "port": cluster.port,
        "tasks_on_machine": cluster.tasks_on_machine,
        "local_index": cluster.local_index,
        "scheduler": cluster.scheduler,
        "tasks": [[task.name, task.role, task.address] for task in cluster.tasks],
        "me": cluster.me.name,
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_environment_gives_its_cluster(file: Path, tmp_path: Path) -> None:
    recorded = replay(file, tmp_path)
    assert described(resolve_cluster(recorded.settings)) == recorded.expected


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_this_task_is_one_of_the_tasks(file: Path, tmp_path: Path) -> None:
    cluster = resolve_cluster(replay(file, tmp_path).settings)
    assert cluster.me in cluster.tasks
    assert cluster.is_chief == (cluster.me.name == "chief")


def test_tasks_of_one_job_have_one_key_and_jobs_have_different_ones(tmp_path: Path) -> None:
    keys = defaultdict(set)
    for file in FILES:
        recorded = replay(file, tmp_path / file.stem)
        keys[recorded.job].add(resolve_cluster(recorded.settings).key)
    assert {job: len(found) for job, found in keys.items()} == dict.fromkeys(keys, 1)
    assert len(set.union(*keys.values())) == len(keys)


def test_several_tasks_of_a_job_are_recorded() -> None:
    """Or the test above would compare nothing."""
    assert {"tfjob_chief", "tfjob_evaluator", "aws_batch_main", "aws_batch_child"} <= {
        file.stem for file in FILES
    }
