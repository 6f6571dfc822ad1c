"""Stand-ins for three TPU modules that ``tensorflow-estimator`` imports and TensorFlow dropped.

Importing Estimator imports its TPU half, whether or not there is a TPU. These modules let that
import succeed; touching what they stand for says what is missing.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, NoReturn

MODULES = ("session_support", "tpu_embedding", "tpu_embedding_gradient")


def install() -> None:
    """Put a stand-in for each dropped module where ``tensorflow.python.tpu`` had it."""
    from tensorflow.python import tpu

    for name in MODULES:
        module = _StandIn(f"tensorflow.python.tpu.{name}")
        sys.modules[module.__name__] = module
        setattr(tpu, name, module)


class _StandIn(ModuleType):
    """A module whose every public attribute is a class that fails when it is used."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        # A class, because Estimator also names these in isinstance tests, which are then false.
        stand_in = type(name, (), {"__init__": _refuse, "__module__": self.__name__})
        setattr(self, name, stand_in)
        return stand_in


def _refuse(self: object, *_args: Any, **_kwargs: Any) -> NoReturn:
    symbol = f"{type(self).__module__}.{type(self).__name__}"
    raise NotImplementedError(
        f"{symbol} was removed from TensorFlow together with TPU support for Estimator;"
        " use tf.feature_column embeddings, which run on CPU and GPU"
    )
