"""Cells, and whole LSTM layers, that are one operator each."""

from __future__ import annotations

import abc
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import rnn_grad  # noqa: F401 (registers the gradient of BlockLSTM)

from entrypoint.tensorflow1.contrib.rnn import cell as base
from entrypoint.tensorflow1.contrib.rnn.cell import LSTMStateTuple, v1


class LSTMBlockCell(base.Sized, base.LayerRNNCell):
    """The LSTM (arXiv:1409.2329) as one operator, with the variables of `LSTMCell`."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        cell_clip: float | None = None,
        use_peephole: bool = False,
        dtype: Any = None,
        reuse: bool | None = None,
        name: str = "lstm_cell",
    ) -> None:
        super().__init__(_reuse=reuse, dtype=dtype, name=name)
        self._num_units = num_units
        self._forget_bias = forget_bias
        self._cell_clip = cell_clip
        self._use_peephole = use_peephole
        self._state_size, self._output_size = base.lstm_sizes(num_units, None)
        self.input_spec = v1.layers.InputSpec(ndim=2)

    def build(self, inputs_shape: Any) -> None:
        """Make the variables, for inputs [batch, size]."""
        self._weights = _make_lstm_weights(
            self, base.input_columns(inputs_shape), self._num_units, self._use_peephole
        )
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the output, [batch, num_units], and the new state."""
        cell, hidden = state
        step = tf.raw_ops.LSTMBlockCell(
            x=inputs,
            cs_prev=cell,
            h_prev=hidden,
            forget_bias=self._forget_bias,
            cell_clip=_no_clip_if_none(self._cell_clip),
            use_peephole=self._use_peephole,
            **self._weights,
        )
        return step.h, LSTMStateTuple(step.cs, step.h)


class GRUBlockCell(base.Sized, base.LayerRNNCell):
    """The GRU (arXiv:1406.1078) as one operator, with variables of its own names."""

    _names = "w_ru", "b_ru", "w_c", "b_c"

    def __init__(
        self,
        num_units: int | None = None,
        cell_size: int | None = None,
        reuse: bool | None = None,
        name: str = "gru_cell",
    ) -> None:
        super().__init__(_reuse=reuse, name=name)
        if (cell_size is None) == (num_units is None):
            raise ValueError("give num_units; cell_size is its old name, give only one of them")
        self._state_size = self._output_size = num_units or cell_size
        self.input_spec = v1.layers.InputSpec(ndim=2)

    def build(self, input_shape: Any) -> None:
        """Make the variables, for inputs [batch, size]."""
        units = self._state_size
        rows = base.input_columns(input_shape) + units
        gate_kernel, gate_bias, candidate_kernel, candidate_bias = self._names
        zeros, ones = v1.zeros_initializer(), v1.ones_initializer()
        self._weights = {
            "w_ru": self.add_weight(gate_kernel, [rows, 2 * units]),
            "b_ru": self.add_weight(gate_bias, [2 * units], initializer=ones),
            "w_c": self.add_weight(candidate_kernel, [rows, units]),
            "b_c": self.add_weight(candidate_bias, [units], initializer=zeros),
        }
        self.built = True

    def call(self, inputs: Any, h_prev: Any) -> tuple[Any, Any]:
        """Return the new state, [batch, num_units], twice."""
        state = tf.raw_ops.GRUBlockCell(x=inputs, h_prev=h_prev, **self._weights).h
        return state, state


class GRUBlockCellV2(GRUBlockCell):
    """`GRUBlockCell` with the variables of `GRUCell`."""

    _names = "gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"


class LSTMBlockWrapper(v1.layers.Layer, abc.ABC):
    """A whole LSTM layer: what is left to do around an operator that runs all steps."""

    @property
    @abc.abstractmethod
    def num_units(self) -> int:
        """The columns of the state and the output."""

    @abc.abstractmethod
    def _call_cell(
        self,
        inputs: Any,
        initial_cell_state: Any,
        initial_output: Any,
        dtype: Any,
        sequence_length: Any,
    ) -> tuple[Any, Any]:
        """Return the cell states and the outputs of all steps, both [time, batch, num_units]."""

    def call(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
    ) -> tuple[Any, Any]:
        """Return the outputs, zero beyond a sequence's end, and the state at its end.

        Args:
            inputs: [time, batch, size], or a list of [batch, size], like which the outputs are.
            initial_state: cell state and output, both [batch, num_units]; default zeros.
            dtype: of the default initial state.
            sequence_length: [batch]; default time.
        """
        is_list = isinstance(inputs, list)
        stacked = tf.stack(inputs) if is_list else inputs
        time, batch, _ = tf.unstack(v1.shape(stacked))
        if initial_state is None:
            if dtype is None:
                raise ValueError("give initial_state or dtype")
            zeros = tf.zeros([batch, self.num_units], dtype)
            initial_state = zeros, zeros
        cell, output = initial_state
        cells, outputs = self._call_cell(
            stacked, cell, output, dtype or cell.dtype, sequence_length
        )
        if sequence_length is None:
            final = LSTMStateTuple(cells[-1], outputs[-1])
        else:
            valid = tf.sequence_mask(sequence_length, time, dtype=outputs.dtype)
            outputs *= tf.transpose(valid)[:, :, tf.newaxis]
            # Step 0 is the initial state, for sequences of no steps.
            last = tf.stack([tf.cast(sequence_length, batch.dtype), tf.range(batch)], axis=1)
            pairs = zip(initial_state, (cells, outputs), strict=True)
            final = LSTMStateTuple(
                *(
                    tf.gather_nd(tf.concat([first[tf.newaxis], rest], 0), last)
                    for first, rest in pairs
                )
            )
        return tf.unstack(outputs, num=len(inputs)) if is_list else outputs, final


