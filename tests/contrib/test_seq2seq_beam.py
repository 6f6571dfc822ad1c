from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib import seq2seq_cases as cases
from tests.contrib.running import run

v1 = tf.compat.v1
pytestmark = pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning")
END, SYMBOLS, STEPS = 0, 3, 3
# log p of the first symbols, and of each symbol after each other one, for two examples.
BEGIN = np.array([[0.1, 0.6, 0.3], [0.25, 0.25, 0.5]])
AFTER = np.array([[0.8, 0.1, 0.1], [0.15, 0.45, 0.4], [0.5, 0.3, 0.2]])


@pytest.fixture
def seq2seq() -> Any:
    return contrib.seq2seq


def trace_back(step_ids: Any, parent_ids: Any, lengths: Any, end_token: int) -> Any:
    """What GatherTree does, one beam after the other."""
    steps, batch, beams = step_ids.shape
    traced = np.full(step_ids.shape, end_token)
    for example, beam in itertools.product(range(batch), range(beams)):
        column = beam
        for time in reversed(range(min(steps, lengths[example]))):
            traced[time, example, beam] = step_ids[time, example, column]
            column = parent_ids[time, example, column]
        path = traced[:, example, beam]
        ends = np.flatnonzero(path == end_token)
        path[ends[0] if ends.size else steps :] = end_token
    return traced


def test_gather_tree_of_a_worked_example(seq2seq: Any) -> None:
    """Beam 0 ends in 7, whose parent is 6 of beam 2, whose parent is 2 of beam 1."""
    step_ids = [[[1, 2, 3]], [[4, 5, 6]], [[7, 8, 9]]]
    parent_ids = [[[0, 0, 0]], [[0, 1, 1]], [[2, 1, 2]]]
    beams = seq2seq.gather_tree(step_ids, parent_ids, max_sequence_lengths=[3], end_token=10)
    assert beams.shape.as_list() == [3, 1, 3]
    assert run(beams)[:, 0].T.tolist() == [[2, 6, 7], [2, 5, 8], [2, 6, 9]]


def test_gather_tree_is_the_trace_back_of_each_beam(seq2seq: Any) -> None:
    random = np.random.default_rng(7)
    shape = (6, 5, 4)
    step_ids = random.integers(0, 9, shape).astype("i4")
    parent_ids = random.integers(0, 4, shape).astype("i4")
    lengths = np.array([6, 3, 0, 1, 9], "i4")
    end_token = 8
    unknown = v1.placeholder_with_default(step_ids, [None, None, None])
    made = [seq2seq.gather_tree(ids, parent_ids, lengths, end_token) for ids in (step_ids, unknown)]
    expected = trace_back(step_ids, parent_ids, lengths, end_token)
    assert (expected == end_token).any()
    for beams in run(made):
        assert beams.dtype == np.int32
        np.testing.assert_array_equal(beams, expected)


def test_gather_tree_of_no_steps_is_empty(seq2seq: Any) -> None:
    ids = tf.zeros([0, 2, 3], tf.int32)
    assert run(seq2seq.gather_tree(ids, ids, [0, 0], 0)).shape == (0, 2, 3)


@pytest.mark.parametrize("parent", [-1, 2])
def test_gather_tree_refuses_a_parent_that_is_no_beam(seq2seq: Any, parent: int) -> None:
    parents = [[[9, 9]], [[0, parent]], [[9, 9]]]
    ids = [[[1, 2]], [[3, 4]], [[5, 6]]]
    # Parents of the first step and beyond the length are not looked at.
    with pytest.raises(tf.errors.InvalidArgumentError, match="not the number of a beam"):
        run(seq2seq.gather_tree(ids, parents, [2], 0))
    assert run(seq2seq.gather_tree(ids, parents, [1], 0))[0].tolist() == [[1, 2]]


def test_gather_tree_refuses_other_ranks(seq2seq: Any) -> None:
    with pytest.raises(ValueError, match="step_ids must have rank 3"):
        seq2seq.gather_tree([[1]], [[1]], [1], 0)
    with pytest.raises(ValueError, match="max_sequence_lengths must have rank 1"):
        seq2seq.gather_tree([[[1]]], [[[0]]], 1, 0)


