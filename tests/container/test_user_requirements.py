"""A user's requirements.txt is installed inside the container, without a network."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.container.containers import (
    HARDENED,
    Containers,
    assert_ended,
    assert_trained,
    mount,
)
from tests.jobs import JobRoot

DIST_INFO = "tiny_slope-1.0.dist-info"
WHEEL = "tiny_slope-1.0-py3-none-any.whl"


def write_wheel(directory: Path) -> None:
    """Write a wheel of one module, `tiny_slope`, that says what it is."""
    files = {
        "tiny_slope.py": 'GREETING = "tiny_slope is here"\n',
        f"{DIST_INFO}/METADATA": "Metadata-Version: 2.1\nName: tiny-slope\nVersion: 1.0\n",
        f"{DIST_INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{DIST_INFO}/RECORD"))
    with zipfile.ZipFile(directory / WHEEL, "w") as wheel:
        for name, text in {**files, f"{DIST_INFO}/RECORD": record}.items():
            wheel.writestr(name, text)


def test_a_wheel_beside_the_code_is_installed(job: JobRoot, image: Containers) -> None:
    """What the image has already, TensorFlow above all, is not asked for again."""
    code = (job.path / "code" / "line.py").read_text(encoding="utf-8")
    job.write_code(line=f"{code}\nimport tiny_slope\nprint(tiny_slope.GREETING)\n")
    job.write("code/requirements.txt", "tensorflow-gpu==1.15\nnumpy\ntiny-slope==1.0\n")
    write_wheel(job.path / "code")

    finished = image.run(options=[*mount(job.path), *HARDENED])

    assert_trained(finished, job)
    assert finished.event("requirements")["requirements"] == ["tiny-slope==1.0"]
    assert "tiny_slope is here" in [record["message"] for record in finished.events("output")]


def test_a_wheel_that_is_not_there_is_named(job: JobRoot, image: Containers) -> None:
    job.write("code/requirements.txt", "tiny-slope==1.0\nlarge-slope==2.0\n")
    write_wheel(job.path / "code")
    finished = image.run(options=[*mount(job.path), *HARDENED])
    assert_ended(finished, job, 20, "requirements.txt", "/opt/ml/code alone", "large-slope==2.0")
    assert finished.events("start") == []


def test_a_package_index_that_cannot_be_reached_is_named(job: JobRoot, image: Containers) -> None:
    job.write("code/requirements.txt", "tiny-slope==1.0\n")
    finished = image.run(options=[*mount(job.path), *HARDENED])
    assert_ended(finished, job, 20, "requirements.txt", "the package index", "tiny-slope==1.0")
    assert "if the job has no network" in finished.last["hint"]
