"""Cells with an embedding before, or a projection after, another cell."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

v1 = tf.compat.v1
_RNNCell: Any = v1.nn.rnn_cell.RNNCell


def linear(arguments: list[Any], output_size: int) -> Any:
    """Return the arguments, [batch, ...] each, joined, times a kernel, plus a bias.

    Raises:
        ValueError: an argument is no matrix of known width.
    """
    widths = []
    for argument in arguments:
        if argument.shape.ndims != 2:  # noqa: PLR2004 (a matrix)
            raise ValueError(f"linear is expecting 2D arguments: {arguments}")
        widths.append(tf.compat.dimension_value(argument.shape[1]))
    if None in widths:
        raise ValueError(f"linear expects shape[1] to be known for every argument: {arguments}")
    dtype = arguments[0].dtype
    scope = v1.get_variable_scope()
    kernel = v1.get_variable("kernel", [sum(widths), output_size], dtype=dtype)
    with v1.variable_scope(scope) as unpartitioned:
        unpartitioned.set_partitioner(None)
        bias = v1.get_variable(
            "bias", [output_size], dtype=dtype, initializer=v1.zeros_initializer(dtype=dtype)
        )
    joined = arguments[0] if len(arguments) == 1 else tf.concat(arguments, 1)
    return tf.nn.bias_add(tf.matmul(joined, kernel), bias)


class EmbeddingWrapper(_RNNCell):
    """Embeds a cell's inputs, int [batch], with a variable of its own."""

    def __init__(self, cell: Any, embedding_classes: int, embedding_size: int) -> None:
        super().__init__()
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError(
                "Both embedding_classes and embedding_size must be > 0: "
                f"{embedding_classes}, {embedding_size}."
            )
        self._cell = cell
        self._embedding_shape = (embedding_classes, embedding_size)

    @property
    def state_size(self) -> Any:
        """The cell's."""
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        """The cell's."""
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Return the cell's zero state."""
        return self._cell.zero_state(batch_size, dtype)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the cell's (output, next state) for the embedded inputs."""
        # Uniform between -sqrt(3) and sqrt(3) has variance 1.
        default = v1.random_uniform_initializer(-math.sqrt(3), math.sqrt(3))
        with tf.device("/cpu:0"):
            embedding = v1.get_variable(
                "embedding",
                self._embedding_shape,
                initializer=v1.get_variable_scope().initializer or default,
                dtype=tf.nest.flatten(state)[0].dtype,
            )
            embedded = v1.nn.embedding_lookup(embedding, tf.reshape(inputs, [-1]))
            return self._cell(embedded, state)  # type: ignore[no-any-return]


class OutputProjectionWrapper(_RNNCell):
    """Projects a cell's outputs to `output_size`."""

    def __init__(self, cell: Any, output_size: int) -> None:
        super().__init__()
        if output_size < 1:
            raise ValueError(f"Parameter output_size must be > 0: {output_size}.")
        self._cell = cell
        self._output_size = output_size

    @property
    def state_size(self) -> Any:
        """The cell's."""
        return self._cell.state_size

    @property
    def output_size(self) -> int:
        """Width of the projection."""
        return self._output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Return the cell's zero state."""
        return self._cell.zero_state(batch_size, dtype)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return (projected output, the cell's next state)."""
        output, next_state = self._cell(inputs, state)
        return linear([output], self._output_size), next_state
