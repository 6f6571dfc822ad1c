"""Evaluate the chief's checkpoints in a process or on a machine of its own."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entrypoint import logs
from entrypoint.errors import PlatformError
from entrypoint.membership import Members, fetch_file
from entrypoint.metrics import MetricsFile
from entrypoint.signals import StopRequest
from entrypoint.training.estimator import bind_input_fn, build_estimator
from entrypoint.training.evaluation import Evaluation
from entrypoint.training.event_files import event_files_in
from entrypoint.training.plan import TrainingJob
from entrypoint.training.sessions import sessions_close_in_background
from entrypoint.training.shared_checkpoints import fetch_checkpoint, list_files
from entrypoint.training.team import (
    CHECKPOINT,
    EVALUATOR_BESIDE,
    PLAN,
    TRAINED,
    evaluated,
    raise_stopped,
    wait_for_done,
)

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2


def evaluate_in_cluster(job: TrainingJob, stop: StopRequest) -> str:
    """Evaluate new checkpoints while training goes on, and the last one in any case.

    Raises:
        JobError: what can happen in an evaluation, see `explain_failures`.
        StoppedError: a stop was requested; the chief has saved its checkpoint.
    """
    settings = job.settings
    evaluator = _Evaluator(job, stop)
    with (
        sessions_close_in_background(),
        event_files_in(settings.tensorboard_dir, instead_of=settings.checkpoints_dir),
    ):
        evaluator.evaluate_until_trained()
    return evaluator.finish()


class _Evaluator:
    def __init__(self, job: TrainingJob, stop: StopRequest) -> None:
        if job.place.channel is None:
            raise ValueError("an evaluator needs the channel to the chief")
        self._job = job
        self._stop = stop
        self._chief = job.place.cluster.chief.name
        self._members = Members(job.place.channel, job.place.task)
        self._own_dir = job.settings.checkpoints_dir / f"of-{job.place.task}"
        self._evaluation = Evaluation(
            build_estimator(job),
            bind_input_fn(job.code.eval_input_fn, job),
            job.parameters,
            MetricsFile(job.settings.metrics_file),
            stop=stop,
            explained=lambda: job.explained("evaluation", job.settings.tensorboard_dir),
        )

    def evaluate_until_trained(self) -> None:
        """Evaluate when start delay and throttle allow it, and once more at the end."""
        plan = self._members.wait_for(PLAN, [self._chief], self._stop, "waiting for the chief")
        # What training starts from was evaluated before, or holds nothing but first values.
        done_step = plan[self._chief]["start"] or 0
        while self._stop.signal_number is None:
            trained = self._members.posted(TRAINED).get(self._chief)
            saved = self._members.posted(CHECKPOINT).get(self._chief)
            if trained is not None:
                self._evaluate_last(trained["global_step"], saved)
                return
            if saved and saved["step"] > done_step and self._evaluation.is_due():
                self._evaluate(saved)
                done_step = saved["step"]
            self._members.check()
            time.sleep(POLL_SECONDS)

    def finish(self) -> str:
        """Wait until the chief is done, and return what to say last."""
        task = self._job.place.task
        me = None if task == EVALUATOR_BESIDE else task
        if wait_for_done(self._members, self._chief, me, self._stop):
            raise_stopped(self._members, self._stop, "while it evaluated")
        return f"done: evaluated to step {self._evaluation.latest_step}"

    def _evaluate_last(self, step: int, saved: Mapping[str, Any] | None) -> None:
        if self._evaluation.latest_step != step:
            if saved is None or saved["step"] != step:  # nothing was left to train
                self._evaluation.evaluate()
            elif not self._evaluate(saved):
                raise PlatformError(
                    f"the last checkpoint, of step {step}, is gone before it was evaluated",
                    hint="nobody but the job may remove files from checkpoints/",
                )
        self._members.post(
            evaluated(step), {"metrics": logs.to_json(self._evaluation.latest), "step": step}
        )

    def _evaluate(self, saved: Mapping[str, Any]) -> bool:
        """Evaluate a checkpoint; False if the chief has removed it meanwhile."""
        files = {name: (size, digest) for name, (size, digest) in saved["files"].items()}
        try:
            self._evaluation.evaluate(self._obtain(files))
        except FileNotFoundError:
            logger.info(
                "checkpoint of step %d is gone already; the next one will do", saved["step"]
            )
            return False
        return True

    def _obtain(self, files: Mapping[str, tuple[int, str]]) -> Path:
        """Return the prefix of a checkpoint on this machine, fetched if need be.

        Raises:
            FileNotFoundError: the chief has removed it.
        """
        index = next(name for name in files if name.endswith(".index"))
        shared = (self._job.settings.checkpoints_dir / index).with_suffix("")
        if list_files(shared) == dict(files):
            return shared
        shutil.rmtree(self._own_dir, ignore_errors=True)
        self._own_dir.mkdir(parents=True)
        cluster, stop = self._job.place.cluster, self._stop
        return fetch_checkpoint(
            files, self._own_dir, lambda name, to: fetch_file(cluster, name, to, stop=stop)
        )
