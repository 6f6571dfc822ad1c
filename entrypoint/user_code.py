"""Import and check the user's module, and hold its four functions."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from entrypoint.blame import blame_user, describe, find_place
from entrypoint.errors import UserCodeInvalidError
from entrypoint.user_source import UserSource, require_functions

# The arguments that each function may take, and those it must take, as Estimator documents them.
ARGUMENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "model_fn": (("features", "labels", "mode", "params", "config"), ("features",)),
    "train_input_fn": (("path", "params"), ()),
    "eval_input_fn": (("path", "params"), ()),
    "serving_input_receiver_fn": ((), ()),
}


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


def load_user_code(source: UserSource) -> UserCode:
    """Import the user's module and check its functions.

    Raises:
        UserCodeInvalidError: importing it raised, or a function is missing, is not callable or
            has the wrong signature. The user's file and line are named.
    """
    module = _import(source)
    # hasattr too, for modules that make their names on demand.
    on_demand = {name for name in ARGUMENTS if hasattr(module, name)}
    require_functions(on_demand | set(dir(module)), source.module)
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
    # Estimator matches model_fn by name alone, so position serves only the input functions.
    if "path" not in allowed or any(p.kind is p.KEYWORD_ONLY for p in needed):
        return None, False
    passed: list[str] = []
    for parameter, documented in zip(own, allowed, strict=False):
        if parameter.name not in allowed and parameter not in needed:
            break  # an option of the user's own
        if parameter.name in allowed and parameter.name != documented:
            return None, False  # a documented name in another's place is a mistake
        passed.append(documented)
    return (tuple(passed), True) if len(passed) >= len(needed) else (None, False)


def _in_words(names: tuple[str, ...]) -> str:
    return "(" + ", ".join(names) + ")" if names else "no argument"
