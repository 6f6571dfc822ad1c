"""Let user code that says `import tensorflow` see TensorFlow 1's API.

Only modules under the user's own directories are read this way; installed packages and ours see
the real TensorFlow. The import statements are rewritten in the syntax tree when a module is
loaded, so line numbers, tracebacks and `inspect.getsource` show the user's file as it is.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

_TF1 = "tensorflow.compat.v1"
# Under these names a module is asked for that is the same in both APIs.
_AS_THEY_ARE = {"compat", "core", "python"}


def read_user_modules_from(directory: Path) -> None:
    """Load modules under a directory from now on with TensorFlow 1's names."""
    sys.meta_path.insert(0, _UserModuleFinder(directory))


class _UserModuleFinder(MetaPathFinder):
    """Finds what Python's own finder finds, and takes over what lies under the directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if (
            spec is None
            or spec.origin is None
            or type(spec.loader) is not SourceFileLoader
            or not Path(spec.origin).is_relative_to(self._directory)
        ):
            return None
        spec.loader = _UserModuleLoader(fullname, spec.origin)
        return spec


class _UserModuleLoader(SourceFileLoader):
    """Compiles a user's module after rewriting its imports; no bytecode is read or written."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return compile_user_source(self.get_data(path), path)


def compile_user_source(source: bytes, path: str) -> CodeType:
    """Compile a user's module with its TensorFlow imports rewritten to TensorFlow 1's API.

    Raises:
        SyntaxError: the source is not Python.
    """
    tree = _TensorFlow1Imports().visit(ast.parse(source, filename=path))
    code: CodeType = compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)
    return code


class _TensorFlow1Imports(ast.NodeTransformer):
    """Points every import of `tensorflow` at `tensorflow.compat.v1`."""

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        """Rewrite `import tensorflow`, `… as tf`, `import tensorflow.x` and `… as y`."""
        statements: list[ast.stmt] = []
        for alias in node.names:
            if not _is_tensorflow(alias.name):
                statements.append(ast.Import([alias]))
            elif alias.asname or alias.name == "tensorflow":
                name = ast.alias(_renamed(alias.name), alias.asname or "tensorflow")
                statements.append(ast.Import([name]))
            else:
                # `import tensorflow.x` loads x and binds the name `tensorflow` alone.
                statements.append(ast.Import([ast.alias(_renamed(alias.name), "tensorflow")]))
                statements.append(ast.Import([ast.alias(_TF1, "tensorflow")]))
        return [ast.copy_location(statement, node) for statement in statements]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        """Rewrite `from tensorflow import x` and `from tensorflow.x import y`."""
        if node.level == 0 and node.module and _is_tensorflow(node.module):
            node.module = _renamed(node.module)
        return node


def _is_tensorflow(module: str) -> bool:
    return module == "tensorflow" or module.startswith("tensorflow.")


def _renamed(module: str) -> str:
    _, _, rest = module.partition(".")
    if rest.partition(".")[0] in _AS_THEY_ARE:
        return module
    return f"{_TF1}.{rest}" if rest else _TF1
