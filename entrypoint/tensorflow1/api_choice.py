"""Decide from what user code names whether `tensorflow` means TensorFlow 1's API or 2's to it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import tensorflow as tf

from entrypoint.settings import TensorFlowApi
from entrypoint.tensorflow1.source_files import nodes_of

# Below these, both APIs have the same names: code that uses them says which one it wants.
_NEUTRAL = ("compat", "core", "python")
# The dimensions of a shape are plain numbers in TensorFlow 2.
_DIMENSION_VALUE = "Dimension.value"


@dataclass(frozen=True, kw_only=True)
class Use:
    """A name of TensorFlow's that user code uses.

    Attributes:
        name: without `tensorflow`, such as "layers.dense".
        file: where.
        line: from 1.
    """

    name: str
    file: Path
    line: int


@dataclass(frozen=True, kw_only=True)
class ApiChoice:
    """Which API user code is written for, and why.

    Attributes:
        api: "1" or "2".
        reason: a sentence for the log.
    """

    api: TensorFlowApi
    reason: str


def choose_api(files: Iterable[Path], code_dir: Path, *, default: TensorFlowApi) -> ApiChoice:
    """Choose the API under which the fewer of the names in some files are missing.

    Where that decides nothing, `tf.compat.v1` is the sign of code whose `tf` is TensorFlow 2.

    Args:
        files: Python files; what cannot be read or parsed is left out.
        code_dir: files are named relative to its parent in the reason.
        default: what to choose where nothing speaks for either.
    """
    uses = [use for file in files for use in _uses(file)]
    only_1 = [use for use in uses if _is_in("1", use.name) and not _is_in("2", use.name)]
    only_2 = [use for use in uses if _is_in("2", use.name) and not _is_in("1", use.name)]
    through_compat = [use for use in uses if use.name.startswith("compat.v1.")]
    count_1, count_2 = _count(only_1), _count(only_2)
    if count_1 > count_2:
        return ApiChoice(api="1", reason=_reason("1", only_1, only_2, code_dir))
    if count_2 > count_1:
        return ApiChoice(api="2", reason=_reason("2", only_2, only_1, code_dir))
    if through_compat:
        first = _shown(through_compat[0], code_dir)
        return ApiChoice(api="2", reason=f"it says {first}, so tf itself is TensorFlow 2 there")
    return ApiChoice(api=default, reason="every name that it uses is in both APIs")


def _count(uses: Iterable[Use]) -> int:
    return len({use.name for use in uses})


def _reason(api: TensorFlowApi, there: list[Use], not_there: list[Use], code_dir: Path) -> str:
    others = _count(there) - 1
    more = f" and {others} more names" if others > 1 else " and one more name" if others else ""
    reason = f"it uses {_shown(there[0], code_dir)}{more} that only TensorFlow {api} has"
    if not_there:
        reason += f" (but also {_shown(not_there[0], code_dir)}, which it lacks)"
    return reason


def _shown(use: Use, code_dir: Path) -> str:
    file = use.file
    shown = file.relative_to(code_dir.parent) if file.is_relative_to(code_dir.parent) else file
    return f"tf.{use.name} ({shown}, line {use.line})"


def _is_in(api: TensorFlowApi, name: str) -> bool:
    """Tell whether an API has a name, as far as its modules and classes can tell."""
    if name.split(".", maxsplit=1)[0] in _NEUTRAL:
        return True
    if name.split(".", maxsplit=1)[0] == "contrib" or name == _DIMENSION_VALUE:
        return api == "1"
    found: Any = tf.compat.v1 if api == "1" else tf
    for part in name.split("."):
        if not isinstance(found, ModuleType):
            return True  # an attribute of a class or an object is its own business
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def _uses(file: Path) -> Iterator[Use]:
    """Yield the names of TensorFlow's in a file."""
    nodes = nodes_of(file)
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for local, name in _imported(node):
                names[local] = name
                yield Use(name=name, file=file, line=node.lineno)
    names |= _rebound(nodes, names)
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        if isinstance(node, ast.Attribute):
            used = _DIMENSION_VALUE if _is_dimension_value(node) else _dotted(node, names)
            if used and id(node) not in inner:
                yield Use(name=used, file=file, line=node.lineno)


def _rebound(nodes: Iterable[ast.AST], names: Mapping[str, str]) -> dict[str, str]:
    """Return what names are bound to that are made one of the APIs: `tf = tf.compat.v1`."""
    rebound: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, name = node.targets[0], _dotted(node.value, names)
            if isinstance(target, ast.Name) and name in ("compat.v1", "compat.v2"):
                rebound[target.id] = name
    return rebound


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Yield the local names that an import of TensorFlow binds, with what they stand for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            root, _, below = alias.name.partition(".")
            if root == "tensorflow":
                yield (alias.asname, below) if alias.asname else (root, "")
    elif node.level == 0 and node.module:
        root, _, below = node.module.partition(".")
        if root == "tensorflow":
            for alias in node.names:
                name = below if alias.name == "*" else f"{below}.{alias.name}".lstrip(".")
                yield alias.asname or alias.name, name


def _dotted(node: ast.expr, names: Mapping[str, str]) -> str | None:
    """Return the name below `tensorflow` that an expression spells, if it spells one."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([*filter(None, [names[node.id]]), *reversed(parts)])


def _is_dimension_value(node: ast.Attribute) -> bool:
    """Tell whether an expression is `x.shape[0].value` or `x.get_shape()[0].value`."""
    if node.attr != "value" or not isinstance(node.value, ast.Subscript):
        return False
    shape = node.value.value
    shape = shape.func if isinstance(shape, ast.Call) else shape
    return isinstance(shape, ast.Attribute) and shape.attr in ("shape", "get_shape")
