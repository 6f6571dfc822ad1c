"""The `import` of user code: what its modules get when they name a module that has changed.

Python looks `__import__` up in the built-in names of the module that an import stands in. User
modules get built-in names of their own, so every form of import goes through here, in functions,
in `exec` and in a call of `__import__` too, while all other code imports as ever. Nothing in the
user's files is changed: line numbers, tracebacks and `inspect.getsource` show them as they are.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from entrypoint.settings import TensorFlowApi
from entrypoint.tensorflow1 import dropped_names, mended_slim
from entrypoint.tensorflow1.contrib.missing import MissingImportError, MissingSymbolError
from entrypoint.tensorflow1.facade import Facade
from entrypoint.tensorflow1.tensorflow_names import TensorFlow, load

_import_as_ever = builtins.__import__


class UserImport:
    """Imports for user code that sees one of TensorFlow's two APIs."""

    def __init__(self, api: TensorFlowApi) -> None:
        """Make the modules that user code sees in place of the real ones.

        Args:
            api: "1" or "2"; see `TensorFlow`.
        """
        self._tensorflow = TensorFlow(api)
        # Its names are what user modules take for Python's built-in ones, so that what user code
        # sets in it (`builtins.unicode = str`) is there in all of them.
        built_in = ModuleType("builtins", builtins.__doc__)
        vars(built_in).update(vars(builtins), __import__=self)
        self.builtins: dict[str, Any] = vars(built_in)
        self._modules: dict[str, ModuleType] = {
            "builtins": built_in,
            "importlib": Facade(
                "importlib", importlib, {"import_module": lambda: self._import_module}
            ),
        }

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 (as __import__ names them)
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Do what `__import__` does.

        Raises:
            ImportError: there is no such module, or it lacks a name that is imported from it.
        """
        root = name.partition(".")[0]
        if root == "tf_slim":
            mended_slim.mend()
        if level != 0 or not self._is_changed(root):
            return _import_as_ever(name, globals, locals, fromlist or (), level)
        try:
            module = self._load(name)
            if not fromlist:
                return self._load(root)
            for wanted in fromlist:
                # A call of __import__, unlike a statement, may ask for names that are not there.
                if wanted != "*" and globals is not None:
                    self._require(module, name, wanted)
        except MissingSymbolError as error:
            raise MissingImportError(error, name) from error
        return module

    def _is_changed(self, root: str) -> bool:
        return root in ("tensorflow", *self._modules, *dropped_names.MODULES)

    def _load(self, name: str) -> ModuleType:
        root, _, below = name.partition(".")
        if root == "tensorflow":
            module: ModuleType = load(self._tensorflow, name)
            return module
        if root not in self._modules:
            self._modules[root] = dropped_names.restored(root)
        if below:
            return importlib.import_module(name)
        return self._modules[root]

    def _require(self, module: ModuleType, name: str, wanted: str) -> None:
        """See that a name can be imported from a module, loading it where it is a module."""
        try:
            getattr(module, wanted)
        except MissingSymbolError:
            raise
        except AttributeError as error:
            try:
                vars(module)[wanted] = self._load(f"{name}.{wanted}")
            except ModuleNotFoundError:
                raise ImportError(
                    f"cannot import name {wanted!r} from {name!r}", name=name
                ) from error

    def _import_module(self, name: str, package: str | None = None) -> ModuleType:
        """Do what `importlib.import_module` does."""
        if name.startswith(".") or not self._is_changed(name.partition(".")[0]):
            return importlib.import_module(name, package)
        try:
            return self._load(name)
        except MissingSymbolError as error:
            raise MissingImportError(error, name) from error
