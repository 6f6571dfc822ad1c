"""Which module is the user's, told by reading the files alone."""

from __future__ import annotations

import sys

import pytest

from entrypoint.errors import UsageError, UserCodeInvalidError
from entrypoint.settings import Settings, read_settings
from entrypoint.user_interface import FUNCTIONS
from entrypoint.user_source import find_user_code, with_submitted_code
from tests.jobs import JobRoot

COMPLETE = "".join(f"def {name}(): pass\n" for name in FUNCTIONS)
HELPER = "def helper(): pass\n"


def found(root: JobRoot, module: str | None = None) -> str:
    return find_user_code(Settings(root_dir=root.path, module=module)).module


def refusal(root: JobRoot, module: str | None = None) -> UserCodeInvalidError:
    with pytest.raises(UserCodeInvalidError) as caught:
        found(root, module)
    assert caught.value.code == 20
    assert caught.value.hint
    return caught.value


def test_it_is_the_one_module_that_defines_model_fn(root: JobRoot, settings: Settings) -> None:
    root.write_code(helper=HELPER, anything=COMPLETE)
    source = find_user_code(settings)
    assert (source.module, source.code_dir) == ("anything", settings.code_dir)
    assert source.requirements_file == settings.code_dir / "requirements.txt"


def test_finding_it_runs_nothing_of_it(root: JobRoot) -> None:
    root.write_code(model=COMPLETE + "raise SystemExit(5)\n")
    assert found(root) == "model"
    assert "model" not in sys.modules


@pytest.mark.parametrize(
    "text",
    [
        COMPLETE.replace("def model_fn(): pass", "model_fn = make()"),
        COMPLETE.replace("def model_fn(): pass", "from beside import model_fn"),
        COMPLETE.replace("def model_fn(): pass", "from beside import other as model_fn"),
        COMPLETE.replace("def model_fn(): pass", "class model_fn: pass"),
        COMPLETE.replace("def model_fn(): pass", "model_fn: object = make()"),
        COMPLETE.replace("def model_fn(): pass", "a, model_fn = make()"),
        COMPLETE.replace("def model_fn(): pass", "if True:\n    def model_fn(): pass"),
        COMPLETE.replace("def model_fn(): pass", "try:\n    model_fn = 1\nexcept E:\n    raise"),
        "\ufeff" + COMPLETE,
        "# -*- coding: latin-1 -*-\n" + COMPLETE,
        "x = " + " + ".join(["1"] * 900) + "\n" + COMPLETE,
    ],
    ids=lambda text: text[:30],
)
def test_model_fn_may_be_bound_in_any_way_at_the_top_level(text: str, root: JobRoot) -> None:
    root.write_code(model=text)
    assert found(root) == "model"


def test_a_name_inside_a_function_or_class_does_not_count(root: JobRoot) -> None:
    root.write_code(model="def f():\n    model_fn = 1\nclass C:\n    def model_fn(self): pass\n")
    assert refusal(root).message == f"no module in {root.path}/code defines model_fn"


def test_a_module_in_a_package_is_found_where_none_is_at_the_top(root: JobRoot) -> None:
    root.write("code/setup.py", HELPER)
    root.write("code/trainer/__init__.py", "").write("code/trainer/deep/model.py", COMPLETE)
    assert found(root) == "trainer.deep.model"


def test_a_module_at_the_top_is_preferred(root: JobRoot) -> None:
    root.write_code(model=COMPLETE).write("code/old/model.py", COMPLETE)
    assert found(root) == "model"


def test_a_package_may_define_them_itself(root: JobRoot) -> None:
    root.write("code/trainer/__init__.py", COMPLETE)
    assert found(root) == "trainer"


def test_a_module_that_adds_the_rest_is_preferred_to_the_one_with_model_fn_alone(
    root: JobRoot,
) -> None:
    root.write_code(
        model="def model_fn(): pass\n",
        task=COMPLETE.replace("def model_fn(): pass", "from model import model_fn"),
    )
    assert found(root) == "task"


@pytest.mark.parametrize(
    "file",
    [
        ".ipynb_checkpoints/model-checkpoint.py",
        ".venv/lib/model.py",
        "venv/lib/python3.11/site-packages/package/model.py",
        "._model.py",
    ],
)
def test_what_tools_put_beside_the_code_is_left_out(file: str, root: JobRoot) -> None:
    root.write(f"code/{file}", COMPLETE)
    assert refusal(root).message.startswith("no module in ")
    root.write("code/trainer/model.py", COMPLETE)
    assert found(root) == "trainer.model"


def test_several_modules_are_named_with_how_to_choose(root: JobRoot) -> None:
    root.write_code(mnist=COMPLETE, cifar=COMPLETE)
    error = refusal(root)
    assert error.message == "several modules define model_fn: cifar, mnist"
    assert "MODELMAKER_MODULE=cifar" in error.hint
    assert found(root, "cifar") == "cifar"


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ({}, "it holds no Python file: mount your code at "),
        ({"helper": HELPER}, "it holds helper.py: call your model function model_fn"),
        ({"model": ""}, "it holds model.py: "),
    ],
)
def test_no_module_is_refused_with_what_is_there(
    files: dict[str, str], hint: str, root: JobRoot
) -> None:
    root.write_code(**files)
    assert refusal(root).message == f"no module in {root.path}/code defines model_fn"
    assert refusal(root).hint.startswith(hint)


def test_no_code_directory_is_refused_with_where_to_mount_it(root: JobRoot) -> None:
    error = refusal(root)
    assert error.message == f"no code: {root.path}/code is not a directory"
    assert error.hint == f"mount your code at {root.path}/code, or set MODELMAKER_CODE_URI"


