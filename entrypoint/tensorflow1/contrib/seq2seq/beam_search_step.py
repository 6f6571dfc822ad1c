"""One step of a beam search: score every continuation, keep the best of each example."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from entrypoint.tensorflow1.contrib.seq2seq.attention_wrapper import AttentionWrapperState

v1 = tf.compat.v1


class BeamSearchDecoderState(NamedTuple):
    """State of a `BeamSearchDecoder`; every tensor is [batch, beam, ...].

    `accumulated_attention_probs` is () without a coverage penalty.
    """

    cell_state: Any
    log_probs: Any
    finished: Any
    lengths: Any
    accumulated_attention_probs: Any


class BeamSearchDecoderOutput(NamedTuple):
    """What a step chose, [batch, beam] each: scores, symbols and the beams these continue."""

    scores: Any
    predicted_ids: Any
    parent_ids: Any


def _beam_search_step(
    time: Any,
    logits: Any,
    next_cell_state: Any,
    beam_state: BeamSearchDecoderState,
    batch_size: Any,
    beam_width: int,
    end_token: Any,
    length_penalty_weight: Any,
    coverage_penalty_weight: Any,
) -> tuple[BeamSearchDecoderOutput, BeamSearchDecoderState]:
    """Return (output, next state) for [batch, beam, symbols] logits."""
    static_batch_size = tf.get_static_value(batch_size)
    finished = beam_state.finished
    log_probs = _mask_probs(tf.nn.log_softmax(logits), end_token, finished)
    total_probs = tf.expand_dims(beam_state.log_probs, 2) + log_probs
    vocab_size = tf.compat.dimension_value(logits.shape[-1])
    if vocab_size is None:
        vocab_size = tf.shape(logits)[-1]
    accumulated = _accumulated_attention(beam_state, next_cell_state, coverage_penalty_weight)
    scores = _get_scores(
        log_probs=total_probs,
        sequence_lengths=_continued_lengths(beam_state, end_token, vocab_size),
        length_penalty_weight=length_penalty_weight,
        coverage_penalty_weight=coverage_penalty_weight,
        finished=finished,
        accumulated_attention_probs=accumulated,
    )
    # All continuations of all beams of an example compete.
    best_scores, chosen = tf.math.top_k(tf.reshape(scores, [batch_size, -1]), k=beam_width)
    best_scores.set_shape([static_batch_size, beam_width])
    chosen.set_shape([static_batch_size, beam_width])
    word_ids = tf.math.floormod(chosen, vocab_size, name="next_beam_word_ids")
    parent_ids = tf.math.floordiv(chosen, vocab_size, name="next_beam_parent_ids")

    def of_parent(values: Any) -> Any:
        # TensorArrays and scalars are the same for all beams.
        if isinstance(values, tf.TensorArray) or _rank(values) < 2:  # noqa: PLR2004 (batch, beam)
            return values
        gathered = _gather_beams(values, parent_ids)
        gathered.set_shape(values.shape)
        return gathered

    was_finished = of_parent(finished)
    output = BeamSearchDecoderOutput(
        scores=best_scores, predicted_ids=word_ids, parent_ids=parent_ids
    )
    next_state = BeamSearchDecoderState(
        cell_state=tf.nest.map_structure(of_parent, next_cell_state),
        log_probs=_gather_beams(tf.reshape(total_probs, [batch_size, -1]), chosen),
        # The end token counts towards the length; what is finished grows no more.
        lengths=of_parent(beam_state.lengths) + tf.cast(~was_finished, tf.int64),
        finished=was_finished | tf.equal(word_ids, end_token),
        accumulated_attention_probs=() if accumulated is None else of_parent(accumulated),
    )
    return output, next_state


def _mask_probs(probs: Any, eos_token: Any, finished: Any) -> Any:
    """Return log probabilities in which a finished beam continues with the end token only."""
    end_row = tf.one_hot(
        eos_token,
        tf.shape(probs)[2],
        dtype=probs.dtype,
        on_value=tf.constant(0.0, probs.dtype),
        off_value=probs.dtype.min,
    )
    return tf.where(tf.expand_dims(finished, 2), end_row, probs)


def _continued_lengths(beam_state: BeamSearchDecoderState, end_token: Any, symbols: Any) -> Any:
    """Return [batch, beam, symbols] lengths; here an end token adds nothing, as in TensorFlow 1."""
    added = tf.one_hot(
        end_token,
        symbols,
        on_value=tf.constant(0, tf.int64),
        off_value=tf.constant(1, tf.int64),
    )
    growing = tf.expand_dims(tf.cast(~beam_state.finished, tf.int64), 2)
    return tf.expand_dims(beam_state.lengths, 2) + added * growing


def _accumulated_attention(
    beam_state: BeamSearchDecoderState, next_cell_state: Any, coverage_penalty_weight: Any
) -> Any:
    """Return the attention that each memory entry got so far, or None without the penalty."""
    probs = get_attention_probs(next_cell_state, coverage_penalty_weight)
    if probs is None:
        return None
    growing = tf.expand_dims(tf.cast(~beam_state.finished, probs.dtype), 2)
    return beam_state.accumulated_attention_probs + probs * growing


def get_attention_probs(next_cell_state: Any, coverage_penalty_weight: Any) -> Any:
    """Return [batch, beam, memory] alignments, the mean over the attentions of the state.

    None if the weight is 0.

    Raises:
        ValueError: there is a penalty, and no attention.
    """
    if not tf.is_tensor(coverage_penalty_weight) and coverage_penalty_weight == 0:
        return None
    states = (next_cell_state,)
    if not isinstance(next_cell_state, AttentionWrapperState) and isinstance(
        next_cell_state, tuple
    ):
        states = next_cell_state
    layers = [
        attention_probs_from_attn_state(state)
        for state in states
        if isinstance(state, AttentionWrapperState)
    ]
    if not layers:
        raise ValueError("coverage_penalty_weight must be 0.0 if no cell is attentional.")
    return _mean(layers)


def attention_probs_from_attn_state(attention_state: AttentionWrapperState) -> Any:
    """Return the alignments, the mean over the mechanisms."""
    alignments = attention_state.alignments
    return _mean(alignments) if isinstance(alignments, tuple) else alignments


def _get_scores(
    log_probs: Any,
    sequence_lengths: Any,
    length_penalty_weight: Any,
    coverage_penalty_weight: Any,
    finished: Any,
    accumulated_attention_probs: Any,
) -> Any:
    """Return [batch, beam, symbols] scores (https://arxiv.org/abs/1609.08144, equation 14).

    score = log p / length penalty + weight * sum_j log(min(attention on j, 1)), the latter for
    beams that were finished before; entries that never got attention count as padding.

    Raises:
        ValueError: a weight is not a scalar, or the accumulated attention is missing.
    """
    penalty = tf.cast(_length_penalty(sequence_lengths, length_penalty_weight), log_probs.dtype)
    scores = log_probs / penalty
    weight = tf.convert_to_tensor(coverage_penalty_weight, name="coverage_penalty_weight")
    if weight.shape.ndims != 0:
        raise ValueError(
            f"coverage_penalty_weight should be a scalar, but saw shape: {weight.shape}"
        )
    if tf.get_static_value(weight) == 0.0:
        return scores
    if accumulated_attention_probs is None:
        raise ValueError(
            "accumulated_attention_probs can be None only if coverage penalty is disabled."
        )
    padding = tf.equal(accumulated_attention_probs, 0.0)
    covered = tf.where(
        padding, tf.ones_like(accumulated_attention_probs), accumulated_attention_probs
    )
    coverage = tf.reduce_sum(tf.math.log(tf.minimum(covered, 1.0)), 2)
    coverage *= tf.cast(finished, coverage.dtype)
    return scores + tf.expand_dims(coverage * tf.cast(weight, coverage.dtype), 2)


def _length_penalty(sequence_lengths: Any, penalty_factor: Any) -> Any:
    """Return ((5 + length) / 6) ** factor, 1 for a factor of 0."""
    factor = tf.convert_to_tensor(penalty_factor, name="penalty_factor")
    factor.set_shape(())
    if tf.get_static_value(factor) == 0:
        return 1.0
    return (5.0 + tf.cast(sequence_lengths, tf.float32)) ** factor / 6.0**factor


def _gather_beams(values: Any, columns: Any) -> Any:
    """Return values [batch, beams, ...] at columns [batch, k], as [batch, k, ...]."""
    return tf.gather(values, columns, batch_dims=1)


def _mean(layers: Any) -> Any:
    return layers[0] if len(layers) == 1 else tf.reduce_mean(tf.stack(layers, -1), -1)


def _rank(tensor: Any) -> int:
    rank: int | None = tensor.shape.ndims
    if rank is None:
        raise ValueError(f"Expected tensor ({tensor}) to have known rank, but ndims == None.")
    return rank
