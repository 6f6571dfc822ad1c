"""Start a training with the values of another checkpoint, variable by variable, by name."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.training import warm_starting_util

from entrypoint.blame import describe
from entrypoint.errors import ContradictionError
from entrypoint.training.checkpoints import keys_by_variable

logger = logging.getLogger(__name__)

_GLOBAL_STEP = tf.compat.v1.GraphKeys.GLOBAL_STEP
_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class _Match:
    """How the variables of a model and of a checkpoint go together, by name.

    Attributes:
        taken: variables that get the checkpoint's value, with the parts each is made of.
        optimizer: names of variables that only training has; they begin anew.
        only_in_model: names that the checkpoint lacks.
        only_in_checkpoint: names that the model lacks.
        unlike: names of both whose shapes or types differ, with the checkpoint's and the model's.
    """

    taken: Mapping[str, list[Any]]
    optimizer: tuple[str, ...]
    only_in_model: tuple[str, ...]
    only_in_checkpoint: tuple[str, ...]
    unlike: Mapping[str, str]


def start_from(estimator: Any, checkpoint: Path) -> None:
    """Have the estimator's training begin with the values of a checkpoint.

    It is a new training: the global step and the optimizer's own variables, its learning rate among
    them, begin anew. Those are the variables that evaluation and prediction do not have, so one of
    their graphs has to be built first. Call it only where there is no checkpoint to resume from.

    Args:
        estimator: its `_call_model_fn` is replaced.
        checkpoint: the path that TensorFlow calls a checkpoint, written by any version from 0.12.
    """
    call_model_fn = estimator._call_model_fn
    # An estimator's own warm start would come after ours and undo it.
    own_settings = estimator._warm_start_settings
    estimator._warm_start_settings = None

    of_model: set[str] = set()

    def call_and_start(features: Any, labels: Any, mode: str, *rest: Any, **named: Any) -> Any:
        spec = call_model_fn(features, labels, mode, *rest, **named)
        if mode == tf.estimator.ModeKeys.TRAIN:
            if own_settings is not None:
                warm_starting_util.warm_start(*own_settings)
            _initialize_from(checkpoint, of_model)
        else:
            of_model.update(_variables())
        return spec

    estimator._call_model_fn = call_and_start


def _initialize_from(checkpoint: Path, of_model: Collection[str]) -> None:
    """Let the model's variables in the default graph begin with a checkpoint's values.

    Raises:
        ContradictionError: it cannot be read, or has not one variable of the model.
    """
    try:
        reader = tf.train.load_checkpoint(str(checkpoint))
        keys = keys_by_variable(reader)
        shapes = reader.get_variable_to_shape_map()
        types = reader.get_variable_to_dtype_map()
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise ContradictionError(
            f"MODELMAKER_WARM_START: the checkpoint {checkpoint} cannot be read: {describe(error)}",
            hint="name one whose .index and .data files are all there",
        ) from error
    saved = {name: (shapes[key], types[key]) for name, key in keys.items()}
    match = _match(_variables(), saved, of_model)
    if not match.taken:
        raise ContradictionError(
            f"MODELMAKER_WARM_START: {checkpoint} has no variable of this model"
            + "".join(f"; {note}" for note in _notes(match)),
            hint="name a checkpoint of this model, or of one that shares layers with it by name",
        )
    tf.compat.v1.train.init_from_checkpoint(
        str(checkpoint),
        {keys[name]: p if len(p) > 1 else p[0] for name, p in match.taken.items()},
    )
    _log(checkpoint, match)


def _variables() -> dict[str, list[Any]]:
    """Return the model's variables by the names they have in a checkpoint, with their parts."""
    variables: dict[str, list[Any]] = {}
    for variable in tf.compat.v1.global_variables():
        part = _slice_of(variable)
        # A mirrored variable's `op` is that of the replica asking; its `name` is the first one's.
        name = part.full_name if part else variable.name.partition(":")[0]
        variables.setdefault(name, []).append(variable)
    variables.pop(_GLOBAL_STEP, None)
    return variables


def _slice_of(variable: Any) -> Any:
    """Return which slice of a partitioned variable this is, None if it is whole."""
    get = getattr(variable, "_get_save_slice_info", None)
    return get() if get else None


def _match(
    variables: Mapping[str, list[Any]], saved: Mapping[str, Any], of_model: Collection[str]
) -> _Match:
    taken, unlike = {}, {}
    for name, parts in variables.items():
        if name not in saved or name not in of_model:
            continue
        shape, dtype = saved[name]
        own_shape = _whole_shape(parts)
        if own_shape == list(shape) and parts[0].dtype.base_dtype == dtype:
            taken[name] = parts
        else:
            own_type = parts[0].dtype.base_dtype.name
            unlike[name] = f"{dtype.name}{list(shape)} there, {own_type}{own_shape} here"
    return _Match(
        taken=taken,
        optimizer=tuple(sorted(variables.keys() - of_model)),
        only_in_model=tuple(sorted(variables.keys() & of_model - saved.keys())),
        only_in_checkpoint=tuple(sorted(saved.keys() - variables.keys() - {_GLOBAL_STEP})),
        unlike=unlike,
    )


def _whole_shape(parts: list[Any]) -> list[int]:
    part = _slice_of(parts[0])
    return list(part.full_shape) if part else parts[0].shape.as_list()


def _notes(match: _Match) -> list[str]:
    """Say what did not match, each kind of it in a few words."""
    unlike = [f"{name} ({difference})" for name, difference in match.unlike.items()]
    return [
        f"{len(names)} {what}: {_some(names)}"
        for what, names in (
            ("not in the checkpoint", match.only_in_model),
            ("of another shape or type", unlike),
            ("only in the checkpoint", match.only_in_checkpoint),
        )
        if names
    ]


def _log(checkpoint: Path, match: _Match) -> None:
    (logger.warning if match.unlike else logger.info)(
        "warm start: %d variables from %s; the optimizer and all others begin anew%s",
        len(match.taken),
        checkpoint,
        "".join(f"; {note}" for note in _notes(match)),
        extra={
            "event": "warm_start",
            "checkpoint": str(checkpoint),
            "taken": sorted(match.taken),
            "optimizer": list(match.optimizer),
            "only_in_model": list(match.only_in_model),
            "only_in_checkpoint": list(match.only_in_checkpoint),
            "unlike": dict(match.unlike),
        },
    )


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
