"""What happens between two training steps: progress is logged, a stop request is obeyed."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import tensorflow as tf
from tensorflow.python.training import basic_session_run_hooks, training_util

from entrypoint.durations import format_duration
from entrypoint.errors import UserCodeFailedError
from entrypoint.metrics import MetricsFile
from entrypoint.signals import StopRequest

logger = logging.getLogger(__name__)

v1 = tf.compat.v1

# Graph collection of scalars: how many examples each replica takes in this step.
BATCH_EXAMPLES = "modelmaker_batch_examples"
# A training operation that gathers gradients over several batches may leave the step for a while.
STANDSTILL_RUNS = 1_000
HOPELESS_RUNS = 10_000


def use_steady_clock() -> None:
    """Have the timers of Estimator's hooks go by a clock that nobody sets.

    They decide by the wall clock when a checkpoint is due, and that may jump by hours.
    """
    basic_session_run_hooks.time = SimpleNamespace(time=time.monotonic)


def count_examples(features: Any, labels: Any) -> None:
    """Note in the graph how many examples the current batch holds, where that can be told.

    Args:
        features: what the user's input function gave; nested tensors of shape [batch, …].
        labels: likewise, or None.
    """
    for tensor in tf.nest.flatten((features, labels)):
        if isinstance(tensor, tf.sparse.SparseTensor):
            count = tensor.dense_shape[0]
        elif isinstance(tensor, tf.Tensor) and tensor.shape.rank:
            count = tf.shape(tensor, out_type=tf.int64)[0]
        else:
            continue
        v1.add_to_collection(BATCH_EXAMPLES, tf.cast(count, tf.int64))
        return


class StopHook(tf.compat.v1.train.SessionRunHook):
    """Ends a session's loop after the current step once a stop is requested."""

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Ask the loop to end; the checkpoint hook saves as it does."""
        del run_values
        if self._stop.signal_number is not None:
            run_context.request_stop()


class FiniteVariablesListener(tf.compat.v1.train.CheckpointSaverListener):
    """Has nothing saved once training has made NaN or infinity of a variable.

    The saver goes before the hooks that see the loss of a step, so without this the newest
    checkpoint could be one that nobody can train on from.
    """

    def begin(self) -> None:
        """Add what looks at the variables to the graph."""
        finite = [
            tf.reduce_all(tf.math.is_finite(variable))
            for variable in v1.trainable_variables()
            if variable.dtype.base_dtype.is_floating
        ]
        self._are_finite = tf.reduce_all(tf.stack(finite)) if finite else tf.constant(value=True)

    def before_save(self, session: Any, global_step_value: Any) -> None:
        """Look at them.

        Raises:
            UserCodeFailedError: one is not finite.
        """
        if not session.run(self._are_finite):
            raise _not_finite("a variable became NaN or infinite", int(global_step_value))


def _not_finite(what: str, step: int) -> UserCodeFailedError:
    return UserCodeFailedError(
        f"{what} at step {step}",
        hint="lower the learning rate, clip gradients, or look for bad values in the data; the"
        " checkpoint from before is kept",
    )


class BatchCounterHook(tf.compat.v1.train.SessionRunHook):
    """Counts the batches of an evaluation."""

    def __init__(self) -> None:
        self.batches = 0

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Count one batch."""
        del run_context, run_values
        self.batches += 1


@dataclass
class _Mark:
    """A moment in training.

    Attributes:
        seconds: on a monotonic clock, without the time spent in evaluations.
        step: global_step at that moment.
        examples: examples taken up to then by all machines.
    """

    seconds: float
    step: int
    examples: int


