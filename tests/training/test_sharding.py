"""Each worker gets its share of a dataset and learns in time where it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.jobs import PROJECT_DIR

# How many rows each of two and of three workers gets. Six rows are in each file, so that 12 and 6
# are shares of whole files.
SHARES = {
    "as many files as workers": ([12, 12], [12, 6, 6]),
    "read in parallel": ([12, 12], [12, 6, 6]),
    "text files": ([12, 12], [12, 6, 6]),
    "TensorFlow 1's class": ([12, 12], [12, 6, 6]),
    "one file": ([3, 3], [2, 2, 2]),
    "one file by its name": ([3, 3], [2, 2, 2]),
    "one text file": ([3, 3], [2, 2, 2]),
    "three files": ([12, 6], [6, 6, 6]),
    "listed files, interleaved": ([12, 12], [12, 6, 6]),
    "one listed file": ([3, 3], [2, 2, 2]),
    "listed files, flat": ([12, 12], [12, 6, 6]),
    "a dataset of names": ([12, 12], [12, 6, 6]),
    "names not known yet": ([12, 12], [8, 8, 8]),
    "names in a dictionary": ([12, 12], [12, 6, 6]),
    "a header in each file": ([10, 10], [10, 5, 5]),
    "rows skipped": ([12, 11], [8, 8, 7]),
    "rows taken": ([5, 5], [4, 3, 3]),
    "files read for each epoch": ([36, 36], [24, 24, 24]),
    "CSV": ([12, 12], [8, 8, 8]),
    "from_generator": ([5, 5], [4, 3, 3]),
    "from_tensor_slices": ([5, 5], [4, 3, 3]),
    "range": ([5, 5], [4, 3, 3]),
    "files zipped with numbers": ([12, 12], [8, 8, 8]),
    "files zipped with files": ([12, 12], [8, 8, 8]),
    "files before numbers": ([17, 17], [12, 11, 11]),
    "many files before one": ([15, 15], [10, 10, 10]),
    "shuffled, repeated, batched": ([15, 15], [12, 9, 9]),
    "files shuffled, repeated, batched": ([36, 36], [36, 18, 18]),
    # Four batches, the last one of three rows: which worker takes it is the same each time.
    "one file shuffled, repeated, batched": ([10, 8], [8, 5, 5]),
    "file names shuffled": ([12, 12], [12, 6, 6]),
    "flat_map": ([10, 10], [7, 7, 6]),
    "cached": ([5, 5], [4, 3, 3]),
    "files cached": ([12, 12], [12, 6, 6]),
    "windows": ([12, 12], [8, 8, 8]),
    "sloppy, few files": ([12, 12], [8, 8, 8]),
    "no order wanted": ([100, 100], [67, 67, 66]),
    "unseeded": ([50, 50], [34, 33, 33]),
    "policy DATA": ([12, 12], [8, 8, 8]),
    "policy HINT": ([12, 12], [12, 6, 6]),
}

MARKED = [
    "numbers",
    "TensorFlow 1's class",
    "strings",
    "features and labels",
    "a dictionary",
    "one in a tuple",
    "a named tuple",
    "batches, the last one short",
    "batches of known shape",
    "unknown shape",
    "varying length",
    "rows of a ragged tensor",
    "ragged batches",
    "sparse",
    "sparse in a dictionary",
    "repeated, but read only once",
]


def run_script(name: str, *arguments: str) -> Any:
    finished = subprocess.run(
        [sys.executable, str(Path(__file__).parent / name), *arguments],
        cwd=PROJECT_DIR,
        env={
            "PYTHONPATH": str(PROJECT_DIR),
            "PATH": "/usr/bin:/bin",
            "TF_USE_LEGACY_KERAS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return json.loads(finished.stdout)


@pytest.fixture(scope="module")
def dealt(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By kind of dataset and number of workers: the rows of each worker."""
    found: dict[str, Any] = run_script("deal_sharding.py", str(tmp_path_factory.mktemp("files")))
    return found


@pytest.fixture(scope="module")
def ends() -> dict[str, Any]:
    found: dict[str, Any] = run_script("mark_sharding.py")
    return found


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("kind", SHARES)
def test_each_row_goes_to_exactly_one_worker(
    dealt: dict[str, Any], kind: str, workers: int
) -> None:
    shares = dealt[kind][str(workers)]
    assert [len(share) for share in shares] == SHARES[kind][workers - 2]
    (whole,) = dealt[kind]["1"]
    assert Counter(row for share in shares for row in share) == Counter(whole)


def test_a_dataset_that_is_not_to_be_sharded_is_left_alone(dealt: dict[str, Any]) -> None:
    shares = dealt["policy OFF"]["3"]
    assert all(sorted(share) == list(range(24)) for share in shares)


def test_files_that_the_user_insists_on_have_to_be_enough(dealt: dict[str, Any]) -> None:
    assert "Could not apply FILE based sharding" in dealt["policy FILE"]["2"]


@pytest.mark.parametrize("kind", MARKED)
def test_an_element_is_the_last_when_no_step_after_its_own_is_whole(
    ends: dict[str, Any], kind: str
) -> None:
    flags = {replicas: marked["flags"] for replicas, marked in ends["marked"][kind].items()}
    assert flags == {
        "1": [False, False, False, False, True],
        "2": [False, False, False, True, True],
        "8": [True, True, True, True, True],
    }


@pytest.mark.parametrize("kind", [*MARKED, "endless", "nothing"])
def test_elements_stay_as_they_were(ends: dict[str, Any], kind: str) -> None:
    for marked in ends["marked"][kind].values():
        assert marked["same_elements"]
        assert marked["spec"] == marked["spec_before"]
        assert marked["flag_spec"] == "TensorSpec(shape=(), dtype=tf.bool, name=None)"


def test_an_endless_dataset_has_no_last_element(ends: dict[str, Any]) -> None:
    assert ends["marked"]["endless"]["2"]["flags"] == [False] * 20


def test_an_empty_dataset_stays_empty(ends: dict[str, Any]) -> None:
    assert ends["marked"]["nothing"]["2"]["flags"] == []


def test_marking_keeps_the_options(ends: dict[str, Any]) -> None:
    assert ends["options"] == {"deterministic": False, "threads": 3}


def test_no_more_is_read_ahead_than_one_step_takes(ends: dict[str, Any]) -> None:
    assert ends["read_ahead"] == {"1": 2, "2": 3, "8": 9}


def test_some_replica_of_the_last_whole_step_is_told(ends: dict[str, Any]) -> None:
    assert ends["mirrored"] == {
        "4": [[[0, False], [1, False]], [[2, True], [3, True]]],
        # Of five elements one is left over; the step before it is the last.
        "5": [[[0, False], [1, False]], [[2, False], [3, True]]],
    }
