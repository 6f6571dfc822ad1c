"""Follow a user module's imports to the other files of the user's that it needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def files_of(module: str, code_dir: Path) -> list[Path]:
    """Return the file of a module and, nearest first, those that importing it imports.

    Imports inside functions count too. Only files under the code directory are followed.

    Args:
        module: a dotted name below the code directory.
        code_dir: where the user's code is.
    """
    found: list[Path] = []
    waiting = [*_files(module, code_dir)]
    while waiting:
        file = waiting.pop(0)
        if file not in found:
            found.append(file)
            for imported in _imports(file, code_dir):
                waiting += _files(imported, code_dir)
    return found


def _files(module: str, code_dir: Path) -> Iterator[Path]:
    """Yield the files that Python runs to import a module: its packages' and its own."""
    path = code_dir
    for part in module.split("."):
        path = path / part
        for file in (path.with_name(f"{part}.py"), path / "__init__.py"):
            if file.is_file():
                yield file


def nodes_of(file: Path) -> tuple[ast.AST, ...]:
    """Return the syntax of a file, every node of it.

    What cannot be read or is no Python has none: importing it, if it comes to that, says why.
    """
    try:
        return tuple(ast.walk(ast.parse(file.read_bytes())))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _imports(file: Path, code_dir: Path) -> Iterator[str]:
    """Yield the absolute names that a file imports, as far as they may be modules."""
    package = file.relative_to(code_dir).parts[:-1]
    for node in nodes_of(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}".strip(".") for alias in node.names)
