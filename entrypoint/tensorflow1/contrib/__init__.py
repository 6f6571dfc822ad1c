"""What Estimator code uses of `tf.contrib`, on current TensorFlow.

A package of this name is a package of `tf.contrib`; it is loaded when user code first names it.
Each has two tables: `__all__`, the symbols it supplies, and `NOT_SUPPLIED`, the other public
symbols that TensorFlow 1.15 had there, each with what to use instead. `docs/contrib.md` is written
from these two.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from entrypoint.tensorflow1.contrib.missing import missing

# Whole packages that are not here, and what to use instead.
NOT_SUPPLIED: dict[str, str] = {}


def __getattr__(name: str) -> Any:
    """Load a package of `tf.contrib` when it is first used.

    Raises:
        MissingSymbolError: it is not supplied; says what to use instead.
    """
    if importlib.util.find_spec(f"{__name__}.{name}") is None:
        raise missing(__name__, name, NOT_SUPPLIED)
    return importlib.import_module(f"{__name__}.{name}")
