"""Whatever bytes are in the variables: a cluster or a contradiction, and at once."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrypoint.cluster import Cluster, resolve_cluster
from entrypoint.errors import ContradictionError
from entrypoint.settings import CLUSTER_VARIABLES, SCHEDULERS, Settings
from tests.jobs import JobRoot
from tests.unit.cluster.recorded import FILES

ROUNDS = 400
# What the variables are written with, and a few that no parser expects.
ALPHABET = '0123456789-[](),:.x# \t\n"{}nN_%²٣ä\x00\udcff\ud800'
SCRAPS = ["", "0", "1", "-1", "999999999", "[1-999999999]", "[::1]:1", "a:1", "null", "[]", "(x9)"]
VALUES: list[Any] = [None, True, -1, 10**30, 1.5, "", "0", "a:1", [], {}, [None], {"0": "a:1"}]


def resolved(settings: Settings) -> Cluster | ContradictionError:
    """Return what comes of it; any other exception fails the test."""
    try:
        cluster = resolve_cluster(settings)
    except ContradictionError as error:
        error.message.encode()
        return error
    assert cluster.me in cluster.tasks
    assert cluster.chief.role == "chief"
    return cluster


def with_random_characters(text: str, chance: random.Random) -> str:
    characters = list(text)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(characters) + 1)
        end = place + chance.randrange(3)
        characters[place:end] = chance.choice([chance.choice(ALPHABET), chance.choice(SCRAPS)])
    return "".join(characters)


def with_a_random_value(value: Any, chance: random.Random) -> Any:
    """Return JSON in which something, somewhere, is something else."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(list(value))
        changed = {**value, name: with_a_random_value(value[name], chance)}
        return {(k if chance.random() < 0.95 else "x"): v for k, v in changed.items()}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        return [*value[:place], with_a_random_value(value[place], chance), *value[place + 1 :]]
    return chance.choice(VALUES)


def changed(text: str, chance: random.Random) -> str:
    change: Callable[[], str] = chance.choice(
        [
            lambda: with_random_characters(text, chance),
            lambda: "".join(chance.choices(ALPHABET, k=chance.randrange(30))),
            lambda: chance.choice(SCRAPS),
        ]
    )
    if text.startswith("{") and chance.random() < 0.7:
        return json.dumps(with_a_random_value(json.loads(text), chance))
    return change()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_changed_environment_gives_a_cluster_or_a_contradiction(
    file: Path, root: JobRoot
) -> None:
    recorded = json.loads(file.read_text(encoding="utf-8"))
    chance = random.Random(file.stem)
    for _ in range(ROUNDS // 10):
        environment = dict(recorded["environment"])
        for name in chance.sample(sorted(environment), k=min(2, len(environment))):
            environment[name] = changed(environment[name], chance)
        for content in recorded.get("files", {}).values():
            root.write_config("resourceconfig", with_a_random_value(content, chance))
        settings = Settings(
            root_dir=root.path,
            cluster_environment=environment,
            host_name=chance.choice([recorded.get("host_name", "localhost"), "", "a-0", "\udcff"]),
        )
        resolved(settings)


def test_changes_leave_some_clusters_and_break_others(tmp_path: Path) -> None:
    """Or the tests around this one would walk along one path only."""
    chance = random.Random(7)
    text = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}'
    environments = [{"TF_CONFIG": changed(text, chance)} for _ in range(ROUNDS)]
    outcomes = [
        type(resolved(Settings(root_dir=tmp_path, cluster_environment=environment)))
        for environment in environments
    ]
    assert outcomes.count(Cluster) >= ROUNDS // 40
    assert outcomes.count(ContradictionError) >= ROUNDS // 40


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_random_variables_give_a_cluster_or_a_contradiction(scheduler: str, tmp_path: Path) -> None:
    chance = random.Random(scheduler)
    for _ in range(ROUNDS):
        environment = {name: changed("1", chance) for name in CLUSTER_VARIABLES}
        settings = Settings(
            root_dir=tmp_path,
            cluster_environment=environment,
            scheduler=scheduler,
            host_name=chance.choice(["a-0", "a-1.b", "localhost", changed("a-1.b", chance)]),
        )
        resolved(settings)


# The longest value that Linux passes on to a process (execve(2), MAX_ARG_STRLEN).
LONGEST = 128 * 1024 - 32
PIECES = (
    "9",
    "[",
    "]",
    "a",
    "a,",
    "a:1 ",
    "[1-9]",
    "[1-9],",
    "1(x9),",
    "n[1-9999],",
    "{}",
    '{"a":',
)


@pytest.mark.parametrize("variable", CLUSTER_VARIABLES)
@pytest.mark.parametrize("piece", PIECES)
def test_the_longest_value_takes_less_than_a_second(
    variable: str, piece: str, tmp_path: Path
) -> None:
    environment = {
        "MODELMAKER_HOST_INDEX": "0",
        "SLURM_STEP_NUM_TASKS": "100000",
        **dict.fromkeys(["SLURM_PROCID", "SLURM_NODEID", "SLURM_LOCALID"], "0"),
        **dict.fromkeys(["SLURM_JOB_ID", "SLURM_STEP_ID"], "1"),
        **dict.fromkeys(["SLURM_STEP_NODELIST", "SLURM_STEP_TASKS_PER_NODE"], "1"),
        variable: (piece * LONGEST)[:LONGEST],
    }
    begin = time.process_time()
    resolved(Settings(root_dir=tmp_path, cluster_environment=environment))
    assert time.process_time() - begin < 1


def test_as_many_tasks_as_can_be_take_less_than_two_seconds(tmp_path: Path) -> None:
    environment = {"MODELMAKER_HOSTS": "n[00001-100000]", "MODELMAKER_HOST_INDEX": "99999"}
    begin = time.process_time()
    cluster = resolved(Settings(root_dir=tmp_path, cluster_environment=environment))
    assert time.process_time() - begin < 2
    assert isinstance(cluster, Cluster)
    assert len(cluster.tasks) == 100_000
