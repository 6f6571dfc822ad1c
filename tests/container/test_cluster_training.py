"""Several machines train one model: in step, with parameter servers, and across a stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.container.clusters import (
    CHIEF,
    Cluster,
    assert_all_trained,
    cluster_of,
    parameter_server_nodes,
    plain_nodes,
    seconds_between,
)
from tests.container.containers import assert_ended
from tests.jobs import Finished

# Steps over all cards, a multiple of 2 and 3 machines.
TOTAL = 60
PARAMETERS = {
    "train_max_steps": TOTAL,
    "log_step_count_steps": 5,
    "save_checkpoints_steps": 10,
    "eval_start_delay_secs": 0,
    "eval_throttle_secs": 0,
    "learning_rate": 0.1,
}
# How long after the chief's last step everybody may still be there.
END_SECONDS = 15


@pytest.mark.parametrize("machines", [2, 3])
def test_machines_train_one_model_in_step(image_name: str, tmp_path: Path, machines: int) -> None:
    with cluster_of(image_name, tmp_path, plain_nodes(machines)) as cluster:
        cluster.write_parameters(**PARAMETERS)
        ended = cluster.run()
        assert_all_trained(cluster, ended, TOTAL)
        report = cluster.roots[CHIEF].report
        assert report["strategy"] == "multi_worker_mirrored"
        assert report["global_step"] * machines == TOTAL
        assert_loss_falls(cluster)
        assert_evaluated(cluster, by=CHIEF)
        # Each task says what its variables are at the end; the chief's are the others'.
        digests = {finished.event("trained")["variables"] for finished in ended.values()}
        assert len(digests) == 1
        assert None not in digests
        assert_ended_together(ended)


@pytest.mark.parametrize("evaluator", [False, True], ids=["evaluator beside", "evaluator"])
def test_machines_train_one_model_on_parameter_servers(
    image_name: str, tmp_path: Path, evaluator: bool
) -> None:
    """Servers and evaluator end as well; all steps together are as many as asked for."""
    with cluster_of(image_name, tmp_path, parameter_server_nodes(evaluator=evaluator)) as cluster:
        cluster.write_parameters(**PARAMETERS, step_seconds=0.05)
        ended = cluster.run()
        assert_all_trained(cluster, ended, TOTAL)
        report = cluster.roots[CHIEF].report
        assert report["strategy"] == "parameter_server"
        assert report["global_step"] == TOTAL
        assert_loss_falls(cluster)
        assert_evaluated(cluster, by="evaluator" if evaluator else CHIEF)
        for worker in ("worker-0", "worker-1"):
            assert 0 < ended[worker].event("trained")["global_step"] <= TOTAL
        for server in ("ps-0", "ps-1"):
            assert ended[server].events("serving") != []
        assert_ended_together(ended)


@pytest.mark.parametrize("is_synchronous", [True, False], ids=["in step", "parameter servers"])
def test_docker_stop_of_all_machines_saves_and_the_next_start_finishes(
    image_name: str, tmp_path: Path, is_synchronous: bool
) -> None:
    """No container is killed after Docker's 10 s; the chief's checkpoint is the last step."""
    nodes = plain_nodes(2) if is_synchronous else parameter_server_nodes(evaluator=True)
    slow = {"train_max_steps": 400, "step_seconds": 0.2}
    with cluster_of(image_name, tmp_path, nodes) as cluster:
        cluster.write_parameters(**PARAMETERS | slow)
        cluster.start()
        cluster.wait_for(CHIEF, "progress")
        cluster.stop()
        for task, finished in cluster.finish().items():
            assert_ended(finished, cluster.roots[task], 143, "stopped by SIGTERM")
            assert cluster.roots[task].versions == [], task
        chief = cluster.roots[CHIEF]
        stopped_at = chief.checkpoint_steps[-1]
        assert stopped_at > 0
        assert f"at step {stopped_at};" in chief.failure

        cluster.write_parameters(**PARAMETERS | slow | {"step_seconds": 0})
        ended = cluster.run()
        assert_all_trained(cluster, ended, 400)
        assert ended[CHIEF].event("resume")["global_step"] == stopped_at
        assert chief.report["start_step"] == stopped_at


def assert_loss_falls(cluster: Cluster) -> None:
    """Require that the last loss is less than a tenth of the first that was logged."""
    records = cluster.roots[CHIEF].metrics
    losses = [record["loss"] for record in records if record["event"] == "progress"]
    assert losses[-1] < losses[0] / 10, losses


def assert_evaluated(cluster: Cluster, *, by: str) -> None:
    """Require evaluations on one machine alone, the last of them of the model."""
    for task, root in cluster.roots.items():
        has_metrics = (root.path / "output" / "data" / "metrics.jsonl").exists()
        records = root.metrics if has_metrics else []
        evaluations = [record for record in records if record["event"] == "evaluation"]
        assert bool(evaluations) == (task == by), (task, evaluations)
        if task == by:
            report = cluster.roots[CHIEF].report
            assert evaluations[-1]["global_step"] == report["global_step"]
            assert evaluations[-1]["metrics"] == report["evaluation"]


def assert_ended_together(ended: dict[str, Finished]) -> None:
    """Require that all tasks end soon after the chief's last step."""
    last_step = ended[CHIEF].events("progress")[-1]
    for task, finished in ended.items():
        seconds = seconds_between(last_step, finished.last)
        assert 0 < seconds < END_SECONDS, (task, seconds)
