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

from entrypoint.blame import advise, blame_user, describe, find_place
from entrypoint.errors import UserCodeInvalidError
from entrypoint.user_interface import ALIASES, MODEL, SERVING, SIGNATURES, Signature, choose
from entrypoint.user_source import UserSource, require_functions


@dataclass(frozen=True, kw_only=True)
class UserFunction:
    """One of the user's functions.

    Attributes:
        name: what it is called, one of `SIGNATURES`.
        function: what the user wrote under that name.
        accepts: the names of its own arguments with the documented ones they stand for, in order.
        by_position: it has to be called by position.
        code_dir: where the user's lines are, to name one when it raises.
    """

    name: str
    function: Callable[..., Any]
    accepts: Mapping[str, str]
    by_position: bool
    code_dir: Path

    def takes(self, documented: str) -> bool:
        """Tell whether it takes a documented argument."""
        return documented in self.accepts.values()

    def __call__(self, **arguments: Any) -> Any:
        """Call it with those of the documented arguments that it takes.

        Raises:
            UserCodeFailedError: it raised; names the user's file and line.
        """
        given = {own: arguments[documented] for own, documented in self.accepts.items()}
        with blame_user(self.name, self.code_dir):
            if self.by_position:
                return self.function(*given.values())
            return self.function(**given)


@dataclass(frozen=True, kw_only=True)
class UserCode:
    """The user's four functions, imported and checked.

    Attributes:
        source: where they are.
        model: `model_fn`, `estimator_fn` or `keras_model_fn`, as its name says.
        train_input_fn: gives the training data.
        eval_input_fn: gives the evaluation data.
        serving: `serving_input_receiver_fn` or `serving_input_fn`, called the same way.
    """

    source: UserSource
    model: UserFunction
    train_input_fn: UserFunction
    eval_input_fn: UserFunction
    serving: UserFunction


def load_user_code(source: UserSource) -> UserCode:
    """Import the user's module and check its functions.

    Raises:
        UserCodeInvalidError: importing it raised, or a function is missing, is not callable or
            has the wrong signature. The user's file and line are named.
    """
    module = _import(source)
    # hasattr too, for modules that make their names on demand.
    names = {name for name in SIGNATURES if hasattr(module, name)} | set(dir(module))
    require_functions(names, source.module)

    def check(name: str) -> UserFunction:
        return _check(name, getattr(module, name), module, source.code_dir)

    return UserCode(
        source=source,
        model=check(choose(names, MODEL)),
        train_input_fn=check("train_input_fn"),
        eval_input_fn=check("eval_input_fn"),
        serving=check(choose(names, SERVING)),
    )


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
        hint=advise(error)
        or (f"correct {place.file}" if place else "import the module on its own to see more"),
    )


def _check(name: str, function: Any, module: ModuleType, code_dir: Path) -> UserFunction:
    expected = SIGNATURES[name]
    wanted = f"{name}{_in_words(expected)}"
    where = f"{module.__name__}.{name}"
    if not callable(function):
        raise UserCodeInvalidError(
            f"{where} is {type(function).__name__} {function!r:.60}, not a function",
            hint=f"define {wanted}",
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        accepts, by_position = _first(expected), True
    else:
        matched = _match(signature.parameters, expected)
        if matched is None:
            line = getattr(getattr(function, "__code__", None), "co_firstlineno", None)
            at = f" at {Path(function.__code__.co_filename).name}, line {line}" if line else ""
            raise UserCodeInvalidError(
                f"{where} has the signature {name}{signature}{at}; the job calls {wanted}",
                hint=f"let it take {_in_words(expected)}, and give every other argument a default",
            )
        accepts, by_position = matched
    return UserFunction(
        name=name, function=function, accepts=accepts, by_position=by_position, code_dir=code_dir
    )


def _match(
    parameters: Mapping[str, inspect.Parameter], expected: Signature
) -> tuple[dict[str, str], bool] | None:
    """Match a function's own parameters to the documented arguments, by name, else by position.

    Returns:
        The function's own names with the documented arguments they stand for, and whether it has
        to be called by position; None if it cannot be called.
    """
    own = list(parameters.values())
    kinds = {p.kind for p in own}
    if kinds == {inspect.Parameter.VAR_POSITIONAL} and expected.by_position:
        return _first(expected), True
    takes_any_keyword = inspect.Parameter.VAR_KEYWORD in kinds
    own = [p for p in own if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    needed = [p for p in own if p.default is p.empty]
    named = {
        p.name: documented
        for p in own
        if (documented := ALIASES.get(p.name, p.name)) in expected.arguments
    }
    if all(p.name in named and p.kind is not p.POSITIONAL_ONLY for p in needed):
        if takes_any_keyword:
            more = _first(expected) if expected.by_position else dict.fromkeys(expected.arguments)
            named |= {name: name for name in more if name not in named.values()}
        in_order = sorted(named.items(), key=lambda item: expected.arguments.index(item[1]))
        return (dict(in_order), False) if set(expected.required) <= set(named.values()) else None
    return _match_by_position(own, needed, expected)


def _match_by_position(
    own: list[inspect.Parameter], needed: list[inspect.Parameter], expected: Signature
) -> tuple[dict[str, str], bool] | None:
    if any(p.kind is p.KEYWORD_ONLY for p in needed):
        return None
    passed: dict[str, str] = {}
    for parameter, documented in zip(own, _first(expected), strict=False):
        means = ALIASES.get(parameter.name, parameter.name)
        if means not in expected.arguments and parameter not in needed:
            break  # an option of the user's own
        if means in expected.arguments and means != documented:
            return None  # a documented name in another's place is a mistake
        passed[parameter.name] = documented
    enough = len(passed) >= len(needed) and set(expected.required) <= set(passed.values())
    return (passed, True) if enough else None


def _first(expected: Signature) -> dict[str, str]:
    """Return the documented arguments that are passed by position."""
    return {name: name for name in expected.arguments[: expected.by_position]}


def _in_words(expected: Signature) -> str:
    return "(" + ", ".join(expected.arguments[: expected.by_position or None]) + ")"
