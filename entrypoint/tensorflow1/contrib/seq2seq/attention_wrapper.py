"""A recurrent cell that reads a memory through attention at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import rnn_cell_impl

# User code that writes mechanisms of its own imports these from this module.
from entrypoint.tensorflow1.contrib.seq2seq.attention import (
    AttentionMechanism,
    BahdanauAttention,
    LuongAttention,
    _bahdanau_score,
    _BaseAttentionMechanism,
    _dense,
    _dimension,
    _luong_score,
    _maybe_mask_score,
    _prepare_memory,
    hardmax,
    require_layer,
)
from entrypoint.tensorflow1.contrib.seq2seq.attention_state import AttentionWrapperState
from entrypoint.tensorflow1.contrib.seq2seq.monotonic import (
    BahdanauMonotonicAttention,
    LuongMonotonicAttention,
    _BaseMonotonicAttentionMechanism,
    _monotonic_probability_fn,
    monotonic_attention,
    safe_cumprod,
)

__all__ = [
    "AttentionMechanism",
    "AttentionWrapper",
    "AttentionWrapperState",
    "BahdanauAttention",
    "BahdanauMonotonicAttention",
    "LuongAttention",
    "LuongMonotonicAttention",
    "_BaseAttentionMechanism",
    "_BaseMonotonicAttentionMechanism",
    "_bahdanau_score",
    "_compute_attention",
    "_luong_score",
    "_maybe_mask_score",
    "_monotonic_probability_fn",
    "_prepare_memory",
    "hardmax",
    "monotonic_attention",
    "safe_cumprod",
]

v1 = tf.compat.v1
_RNNCell: Any = v1.nn.rnn_cell.RNNCell
_TILE = (
    "Non-matching batch sizes between the memory (encoder output) and the {}. With a"
    " BeamSearchDecoder, tile the encoder's outputs, lengths and final state by beam_width with"
    " tf.contrib.seq2seq.tile_batch, and pass batch_size * beam_width to zero_state."
)


def _compute_attention(
    attention_mechanism: Any, cell_output: Any, attention_state: Any, attention_layer: Any
) -> tuple[Any, Any, Any]:
    """Return (attention, alignments, next attention state) of one mechanism."""
    alignments, next_state = attention_mechanism(cell_output, state=attention_state)
    # [batch, 1, time] x [batch, time, depth]: the values' mean, weighted with the alignments.
    context = tf.matmul(tf.expand_dims(alignments, 1), attention_mechanism.values)
    context = tf.squeeze(context, [1])
    if attention_layer is None:
        return context, alignments, next_state
    return attention_layer(tf.concat([cell_output, context], 1)), alignments, next_state


class AttentionWrapper(_RNNCell):
    """Wraps a cell: its input is joined by the previous attention, its output queries the memory.

    Args:
        cell: an `RNNCell`.
        attention_mechanism: one mechanism, or a list of them.
        attention_layer_size: units of the layer (a list of them for a list of mechanisms) that
            makes the attention of the cell's output and the context; the context alone if None.
        alignment_history: keep every step's alignments in the state, time major.
        cell_input_fn: (inputs, attention) to the cell's input; joins the two by default.
        output_attention: whether a step's output is the attention (Luong) or the cell's output
            (Bahdanau).
        initial_cell_state: what `zero_state` uses for the cell.
        name: layer and variable scope name.
        attention_layer: the layer, or layers, instead of `attention_layer_size`.
        attention_fn: (mechanism, cell output, attention state, attention layer) to (attention,
            alignments, next attention state).
        dtype: the cell's.

    Raises:
        TypeError: an argument is not of the kind described.
        ValueError: both or wrongly many attention layers are given.
    """

    def __init__(
        self,
        cell: Any,
        attention_mechanism: Any,
        attention_layer_size: Any = None,
        alignment_history: bool = False,
        cell_input_fn: Callable[[Any, Any], Any] | None = None,
        output_attention: bool = True,
        initial_cell_state: Any = None,
        name: str | None = None,
        attention_layer: Any = None,
        attention_fn: Callable[..., tuple[Any, Any, Any]] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        rnn_cell_impl.assert_like_rnncell("cell", cell)
        if cell_input_fn is not None and not callable(cell_input_fn):
            raise TypeError(
                f"cell_input_fn must be callable, saw type: {type(cell_input_fn).__name__}"
            )
        self._is_multi = isinstance(attention_mechanism, (list, tuple))
        mechanisms = _as_tuple(attention_mechanism)
        for mechanism in mechanisms:
            if not isinstance(mechanism, AttentionMechanism):
                raise TypeError(
                    "attention_mechanism must be an AttentionMechanism or a list of them, saw"
                    f" type: {type(mechanism).__name__}"
                )
        layers = _attention_layers(attention_layer_size, attention_layer, mechanisms)
        self._attention_layer_size = _attention_size(
            attention_layer_size, layers, mechanisms, cell.output_size
        )
        self._cell = cell
        self._attention_mechanisms = mechanisms
        self._attention_layers = layers
        self._cell_input_fn = cell_input_fn or (
            lambda inputs, attention: tf.concat([inputs, attention], -1)
        )
        self._attention_fn = attention_fn or _compute_attention
        self._output_attention = output_attention
        self._alignment_history = alignment_history
        self._initial_cell_state = None
        if initial_cell_state is not None:
            with v1.name_scope(name, "AttentionWrapperInit"):
                batch_size = _dimension(tf.nest.flatten(initial_cell_state)[-1], 0)
                self._initial_cell_state = self._checked(
                    batch_size, "initial_cell_state", initial_cell_state
                )

    @property
    def output_size(self) -> Any:
        """Size of the attention, or of the cell's output."""
        return self._attention_layer_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> AttentionWrapperState:
        """The sizes of the fields of the state, without the batch dimension."""
        mechanisms = self._attention_mechanisms
        history = (a.alignments_size if self._alignment_history else () for a in mechanisms)
        return AttentionWrapperState(
            cell_state=self._cell.state_size,
            time=tf.TensorShape([]),
            attention=self._attention_layer_size,
            alignments=self._item_or_tuple(a.alignments_size for a in mechanisms),
            attention_state=self._item_or_tuple(a.state_size for a in mechanisms),
            alignment_history=self._item_or_tuple(history),
        )

    def zero_state(self, batch_size: Any, dtype: Any) -> AttentionWrapperState:
        """Return the state before the first step.

        With a `BeamSearchDecoder` the batch size is the examples' times the beam width, and the
        memory is tiled with `tile_batch`. A batch size that is not the memory's is an error, when
        the graph is built or when it runs.
        """
        with v1.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            cell_state = self._initial_cell_state
            if cell_state is None:
                cell_state = _initial_state(self._cell, batch_size, dtype)
            cell_state = self._checked(batch_size, "batch_size of zero_state", cell_state)
            mechanisms = self._attention_mechanisms
            alignments = [a.initial_alignments(batch_size, dtype) for a in mechanisms]
            return AttentionWrapperState(
                cell_state=cell_state,
                time=tf.zeros([], dtype=tf.int32),
                attention=rnn_cell_impl._zero_state_tensors(
                    self._attention_layer_size, batch_size, dtype
                ),
                alignments=self._item_or_tuple(alignments),
                attention_state=self._item_or_tuple(
                    a.initial_state(batch_size, dtype) for a in mechanisms
                ),
                alignment_history=self._item_or_tuple(
                    self._new_history(dtype, a.shape) for a in alignments
                ),
            )

    def call(self, inputs: Any, state: Any) -> tuple[Any, AttentionWrapperState]:
        """Run one step; return (attention or the cell's output, next state).

        Raises:
            TypeError: the state is not an `AttentionWrapperState`.
        """
        if not isinstance(state, AttentionWrapperState):
            raise TypeError(
                "Expected state to be instance of AttentionWrapperState."
                f" Received type {type(state)} instead."
            )
        cell_inputs = self._cell_input_fn(inputs, state.attention)
        cell_output, next_cell_state = self._cell(cell_inputs, state.cell_state)
        cell_output = self._checked(
            _dimension(cell_output, 0), "query (decoder output)", cell_output
        )
        many = self._is_multi
        states = state.attention_state if many else (state.attention_state,)
        histories = state.alignment_history if many else (state.alignment_history,)
        layers = self._attention_layers or [None] * len(self._attention_mechanisms)
        attentions, alignments, next_states = zip(
            *(
                self._attention_fn(mechanism, cell_output, attention_state, layer)
                for mechanism, attention_state, layer in zip(
                    self._attention_mechanisms, states, layers, strict=True
                )
            ),
            strict=True,
        )
        attention = tf.concat(attentions, 1)
        next_state = AttentionWrapperState(
            time=state.time + 1,
            cell_state=next_cell_state,
            attention=attention,
            attention_state=self._item_or_tuple(next_states),
            alignments=self._item_or_tuple(alignments),
            alignment_history=self._item_or_tuple(
                history.write(state.time, step) if self._alignment_history else ()
                for history, step in zip(histories, alignments, strict=True)
            ),
        )
        return attention if self._output_attention else cell_output, next_state

    def _item_or_tuple(self, values: Iterable[Any]) -> Any:
        items = tuple(values)
        return items if self._is_multi else items[0]

    def _checked(self, batch_size: Any, what: str, value: Any) -> Any:
        """Return the value, checked to be for as many examples as the memory holds."""
        message = f"AttentionWrapper {self._base_name}: {_TILE.format(what)}"
        with tf.control_dependencies(self._batch_size_checks(batch_size, message)):
            return tf.nest.map_structure(tf.identity, value)

    def _batch_size_checks(self, batch_size: Any, error_message: str) -> list[Any]:
        checks = (
            v1.assert_equal(batch_size, mechanism.batch_size, message=error_message)
            for mechanism in self._attention_mechanisms
        )
        return [check for check in checks if check is not None]

    def _new_history(self, dtype: Any, shape: Any) -> Any:
        if not self._alignment_history:
            return ()
        return tf.TensorArray(dtype, size=0, dynamic_size=True, element_shape=shape)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _initial_state(cell: Any, batch_size: Any, dtype: Any) -> Any:
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch_size, dtype=dtype)
    return cell.zero_state(batch_size, dtype)


