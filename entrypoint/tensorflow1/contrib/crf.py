"""`tf.contrib.crf`: likelihood and decoding of linear-chain conditional random fields.

The score of a tag sequence y of length n is the sum of its unary potentials and its transitions,
`sum_t inputs[t, y_t] + sum_t transition_params[y_t, y_{t+1}]`; its probability is the softmax of
the scores of all sequences. In the shapes below B is the batch, T the longest length, O the tags.
A sequence of length zero scores 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import smart_cond

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "CrfDecodeBackwardRnnCell",
    "CrfDecodeForwardRnnCell",
    "CrfForwardRnnCell",
    "crf_binary_score",
    "crf_decode",
    "crf_log_likelihood",
    "crf_log_norm",
    "crf_multitag_sequence_score",
    "crf_sequence_score",
    "crf_unary_score",
    "viterbi_decode",
]
NOT_SUPPLIED: dict[str, str] = {}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)

v1 = tf.compat.v1


def crf_log_likelihood(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any = None
) -> tuple[Any, Any]:
    """Return the log-probability of each tag sequence, [B], and the transition matrix, [O, O].

    Args:
        inputs: unary potentials, [B, T, O].
        tag_indices: [B, T], int32 or int64.
        sequence_lengths: [B].
        transition_params: [O, O]; the variable `transitions` is made if it is not given.
    """
    if transition_params is None:
        num_tags = tf.compat.dimension_value(inputs.shape[2])
        transition_params = v1.get_variable("transitions", [num_tags, num_tags])
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(inputs, sequence_lengths, transition_params), transition_params


def crf_sequence_score(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any
) -> Any:
    """Return the unnormalized score of each tag sequence, [B]."""
    return crf_unary_score(tag_indices, sequence_lengths, inputs) + crf_binary_score(
        tag_indices, sequence_lengths, transition_params
    )


def crf_multitag_sequence_score(
    inputs: Any, tag_bitmap: Any, sequence_lengths: Any, transition_params: Any
) -> Any:
    """Return the log of the summed exponential scores of all sequences that a bitmap allows, [B].

    Args:
        inputs: unary potentials, [B, T, O].
        tag_bitmap: [B, T, O], bool, which tags are allowed where.
        sequence_lengths: [B].
        transition_params: [O, O].
    """
    impossible = v1.fill(v1.shape(inputs), tf.constant(float("-inf"), inputs.dtype))
    allowed = v1.where(tag_bitmap, inputs, impossible)
    return crf_log_norm(allowed, sequence_lengths, transition_params)


def crf_log_norm(inputs: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Return the log of the summed exponential scores of all tag sequences, [B]."""
    sequence_lengths = tf.convert_to_tensor(sequence_lengths)
    first, rest = inputs[:, 0, :], inputs[:, 1:, :]

    def forward() -> Any:
        _, alphas = v1.nn.dynamic_rnn(
            CrfForwardRnnCell(transition_params),
            rest,
            sequence_length=_steps(sequence_lengths),
            initial_state=first,
            dtype=inputs.dtype,
        )
        return alphas

    alphas = _unless_one_step(inputs, forward, lambda: tf.identity(first))
    log_norm = v1.reduce_logsumexp(alphas, [1])
    return v1.where(tf.less_equal(sequence_lengths, 0), tf.zeros_like(log_norm), log_norm)


def crf_unary_score(tag_indices: Any, sequence_lengths: Any, inputs: Any) -> Any:
    """Return the sum of the unary potentials of each tag sequence, [B]."""
    batch, steps, num_tags = tf.unstack(v1.shape(inputs, out_type=tag_indices.dtype))
    first_tag = tf.reshape(tf.range(batch * steps) * num_tags, [batch, steps])
    scores = v1.gather(tf.reshape(inputs, [-1]), first_tag + tag_indices)
    return _sum_of_valid(scores, tf.sequence_mask(sequence_lengths, v1.shape(tag_indices)[1]))


