"""One training job on one machine: train, evaluate beside it, export."""

from __future__ import annotations

import json
import logging
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from entrypoint import logs
from entrypoint.errors import DatasetError, StoppedError
from entrypoint.metrics import MetricsFile
from entrypoint.parameters import Parameters
from entrypoint.settings import Settings
from entrypoint.signals import StopRequest
from entrypoint.training.checkpoints import confirm_checkpoint, saved_step
from entrypoint.training.devices import Devices, find_devices
from entrypoint.training.estimator import bind_input_fn, bind_serving_fn, build_estimator
from entrypoint.training.evaluation import EvaluateNewCheckpoints, Evaluation
from entrypoint.training.event_files import event_files_in
from entrypoint.training.export import ExportedModel, export_model
from entrypoint.training.failures import explain_failures
from entrypoint.training.hooks import ProgressHook, StopHook, format_duration
from entrypoint.user_code import UserCode

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """Everything a training needs, checked.

    Attributes:
        dataset_dir: `path` of both input functions.
    """

    settings: Settings
    parameters: Parameters
    dataset_dir: Path
    code: UserCode


def train_and_export(job: TrainingJob, stop: StopRequest) -> str:
    """Run the job and return what to say of it when it is done.

    Raises:
        JobError: every way in which it can fail or be stopped.
    """
    started = time.monotonic()
    settings, parameters = job.settings, job.parameters
    devices = find_devices(settings)
    _log_start(job, devices)
    metrics = MetricsFile(settings.metrics_file)
    estimator = build_estimator(job.code, parameters, settings.checkpoints_dir, devices)
    evaluation = Evaluation(
        estimator,
        bind_input_fn(job.code.eval_input_fn, job.dataset_dir, parameters),
        parameters,
        metrics,
        stop,
    )
    progress = ProgressHook(
        metrics,
        every_steps=parameters.log_step_count_steps,
        max_steps=devices.steps(parameters.train_max_steps),
        replicas=devices.replicas,
    )
    with event_files_in(settings.tensorboard_dir, instead_of=settings.checkpoints_dir):
        step = _train(job, estimator, devices, evaluation, progress, stop)
        if evaluation.latest_step != step:
            with _explained("evaluation", job, settings.tensorboard_dir):
                evaluation.evaluate()
        stop.raise_if_requested("evaluating")
    with _explained("export", job, settings.model_dir):
        model = export_model(
            estimator,
            bind_serving_fn(job.code.serving_input_receiver_fn),
            settings.model_dir,
            step=step,
        )
    logger.info(
        "exported step %d to %s",
        step,
        model.version_dir,
        extra={
            "event": "export",
            "global_step": step,
            "model": str(model.version_dir),
            "signatures": model.signatures,
        },
    )
    seconds = time.monotonic() - started
    _write_report(job, devices, evaluation, progress, model, step=step, seconds=seconds)
    return f"done in {format_duration(seconds)}: step {step}, model in {model.version_dir}"


def _train(
    job: TrainingJob,
    estimator: Any,
    devices: Devices,
    evaluation: Evaluation,
    progress: ProgressHook,
    stop: StopRequest,
) -> int:
    """Train from the newest checkpoint on and return the global step that was reached.

    Raises:
        DatasetError: the dataset gave not one batch.
        StoppedError: a stop was requested; the checkpoint of the last step is confirmed.
        JobError: what else can happen, see `explain_failures`.
    """
    checkpoints_dir = job.settings.checkpoints_dir
    max_steps = devices.steps(job.parameters.train_max_steps)
    with _explained("training", job, checkpoints_dir):
        start = saved_step(checkpoints_dir)
    if start is not None:
        if max_steps is not None and start >= max_steps:
            logger.warning(
                "already trained to step %d; train_max_steps %d leaves nothing to train",
                start,
                job.parameters.train_max_steps,
                extra={"event": "already_trained", "global_step": start},
            )
            return start
        logger.info(
            "resuming from step %d", start, extra={"event": "resume", "global_step": start}
        )
    with _explained("training", job, checkpoints_dir):
        estimator.train(
            bind_input_fn(job.code.train_input_fn, job.dataset_dir, job.parameters),
            max_steps=max_steps,
            hooks=[progress, StopHook(stop)],
            saving_listeners=[EvaluateNewCheckpoints(evaluation, progress.exclude, stop)],
        )
    step = progress.start_step if progress.end_step is None else progress.end_step
    if stop.signal_number is not None:
        confirm_checkpoint(checkpoints_dir, step)
        raise StoppedError(
            f"stopped by {stop.signal_name} at step {step}; its checkpoint is saved and read back",
            hint="start the same job again; it goes on from this step",
            signal_number=stop.signal_number,
        )
    if step == progress.start_step:
        raise DatasetError(
            f"train_input_fn gave no batch from {job.dataset_dir}",
            hint="check that it finds its files there, and that no filter drops every example",
        )
    if max_steps is not None and step < max_steps:
        logger.warning(
            "the data ended at step %d, before train_max_steps %d",
            step,
            job.parameters.train_max_steps,
            extra={"event": "data_ended", "global_step": step},
        )
    return step


