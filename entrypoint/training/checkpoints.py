"""What is in the checkpoints directory."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from entrypoint.blame import describe
from entrypoint.errors import ContradictionError, PlatformError


def saved_step(checkpoints_dir: Path) -> int | None:
    """Return the global step of the newest checkpoint, or None if there is none.

    Raises:
        ContradictionError: there is one, and it is incomplete or damaged. Training must not start
            from zero then.
    """
    state = tf.train.get_checkpoint_state(str(checkpoints_dir))
    if state is None:
        return None
    newest = tf.train.latest_checkpoint(str(checkpoints_dir))
    try:
        if newest is None:
            raise ValueError("its files are not there")
        return int(tf.train.load_variable(newest, tf.compat.v1.GraphKeys.GLOBAL_STEP))
    except (tf.errors.OpError, ValueError) as error:
        raise ContradictionError(
            f"the newest checkpoint, {state.model_checkpoint_path}, cannot be read:"
            f" {describe(error)}",
            hint=f"name an earlier one in {checkpoints_dir / 'checkpoint'}, or empty checkpoints/"
            " to train from the beginning",
        ) from error


def confirm_checkpoint(checkpoints_dir: Path, step: int) -> None:
    """Read every tensor of the newest checkpoint back, which checks its checksums.

    Raises:
        PlatformError: it cannot be read, or is not of the given global step.
    """
    hint = "look at the free space and the health of the volume at checkpoints/"
    try:
        found = saved_step(checkpoints_dir)
        if found != step:
            raise PlatformError(
                f"the newest checkpoint is of step {found}, not of step {step}", hint=hint
            )
        reader = tf.train.load_checkpoint(str(checkpoints_dir))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, ValueError, ContradictionError) as error:
        raise PlatformError(f"the last checkpoint cannot be read: {error}", hint=hint) from error
