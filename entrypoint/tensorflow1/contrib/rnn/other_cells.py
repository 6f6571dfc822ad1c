"""Recurrent cells that are no LSTM, and those with a separate recurrent kernel."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.rnn import cell as base
from entrypoint.tensorflow1.contrib.rnn.cell import LSTMStateTuple, v1


class NASCell(base.Sized, base.LayerRNNCell):
    """The cell that neural architecture search found (arXiv:1611.01578, appendix A)."""

    def __init__(
        self,
        num_units: int,
        num_proj: int | None = None,
        use_bias: bool = False,
        reuse: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(_reuse=reuse, **kwargs)
        self._num_units = num_units
        self._num_proj = num_proj
        self._use_bias = use_bias
        self._state_size, self._output_size = base.lstm_sizes(num_units, num_proj)

    def build(self, inputs_shape: Any) -> None:
        """Make the variables, for inputs [batch, size]."""
        width = 8 * self._num_units
        size = base.input_columns(inputs_shape)
        self.recurrent_kernel = self.add_weight("recurrent_kernel", [self._output_size, width])
        self.kernel = self.add_weight("kernel", [size, width])
        if self._use_bias:
            self.bias = self.add_weight("bias", [width], initializer=v1.zeros_initializer())
        if self._num_proj is not None:
            shape = [self._num_units, self._num_proj]
            self.projection_weights = self.add_weight("projection_weights", shape)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the output, [batch, output_size], and the new state."""
        cell, hidden = state
        recurrent = tf.matmul(hidden, self.recurrent_kernel)
        if self._use_bias:
            recurrent = tf.nn.bias_add(recurrent, self.bias)
        x = tf.split(tf.matmul(inputs, self.kernel), 8, 1)
        h = tf.split(recurrent, 8, 1)
        first = tf.sigmoid(x[0] + h[0]) * tf.nn.relu(x[1] + h[1])
        second = tf.sigmoid(x[2] + h[2]) + tf.nn.relu(x[3] * h[3])
        third = tf.tanh(x[4] + h[4]) * tf.sigmoid(x[5] + h[5])
        fourth = tf.tanh(x[6] + h[6]) + tf.sigmoid(x[7] + h[7])
        cell = tf.tanh(tf.tanh(first) + cell) * tf.tanh(second)
        hidden = tf.tanh(cell * tf.tanh(tf.tanh(third) + tf.sigmoid(fourth)))
        if self._num_proj is not None:
            hidden = tf.matmul(hidden, self.projection_weights)
        return hidden, LSTMStateTuple(cell, hidden)


