"""Where no engine answers these tests say so: they are skipped, or fail where they have to run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs import PROJECT_DIR


@pytest.mark.parametrize(
    ("required", "code", "result"), [("0", 0, "SKIPPED"), ("1", 1, "no container engine answers")]
)
def test_no_engine(tmp_path: Path, required: str, code: int, result: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/container/test_image.py"],
        cwd=PROJECT_DIR,
        env={
            **os.environ,
            "DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock",
            "MODELMAKER_TEST_REQUIRE_DOCKER": required,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == code, run.stdout
    assert result in run.stdout
    assert "no container engine answers: " in run.stdout
    assert " passed" not in run.stdout
