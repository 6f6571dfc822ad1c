"""LSTM cells that also recur over frequency (Sainath and Li, Interspeech 2016; arXiv:1507.01526).

Features are cut into overlapping windows of frequencies, over which a second LSTM runs.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.rnn import cell as base
from entrypoint.tensorflow1.contrib.rnn.cell import v1


class TimeFreqLSTMCell(base.Sized, base.RNNCell):
    """One LSTM that runs over the frequencies within each step.

    The state holds `c` and `m` of every window, so it must be made by the user if there are
    several: `state_size` is that of one, as in TensorFlow 1. `initializer` is not used, nor was
    it there.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Any = None,
        num_unit_shards: int = 1,
        forget_bias: float = 1.0,
        feature_size: int | None = None,
        frequency_skip: int = 1,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        if feature_size is None:
            raise ValueError("give feature_size, the width of a window of frequencies")
        self._num_units = num_units
        self._use_peepholes = use_peepholes
        self._cell_clip = cell_clip
        self._num_unit_shards = num_unit_shards
        self._forget_bias = forget_bias
        self._feature_size = feature_size
        self._frequency_skip = frequency_skip
        self._state_size = 2 * num_units
        self._output_size = num_units

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the outputs of all windows side by side, and the new state."""
        windows = _windows(inputs, self._feature_size, self._frequency_skip)
        multiply, diagonals = self._weights(inputs.dtype)
        output = tf.zeros([v1.shape(inputs)[0], self._num_units], inputs.dtype)
        outputs, new_state = [], []
        for number, window in enumerate(windows):
            start = 2 * number * self._num_units
            cell = state[:, start : start + self._num_units]
            before = state[:, start + self._num_units : start + 2 * self._num_units]
            i, j, f, o = tf.split(multiply(tf.concat([window, before, output], 1)), 4, 1)
            if diagonals:
                i += diagonals["I"] * cell
                f += diagonals["F"] * cell
            cell = tf.sigmoid(f + self._forget_bias) * cell + tf.sigmoid(i) * tf.tanh(j)
            cell = base.clip(cell, self._cell_clip)
            if diagonals:
                o += diagonals["O"] * cell
            output = tf.sigmoid(o) * tf.tanh(cell)
            outputs.append(output)
            new_state += [cell, output]
        return tf.concat(outputs, 1), tf.concat(new_state, 1)

    def _weights(self, dtype: Any) -> tuple[Callable[[Any], Any], dict[str, Any]]:
        units = self._num_units
        rows = self._feature_size + 2 * units
        kernel = base.sharded_variable("W", [rows, 4 * units], dtype, self._num_unit_shards)
        bias = v1.get_variable("B", [4 * units], dtype=dtype, initializer=v1.zeros_initializer())
        gates = "FIO" if self._use_peepholes else ""
        diagonals = {
            gate: v1.get_variable(f"W_{gate}_diag", [units], dtype=dtype) for gate in gates
        }
        return lambda joined: tf.nn.bias_add(tf.matmul(joined, kernel), bias), diagonals


class GridLSTMCell(base.Sized, base.RNNCell):
    """Two LSTMs, one over time and one over the frequencies within each step.

    Args:
        num_units: of each LSTM.
        use_peepholes: let the gates see both cell states.
        share_time_frequency_weights: one set of weights for both.
        cell_clip: limit of the cell states.
        initializer: not used, nor was it in TensorFlow 1.
        num_unit_shards: variables to split the kernels over.
        forget_bias: is added to the forget gates.
        feature_size: the width of a window.
        frequency_skip: how far one window is from the next.
        num_frequency_blocks: the number of windows in each block; required.
        start_freqindex_list: where each block starts; one block of everything if not given.
        end_freqindex_list: where each block ends.
        couple_input_forget_gates: the forget gate is one minus the input gate.
        state_is_tuple: the state is a named tuple of `c` and `m` of each window.
        reuse: variables of the scope.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        share_time_frequency_weights: bool = False,
        cell_clip: float | None = None,
        initializer: Any = None,
        num_unit_shards: int = 1,
        forget_bias: float = 1.0,
        feature_size: int | None = None,
        frequency_skip: int | None = None,
        num_frequency_blocks: Any = None,
        start_freqindex_list: Any = None,
        end_freqindex_list: Any = None,
        couple_input_forget_gates: bool = False,
        state_is_tuple: bool = True,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        if num_frequency_blocks is None:
            raise ValueError("give num_frequency_blocks, the number of windows in each block")
        if feature_size is None or frequency_skip is None:
            raise ValueError("give feature_size and frequency_skip, which make the windows")
        self._num_units = num_units
        self._use_peepholes = use_peepholes
        self._share_time_frequency_weights = share_time_frequency_weights
        self._cell_clip = cell_clip
        self._num_unit_shards = num_unit_shards
        self._forget_bias = forget_bias
        self._feature_size = feature_size
        self._frequency_skip = frequency_skip
        self._num_frequency_blocks = list(num_frequency_blocks)
        self._block_ranges = self._check_ranges(start_freqindex_list, end_freqindex_list)
        self._couple_input_forget_gates = couple_input_forget_gates
        self._state_is_tuple = state_is_tuple
        total = 2 * sum(self._num_frequency_blocks)
        self._state_tuple_type: Any = None
        self._state_size: Any = num_units * total
        self._output_size = num_units * total
        if state_is_tuple:
            self._state_tuple_type = self._make_state_tuple("GridLSTMStateTuple", ["state"])
            self._state_size = self._state_tuple_type(*[num_units] * total)

    @property
    def state_tuple_type(self) -> Any:
        """The named tuple that the state is, if it is one."""
        return self._state_tuple_type

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the outputs, of time and of frequency for each window, and the new state."""
        outputs, new_state = self._run(self._block_windows(inputs), state, "state")
        joined = tf.concat(outputs, 1)
        if self._state_is_tuple:
            return joined, self._state_tuple_type(*new_state)
        return joined, tf.concat(new_state, 1)

    def _run(self, blocks: list[list[Any]], state: Any, prefix: str) -> tuple[list[Any], list[Any]]:
        """Run over every block; return the outputs and the new state as lists."""
        outputs, new_state = [], []
        for block, windows in enumerate(blocks):
            freq_weights = self._weights("f", "freq", block, windows[0])
            time_weights = freq_weights
            if not self._share_time_frequency_weights:
                time_weights = self._weights("t", "time", block, windows[0])
            m_freq = tf.zeros([v1.shape(windows[0])[0], self._num_units], windows[0].dtype)
            c_freq = m_freq
            for number, window in enumerate(windows):
                c_time, m_time = self._past(state, prefix, number, block)
                joined = tf.concat([window, m_time, m_freq], 1)
                keep_freq, new_freq, o_freq = self._gates(freq_weights, joined, c_freq, c_time)
                keep_time, new_time, o_time = self._gates(time_weights, joined, c_freq, c_time)
                c_freq = base.clip(keep_freq * c_freq + new_freq, self._cell_clip)
                c_time = base.clip(keep_time * c_time + new_time, self._cell_clip)
                see = _peephole
                m_freq = tf.sigmoid(o_freq + see(freq_weights, "O", c_freq, c_time))
                m_freq *= tf.tanh(c_freq)
                m_time = tf.sigmoid(o_time + see(time_weights, "O", c_freq, c_time))
                m_time *= tf.tanh(c_time)
                outputs += [m_time, m_freq]
                new_state += [c_time, m_time]
        return outputs, new_state

    def _past(self, state: Any, prefix: str, window: int, block: int) -> tuple[Any, Any]:
        """Return `c` and `m` of a window."""
        if self._state_is_tuple:
            name = f"{prefix}_f{window:02}_b{block:02}"
            return getattr(state, name + "_c"), getattr(state, name + "_m")
        # All blocks read the first one's, as in TensorFlow 1.
        parts = tf.split(state, self._state_size // self._num_units, 1)
        return parts[2 * window], parts[2 * window + 1]

    def _gates(
        self, weights: dict[str, Any], joined: Any, c_freq: Any, c_time: Any
    ) -> tuple[Any, Any, Any]:
        """Return the forget gate, what is added to the cell state, and the raw output gate."""
        count = 3 if self._couple_input_forget_gates else 4
        product = tf.nn.bias_add(tf.matmul(joined, weights["kernel"]), weights["bias"])
        i, j, *f, o = tf.split(product, count, 1)
        use = tf.sigmoid(i + _peephole(weights, "I", c_freq, c_time))
        keep = 1 - use
        if f:
            see = _peephole(weights, "F", c_freq, c_time)
            keep = tf.sigmoid(f[0] + self._forget_bias + see)
        return keep, use * tf.tanh(j), o

    def _weights(self, letter: str, direction: str, block: int, window: Any) -> dict[str, Any]:
        """Return the variables of one LSTM on one block."""
        units, dtype = self._num_units, window.dtype
        gates = "IO" if self._couple_input_forget_gates else "FIO"
        shape = [base.columns(window) + 2 * units, (len(gates) + 1) * units]
        weights = {
            "kernel": base.sharded_variable(
                f"W_{letter}_{block}", shape, dtype, self._num_unit_shards
            ),
            "bias": v1.get_variable(
                f"B_{letter}_{block}", shape[1:], dtype=dtype, initializer=v1.zeros_initializer()
            ),
        }
        for gate in gates if self._use_peepholes else "":
            weights[gate] = [
                v1.get_variable(f"W_{gate}_diag_{direction}{on}_{block}", [units], dtype=dtype)
                for on in "ft"
            ]
        return weights

    def _check_ranges(self, starts: Any, ends: Any) -> list[tuple[int, int | None]]:
        """Return where each block starts and ends."""
        if not starts:
            starts, ends = [0], [None]
        counts = {len(starts), len(ends or []), len(self._num_frequency_blocks)}
        if len(counts) != 1:
            raise ValueError(
                "num_frequency_blocks, start_freqindex_list and end_freqindex_list must be of one"
                f" length, not {len(self._num_frequency_blocks)}, {len(starts)}, {len(ends or [])}"
            )
        return list(zip(starts, ends, strict=True))

    def _block_windows(self, inputs: Any, offset: int = 0) -> list[list[Any]]:
        """Return the windows of every block, `offset` further on; the features end in zeros."""
        size = base.columns(inputs)
        inputs = tf.pad(inputs, [[0, 0], [max(0, -offset), max(0, offset)]])
        blocks = []
        for wanted, (start, end) in zip(
            self._num_frequency_blocks, self._block_ranges, strict=True
        ):
            first = start + max(0, offset)
            last = first + (size if end is None else end) - start
            windows = _windows(inputs[:, first:last], self._feature_size, self._frequency_skip)
            if len(windows) != wanted:
                raise ValueError(
                    f"num_frequency_blocks says {wanted} windows where the input size makes"
                    f" {len(windows)}"
                )
            blocks.append(windows)
        return blocks

    def _make_state_tuple(self, name: str, prefixes: list[str]) -> Any:
        fields = [
            f"{prefix}_f{window:02}_b{block:02}_{part}"
            for prefix in prefixes
            for block, windows in enumerate(self._num_frequency_blocks)
            for window in range(windows)
            for part in "cm"
        ]
        return collections.namedtuple(name, fields)  # noqa: PYI024 (the fields are made here)


class BidirectionalGridLSTMCell(GridLSTMCell):
    """Two `GridLSTMCell`s with weights of their own, one over the frequencies from the top.

    `backward_slice_offset` moves the windows of the second. The other arguments are as there.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        share_time_frequency_weights: bool = False,
        cell_clip: float | None = None,
        initializer: Any = None,
        num_unit_shards: int = 1,
        forget_bias: float = 1.0,
        feature_size: int | None = None,
        frequency_skip: int | None = None,
        num_frequency_blocks: Any = None,
        start_freqindex_list: Any = None,
        end_freqindex_list: Any = None,
        couple_input_forget_gates: bool = False,
        backward_slice_offset: int = 0,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(
            num_units,
            use_peepholes,
            share_time_frequency_weights,
            cell_clip,
            initializer,
            num_unit_shards,
            forget_bias,
            feature_size,
            frequency_skip,
            num_frequency_blocks,
            start_freqindex_list,
            end_freqindex_list,
            couple_input_forget_gates,
            reuse=reuse,
        )
        self._backward_slice_offset = int(backward_slice_offset)
        self._output_size *= 2
        self._state_tuple_type = self._make_state_tuple(
            "BidirectionalGridLSTMStateTuple", ["fwd_state", "bwd_state"]
        )
        self._state_size = self._state_tuple_type(*[num_units] * (self._output_size // num_units))

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Return the outputs of both and their new state."""
        forward = self._block_windows(inputs)
        backward = self._block_windows(inputs, self._backward_slice_offset)
        with v1.variable_scope("fwd"):
            outputs, new_state = self._run(forward, state, "fwd_state")
        with v1.variable_scope("bwd"):
            reverse = [windows[::-1] for windows in backward]
            more_outputs, more_state = self._run(reverse, state, "bwd_state")
        joined = tf.concat(outputs + more_outputs, 1)
        return joined, self._state_tuple_type(*new_state, *more_state)


def _windows(inputs: Any, size: int, skip: int) -> list[Any]:
    """Return the windows of a given size, each `skip` further than the one before."""
    last_start = base.columns(inputs) - size
    return [inputs[:, start : start + size] for start in range(0, last_start + 1, skip)]


def _peephole(weights: dict[str, Any], gate: str, c_freq: Any, c_time: Any) -> Any:
    """Return what a gate sees of the two cell states; nothing without peepholes."""
    if gate not in weights:
        return 0.0
    on_freq, on_time = weights[gate]
    return on_freq * c_freq + on_time * c_time
