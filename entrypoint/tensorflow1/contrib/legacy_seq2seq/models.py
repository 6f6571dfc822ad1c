"""Encoder and decoder together."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import rnn_cell_impl

from entrypoint.tensorflow1.contrib.legacy_seq2seq.decoders import (
    LoopFunction,
    _extract_argmax_and_embed,
    check_projection,
    embedding_attention_decoder,
    embedding_rnn_decoder,
    rnn_decoder,
)
from entrypoint.tensorflow1.contrib.rnn.wrappers import EmbeddingWrapper, OutputProjectionWrapper

v1 = tf.compat.v1


def basic_rnn_seq2seq(
    encoder_inputs: list[Any],
    decoder_inputs: list[Any],
    cell: Any,
    dtype: Any = tf.float32,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Encode [batch, depth] inputs with a copy of the cell, decode with the cell.

    Returns:
        (list of outputs, last state).
    """
    with v1.variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = v1.nn.static_rnn(copy.deepcopy(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, state, cell)


def tied_rnn_seq2seq(
    encoder_inputs: list[Any],
    decoder_inputs: list[Any],
    cell: Any,
    loop_function: LoopFunction | None = None,
    dtype: Any = tf.float32,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Encode and decode [batch, depth] inputs with one cell; see `rnn_decoder`."""
    with v1.variable_scope("combined_tied_rnn_seq2seq"):
        scope = scope or "tied_rnn_seq2seq"
        _, state = v1.nn.static_rnn(cell, encoder_inputs, dtype=dtype, scope=scope)
        v1.get_variable_scope().reuse_variables()
        return rnn_decoder(decoder_inputs, state, cell, loop_function=loop_function, scope=scope)


def embedding_rnn_seq2seq(
    encoder_inputs: list[Any],
    decoder_inputs: list[Any],
    cell: Any,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Embed int [batch] inputs, encode with a copy of the cell, decode with the cell.

    Args:
        encoder_inputs: list of int [batch].
        decoder_inputs: list of int [batch].
        cell: an `RNNCell`.
        num_encoder_symbols: rows of the encoder's embedding.
        num_decoder_symbols: rows of the decoder's, and width of the logits.
        embedding_size: columns of both.
        output_projection: (W, B) that make logits of an output; if None, a projection is added.
        feed_previous: bool, or scalar bool tensor: feed the symbol with the largest previous logit.
        dtype: of variables and state, the scope's by default.
        scope: variable scope.

    Returns:
        (list of outputs, last state).
    """
    with v1.variable_scope(scope or "embedding_rnn_seq2seq", dtype=dtype) as entered:
        encoder = EmbeddingWrapper(copy.deepcopy(cell), num_encoder_symbols, embedding_size)
        _, state = v1.nn.static_rnn(encoder, encoder_inputs, dtype=entered.dtype)
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)

        def decode(feed: bool) -> tuple[list[Any], Any]:
            return embedding_rnn_decoder(
                decoder_inputs,
                state,
                cell,
                num_decoder_symbols,
                embedding_size,
                output_projection=output_projection,
                feed_previous=feed,
                update_embedding_for_previous=isinstance(feed_previous, bool),
            )

        return _decode_as_told(feed_previous, decode)


def embedding_tied_rnn_seq2seq(
    encoder_inputs: list[Any],
    decoder_inputs: list[Any],
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    num_decoder_symbols: int | None = None,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Embed, encode and decode int [batch] inputs with one embedding and one cell.

    The logits' width is `num_decoder_symbols`, or `num_symbols`; the other arguments are those of
    `embedding_rnn_seq2seq`.
    """
    with v1.variable_scope(scope or "embedding_tied_rnn_seq2seq", dtype=dtype) as entered:
        dtype = entered.dtype
        check_projection(output_projection, num_symbols, dtype)
        embedding = v1.get_variable("embedding", [num_symbols, embedding_size], dtype=dtype)
        encoder_embedded, decoder_embedded = (
            [v1.nn.embedding_lookup(embedding, symbols) for symbols in inputs]
            for inputs in (encoder_inputs, decoder_inputs)
        )
        if output_projection is None:
            width = num_symbols if num_decoder_symbols is None else num_decoder_symbols
            cell = OutputProjectionWrapper(cell, width)
        update_embedding = isinstance(feed_previous, bool)

        def decode(feed: bool) -> tuple[list[Any], Any]:
            loop_function = None
            if feed:
                loop_function = _extract_argmax_and_embed(
                    embedding, output_projection, update_embedding
                )
            return tied_rnn_seq2seq(
                encoder_embedded, decoder_embedded, cell, loop_function=loop_function, dtype=dtype
            )

        return _decode_as_told(feed_previous, decode)


def embedding_attention_seq2seq(
    encoder_inputs: list[Any],
    decoder_inputs: list[Any],
    cell: Any,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> tuple[list[Any], Any]:
    """Do as `embedding_rnn_seq2seq`, with a decoder that attends to the encoder's outputs."""
    with v1.variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype) as entered:
        encoder = EmbeddingWrapper(copy.deepcopy(cell), num_encoder_symbols, embedding_size)
        encoded, state = v1.nn.static_rnn(encoder, encoder_inputs, dtype=entered.dtype)
        attention_states = tf.concat(
            [tf.reshape(output, [-1, 1, cell.output_size]) for output in encoded], 1
        )
        output_size = None
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)
            output_size = num_decoder_symbols

        def decode(feed: bool) -> tuple[list[Any], Any]:
            return embedding_attention_decoder(
                decoder_inputs,
                state,
                attention_states,
                cell,
                num_decoder_symbols,
                embedding_size,
                num_heads=num_heads,
                output_size=output_size,
                output_projection=output_projection,
                feed_previous=feed,
                update_embedding_for_previous=isinstance(feed_previous, bool),
                initial_state_attention=initial_state_attention,
            )

        return _decode_as_told(feed_previous, decode)