class LSTMBlockFusedCell(LSTMBlockWrapper):
    """The LSTM (arXiv:1409.2329) over all steps as one operator, with `LSTMCell`'s variables."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        cell_clip: float | None = None,
        use_peephole: bool = False,
        reuse: bool | None = None,
        dtype: Any = None,
        name: str = "lstm_fused_cell",
    ) -> None:
        super().__init__(_reuse=reuse, name=name, dtype=dtype)
        self._num_units = num_units
        self._forget_bias = forget_bias
        self._cell_clip = cell_clip
        self._use_peephole = use_peephole
        self.input_spec = v1.layers.InputSpec(ndim=3)

    @property
    def num_units(self) -> int:
        """The columns of the state and the output."""
        return self._num_units

    def build(self, input_shape: Any) -> None:
        """Make the variables, for inputs [time, batch, size]."""
        self._weights = _make_lstm_weights(
            self, base.input_columns(input_shape), self._num_units, self._use_peephole
        )
        self.built = True

    def _call_cell(
        self,
        inputs: Any,
        initial_cell_state: Any = None,
        initial_output: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
    ) -> tuple[Any, Any]:
        longest = v1.shape(inputs)[0] if sequence_length is None else v1.reduce_max(sequence_length)
        steps = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.cast(longest, tf.int64),
            x=inputs,
            cs_prev=initial_cell_state,
            h_prev=initial_output,
            forget_bias=self._forget_bias,
            cell_clip=_no_clip_if_none(self._cell_clip),
            use_peephole=self._use_peephole,
            **self._weights,
        )
        return steps.cs, steps.h


def _make_lstm_weights(
    layer: Any, input_size: int, num_units: int, use_peephole: bool
) -> dict[str, Any]:
    """Make the variables of an LSTM; return them by the names of the operators' inputs."""
    weights = {
        "w": layer.add_weight("kernel", [input_size + num_units, 4 * num_units]),
        "b": layer.add_weight("bias", [4 * num_units], initializer=v1.zeros_initializer()),
    }
    for gate in "ifo":
        name = "wc" + gate
        if use_peephole:
            weights[name] = layer.add_weight(f"w_{gate}_diag", [num_units])
        else:
            weights[name] = tf.zeros([num_units], weights["b"].dtype.base_dtype)
    return weights


def _no_clip_if_none(cell_clip: float | None) -> float:
    return -1.0 if cell_clip is None else cell_clip


def _differentiate_lstm_block_cell(op: Any, *gradients: Any) -> tuple[Any, ...]:
    """Differentiate by (x, cs_prev, h_prev, w, wci, wcf, wco, b), given that of (cs, h)."""
    x, cs_prev, h_prev, w, wci, wcf, wco, b = op.inputs
    i, cs, f, o, ci, co, _ = op.outputs
    step = tf.raw_ops.LSTMBlockCellGrad(
        x=x,
        cs_prev=cs_prev,
        h_prev=h_prev,
        w=w,
        wci=wci,
        wcf=wcf,
        wco=wco,
        b=b,
        i=i,
        cs=cs,
        f=f,
        o=o,
        ci=ci,
        co=co,
        cs_grad=gradients[1],
        h_grad=gradients[6],
        use_peephole=op.get_attr("use_peephole"),
    )
    d_joined = tf.matmul(step.dicfo, w, transpose_b=True)
    d_x, d_h = tf.split(d_joined, [base.columns(x), base.columns(h_prev)], 1)
    d_w = tf.matmul(tf.concat([x, h_prev], 1), step.dicfo, transpose_a=True)
    d_b = tf.reduce_sum(step.dicfo, 0)
    return d_x, step.cs_prev_grad, d_h, d_w, step.wci_grad, step.wcf_grad, step.wco_grad, d_b


def _differentiate_gru_block_cell(op: Any, *gradients: Any) -> tuple[Any, ...]:
    """Differentiate by (x, h_prev, w_ru, w_c, b_ru, b_c), given that of h."""
    x, h_prev, w_ru, w_c, b_ru, b_c = op.inputs
    r, u, c, _ = op.outputs
    step = tf.raw_ops.GRUBlockCellGrad(
        x=x,
        h_prev=h_prev,
        w_ru=w_ru,
        w_c=w_c,
        b_ru=b_ru,
        b_c=b_c,
        r=r,
        u=u,
        c=c,
        d_h=gradients[3],
    )
    gates, candidate = step.d_r_bar_u_bar, step.d_c_bar
    return (
        step.d_x,
        step.d_h_prev,
        tf.matmul(tf.concat([x, h_prev], 1), gates, transpose_a=True),
        tf.matmul(tf.concat([x, h_prev * r], 1), candidate, transpose_a=True),
        tf.reduce_sum(gates, 0),
        tf.reduce_sum(candidate, 0),
    )


tf.RegisterGradient("LSTMBlockCell")(_differentiate_lstm_block_cell)
tf.RegisterGradient("GRUBlockCell")(_differentiate_gru_block_cell)
