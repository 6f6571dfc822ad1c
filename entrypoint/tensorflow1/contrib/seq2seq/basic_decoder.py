"""A decoder that takes one symbol per step, as its helper samples it."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.ops import rnn_cell_impl

from entrypoint.tensorflow1.contrib.seq2seq.attention import require_layer
from entrypoint.tensorflow1.contrib.seq2seq.decoder import Decoder
from entrypoint.tensorflow1.contrib.seq2seq.helper import Helper

v1 = tf.compat.v1


class BasicDecoderOutput(NamedTuple):
    """Outputs of a `BasicDecoder`: the (projected) cell outputs and what was sampled of them."""

    rnn_output: Any
    sample_id: Any


class BasicDecoder(Decoder):
    """Runs a cell on the inputs that a helper chooses.

    Args:
        cell: an `RNNCell`.
        helper: a `Helper`.
        initial_state: the cell's state before the first step.
        output_layer: a layer applied to each output before it is stored and sampled.

    Raises:
        TypeError: an argument is not of the kind described.
    """

    def __init__(
        self, cell: Any, helper: Any, initial_state: Any, output_layer: Any = None
    ) -> None:
        rnn_cell_impl.assert_like_rnncell("cell", cell)
        if not isinstance(helper, Helper):
            raise TypeError(f"helper must be a Helper, received: {type(helper)}")
        if output_layer is not None:
            require_layer("output_layer", output_layer)
        self._cell = cell
        self._helper = helper
        self._initial_state = initial_state
        self._output_layer = output_layer

    @property
    def batch_size(self) -> Any:
        """The helper's."""
        return self._helper.batch_size

    @property
    def output_size(self) -> BasicDecoderOutput:
        """Sizes of a step's outputs."""
        return BasicDecoderOutput(
            rnn_output=self._rnn_output_size(), sample_id=self._helper.sample_ids_shape
        )

    @property
    def output_dtype(self) -> BasicDecoderOutput:
        """Types of a step's outputs; the cell's is taken from its state."""
        dtype = tf.nest.flatten(self._initial_state)[0].dtype
        return BasicDecoderOutput(
            tf.nest.map_structure(lambda _: dtype, self._rnn_output_size()),
            self._helper.sample_ids_dtype,
        )

    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        """Return (finished, first inputs, initial state)."""
        finished, inputs = self._helper.initialize()
        return finished, inputs, self._initial_state

    def step(
        self, time: Any, inputs: Any, state: Any, name: str | None = None
    ) -> tuple[Any, Any, Any, Any]:
        """Return (outputs, next state, next inputs, finished)."""
        with v1.name_scope(name, "BasicDecoderStep", (time, inputs, state)):
            outputs, next_state = self._cell(inputs, state)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            sample_ids = self._helper.sample(time=time, outputs=outputs, state=next_state)
            finished, next_inputs, next_state = self._helper.next_inputs(
                time=time, outputs=outputs, state=next_state, sample_ids=sample_ids
            )
        return BasicDecoderOutput(outputs, sample_ids), next_state, next_inputs, finished

    def _rnn_output_size(self) -> Any:
        return rnn_output_size(self._cell.output_size, self._output_layer)


def rnn_output_size(cell_output_size: Any, output_layer: Any) -> Any:
    """Return the size of a cell's output after the layer, without the batch dimension."""
    if output_layer is None:
        return cell_output_size
    with_batch = tf.nest.map_structure(
        lambda size: tf.TensorShape([None]).concatenate(size), cell_output_size
    )
    return tf.nest.map_structure(
        lambda shape: shape[1:], output_layer.compute_output_shape(with_batch)
    )
