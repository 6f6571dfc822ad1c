"""Go on from the newest checkpoint that can be read, and set aside those that cannot."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from entrypoint.blame import describe
from entrypoint.errors import ContradictionError
from entrypoint.training.checkpoints import UNREADABLE, read_whole

logger = logging.getLogger(__name__)

# In the checkpoints directory: what could not be read, for whoever wants to know why.
DAMAGED_DIR_NAME = "damaged"

_STEP = re.compile(r"-(\d+)$")


def set_damaged_aside(checkpoints_dir: Path) -> bool:
    """Have the newest checkpoint be one that was read from the first to the last byte.

    Those that the index `checkpoint` names are tried from the newest on, then all others that lie
    there: an index may be damaged too, or be gone.

    Returns:
        Whether the newest one is another now.

    Raises:
        ContradictionError: there are checkpoints, and none can be read. Training must not start
            from zero then.
    """
    named = _named_prefixes(checkpoints_dir)
    damaged: dict[Path, str] = {}
    for prefix in _candidates(checkpoints_dir, named):
        try:
            step = read_whole(prefix)
        except UNREADABLE as error:
            damaged[prefix] = describe(error)
            continue
        if [prefix] == named[:1]:
            return False
        _continue_from(prefix, step, damaged, named)
        return True
    if damaged:
        newest, reason = next(iter(damaged.items()))
        raise ContradictionError(
            f"no checkpoint in {checkpoints_dir} can be read; of the newest, {newest.name}:"
            f" {reason}",
            hint="bring a copy of one back, or empty checkpoints/ to train from the beginning",
        )
    return False


def _candidates(checkpoints_dir: Path, named: list[Path]) -> Iterator[Path]:
    yield from named
    found = {index.with_suffix("") for index in checkpoints_dir.glob("*.index")}
    yield from sorted(found.difference(named), key=_step_in_name, reverse=True)


def _named_prefixes(checkpoints_dir: Path) -> list[Path]:
    """Return what the index names, the newest first, wherever the directory was when it did."""
    try:
        state = tf.train.get_checkpoint_state(str(checkpoints_dir))
    except ValueError:  # it names nothing
        state = None
    if state is None:
        return []
    paths = [state.model_checkpoint_path, *reversed(state.all_model_checkpoint_paths)]
    return [checkpoints_dir / name for name in dict.fromkeys(Path(path).name for path in paths)]


def _step_in_name(prefix: Path) -> int:
    found = _STEP.search(prefix.name)
    return int(found[1]) if found else -1


def _continue_from(prefix: Path, step: int, damaged: dict[Path, str], named: list[Path]) -> None:
    """Make a checkpoint the newest, and move the damaged ones out of the way."""
    aside = prefix.parent / DAMAGED_DIR_NAME
    for bad, reason in damaged.items():
        aside.mkdir(exist_ok=True)
        for file in bad.parent.glob(f"{bad.name}.*"):
            file.replace(aside / file.name)
        logger.warning(
            "checkpoint %s is damaged and was moved to %s: %s",
            bad.name,
            aside,
            reason,
            extra={"event": "checkpoint_damaged", "checkpoint": bad.name, "reason": reason},
        )
    older = named[named.index(prefix) + 1 :] if prefix in named else []
    kept = [one.name for one in (*reversed(older), prefix)]
    tf.compat.v1.train.update_checkpoint_state(str(prefix.parent), prefix.name, kept)
    logger.warning(
        "training goes on from %s, step %d",
        prefix.name,
        step,
        extra={"event": "checkpoint_fallback", "checkpoint": prefix.name, "global_step": step},
    )
