"""When an Experiment evaluates and exports."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.util import function_utils

from entrypoint.tensorflow1.contrib.learn.export_strategy import ExportStrategy

__all__ = ["EvaluateAtCheckpoints", "StrategyExporter", "as_predicate", "as_strategies", "wait"]

_LOGGER = logging.getLogger("tensorflow")


class EvaluateAtCheckpoints(tf.train.CheckpointSaverListener):
    """Evaluates when a checkpoint is saved, at most so often."""

    def __init__(self, evaluate: Callable[[Any], Any], every_steps: int, every_secs: float) -> None:
        self._evaluate = evaluate
        self._every_steps = every_steps
        self._every_secs = every_secs
        self._last_step: int | None = None
        self._last_time = -math.inf

    def begin(self) -> None:
        """Expect the checkpoint with which a training starts."""
        self._is_first = True

    def after_save(self, session: Any, global_step_value: int) -> None:
        """Evaluate the checkpoint, unless the last evaluation was too short ago."""
        if self._is_first:  # of the untrained model, or what the last run ended with
            self._is_first = False
            self._last_step = global_step_value
            return
        assert self._last_step is not None  # noqa: S101 (set with the first checkpoint)
        is_soon = (
            global_step_value - self._last_step < self._every_steps
            or time.monotonic() - self._last_time < self._every_secs
        )
        if not is_soon:
            self._last_step, self._last_time = global_step_value, time.monotonic()
            self._evaluate(None)


class StrategyExporter(tf.estimator.Exporter):
    """An export strategy as one of `tf.estimator.EvalSpec`."""

    def __init__(self, strategy: ExportStrategy, *, always: bool) -> None:
        self._strategy = strategy
        self._always = always

    @property
    def name(self) -> str:
        """The directory of its exports."""
        return self._strategy.name

    def export(
        self,
        estimator: Any,
        export_path: Any,
        checkpoint_path: Any,
        eval_result: Any,
        is_the_final_export: bool,
    ) -> Any:
        """Export the last checkpoint, or each."""
        if not (is_the_final_export or self._always):
            return None
        return self._strategy.export(estimator, export_path, checkpoint_path, eval_result)


def as_strategies(values: Any) -> tuple[ExportStrategy, ...]:
    """Return one strategy, several or None as a tuple.

    Raises:
        ValueError: something else is among them.
    """
    strategies = (values,) if isinstance(values, ExportStrategy) else tuple(values or ())
    for strategy in strategies:
        if not isinstance(strategy, ExportStrategy):
            raise ValueError(  # noqa: TRY004 (as TensorFlow 1 does)
                "`export_strategies` must be an ExportStrategy, an iterable of ExportStrategy, or"
                f" `None`, found {strategy}."
            )
    return strategies


def as_predicate(function: Callable[..., bool] | None) -> Callable[[Any, Any], bool]:
    """Return a predicate of metrics and checkpoint that calls one of metrics, or of both."""
    if function is None:
        return lambda _metrics, _checkpoint: True
    if not callable(function):
        raise ValueError(  # noqa: TRY004 (as TensorFlow 1 does)
            "`continuous_eval_predicate_fn` must be a callable, or None."
        )
    if "checkpoint_path" in function_utils.fn_args(function):
        return lambda metrics, checkpoint: function(metrics, checkpoint_path=checkpoint)
    return lambda metrics, _checkpoint: function(metrics)


def wait(seconds: float, what: str) -> None:
    """Wait, and say so."""
    if seconds > 0:
        _LOGGER.info("Waiting %d secs before starting %s.", seconds, what)
        time.sleep(seconds)
