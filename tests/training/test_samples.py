"""The samples, in the styles people bring: each trains, exports, and its model answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.jobs import PROJECT_DIR, JobRoot

ASK = Path(__file__).with_name("ask_sample.py")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample and what its training has to reach.

    Attributes:
        name: its directory.
        steps: enough to reach the bound; fewer than in its parameters.json.
        accuracy: a lower bound. Guessing by frequency misses it, and so does an untrained model.
    """

    name: str
    steps: int
    accuracy: float


SAMPLES = (
    Sample(name="census", steps=300, accuracy=0.85),
    Sample(name="shapes", steps=600, accuracy=0.8),
    Sample(name="tagger", steps=150, accuracy=0.97),
    Sample(name="reviews", steps=200, accuracy=0.92),
)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A sample whose job has ended.

    Attributes:
        sample: which.
        evaluation: the metrics in the job's report.
        outcome: what a process of its own made of the model; see `ask_sample.py`.
    """

    sample: Sample
    evaluation: dict[str, float]
    outcome: dict[str, Any]


@pytest.fixture(scope="module", params=SAMPLES, ids=lambda sample: sample.name)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    sample: Sample = request.param
    sample_dir = PROJECT_DIR / "samples" / sample.name
    root = JobRoot(tmp_path_factory.mktemp(sample.name))
    shutil.copytree(sample_dir / "code", root.path / "code")
    dataset = root.path / "input" / "data"
    run(sys.executable, "-m", f"samples.{sample.name}.prepare", dataset)
    parameters = json.loads((sample_dir / "parameters.json").read_text(encoding="utf-8"))
    steps = {"train_max_steps": sample.steps, "save_checkpoints_steps": sample.steps}
    root.write_parameters(**{**parameters, **steps})
    finished = root.run()
    assert finished.code == 0, finished.last

    # What a server gets is the model alone: nothing may lead from it to the dataset's place.
    (version_dir,) = root.versions
    moved_model, moved_dataset = (root.path / "elsewhere" / name for name in ("model", "data"))
    moved_model.parent.mkdir()
    version_dir.rename(moved_model)
    dataset.rename(moved_dataset)
    checkpoints_dir = root.path / "checkpoints"
    answer = run(sys.executable, ASK, sample.name, moved_model, moved_dataset, checkpoints_dir)
    return Trained(sample=sample, evaluation=root.report["evaluation"], outcome=json.loads(answer))


def run(*command: object) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def test_it_learns_what_cannot_be_guessed(trained: Trained) -> None:
    assert trained.evaluation["accuracy"] > trained.sample.accuracy
    assert trained.outcome["guess"] < trained.sample.accuracy - 0.05


def test_its_model_answers_in_plain_tensorflow_as_well_as_in_the_evaluation(
    trained: Trained,
) -> None:
    assert trained.outcome["accuracy"] == pytest.approx(trained.evaluation["accuracy"], abs=2e-3)


def test_its_batch_norm_learns_the_averages_that_evaluation_uses(trained: Trained) -> None:
    moved = trained.outcome["moved"]
    layers = {"shapes": 3, "reviews": 1}.get(trained.sample.name, 0)
    assert len(moved) == 2 * layers
    assert all(distance > 0 for distance in moved.values()), moved
