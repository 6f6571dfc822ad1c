"""Tracing beams back from their ends."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

v1 = tf.compat.v1


def gather_tree(
    step_ids: Any,
    parent_ids: Any,
    max_sequence_lengths: Any,
    end_token: Any,
    name: str | None = None,
) -> Any:
    """Return whole beams of the ids chosen at each step and of the beams they continued.

    TensorFlow 1's `GatherTree` operator: beam k of the result ends in beam k of the last step that
    counts for the example, and each earlier id is the one of the parent. After its first end
    token, and beyond the example's length, a beam holds end tokens.

    Args:
        step_ids: int32 [time, batch, beam], the ids as they were chosen.
        parent_ids: int32 [time, batch, beam], the beam of the step before.
        max_sequence_lengths: int32 [batch], steps that count.
        end_token: int32 scalar.
        name: name scope.

    Raises:
        ValueError: a tensor of another rank.
        InvalidArgumentError: (when it runs) a parent is no beam.
    """
    with v1.name_scope(name, "GatherTree", [step_ids, parent_ids]):
        step_ids = tf.convert_to_tensor(step_ids, name="step_ids")
        dtype = step_ids.dtype
        parent_ids = tf.convert_to_tensor(parent_ids, dtype=dtype, name="parent_ids")
        lengths = tf.cast(max_sequence_lengths, tf.int32)
        end_token = tf.cast(end_token, dtype)
        for what, tensor, rank in (
            ("step_ids", step_ids, 3),
            ("parent_ids", parent_ids, 3),
            ("max_sequence_lengths", lengths, 1),
            ("end_token", end_token, 0),
        ):
            if tensor.shape.ndims not in (None, rank):
                raise ValueError(f"{what} must have rank {rank}, but has shape {tensor.shape}")
        with tf.control_dependencies(_parent_checks(parent_ids, lengths, tf.shape(step_ids))):
            beams = _trace_back(step_ids, parent_ids, lengths, end_token)
        ended = tf.cumsum(tf.cast(tf.equal(beams, end_token), tf.int32), axis=0)
        beams = tf.where(ended > 0, tf.fill(tf.shape(beams), end_token), beams)
        beams.set_shape(step_ids.shape)
        return beams


def _trace_back(step_ids: Any, parent_ids: Any, lengths: Any, end_token: Any) -> Any:
    """Follow the parents from the last step to the first."""
    shape = tf.shape(step_ids)
    # A beam starts in its own column, at its example's last step.
    own = tf.tile(tf.range(shape[2], dtype=step_ids.dtype)[tf.newaxis], [shape[1], 1])
    own.set_shape(step_ids.shape[1:])
    ends = tf.fill(shape[1:], end_token)

    def step_back(time: Any, column: Any, beams: Any) -> tuple[Any, Any, Any]:
        counts = tf.tile((time < lengths)[:, tf.newaxis], [1, shape[2]])
        chosen = tf.gather(step_ids[time], column, batch_dims=1)
        parent = tf.gather(parent_ids[time], column, batch_dims=1)
        beams = beams.write(time, tf.where(counts, chosen, ends))
        column = tf.where(counts, parent, own)
        column.set_shape(own.shape)
        return time - 1, column, beams

    arrays = tf.TensorArray(step_ids.dtype, size=shape[0], element_shape=step_ids.shape[1:])
    _, _, arrays = v1.while_loop(
        lambda time, *_: time >= 0,
        step_back,
        loop_vars=(shape[0] - 1, own, arrays),
        back_prop=False,
    )
    return tf.reshape(arrays.stack(), shape)


def _parent_checks(parent_ids: Any, lengths: Any, shape: Any) -> list[Any]:
    """Return assertions on the parents that are followed: a gather on a GPU checks nothing."""
    counts = tf.transpose(tf.sequence_mask(lengths, maxlen=shape[0]))[1:, :, tf.newaxis]
    parents = parent_ids[1:]
    valid = (parents >= 0) & (parents < tf.cast(shape[2], parents.dtype))
    message = "gather_tree: a parent id is not the number of a beam"
    check = v1.Assert(tf.reduce_all(valid | ~counts), [message, parents])
    return [] if check is None else [check]


def gather_tree_from_array(t: Any, parent_ids: Any, sequence_length: Any) -> Any:
    """Return what the steps stored, put in the order of the finished beams.

    Of each step a beam gets the entry at the place it has after that step, as in TensorFlow 1;
    what a cell stores is in the order before it, and differs where beams changed places just then.

    Args:
        t: a stacked TensorArray, [time, batch, beam, ...] or [time, batch * beam, ...].
        parent_ids: int32 [time, batch, beam].
        sequence_length: [batch, beam]; later steps stay as they are.
    """
    shape = tf.shape(parent_ids)
    time, batch, beam = shape[0], shape[1], shape[2]
    own = tf.tile(tf.range(beam)[tf.newaxis, tf.newaxis], [time, batch, 1])
    traced = gather_tree(
        step_ids=own,
        parent_ids=parent_ids,
        max_sequence_lengths=tf.reduce_max(sequence_length, axis=1),
        end_token=beam + 1,
    )
    counts = tf.transpose(tf.sequence_mask(sequence_length, maxlen=time), perm=[2, 0, 1])
    columns = tf.where(counts, traced, own)
    final_shape = tf.shape(t)
    split = tf.reshape(t, tf.concat([shape, [-1]], 0))
    return tf.reshape(tf.gather(split, columns, batch_dims=2), final_shape)