def _explained(during: str, job: TrainingJob, writes_to: Path) -> Any:
    return explain_failures(during, code_dir=job.settings.code_dir, writes_to=writes_to)


def _log_start(job: TrainingJob, devices: Devices) -> None:
    """Say in one line what will run."""
    parameters = job.parameters
    gpus = f"{len(devices.gpus)} GPUs ({', '.join(devices.gpus)})" if devices.gpus else "no GPU"
    for_user = parameters.for_user()
    own = {name: for_user[name] for name in parameters.own_names}
    documented = {name: value for name, value in for_user.items() if name not in own}
    changed = ", ".join(f"{name}={value}" for name, value in parameters.changed.items())
    logger.info(
        "TensorFlow %s on %s, strategy %s, module %s; not default: %s",
        tf.__version__,
        gpus,
        devices.strategy_name,
        job.code.source.module,
        changed or "nothing",
        extra={
            "event": "start",
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
            "gpus": list(devices.gpus),
            "strategy": devices.strategy_name,
            "replicas": devices.replicas,
            "user_module": job.code.source.module,
            "dataset": str(job.dataset_dir),
            "parameters": documented,
            "not_default": dict(parameters.changed),
            "own_parameters": own,
        },
    )
    if parameters.save_checkpoints_secs is None and parameters.save_checkpoints_steps is None:
        logger.warning(
            "periodic checkpoints are off: a job that dies starts from the beginning",
            extra={"event": "checkpoints_off"},
        )


def _write_report(
    job: TrainingJob,
    devices: Devices,
    evaluation: Evaluation,
    progress: ProgressHook,
    model: ExportedModel,
    *,
    step: int,
    seconds: float,
) -> None:
    """Write the run in one JSON object to output/data/report.json."""
    steps_per_second, examples_per_second = progress.speeds
    report = {
        "global_step": step,
        "start_step": progress.start_step,
        "total_steps": step * devices.replicas,
        "steps_per_second": steps_per_second,
        "examples_per_second": examples_per_second,
        "duration_seconds": round(seconds, 3),
        "evaluation": evaluation.latest,
        "model": str(model.version_dir),
        "signatures": model.signatures,
        "tensorflow": tf.__version__,
        "gpus": list(devices.gpus),
        "strategy": devices.strategy_name,
    }
    file = job.settings.report_file
    incoming = file.with_suffix(".incoming")
    incoming.write_text(json.dumps(logs.to_json(report), indent=2) + "\n", encoding="utf-8")
    incoming.replace(file)


def build_all_graphs(job: TrainingJob) -> None:
    """Build the graphs of training, evaluation and serving without running them.

    Calls all four functions as a training would; what they would raise then, they raise here.

    Raises:
        JobError: see `explain_failures`.
    """
    devices = find_devices(job.settings)
    _log_start(job, devices)
    estimator = build_estimator(
        job.code, job.parameters, job.settings.checkpoints_dir, devices
    )
    modes = tf.estimator.ModeKeys
    for mode, function in (
        (modes.TRAIN, job.code.train_input_fn),
        (modes.EVAL, job.code.eval_input_fn),
    ):
        input_fn = bind_input_fn(function, job.dataset_dir, job.parameters)
        with _explained(f"building the {mode} graph", job, job.settings.output_dir):
            with tf.Graph().as_default() as graph:
                estimator._create_and_assert_global_step(graph)
                features, labels, _ = estimator._get_features_and_labels_from_input_fn(
                    input_fn, mode
                )
                estimator._call_model_fn(features, labels, mode, estimator.config)
    with _explained("building the serving graph", job, job.settings.output_dir):
        with tf.Graph().as_default() as graph:
            estimator._create_and_assert_global_step(graph)
            receiver = bind_serving_fn(job.code.serving_input_receiver_fn)()
            estimator._call_model_fn(receiver.features, None, modes.PREDICT, estimator.config)
