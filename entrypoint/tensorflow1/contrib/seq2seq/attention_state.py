"""What an attending cell carries from step to step."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

v1 = tf.compat.v1


class _AttentionWrapperState(NamedTuple):
    cell_state: Any
    attention: Any
    time: Any
    alignments: Any
    alignment_history: Any
    attention_state: Any


class AttentionWrapperState(_AttentionWrapperState):
    """State of an `AttentionWrapper`.

    Fields: `cell_state` of the wrapped cell; `attention` and `alignments` of the previous step;
    `time`, a scalar int32; `alignment_history`, a TensorArray (or ()); `attention_state` of the
    mechanism. With several mechanisms the last three and `alignments` are tuples.
    """

    __slots__ = ()

    def clone(self, **kwargs: Any) -> AttentionWrapperState:
        """Return the state with some fields replaced by ones of the same shapes.

        Raises:
            ValueError: a shape that is known when the graph is built differs.
        """
        cloned: AttentionWrapperState = tf.nest.map_structure(
            _with_same_shape, self, self._replace(**kwargs)
        )
        return cloned


def _with_same_shape(old: Any, new: Any) -> Any:
    if not (tf.is_tensor(old) and tf.is_tensor(new)):
        return new
    if not old.shape.is_compatible_with(new.shape):
        raise ValueError(
            "The shape of the AttentionWrapperState is expected to be the same as of the one to"
            f" clone. It has: {old.shape}, got: {new.shape}"
        )
    if old.shape.is_fully_defined() and new.shape.is_fully_defined():
        return new
    same = v1.assert_equal(tf.shape(old), tf.shape(new), message="Wrong shape for a cloned state.")
    with tf.control_dependencies([same] if same is not None else []):
        checked = tf.identity(new)
    checked.set_shape(old.shape)
    return checked