def chain(seq2seq: Any, beam_width: int, **options: Any) -> Any:
    """Return the decoder of a Markov chain: logits depend on the example and the last symbol."""

    class Chain(v1.nn.rnn_cell.RNNCell):  # type: ignore[name-defined]
        """Inputs are one-hot last symbols, with a fourth for the start; the state is BEGIN."""

        state_size = output_size = SYMBOLS

        def call(self, inputs: Any, state: Any) -> Any:
            after = tf.matmul(inputs[:, :SYMBOLS], tf.constant(np.log(AFTER), tf.float32))
            return after + inputs[:, SYMBOLS:] * state, state

    begin = tf.constant(np.log(BEGIN), tf.float32)
    return seq2seq.BeamSearchDecoder(
        Chain(),
        tf.eye(SYMBOLS + 1),
        [SYMBOLS, SYMBOLS],
        END,
        seq2seq.tile_batch(begin, beam_width),
        beam_width,
        **options,
    )


def every_sequence(example: int, exponent: float) -> Any:
    """Return (score, symbols with end tokens after the end) of all sequences, best first.

    A sequence whose end token is the last symbol of all is scored as one shorter: TensorFlow 1
    counts an end token from the step after it on.
    """
    found = {}
    for symbols in itertools.product(range(SYMBOLS), repeat=STEPS):
        size = symbols.index(END) + 1 if END in symbols else STEPS
        kept = symbols[:size] + (END,) * (STEPS - size)
        log_p = np.log(BEGIN[example][symbols[0]])
        for before, symbol in itertools.pairwise(symbols[:size]):
            log_p += np.log(AFTER[before][symbol])
        counted = size - 1 if symbols[size - 1] == END and size == STEPS else size
        found[kept] = log_p / ((5 + counted) / 6) ** exponent
    return sorted(((score, symbols) for symbols, score in found.items()), reverse=True)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.5])
def test_wide_beam_is_the_search_of_all_sequences(seq2seq: Any, exponent: float) -> None:
    everything = [every_sequence(example, exponent) for example in range(2)]
    width = len(everything[0])
    decoder = chain(seq2seq, width, length_penalty_weight=exponent)
    outputs, state, _ = run(seq2seq.dynamic_decode(decoder, maximum_iterations=STEPS))
    for example, expected in enumerate(everything):
        beams = outputs.predicted_ids[example].T
        scores = outputs.beam_search_decoder_output.scores[example, -1]
        np.testing.assert_allclose(scores, [score for score, _ in expected], rtol=1e-5)
        # Sequences of equal score come in any order.
        assert sorted(map(tuple, beams.tolist())) == sorted(symbols for _, symbols in expected)
        best = beams[0].tolist()
        assert tuple(best) == expected[0][1]
        lengths = [
            (beam.tolist().index(END) + 1) if END in beam.tolist() else STEPS for beam in beams
        ]
        assert state.lengths[example].tolist() == lengths


def test_length_penalty_turns_the_order(seq2seq: Any) -> None:
    assert every_sequence(0, 0.0)[0][1] != every_sequence(0, 2.5)[0][1]


@pytest.mark.parametrize("width", [1, 2, 4])
def test_predicted_ids_are_the_steps_traced_back(seq2seq: Any, width: int) -> None:
    decoder = chain(seq2seq, width)
    outputs, state, _ = run(
        seq2seq.dynamic_decode(decoder, output_time_major=True, maximum_iterations=6)
    )
    steps = outputs.beam_search_decoder_output
    expected = trace_back(steps.predicted_ids, steps.parent_ids, state.lengths.max(1), END)
    np.testing.assert_array_equal(outputs.predicted_ids, expected)
    if width > 1:
        assert (outputs.predicted_ids != steps.predicted_ids).any()


def test_beam_of_one_is_greedy(seq2seq: Any) -> None:
    outputs, _, _ = run(seq2seq.dynamic_decode(chain(seq2seq, 1), maximum_iterations=4))
    # Example 0 begins with 1 and repeats it; example 1 begins with 2 and ends.
    assert outputs.predicted_ids[..., 0].tolist() == [[1, 1, 1, 1], [2, 0, 0, 0]]


