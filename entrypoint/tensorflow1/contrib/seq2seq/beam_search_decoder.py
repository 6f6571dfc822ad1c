"""A decoder that keeps the best few sequences of each example."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.python.ops import rnn_cell_impl

from entrypoint.tensorflow1.contrib.seq2seq.attention import require_layer
from entrypoint.tensorflow1.contrib.seq2seq.basic_decoder import rnn_output_size
from entrypoint.tensorflow1.contrib.seq2seq.beam_search_ops import (
    gather_tree,
    gather_tree_from_array,
)
from entrypoint.tensorflow1.contrib.seq2seq.beam_search_step import (
    BeamSearchDecoderOutput,
    BeamSearchDecoderState,
    _beam_search_step,
    _rank,
    get_attention_probs,
)
from entrypoint.tensorflow1.contrib.seq2seq.decoder import Decoder
from entrypoint.tensorflow1.contrib.seq2seq.inference_helper import embedding_function, tokens

v1 = tf.compat.v1


class FinalBeamSearchDecoderOutput(NamedTuple):
    """Outputs of a whole search.

    `predicted_ids` are the beams, best first: int32 [batch, time, beam], or time major.
    `beam_search_decoder_output` is what each step chose.
    """

    predicted_ids: Any
    beam_search_decoder_output: Any


def tile_batch(t: Any, multiplier: int, name: str | None = None) -> Any:
    """Repeat each example of a structure of [batch, ...] tensors `multiplier` times in a row.

    Raises:
        ValueError: a tensor's rank is 0 or unknown.
    """
    with v1.name_scope(name, "tile_batch", [*tf.nest.flatten(t), multiplier]):
        return tf.nest.map_structure(lambda tensor: _tile_batch(tensor, multiplier), t)


def _tile_batch(t: Any, multiplier: int) -> Any:
    t = tf.convert_to_tensor(t, name="t")
    if t.shape.ndims is None or t.shape.ndims < 1:
        raise ValueError("the rank of t is not known while the graph is built; set its shape")
    tiled = tf.tile(tf.expand_dims(t, 1), [1, multiplier] + [1] * (t.shape.ndims - 1))
    tiled = tf.reshape(tiled, tf.concat([[-1], tf.shape(t)[1:]], 0))
    batch_size = tf.compat.dimension_value(t.shape[0])
    static = [None if batch_size is None else batch_size * multiplier]
    tiled.set_shape(tf.TensorShape(static).concatenate(t.shape[1:]))
    return tiled


class BeamSearchDecoder(Decoder):
    """Beam search with length and coverage penalties (https://arxiv.org/abs/1609.08144).

    With an `AttentionWrapper`, tile the encoder's outputs, lengths and final state with
    `tile_batch`, and make `initial_state` with `zero_state(batch_size * beam_width, dtype)`.

    Args:
        cell: an `RNNCell`.
        embedding: a function of ids, or the params of `embedding_lookup`.
        start_tokens: int vector [batch].
        end_token: int scalar.
        initial_state: the cell's state, [batch * beam, ...].
        beam_width: sequences kept for each example.
        output_layer: a layer that makes the logits of the cell's outputs.
        length_penalty_weight: exponent of the length penalty; 0 for none.
        coverage_penalty_weight: weight of the coverage penalty; 0 for none.
        reorder_tensor_arrays: put TensorArrays of the cell's state (an alignment history) in the
            order of the finished beams, and return them stacked.

    Raises:
        TypeError: `cell` or `output_layer` is not of the kind described.
        ValueError: `start_tokens` is not a vector, or `end_token` not a scalar.
    """

    def __init__(
        self,
        cell: Any,
        embedding: Any,
        start_tokens: Any,
        end_token: Any,
        initial_state: Any,
        beam_width: int,
        output_layer: Any = None,
        length_penalty_weight: Any = 0.0,
        coverage_penalty_weight: Any = 0.0,
        reorder_tensor_arrays: bool = True,
    ) -> None:
        rnn_cell_impl.assert_like_rnncell("cell", cell)
        if output_layer is not None:
            require_layer("output_layer", output_layer)
        self._cell = cell
        self._output_layer = output_layer
        self._reorder_tensor_arrays = reorder_tensor_arrays
        self._beam_width = beam_width
        self._length_penalty_weight = length_penalty_weight
        self._coverage_penalty_weight = coverage_penalty_weight
        self._embedding_fn = embedding_function(embedding)
        start_tokens, self._end_token = tokens(start_tokens, end_token)
        self._batch_size = tf.size(start_tokens)
        self._initial_cell_state = tf.nest.map_structure(
            self._maybe_split_batch_beams, initial_state, cell.state_size
        )
        self._start_tokens = tf.tile(tf.expand_dims(start_tokens, 1), [1, beam_width])
        self._start_inputs = self._embedding_fn(self._start_tokens)
        # All beams are equal at first, so that only the first of them counts.
        self._finished = self._first_beam_else(on_value=False, off_value=True, dtype=tf.bool)

    @property
    def batch_size(self) -> Any:
        """Number of examples, a scalar; not times the beam width."""
        return self._batch_size

    @property
    def tracks_own_finished(self) -> bool:
        """True: beams change places from step to step."""
        return True

    @property
    def output_size(self) -> BeamSearchDecoderOutput:
        """Sizes of a step's outputs."""
        beams = tf.TensorShape([self._beam_width])
        return BeamSearchDecoderOutput(scores=beams, predicted_ids=beams, parent_ids=beams)

    @property
    def output_dtype(self) -> BeamSearchDecoderOutput:
        """Types of a step's outputs; the scores' is taken from the cell's state."""
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        size = rnn_output_size(self._cell.output_size, self._output_layer)
        return BeamSearchDecoderOutput(
            scores=tf.nest.map_structure(lambda _: dtype, size),
            predicted_ids=tf.int32,
            parent_ids=tf.int32,
        )

    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        """Return (finished, first inputs, initial state)."""
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        attention = get_attention_probs(self._initial_cell_state, self._coverage_penalty_weight)
        state = BeamSearchDecoderState(
            cell_state=self._initial_cell_state,
            log_probs=self._first_beam_else(
                on_value=tf.constant(0.0, dtype), off_value=tf.constant(-np.inf, dtype), dtype=dtype
            ),
            finished=self._finished,
            lengths=tf.zeros([self._batch_size, self._beam_width], dtype=tf.int64),
            accumulated_attention_probs=() if attention is None else attention,
        )
        return self._finished, self._start_inputs, state

    def step(
        self, time: Any, inputs: Any, state: Any, name: str | None = None
    ) -> tuple[Any, Any, Any, Any]:
        """Return (outputs, next state, next inputs, finished)."""
        with v1.name_scope(name, "BeamSearchDecoderStep", (time, inputs, state)):
            sizes = self._cell.state_size
            inputs = tf.nest.map_structure(
                lambda tensor: self._merge_batch_beams(tensor, tensor.shape[2:]), inputs
            )
            cell_state = tf.nest.map_structure(
                self._maybe_merge_batch_beams, state.cell_state, sizes
            )
            logits, next_cell_state = self._cell(inputs, cell_state)
            logits = tf.nest.map_structure(
                lambda tensor: self._split_batch_beams(tensor, tensor.shape[1:]), logits
            )
            next_cell_state = tf.nest.map_structure(
                self._maybe_split_batch_beams, next_cell_state, sizes
            )
            if self._output_layer is not None:
                logits = self._output_layer(logits)
            output, next_state = _beam_search_step(
                time=time,
                logits=logits,
                next_cell_state=next_cell_state,
                beam_state=state,
                batch_size=self._batch_size,
                beam_width=self._beam_width,
                end_token=self._end_token,
                length_penalty_weight=self._length_penalty_weight,
                coverage_penalty_weight=self._coverage_penalty_weight,
            )
            next_inputs = v1.cond(
                tf.reduce_all(next_state.finished),
                lambda: self._start_inputs,
                lambda: self._embedding_fn(output.predicted_ids),
            )
        return output, next_state, next_inputs, next_state.finished

    def finalize(
        self, outputs: Any, final_state: Any, sequence_lengths: Any
    ) -> tuple[FinalBeamSearchDecoderOutput, Any]:
        """Return the beams traced back, and the state with its histories in their order.

        `sequence_lengths` are not used: `final_state.lengths` are those of the beams.
        """
        predicted_ids = gather_tree(
            outputs.predicted_ids,
            outputs.parent_ids,
            max_sequence_lengths=tf.reduce_max(final_state.lengths, axis=1),
            end_token=self._end_token,
        )
        if self._reorder_tensor_arrays:
            cell_state = tf.nest.map_structure(
                lambda entry: self._maybe_sort_array_beams(
                    entry, outputs.parent_ids, final_state.lengths
                ),
                final_state.cell_state,
            )
            final_state = final_state._replace(cell_state=cell_state)
        return FinalBeamSearchDecoderOutput(predicted_ids, outputs), final_state

    def _first_beam_else(self, **one_hot_values: Any) -> Any:
        first = tf.zeros([self._batch_size], dtype=tf.int32)
        return tf.one_hot(first, depth=self._beam_width, **one_hot_values)

    def _merge_batch_beams(self, t: Any, s: Any) -> Any:
        """Return [batch, beam] + s as [batch * beam] + s."""
        batch_size = tf.get_static_value(self._batch_size)
        merged = tf.reshape(
            t, tf.concat([[self._batch_size * self._beam_width], tf.shape(t)[2:]], 0)
        )
        static = [None if batch_size is None else batch_size * self._beam_width]
        merged.set_shape(tf.TensorShape(static).concatenate(_static_shape(s)))
        return merged

    def _split_batch_beams(self, t: Any, s: Any) -> Any:
        """Return [batch * beam] + s as [batch, beam] + s.

        Raises:
            ValueError: that cannot be.
        """
        batch_size = tf.get_static_value(self._batch_size)
        rows = tf.compat.dimension_value(t.shape[0])
        if None not in (rows, batch_size) and rows != batch_size * self._beam_width:
            raise ValueError(
                f"A tensor of shape {t.shape} does not hold {batch_size} examples of"
                f" {self._beam_width} beams each. Perhaps you forgot tile_batch, or to create a"
                " zero_state with batch_size=encoder_batch_size * beam_width?"
            )
        split = tf.reshape(t, tf.concat([[self._batch_size, self._beam_width], tf.shape(t)[1:]], 0))
        expected = tf.TensorShape([batch_size, self._beam_width]).concatenate(_static_shape(s))
        if not split.shape.is_compatible_with(expected):
            raise ValueError(
                f"The cell's state_size says that a tensor has the shape {expected}, split into"
                f" beams, but its shape is {split.shape}"
            )
        split.set_shape(expected)
        return split

    def _maybe_split_batch_beams(self, t: Any, s: Any) -> Any:
        if isinstance(t, tf.TensorArray) or _rank(t) < 1:
            return t
        return self._split_batch_beams(t, s)

    def _maybe_merge_batch_beams(self, t: Any, s: Any) -> Any:
        if isinstance(t, tf.TensorArray) or _rank(t) < 2:  # noqa: PLR2004 (batch and beam)
            return t
        return self._merge_batch_beams(t, s)

    def _maybe_sort_array_beams(self, t: Any, parent_ids: Any, sequence_length: Any) -> Any:
        """Return a TensorArray stacked and in beam order; one of other elements as it is."""
        if not isinstance(t, tf.TensorArray):
            return t
        batch_size = tf.get_static_value(self._batch_size)
        if not _may_hold_beams(t.element_shape, batch_size, self._beam_width):
            logging.getLogger("tensorflow").warning(
                "A TensorArray of the cell's state has elements of shape %s, and is returned as it"
                " is, not in the order of the beams, as in TensorFlow 1. It is ordered and stacked"
                " if the batch size is not known when the graph is built; set"
                " reorder_tensor_arrays to False to leave it as it is without this warning.",
                t.element_shape,
            )
            return t
        stacked = t.stack()
        with tf.control_dependencies(self._beam_shape_checks(stacked)):
            return gather_tree_from_array(stacked, parent_ids, sequence_length)

    def _beam_shape_checks(self, stacked: Any) -> list[Any]:
        shape = tf.shape(stacked)
        holds = tf.equal(shape[1], self._batch_size * self._beam_width)
        if stacked.shape.ndims > 2:  # noqa: PLR2004 (time, batch, beam)
            holds |= tf.equal(shape[1], self._batch_size) & tf.equal(shape[2], self._beam_width)
        message = (
            "A TensorArray of the cell's state does not hold [batch_size, beam_width, ...]"
            " elements; set reorder_tensor_arrays to False to leave it as it is."
        )
        check = v1.Assert(holds, [message, shape])
        return [] if check is None else [check]


def _may_hold_beams(shape: Any, batch_size: int | None, beam_width: int) -> bool:
    """Whether TensorFlow 1 takes elements of this shape for [batch * beam, ...] ones.

    It refuses most shapes of which the first two dimensions are known, [batch * beam, depth]
    included, and returns the TensorArray as it is; code written for that calls `stack`.
    """
    if shape.ndims is None or shape.ndims < 1:
        return False
    first = tf.compat.dimension_value(shape[0])
    if batch_size is None or first is None:
        return True
    if first != batch_size * beam_width:
        return False
    second = tf.compat.dimension_value(shape[1]) if shape.ndims > 1 else None
    return second is None or (first, second) == (batch_size, beam_width)


def _static_shape(size: Any) -> Any:
    """Return the shape that a state size stands for, unknown where it is a tensor's to tell."""
    if not tf.is_tensor(size):
        return tf.TensorShape(size)
    static = tf.get_static_value(size)
    return tf.TensorShape(None if static is None else static)
