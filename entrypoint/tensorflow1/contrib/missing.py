"""Say of a symbol of `tf.contrib` that is not supplied what to use instead of it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping
from typing import Any

_PREFIX = __name__.rpartition(".")[0]


class MissingSymbolError(AttributeError):
    """A symbol of TensorFlow 1 that user code names and this image does not have.

    Attributes:
        what: says which it is.
        advice: says what to do instead.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}; {advice}")
        self.what = what
        self.advice = advice


class MissingImportError(ImportError):
    """The same of a symbol that user code imports."""

    def __init__(self, missing: MissingSymbolError, module: str) -> None:
        super().__init__(str(missing), name=module)
        self.what = missing.what
        self.advice = missing.advice


def explain_missing(module: str, not_supplied: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module of `tf.contrib`.

    Args:
        module: the module's `__name__`.
        not_supplied: symbols that TensorFlow 1.15 had there, with what to use instead.
    """

    def getattribute(name: str) -> Any:
        raise missing(module, name, not_supplied)

    return getattribute


def missing(module: str, name: str, not_supplied: Mapping[str, str]) -> AttributeError:
    """Return the error for a name that a module of `tf.contrib` does not have."""
    if name.startswith("__"):
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    package = f"tf.contrib{module.removeprefix(_PREFIX)}"
    symbol = f"{package}.{name}"
    if name in not_supplied:
        return MissingSymbolError(f"{symbol} is not supplied", not_supplied[name])
    supplied = getattr(sys.modules[module], "__all__", ())
    near = difflib.get_close_matches(name, supplied, n=1, cutoff=0.75)
    if near:
        return MissingSymbolError(f"{symbol} does not exist", f"did you mean {package}.{near[0]}?")
    return MissingSymbolError(
        f"{symbol} does not exist", "TensorFlow 1.15 did not have it either; correct the name"
    )
