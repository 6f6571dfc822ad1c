"""Objects that run a whole sequence, [time, batch, size], at once."""

from __future__ import annotations

import abc
from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.rnn.cell import v1


class FusedRNNCell(abc.ABC):
    """A whole recurrent network."""

    @abc.abstractmethod
    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
        scope: Any = None,
    ) -> tuple[Any, Any]:
        """Return the outputs and the final state.

        Args:
            inputs: [time, batch, size], or a list of [batch, size], like which the outputs are.
            initial_state: default zeros.
            dtype: of the default initial state.
            sequence_length: [batch]; default time.
            scope: of the variables.
        """


class FusedRNNCellAdaptor(FusedRNNCell):
    """Runs a cell by `dynamic_rnn` or `static_rnn`."""

    def __init__(self, cell: Any, use_dynamic_rnn: bool = False) -> None:
        self._cell = cell
        self._use_dynamic_rnn = use_dynamic_rnn

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
        scope: Any = None,
    ) -> tuple[Any, Any]:
        """Return the outputs and the final state."""
        is_list = isinstance(inputs, list)
        options = {
            "sequence_length": sequence_length,
            "initial_state": initial_state,
            "dtype": dtype,
            "scope": scope,
        }
        if self._use_dynamic_rnn:
            stacked = tf.stack(inputs) if is_list else inputs
            outputs, state = v1.nn.dynamic_rnn(self._cell, stacked, time_major=True, **options)
            return tf.unstack(outputs) if is_list else outputs, state
        steps = inputs if is_list else tf.unstack(inputs)
        outputs, state = v1.nn.static_rnn(self._cell, steps, **options)
        return outputs if is_list else tf.stack(outputs), state


class TimeReversedFusedRNN(FusedRNNCell):
    """Runs a fused network backward in time; the outputs are in the order of the inputs."""

    def __init__(self, cell: Any) -> None:
        self._cell = cell

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
        scope: Any = None,
    ) -> tuple[Any, Any]:
        """Return the outputs and the final state, which is that of the first step."""
        outputs, state = self._cell(
            _reverse(inputs, sequence_length),
            initial_state=initial_state,
            dtype=dtype,
            sequence_length=sequence_length,
            scope=scope,
        )
        return _reverse(outputs, sequence_length), state


def _reverse(sequence: Any, lengths: Any) -> Any:
    if isinstance(sequence, list):
        # Whole, whatever the lengths, as in TensorFlow 1.
        return sequence[::-1]
    if lengths is None:
        return tf.reverse(sequence, [0])
    return v1.reverse_sequence(sequence, lengths, seq_axis=0, batch_axis=1)
