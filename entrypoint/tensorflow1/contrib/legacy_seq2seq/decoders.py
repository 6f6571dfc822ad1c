"""Decoders over a list of inputs, one per step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.rnn.cell import linear

v1 = tf.compat.v1
LoopFunction = Callable[[Any, int], Any]


def rnn_decoder(
    decoder_inputs: Any,
    initial_state: Any,
    cell: Any,
    loop_function: LoopFunction | None = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Run a cell on the inputs, [batch, depth] each; return (outputs, last state).

    With a loop function, (previous output, step) to input, only the first input is used.
    """
    with v1.variable_scope(scope or "rnn_decoder"):
        state = initial_state
        outputs: list[Any] = []
        for step, given in enumerate(decoder_inputs):
            inputs = _looped(loop_function, outputs, given)
            if step > 0:
                v1.get_variable_scope().reuse_variables()
            output, state = cell(inputs, state)
            outputs.append(output)
    return outputs, state


def embedding_rnn_decoder(
    decoder_inputs: Any,
    initial_state: Any,
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    output_projection: Any = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Run `rnn_decoder` on the embeddings of int [batch] inputs.

    Args:
        decoder_inputs: list of int [batch].
        initial_state: the cell's.
        cell: an `RNNCell`.
        num_symbols: rows of the embedding.
        embedding_size: its columns.
        output_projection: (W, B) that make logits of an output, or None if it is logits.
        feed_previous: feed the symbol with the largest previous logit; only the first input counts.
        update_embedding_for_previous: train the embedding by what was fed, too.
        scope: variable scope.
    """
    with v1.variable_scope(scope or "embedding_rnn_decoder") as entered:
        check_projection(output_projection, num_symbols, entered.dtype)
        embedding = v1.get_variable("embedding", [num_symbols, embedding_size])
        loop_function = None
        if feed_previous:
            loop_function = _extract_argmax_and_embed(
                embedding, output_projection, update_embedding_for_previous
            )
        embedded = [v1.nn.embedding_lookup(embedding, symbols) for symbols in decoder_inputs]
        return rnn_decoder(embedded, initial_state, cell, loop_function=loop_function)


def attention_decoder(
    decoder_inputs: Any,
    initial_state: Any,
    attention_states: Any,
    cell: Any,
    output_size: int | None = None,
    num_heads: int = 1,
    loop_function: LoopFunction | None = None,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> tuple[list[Any], Any]:
    """Run a cell that attends to [batch, length, size] states (https://arxiv.org/abs/1412.7449).

    Each step: input = linear(input, attention); (output, state) = cell(input, state);
    attention = sum of states, weighted with softmax(v^T tanh(W states + U state));
    output = linear(output, attention).

    Args:
        decoder_inputs: list of [batch, depth].
        initial_state: the cell's.
        attention_states: what to attend to.
        cell: an `RNNCell`.
        output_size: width of the outputs, the cell's by default.
        num_heads: attentions to run.
        loop_function: (previous output, step) to input; only the first input is used then.
        dtype: of the variables, the scope's by default.
        scope: variable scope.
        initial_state_attention: begin with the attention of the initial state, not with zeros.

    Raises:
        ValueError: no inputs, no heads, or a width that is not known.
    """
    if not decoder_inputs:
        raise ValueError("decoder_inputs is empty; an attention decoder needs one input or more")
    if num_heads < 1:
        raise ValueError("num_heads is below 1; rnn_decoder decodes without attention")
    size = tf.compat.dimension_value(attention_states.shape[2])
    if size is None:
        raise ValueError(f"Shape[2] of attention_states must be known: {attention_states.shape}")
    with v1.variable_scope(scope or "attention_decoder", dtype=dtype) as entered:
        dtype = entered.dtype
        attend = _attention(attention_states, size, num_heads, dtype)
        batch_size = tf.shape(decoder_inputs[0])[0]
        attentions = [_zeros(batch_size, size, dtype) for _ in range(num_heads)]
        if initial_state_attention:
            attentions = attend(initial_state)
        state = initial_state
        outputs: list[Any] = []
        for step, given in enumerate(decoder_inputs):
            if step > 0:
                v1.get_variable_scope().reuse_variables()
            inputs = _looped(loop_function, outputs, given)
            width = tf.compat.dimension_value(inputs.shape.with_rank(2)[1])
            if width is None:
                raise ValueError(f"Could not infer input size from input: {inputs.name}")
            joined = [tf.cast(part, dtype) for part in (inputs, *attentions)]
            cell_output, state = cell(linear(joined, width), state)
            # The attention's variables exist already if the initial state was attended with.
            reuse = True if initial_state_attention else None
            with v1.variable_scope(v1.get_variable_scope(), reuse=reuse):
                attentions = attend(state)
            with v1.variable_scope("AttnOutputProjection"):
                joined = [tf.cast(cell_output, dtype), *attentions]
                outputs.append(linear(joined, output_size or cell.output_size))
    return outputs, state


def embedding_attention_decoder(
    decoder_inputs: Any,
    initial_state: Any,
    attention_states: Any,
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_size: int | None = None,
    output_projection: Any = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> tuple[list[Any], Any]:
    """Run `attention_decoder` on the embeddings of int [batch] inputs.

    The other arguments are those of `embedding_rnn_decoder`.
    """
    with v1.variable_scope(scope or "embedding_attention_decoder", dtype=dtype) as entered:
        check_projection(output_projection, num_symbols, entered.dtype)
        embedding = v1.get_variable("embedding", [num_symbols, embedding_size])
        loop_function = None
        if feed_previous:
            loop_function = _extract_argmax_and_embed(
                embedding, output_projection, update_embedding_for_previous
            )
        embedded = [v1.nn.embedding_lookup(embedding, symbols) for symbols in decoder_inputs]
        return attention_decoder(
            embedded,
            initial_state,
            attention_states,
            cell,
            output_size=output_size,
            num_heads=num_heads,
            loop_function=loop_function,
            initial_state_attention=initial_state_attention,
        )


def check_projection(output_projection: Any, num_symbols: int, dtype: Any) -> None:
    """Refuse a projection that does not make `num_symbols` logits.

    Raises:
        ValueError: names both shapes.
    """
    if output_projection is None:
        return
    weights = tf.convert_to_tensor(output_projection[0], dtype=dtype)
    weights.shape.assert_is_compatible_with([None, num_symbols])
    biases = tf.convert_to_tensor(output_projection[1], dtype=dtype)
    biases.shape.assert_is_compatible_with([num_symbols])


def _extract_argmax_and_embed(
    embedding: Any, output_projection: Any = None, update_embedding: bool = True
) -> LoopFunction:
    """Return the function from an output to the embedding of its largest logit's symbol."""

    def loop_function(previous: Any, _: int) -> Any:
        if output_projection is not None:
            previous = v1.nn.xw_plus_b(previous, output_projection[0], output_projection[1])
        embedded = v1.nn.embedding_lookup(embedding, tf.argmax(previous, 1))
        return embedded if update_embedding else tf.stop_gradient(embedded)

    return loop_function


def _looped(loop_function: LoopFunction | None, outputs: list[Any], given: Any) -> Any:
    """Return a step's input: the given one, or what the loop function makes of the last output."""
    if loop_function is None or not outputs:
        return given
    with v1.variable_scope("loop_function", reuse=True):
        return loop_function(outputs[-1], len(outputs))


def _attention(states: Any, size: int, num_heads: int, dtype: Any) -> Callable[[Any], list[Any]]:
    """Return the function from a cell's state to the heads' attentions, [batch, size] each."""
    length = tf.compat.dimension_value(states.shape[1])
    hidden = tf.reshape(states, [-1, tf.shape(states)[1] if length is None else length, 1, size])
    features, vectors = [], []
    for head in range(num_heads):
        kernel = v1.get_variable(f"AttnW_{head}", [1, 1, size, size], dtype=dtype)
        # A convolution of width 1: each state times the kernel.
        features.append(tf.nn.conv2d(hidden, kernel, [1, 1, 1, 1], "SAME"))
        vectors.append(v1.get_variable(f"AttnV_{head}", [size], dtype=dtype))

    def attend(state: Any) -> list[Any]:
        query = tf.concat(tf.nest.flatten(state), 1)
        attentions = []
        for head in range(num_heads):
            with v1.variable_scope(f"Attention_{head}"):
                mapped = tf.cast(tf.reshape(linear([query], size), [-1, 1, 1, size]), dtype)
                scores = tf.reduce_sum(vectors[head] * tf.tanh(features[head] + mapped), [2, 3])
                weights = tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), dtype)
                weights = tf.expand_dims(tf.expand_dims(weights, 2), 3)
                read = tf.reduce_sum(weights * hidden, [1, 2])
                attentions.append(tf.reshape(read, [-1, size]))
        return attentions

    return attend


def _zeros(batch_size: Any, size: int, dtype: Any) -> Any:
    zeros = tf.zeros(tf.stack([batch_size, size]), dtype=dtype)
    zeros.set_shape([None, size])
    return zeros
