"""Load the user's modules so that they import through `UserImport`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from entrypoint.tensorflow1.user_import import UserImport

# Given a module's file, says with which imports to load it; None leaves it to Python.
ChooseImport = Callable[[Path], UserImport | None]


def load_user_modules(choose: ChooseImport) -> None:
    """Load modules from now on as `choose` says."""
    sys.meta_path.insert(0, _UserModuleFinder(choose))


class _UserModuleFinder(MetaPathFinder):
    """Finds what Python's own finder finds, and takes over what is the user's."""

    def __init__(self, choose: ChooseImport) -> None:
        self._choose = choose

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or type(spec.loader) is not SourceFileLoader:
            return None
        user_import = self._choose(Path(spec.origin))
        if user_import is None:
            return None
        spec.loader = _UserModuleLoader(fullname, spec.origin, user_import)
        return spec


class _UserModuleLoader(SourceFileLoader):
    """Runs a user's module with its own built-in names; no bytecode is read or written."""

    def __init__(self, fullname: str, path: str, user_import: UserImport) -> None:
        super().__init__(fullname, path)
        self._user_import = user_import

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self._user_import.builtins
        super().exec_module(module)

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = compile(self.get_data(path), path, "exec", dont_inherit=True)
        return code
