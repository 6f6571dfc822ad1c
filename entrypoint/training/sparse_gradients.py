"""Sum sparse gradients over machines, however many rows each of them has in a step.

The gradient of an embedding is an IndexedSlices with a row for each looked-up value, so its length
changes with every batch. TensorFlow gathers them under a key that names the operation; the first
step fixes the shape that goes with a key, and a step of another length ends with "Shape mismatch in
the collective instance" (tensorflow/python/distribute/cross_device_utils.py,
CollectiveReplicaLauncher.all_reduce_indexed_slices; under TensorFlow 2's own loops every call has a
key of its own, in a session they are part of the graph).

Here the rows are padded to a power of two, and there is a key for each power.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.distribute.cross_device_utils import CollectiveReplicaLauncher
from tensorflow.python.ops import collective_ops

# Lengths are int32.
_POWERS = 32


def gather_sparse_gradients_of_any_length() -> None:
    """Have every MultiWorkerMirroredStrategy of this process sum sparse gradients so."""
    CollectiveReplicaLauncher.all_reduce_indexed_slices = _all_reduce_indexed_slices


def _all_reduce_indexed_slices(
    launcher: Any, slices: tf.IndexedSlices, options: Any = None
) -> tf.IndexedSlices:
    """Return the rows of all machines in one IndexedSlices, which is their sum.

    Args:
        launcher: launches collectives on one replica.
        slices: this replica's rows; values of shape [rows, …] and indices of shape [rows].
        options: how the machines communicate.
    """
    options = launcher._options.merge(options)
    with tf.device(launcher._device):
        rows = launcher._all_gather(tf.shape(slices.indices), options)
        powers = tf.bitwise.left_shift(tf.ones([_POWERS - 1], tf.int32), tf.range(_POWERS - 1))
        # The least power of two that is enough for all.
        power = tf.reduce_sum(tf.cast(powers < tf.reduce_max(rows), tf.int32))
        room = tf.bitwise.left_shift(1, power)

        def gather(tensor: tf.Tensor) -> tf.Tensor:
            keys = [
                launcher._collective_keys.get_instance_key(launcher._group_key, launcher._device)
                for _ in range(_POWERS)
            ]
            padding = [[0, room - tf.shape(tensor)[0]], *[[0, 0]] * (tensor.shape.rank - 1)]
            gathered = collective_ops.all_gather_v2(
                tf.pad(tensor, padding),
                launcher._group_size,
                launcher._group_key,
                keys[0] + power,
                communication_hint=options.implementation.value,
                timeout=options.timeout_seconds,
                ordering_token=launcher._get_ordering_token(),
            )
            starts = [index * room for index in range(launcher._group_size)]
            return tf.concat(
                [gathered[start : start + rows[i]] for i, start in enumerate(starts)], axis=0
            )

        return tf.IndexedSlices(
            values=gather(slices.values),
            indices=gather(slices.indices),
            dense_shape=slices.dense_shape,
        )
