"""`tensorflow.contrib.…`: the packages of `contrib/` under TensorFlow 1's paths."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from entrypoint.tensorflow1.contrib_modules import BESIDE, MODULES
from entrypoint.tensorflow1.facade import Facade

_CONTRIB = "entrypoint.tensorflow1.contrib"


class Contrib(Facade):
    """`tf.contrib`, or a package in it that has packages of its own (`slim`, `slim.nets`)."""

    def __init__(self, path: str = "") -> None:
        """Make the facade of a path below `tf.contrib`."""
        super().__init__(
            f"tensorflow.contrib.{path}".rstrip("."),
            importlib.import_module(f"{_CONTRIB}.{path}".rstrip(".")),
        )
        vars(self)["_below"] = path

    def _find(self, name: str) -> Any:
        if name == "python" and self._below in MODULES:
            return OldModule(f"{self.__name__}.python", self, MODULES[self._below].split())
        if name in BESIDE.get(self._below, "").split():
            return OldModule(f"{self.__name__}.{name}", self, [])
        value = super()._find(name)
        path = f"{self._below}.{name}".lstrip(".")
        if isinstance(value, ModuleType) and value.__name__ == f"{_CONTRIB}.{path}":
            return Contrib(path)
        return value


class OldModule(Facade):
    """A file that a package of `tf.contrib` was made of: it has every name of the package."""

    def __init__(self, name: str, package: Facade, modules: list[str]) -> None:
        """Make the facade of one file, or of a directory of them.

        Args:
            name: the path by which user code knows it.
            package: the package's own facade.
            modules: the names of all files and directories of the package.
        """
        super().__init__(name, package)
        vars(self)["_modules"] = modules

    def _find(self, name: str) -> Any:
        # The package has modules of its own too, of which only the public ones are as they were.
        if name in self._modules and name not in self._real.__all__:
            return self.submodule(name)
        try:
            return super()._find(name)
        except AttributeError:
            # Private names, such as those of base classes, are in the package's own modules.
            for module in _modules_of(self._real):
                if hasattr(module, name):
                    return getattr(module, name)
            raise

    def submodule(self, name: str) -> OldModule | None:
        """Return what an import path means by a name that may be a function's too: `arg_scope`."""
        if name not in self._modules:
            return None
        return OldModule(f"{self.__name__}.{name}", self._real, self._modules)


def _modules_of(package: Any) -> Iterator[ModuleType]:
    """Yield the modules that a package of `contrib/` is made of."""
    while isinstance(package, Facade):
        package = package._real
    for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
        yield importlib.import_module(f"{package.__name__}.{module.name}")
