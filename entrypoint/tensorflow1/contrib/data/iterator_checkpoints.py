"""Save where the iterators of a graph are in their datasets, and go on from there."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops import iterator_ops

_v1 = tf.compat.v1
# What the operator does by default, and TensorFlow 1 always did: state outside the dataset (a
# random seed of the process) is not saved.
_STATE_OUTSIDE = tf.data.experimental.ExternalStatePolicy.WARN


def _saveable(resource: Any) -> Any:
    return iterator_ops._IteratorSaveable(
        resource, resource.name, external_state_policy=_STATE_OUTSIDE
    )


def make_saveable_from_iterator(iterator: Any) -> Any:
    """Return what a `Saver` needs to save and restore an iterator's position."""
    return _saveable(iterator._iterator_resource)


class _IteratorSaver(tf.compat.v1.train.Saver):
    """A `Saver` that lists its checkpoints in a file beside the model's."""

    def __init__(self, saveables: list[Any], latest_filename: str) -> None:
        super().__init__(saveables)
        self._latest_filename = latest_filename

    def save(
        self,
        sess: Any,
        save_path: str,
        global_step: Any = None,
        latest_filename: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Save as `Saver.save` does."""
        listed = latest_filename or self._latest_filename
        return super().save(sess, save_path, global_step, listed, *args, **kwargs)


class CheckpointInputPipelineHook(tf.compat.v1.train.SessionRunHook):
    """Checkpoint the graph's iterators when the Estimator checkpoints its variables.

    Files are `input.ckpt-STEP` in the Estimator's directory (`input_TASK_INDEX.ckpt-STEP` where
    there are several workers), listed in `checkpoint_input`. A training that starts beside such a
    checkpoint goes on where the iterators were.
    """

    def __init__(self, estimator: Any) -> None:
        config = estimator.config
        prefix = "input"
        if config.num_worker_replicas > 1:
            prefix += f"_{config.task_type}_{config.task_id}"
        self._latest_filename = f"checkpoint_{prefix}"
        # Held and not inherited: Estimator adds no hook for the variables where it finds a
        # CheckpointSaverHook.
        self._saver_hook = _v1.train.CheckpointSaverHook(
            estimator.model_dir,
            save_secs=config.save_checkpoints_secs,
            save_steps=config.save_checkpoints_steps,
            checkpoint_basename=f"{prefix}.ckpt",
        )
        self._is_first_run = True

    def begin(self) -> None:
        """Prepare to save every iterator of the graph."""
        iterators = _v1.get_collection(iterator_ops.GLOBAL_ITERATORS)
        self._saver_hook._saver = _IteratorSaver(
            [_saveable(resource) for resource in iterators], self._latest_filename
        )
        self._saver_hook.begin()

    def before_run(self, run_context: Any) -> Any:
        """Before the first step, restore the iterators or save their beginning."""
        if self._is_first_run:
            # Not in after_create_session: another hook initializes the iterators there.
            self._restore_or_save(run_context.session)
            self._is_first_run = False
        return self._saver_hook.before_run(run_context)

    def _restore_or_save(self, session: Any) -> None:
        hook = self._saver_hook
        latest = tf.train.latest_checkpoint(hook._checkpoint_dir, self._latest_filename)
        if latest:
            hook._saver.restore(session, latest)
            return
        step = session.run(hook._global_step_tensor)
        hook._save(session, step)
        hook._timer.update_last_triggered_step(step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Save if it is time."""
        self._saver_hook.after_run(run_context, run_values)

    def end(self, session: Any) -> None:
        """Save the last position."""
        self._saver_hook.end(session)
