"""Find, import and check the user's module, and hold its four functions."""

from __future__ import annotations

import ast
import difflib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from entrypoint.blame import blame_user, describe, find_place
from entrypoint.errors import UserCodeInvalidError
from entrypoint.parameters import sagemaker_program
from entrypoint.settings import Settings

# The arguments that each function may take, and those it must take, as Estimator documents them.
ARGUMENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "model_fn": (("features", "labels", "mode", "params", "config"), ("features",)),
    "train_input_fn": (("path", "params"), ()),
    "eval_input_fn": (("path", "params"), ()),
    "serving_input_receiver_fn": ((), ()),
}
_CHOOSE_HINT = "set MODELMAKER_MODULE to the module's name, such as MODELMAKER_MODULE=model"


@dataclass(frozen=True, kw_only=True)
class UserSource:
    """The user's module, found but not yet imported.

    Attributes:
        module: its dotted name.
        code_dir: the directory it is imported from.
    """

    module: str
    code_dir: Path

    @property
    def requirements_file(self) -> Path:
        """What the user's code needs besides this image; may not exist."""
        return self.code_dir / "requirements.txt"


@dataclass(frozen=True, kw_only=True)
class UserFunction:
    """One of the user's functions.

    Attributes:
        name: the name it is documented by.
        function: what the user wrote under that name.
        accepts: the documented arguments it takes, in their documented order.
        by_position: it has its own names for them.
        code_dir: where the user's lines are, to name one when it raises.
    """

    name: str
    function: Callable[..., Any]
    accepts: tuple[str, ...]
    by_position: bool
    code_dir: Path

    def __call__(self, **arguments: Any) -> Any:
        """Call it with those of the documented arguments that it takes.

        Raises:
            UserCodeFailedError: it raised; names the user's file and line.
        """
        given = {name: arguments[name] for name in self.accepts}
        with blame_user(self.name, self.code_dir):
            if self.by_position:
                return self.function(*given.values())
            return self.function(**given)


@dataclass(frozen=True, kw_only=True)
class UserCode:
    """The user's four functions, imported and checked."""

    source: UserSource
    model_fn: UserFunction
    train_input_fn: UserFunction
    eval_input_fn: UserFunction
    serving_input_receiver_fn: UserFunction


def find_user_code(settings: Settings) -> UserSource:
    """Find the module that defines the four functions, by reading the files alone.

    MODELMAKER_MODULE names it, else SageMaker's `sagemaker_program`, else it is the one module
    under the code directory that defines `model_fn`.

    Raises:
        UserCodeInvalidError: there is no such module or more than one, it has a syntax error, or
            it plainly lacks one of the functions.
    """
    code_dir = settings.code_dir
    if not code_dir.is_dir():
        raise UserCodeInvalidError(
            f"no code: {code_dir} is not a directory", hint=f"mount your code at {code_dir}"
        )
    named = settings.module or sagemaker_program(settings)
    module = _module_name(named, code_dir) if named else _discover(code_dir)
    file = _module_file(module, code_dir)
    if file is None:
        found = ", ".join(sorted(f.name for f in code_dir.glob("*.py"))) or "no Python file"
        raise UserCodeInvalidError(
            f"no module {module!r} in {code_dir}, which holds {found}",
            hint="correct MODELMAKER_MODULE, or leave it out if one module defines model_fn",
        )
    names = _bound_names(file, code_dir)
    if names is not None:
        _require_functions(names, module)
    return UserSource(module=module, code_dir=code_dir)


def _module_name(named: str, code_dir: Path) -> str:
    """Accept a module as a dotted name or as a file, "trainer/model.py", "./model.py"."""
    if "/" not in named and not named.endswith(".py"):
        return named
    file = Path(os.path.normpath(code_dir / named))
    if not file.is_relative_to(code_dir):
        return named
    return ".".join(file.relative_to(code_dir).parts).removesuffix(".py")


