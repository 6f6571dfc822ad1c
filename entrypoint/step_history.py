"""How many steps all cards together have made, whatever their number was at which time.

A synchronous strategy advances `global_step` once for all cards, so the total is known only from
how many cards took part in which steps. That is kept in a file beside the checkpoints.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from entrypoint import json_files
from entrypoint.errors import ContradictionError

FILE_NAME = "step_history.json"


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Consecutive steps made by one number of cards.

    Attributes:
        start: the global step that it began at.
        cards: how many cards made each step, at least 1.
    """

    start: int
    cards: int


@dataclass(frozen=True)
class StepHistory:
    """The stretches of a training, in the order of their starts; the last one is still going on."""

    stretches: tuple[Stretch, ...]

    def total(self, step: int) -> int:
        """Return the steps over all cards at a global step."""
        ends = [stretch.start for stretch in self.stretches[1:]] + [step]
        return sum(
            max(min(end, step) - stretch.start, 0) * stretch.cards
            for stretch, end in zip(self.stretches, ends, strict=True)
        )

    def last_step(self, total: int | None) -> int | None:
        """Return the global step at which that many steps over all cards are reached.

        Rounded up: the cards of one step make it together. None stays None.
        """
        if total is None:
            return None
        now = self.stretches[-1]
        return now.start - (self.total(now.start) - total) // now.cards


def continue_history(checkpoints_dir: Path, *, step: int, cards: int) -> StepHistory:
    """Read the history of what is in the checkpoints directory and add a stretch that begins now.

    Steps that were made but not saved are forgotten. Where there is no file, as with checkpoints
    from elsewhere, all earlier steps count as made by as many cards as now.

    Args:
        checkpoints_dir: where the file is.
        step: the global step that training goes on from.
        cards: how many cards make each step from now on.

    Raises:
        ContradictionError: the file is there and cannot be used.
    """
    earlier = [s for s in _read(checkpoints_dir / FILE_NAME) if s.start < step]
    if not earlier:
        return StepHistory((Stretch(start=0, cards=cards),))
    if earlier[-1].cards == cards:
        return StepHistory(tuple(earlier))
    return StepHistory((*earlier, Stretch(start=step, cards=cards)))


def save_history(history: StepHistory, checkpoints_dir: Path) -> None:
    """Write the history beside the checkpoints, in one step."""
    stretches = [{"start": s.start, "cards": s.cards} for s in history.stretches]
    incoming = checkpoints_dir / f"{FILE_NAME}.incoming"
    with incoming.open("w", encoding="utf-8") as stream:
        json.dump({"stretches": stretches}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    incoming.replace(checkpoints_dir / FILE_NAME)


def _read(file: Path) -> Iterator[Stretch]:
    hint = f"restore {file.name}, or remove it to count all steps as made by as many cards as now"
    try:
        for entry in json_files.read_object(file)["stretches"]:
            stretch = Stretch(start=int(entry["start"]), cards=int(entry["cards"]))
            if stretch.start < 0 or stretch.cards < 1:
                raise ContradictionError(f"{file} holds an impossible stretch {entry}", hint=hint)
            yield stretch
    except FileNotFoundError:
        return
    except (json_files.JsonFileError, KeyError, TypeError, ValueError) as error:
        raise ContradictionError(f"{file} cannot be used: {error}", hint=hint) from error
