"""The result of a job, as a model server and its clients see it."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.jobs import PROJECT_DIR, JobRoot

HERE = Path(__file__).parent
SAMPLE_DIR = PROJECT_DIR / "samples" / "mnist"


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> JobRoot:
    """The MNIST sample, two heads, trained for a moment on the real digits it brings."""
    root = JobRoot(tmp_path_factory.mktemp("mnist"))
    shutil.copytree(SAMPLE_DIR / "code", root.path / "code")
    prepare = [sys.executable, "-m", "samples.mnist.prepare", str(root.path / "input" / "data")]
    subprocess.run(prepare, cwd=PROJECT_DIR, check=True)
    parameters = json.loads((SAMPLE_DIR / "parameters.json").read_text(encoding="utf-8"))
    root.write_parameters(**{**parameters, "train_max_steps": 400, "multi_head": True})
    finished = root.run()
    assert finished.code == 0, finished.last
    return root


def run_script(name: str, *arguments: Path) -> None:
    command = [sys.executable, str(HERE / name), *map(str, arguments)]
    environment = {
        "PYTHONPATH": str(PROJECT_DIR) if "estimator" in name else "",
        "PATH": "/usr/bin:/bin",
    }
    subprocess.run(command, env=environment, check=True)


def test_plain_tensorflow_calls_both_signatures_and_agrees_with_the_estimator(
    mnist: JobRoot, tmp_path: Path
) -> None:
    digits = np.random.default_rng(0).integers(0, 256, (64, 28, 28), dtype=np.uint8)
    inputs, plain_file, estimator_file = (
        tmp_path / f"{n}.npz" for n in ("in", "plain", "estimator")
    )
    np.savez(inputs, image=digits)
    (version_dir,) = mnist.versions
    run_script("predict_plainly.py", version_dir, inputs, plain_file)
    run_script("predict_with_estimator.py", mnist.path, inputs, estimator_file)

    plain, expected = np.load(plain_file), np.load(estimator_file)
    np.testing.assert_array_equal(plain["serving_default/classes"], expected["classes"])
    np.testing.assert_allclose(
        plain["serving_default/probabilities"], expected["probabilities"], rtol=1e-5, atol=1e-7
    )
    best = np.argsort(-expected["probabilities"], axis=1)[:, 0]
    np.testing.assert_array_equal(plain["predict_images/top_classes"][:, 0], best)


def test_the_sample_learns_real_digits(mnist: JobRoot) -> None:
    assert mnist.report["evaluation"]["accuracy"] > 0.95


def test_there_is_exactly_one_version_and_its_name_is_a_number(mnist: JobRoot) -> None:
    (version_dir,) = mnist.versions
    assert version_dir.name.isdigit()
    assert not version_dir.name.startswith("0")


def test_everyone_may_read_the_model_whatever_the_umask(job: JobRoot) -> None:
    source = "import os\nos.umask(0o077)\n" + (job.path / "code" / "line.py").read_text()
    assert job.write_code(line=source).run().code == 0
    (version_dir,) = job.versions
    for path in (version_dir, *version_dir.rglob("*")):
        wanted = 0o755 if path.is_dir() else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_the_report_says_what_the_signatures_are(mnist: JobRoot) -> None:
    signatures = mnist.report["signatures"]
    assert set(signatures) == {"serving_default", "predict_images"}
    assert signatures["serving_default"]["inputs"] == {"image": "uint8[?,28,28]"}
    assert signatures["serving_default"]["outputs"]["probabilities"] == "float32[?,10]"


def test_a_foreign_model_is_not_touched(job: JobRoot) -> None:
    job.write("model/1/saved_model.pb", "somebody else's")
    finished = job.run()
    assert finished.code == 40
    assert "model/1" in finished.last["message"]
    assert finished.events("start") == []
    assert [version.name for version in job.versions] == ["1"]


def test_a_checkpoint_without_a_value_that_the_model_needs_does_not_become_a_model(
    job: JobRoot,
) -> None:
    assert job.run().code == 0
    (before,) = job.versions
    source = (job.path / "code" / "line.py").read_text()
    job.write_code(line=source.replace('name="line"', 'name="other"'))
    finished = job.run()
    assert finished.code == 21
    assert finished.last["message"].startswith("the checkpoint does not fit this model_fn")
    assert "other" in finished.last["message"]
    assert job.versions == [before]