def _module_file(module: str, code_dir: Path) -> Path | None:
    """Return the file of a module under the code directory, None if there is none."""
    parts = module.split(".")
    if not all(parts) or "/" in module:
        return None
    base = code_dir.joinpath(*parts)
    files = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def _discover(code_dir: Path) -> str:
    """Return the one module that defines `model_fn`, top-level modules first."""
    broken: list[UserCodeInvalidError] = []
    for pattern in ("*.py", "*/**/*.py"):
        files = sorted(f for f in code_dir.glob(pattern) if _is_importable(f, code_dir))
        defining: dict[str, set[str]] = {}
        for file in files:
            try:
                names = _bound_names(file, code_dir)
            except UserCodeInvalidError as error:
                broken.append(error)
                continue
            if names and "model_fn" in names:
                defining[_dotted_name(file, code_dir)] = names
        # A module may import model_fn from beside it and add the input functions.
        complete = [name for name, names in defining.items() if names >= set(ARGUMENTS)]
        candidates = complete or list(defining)
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise UserCodeInvalidError(
                f"several modules define model_fn: {', '.join(candidates)}", hint=_CHOOSE_HINT
            )
    if broken:
        raise broken[0]
    raise UserCodeInvalidError(f"no module in {code_dir} defines model_fn", hint=_CHOOSE_HINT)


def _is_importable(file: Path, code_dir: Path) -> bool:
    """Leave out what tools put beside code: notebook checkpoints, virtual environments."""
    directories = file.relative_to(code_dir).parts[:-1]
    return not file.name.startswith(".") and all(map(str.isidentifier, directories))


