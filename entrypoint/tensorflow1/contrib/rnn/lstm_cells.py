"""Variants of the LSTM cell; in the formulas `[i, j, f, o] = [x, h] @ kernel + bias`."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.rnn import cell as base
from entrypoint.tensorflow1.contrib.rnn.cell import LSTMStateTuple, v1


class CoupledInputForgetGateLSTMCell(base.Sized, base.RNNCell):
    """An LSTM whose input gate is one minus its forget gate (arXiv:1503.04069).

    `initializer` is not used, nor was it in TensorFlow 1; give the variable scope one.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        initializer: Any = None,
        num_proj: int | None = None,
        proj_clip: float | None = None,
        num_unit_shards: int = 1,
        num_proj_shards: int = 1,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Any = tf.tanh,
        reuse: bool | None = None,
        layer_norm: bool = False,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._num_units = num_units
        self._use_peepholes = use_peepholes
        self._num_proj = num_proj
        self._proj_clip = proj_clip
        self._num_unit_shards = num_unit_shards
        self._num_proj_shards = num_proj_shards
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        self._activation = activation
        self._layer_norm = layer_norm
        self._norm_gain = norm_gain
        self._norm_shift = norm_shift
        sizes, self._output_size = base.lstm_sizes(num_units, num_proj)
        self._state_size = sizes if state_is_tuple else sum(sizes)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the output, [batch, output_size], and the new state."""
        sizes = [self._num_units, self._output_size]
        cell, hidden = state if self._state_is_tuple else tf.split(state, sizes, 1)
        j, f, o = self._gates(inputs, hidden)
        if self._use_peepholes:
            f += self._diagonal("W_F_diag", inputs.dtype) * cell
        keep = tf.sigmoid(f + self._forget_bias)
        cell = self._normalize(keep * cell + (1 - keep) * self._activation(j), "state")
        if self._use_peepholes:
            o += self._diagonal("W_O_diag", inputs.dtype) * cell
        hidden = tf.sigmoid(o) * self._activation(cell)
        if self._num_proj is not None:
            shape = [self._num_units, self._num_proj]
            projection = base.sharded_variable("W_P", shape, inputs.dtype, self._num_proj_shards)
            hidden = base.clip(tf.matmul(hidden, projection), self._proj_clip)
        if self._state_is_tuple:
            return hidden, LSTMStateTuple(cell, hidden)
        return hidden, tf.concat([cell, hidden], 1)

    def _gates(self, inputs: Any, hidden: Any) -> tuple[Any, Any, Any]:
        rows = base.columns(inputs) + self._output_size
        kernel = base.sharded_variable(
            "W", [rows, 3 * self._num_units], inputs.dtype, self._num_unit_shards
        )
        bias = v1.get_variable(
            "B", [3 * self._num_units], dtype=inputs.dtype, initializer=v1.zeros_initializer()
        )
        gates = tf.matmul(tf.concat([inputs, hidden], 1), kernel)
        if not self._layer_norm:
            gates = tf.nn.bias_add(gates, bias)
        j, f, o = tf.split(gates, 3, 1)
        return (
            self._normalize(j, "transform"),
            self._normalize(f, "forget"),
            self._normalize(o, "output"),
        )

    def _normalize(self, tensor: Any, scope: str) -> Any:
        if not self._layer_norm:
            return tensor
        return base.layer_normalize(tensor, scope, gain=self._norm_gain, shift=self._norm_shift)

    def _diagonal(self, name: str, dtype: Any) -> Any:
        return v1.get_variable(name, [self._num_units], dtype=dtype)


class LayerNormBasicLSTMCell(base.Sized, base.RNNCell):
    """An LSTM with layer normalization (arXiv:1607.06450) and recurrent dropout (1603.05118)."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        input_size: Any = None,
        activation: Any = tf.tanh,
        layer_norm: bool = True,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
        dropout_keep_prob: Any = 1.0,
        dropout_prob_seed: int | None = None,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._num_units = num_units
        self._forget_bias = forget_bias
        self._activation = activation
        self._layer_norm = layer_norm
        self._norm_gain = norm_gain
        self._norm_shift = norm_shift
        self._keep_prob = dropout_keep_prob
        self._seed = dropout_prob_seed
        self._state_size, self._output_size = base.lstm_sizes(num_units, None)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the output, [batch, num_units], and the new state."""
        cell, hidden = state
        joined = tf.concat([inputs, hidden], 1)
        gates = self._linear(joined)
        i, j, f, o = tf.split(gates, 4, 1)
        i = self._normalize(i, "input")
        j = self._normalize(j, "transform")
        f = self._normalize(f, "forget")
        o = self._normalize(o, "output")
        new_input = self._activation(j)
        if not isinstance(self._keep_prob, float) or self._keep_prob < 1:
            new_input = v1.nn.dropout(new_input, rate=1 - self._keep_prob, seed=self._seed)
        cell = cell * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * new_input
        cell = self._normalize(cell, "state")
        hidden = self._activation(cell) * tf.sigmoid(o)
        return hidden, LSTMStateTuple(cell, hidden)

    def _linear(self, joined: Any) -> Any:
        shape = [base.columns(joined), 4 * self._num_units]
        product = tf.matmul(joined, v1.get_variable("kernel", shape, dtype=joined.dtype))
        if self._layer_norm:
            return product
        # Its initializer is the scope's, unlike the biases of the other cells.
        return tf.nn.bias_add(product, v1.get_variable("bias", shape[1:], dtype=joined.dtype))

    def _normalize(self, tensor: Any, scope: str) -> Any:
        if not self._layer_norm:
            return tensor
        return base.layer_normalize(
            tensor, scope, gain=self._norm_gain, shift=self._norm_shift, dtype=tensor.dtype
        )


class GLSTMCell(base.Sized, base.RNNCell):
    """Several small LSTMs, one on each of equal parts of the input (arXiv:1703.10722)."""

    def __init__(
        self,
        num_units: int,
        initializer: Any = None,
        num_proj: int | None = None,
        number_of_groups: int = 1,
        forget_bias: float = 1.0,
        activation: Any = tf.tanh,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        if num_units % number_of_groups or (num_proj or 0) % number_of_groups:
            raise ValueError(
                f"num_units ({num_units}) and num_proj ({num_proj}) must be divisible by"
                f" number_of_groups ({number_of_groups})"
            )
        self._num_units = num_units
        self._initializer = initializer
        self._num_proj = num_proj
        self._number_of_groups = number_of_groups
        self._forget_bias = forget_bias
        self._activation = activation
        self._state_size, self._output_size = base.lstm_sizes(num_units, num_proj)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the output, [batch, output_size], and the new state."""
        cell, hidden = state
        with v1.variable_scope(v1.get_variable_scope(), initializer=self._initializer):
            i, j, f, o = self._gates(inputs, hidden)
        cell = tf.sigmoid(f + self._forget_bias) * cell + tf.sigmoid(i) * tf.tanh(j)
        hidden = tf.sigmoid(o) * self._activation(cell)
        if self._num_proj is not None:
            with v1.variable_scope("projection"):
                hidden = base.linear(hidden, self._num_proj, bias=False)
        return hidden, LSTMStateTuple(cell, hidden)

    def _gates(self, inputs: Any, hidden: Any) -> list[Any]:
        groups = self._number_of_groups
        if base.columns(inputs) % groups:
            raise ValueError(
                f"the input size ({base.columns(inputs)}) must be divisible by number_of_groups"
                f" ({groups})"
            )
        parts = []
        pairs = zip(tf.split(inputs, groups, 1), tf.split(hidden, groups, 1), strict=True)
        for group, pair in enumerate(pairs):
            with v1.variable_scope(f"group{group}"):
                product = base.linear(pair, 4 * self._num_units // groups, bias=False)
            parts.append(tf.split(product, 4, 1))
        return [
            tf.nn.bias_add(tf.concat(gate_parts, 1), self._bias(f"bias_{gate}", inputs.dtype))
            for gate, gate_parts in zip("ijfo", zip(*parts, strict=True), strict=True)
        ]

    def _bias(self, name: str, dtype: Any) -> Any:
        return v1.get_variable(
            name, [self._num_units], dtype=dtype, initializer=v1.zeros_initializer()
        )


class PhasedLSTMCell(base.Sized, base.RNNCell):
    """An LSTM whose units are open for a part of each period of time (arXiv:1610.09513).

    Its inputs are a tuple: the time, [batch, 1], and the features, [batch, size], float32.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        leak: Any = 0.001,
        ratio_on: Any = 0.1,
        trainable_ratio_on: bool = True,
        period_init_min: float = 1.0,
        period_init_max: float = 1000.0,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._num_units = num_units
        self._use_peepholes = use_peepholes
        self._leak = leak
        self._ratio_on = ratio_on
        self._trainable_ratio_on = trainable_ratio_on
        self._period_range = period_init_min, period_init_max
        self._state_size, self._output_size = base.lstm_sizes(num_units, None)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the output, [batch, num_units], and the new state."""
        time, features = inputs
        cell, hidden = state
        peephole = [cell] if self._use_peepholes else []
        with v1.variable_scope("mask_gates"):
            gates = base.linear([features, hidden, *peephole], 2 * self._num_units)
        input_gate, forget_gate = tf.split(tf.sigmoid(gates), 2, 1)
        with v1.variable_scope("new_input"):
            new_input = tf.tanh(base.linear([features, hidden], self._num_units))
        new_cell = cell * forget_gate + input_gate * new_input
        peephole = [new_cell] if self._use_peepholes else []
        with v1.variable_scope("output_gate"):
            output_gate = base.linear([features, hidden, *peephole], self._num_units)
        new_hidden = tf.tanh(new_cell) * tf.sigmoid(output_gate)
        openness = self._openness(time)
        new_cell = openness * new_cell + (1 - openness) * cell
        new_hidden = openness * new_hidden + (1 - openness) * hidden
        return new_hidden, LSTMStateTuple(new_cell, new_hidden)

    def _openness(self, time: Any) -> Any:
        """Return how open each unit is at a time, [batch, num_units]."""
        period, phase, ratio_on = self._rhythm()
        long_period = tf.cast(period, time.dtype)
        shifted = time - tf.cast(phase, time.dtype)
        # The remainder, with the gradient of what is divided.
        remainder = tf.stop_gradient(v1.mod(shifted, long_period) - shifted) + shifted
        cycle = tf.cast(remainder / long_period, tf.float32)
        rising = 2 * cycle / ratio_on
        still_open = v1.where(cycle < ratio_on, 2 - rising, self._leak * cycle)
        return v1.where(cycle < 0.5 * ratio_on, rising, still_open)

    def _rhythm(self) -> tuple[Any, Any, Any]:
        shape = [self._num_units]
        low, high = self._period_range

        def log_uniform(shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> Any:
            return tf.exp(tf.random.uniform(shape, tf.math.log(low), tf.math.log(high), dtype))

        period = v1.get_variable("period", shape, initializer=log_uniform)
        phase = v1.get_variable(
            "phase", shape, initializer=v1.random_uniform_initializer(0.0, period.initial_value)
        )
        ratio_on = v1.get_variable(
            "ratio_on",
            shape,
            initializer=v1.constant_initializer(self._ratio_on),
            trainable=self._trainable_ratio_on,
        )
        return period, phase, ratio_on
