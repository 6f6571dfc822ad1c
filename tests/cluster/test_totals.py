"""Steps are counted over all machines, across restarts on others and on other disks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.clusters import Ended, finish_together, listed_hosts, share_disk, with_rows

STALE = "model.ckpt-999"


@dataclass(frozen=True)
class Runs:
    """Two runs of one job."""

    first: Ended
    second: Ended
    stale: dict[str, bytes]


@pytest.fixture(scope="module")
def runs(directory: Callable[[str], Path]) -> dict[str, Runs]:
    """One job whose machines have disks of their own, one whose machines share one."""
    own, shared = directory("own"), directory("shared")
    first = finish_together(
        {
            "own": with_rows(listed_hosts(own, 2), train_max_steps=401),
            "shared": share_disk(with_rows(listed_hosts(shared, 2), train_max_steps=21)),
        }
    )
    stale_dir = own / "worker-2" / "checkpoints"
    leave_stale_checkpoint(own / "chief" / "checkpoints", stale_dir)
    stale = {file.name: file.read_bytes() for file in stale_dir.iterdir()}
    second = finish_together(
        {
            "own": with_rows(listed_hosts(own, 3), train_max_steps=500),
            "shared": share_disk(with_rows(listed_hosts(shared, 2), train_max_steps=40)),
        }
    )
    return {name: Runs(first[name], second[name], stale) for name in first}


def leave_stale_checkpoint(of: Path, to: Path) -> None:
    """Leave what an earlier job may have left: a checkpoint of a later step than the chief's."""
    to.mkdir(parents=True)
    for file in of.glob("model.ckpt-201.*"):
        shutil.copy(file, to / file.name.replace("model.ckpt-201", STALE))
    (to / "checkpoint").write_text(f'model_checkpoint_path: "{STALE}"\n', encoding="utf-8")


def test_the_total_is_rounded_up_to_whole_steps_of_all(runs: dict[str, Runs]) -> None:
    first = runs["own"].first
    first.assert_all_ended_with(0)
    assert first.chief.event("export")["global_step"] == 201
    assert first.chief.events("progress")[-1]["total_steps"] == 402


def test_a_resume_on_more_machines_ends_at_the_same_total(runs: dict[str, Runs]) -> None:
    """402 steps of two, and then 33 of three."""
    second = runs["own"].second
    second.assert_all_ended_with(0)
    assert second.chief.event("resume")["global_step"] == 201
    report = second.job.chief.report
    assert (report["global_step"], report["total_steps"]) == (234, 501)
    # What the first run wrote down is in the same file.
    steps = {name: len(steps) for name, steps in second.rows.items()}
    assert steps == {"chief": 234, "worker-1": 234, "worker-2": 33}


def test_the_chiefs_checkpoint_reaches_disks_that_lack_it(runs: dict[str, Runs]) -> None:
    """One worker has no checkpoint, the other a later one of another training."""
    second = runs["own"].second
    for name in ("worker-1", "worker-2"):
        assert second[name].event("checkpoint_fetched")["checkpoint"] == "model.ckpt-201"
    trained = [task.event("trained") for task in second.finished.values()]
    assert [record["global_step"] for record in trained] == [234, 234, 234]
    assert len({record["variables"] for record in trained}) == 1


def test_a_workers_own_checkpoints_stay_as_they_are(runs: dict[str, Runs]) -> None:
    own_dir = runs["own"].second.job["worker-2"].root.path / "checkpoints"
    found = {file.name: file.read_bytes() for file in own_dir.iterdir() if file.is_file()}
    assert len(found) >= 3
    assert found == runs["own"].stale


def test_nothing_is_fetched_where_the_disk_is_shared(runs: dict[str, Runs]) -> None:
    second = runs["shared"].second
    runs["shared"].first.assert_all_ended_with(0)
    second.assert_all_ended_with(0)
    assert second.chief.event("resume")["global_step"] == 11
    assert second["worker-1"].events("checkpoint_fetched") == []
    assert second["worker-1"].event("trained")["global_step"] == 20
    assert second.job.chief.report["total_steps"] == 40
    assert second.job.chief.checkpoint_steps[-1] == 20