def one2many_rnn_seq2seq(
    encoder_inputs: list[Any],
    decoder_inputs_dict: dict[str, list[Any]],
    enc_cell: Any,
    dec_cells_dict: dict[str, Any],
    num_encoder_symbols: int,
    num_decoder_symbols_dict: dict[str, int],
    embedding_size: int,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Decode one encoding with several decoders (https://arxiv.org/abs/1511.06114).

    Returns:
        (outputs, state), each by the name of the decoder; see `embedding_rnn_seq2seq`.

    Raises:
        TypeError: a cell is no `RNNCell`.
        ValueError: cells and inputs are not of the same decoders.
    """
    rnn_cell_impl.assert_like_rnncell("enc_cell", enc_cell)
    if set(dec_cells_dict) != set(decoder_inputs_dict):
        raise ValueError("keys of dec_cells_dict != keys of decoder_inputs_dict")
    for cell in dec_cells_dict.values():
        rnn_cell_impl.assert_like_rnncell("dec_cell", cell)
    outputs, states = {}, {}
    with v1.variable_scope(scope or "one2many_rnn_seq2seq", dtype=dtype) as entered:
        encoder = EmbeddingWrapper(enc_cell, num_encoder_symbols, embedding_size)
        _, encoded = v1.nn.static_rnn(encoder, encoder_inputs, dtype=entered.dtype)
        for name, decoder_inputs in decoder_inputs_dict.items():
            symbols = num_decoder_symbols_dict[name]
            with v1.variable_scope(f"one2many_decoder_{name}"):
                decoder = OutputProjectionWrapper(dec_cells_dict[name], symbols)

                def decode(
                    feed: bool,
                    inputs: list[Any] = decoder_inputs,
                    cell: Any = decoder,
                    symbols: int = symbols,
                ) -> tuple[list[Any], Any]:
                    return embedding_rnn_decoder(
                        inputs, encoded, cell, symbols, embedding_size, feed_previous=feed
                    )

                outputs[name], states[name] = _decode_as_told(feed_previous, decode)
    return outputs, states


def _decode_as_told(
    feed_previous: Any, decode: Callable[[bool], tuple[list[Any], Any]]
) -> tuple[list[Any], Any]:
    """Return decode(feed_previous); both ways are built, on the same variables, for a tensor."""
    if isinstance(feed_previous, bool):
        return decode(feed_previous)
    structures: list[Any] = []

    def branch(feed: bool) -> list[Any]:
        reuse = None if feed else True
        with v1.variable_scope(v1.get_variable_scope(), reuse=reuse):
            outputs, state = decode(feed)
        structures.append((outputs, state))
        return tf.nest.flatten((outputs, state))  # type: ignore[no-any-return]

    flat = v1.cond(feed_previous, lambda: branch(True), lambda: branch(False))
    outputs, state = tf.nest.pack_sequence_as(structures[0], flat)
    return outputs, state