def _attention_layers(
    sizes: Any, layers: Any, mechanisms: tuple[Any, ...]
) -> tuple[Any, ...] | None:
    if sizes is None and layers is None:
        return None
    if sizes is not None and layers is not None:
        raise ValueError("Only one of attention_layer_size and attention_layer should be set")
    role = "attention_layer" if sizes is None else "attention_layer_size"
    given = _as_tuple(layers if sizes is None else sizes)
    if len(given) != len(mechanisms):
        raise ValueError(
            f"If provided, {role} must contain exactly one item per attention_mechanism, saw:"
            f" {len(given)} vs {len(mechanisms)}"
        )
    if sizes is None:
        for layer in given:
            require_layer(role, layer)
        return given
    return tuple(
        _dense("attention_layer", size, mechanism.dtype)
        for size, mechanism in zip(given, mechanisms, strict=True)
    )


def _attention_size(
    sizes: Any, layers: tuple[Any, ...] | None, mechanisms: tuple[Any, ...], cell_output_size: Any
) -> int:
    if sizes is not None:
        return sum(_as_tuple(sizes))
    depths = [tf.compat.dimension_value(mechanism.values.shape[-1]) for mechanism in mechanisms]
    if layers is None:
        return sum(depths)
    return sum(
        tf.compat.dimension_value(layer.compute_output_shape([None, cell_output_size + depth])[-1])
        for layer, depth in zip(layers, depths, strict=True)
    )
