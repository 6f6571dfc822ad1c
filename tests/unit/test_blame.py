from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from entrypoint.blame import blame_user, describe, find_place, text_of, user_failure
from entrypoint.errors import DatasetError, UserCodeFailedError

CODE = """\
import json

def outer(call):
    return inner(call)

def inner(call):
    return call()

def parse():
    return json.loads("{")

def leave():
    raise SystemExit(3)
"""


@pytest.fixture
def code_dir(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "model.py").write_text(CODE)
    return tmp_path / "code"


@pytest.fixture
def user(code_dir: Path) -> dict[str, Callable[..., Any]]:
    """The user's functions, with their file and lines."""
    names: dict[str, Any] = {}
    exec(compile(CODE, str(code_dir / "model.py"), "exec"), names)
    return names


def raised(call: Callable[[], Any]) -> BaseException:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 (SystemExit is one of those asked for)
        return error
    raise AssertionError("it raised nothing")


def fail() -> None:
    raise ValueError("in the library")


def test_the_innermost_line_of_the_user_is_named(
    user: dict[str, Callable[..., Any]], code_dir: Path
) -> None:
    error = raised(lambda: user["outer"](fail))
    place = find_place(error, code_dir)
    assert str(place) == "code/model.py, line 7 in inner: return call()"


def test_an_error_below_the_users_lines_is_put_down_to_them(
    user: dict[str, Callable[..., Any]], code_dir: Path
) -> None:
    error = raised(user["parse"])
    assert isinstance(error, json.JSONDecodeError)
    assert str(find_place(error, code_dir)) == (
        'code/model.py, line 10 in parse: return json.loads("{")'
    )


def test_the_cause_is_looked_through(user: dict[str, Callable[..., Any]], code_dir: Path) -> None:
    error = RuntimeError("wrapped")
    error.__cause__ = raised(user["parse"])
    place = find_place(error, code_dir)
    assert place is not None
    assert place.line == 10


def test_causes_that_go_in_a_circle_end(code_dir: Path) -> None:
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first
    assert find_place(first, code_dir) is None


def test_the_line_that_made_a_failing_operation_is_nearer_than_the_one_that_ran_it(
    user: dict[str, Callable[..., Any]], code_dir: Path
) -> None:
    """TensorFlow's errors carry the operation, and it the traceback of where it was made."""
    error = raised(lambda: user["outer"](fail))
    made_at = traceback.FrameSummary(str(code_dir / "model.py"), 4, "outer")
    framework = traceback.FrameSummary("/lib/framework.py", 1, "apply")
    error.op = SimpleNamespace(traceback=[made_at, framework])  # type: ignore[attr-defined]
    assert str(find_place(error, code_dir)) == (
        "code/model.py, line 4 in outer: return inner(call)"
    )


def test_frames_quoted_in_the_message_are_found(code_dir: Path) -> None:
    """So arrive errors from inside tf.data and tf.py_function."""
    text = (
        'Traceback (most recent call last):\n  File "/lib/script_ops.py", line 2, in __call__\n'
        f'  File "{code_dir}/model.py", line 7, in inner\n'
        '  File "/lib/other.py", line 9, in read\nValueError: x'
    )
    assert str(find_place(RuntimeError(text), code_dir)) == (
        "code/model.py, line 7 in inner: return call()"
    )


def test_an_error_that_never_touched_the_users_code_has_no_place(code_dir: Path) -> None:
    assert find_place(raised(fail), code_dir) is None


def test_a_syntax_error_is_where_it_says(code_dir: Path) -> None:
    file = code_dir / "broken.py"
    file.write_text("x = 1\ny = = 2\n")
    error = raised(lambda: compile(file.read_bytes(), str(file), "exec"))
    assert str(find_place(error, code_dir)) == "code/broken.py, line 2: y = = 2"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (ValueError(), "ValueError"),
        (KeyError("name"), "KeyError: 'name'"),
        (RuntimeError("x\n\nOriginal stack trace for 'a':\n ..."), "RuntimeError: x"),
        (RuntimeError("x" * 1000), "RuntimeError: " + "x" * 400 + "…"),
    ],
    ids=["lines", "nothing", "key", "graph", "long"],
)
def test_an_error_is_described_in_a_line(error: Exception, text: str) -> None:
    assert describe(error) == text


def test_an_error_whose_own_str_fails_is_described_all_the_same(code_dir: Path) -> None:
    class UnprintableError(Exception):
        def __str__(self) -> str:
            raise KeyError("mine")

    error = raised(lambda: (_ for _ in ()).throw(UnprintableError()))
    assert text_of(error) == "(its __str__ raised KeyError)"
    assert user_failure("model_fn", error, code_dir).message == (
        "model_fn raised UnprintableError: (its __str__ raised KeyError)"
    )


def test_what_a_users_function_raises_becomes_the_users_failure(
    user: dict[str, Callable[..., Any]], code_dir: Path
) -> None:
    with pytest.raises(UserCodeFailedError) as caught, blame_user("model_fn", code_dir):
        user["outer"](fail)
    assert caught.value.message == (
        "model_fn raised ValueError: in the library"
        " at code/model.py, line 7 in inner: return call()"
    )
    assert caught.value.hint == "correct code/model.py"
    assert isinstance(caught.value.__cause__, ValueError)


def test_sys_exit_in_a_users_function_is_the_users_failure(
    user: dict[str, Callable[..., Any]], code_dir: Path
) -> None:
    with pytest.raises(UserCodeFailedError) as caught, blame_user("model_fn", code_dir):
        user["leave"]()
    assert caught.value.message.startswith("model_fn raised sys.exit(3) at code/model.py, line 13")


def test_a_failure_without_a_place_still_has_a_hint(code_dir: Path) -> None:
    failure = user_failure("training", raised(fail), code_dir)
    assert failure.message == "training raised ValueError: in the library"
    assert failure.hint == "look at training and the data it reads"


def test_an_error_of_ours_is_not_put_down_to_the_user(code_dir: Path) -> None:
    with pytest.raises(DatasetError), blame_user("train_input_fn", code_dir):
        raise DatasetError("no dataset", hint="mount it")


def test_ctrl_c_is_nobodys_failure(code_dir: Path) -> None:
    with pytest.raises(KeyboardInterrupt), blame_user("train_input_fn", code_dir):
        raise KeyboardInterrupt
