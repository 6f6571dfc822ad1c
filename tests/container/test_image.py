"""What the image is made of, and what it is not."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import entrypoint
from tests.container.conftest import BUILDER_SECRET
from tests.container.containers import PYTHON, Containers, containers_of, docker
from tests.jobs import PROJECT_DIR

DOCKERFILE = (PROJECT_DIR / "Dockerfile").read_text(encoding="utf-8")
REQUIREMENTS_DIR = PROJECT_DIR / "requirements"
LIB_DIR = "/opt/modelmaker/venv/lib"
# What the job writes to where nothing is mounted, as whatever user.
JOB_DIRS = {f"/opt/ml/{name}" for name in ("code", "input/data", "checkpoints", "model", "output")}
# Debian's own; the sticky bit keeps users apart in them.
TEMPORARY_DIRS = {"/tmp", "/var/tmp", "/run/lock"}


@pytest.fixture(scope="module")
def config(image_name: str) -> dict[str, Any]:
    """How the image says it is to be run."""
    (inspected,) = json.loads(docker("image", "inspect", image_name))
    found: dict[str, Any] = inspected["Config"]
    return found


@pytest.fixture(scope="module")
def content(image_name: str) -> dict[str, Any]:
    """What `look_around.py` finds inside the image."""
    program = Path(__file__).with_name("look_around.py").read_text(encoding="utf-8")
    with containers_of(image_name) as containers:
        found: dict[str, Any] = json.loads(containers.print("-c", program, program=PYTHON))
    return found


def read_requirements(name: str, environment: dict[str, str]) -> Iterator[Requirement]:
    """Read the requirements of a file that count in an environment, hashes left out."""
    text = (REQUIREMENTS_DIR / name).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        specification = re.split(r"\s--hash|\s*#", line)[0].strip()
        if specification and not specification.startswith("-"):
            requirement = Requirement(specification)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                yield requirement


def test_the_entrypoint_is_a_program_and_train_its_default(config: dict[str, Any]) -> None:
    """No shell stands between the engine's signals and the job."""
    assert config["Entrypoint"] == [PYTHON, "-P", "-m", "entrypoint"]
    assert config["Cmd"] == ["train"]
    assert config["StopSignal"] == "SIGTERM"


def test_a_job_is_no_service(config: dict[str, Any]) -> None:
    assert "Healthcheck" not in config
    assert not config.get("ExposedPorts")
    assert not config.get("Volumes")


def test_the_labels_say_what_it_was_built_from(config: dict[str, Any]) -> None:
    command = ["git", "rev-parse", "--short", "HEAD"]
    git = subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
    prefix = "org.opencontainers.image"
    labels = config["Labels"]
    assert labels[f"{prefix}.version"] == entrypoint.__version__
    assert labels[f"{prefix}.revision"] == (git.stdout.strip() or "unknown")
    assert labels[f"{prefix}.title"] == "ModelMaker TensorFlow"
    assert labels[f"{prefix}.description"]


def test_the_environment_is_the_base_image_s_and_what_a_job_needs(
    config: dict[str, Any],
) -> None:
    (base,) = re.findall(r"^ARG BASE_IMAGE=(.+)$", DOCKERFILE, re.MULTILINE)
    with containers_of(base) as containers:
        from_base = containers.print(program="env").splitlines()
    assert set(config["Env"]) - set(from_base) == {
        "NVIDIA_VISIBLE_DEVICES=all",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        "PYTHONDONTWRITEBYTECODE=1",
        "HOME=/tmp",
    }


def test_nothing_of_the_builder_s_environment_is_in_it(image_name: str) -> None:
    inspected = docker("image", "inspect", image_name)
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image_name)
    assert "MODELMAKER_TEST_SECRET" not in inspected + history
    assert BUILDER_SECRET not in inspected + history


def test_the_dockerfile_needs_no_buildkit() -> None:
    """The classic builder reads it too: no syntax line, no mounts, no here-documents."""
    for pattern in (r"^#\s*syntax\s*=", r"--mount=", r"--(link|chmod|parents|exclude)\b", r"<<"):
        assert not re.search(pattern, DOCKERFILE, re.MULTILINE), pattern


def test_no_program_gives_more_rights_than_its_caller_has(content: dict[str, Any]) -> None:
    assert content["setuid"] == []


def test_everyone_can_write_to_the_output_and_temporary_directories_alone(
    content: dict[str, Any],
) -> None:
    writable = set(content["writable"])
    assert writable - TEMPORARY_DIRS == JOB_DIRS


def test_everyone_can_read_the_program(content: dict[str, Any]) -> None:
    assert content["private"] == []


def test_every_module_is_compiled_for_good(content: dict[str, Any]) -> None:
    """A job may be unable to write compiled files, and need not look at the sources."""
    assert content["uncompiled"] == []


def test_the_program_is_the_entrypoint_its_schema_and_its_packages(
    content: dict[str, Any],
) -> None:
    assert content["top"] == ["entrypoint", "schema", "venv"]


def test_the_entrypoint_in_it_is_this_one(image: Containers) -> None:
    copied = image.print("/opt/modelmaker/entrypoint/job.py", program="cat")
    assert copied == (PROJECT_DIR / "entrypoint" / "job.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("pattern", ["tensorflow/include", "*.a", "*.pyi", "*/tests"])
def test_what_no_job_reads_is_left_out(image: Containers, pattern: str) -> None:
    path = f"{LIB_DIR}/python3*/site-packages/{pattern}"
    found = image.print(LIB_DIR, "-path", path, program="find")
    assert found == ""


def test_the_installed_distributions_are_those_of_the_lock(content: dict[str, Any]) -> None:
    locked = {
        canonicalize_name(requirement.name): next(iter(requirement.specifier)).version
        for requirement in read_requirements("cpu.txt", content["environment"])
    }
    installed = {
        canonicalize_name(name): version for name, (version, _) in content["distributions"].items()
    }
    assert installed == locked


def test_no_requirement_is_unmet_but_those_left_out_on_purpose(content: dict[str, Any]) -> None:
    """As `pip check` has it; `without.in` and `cpu-override.in` say why each of them is."""
    environment = {**content["environment"], "extra": ""}
    installed = {
        canonicalize_name(name): version for name, (version, _) in content["distributions"].items()
    }
    unmet = set()
    for _, requires in content["distributions"].values():
        for requirement in map(Requirement, requires):
            if requirement.marker and not requirement.marker.evaluate(environment):
                continue
            version = installed.get(canonicalize_name(requirement.name))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                unmet.add(canonicalize_name(requirement.name))
    without = {canonicalize_name(r.name) for r in read_requirements("without.in", environment)}
    # Where there is a tensorflow-cpu it stands in for what others ask for as tensorflow.
    assert unmet == without | ({"tensorflow"} if "tensorflow-cpu" in installed else set())
