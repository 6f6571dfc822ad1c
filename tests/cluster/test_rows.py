"""Which machine trains on which rows, and what comes of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cluster.clusters import Ended, finish_together, listed_hosts, with_rows


@pytest.fixture(scope="module")
def ended(directory: Callable[[str], Path]) -> dict[str, Ended]:
    """Two batches of jobs that each make one pass over their rows."""
    named = {
        "two": with_rows(
            listed_hosts(directory("two"), 2),
            rows=100,
            epochs=1,
            train_max_steps=None,
            log_step_count_steps=1,
        ),
        "three": with_rows(
            listed_hosts(directory("three"), 3),
            rows=96,
            epochs=1,
            train_max_steps=None,
            start="pid",
        ),
        "files": with_rows(
            listed_hosts(directory("files"), 2),
            epochs=1,
            batch_size=4,
            train_max_steps=None,
        ),
        "one row": with_rows(
            listed_hosts(directory("one"), 3), rows=9, epochs=1, train_max_steps=None
        ),
        "context": with_rows(
            listed_hosts(directory("context"), 2), rows=32, epochs=1, train_max_steps=None
        ),
        "dealt": with_rows(listed_hosts(directory("dealt"), 2), epochs=1, train_max_steps=None),
        "tuple": with_rows(listed_hosts(directory("tuple"), 2), rows=8),
    }
    for number in range(5):
        rows = range(10 * number, 10 * number + 10)
        named["files"].write_data(f"rows-{number}.txt", "".join(f"{row}\n" for row in rows))
    for task in named["files"].tasks.values():
        (task.root.path / "input" / "data" / "rows.txt").unlink()
    for name, task in named["dealt"].tasks.items():
        first = 0 if name == "chief" else 32
        task.root.write("input/data/rows.txt", "".join(f"{first + row}\n" for row in range(32)))
        dealt = {"TrainingInputMode": "File", "S3DistributionType": "ShardedByS3Key"}
        task.root.write_config("inputdataconfig", {"training": dealt})
        data = task.root.path / "input" / "data"
        (data / "training").mkdir()
        (data / "rows.txt").rename(data / "training" / "rows.txt")
    named["context"].edit_code(
        "rows",
        "def train_input_fn(path, params):\n",
        "def train_input_fn(path, params, input_context):\n"
        '    note("context.json", [input_context.num_input_pipelines,'
        " input_context.input_pipeline_id, input_context.num_replicas_in_sync])\n",
    )
    named["tuple"].edit_code(
        "rows",
        "def train_input_fn(path, params):\n    return dataset_of(path, params)\n",
        "def train_input_fn(path, params):\n"
        "    return tf.data.make_one_shot_iterator(dataset_of(path, params)).get_next()\n",
    )
    names = list(named)
    done: dict[str, Ended] = {}
    for some in (names[:3], names[3:]):
        done |= finish_together({name: named[name] for name in some})
    return done


def flat(steps: list[list[int]]) -> list[int]:
    return list(itertools.chain.from_iterable(steps))


def test_three_machines_see_every_row_of_a_pass_once(ended: dict[str, Ended]) -> None:
    job = ended["three"]
    job.assert_all_ended_with(0)
    seen = [flat(steps) for steps in job.rows.values()]
    assert sorted(itertools.chain(*seen)) == list(range(96))
    assert [len(rows) for rows in seen] == [32, 32, 32]
    assert job.chief.event("left_over")["batches"] == {"chief": 0, "worker-1": 0, "worker-2": 0}


def test_initial_values_of_each_process_become_those_of_the_chief(ended: dict[str, Ended]) -> None:
    """The initializer draws another value in each process."""
    job = ended["three"]
    digests = {task.event("trained")["variables"] for task in job.finished.values()}
    assert len(digests) == 1
    assert None not in digests
    assert job.chief.events("variables_differ") == []


def test_all_stop_together_where_one_has_less_data(ended: dict[str, Ended]) -> None:
    """13 batches of 8 rows for two: one has 7 of them, the other 6."""
    job = ended["two"]
    job.assert_all_ended_with(0)
    assert {name: len(steps) for name, steps in job.rows.items()} == {"chief": 6, "worker-1": 6}
    assert job.chief.event("left_over")["batches"] == {"chief": 1, "worker-1": 0}
    trained = sorted(flat(job.rows["chief"]) + flat(job.rows["worker-1"]))
    assert trained == list(range(96))
    assert job.job.chief.report["global_step"] == 6
    assert job.job.chief.report["total_steps"] == 12
    assert len(job.job.chief.versions) == 1
    assert job.job["worker-1"].root.versions == []


def test_the_loss_is_that_of_one_machine_on_the_whole_batch(ended: dict[str, Ended]) -> None:
    job = ended["two"]
    weight, losses = 0.25, []
    for both in zip(*job.rows.values(), strict=True):
        ids = np.array(flat(list(both)))
        x = (ids % 17 + 1) / 17 + ids / 1000
        errors = (weight - 2) * x
        losses.append(np.mean(errors**2))
        weight -= 0.1 * np.mean(2 * errors * x)
    assert job.progress("loss") == pytest.approx(losses, rel=1e-4)


def test_each_machine_reads_files_of_its_own(ended: dict[str, Ended]) -> None:
    """Five files of ten rows: 30 rows are 8 batches of 4, 20 are 5."""
    job = ended["files"]
    job.assert_all_ended_with(0)
    files = {name: {row // 10 for row in flat(steps)} for name, steps in job.rows.items()}
    assert files["chief"].isdisjoint(files["worker-1"])
    assert {name: len(steps) for name, steps in job.rows.items()} == {"chief": 5, "worker-1": 5}
    assert job.chief.event("left_over")["batches"] == {"chief": 3, "worker-1": 0}
    trained = flat(job.rows["chief"]) + flat(job.rows["worker-1"])
    assert len(trained) == len(set(trained)) == 40


def test_rows_that_the_scheduler_has_dealt_out_are_not_dealt_out_again(
    ended: dict[str, Ended],
) -> None:
    job = ended["dealt"]
    job.assert_all_ended_with(0)
    seen = {name: sorted(flat(steps)) for name, steps in job.rows.items()}
    assert seen == {"chief": list(range(32)), "worker-1": list(range(32, 64))}


def test_a_machine_without_a_batch_ends_the_job_and_is_named(ended: dict[str, Ended]) -> None:
    """Two batches for three machines."""
    job = ended["one row"]
    job.assert_all_ended_with(11)
    assert "train_input_fn gave no batch" in job["worker-2"].last["message"]
    for name in ("chief", "worker-1"):
        assert job[name].last["message"].startswith("worker-2 failed: train_input_fn gave no batch")


def test_an_input_function_that_takes_the_context_shares_the_rows_itself(
    ended: dict[str, Ended],
) -> None:
    """The function gives all rows to both, so both train on all of them."""
    job = ended["context"]
    job.assert_all_ended_with(0)
    given = {
        name: json.loads((task.root.path / "code" / "context.json").read_text())
        for name, task in job.job.tasks.items()
    }
    assert given == {"chief": [2, 0, 2], "worker-1": [2, 1, 2]}
    assert flat(job.rows["chief"]) == flat(job.rows["worker-1"]) == list(range(32))


def test_an_iterators_tensors_cannot_be_shared(ended: dict[str, Ended]) -> None:
    job = ended["tuple"]
    job.assert_all_ended_with(21)
    assert "train_input_fn returned tuple" in job.job.chief.failure
    assert "return the tf.data.Dataset itself" in job.job.chief.failure
