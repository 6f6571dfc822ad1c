"""What is in the checkpoints directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from entrypoint.blame import describe
from entrypoint.errors import ContradictionError, PlatformError

# Under this key a checkpoint of objects describes them.
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


# What is raised for a checkpoint that is not whole.
UNREADABLE = (tf.errors.OpError, IndexError, KeyError, ValueError)


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
        return _read_step(tf.train.load_checkpoint(newest))
    except UNREADABLE as error:
        raise ContradictionError(
            f"the newest checkpoint, {state.model_checkpoint_path}, cannot be read:"
            f" {describe(error)}",
            hint=f"name an earlier one in {checkpoints_dir / 'checkpoint'}, or empty checkpoints/"
            " to train from the beginning",
        ) from error


def read_whole(prefix: Path) -> int:
    """Read every tensor of a checkpoint, which checks its checksums; return its global step.

    Raises:
        OpError, IndexError, KeyError, ValueError: it is incomplete or damaged; see UNREADABLE.
    """
    reader = tf.train.load_checkpoint(str(prefix))
    for name in reader.get_variable_to_shape_map():
        reader.get_tensor(name)
    return _read_step(reader)


def _read_step(reader: Any) -> int:
    key = keys_by_variable(reader)[tf.compat.v1.GraphKeys.GLOBAL_STEP]
    return int(reader.get_tensor(key))


def save_in_one_file(spec: Any, keep_checkpoint_max: int | None) -> None:
    """Have the chief save all variables, wherever they are, in a file of its own.

    Estimator's saver is sharded: each parameter server would save its variables to its own disk.

    Args:
        spec: the model's EstimatorSpec; a saver of its own stays.
        keep_checkpoint_max: how many checkpoints are kept, None for all.
    """
    savers = tf.compat.v1.GraphKeys.SAVERS
    if spec.scaffold.saver or tf.compat.v1.get_collection(savers):
        return
    saver = tf.compat.v1.train.Saver(
        max_to_keep=keep_checkpoint_max, defer_build=True, save_relative_paths=True
    )
    tf.compat.v1.add_to_collection(savers, saver)


def keys_by_variable(reader: Any) -> dict[str, str]:
    """Return under which key a checkpoint has each variable, by the variable's name.

    Most have a variable's name itself for a key. Those of Keras models have the path through the
    model's objects, and beside it the name.

    Args:
        reader: what `tf.train.load_checkpoint` returns.
    """
    keys = {key: key for key in reader.get_variable_to_shape_map() if key != _OBJECT_GRAPH}
    if reader.has_tensor(_OBJECT_GRAPH):
        graph = TrackableObjectGraph.FromString(reader.get_tensor(_OBJECT_GRAPH))
        named = {
            attribute.checkpoint_key: attribute.full_name
            for node in graph.nodes
            for attribute in node.attributes
            if attribute.full_name
        }
        keys = {named.get(key, key): key for key in keys}
    return keys


def confirm_checkpoint(checkpoints_dir: Path, step: int) -> None:
    """Read every tensor of the newest checkpoint back, which checks its checksums.

    Raises:
        PlatformError: it cannot be read, or is not of the given global step.
    """
    hint = "look at the free space and the health of the volume at checkpoints/"
    newest = tf.train.latest_checkpoint(str(checkpoints_dir))
    try:
        found = read_whole(Path(newest)) if newest else None
    except UNREADABLE as error:
        raise PlatformError(f"the last checkpoint cannot be read: {error}", hint=hint) from error
    if found != step:
        raise PlatformError(
            f"the newest checkpoint is of step {found}, not of step {step}", hint=hint
        )
