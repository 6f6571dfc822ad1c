"""What cuDNN computes, by ordinary operators, which run and are served on any device."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.cudnn_rnn.layout import Direction, Layout

v1 = tf.compat.v1


def run_network(
    sizes: Layout,
    vector: Any,
    inputs: Any,
    initial_state: tuple[Any, ...],
    lengths: Any,
    dropout: Any,
) -> tuple[Any, list[Any]]:
    """Run all layers.

    Args:
        sizes: of the network.
        vector: the parameters.
        inputs: [time, batch, size].
        initial_state: h, and for an LSTM c, both [layers * directions, batch, num_units].
        lengths: [batch], or None.
        dropout: a function of the outputs of each layer but the last.

    Returns:
        The outputs, [time, batch, directions * num_units], and the final h and, for an LSTM, c.
    """
    directions = sizes.split(vector)
    finals = []
    outputs = inputs
    for layer in range(sizes.num_layers):
        if layer:
            outputs = dropout(outputs)
        both = []
        for number in range(layer * sizes.num_dirs, (layer + 1) * sizes.num_dirs):
            backward = number % 2 == 1 and sizes.num_dirs > 1
            own, final = _run_direction(
                _Step(sizes, directions[number]),
                _reverse(outputs, lengths) if backward else outputs,
                tuple(part[number] for part in initial_state),
                lengths,
            )
            both.append(_reverse(own, lengths) if backward else own)
            finals.append(final)
        outputs = tf.concat(both, 2)
    return outputs, [tf.stack(parts) for parts in zip(*finals, strict=True)]


class _Step(tf.compat.v1.nn.rnn_cell.RNNCell):
    """One step of one direction; the products of the inputs are made beforehand."""

    def __init__(self, sizes: Layout, parameters: Direction) -> None:
        super().__init__()
        self._mode, gates = sizes.rnn_mode, sizes.gates
        self._num_units = sizes.num_units
        self.input_kernel = tf.concat(parameters.weights[:gates], 0)
        self.input_bias = tf.concat(parameters.biases[:gates], 0)
        self._kernel = tf.transpose(tf.concat(parameters.weights[gates:], 0))
        self._bias = tf.concat(parameters.biases[gates:], 0)

    @property
    def state_size(self) -> Any:
        """The columns of h, and for an LSTM of c."""
        return (self._num_units,) * (2 if self._mode == "lstm" else 1)

    @property
    def output_size(self) -> Any:
        """The columns of h."""
        return self._num_units

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Return the new h and the new state, given `input_kernel @ x + input_bias`."""
        del scope
        h = state[0]
        recurrent = tf.matmul(h, self._kernel) + self._bias
        if self._mode == "lstm":
            i, f, new, o = tf.split(inputs + recurrent, 4, 1)
            c = tf.sigmoid(f) * state[1] + tf.sigmoid(i) * tf.tanh(new)
            h = tf.sigmoid(o) * tf.tanh(c)
            return h, (h, c)
        if self._mode == "gru":
            x_reset, x_update, x_new = tf.split(inputs, 3, 1)
            h_reset, h_update, h_new = tf.split(recurrent, 3, 1)
            update = tf.sigmoid(x_update + h_update)
            new = tf.tanh(x_new + tf.sigmoid(x_reset + h_reset) * h_new)
            h = (1 - update) * new + update * h
            return h, (h,)
        activation = tf.tanh if self._mode == "rnn_tanh" else tf.nn.relu
        h = activation(inputs + recurrent)
        return h, (h,)


def _run_direction(
    step: _Step, inputs: Any, initial_state: tuple[Any, ...], lengths: Any
) -> tuple[Any, Any]:
    # One product for all steps is most of the work, and does not wait for the recurrence.
    products = tf.tensordot(inputs, step.input_kernel, [[2], [1]]) + step.input_bias
    outputs, final = v1.nn.dynamic_rnn(
        step, products, lengths, initial_state=initial_state, time_major=True
    )
    return outputs, final


def _reverse(sequence: Any, lengths: Any) -> Any:
    if lengths is None:
        return tf.reverse(sequence, [0])
    return v1.reverse_sequence(sequence, lengths, seq_axis=0, batch_axis=1)