def _dotted_name(file: Path, code_dir: Path) -> str:
    parts = file.relative_to(code_dir).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _bound_names(file: Path, code_dir: Path) -> set[str] | None:
    """Return the names that a module binds at its top level; None if only running it can tell.

    Raises:
        UserCodeInvalidError: the file is not Python that this interpreter reads.
    """
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _broken(error, file, code_dir) from error
    except OSError as error:
        raise UserCodeInvalidError(
            f"cannot read {file}: {error.strerror}", hint="make the code readable for the job"
        ) from error
    names: set[str] = set()
    for node in _top_level(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("globals", "exec"):
            return None
    return None if "*" in names else names


def _top_level(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a module without entering its functions and classes, however deep it nests."""
    nodes = [node]
    while nodes:
        for child in ast.iter_child_nodes(nodes.pop()):
            yield child
            if not isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
                nodes.append(child)


def _broken(error: Exception, file: Path, code_dir: Path) -> UserCodeInvalidError:
    place = find_place(error, code_dir) or file
    hint = f"correct {file.name}"
    if isinstance(error, SyntaxError) and "print" in (error.text or ""):
        hint += "; print is a function since Python 3, and 2to3 converts what Python 2 wrote"
    return UserCodeInvalidError(f"{describe(error)} at {place}", hint=hint)


def _require_functions(names: set[str], module: str) -> None:
    missing = [name for name in ARGUMENTS if name not in names]
    if not missing:
        return
    similar = {
        name: difflib.get_close_matches(name, names - set(ARGUMENTS), n=1, cutoff=0.75)
        for name in missing
    }
    listed = ", ".join(
        f"{name} (did you mean to call {similar[name][0]} that?)" if similar[name] else name
        for name in missing
    )
    raise UserCodeInvalidError(
        f"module {module!r} does not define {listed}",
        hint="the module must define model_fn, train_input_fn, eval_input_fn and"
        " serving_input_receiver_fn",
    )


def load_user_code(source: UserSource) -> UserCode:
    """Import the user's module and check its functions.

    Raises:
        UserCodeInvalidError: importing it raised, or a function is missing, is not callable or
            has the wrong signature. The user's file and line are named.
    """
    module = _import(source)
    _require_functions(
        {name for name in ARGUMENTS if hasattr(module, name)} | set(dir(module)), source.module
    )
    functions = {
        name: _check(name, getattr(module, name), module, source.code_dir) for name in ARGUMENTS
    }
    return UserCode(source=source, **functions)


def _import(source: UserSource) -> ModuleType:
    code_dir = source.code_dir
    if str(code_dir) not in sys.path:
        sys.path.insert(0, str(code_dir))
    # User code that parses flags must not find this job's arguments.
    sys.argv[1:] = []
    try:
        module = importlib.import_module(source.module)
    except (Exception, SystemExit) as error:
        raise _import_failure(source, error) from error
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).is_relative_to(code_dir):
        raise _shadowed(source.module, file)
    return module


def _shadowed(module: str, file: str | None) -> UserCodeInvalidError:
    return UserCodeInvalidError(
        f"the module name {module!r} belongs to an installed module ({file or 'built in'})",
        hint="give your module another name, and set MODELMAKER_MODULE to it if need be",
    )


def _import_failure(source: UserSource, error: BaseException) -> UserCodeInvalidError:
    place = find_place(error, source.code_dir)
    package = sys.modules.get(source.module.partition(".")[0])
    if isinstance(error, ModuleNotFoundError) and place is None and package is not None:
        # The file is there, so Python looked for it in another package of the same name.
        return _shadowed(package.__name__, getattr(package, "__file__", None))
    if isinstance(error, ModuleNotFoundError):
        return UserCodeInvalidError(
            f"no module named {error.name!r}, imported at {place}",
            hint=f"put {error.name} beside your module, or name its package in"
            f" {source.requirements_file}",
        )
    what = "called sys.exit" if isinstance(error, SystemExit) else f"raised {describe(error)}"
    at = f" at {place}" if place else ""
    return UserCodeInvalidError(
        f"loading module {source.module!r} {what}{at}",
        hint=f"correct {place.file}" if place else "import the module on its own to see more",
    )


def _check(name: str, function: Any, module: ModuleType, code_dir: Path) -> UserFunction:
    allowed, required = ARGUMENTS[name]
    wanted = f"{name}({', '.join(allowed)})"
    where = f"{module.__name__}.{name}"
    if not callable(function):
        raise UserCodeInvalidError(
            f"{where} is {type(function).__name__} {function!r:.60}, not a function",
            hint=f"define {wanted}",
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return UserFunction(
            name=name, function=function, accepts=allowed, by_position=True, code_dir=code_dir
        )
    accepts, by_position = _match(signature.parameters, allowed)
    if accepts is None or not set(required) <= set(accepts):
        line = getattr(getattr(function, "__code__", None), "co_firstlineno", None)
        at = f" at {Path(function.__code__.co_filename).name}, line {line}" if line else ""
        raise UserCodeInvalidError(
            f"{where} has the signature {name}{signature}{at}; the job calls {wanted}",
            hint=f"let it take {_in_words(allowed)}, and give every other argument a default",
        )
    return UserFunction(
        name=name, function=function, accepts=accepts, by_position=by_position, code_dir=code_dir
    )


def _match(
    parameters: Mapping[str, inspect.Parameter], allowed: tuple[str, ...]
) -> tuple[tuple[str, ...] | None, bool]:
    """Match a function's own parameters to the documented arguments, by name, else by position.

    Returns:
        The documented arguments it takes (None if it cannot be called), and whether they have to
        be passed by position.
    """
    own = list(parameters.values())
    kinds = {p.kind for p in own}
    if kinds == {inspect.Parameter.VAR_POSITIONAL} and "path" in allowed:
        return allowed, True
    takes_any_keyword = inspect.Parameter.VAR_KEYWORD in kinds
    own = [p for p in own if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    needed = [p for p in own if p.default is p.empty]
    if all(p.name in allowed and p.kind is not p.POSITIONAL_ONLY for p in needed):
        names = {p.name for p in own}
        return tuple(a for a in allowed if a in names or takes_any_keyword), False
    positional = [p for p in needed if p.kind is not p.KEYWORD_ONLY]
    # Estimator matches model_fn by name alone, so position serves only the input functions.
    # A documented name in another's place is a mistake, not a name of the user's own.
    in_place = all(
        p.name == documented or p.name not in allowed
        for p, documented in zip(positional, allowed, strict=False)
    )
    if len(positional) == len(needed) == len(allowed) and "path" in allowed and in_place:
        return allowed, True
    return None, False


def _in_words(names: tuple[str, ...]) -> str:
    return "(" + ", ".join(names) + ")" if names else "no argument"
