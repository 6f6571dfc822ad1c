"""Evaluate checkpoints beside training: not too early and not too often."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import tensorflow as tf

from entrypoint.metrics import MetricsFile
from entrypoint.parameters import Parameters
from entrypoint.signals import StopRequest
from entrypoint.training.hooks import BatchCounterHook, StopHook


class Evaluation:
    """Evaluates an estimator's checkpoints on a schedule.

    Args:
        estimator: what is evaluated.
        input_fn: gives the evaluation data, without arguments.
        parameters: `eval_steps`, `eval_start_delay_secs` and `eval_throttle_secs`.
        metrics: where `evaluation` events go.
        stop: a stop request cuts an evaluation short, and its result is dropped.
        explained: explains what fails inside as a failure of the evaluation.

    Attributes:
        latest: the metrics of the last evaluation, by name.
        latest_step: the global step that they belong to.
    """

    def __init__(
        self,
        estimator: Any,
        input_fn: Callable[[], Any],
        parameters: Parameters,
        metrics: MetricsFile,
        *,
        stop: StopRequest,
        explained: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._explained = explained
        self._estimator = estimator
        self._input_fn = input_fn
        self._parameters = parameters
        self._metrics = metrics
        self._stop = stop
        # Monotonic, so that a corrected clock neither skips nor doubles an evaluation.
        self._started = time.monotonic()
        self._last_start: float | None = None
        self.latest: Mapping[str, Any] | None = None
        self.latest_step: int | None = None

    def is_due(self) -> bool:
        """Tell whether start delay and throttle allow an evaluation now."""
        now = time.monotonic()
        if now - self._started < self._parameters.eval_start_delay_secs:
            return False
        throttle = self._parameters.eval_throttle_secs
        return self._last_start is None or now - self._last_start >= throttle

    def evaluate(self, checkpoint: Path | None = None) -> None:
        """Evaluate a checkpoint and record the result, unless a stop is requested.

        Args:
            checkpoint: its path without suffixes; the newest one without.
        """
        self._last_start = time.monotonic()
        counter = BatchCounterHook()
        with self._explained():
            results = self._estimator.evaluate(
                self._input_fn,
                steps=self._parameters.eval_steps,
                hooks=[StopHook(self._stop), counter],
                checkpoint_path=checkpoint and str(checkpoint),
            )
        if self._stop.signal_number is not None:
            return
        seconds = time.monotonic() - self._last_start
        step = int(results["global_step"])
        self.latest_step = step
        self.latest = {
            name: value.item() if hasattr(value, "item") else value
            for name, value in results.items()
            if name != "global_step"
        }
        shown = "  ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.latest.items()
        )
        self._metrics.record(
            "evaluation",
            f"evaluated step {step} on {counter.batches} batches: {shown}",
            global_step=step,
            metrics=dict(self.latest),
            batches=counter.batches,
            seconds=round(seconds, 3),
        )


class EvaluateNewCheckpoints(tf.compat.v1.train.CheckpointSaverListener):
    """Evaluates a checkpoint right after it was saved, when the schedule allows it.

    Args:
        evaluation: the schedule and what it evaluates.
        exclude: is told the seconds an evaluation took.
        stop: no evaluation begins once a stop is requested.
    """

    def __init__(
        self, evaluation: Evaluation, exclude: Callable[[float], None], stop: StopRequest
    ) -> None:
        self._evaluation = evaluation
        self._exclude = exclude
        self._stop = stop
        self._is_first = True

    def after_save(self, session: Any, global_step_value: Any) -> None:
        """Evaluate, unless this is the checkpoint that training starts from."""
        del session, global_step_value
        # Estimator saves once before the first step: there is nothing new in that checkpoint.
        is_first, self._is_first = self._is_first, False
        if is_first or self._stop.signal_number is not None or not self._evaluation.is_due():
            return
        start = time.monotonic()
        self._evaluation.evaluate()
        self._exclude(time.monotonic() - start)
