from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1

nn = contrib.nn

WEIGHTS = np.sin(np.arange(12)).reshape(6, 2).astype(np.float32)
BIASES = np.cos(np.arange(6)).astype(np.float32)
INPUTS = [[1.0, 2.0], [-1.0, 0.5]]
SAMPLED = ([0, 2, 4], [[0.5], [0.3]], [0.2, 0.4, 0.6])


def sampled() -> Any:
    classes, of_labels, of_sample = SAMPLED
    return tf.constant(classes, tf.int64), tf.constant(of_labels), tf.constant(of_sample)


def test_losses_of_sampled_classes_are_tensorflow_1s() -> None:
    labels = tf.constant([[1], [2]], tf.int64)
    weights, biases, inputs = (tf.constant(value) for value in (WEIGHTS, BIASES, INPUTS))
    sparse = nn.sampled_sparse_softmax_loss(
        weights, biases, labels, inputs, 3, 6, sampled_values=sampled()
    )
    ranked = nn.rank_sampled_softmax_loss(
        weights, biases, labels, inputs, 3, 2, 6, 1, sampled(), 1.5, True, "div"
    )
    # As TensorFlow 1.15.5 computes.
    np.testing.assert_allclose(run(sparse), [2.0734, 2.1128], atol=1e-4)
    np.testing.assert_allclose(run(ranked), [2.0721, 2.1128], atol=1e-4)


def test_sampled_loss_of_all_classes_is_the_softmax_loss() -> None:
    """With every class in the sample and equal expected counts nothing is corrected."""
    every = tf.range(6, dtype=tf.int64)
    counts = (tf.ones([2, 1]), tf.ones([6]))
    loss = nn.sampled_sparse_softmax_loss(
        tf.constant(WEIGHTS),
        tf.constant(BIASES),
        tf.constant([[1], [5]], tf.int64),
        tf.constant(INPUTS),
        6,
        6,
        sampled_values=(every, *counts),
    )
    logits = np.array(INPUTS) @ WEIGHTS.T + BIASES
    expected = np.log(np.exp(logits).sum(axis=1)) - logits[[0, 1], [1, 5]]
    np.testing.assert_allclose(run(loss), expected, rtol=1e-5)


def test_the_likeliest_of_a_sample_are_kept() -> None:
    """The ranking adds up the batch, and a temperature scales logits with their biases."""
    classes, weights, inputs, temperature = [0, 2, 3, 4], WEIGHTS, np.array(INPUTS), 0.25
    biases = np.array([0.1, 0.0, 1.0, 0.9, 0.2, 0.0], np.float32)
    sample = (tf.constant(classes, tf.int64), tf.ones([2, 1]), tf.ones([4]))
    loss = nn.rank_sampled_softmax_loss(
        *(tf.constant(value) for value in (weights, biases)),
        tf.constant([[1], [5]], tf.int64),
        tf.constant(INPUTS),
        4,
        2,
        6,
        1,
        sample,
        temperature,
        False,
        "mod",
    )
    logits = inputs @ weights.T + biases
    likelihoods = np.log(np.exp(logits / temperature).sum(axis=0))[classes]
    best = np.array(classes)[np.argsort(likelihoods)[-2:]]
    assert set(best) == {3, 4}
    true = logits[[0, 1], [1, 5]]
    expected = np.log(np.exp(true) + np.exp(logits[:, best]).sum(axis=1)) - true
    np.testing.assert_allclose(run(loss), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_sampled": 9}, "cannot be greater than num_classes"),
        ({"num_resampled": 3}, "must be less than num_sampled"),
        ({"partition_strategy": "all"}, "unsupported partition_strategy"),
    ],
)
def test_ranked_sampling_is_checked(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "num_sampled": 3,
        "num_resampled": 2,
        "num_classes": 6,
        "num_true": 1,
        "sampled_values": None,
        "resampling_temperature": 1.0,
        "remove_accidental_hits": True,
        "partition_strategy": "div",
    }
    with pytest.raises(ValueError, match=message):
        nn.rank_sampled_softmax_loss(WEIGHTS, BIASES, [[1]], INPUTS, **{**arguments, **changes})


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    """Klambauer et al., "Self-Normalizing Neural Networks", section 3."""
    x = np.random.default_rng(0).normal(size=100_000).astype(np.float32)
    dropped = run(nn.alpha_dropout(tf.constant(x), 0.8, seed=1))
    assert dropped.mean() == pytest.approx(0.0, abs=0.02)
    assert dropped.std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(np.isclose(dropped, -1.2362, atol=1e-4)) == pytest.approx(0.2, abs=0.02)
    values = set(np.round(run(nn.alpha_dropout(tf.ones([50]), 0.8, seed=3)), 4).tolist())
    assert sorted(values) == pytest.approx([-1.2362, 1.1879])  # as TensorFlow 1.15.5 computes
    rows = run(nn.alpha_dropout(tf.ones([20, 3]), 0.5, noise_shape=[20, 1]))
    assert (rows == rows[:, :1]).all()
    kept = tf.constant(x)
    assert nn.alpha_dropout(kept, 1.0) is kept
    with pytest.raises(ValueError, match=r"got 1\.5"):
        nn.alpha_dropout(kept, 1.5)


def test_scaled_softplus_and_its_gradients_are_tensorflow_1s() -> None:
    x, alpha, clip = tf.constant([-2.0, 0.0, 0.5, 3.0]), tf.constant(0.5), tf.constant(1.2)
    clipped, free = nn.scaled_softplus(x, alpha, clip), nn.scaled_softplus(x, alpha)
    found = run([clipped, free, *v1.gradients(clipped, [x, alpha, clip])])
    # As TensorFlow 1.15.5 computes.
    np.testing.assert_allclose(found[0], [0.0091, 0.3466, 0.6566, 1.2], atol=1e-4)
    np.testing.assert_allclose(found[1], [0.0091, 0.3466, 0.6566, 3.0012], atol=1e-4)
    np.testing.assert_allclose(found[2], [0.018, 0.5, 0.7311, 0.0], atol=1e-4)
    np.testing.assert_allclose(found[3:], [1.3654, 1.0], atol=1e-4)


def test_logits_come_before_labels() -> None:
    """Flipped, each of these would be another number."""
    softmax = nn.deprecated_flipped_softmax_cross_entropy_with_logits
    sparse = nn.deprecated_flipped_sparse_softmax_cross_entropy_with_logits
    sigmoid = nn.deprecated_flipped_sigmoid_cross_entropy_with_logits
    found = run(
        [
            softmax(tf.constant([[1.0, 3.0]]), tf.constant([[0.0, 1.0]])),
            sparse(tf.constant([[1.0, 3.0]]), tf.constant([1])),
            sigmoid(tf.constant([1.0]), tf.constant([0.0])),
        ]
    )
    expected = [np.log1p(np.exp(-2)), np.log1p(np.exp(-2)), np.log1p(np.exp(1))]
    np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-5)


def test_what_tensorflow_has_itself() -> None:
    assert run(nn.nth_element([5.0, 1.0, 3.0], 1)) == 3.0
    spread = nn.conv1d_transpose(tf.ones([1, 3, 1]), tf.ones([2, 1, 1]), [1, 6, 1], 2)
    assert run(spread).ravel().tolist() == [1.0] * 6
