"""Machines that train each at its own pace, with parameter servers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.clusters import (
    Ended,
    described_in_tf_config,
    finish_together,
    listed_hosts,
    with_rows,
)


@pytest.fixture(scope="module")
def ended(directory: Callable[[str], Path]) -> dict[str, Ended]:
    asked = {"distribution_strategy": "parameter_server"}
    first = {
        "1 of 2": with_rows(listed_hosts(directory("a"), 2), train_max_steps=1, **asked),
        "7 of 3": with_rows(listed_hosts(directory("b"), 3), train_max_steps=7, **asked),
        "3 of 1": with_rows(described_in_tf_config(directory("c"), servers=1), train_max_steps=3),
    }
    second = {
        "60 of 2": with_rows(
            described_in_tf_config(directory("d"), workers=1, servers=2), train_max_steps=60
        ),
        "data": with_rows(
            listed_hosts(directory("e"), 2),
            **{"rows": 100, "epochs": 1, "train_max_steps": None, **asked},
        ),
    }
    return finish_together(first) | finish_together(second)


@pytest.mark.parametrize("name", ["1 of 2", "7 of 3", "3 of 1", "60 of 2"])
def test_all_machines_together_make_exactly_the_steps(ended: dict[str, Ended], name: str) -> None:
    job, steps = ended[name], int(name.split(maxsplit=1)[0])
    job.assert_all_ended_with(0)
    assert sum(len(steps) for steps in job.rows.values()) == steps
    report = job.job.chief.report
    assert (report["global_step"], report["total_steps"]) == (steps, steps)
    assert report["strategy"] == "parameter_server"
    assert len(job.job.chief.versions) == 1


def test_each_machine_has_a_server_beside_it_where_the_job_has_none(
    ended: dict[str, Ended],
) -> None:
    job = ended["7 of 3"]
    for number, (name, task) in enumerate(job.finished.items()):
        serving = task.event("serving")
        assert serving["task"] == f"ps-{number}"
        assert serving["message"].endswith(f":{job.job[name].port + 1}")


def test_servers_of_the_job_leave_when_training_is_done(ended: dict[str, Ended]) -> None:
    job = ended["60 of 2"]
    for name in ("ps-0", "ps-1"):
        assert job[name].event("serving")["task"] == name
        assert job[name].last["event"] == "done"
    for name in ("chief", "worker-0"):
        assert job[name].events("serving") == []


def test_training_ends_when_the_data_of_all_has(ended: dict[str, Ended]) -> None:
    """13 batches for two, who do not wait for each other."""
    job = ended["data"]
    job.assert_all_ended_with(0)
    assert {name: len(steps) for name, steps in job.rows.items()} == {"chief": 7, "worker-1": 6}
    rows = itertools.chain.from_iterable(itertools.chain.from_iterable(job.rows.values()))
    assert sorted(rows) == list(range(100))
    assert job.job.chief.report["global_step"] == 13
