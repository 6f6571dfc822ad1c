"""Models that TensorFlow's strategy alone would fail on, or wait for ever, on several machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.clusters import Ended, finish_together, listed_hosts

ROWS, BATCH_SIZE = 84, 7


@pytest.fixture(scope="module")
def ended(directory: Callable[[str], Path]) -> dict[str, Ended]:
    jobs = {
        "in step": listed_hosts(directory("in_step"), 2),
        "three in step": listed_hosts(directory("three"), 3),
    }
    for job in jobs.values():
        job.copy_code("words").write_data("none", "")
        job.write_parameters(
            train_max_steps=None,
            save_checkpoints_steps=2,
            rows=ROWS,
            batch_size=BATCH_SIZE,
            eval_start_delay_secs=0,
        )
    return finish_together(jobs)


@pytest.mark.parametrize(("name", "machines"), [("in step", 2), ("three in step", 3)])
def test_gradients_of_embeddings_add_up_whatever_their_lengths(
    ended: dict[str, Ended], name: str, machines: int
) -> None:
    """Each batch has another number of words, on each machine and in each step."""
    ended[name].assert_all_ended_with(0)
    counts: Counter[int] = Counter()
    for row in range(ROWS):
        counts[row % 7] += row % 5 + 1
    evaluation = ended[name].job.chief.report["evaluation"]
    expected = {word: -count / (BATCH_SIZE * machines) for word, count in counts.items()}
    found = {word: evaluation[f"word_{word}"] for word in expected}
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_moving_average_that_each_machine_keeps_is_saved(ended: dict[str, Ended]) -> None:
    """The chief alone saves: had it to ask the others for theirs, the job would not have ended."""
    job = ended["in step"]
    job.assert_all_ended_with(0)
    assert job.job.chief.report["global_step"] == ROWS // BATCH_SIZE // 2
