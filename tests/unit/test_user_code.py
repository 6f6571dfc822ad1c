"""Small modules, really imported: what they fail with, and how their functions are called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from entrypoint.errors import UserCodeFailedError, UserCodeInvalidError
from entrypoint.settings import Settings
from entrypoint.user_code import UserCode, load_user_code
from entrypoint.user_source import UserSource
from tests.jobs import JobRoot

Load = Callable[[str], UserCode]

FUNCTIONS = {
    "model_fn": "def model_fn(features, labels, mode, params): return 'model', params",
    "train_input_fn": "def train_input_fn(path, params): return path, params",
    "eval_input_fn": "def eval_input_fn(path, params): return path, params",
    "serving_input_receiver_fn": "def serving_input_receiver_fn(): return 'serving'",
}


def written(head: str = "", **functions: str) -> str:
    """A module of the four functions, some of them written otherwise; "" leaves one out."""
    return "\n".join([head, *{**FUNCTIONS, **functions}.values()]) + "\n"


@pytest.fixture(autouse=True)
def _interpreter_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Importing changes the path, the arguments and the modules of this process."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "argv", sys.argv[:])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def load(root: JobRoot, settings: Settings) -> Load:
    """Write a module and load it."""

    def load(text: str) -> UserCode:
        root.write_code(user_model=text)
        return load_user_code(UserSource(module="user_model", code_dir=settings.code_dir))

    return load


def refusal(load: Callable[[], object]) -> UserCodeInvalidError:
    with pytest.raises(UserCodeInvalidError) as caught:
        load()
    assert caught.value.code == 20
    assert caught.value.hint
    return caught.value


def test_the_four_functions_are_called_with_the_documented_arguments(load: Load) -> None:
    code = load(written())
    given: dict[str, Any] = {
        "path": "/data",
        "params": {"a": 1},
        "training_dir": "",
        "channel_dirs": {},
    }
    assert code.model(features=1, labels=2, mode=3, params=4, config=5) == ("model", 4)
    assert code.train_input_fn(**given) == ("/data", {"a": 1})
    assert code.eval_input_fn(**given) == ("/data", {"a": 1})
    assert code.serving(params={}) == "serving"


def test_modules_beside_it_are_imported(load: Load, root: JobRoot) -> None:
    root.write_code(user_helper="ANSWER = 42\n")
    code = load(
        written("import user_helper", model_fn="def model_fn(features): return user_helper.ANSWER")
    )
    assert code.model(features=1) == 42


def test_a_module_in_a_package_imports_relatively(root: JobRoot, settings: Settings) -> None:
    root.write("code/user_trainer/helper.py", "ANSWER = 42\n")
    root.write("code/user_trainer/model.py", written("from . import helper"))
    source = UserSource(module="user_trainer.model", code_dir=settings.code_dir)
    assert load_user_code(source).serving(params={}) == "serving"


def test_it_finds_no_arguments_of_ours(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["entrypoint", "train", "--flag"])
    load(written("import sys; assert len(sys.argv) == 1, sys.argv"))


# How the user wrote a function's head and what it makes of it: what it is called with.
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("def {}(): return ()", ()),
        ("def {}(path): return (path,)", ("P",)),
        ("def {}(params): return (params,)", ("Q",)),
        ("def {}(params, path): return (path, params)", ("P", "Q")),
        ("def {}(d, hp): return (d, hp)", ("P", "Q")),
        ("def {}(d, hp, /): return (d, hp)", ("P", "Q")),
        ("def {}(path, hp): return (path, hp)", ("P", "Q")),
        ("def {}(d): return (d,)", ("P",)),
        ("def {}(d, size=3): return (d, size)", ("P", 3)),
        ("def {}(d, params=0): return (d, params)", ("P", "Q")),
        ("def {}(*a): return a", ("P", "Q")),
        ("def {}(**k): return tuple(k.values())", ("P", "Q")),
        ("def {}(*a, **k): return (*a, *k.values())", ("P", "Q")),
        ("def {}(path, size=3): return (path, size)", ("P", 3)),
        ("def {}(*, path, params=0): return (path, params)", ("P", "Q")),
        ("{} = lambda path, params: (path, params)", ("P", "Q")),
        ("def {}(training_dir, hyperparameters): return training_dir, hyperparameters", ("T", "Q")),
        ("def {}(hyperparameters): return (hyperparameters,)", ("Q",)),
        ("def {}(dir, params): return dir, params", ("T", "Q")),
        ("def {}(channel_dirs, params): return channel_dirs, params", ("C", "Q")),
        ("def {}(input_channels): return (input_channels,)", ("C",)),
        ("def {}(params, channels): return channels, params", ("C", "Q")),
        ("def {}(path, hyperparameters=0): return path, hyperparameters", ("P", "Q")),
        ("class T:\n  def __call__(self, path): return (path,)\n{} = T()", ("P",)),
    ],
)
@pytest.mark.parametrize("name", ["train_input_fn", "eval_input_fn"])
def test_an_input_function_gets_what_it_takes(
    name: str, function: str, arguments: tuple[Any, ...], load: Load
) -> None:
    code = load(written(**{name: function.format(name)}))
    given = {"path": "P", "params": "Q", "training_dir": "T", "channel_dirs": "C"}
    assert getattr(code, name)(**given) == arguments


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("(features): return (features,)", ("F",)),
        ("(features, labels, mode): return (features, labels, mode)", ("F", "L", "M")),
        ("(mode, labels, features): return (features, labels, mode)", ("F", "L", "M")),
        ("(features, params, config): return (params, config)", ("P", "C")),
        ("(features, **k): return tuple(k)", ("labels", "mode", "params", "config")),
        ("(features, labels, mode, hyperparameters): return (hyperparameters,)", ("P",)),
    ],
)
def test_a_model_function_gets_what_it_takes(
    function: str, arguments: tuple[str, ...], load: Load
) -> None:
    code = load(written(model_fn=f"def model_fn{function}"))
    given = code.model(features="F", labels="L", mode="M", params="P", config="C")
    assert given == arguments


@pytest.mark.parametrize(
    "function",
    [
        "def serving_input_fn(params): return params",
        "def serving_input_fn(hyperparameters): return hyperparameters",
        "def serving_input_fn(hp): return hp",
        "def serving_input_receiver_fn(params): return params",
    ],
)
def test_a_serving_function_may_take_the_parameters(function: str, load: Load) -> None:
    code = load(written(serving_input_receiver_fn=function))
    assert code.serving(params="Q") == "Q"


def test_ours_is_the_serving_function_where_there_are_two(load: Load) -> None:
    code = load(written("def serving_input_fn(): return 'other'"))
    assert code.serving(params={}) == "serving"


@pytest.mark.parametrize(
    ("function", "name", "result"),
    [
        ("def estimator_fn(run_config, params): return run_config, params", "estimator_fn", "RQ"),
        ("def estimator_fn(run_config, hyperparameters): return run_config, hyperparameters",
         "estimator_fn", "RQ"),
        ("def estimator_fn(c, hp): return c, hp", "estimator_fn", "RQ"),
        ("def estimator_fn(run_config): return run_config,", "estimator_fn", "R"),
        ("def keras_model_fn(hyperparameters): return hyperparameters,", "keras_model_fn", "Q"),
        ("def keras_model_fn(): return ()", "keras_model_fn", ""),
    ],
)  # fmt: skip
def test_other_ways_to_give_the_model(function: str, name: str, result: str, load: Load) -> None:
    """A model_fn beside them is a part of theirs."""
    code = load(written(function))
    assert code.model.name == name
    assert code.model(run_config="R", params="Q") == tuple(result)


def test_a_serving_function_may_have_arguments_with_defaults(load: Load) -> None:
    function = "def serving_input_receiver_fn(size=1): return size"
    assert load(written(serving_input_receiver_fn=function)).serving(params={}) == 1


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("train_input_fn", "def train_input_fn(path, params, batch_size): pass"),
        ("train_input_fn", "def train_input_fn(directory, *, hp): pass"),
        ("eval_input_fn", "def eval_input_fn(params, directory): pass"),
        ("model_fn", "def model_fn(): pass"),
        ("model_fn", "def model_fn(labels, mode): pass"),
        ("model_fn", "def model_fn(x, y, mode, params): pass"),
        ("model_fn", "def model_fn(features, labels, mode, params, config, extra): pass"),
        ("serving_input_receiver_fn", "def serving_input_receiver_fn(x, y): pass"),
        ("estimator_fn", "def estimator_fn(): pass"),
        ("estimator_fn", "def estimator_fn(params): pass"),
        ("estimator_fn", "def estimator_fn(run_config, params, more): pass"),
        ("keras_model_fn", "def keras_model_fn(a, b): pass"),
    ],
)
def test_a_wrong_signature_is_shown_with_its_line_and_the_right_one(
    name: str, function: str, load: Load
) -> None:
    error = refusal(lambda: load(written(**{name: function})))
    signature = function.removeprefix("def ").removesuffix(": pass")
    line = 2 + ([*FUNCTIONS, name]).index(name)
    assert error.message.startswith(
        f"user_model.{name} has the signature {signature} at user_model.py, line {line};"
        f" the job calls {name}("
    )


def test_a_name_that_is_no_function_is_refused(load: Load) -> None:
    error = refusal(lambda: load(written(model_fn="model_fn = 5")))
    assert error.message == "user_model.model_fn is int 5, not a function"
    assert error.hint == "define model_fn(features, labels, mode, params, config)"


def test_a_function_that_is_missing_after_all_is_refused(load: Load) -> None:
    error = refusal(lambda: load(written(eval_input_fn="globals()['eval_fn'] = 1")))
    assert error.message.startswith("module 'user_model' does not define eval_input_fn")


# Failures while importing


def test_an_exception_has_the_users_line(load: Load) -> None:
    error = refusal(lambda: load(written("import json\nx = json.loads('{')")))
    assert error.message.startswith("loading module 'user_model' raised JSONDecodeError: ")
    assert error.message.endswith(" at code/user_model.py, line 2: x = json.loads('{')")
    assert error.hint == "correct code/user_model.py"


def test_an_exception_in_a_helper_has_the_helpers_line(load: Load, root: JobRoot) -> None:
    root.write_code(user_helper="\n1 / 0\n")
    error = refusal(lambda: load(written("import user_helper")))
    assert error.message.endswith("division by zero at code/user_helper.py, line 2: 1 / 0")


def test_a_syntax_error_in_a_helper_has_the_helpers_line(load: Load, root: JobRoot) -> None:
    root.write_code(user_helper="x = = 1\n")
    error = refusal(lambda: load(written("import user_helper")))
    assert "SyntaxError: invalid syntax at code/user_helper.py, line 1" in error.message


def test_sys_exit_while_importing_has_the_users_line(load: Load) -> None:
    error = refusal(lambda: load(written("import sys\nsys.exit(0)")))
    assert error.message == (
        "loading module 'user_model' called sys.exit at code/user_model.py, line 2: sys.exit(0)"
    )


def test_a_missing_import_is_named_with_its_line_and_what_to_do(load: Load) -> None:
    error = refusal(lambda: load(written("import surely_absent.part")))
    assert error.message == (
        "no module named 'surely_absent', imported at"
        " code/user_model.py, line 1: import surely_absent.part"
    )
    assert "requirements.txt" in error.hint


@pytest.mark.parametrize(("module", "owner"), [("json", "json/__init__.py"), ("time", "built in")])
def test_a_module_named_like_an_installed_one_is_refused(
    module: str, owner: str, root: JobRoot, settings: Settings
) -> None:
    root.write_code(**{module: written()})
    source = UserSource(module=module, code_dir=settings.code_dir)
    error = refusal(lambda: load_user_code(source))
    assert error.message.startswith(f"the module name {module!r} belongs to an installed module")
    assert owner in error.message


def test_a_package_named_like_an_installed_one_is_refused(
    root: JobRoot, settings: Settings
) -> None:
    root.write("code/json/__init__.py", "").write("code/json/model.py", written())
    source = UserSource(module="json.model", code_dir=settings.code_dir)
    error = refusal(lambda: load_user_code(source))
    assert error.message.startswith("the module name 'json' belongs to an installed module")


# Failures while running


def test_an_exception_in_a_function_is_the_users_with_its_line(load: Load) -> None:
    code = load(written(train_input_fn="def train_input_fn(path): return open(path)"))
    with pytest.raises(UserCodeFailedError) as caught:
        code.train_input_fn(path="/absent", params={})
    assert caught.value.code == 21
    assert caught.value.message.startswith("train_input_fn raised FileNotFoundError: ")
    assert "code/user_model.py, line 3 in train_input_fn" in caught.value.message
