from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

TAGS = 3
POTENTIALS = np.sin(np.arange(36)).reshape(3, 4, TAGS).astype("f")
TRANSITIONS = np.cos(np.arange(TAGS**2) * 2).reshape(TAGS, TAGS).astype("f")
LENGTHS = np.array([4, 2, 0], "i")
# What lies beyond a length is padding, which counts nothing.
SEQUENCES = np.array([[0, 2, 1, 1], [2, 1, 2, 2], [1, 2, 0, 1]])


def score(potentials: Any, tags: Any) -> float:
    """The definition of a sequence's score."""
    unary = sum(potentials[step, tag] for step, tag in enumerate(tags))
    return float(unary + sum(TRANSITIONS[pair] for pair in itertools.pairwise(tags)))


def every_score(potentials: Any, length: int) -> dict[tuple[int, ...], float]:
    return {tags: score(potentials, tags) for tags in itertools.product(range(TAGS), repeat=length)}


def log_sum_exp(scores: Any) -> float:
    return float(np.log(np.sum(np.exp(list(scores)))))


def brute_force_log_norm(potentials: Any, length: int) -> float:
    return log_sum_exp(every_score(potentials, length).values()) if length else 0.0


@pytest.mark.parametrize("tag_dtype", [tf.int32, tf.int64])
def test_score_is_the_sum_of_potentials_and_transitions(tag_dtype: Any) -> None:
    tags = tf.constant(SEQUENCES, tag_dtype)
    computed = run(
        {
            "unary": contrib.crf.crf_unary_score(tags, LENGTHS, tf.constant(POTENTIALS)),
            "binary": contrib.crf.crf_binary_score(tags, LENGTHS, tf.constant(TRANSITIONS)),
            "all": contrib.crf.crf_sequence_score(
                tf.constant(POTENTIALS), tags, LENGTHS, tf.constant(TRANSITIONS)
            ),
        }
    )
    expected = [score(p, s[:n]) for p, s, n in zip(POTENTIALS, SEQUENCES, LENGTHS, strict=True)]
    np.testing.assert_allclose(computed["all"], expected, rtol=1e-5)
    np.testing.assert_allclose(computed["unary"] + computed["binary"], expected, rtol=1e-5)
    assert computed["binary"][1] == pytest.approx(TRANSITIONS[2, 1])


