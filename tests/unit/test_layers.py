"""Who imports whom: TensorFlow only where it belongs, and no module in a circle."""

from __future__ import annotations

import ast
import dataclasses
import functools
import graphlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs import PROJECT_DIR, JobRoot

PACKAGE_DIR = PROJECT_DIR / "entrypoint"
FILES = {
    ".".join(file.relative_to(PROJECT_DIR).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(PACKAGE_DIR.rglob("*.py"))
}
MAY_IMPORT_TENSORFLOW = ("entrypoint.estimator", "entrypoint.tensorflow1", "entrypoint.training")
HEAVY = {"tensorflow", "tensorflow_estimator", "tf_keras", "keras", "numpy"}
# Where an import of ours has to wait until TensorFlow may be imported.
LATE = {"entrypoint.job"}

# Python runs a module of this name when it starts, before anything of ours.
BLOCKER = """\
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"tensorflow", "tensorflow_estimator", "tf_keras", "keras"}:
            raise RuntimeError(f"{name} was imported")

sys.meta_path.insert(0, Blocker())
"""


@functools.cache
def imports(module: str) -> frozenset[str]:
    """The absolute names that a module imports anywhere in it, late ones included."""
    tree = ast.parse(FILES[module].read_bytes())
    return frozenset(_imported(ast.walk(tree)))


def early_imports(module: str) -> set[str]:
    """The names that a module imports as soon as it is imported itself."""
    tree = ast.parse(FILES[module].read_bytes())
    return set(_imported(iter(tree.body)))


def _imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in FILES else str(node.module)


@pytest.mark.parametrize("module", FILES)
def test_only_three_packages_import_tensorflow(module: str) -> None:
    heavy = {name for name in imports(module) if name.partition(".")[0] in HEAVY}
    assert not heavy or module.startswith(MAY_IMPORT_TENSORFLOW)


@pytest.mark.parametrize("module", FILES)
def test_nobody_else_imports_those_packages_early(module: str) -> None:
    into = {name for name in imports(module) if name.startswith(MAY_IMPORT_TENSORFLOW)}
    if module.startswith(MAY_IMPORT_TENSORFLOW):
        return
    assert not into or module in LATE
    assert not into & early_imports(module)


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {
        module: {name for name in imports(module) if name in FILES} - {module, "entrypoint"}
        for module in FILES
    }
    graphlib.TopologicalSorter(graph).prepare()


def test_everything_before_tensorflow_is_imported_without_it() -> None:
    code = (
        "import sys, entrypoint.__main__, entrypoint.job, entrypoint.supervisor;"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, check=True
    )
    assert run.stdout == "[]\n"


@pytest.fixture
def without_tensorflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which importing TensorFlow raises."""
    directory = tmp_path_factory.mktemp("blocker")
    (directory / "sitecustomize.py").write_text(BLOCKER)
    return {"PYTHONPATH": os.pathsep.join([str(directory), str(PROJECT_DIR)])}


def started(root: JobRoot, environment: dict[str, str]) -> JobRoot:
    """The same root, whose jobs are started with this environment."""
    return dataclasses.replace(root, environment=environment)


def test_the_blocker_of_these_tests_does_block(without_tensorflow: dict[str, str]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import tensorflow"],
        env={**os.environ, **without_tensorflow},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "RuntimeError: tensorflow was imported" in run.stderr


def test_bad_parameters_fail_without_tensorflow(
    root: JobRoot, without_tensorflow: dict[str, str]
) -> None:
    root.write_parameters(train_max_steps=0, eval_steps="x")
    finished = started(root, without_tensorflow).run("train")
    assert finished.code == 10
    assert finished.last["message"].count("\n") == 1, "both are told"
    assert sorted(path.name for path in root.path.iterdir()) == ["input", "output"]


def test_several_machines_fail_without_tensorflow(
    root: JobRoot, without_tensorflow: dict[str, str]
) -> None:
    assert started(root, without_tensorflow).run("train", SLURM_STEP_NUM_TASKS="2").code == 30


def test_a_missing_dataset_fails_without_tensorflow(
    root: JobRoot, without_tensorflow: dict[str, str]
) -> None:
    root.copy_code("line")
    assert started(root, without_tensorflow).run("train").code == 11


def test_code_without_model_fn_fails_without_tensorflow(
    root: JobRoot, without_tensorflow: dict[str, str]
) -> None:
    root.write("input/data/a.txt", "").write_code(model="import tensorflow as tf\n")
    assert started(root, without_tensorflow).run("train").code == 20


def test_a_directory_that_cannot_be_written_fails_without_tensorflow(
    job: JobRoot, without_tensorflow: dict[str, str]
) -> None:
    job.write("checkpoints", "a file in the way")
    assert started(job, without_tensorflow).run("train").code == 30


@pytest.mark.parametrize("verb", ["schema", "version"])
def test_verbs_that_only_print_need_no_tensorflow(
    verb: str, root: JobRoot, without_tensorflow: dict[str, str]
) -> None:
    assert started(root, without_tensorflow).run(verb).code == 0


def test_only_settings_and_main_touch_the_environment() -> None:
    """The job's whole configuration is in Settings."""
    touching = {
        module
        for module, file in FILES.items()
        if "os.environ" in (text := Path(file).read_text(encoding="utf-8")) or "os.getenv" in text
    }
    assert {m for m in touching if not m.startswith(MAY_IMPORT_TENSORFLOW)} == {
        "entrypoint.__main__"
    }