@pytest.mark.parametrize("where", ["gather_tree", "_beam_search_step"])
def test_missing_operator_of_a_beam_search_is_an_error(
    seq2seq: Any, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beams that were never traced back are not to be returned as results."""
    from entrypoint.tensorflow1.contrib.seq2seq import beam_search_decoder

    def missing(*_: Any, **__: Any) -> Any:
        raise NotImplementedError("GatherTree")

    monkeypatch.setattr(beam_search_decoder, where, missing)
    with pytest.raises(NotImplementedError, match="GatherTree"):
        seq2seq.dynamic_decode(chain(seq2seq, 2), maximum_iterations=2)


def test_imputing_a_beam_search_is_refused(seq2seq: Any) -> None:
    """As in TensorFlow 1: the state of finished beams is not to be put back, beams move."""
    with pytest.raises(ValueError, match=r"[Ss]hape"):
        seq2seq.dynamic_decode(chain(seq2seq, 2), impute_finished=True)


def test_coverage_penalty_is_its_formula(seq2seq: Any) -> None:
    """Equation 14 of https://arxiv.org/abs/1609.08144."""
    from entrypoint.tensorflow1.contrib.seq2seq import beam_search_step

    attention = np.array([[[0.5, 1.5, 0.0], [0.2, 0.7, 0.1]]], "f")
    log_probs = cases.wave(1, 2, 4)
    scores = beam_search_step._get_scores(
        log_probs=tf.constant(log_probs),
        sequence_lengths=tf.constant([[[3, 3, 3, 3], [4, 4, 4, 4]]]),
        length_penalty_weight=0.6,
        coverage_penalty_weight=0.4,
        finished=tf.constant([[True, False]]),
        accumulated_attention_probs=tf.constant(attention),
    )
    penalty = ((5 + np.array([3, 4])) / 6) ** 0.6
    expected = log_probs[0] / penalty[:, np.newaxis]
    expected[0] += 0.4 * np.log(0.5)
    np.testing.assert_allclose(run(scores)[0], expected, rtol=1e-5)


def test_coverage_penalty_without_attention_is_refused(seq2seq: Any) -> None:
    with pytest.raises(ValueError, match="no cell is attentional"):
        seq2seq.dynamic_decode(chain(seq2seq, 2, coverage_penalty_weight=0.1))


def test_history_follows_each_beam_through_its_parents(seq2seq: Any) -> None:
    """Of each step it takes the entry at the beam's place after that step, as TensorFlow 1 does."""
    searches = []
    for reordered in (True, False):
        with v1.variable_scope("model", reuse=v1.AUTO_REUSE):
            model = cases.Model(seq2seq, "bahdanau", beams=cases.BEAMS, static=False)
            with v1.variable_scope("decoding"):
                searches.append(model.search({"reorder_tensor_arrays": reordered}))
    (outputs, state), (_, unordered) = searches
    with v1.Session() as session:
        session.run(cases.assign_weights())
        found, raw, parents, lengths = session.run(
            [
                state.cell_state.alignment_history,
                unordered.cell_state.alignment_history.stack(),
                v1.transpose(outputs.beam_search_decoder_output.parent_ids, [1, 0, 2]),
                state.lengths,
            ]
        )
    expected = raw.copy()
    for example, beam in np.ndindex(2, cases.BEAMS):
        place, row = beam, example * cases.BEAMS
        for time in reversed(range(lengths[example].max())):
            if time < lengths[example, beam]:
                expected[time, row + beam] = raw[time, row + place]
            place = parents[time, example, place]
    assert not np.allclose(expected, raw)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_history_of_known_shape_stays_a_tensor_array_with_a_warning(
    seq2seq: Any, caplog: pytest.LogCaptureFixture
) -> None:
    _, state = cases.Model(seq2seq, beams=cases.BEAMS).search()
    assert isinstance(state.cell_state.alignment_history, tf.TensorArray)
    assert "not in the order of the beams" in caplog.text
    assert run(state.cell_state.alignment_history.stack()).shape[1:] == (6, 3)


def test_beam_search_refuses(seq2seq: Any) -> None:
    cell = v1.nn.rnn_cell.GRUCell(SYMBOLS)
    with pytest.raises(ValueError, match="zero_state"):
        seq2seq.BeamSearchDecoder(cell, tf.eye(3), [1, 1], 0, tf.zeros([2, SYMBOLS]), 2)
    with pytest.raises(TypeError, match="output_layer must be a Layer"):
        seq2seq.BeamSearchDecoder(
            cell, tf.eye(3), [1, 1], 0, tf.zeros([4, SYMBOLS]), 2, output_layer=1
        )
