"""The image as `make image-cpu` builds it, and roots that a container of any user may use."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.containers import (
    LABEL,
    Containers,
    containers_of,
    docker,
    engine_problem,
)
from tests.jobs import PROJECT_DIR, JobRoot

# A name of its own: the image that somebody works with stays what it is.
IMAGE = "modelmaker-tensorflow-test"
# A variable that whoever builds may have; the image must not know it.
BUILDER_SECRET = "a-word-of-the-builder-alone"


@pytest.fixture(scope="session", autouse=True)
def engine() -> Iterator[None]:
    """Skip every test here where no engine answers; fail where one has to."""
    problem = engine_problem()
    if problem is not None:
        reason = f"no container engine answers: {problem}"
        if os.environ.get("MODELMAKER_TEST_REQUIRE_DOCKER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    yield
    left = docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}").split()
    if left:
        docker("rm", "--force", "--volumes", *left)


@pytest.fixture(scope="session")
def image_name(engine: None) -> str:
    """The image, built through the Makefile; the engine's cache makes that quick."""
    run = subprocess.run(
        ["make", "--no-print-directory", "image-cpu", f"IMAGE={IMAGE}"],
        cwd=PROJECT_DIR,
        env={**os.environ, "MODELMAKER_TEST_SECRET": BUILDER_SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    return f"{IMAGE}:cpu"


@pytest.fixture
def image(image_name: str) -> Iterator[Containers]:
    with containers_of(image_name) as containers:
        yield containers


@pytest.fixture
def root(tmp_path: Path, image_name: str) -> Iterator[JobRoot]:
    """An empty root whose output directories every user may write to."""
    for name in ("checkpoints", "model", "output"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    yield JobRoot(tmp_path)
    if os.getuid() != 0:
        # What a container's user wrote, only root can take away.
        with containers_of(image_name) as containers:
            volume = ("--volume", f"{tmp_path}:/left", "--user", "0:0")
            containers.print("-R", "a+rwX", "/left", program="chmod", options=volume)
