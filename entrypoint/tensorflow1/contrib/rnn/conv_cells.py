"""LSTM cells whose products are convolutions (arXiv:1506.04214)."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.rnn import cell as base
from entrypoint.tensorflow1.contrib.rnn.cell import LSTMStateTuple, v1


class ConvLSTMCell(base.Sized, base.RNNCell):
    """An LSTM on images of one, two or three dimensions, channels last.

    Args:
        conv_ndims: 1, 2 or 3.
        input_shape: of the inputs, less the batch.
        output_channels: of the state and the output.
        kernel_shape: `conv_ndims` numbers.
        use_bias: add `biases` to the convolutions.
        skip_connection: append the inputs' channels to the output. In the new state they are also,
            as in TensorFlow 1, so that such a cell takes a single step only.
        forget_bias: is added to the forget gate.
        initializers: not used, nor was it in TensorFlow 1.
        name: of the cell.
    """

    def __init__(
        self,
        conv_ndims: int,
        input_shape: Any,
        output_channels: int,
        kernel_shape: Any,
        use_bias: bool = True,
        skip_connection: bool = False,
        forget_bias: float = 1.0,
        initializers: Any = None,
        name: str = "conv_lstm_cell",
    ) -> None:
        super().__init__(name=name)
        if conv_ndims != len(input_shape) - 1:
            raise ValueError(f"input_shape {input_shape} is not that of conv_ndims={conv_ndims}")
        self._conv_ndims = conv_ndims
        self._output_channels = output_channels
        self._kernel_shape = list(kernel_shape)
        self._use_bias = use_bias
        self._skip_connection = skip_connection
        self._forget_bias = forget_bias
        *space, input_channels = list(input_shape)
        state = tf.TensorShape([*space, output_channels])
        skipped = input_channels if skip_connection else 0
        self._state_size = LSTMStateTuple(state, state)
        self._output_size = tf.TensorShape([*space, output_channels + skipped])

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the output and the new state."""
        cell, hidden = state
        i, j, f, o = tf.split(self._convolve(tf.concat([inputs, hidden], -1)), 4, -1)
        cell = tf.sigmoid(f + self._forget_bias) * cell + tf.sigmoid(i) * tf.tanh(j)
        output = tf.tanh(cell) * tf.sigmoid(o)
        if self._skip_connection:
            output = tf.concat([output, inputs], -1)
        return output, LSTMStateTuple(cell, output)

    def _convolve(self, joined: Any) -> Any:
        features = 4 * self._output_channels
        shape = [*self._kernel_shape, joined.shape.as_list()[-1], features]
        kernel = v1.get_variable("kernel", shape, dtype=joined.dtype)
        convolved = tf.nn.convolution(joined, kernel, padding="SAME")
        if not self._use_bias:
            return convolved
        return convolved + v1.get_variable(
            "biases", [features], dtype=joined.dtype, initializer=v1.zeros_initializer()
        )


class Conv1DLSTMCell(ConvLSTMCell):
    """`ConvLSTMCell` with conv_ndims=1."""

    def __init__(self, name: str = "conv_1d_lstm_cell", **kwargs: Any) -> None:
        super().__init__(conv_ndims=1, name=name, **kwargs)


class Conv2DLSTMCell(ConvLSTMCell):
    """`ConvLSTMCell` with conv_ndims=2."""

    def __init__(self, name: str = "conv_2d_lstm_cell", **kwargs: Any) -> None:
        super().__init__(conv_ndims=2, name=name, **kwargs)


class Conv3DLSTMCell(ConvLSTMCell):
    """`ConvLSTMCell` with conv_ndims=3."""

    def __init__(self, name: str = "conv_3d_lstm_cell", **kwargs: Any) -> None:
        super().__init__(conv_ndims=3, name=name, **kwargs)
