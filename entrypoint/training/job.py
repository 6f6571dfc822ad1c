"""One training job: train, evaluate beside it, export."""

from __future__ import annotations

import logging
import time

from entrypoint.durations import format_duration
from entrypoint.errors import DatasetError, JobError, StoppedError, error_of
from entrypoint.metrics import MetricsFile
from entrypoint.signals import StopRequest
from entrypoint.step_history import continue_history, save_history
from entrypoint.training.checkpoints import confirm_checkpoint, saved_step
from entrypoint.training.damaged_checkpoints import set_damaged_aside
from entrypoint.training.estimator import bind_input_fn, bind_serving_fn, build_estimator
from entrypoint.training.evaluation import EvaluateNewCheckpoints, Evaluation
from entrypoint.training.event_files import event_files_in
from entrypoint.training.export import ExportedModel, export_model
from entrypoint.training.graphs import ModeKeys, build_graphs
from entrypoint.training.hooks import FiniteVariablesListener, ProgressHook, StopHook
from entrypoint.training.plan import TrainingJob
from entrypoint.training.report import Report, log_start, write_report
from entrypoint.training.sessions import sessions_close_in_background

logger = logging.getLogger(__name__)


def train_and_export(job: TrainingJob, stop: StopRequest) -> str:
    """Run the job on one machine and return what to say of it when it is done.

    Raises:
        JobError: every way in which it can fail or be stopped.
    """
    log_start(job)
    return run_phases(job, stop, Training(job, stop))


def run_phases(job: TrainingJob, stop: StopRequest, training: Training) -> str:
    """Train, evaluate, export and report; return what to say of it.

    Raises:
        JobError: every way in which it can fail or be stopped.
    """
    settings = job.settings
    with sessions_close_in_background():
        with (
            job.explained("writing event files", settings.tensorboard_dir),
            event_files_in(settings.tensorboard_dir, instead_of=settings.checkpoints_dir),
        ):
            step = training.train()
            training.evaluate(step)
        stop.raise_if_requested("evaluating")
        model = training.export(step)
    # The model first: where the storage is gone, the error says how to publish that by hand.
    published = job.storage.publish_model(model.version_dir)
    job.storage.publish_checkpoint()
    seconds = time.monotonic() - job.started
    write_report(
        settings.report_file,
        Report(
            step=step,
            total_steps=training.total_steps(step),
            start_step=training.progress.start_step,
            speeds=training.progress.speeds,
            evaluation=training.evaluation.latest,
            model=model,
            model_uri=published,
            seconds=seconds,
            devices=job.devices,
        ),
    )
    where = published or model.version_dir
    return f"done in {format_duration(seconds)}: step {step}, model in {where}"


