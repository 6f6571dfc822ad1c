"""Cells around other cells."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from entrypoint.tensorflow1.contrib.rnn import cell as base
from entrypoint.tensorflow1.contrib.rnn.cell import v1


class EmbeddingWrapper(base.CellWrapper, base.RNNCell):
    """Embeds integer inputs, [batch] or [batch, 1], and hands them to a cell."""

    def __init__(
        self,
        cell: Any,
        embedding_classes: int,
        embedding_size: int,
        initializer: Any = None,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError(
                f"embedding_classes ({embedding_classes}) and embedding_size ({embedding_size})"
                " must be positive"
            )
        self._cell = base.require_cell(cell)
        self._embedding_shape = [embedding_classes, embedding_size]
        self._initializer = initializer

    def call(self, inputs: Any, state: Any) -> Any:
        """Return the cell's output and new state."""
        # Embeddings of variance one.
        uniform = v1.random_uniform_initializer(-math.sqrt(3), math.sqrt(3))
        with tf.device("/cpu:0"):
            embedding = v1.get_variable(
                "embedding",
                self._embedding_shape,
                dtype=tf.nest.flatten(state)[0].dtype,
                initializer=self._initializer or v1.get_variable_scope().initializer or uniform,
            )
            embedded = v1.nn.embedding_lookup(embedding, tf.reshape(inputs, [-1]))
        return self._cell(embedded, state)