class UGRNNCell(base.Sized, base.RNNCell):
    """A network with one gate, which updates or keeps (arXiv:1611.09913)."""

    def __init__(
        self,
        num_units: int,
        initializer: Any = None,
        forget_bias: float = 1.0,
        activation: Any = tf.tanh,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._state_size = self._output_size = num_units
        self._initializer = initializer
        self._forget_bias = forget_bias
        self._activation = activation

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the new state, [batch, num_units], twice."""
        with v1.variable_scope(v1.get_variable_scope(), initializer=self._initializer):
            gate, candidate = tf.split(base.linear([inputs, state], 2 * self._state_size), 2, 1)
        keep = tf.sigmoid(gate + self._forget_bias)
        state = keep * state + (1 - keep) * self._activation(candidate)
        return state, state


class IntersectionRNNCell(base.Sized, base.RNNCell):
    """A network gated through time and through depth (arXiv:1611.09913).

    Inputs must be num_units wide, or are projected to that if `num_in_proj` is given.
    """

    def __init__(
        self,
        num_units: int,
        num_in_proj: int | None = None,
        initializer: Any = None,
        forget_bias: float = 1.0,
        y_activation: Any = tf.nn.relu,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._state_size = self._output_size = num_units
        self._num_in_proj = num_in_proj
        self._initializer = initializer
        self._forget_bias = forget_bias
        self._y_activation = y_activation

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return what is passed through depth and the new state, both [batch, num_units]."""
        units = self._state_size
        with v1.variable_scope(v1.get_variable_scope(), initializer=self._initializer):
            if base.columns(inputs) != units:
                inputs = self._project(inputs)
            gates = tf.split(base.linear([inputs, state], 4 * units), 4, 1)
        keep_state, keep_input = (tf.sigmoid(gates[n] + self._forget_bias) for n in (0, 2))
        new_state = keep_state * state + (1 - keep_state) * tf.tanh(gates[1])
        output = keep_input * inputs + (1 - keep_input) * self._y_activation(gates[3])
        return output, new_state

    def _project(self, inputs: Any) -> Any:
        if not self._num_in_proj:
            raise ValueError(
                f"the inputs have {base.columns(inputs)} columns and the cell {self._state_size}"
                " units; set num_in_proj to num_units"
            )
        with v1.variable_scope("in_projection"):
            return base.linear(inputs, self._state_size)


class SRUCell(base.Sized, base.LayerRNNCell):
    """The simple recurrent unit, whose only recurrence is its gated state (arXiv:1709.02755)."""

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: bool | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(_reuse=reuse, name=name, **kwargs)
        self._state_size = self._output_size = num_units
        self._activation = activation or tf.tanh
        self.input_spec = v1.layers.InputSpec(ndim=2)

    def build(self, inputs_shape: Any) -> None:
        """Make the variables, for inputs [batch, size]."""
        shape = [base.input_columns(inputs_shape), 4 * self._state_size]
        self._kernel = self.add_weight("kernel", shape)
        self._bias = self.add_weight(
            "bias", [2 * self._state_size], initializer=v1.zeros_initializer()
        )
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the output and the new state, both [batch, num_units]."""
        units = self._state_size
        candidate, gates, skipped = tf.split(
            tf.matmul(inputs, self._kernel), [units, 2 * units, units], 1
        )
        keep, use = tf.split(tf.sigmoid(tf.nn.bias_add(gates, self._bias)), 2, 1)
        state = keep * state + (1 - keep) * candidate
        return use * self._activation(state) + (1 - use) * skipped, state


class _IndependentCell(base.Sized, base.LayerRNNCell):
    """A cell whose units see of the state only themselves (arXiv:1803.04831)."""

    def _make_recurrent(self, name: str, width: int) -> Any:
        initializer = v1.random_uniform_initializer(-1, 1, dtype=self.dtype)
        return self.add_weight(name, [1, width], initializer=initializer)

    def _make_bias(self, name: str, width: int, initializer: Any) -> Any:
        return self.add_weight(name, [width], initializer=initializer or v1.zeros_initializer())


class IndRNNCell(_IndependentCell):
    """The independently recurrent network: `act(x @ kernel_w + u * h + bias)`."""

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: bool | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(_reuse=reuse, name=name, dtype=dtype)
        self._state_size = self._output_size = num_units
        self._activation = activation or tf.tanh
        self.input_spec = v1.layers.InputSpec(ndim=2)

    def build(self, inputs_shape: Any) -> None:
        """Make the variables, for inputs [batch, size]."""
        units = self._state_size
        self._kernel_w = self.add_weight("kernel_w", [base.input_columns(inputs_shape), units])
        self._kernel_u = self._make_recurrent("kernel_u", units)
        self._bias = self._make_bias("bias", units, None)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the new state, [batch, num_units], twice."""
        total = tf.matmul(inputs, self._kernel_w) + state * self._kernel_u
        output = self._activation(tf.nn.bias_add(total, self._bias))
        return output, output


class IndyGRUCell(_IndependentCell):
    """A GRU whose units see of the state only themselves."""

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: bool | None = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(_reuse=reuse, name=name, dtype=dtype)
        self._state_size = self._output_size = num_units
        self._activation = activation or tf.tanh
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer
        self.input_spec = v1.layers.InputSpec(ndim=2)

    def build(self, inputs_shape: Any) -> None:
        """Make the variables, for inputs [batch, size]."""
        size, units = base.input_columns(inputs_shape), self._state_size
        kernel, bias = self._kernel_initializer, self._bias_initializer
        self._gate_kernel_w = self.add_weight(
            "gates/kernel_w", [size, 2 * units], initializer=kernel
        )
        self._gate_kernel_u = self._make_recurrent("gates/kernel_u", 2 * units)
        self._gate_bias = self._make_bias("gates/bias", 2 * units, bias or v1.ones_initializer())
        # Without the _w of the other kernels.
        self._candidate_kernel_w = self.add_weight(
            "candidate/kernel", [size, units], initializer=kernel
        )
        self._candidate_kernel_u = self._make_recurrent("candidate/kernel_u", units)
        self._candidate_bias = self._make_bias("candidate/bias", units, bias)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the new state, [batch, num_units], twice."""
        gates = tf.matmul(inputs, self._gate_kernel_w)
        gates += tf.tile(state, [1, 2]) * self._gate_kernel_u
        reset, update = tf.split(tf.sigmoid(tf.nn.bias_add(gates, self._gate_bias)), 2, 1)
        candidate = tf.matmul(inputs, self._candidate_kernel_w)
        candidate += reset * state * self._candidate_kernel_u
        candidate = self._activation(tf.nn.bias_add(candidate, self._candidate_bias))
        state = update * state + (1 - update) * candidate
        return state, state


class IndyLSTMCell(_IndependentCell):
    """An LSTM whose units see of the output only themselves (arXiv:1903.08023)."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        activation: Any = None,
        reuse: bool | None = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(_reuse=reuse, name=name, dtype=dtype)
        self._state_size, self._output_size = base.lstm_sizes(num_units, None)
        self._forget_bias = forget_bias
        self._activation = activation or tf.tanh
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer
        self.input_spec = v1.layers.InputSpec(ndim=2)

    def build(self, inputs_shape: Any) -> None:
        """Make the variables, for inputs [batch, size]."""
        size, width = base.input_columns(inputs_shape), 4 * self._output_size
        self._kernel_w = self.add_weight(
            "kernel_w", [size, width], initializer=self._kernel_initializer
        )
        self._kernel_u = self._make_recurrent("kernel_u", width)
        self._bias = self._make_bias("bias", width, self._bias_initializer)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the output, [batch, num_units], and the new state."""
        cell, hidden = state
        gates = tf.matmul(inputs, self._kernel_w) + tf.tile(hidden, [1, 4]) * self._kernel_u
        i, j, f, o = tf.split(tf.nn.bias_add(gates, self._bias), 4, 1)
        cell = cell * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * self._activation(j)
        hidden = self._activation(cell) * tf.sigmoid(o)
        return hidden, LSTMStateTuple(cell, hidden)