class Training:
    """The estimator and what accompanies it, built once and used by each phase in turn.

    Args:
        job: the job.
        stop: a stop request ends training after the current step.
        cards: how many steps over all cards one global step is.
        machines: how many machines train.
    """

    def __init__(
        self, job: TrainingJob, stop: StopRequest, *, cards: int | None = None, machines: int = 1
    ) -> None:
        self._job = job
        self._stop = stop
        checkpoints_dir = job.settings.checkpoints_dir
        if set_damaged_aside(checkpoints_dir):
            job.storage.publish_checkpoint()
        self.start = saved_step(checkpoints_dir)
        self._history = continue_history(
            checkpoints_dir, step=self.start or 0, cards=cards or job.devices.replicas
        )
        self.max_steps = self._history.last_step(job.parameters.train_max_steps)
        metrics = MetricsFile(job.settings.metrics_file)
        self._estimator = build_estimator(job)
        self.progress = ProgressHook(
            metrics,
            every_steps=job.parameters.log_step_count_steps,
            max_steps=self.max_steps,
            total_of=self._history.total,
            machines=machines,
        )
        self.evaluation = Evaluation(
            self._estimator,
            bind_input_fn(job.code.eval_input_fn, job),
            job.parameters,
            metrics,
            stop=stop,
            explained=lambda: job.explained("evaluation", job.settings.tensorboard_dir),
        )

    def train(self) -> int:
        """Train from the newest checkpoint on and return the global step that was reached.

        Raises:
            DatasetError: the dataset gave not one batch.
            StoppedError: a stop was requested; the checkpoint of the last step is confirmed.
            JobError: what else can happen, see `explain_failures`.
        """
        job, progress = self._job, self.progress
        checkpoints_dir = job.settings.checkpoints_dir
        start = self.start
        if start is not None and self.max_steps is not None and start >= self.max_steps:
            logger.warning(
                "already trained to step %d; train_max_steps %d leaves nothing to train: give more,"
                " or empty checkpoints/ (or name another MODELMAKER_CHECKPOINT_URI) to train anew",
                start,
                job.parameters.train_max_steps,
                extra={"event": "already_trained", "global_step": start},
            )
            return start
        if start is not None:
            extra = {"event": "resume", "global_step": start}
            passed_over = "; MODELMAKER_WARM_START was for its beginning" if job.warm_start else ""
            logger.info("resuming from step %d%s", start, passed_over, extra=extra)
        # Found now, a mistake costs a second; found by the first evaluation or the export, hours.
        build_graphs(job, self._estimator, (ModeKeys.EVAL, ModeKeys.PREDICT))
        self._stop.raise_if_requested("building graphs")
        save_history(self._history, checkpoints_dir)
        with self._job.explained("training", checkpoints_dir):
            self._fit()
        step = progress.start_step if progress.end_step is None else progress.end_step
        self._raise_if_stopped(step)
        if step == progress.start_step:
            raise no_batch(job)
        if self.max_steps is not None and step < self.max_steps:
            logger.warning(
                "the data or the model ended training at step %d, before train_max_steps %d",
                self.total_steps(step),
                job.parameters.train_max_steps,
                extra={"event": "data_ended", "global_step": step},
            )
        return step

    def _fit(self) -> None:
        """Have the estimator train, with an evaluation now and then."""
        self._estimator.train(
            bind_input_fn(self._job.code.train_input_fn, self._job),
            max_steps=self.max_steps,
            hooks=[self.progress, StopHook(self._stop)],
            saving_listeners=[
                FiniteVariablesListener(),
                EvaluateNewCheckpoints(self.evaluation, self.progress.exclude, self._stop),
            ],
        )

    def total_steps(self, step: int) -> int:
        """Return the steps over all cards at a global step."""
        return self._history.total(step)

    def _raise_if_stopped(self, step: int) -> None:
        if self._stop.signal_number is None:
            return
        self._confirm(step)
        raise StoppedError(
            f"stopped by {self._stop.signal_name} at step {step}; the checkpoint is saved and"
            " was read back",
            hint="start the same job again; it goes on from this step",
            signal_number=self._stop.signal_number,
        )

    def _confirm(self, step: int) -> None:
        directory = self._job.settings.checkpoints_dir
        confirm_checkpoint(directory, step)
        try:
            self._job.storage.publish_checkpoint()
        except JobError as error:
            raise error_of(
                error.code,
                f"stopped at step {step}; its checkpoint is saved in {directory} and not"
                f" published: {error.message}",
                error.hint,
            ) from error

    def evaluate(self, step: int) -> None:
        """Evaluate the last checkpoint, unless that was the last evaluation beside training."""
        if self.evaluation.latest_step == step:
            return
        self.evaluation.evaluate()

    def export(self, step: int) -> ExportedModel:
        """Export the last checkpoint."""
        job = self._job
        with self._job.explained("export", job.settings.model_dir):
            model = export_model(
                self._estimator,
                bind_serving_fn(job),
                job.settings.model_dir,
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
        return model


def no_batch(job: TrainingJob) -> DatasetError:
    """Return the error of a training whose dataset gave nothing."""
    return DatasetError(
        f"train_input_fn gave no batch from {job.dataset_dir}",
        hint="check that it finds its files there, and that no filter drops every example",
    )
