from __future__ import annotations

from pathlib import Path

import pytest

from entrypoint.errors import ContradictionError
from entrypoint.step_history import (
    FILE_NAME,
    StepHistory,
    Stretch,
    continue_history,
    save_history,
)


def history(*stretches: tuple[int, int]) -> StepHistory:
    return StepHistory(tuple(Stretch(start=start, cards=cards) for start, cards in stretches))


@pytest.mark.parametrize(
    ("stretches", "step", "total"),
    [
        ([(0, 1)], 7, 7),
        ([(0, 4)], 25, 100),
        ([(0, 4), (100, 2)], 100, 400),
        ([(0, 4), (100, 2)], 101, 402),
        ([(0, 4), (100, 2), (150, 1)], 160, 510),
        # Before the last stretch began.
        ([(0, 4), (100, 2)], 50, 200),
    ],
)
def test_total_adds_up_what_each_number_of_cards_made(
    stretches: list[tuple[int, int]], step: int, total: int
) -> None:
    assert history(*stretches).total(step) == total


@pytest.mark.parametrize(
    ("stretches", "total", "step"),
    [
        ([(0, 1)], 10, 10),
        ([(0, 4)], 100, 25),
        ([(0, 4)], 101, 26),
        ([(0, 4)], 1, 1),
        ([(0, 4), (100, 2)], 1000, 400),
        ([(0, 4), (100, 2)], 1001, 401),
        # Already past it.
        ([(0, 4), (100, 2)], 400, 100),
        ([(0, 1)], None, None),
    ],
)
def test_last_step_is_where_the_total_is_first_reached(
    stretches: list[tuple[int, int]], total: int | None, step: int | None
) -> None:
    assert history(*stretches).last_step(total) == step


def test_last_step_lies_before_the_stretch_when_the_total_was_reached_earlier() -> None:
    last = history((0, 4), (100, 2)).last_step(300)
    assert last is not None
    assert last < 100


def test_a_training_that_begins_has_one_stretch(tmp_path: Path) -> None:
    assert continue_history(tmp_path, step=0, cards=3) == history((0, 3))


def test_checkpoints_from_elsewhere_count_as_made_by_as_many_cards_as_now(tmp_path: Path) -> None:
    assert continue_history(tmp_path, step=50, cards=2).total(50) == 100


def test_what_was_saved_is_continued(tmp_path: Path) -> None:
    save_history(history((0, 4)), tmp_path)
    assert continue_history(tmp_path, step=100, cards=2) == history((0, 4), (100, 2))
    assert continue_history(tmp_path, step=100, cards=4) == history((0, 4))


def test_steps_that_were_never_saved_are_forgotten(tmp_path: Path) -> None:
    save_history(history((0, 4), (100, 2)), tmp_path)
    assert continue_history(tmp_path, step=80, cards=1) == history((0, 4), (80, 1))
    assert continue_history(tmp_path, step=0, cards=1) == history((0, 1))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"stretches": 3}',
        '{"stretches": [{"start": 0}]}',
        '{"stretches": [{"start": 0, "cards": 0}]}',
        '{"stretches": [{"start": "x", "cards": 1}]}',
    ],
)
def test_a_broken_file_is_an_error_that_names_it(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    with pytest.raises(ContradictionError, match=FILE_NAME):
        continue_history(tmp_path, step=5, cards=1)