class ProgressHook(tf.compat.v1.train.SessionRunHook):
    """Records a `progress` event every so many steps, and at the end.

    Args:
        metrics: where the events go; None records none.
        every_steps: the cadence; events fall on multiples of it.
        max_steps: the step at which training ends, or None if the data decides.
        total_of: gives the steps over all cards at a global step.
        machines: how many train; each is taken to have as many examples as this one.
    """

    def __init__(
        self,
        metrics: MetricsFile | None,
        *,
        every_steps: int,
        max_steps: int | None,
        total_of: Callable[[int], int],
        machines: int = 1,
    ) -> None:
        self._machines = machines
        self._metrics = metrics
        self._every_steps = every_steps
        self._max_steps = max_steps
        self._total_of = total_of
        self._paused_seconds = 0.0
        self._examples = 0
        self._loss = float("nan")
        self._first: _Mark | None = None
        self._last: _Mark | None = None
        self._recorded_step = 0
        self._seen_step = -1
        self._runs_at_seen_step = 0
        self.start_step = 0
        self.end_step: int | None = None

    def begin(self) -> None:
        """Look up the tensors to fetch with every step."""
        self._global_step = v1.train.get_global_step()
        self._fetches = {
            # Estimator puts the loss of the whole step here last.
            "loss": v1.get_collection(v1.GraphKeys.LOSSES)[-1],
            # Fetching the variable itself beside the training operation would read it twice.
            "step": training_util._get_or_create_global_step_read(),
            "examples": v1.get_collection(BATCH_EXAMPLES),
        }

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Note where training starts."""
        del coord
        if self._first is None:  # A recovered session goes on; it does not start again.
            self.start_step = self._recorded_step = self._step_of(session)

    def before_run(self, run_context: Any) -> Any:
        """Fetch what progress is made of together with the step itself."""
        del run_context
        return v1.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Record progress when the cadence is reached."""
        self._examples += int(sum(run_values.results["examples"])) * self._machines
        self._loss = float(run_values.results["loss"])
        if self._first is None:
            # The first step also builds and places the graph; speeds are counted from its end.
            self._first = self._last = self._mark(self._step_of(run_context.session))
        if not math.isfinite(self._loss):
            step = self._step_of(run_context.session)
            raise _not_finite(f"the loss became {self._loss}", step)
        self._watch(int(run_values.results["step"]))
        # The step read beside the training operation may miss its last increment.
        if self._is_due(int(run_values.results["step"]) + 1):
            step = self._step_of(run_context.session)
            if self._is_due(step):
                self._record(step)

    def _watch(self, step: int) -> None:
        """Tell when the global step stands still: training would never reach its last step.

        Raises:
            UserCodeFailedError: it has not moved once in all this time.
        """
        self._runs_at_seen_step = 0 if step > self._seen_step else self._runs_at_seen_step + 1
        self._seen_step = max(step, self._seen_step)
        runs = self._runs_at_seen_step
        said = f"the training operation ran {runs:,} times and the global step is still {step}"
        hint = (
            "give optimizer.minimize global_step=tf.train.get_global_step(); for an optimizer of"
            " Keras set optimizer.iterations to it"
        )
        if runs == STANDSTILL_RUNS:
            extra = {"event": "step_stands_still", "global_step": step}
            logger.warning("%s; %s", said, hint, extra=extra)
        elif runs == HOPELESS_RUNS and step == self.start_step:
            raise UserCodeFailedError(f"{said}, so training would never end", hint=hint)

    def end(self, session: Any) -> None:
        """Record the last steps."""
        self.end_step = self._step_of(session)
        if self._first is not None and self.end_step > self._recorded_step:
            self._record(self.end_step)

    def exclude(self, seconds: float) -> None:
        """Leave time that training stood still, for an evaluation, out of its speed."""
        self._paused_seconds += seconds

    @property
    def speeds(self) -> tuple[float | None, float | None]:
        """Steps per second and examples per second over the whole training, if it had steps."""
        if self._first is None or self._last is None:
            return None, None
        return self._speeds(self._first, self._last)

    def _step_of(self, session: Any) -> int:
        return int(session.run(self._global_step))

    def _is_due(self, step: int) -> bool:
        return step // self._every_steps > self._recorded_step // self._every_steps

    def _mark(self, step: int) -> _Mark:
        return _Mark(time.monotonic() - self._paused_seconds, step, self._examples)

    def _speeds(self, start: _Mark, end: _Mark) -> tuple[float | None, float | None]:
        seconds = end.seconds - start.seconds
        if seconds <= 0 or end.step <= start.step:
            return None, None
        examples = end.examples - start.examples
        return (end.step - start.step) / seconds, examples / seconds if examples else None

    def _record(self, step: int) -> None:
        last, self._last, self._recorded_step = self._last, self._mark(step), step
        steps_per_second, examples_per_second = (
            self._speeds(last, self._last) if last else (None, None)
        )
        if self._metrics is None:
            return
        share = seconds_left = None
        if self._max_steps:
            share = min(step / self._max_steps, 1.0)
            if steps_per_second:
                seconds_left = max(self._max_steps - step, 0) / steps_per_second
        figures: dict[str, Any] = {
            "global_step": step,
            "total_steps": self._total_of(step),
            "loss": self._loss,
            "steps_per_second": _rounded(steps_per_second),
            "examples_per_second": _rounded(examples_per_second),
            "share": None if share is None else round(share, 4),
            "seconds_left": _rounded(seconds_left),
        }
        self._metrics.record("progress", self._in_words(figures), **figures)

    def _in_words(self, figures: dict[str, Any]) -> str:
        of = f"/{self._max_steps}" if self._max_steps else ""
        # What is wanted most comes first: a narrow terminal cuts the end off.
        parts = [f"step {figures['global_step']}{of}"]
        if figures["total_steps"] != figures["global_step"]:
            parts[0] += f" ({figures['total_steps']} over all cards)"
        if figures["share"] is not None:
            parts.insert(0, f"{figures['share']:.0%}")
        if figures["seconds_left"]:
            parts.append(f"{format_duration(figures['seconds_left'])} left")
        parts.append(f"loss {self._loss:.4g}")
        if figures["steps_per_second"] is not None:
            parts.append(f"{figures['steps_per_second']:.4g} steps/s")
        if figures["examples_per_second"] is not None:
            parts.append(f"{figures['examples_per_second']:,.0f} examples/s")
        return "  ".join(parts)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
