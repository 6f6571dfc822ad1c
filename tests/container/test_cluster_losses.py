"""A machine is lost: all others end soon, say which it was, and the same job starts again.

Every role is lost in every way in the tests marked "campaign"; a few of each are in any run.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.container.clusters import (
    CHIEF,
    Cluster,
    Node,
    assert_all_trained,
    assert_survivors_end,
    cluster_of,
    parameter_server_nodes,
    plain_nodes,
)
from tests.container.containers import assert_ended, assert_last_record

# Steps over all cards; slow enough that no training ends before the loss is noticed.
TOTAL = 1200
SLOW = {
    "train_max_steps": TOTAL,
    "step_seconds": 0.3,
    "log_step_count_steps": 5,
    "save_checkpoints_steps": 5,
    "eval_start_delay_secs": 0,
    "eval_throttle_secs": 0,
}
QUICK = SLOW | {"step_seconds": 0, "save_checkpoints_steps": 100}

# How long others may take to notice. A killed container's connections close; a silence of
# MODELMAKER_PEER_TIMEOUT_SECONDS has to pass where nothing arrives any more.
KILL_SECONDS = 30
SILENCE_SECONDS = 60
PEER_TIMEOUT_SECONDS = 5
START_SECONDS = 10

SEED = 20261123

Layout = Callable[[], list[Node]]


def in_step() -> list[Node]:
    return plain_nodes(3)


def parameter_servers() -> list[Node]:
    return parameter_server_nodes(evaluator=True)


def each_role(*short: tuple[Layout, str]) -> pytest.MarkDecorator:
    """Parametrize a test with every role; all but the short form is the campaign's."""
    roles = [
        (in_step, CHIEF),
        (in_step, "worker-1"),
        (parameter_servers, CHIEF),
        (parameter_servers, "worker-1"),
        (parameter_servers, "ps-1"),
        (parameter_servers, "evaluator"),
    ]
    return pytest.mark.parametrize(
        ("layout", "lost"),
        [
            pytest.param(
                *role,
                id=f"{role[0].__name__}-{role[1]}",
                marks=() if role in short else pytest.mark.campaign,
            )
            for role in roles
        ],
    )


@each_role((in_step, "worker-1"), (parameter_servers, "ps-1"))
def test_138_a_machine_is_killed(
    image_name: str, tmp_path: Path, layout: Layout, lost: str
) -> None:
    with cluster_of(image_name, tmp_path, layout()) as cluster:
        start_slowly(cluster)
        moment = time.monotonic()
        cluster.kill(lost)
        ended = cluster.finish(KILL_SECONDS)
        assert ended[lost].code == 137
        saying = f"lost {lost} ("
        assert_survivors_end(
            cluster, ended, lost, saying=saying, moment=moment, seconds=KILL_SECONDS
        )
        assert cluster.roots[CHIEF].checkpoint_steps[-1] > 0
        assert_next_start_finishes(cluster)


@each_role((in_step, CHIEF), (parameter_servers, "worker-1"))
def test_138_a_machine_is_cut_off(
    image_name: str, tmp_path: Path, layout: Layout, lost: str
) -> None:
    """Nothing arrives from it, not even that it is gone; it ends itself as well."""
    lose_connection(image_name, tmp_path, layout(), lost, PEER_TIMEOUT_SECONDS)


@pytest.mark.campaign
def test_138_a_machine_is_cut_off_by_default_timeout(image_name: str, tmp_path: Path) -> None:
    lose_connection(image_name, tmp_path, in_step(), "worker-2", None)


def lose_connection(
    image_name: str, directory: Path, nodes: list[Node], lost: str, timeout_seconds: int | None
) -> None:
    with cluster_of(image_name, directory, nodes) as cluster:
        start_slowly(cluster, timeout_seconds)
        moment = time.monotonic()
        cluster.disconnect(lost)
        ended = cluster.finish(SILENCE_SECONDS)
        saying = f"lost {lost} ("
        assert_survivors_end(
            cluster, ended, lost, saying=saying, moment=moment, seconds=SILENCE_SECONDS
        )
        assert_ended(ended[lost], cluster.roots[lost], 138, "lost ", "nothing heard")
        assert cluster.roots[CHIEF].checkpoint_steps[-1] > 0
        assert_next_start_finishes(cluster)


@each_role((in_step, "worker-1"), (parameter_servers, CHIEF))
def test_138_a_machine_never_starts(
    image_name: str, tmp_path: Path, layout: Layout, lost: str
) -> None:
    with cluster_of(image_name, tmp_path, layout()) as cluster:
        cluster.write_parameters(**QUICK)
        seconds = START_SECONDS + KILL_SECONDS
        saying = "cannot join the chief" if lost == CHIEF else f"{lost} did not join"
        moment = time.monotonic()
        there = cluster.nodes.keys() - {lost}
        cluster.start(there, MODELMAKER_START_SECONDS=str(START_SECONDS))
        ended = cluster.finish(seconds)
        assert ended.keys() == there
        assert_survivors_end(cluster, ended, lost, saying=saying, moment=moment, seconds=seconds)
        assert_all_trained(cluster, cluster.run(), TOTAL)


@pytest.mark.parametrize("layout", [in_step, parameter_servers])
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.campaign)])
def test_138_machines_are_killed_at_random_in_a_row(
    image_name: str, tmp_path: Path, layout: Layout, kills: int
) -> None:
    """Also before they have joined; every time all end, and in the end the job is whole."""
    chance = random.Random(f"{SEED} {layout.__name__}")
    print(f"seed {SEED}")
    seconds = START_SECONDS + KILL_SECONDS
    with cluster_of(image_name, tmp_path, layout()) as cluster:
        cluster.write_parameters(**SLOW)
        for number in range(kills):
            lost, delay = chance.choice(list(cluster.nodes)), chance.uniform(0, 10)
            print(f"kill {number}: {lost} after {delay:.3f} s")
            cluster.start(MODELMAKER_START_SECONDS=str(START_SECONDS))
            time.sleep(delay)  # at no event, but anywhere between
            moment = time.monotonic()
            cluster.kill(lost)
            ended = cluster.finish(seconds)
            assert ended[lost].code == 137
            # Who had not yet joined may find nobody left to ask.
            early = {task for task in ended if task != CHIEF and not ended[task].events("join")}
            together = {task: ended[task] for task in ended.keys() - early}
            assert_survivors_end(
                cluster, together, lost, saying=lost, moment=moment, seconds=seconds
            )
            for task in early - {lost}:
                said = assert_last_record(ended[task], 138)[0]
                assert lost in said or "cannot join the chief" in said
                assert cluster.ended_after(task, moment) < seconds, task
        assert_next_start_finishes(cluster)


def start_slowly(cluster: Cluster, timeout_seconds: int | None = None) -> None:
    """Start a training of minutes and wait until it is under way."""
    cluster.write_parameters(**SLOW)
    timeout = {"MODELMAKER_PEER_TIMEOUT_SECONDS": str(timeout_seconds)} if timeout_seconds else {}
    cluster.start(**timeout)
    # By the second time, the checkpoint of about the first is written.
    cluster.wait_for(CHIEF, "progress", times=2)


def assert_next_start_finishes(cluster: Cluster) -> None:
    """Require that the same job goes on from its newest checkpoint to the exact total."""
    newest = cluster.roots[CHIEF].checkpoint_steps[-1:]
    cluster.write_parameters(**QUICK)
    ended = cluster.run()
    assert_all_trained(cluster, ended, TOTAL)
    resumed = [record["global_step"] for record in ended[CHIEF].events("resume")]
    assert resumed == newest
