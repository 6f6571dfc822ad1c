"""Names that NumPy and Python's standard library have dropped since TensorFlow 1's time.

Code of that time uses them; user code alone sees them again.
"""

from __future__ import annotations

import collections.abc
import importlib
import inspect
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from entrypoint.tensorflow1.facade import Facade

# NumPy 1.20 to 2.4 dropped these. `np.bool` was the Python type until 1.24; 2.0 brought the name
# back for the scalar type, which code of TensorFlow 1's time never meant.
_NUMPY: Mapping[str, Any] = {
    "Inf": np.inf,
    "Infinity": np.inf,
    "NAN": np.nan,
    "NINF": -np.inf,
    "NZERO": -0.0,
    "NaN": np.nan,
    "PINF": np.inf,
    "PZERO": 0.0,
    "alltrue": np.all,
    "asfarray": lambda a, dtype=np.float64: np.asarray(
        a, dtype if np.issubdtype(dtype, np.inexact) else np.float64
    ),
    "asscalar": lambda a: a.item(),
    "bool": bool,
    "cfloat": np.complex128,
    "complex": complex,
    "complex_": np.complex128,
    "cumproduct": np.cumprod,
    "float": float,
    "float_": np.float64,
    "in1d": lambda ar1, ar2, assume_unique=False, invert=False: np.isin(
        np.ravel(ar1), ar2, assume_unique=assume_unique, invert=invert
    ),
    "infty": np.inf,
    "int": int,
    "int0": np.intp,
    "longfloat": np.longdouble,
    "mat": np.asmatrix,
    "msort": lambda a: np.sort(a, axis=0),
    "object": object,
    "object0": np.object_,
    "product": np.prod,
    "round_": np.round,
    "row_stack": np.vstack,
    "singlecomplex": np.complex64,
    "sometrue": np.any,
    "str": str,
    "str0": np.str_,
    "string_": np.bytes_,
    "trapz": getattr(np, "trapezoid", None) or getattr(np, "trapz", None),
    "uint0": np.uintp,
    "unicode": str,
    "unicode_": np.str_,
}

# Python 3.3 moved these, and 3.10 dropped the old names.
_COLLECTIONS = {name: getattr(collections.abc, name) for name in collections.abc.__all__}


class _ArgSpec(NamedTuple):
    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


def _getargspec(func: Callable[..., Any]) -> Any:
    """Do what `inspect.getargspec` did until Python 3.11."""
    spec = inspect.getfullargspec(func)
    return _ArgSpec(spec.args, spec.varargs, spec.varkw, spec.defaults)


_NAMES: Mapping[str, Mapping[str, Any]] = {
    "collections": _COLLECTIONS,
    "fractions": {"gcd": math.gcd},
    "inspect": {"getargspec": _getargspec},
    "numpy": _NUMPY,
    "time": {"clock": time.process_time},
}

MODULES = tuple(_NAMES)


def restored(module: str) -> Facade:
    """Return a module of `MODULES` with the names it had in TensorFlow 1's time."""
    own = {name: _constant(value) for name, value in _NAMES[module].items()}
    return Facade(module, importlib.import_module(module), own)


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value
