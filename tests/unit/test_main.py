"""The command line, as its own process."""

from __future__ import annotations

import json

import pytest

import entrypoint
from entrypoint.parameters import SCHEMA_FILE
from tests.jobs import JobRoot


def test_schema_prints_the_schema_file(root: JobRoot) -> None:
    finished = root.run("schema")
    assert finished.code == 0
    assert json.loads(finished.output) == json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def test_version_names_this_image_python_and_tensorflow(root: JobRoot) -> None:
    finished = root.run("version")
    assert finished.code == 0
    lines = dict(line.split() for line in finished.output.splitlines())
    assert lines["modelmaker-tensorflow"] == entrypoint.__version__
    assert lines["tensorflow-estimator"] == "2.15.0"
    assert {"python", "tf-keras"} <= set(lines)
    assert {"tensorflow", "tensorflow-cpu"} & set(lines)


def test_help_lists_every_verb(root: JobRoot) -> None:
    finished = root.run("--help")
    assert finished.code == 0
    for verb in ("train", "check", "schema", "version"):
        assert f"\n  {verb} " in finished.output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["serve"], "'serve'"),
        (["train", "fast"], "fast"),
        (["--steps=5"], "--steps=5"),
        (["train", "--steps", "5"], "--steps"),
        (["tr"], "'tr'"),
    ],
)
def test_an_unknown_verb_or_option_is_a_usage_error_in_the_log(
    arguments: list[str], problem: str, root: JobRoot
) -> None:
    finished = root.run(*arguments)
    assert finished.code == 2
    (record,) = finished.records
    assert (record["level"], record["event"], record["code"]) == ("ERROR", "error", 2)
    assert problem in record["message"]
    assert record["hint"] == "use one of: train, check, schema, version"
    assert root.failure.endswith("(exit code 2)")


def test_a_meaningless_variable_is_a_usage_error(root: JobRoot) -> None:
    finished = root.run("check", MODELMAKER_LOG_FORMAT="xml")
    assert finished.code == 2
    (record,) = finished.records
    assert record["message"] == "MODELMAKER_LOG_FORMAT='xml' is not one of json, text"


@pytest.mark.parametrize("arguments", [[], ["train"], ["check"]])
def test_train_is_the_default_and_check_fails_where_it_would(
    arguments: list[str], root: JobRoot
) -> None:
    finished = root.copy_code("line").run(*arguments)
    assert finished.code == 11
    assert finished.last["message"] == f"no dataset: {root.path}/input/data does not exist"


@pytest.mark.parametrize("verb", ["train", "check"])
def test_a_job_is_named_by_its_scheduler_in_every_line(verb: str, root: JobRoot) -> None:
    root.write_parameters(train_max_step=5)
    finished = root.run(verb, TRAINING_JOB_NAME="mnist-17")
    assert len(finished.records) == 2
    assert {record["job"] for record in finished.records} == {"mnist-17"}


def test_the_readable_form_can_be_forced(root: JobRoot) -> None:
    finished = root.copy_code("line").run("check", MODELMAKER_LOG_FORMAT="text")
    assert finished.code == 11
    first, second = finished.output.splitlines()
    assert first.split(maxsplit=2)[1:] == [
        "ERROR",
        f"no dataset: {root.path}/input/data does not exist",
    ]
    assert (
        second
        == f"    -> mount the dataset at {root.path}/input/data, or set MODELMAKER_DATASET_URI"
    )


def test_check_writes_nothing_but_the_failure(root: JobRoot) -> None:
    root.write("input/data/a.txt", "").write_code(model="x = 1\n")
    finished = root.run("check")
    assert finished.code == 20
    found = {path.name for path in root.path.iterdir()}
    assert found == {"input", "code", "output"}
    assert [path.name for path in (root.path / "output").iterdir()] == ["failure"]