def crf_binary_score(tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Return the sum of the transitions of each tag sequence, [B]."""
    num_tags = tf.compat.dimension_value(transition_params.shape[0])
    transitions = tag_indices[:, :-1] * num_tags + tag_indices[:, 1:]
    scores = v1.gather(tf.reshape(transition_params, [-1]), transitions)
    return _sum_of_valid(
        scores, tf.sequence_mask(sequence_lengths, v1.shape(tag_indices)[1])[:, 1:]
    )


def crf_decode(potentials: Any, transition_params: Any, sequence_length: Any) -> tuple[Any, Any]:
    """Return the best tags of each sequence, [B, T], int32, and their score, [B].

    Tags beyond a sequence's length mean nothing.
    """
    sequence_length = tf.convert_to_tensor(sequence_length)
    first = potentials[:, 0, :]

    def single() -> tuple[Any, Any]:
        return _argmax(first)[:, tf.newaxis], v1.reduce_max(first, axis=1)

    def viterbi() -> tuple[Any, Any]:
        return _viterbi(potentials, transition_params, sequence_length)

    return _unless_one_step(potentials, viterbi, single)  # type: ignore[no-any-return]


def _viterbi(potentials: Any, transition_params: Any, lengths: Any) -> tuple[Any, Any]:
    """Score forward, remembering the best predecessors, then follow them backward."""
    steps = _steps(lengths)
    predecessors, scores = v1.nn.dynamic_rnn(
        CrfDecodeForwardRnnCell(transition_params),
        potentials[:, 1:, :],
        sequence_length=steps,
        initial_state=potentials[:, 0, :],
        dtype=tf.int32,
    )
    last_tag = _argmax(scores)[:, tf.newaxis]
    earlier_tags, _ = v1.nn.dynamic_rnn(
        CrfDecodeBackwardRnnCell(tf.compat.dimension_value(potentials.shape[2])),
        v1.reverse_sequence(predecessors, steps, seq_axis=1),
        sequence_length=steps,
        initial_state=last_tag,
        dtype=tf.int32,
    )
    backward = tf.concat([last_tag, earlier_tags[:, :, 0]], axis=1)
    tags = v1.reverse_sequence(backward, lengths, seq_axis=1)
    return tags, v1.reduce_max(scores, axis=1)


def viterbi_decode(score: Any, transition_params: Any) -> tuple[list[Any], Any]:
    """Return the best tags of one sequence and their score, of NumPy arrays.

    Args:
        score: unary potentials, [T, O].
        transition_params: [O, O].
    """
    trellis = np.zeros_like(score)
    predecessors = np.zeros_like(score, dtype=np.int32)
    trellis[0] = score[0]
    for step in range(1, len(score)):
        candidates = trellis[step - 1][:, np.newaxis] + transition_params
        trellis[step] = score[step] + candidates.max(axis=0)
        predecessors[step] = candidates.argmax(axis=0)
    tags = [np.argmax(trellis[-1])]
    for step in range(len(score) - 1, 0, -1):
        tags.append(predecessors[step][tags[-1]])
    return tags[::-1], np.max(trellis[-1])


class _SizedCell(tf.compat.v1.nn.rnn_cell.RNNCell):
    """A cell whose state and output are [B, size]."""

    def __init__(self, size: Any) -> None:
        super().__init__()
        self._size = size

    @property
    def state_size(self) -> Any:
        """The columns of the state."""
        return self._size

    @property
    def output_size(self) -> Any:
        """The columns of the output."""
        return self._size


class CrfForwardRnnCell(_SizedCell):
    """A step of the forward algorithm: output and state are the log-sums alpha, [B, O].

    M. Collins, "The Forward-Backward Algorithm".
    """

    def __init__(self, transition_params: Any) -> None:
        super().__init__(tf.compat.dimension_value(transition_params.shape[0]))
        self._transition_params = tf.expand_dims(transition_params, 0)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Return alpha of this step, twice."""
        scores = state[:, :, tf.newaxis] + self._transition_params
        alphas = inputs + v1.reduce_logsumexp(scores, [1])
        return alphas, alphas


class CrfDecodeForwardRnnCell(_SizedCell):
    """A step of Viterbi's algorithm: outputs best predecessors, [B, O]; state is best scores."""

    def __init__(self, transition_params: Any) -> None:
        super().__init__(tf.compat.dimension_value(transition_params.shape[0]))
        self._transition_params = tf.expand_dims(transition_params, 0)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Return the best predecessor of each tag, int32, and the best score that ends in it."""
        scores = state[:, :, tf.newaxis] + self._transition_params
        return _argmax(scores), inputs + v1.reduce_max(scores, [1])


class CrfDecodeBackwardRnnCell(_SizedCell):
    """A step back along the best predecessors: output and state are a tag, [B, 1]."""

    def __init__(self, num_tags: Any) -> None:
        super().__init__(1)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Return the predecessor of the tag in `state`, twice."""
        tags = v1.batch_gather(inputs, state)
        return tags, tags


def _unless_one_step(inputs: Any, several: Callable[[], Any], one: Callable[[], Any]) -> Any:
    """Call `several`, or `one` if T, which may be known only when the graph runs, is 1."""
    steps = tf.compat.dimension_value(inputs.shape[1])
    is_one = tf.equal(v1.shape(inputs)[1], 1) if steps is None else steps == 1
    return smart_cond.smart_cond(is_one, one, several)


def _steps(lengths: Any) -> Any:
    """Return the number of transitions in sequences of these lengths."""
    return tf.maximum(lengths - 1, tf.zeros_like(lengths))


def _sum_of_valid(scores: Any, mask: Any) -> Any:
    return v1.reduce_sum(v1.where(mask, scores, tf.zeros_like(scores)), 1)


def _argmax(scores: Any) -> Any:
    return v1.argmax(scores, axis=1, output_type=tf.int32)
