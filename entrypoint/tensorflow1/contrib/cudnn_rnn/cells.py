"""Cells that compute, and name their variables, as the layers of cuDNN do in a checkpoint."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.rnn.block_cells import LSTMBlockCell
from entrypoint.tensorflow1.contrib.rnn.cell import input_columns, v1


class CudnnCompatibleLSTMCell(LSTMBlockCell):
    """The LSTM of `CudnnLSTM`: it has no forget bias. Wrap it in a `MultiRNNCell`."""

    def __init__(self, num_units: int, reuse: bool | None = None) -> None:
        super().__init__(num_units, forget_bias=0.0, reuse=reuse, name="cudnn_compatible_lstm_cell")


class CudnnCompatibleGRUCell(v1.nn.rnn_cell.GRUCell):
    """The GRU of `CudnnGRU`. Wrap it in a `MultiRNNCell`.

    Its reset gate is applied after the recurrent product: the candidate is
    `tanh(x @ W + b_W + r * (h @ R + b_R))`.
    """

    def __init__(
        self, num_units: int, reuse: bool | None = None, kernel_initializer: Any = None
    ) -> None:
        super().__init__(num_units, reuse=reuse, kernel_initializer=kernel_initializer)

    def build(self, inputs_shape: Any) -> None:
        """Make the variables, for inputs [batch, size]."""
        size, units = input_columns(inputs_shape), self._num_units
        kernel, zeros = self._kernel_initializer, v1.zeros_initializer()
        self._gate_kernel = self.add_weight(
            "gates/kernel", [size + units, 2 * units], initializer=kernel
        )
        self._gate_bias = self.add_weight(
            "gates/bias", [2 * units], initializer=v1.ones_initializer()
        )
        self._candidate_input_kernel = self.add_weight(
            "candidate/input_projection/kernel", [size, units], initializer=kernel
        )
        self._candidate_hidden_kernel = self.add_weight(
            "candidate/hidden_projection/kernel", [units, units], initializer=kernel
        )
        self._candidate_input_bias = self.add_weight(
            "candidate/input_projection/bias", [units], initializer=zeros
        )
        self._candidate_hidden_bias = self.add_weight(
            "candidate/hidden_projection/bias", [units], initializer=zeros
        )
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the new state, [batch, num_units], twice."""
        gates = tf.matmul(tf.concat([inputs, state], 1), self._gate_kernel)
        reset, update = tf.split(tf.sigmoid(tf.nn.bias_add(gates, self._gate_bias)), 2, 1)
        from_input = tf.nn.bias_add(
            tf.matmul(inputs, self._candidate_input_kernel), self._candidate_input_bias
        )
        from_state = tf.nn.bias_add(
            tf.matmul(state, self._candidate_hidden_kernel), self._candidate_hidden_bias
        )
        state = (1 - update) * tf.tanh(from_input + reset * from_state) + update * state
        return state, state