class InputProjectionWrapper(base.CellWrapper, base.RNNCell):
    """Projects the inputs to `num_proj` columns and hands them to a cell."""

    def __init__(
        self,
        cell: Any,
        num_proj: int,
        activation: Any = None,
        input_size: Any = None,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._cell = base.require_cell(cell)
        self._num_proj = num_proj
        self._activation = activation

    def call(self, inputs: Any, state: Any) -> Any:
        """Return the cell's output and new state."""
        projected = base.linear(inputs, self._num_proj)
        if self._activation:
            projected = self._activation(projected)
        return self._cell(projected, state)


class OutputProjectionWrapper(base.CellWrapper, base.RNNCell):
    """Projects a cell's output to `output_size` columns."""

    def __init__(
        self, cell: Any, output_size: int, activation: Any = None, reuse: bool | None = None
    ) -> None:
        super().__init__(_reuse=reuse)
        if output_size < 1:
            raise ValueError(f"output_size must be positive, not {output_size}")
        self._cell = base.require_cell(cell)
        self._output_size = output_size
        self._activation = activation

    @property
    def output_size(self) -> Any:
        """The columns of the projection."""
        return self._output_size

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the projected output and the cell's new state."""
        output, state = self._cell(inputs, state)
        projected = base.linear(output, self._output_size)
        return self._activation(projected) if self._activation else projected, state


class AttentionCellWrapper(base.RNNCell):
    """Adds attention to a cell's last `attn_length` outputs (arXiv:1601.06733).

    Its state is the cell's, the attention, [batch, attn_size], and the outputs, flattened.
    """

    def __init__(
        self,
        cell: Any,
        attn_length: int,
        attn_size: int | None = None,
        attn_vec_size: int | None = None,
        input_size: int | None = None,
        state_is_tuple: bool = True,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._cell = base.require_cell(cell)
        if tf.nest.is_nested(cell.state_size) and not state_is_tuple:
            raise ValueError(
                f"the cell's state is a tuple, {cell.state_size}, so state_is_tuple must be True"
            )
        if attn_length <= 0:
            raise ValueError(f"attn_length must be positive, not {attn_length}")
        self._attn_length = attn_length
        self._attn_size = attn_size or cell.output_size
        self._attn_vec_size = attn_vec_size or self._attn_size
        self._input_size = input_size
        self._state_is_tuple = state_is_tuple

    @property
    def state_size(self) -> Any:
        """The sizes of the three parts of the state, or their sum."""
        size = self._cell.state_size, self._attn_size, self._attn_size * self._attn_length
        return size if self._state_is_tuple else sum(size)

    @property
    def output_size(self) -> Any:
        """The size of the attention."""
        return self._attn_size

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the output, [batch, attn_size], and the new state."""
        if not self._state_is_tuple:
            size = self._cell.state_size, self._attn_size, self._attn_size * self._attn_length
            state = tf.split(state, size, 1)
        cell_state, attention, history = state
        history = tf.reshape(history, [-1, self._attn_length, self._attn_size])
        mixed = base.linear([inputs, attention], self._input_size or base.columns(inputs))
        cell_output, cell_state = self._cell(mixed, cell_state)
        attention = self._attend(tf.concat(tf.nest.flatten(cell_state), 1), history)
        with v1.variable_scope("attn_output_projection"):
            output = base.linear([cell_output, attention], self._attn_size)
        history = tf.concat([history[:, 1:], output[:, tf.newaxis]], 1)
        history = tf.reshape(history, [-1, self._attn_length * self._attn_size])
        new_state = cell_state, attention, history
        return output, new_state if self._state_is_tuple else tf.concat(new_state, 1)

    def _attend(self, query: Any, history: Any) -> Any:
        """Return the mean of the history, weighed by `v . tanh(history @ w + query @ kernel)`."""
        with v1.variable_scope("attention"):
            # Kept in the shape of a 1x1 convolution, which it once was.
            weight = v1.get_variable("attn_w", [1, 1, self._attn_size, self._attn_vec_size])
            direction = v1.get_variable("attn_v", [self._attn_vec_size])
            wanted = base.linear(query, self._attn_vec_size)
        features = tf.tensordot(history, weight[0, 0], [[2], [0]]) + wanted[:, tf.newaxis]
        scores = tf.reduce_sum(direction * tf.tanh(features), 2)
        return tf.reduce_sum(tf.nn.softmax(scores)[:, :, tf.newaxis] * history, 1)


class HighwayWrapper(base.CellWrapper, base.RNNCell):
    """Adds a gated way around a cell, from its input to its output (arXiv:1505.00387)."""

    def __init__(
        self, cell: Any, couple_carry_transform_gates: bool = True, carry_bias_init: float = 1.0
    ) -> None:
        super().__init__()
        self._cell = base.require_cell(cell)
        self._couple_carry_transform_gates = couple_carry_transform_gates
        self._carry_bias_init = carry_bias_init

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Return the mixed output, which has the shape of the inputs, and the new state."""
        outputs, state = self._cell(inputs, state, scope=scope)
        return tf.nest.map_structure(self._mix, inputs, outputs), state

    def _mix(self, inputs: Any, outputs: Any) -> Any:
        inputs.shape.assert_is_compatible_with(outputs.shape)
        carry = self._gate("carry", inputs, self._carry_bias_init)
        if self._couple_carry_transform_gates:
            return inputs * carry + outputs * (1 - carry)
        return inputs * carry + outputs * self._gate("transform", inputs, -self._carry_bias_init)

    def _gate(self, name: str, inputs: Any, bias: float) -> Any:
        size = base.columns(inputs)
        weight = v1.get_variable(f"{name}_w", [size, size])
        initializer = v1.constant_initializer(bias)
        offset = v1.get_variable(f"{name}_b", [size], initializer=initializer)
        return tf.sigmoid(tf.matmul(inputs, weight) + offset)


class CompiledWrapper(base.CellWrapper, base.RNNCell):
    """Has XLA compile a cell's step; its stateful operators only if `compile_stateful`."""

    def __init__(self, cell: Any, compile_stateful: bool = False) -> None:
        super().__init__()
        self._cell = base.require_cell(cell)
        self._compile_ops = compile_stateful or _is_stateless

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        """Return the cell's output and new state."""
        with tf.xla.experimental.jit_scope(compile_ops=self._compile_ops):
            return self._cell(inputs, state, scope=scope)


def _is_stateless(node_def: Any) -> bool:
    return not op_def_registry.get(node_def.op).is_stateful
