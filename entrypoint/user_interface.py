"""What a user's module defines: the functions, the names they may have and what they may take.

The first name of each is ours. The others are those of SageMaker's TensorFlow containers of 2018
(aws/sagemaker-tensorflow-container, branch legacy-mode, `tf_container/trainer.py`), so that
modules written for them run as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Signature:
    """How the job calls a function.

    Attributes:
        arguments: those it may take by name, as documented.
        required: those it must take.
        by_position: how many of them it may take in their order, under names of its own.
    """

    arguments: tuple[str, ...]
    required: tuple[str, ...] = ()
    by_position: int = 0


_INPUT = Signature(
    arguments=("path", "params", "training_dir", "channel_dirs", "input_context"), by_position=2
)
_SERVING = Signature(arguments=("params",), by_position=1)

SIGNATURES = {
    "model_fn": Signature(
        # Estimator itself matches these by name alone.
        arguments=("features", "labels", "mode", "params", "config"),
        required=("features",),
    ),
    "estimator_fn": Signature(
        arguments=("run_config", "params"), required=("run_config",), by_position=2
    ),
    "keras_model_fn": Signature(arguments=("params",), by_position=1),
    "train_input_fn": _INPUT,
    "eval_input_fn": _INPUT,
    "serving_input_receiver_fn": _SERVING,
    "serving_input_fn": _SERVING,
}

# Other names of the arguments.
ALIASES = {
    "hyperparameters": "params",
    "dir": "training_dir",
    "channels": "channel_dirs",
    "input_channels": "channel_dirs",
}

# A module defines one of each of these. Where it defines several, the first of them here is used:
# an estimator_fn calls a model_fn of its own.
MODEL = ("estimator_fn", "keras_model_fn", "model_fn")
SERVING = ("serving_input_receiver_fn", "serving_input_fn")
_ROLES = (
    ("model_fn", MODEL),
    ("train_input_fn", ("train_input_fn",)),
    ("eval_input_fn", ("eval_input_fn",)),
    ("serving_input_receiver_fn", SERVING),
)

FUNCTIONS = tuple(documented for documented, _ in _ROLES)


def choose(names: Iterable[str], role: tuple[str, ...]) -> str:
    """Return the name under which a module that binds these names defines one of its functions."""
    bound = set(names)
    return next((name for name in role if name in bound), role[-1])


def missing(names: Iterable[str]) -> list[str]:
    """Return the documented names of the functions that a module with these names lacks."""
    bound = set(names)
    return [documented for documented, accepted in _ROLES if bound.isdisjoint(accepted)]