# Named by MODELMAKER_MODULE or SageMaker


@pytest.mark.parametrize(
    "named",
    [
        "trainer.model",
        "trainer/model.py",
        "trainer/model",
        "./trainer/model.py",
        "trainer//model.py",
        "{code}/trainer/model.py",
    ],
)
def test_a_module_is_named_as_a_module_or_as_a_file(named: str, root: JobRoot) -> None:
    root.write_code(model=COMPLETE).write("code/trainer/model.py", COMPLETE)
    assert found(root, named.format(code=root.path / "code")) == "trainer.model"


@pytest.mark.parametrize("named", ["my-model", "my-model.py"])
def test_a_named_file_needs_no_python_name(named: str, root: JobRoot) -> None:
    root.write("code/my-model.py", COMPLETE)
    assert found(root, named) == "my-model"


@pytest.mark.parametrize(
    "named",
    ["absent", "absent.py", "..model", ".", "/", "../model.py", "/etc/passwd", "model.py.py"],
)
def test_a_named_module_that_is_not_there_is_refused_with_what_is(
    named: str, root: JobRoot
) -> None:
    root.write_code(model=COMPLETE).write("model.py", COMPLETE)
    error = refusal(root, named)
    assert error.message.endswith(f" in {root.path}/code, which holds model.py")
    assert "MODELMAKER_MODULE" in error.hint


def test_sagemakers_program_names_the_module(root: JobRoot) -> None:
    root.write_code(train=COMPLETE, other=COMPLETE)
    root.write_config("hyperparameters", {"sagemaker_program": '"train.py"'})
    assert found(root) == "train"


def test_modelmaker_module_wins_over_sagemakers_program(root: JobRoot) -> None:
    root.write_code(train=COMPLETE, other=COMPLETE)
    root.write_config("hyperparameters", {"sagemaker_program": '"train.py"'})
    assert found(root, "other") == "other"


def submitted(root: JobRoot, sent: str) -> str | None:
    """Where the code comes from when SageMaker's SDK says it is there."""
    root.write_config("hyperparameters", {"sagemaker_submit_directory": sent})
    code = with_submitted_code(read_settings({"MODELMAKER_ROOT": str(root.path)})).locations.code
    return str(code) if code else None


@pytest.mark.parametrize("sent", ["s3://bucket/source.tar.gz", '"s3://bucket/source.tar.gz"'])
def test_sagemakers_submit_directory_is_where_the_code_comes_from(sent: str, root: JobRoot) -> None:
    assert submitted(root, sent) == "s3://bucket/source.tar.gz"


@pytest.mark.parametrize("sent", ["/opt/ml/code", "", "7"])
def test_a_submit_directory_on_this_machine_is_none(sent: str, root: JobRoot) -> None:
    assert submitted(root, sent) is None


def test_code_that_is_mounted_wins_over_the_submit_directory(root: JobRoot) -> None:
    root.write_code(model=COMPLETE)
    assert submitted(root, "s3://bucket/source.tar.gz") is None


def test_a_submit_directory_that_is_no_uri_is_named(root: JobRoot) -> None:
    with pytest.raises(UsageError, match="sagemaker_submit_directory names no bucket"):
        submitted(root, "s3:///source.tar.gz")


# What plainly cannot work


def test_missing_functions_are_all_named(root: JobRoot) -> None:
    root.write_code(model="def model_fn(): pass\n")
    assert refusal(root).message == (
        "module 'model' does not define train_input_fn, eval_input_fn, serving_input_receiver_fn"
    )


def test_a_misnamed_function_is_suggested(root: JobRoot) -> None:
    root.write_code(model=COMPLETE.replace("serving_input_receiver_fn", "serving_receiver_fn"))
    assert refusal(root).message == (
        "module 'model' does not define serving_input_receiver_fn"
        " (did you mean to call serving_receiver_fn that?)"
    )


@pytest.mark.parametrize("text", ["from beside import *\n", "globals().update(make())\n"])
def test_a_module_whose_names_only_running_it_can_tell_is_not_judged(
    text: str, root: JobRoot
) -> None:
    root.write_code(model=text)
    assert found(root, "model") == "model"


def test_a_syntax_error_has_the_users_file_and_line(root: JobRoot) -> None:
    root.write_code(model=COMPLETE + "x = = 1\n")
    error = refusal(root)
    assert error.message == "SyntaxError: invalid syntax at code/model.py, line 5: x = = 1"
    assert error.hint == "correct model.py"


def test_a_python_2_print_is_explained(root: JobRoot) -> None:
    root.write_code(model=COMPLETE + 'print "step"\n')
    error = refusal(root)
    assert "code/model.py, line 5" in error.message
    assert "print is a function since Python 3" in error.hint


@pytest.mark.parametrize("content", [b"x = '\xff'\n", b"x = 1\0\n", b"\xff\xfex\0"])
def test_a_file_that_is_no_text_is_named(content: bytes, root: JobRoot) -> None:
    root.write_code(model="")
    (root.path / "code" / "model.py").write_bytes(content)
    error = refusal(root, "model")
    assert "model.py" in error.message
    assert error.hint == "correct model.py"


def test_an_expression_that_nests_too_deeply_is_named(root: JobRoot) -> None:
    root.write_code(model="x = " + "-" * 100_000 + "1\n")
    assert "model.py" in refusal(root, "model").message


def test_a_broken_file_beside_the_module_does_not_matter(root: JobRoot) -> None:
    root.write_code(model=COMPLETE, another="x = = 1\n")
    assert found(root) == "model"
