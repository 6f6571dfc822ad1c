"""What the job says of itself as a whole: one line at the start, one file at the end."""

from __future__ import annotations

import json
import logging
import platform
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from entrypoint import logs
from entrypoint.training.devices import Devices
from entrypoint.training.export import ExportedModel
from entrypoint.training.plan import TrainingJob

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Report:
    """A finished run.

    Attributes:
        step: the global step that was reached.
        total_steps: the same counted over all cards.
        start_step: the global step that this run began at.
        speeds: steps per second and examples per second over the whole run.
        evaluation: the metrics of the last checkpoint, by name.
        model: what was exported.
        model_uri: where it was published, None if nowhere.
        seconds: how long training, evaluation and export took together.
        devices: what it was computed on.
    """

    step: int
    total_steps: int
    start_step: int
    speeds: tuple[float | None, float | None]
    evaluation: Mapping[str, Any] | None
    model: ExportedModel
    model_uri: str | None
    seconds: float
    devices: Devices


def _shortened(own: Mapping[str, Any]) -> str:
    """Return parameters in a line of a length that can be read."""
    return textwrap.shorten(", ".join(f"{name}={value}" for name, value in own.items()), 200)


def log_start(job: TrainingJob) -> None:
    """Say in one line what will run."""
    parameters, devices = job.parameters, job.devices
    for_user = parameters.for_user()
    own = {name: for_user.pop(name) for name in parameters.own_names}
    gpus = f"{len(devices.gpus)} GPUs ({', '.join(devices.gpus)})" if devices.gpus else "no GPU"
    changed = ", ".join(f"{name}={value}" for name, value in parameters.changed.items())
    logger.info(
        "TensorFlow %s on %s, strategy %s, module %s; not default: %s%s",
        tf.__version__,
        gpus,
        devices.strategy_name,
        job.code.source.module,
        changed or "nothing",
        f"; your own: {_shortened(own)}" if own else "",
        extra={
            "event": "start",
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
            "gpus": list(devices.gpus),
            "strategy": devices.strategy_name,
            "replicas": devices.replicas,
            "scheduler": job.place.cluster.scheduler,
            "tasks": [task.name for task in job.place.cluster.tasks],
            "user_module": job.code.source.module,
            "dataset": str(job.dataset_dir),
            "parameters": for_user,
            "not_default": dict(parameters.changed),
            "own_parameters": own,
        },
    )
    if parameters.save_checkpoints_secs is None and parameters.save_checkpoints_steps is None:
        logger.warning(
            "periodic checkpoints are off: a job that dies starts from the beginning",
            extra={"event": "checkpoints_off"},
        )


def write_report(file: Path, report: Report) -> None:
    """Write the run as one JSON object, in one step."""
    steps_per_second, examples_per_second = report.speeds
    content = {
        "global_step": report.step,
        "start_step": report.start_step,
        "total_steps": report.total_steps,
        "steps_per_second": steps_per_second,
        "examples_per_second": examples_per_second,
        "duration_seconds": round(report.seconds, 3),
        "evaluation": report.evaluation,
        "model": str(report.model.version_dir),
        "model_uri": report.model_uri,
        "signatures": report.model.signatures,
        "tensorflow": tf.__version__,
        "gpus": list(report.devices.gpus),
        "strategy": report.devices.strategy_name,
    }
    incoming = file.with_suffix(".incoming")
    incoming.write_text(json.dumps(logs.to_json(content), indent=2) + "\n", encoding="utf-8")
    incoming.replace(file)
