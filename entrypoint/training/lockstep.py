"""Machines that train in step end in step.

Under MultiWorkerMirroredStrategy every step waits for all machines, so one that leaves the loop
alone, because its data has ended or because it was asked to stop, leaves the others waiting for
ever. Here they tell each other within the step itself: beside the loss, which Estimator sums over
all cards anyway, go the marks of the last batch and of a request to stop. All see the same sums
and end after the same step.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.distribute import distribute_utils, values
from tensorflow.python.training import training_util

v1 = tf.compat.v1

# Graph collection of booleans, one a replica of this machine: is this its last batch?
LAST_BATCH = "modelmaker_last_batch"
# Graph collections of one tensor each: the sums over all cards, and what asks for the stop.
_SUMS = "modelmaker_sums"
_STOP = "modelmaker_stop"
# In which order the sums are: loss, replicas at their last batch, machines asked to stop.
_ENDS, _STOPS = 1, 2

# How long what is left of the data is counted, at most.
COUNT_SECONDS = 10.0


class LockstepStrategy(tf.distribute.MultiWorkerMirroredStrategy):
    """MultiWorkerMirroredStrategy whose sum of the loss carries the marks along.

    It costs no message more than Estimator sends.

    A variable that each replica keeps for itself, a moving average of batch normalization mostly,
    is read on this machine alone. The base class would ask all machines for it; the chief reads it
    when it saves, the others do not save, and the chief would wait for ever. As with other
    frameworks, a checkpoint has the chief's moving averages.
    """

    def reduce(self, reduce_op: Any, value: Any, axis: Any) -> Any:
        """Reduce as the base class does; the first time in a training graph with the marks."""
        if isinstance(value, values.SyncOnReadVariable):
            reads = [variable.read_value() for variable in value.values]
            total = tf.add_n(reads)
            return total / tf.cast(len(reads), total.dtype) if _is_mean(reduce_op) else total
        marks = v1.get_collection(LAST_BATCH)
        if axis is not None or not marks or v1.get_collection(_SUMS):
            return super().reduce(reduce_op, value, axis)
        losses = self.experimental_local_results(value)
        stop = v1.placeholder_with_default(0.0, [], name="modelmaker_stop")
        vectors = []
        for index, (loss, mark) in enumerate(zip(losses, marks, strict=True)):
            with tf.device(loss.device):
                asked = stop if index == 0 else tf.zeros([])
                parts = (loss, mark, asked)
                vectors.append(tf.stack([tf.cast(part, tf.float32) for part in parts]))
        sums = super().reduce("SUM", distribute_utils.regroup(tuple(vectors)), None)
        v1.add_to_collection(_SUMS, sums)
        v1.add_to_collection(_STOP, stop)
        loss = sums[0] / self.num_replicas_in_sync if _is_mean(reduce_op) else sums[0]
        return tf.cast(loss, losses[0].dtype)


def _is_mean(reduce_op: Any) -> bool:
    return str(getattr(reduce_op, "value", reduce_op)).upper() == "MEAN"


class LockstepHook(tf.compat.v1.train.SessionRunHook):
    """Ends the loop on all machines after the same step.

    It has to be the last of the hooks: when another one asks for the end on this machine alone, the
    machine makes one more step, in which it tells the others.

    Args:
        is_stop_requested: tells whether this machine is to stop.
        max_step: the global step that is the last one on all machines, if there is one.

    Attributes:
        data_ended: whether the loop ended because some machine's data did.
        left_over: the batches of this machine's data that nobody trained on; None if there were
            too many to count.
    """

    def __init__(self, is_stop_requested: Callable[[], bool], max_step: int | None) -> None:
        self._is_stop_requested = is_stop_requested
        self._max_step = max_step
        self._wants_end = False
        self.data_ended = False
        self.left_over: int | None = 0

    def begin(self) -> None:
        """Look up what the strategy put into the graph."""
        (sums,) = v1.get_collection(_SUMS)
        (self._stop,) = v1.get_collection(_STOP)
        self._marks = v1.get_collection(LAST_BATCH)
        self._step = training_util._get_or_create_global_step_read()
        self._fetches = {"sums": sums, "marks": self._marks, "step": self._step}

    def before_run(self, run_context: Any) -> Any:
        """Tell the others with this step if this machine is to stop."""
        del run_context
        asks = self._wants_end or self._is_stop_requested()
        return v1.train.SessionRunArgs(self._fetches, {self._stop: float(asks)})

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """End after the last step, or if anybody asked for it in this one."""
        results = run_values.results
        self.data_ended = bool(results["sums"][_ENDS] > 0)
        if self._is_last(run_context.session, int(results["step"])) or results["sums"][_STOPS] > 0:
            run_context.request_stop()
        elif self.data_ended:
            if not any(results["marks"]):
                self.left_over = _count_batches(run_context.session, self._marks)
            run_context.request_stop()
        elif run_context.stop_requested:
            self._wants_end = True
            run_context._stop_requested = False

    def _is_last(self, session: Any, step: int) -> bool:
        # The step read beside the training operation may miss its last increment.
        if self._max_step is None or step + 1 < self._max_step:
            return False
        return bool(session.run(self._step) >= self._max_step)


class VariablesHook(tf.compat.v1.train.SessionRunHook):
    """Takes the digest of all variables that have to be equal on all machines.

    Args:
        compare: is given the digest before the first step.

    Attributes:
        digest: that of the end.
    """

    def __init__(self, compare: Callable[[str], None]) -> None:
        self._compare = compare
        self._is_compared = False
        self.digest: str | None = None

    def begin(self) -> None:
        """Add what reads the variables to the graph."""
        mirrored = [v for v in v1.global_variables() if isinstance(v, values.MirroredVariable)]
        # One that each machine keeps for itself, as a moving average is, has no place here.
        self._reads = {
            variable.name: variable.values[0].read_value()
            for variable in sorted(mirrored, key=lambda variable: variable.name)
            if not isinstance(variable, values.SyncOnReadVariable)
        }

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Compare what all machines begin with."""
        del coord
        if not self._is_compared:
            self._is_compared = True
            self._compare(self._digest(session))

    def end(self, session: Any) -> None:
        """Take the digest of the end."""
        self.digest = self._digest(session)

    def _digest(self, session: Any) -> str:
        digest = hashlib.sha256()
        for name, read in self._reads.items():
            digest.update(name.encode() + b"\0" + np.ascontiguousarray(session.run(read)).tobytes())
        return digest.hexdigest()


def _count_batches(session: Any, marks: list[Any]) -> int | None:
    """Count what an iterator still gives; None if there is too much of it to count."""
    deadline = time.monotonic() + COUNT_SECONDS
    batches = 0
    while time.monotonic() < deadline:
        try:
            are_last = session.run(marks)
        except tf.errors.OutOfRangeError:
            return batches
        batches += len(marks)
        if any(are_last):
            return batches
    return None