@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_norm_sums_over_every_sequence(steps: int, static: bool, dtype: str) -> None:
    lengths = np.minimum(LENGTHS, steps)
    potentials = POTENTIALS[:, :steps].astype(dtype)
    given = tf.compat.v1.placeholder_with_default(
        potentials, potentials.shape if static else [None, None, TAGS]
    )
    log_norm = run(contrib.crf.crf_log_norm(given, lengths, tf.constant(TRANSITIONS, dtype)))
    expected = [brute_force_log_norm(p, n) for p, n in zip(POTENTIALS, lengths, strict=True)]
    assert log_norm.dtype == dtype
    np.testing.assert_allclose(log_norm, expected, rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("static", [True, False])
def test_decode_finds_the_best_of_every_sequence(steps: int, static: bool) -> None:
    lengths = np.array([steps, min(steps, 2)])
    potentials = POTENTIALS[:2, :steps]
    given = tf.compat.v1.placeholder_with_default(
        potentials, potentials.shape if static else [None, None, TAGS]
    )
    tags, best = contrib.crf.crf_decode(given, tf.constant(TRANSITIONS), lengths)
    assert tags.dtype == tf.int32
    tag_values, best_values = run((tags, best))
    assert tag_values.shape == (2, steps)
    for row, length in enumerate(lengths):
        scores = every_score(potentials[row], length)
        expected = max(scores, key=lambda sequence: scores[sequence])
        assert tuple(tag_values[row, :length]) == expected
        assert best_values[row] == pytest.approx(scores[expected], rel=1e-5)


def test_viterbi_decode_of_arrays_finds_the_best_of_every_sequence() -> None:
    tags, best = contrib.crf.viterbi_decode(POTENTIALS[0], TRANSITIONS)
    scores = every_score(POTENTIALS[0], 4)
    assert tuple(tags) == max(scores, key=lambda sequence: scores[sequence])
    assert best == pytest.approx(max(scores.values()), rel=1e-5)


@pytest.mark.parametrize("steps", [1, 4])
def test_multitag_score_sums_over_the_allowed_sequences(steps: int) -> None:
    bitmap = np.zeros([2, steps, TAGS], bool)
    bitmap[0, :, [0, 2]] = True
    bitmap[1, :, 1] = True
    lengths = np.array([steps, steps])
    computed = run(
        contrib.crf.crf_multitag_sequence_score(
            tf.constant(POTENTIALS[:2, :steps]), bitmap, lengths, tf.constant(TRANSITIONS)
        )
    )
    for row in range(2):
        allowed = [
            value
            for tags, value in every_score(POTENTIALS[row], steps).items()
            if all(bitmap[row, step, tag] for step, tag in enumerate(tags))
        ]
        assert computed[row] == pytest.approx(log_sum_exp(allowed), rel=1e-5)


def test_gradient_of_the_log_norm_is_the_marginal_probability() -> None:
    potentials = tf.constant(POTENTIALS)
    gradient = run(
        tf.compat.v1.gradients(
            contrib.crf.crf_log_norm(potentials, LENGTHS, tf.constant(TRANSITIONS)), potentials
        )[0]
    )
    for row, length in enumerate(LENGTHS):
        marginal = np.zeros([4, TAGS])
        norm = brute_force_log_norm(POTENTIALS[row], length)
        for tags, value in every_score(POTENTIALS[row], length).items():
            for step, tag in enumerate(tags):
                marginal[step, tag] += np.exp(value - norm)
        np.testing.assert_allclose(gradient[row], marginal, atol=1e-5)


def test_log_likelihood_makes_the_transitions() -> None:
    with tf.compat.v1.variable_scope("tagger"):
        likelihood, transitions = contrib.crf.crf_log_likelihood(
            tf.constant(POTENTIALS), tf.constant(SEQUENCES), LENGTHS
        )
    assert transitions.name == "tagger/transitions:0"
    assert transitions.shape == [TAGS, TAGS]
    assert transitions in tf.compat.v1.trainable_variables()
    assert run(likelihood)[2] == 0


def test_likelihoods_of_all_sequences_add_up_to_one() -> None:
    sequences = np.array(list(itertools.product(range(TAGS), repeat=4)))
    count = len(sequences)
    likelihood, _ = contrib.crf.crf_log_likelihood(
        tf.tile(tf.constant(POTENTIALS[:1]), [count, 1, 1]),
        tf.constant(sequences),
        [4] * count,
        tf.constant(TRANSITIONS),
    )
    assert np.sum(np.exp(run(likelihood))) == pytest.approx(1, rel=1e-5)


def test_cells_run_in_a_users_own_dynamic_rnn() -> None:
    transitions = tf.constant(TRANSITIONS)
    potentials = tf.constant(POTENTIALS)
    alphas, _ = tf.compat.v1.nn.dynamic_rnn(
        contrib.crf.CrfForwardRnnCell(transitions),
        potentials[:, 1:],
        initial_state=potentials[:, 0],
    )
    # Every prefix's log norm, which is what marginal probabilities are computed of.
    for step, alpha in enumerate(np.moveaxis(run(alphas), 1, 0)):
        expected = brute_force_log_norm(POTENTIALS[0], step + 2)
        assert log_sum_exp(alpha[0]) == pytest.approx(expected, rel=1e-5)
    assert contrib.crf.CrfDecodeForwardRnnCell(transitions).output_size == TAGS
    assert contrib.crf.CrfDecodeBackwardRnnCell(TAGS).state_size == 1


def test_tagger_learns_in_an_estimator(tmp_path: Path) -> None:
    """A tag that only its predecessor tells can be learned by the transitions alone."""
    v1 = tf.compat.v1

    def model(features: Any, labels: Any, mode: Any) -> Any:
        unary = tf.gather(v1.get_variable("unary", [2, TAGS]), features["words"])
        likelihood, transitions = contrib.crf.crf_log_likelihood(unary, labels, features["lengths"])
        tags, _ = contrib.crf.crf_decode(unary, transitions, features["lengths"])
        accuracy = v1.metrics.accuracy(labels, tags)
        loss = -tf.reduce_mean(likelihood)
        train = v1.train.AdamOptimizer(0.1).minimize(loss, v1.train.get_global_step())
        return v1.estimator.EstimatorSpec(
            mode, loss=loss, train_op=train, eval_metric_ops={"accuracy": accuracy}
        )

    def data() -> Any:
        features = {"words": [[0, 1, 1, 1], [1, 1, 1, 0]], "lengths": [4, 4]}
        labels = [[0, 1, 2, 1], [1, 2, 1, 0]]
        return tf.data.Dataset.from_tensors((features, labels)).repeat(80)

    estimator = v1.estimator.Estimator(model, str(tmp_path))
    estimator.train(data, steps=80)
    assert estimator.evaluate(data, steps=1)["accuracy"] == 1
    assert "transitions" in estimator.get_variable_names()
