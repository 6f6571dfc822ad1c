from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1

sparsemax = contrib.sparsemax


def projection(z: Any) -> Any:
    """Return the nearest point of the simplex by bisection of the threshold."""
    low, high = z.max() - 1, z.max()
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(z - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(z - low, 0)


def test_sparsemax_is_the_projection_onto_the_simplex() -> None:
    logits = np.random.default_rng(0).normal(size=[20, 7]) * 2
    found = run(sparsemax.sparsemax(tf.constant(logits)))
    np.testing.assert_allclose(found, [projection(row) for row in logits], atol=1e-12)
    assert (found == 0).any()


def test_loss_has_the_gradient_it_is_made_for() -> None:
    z = tf.constant([[1.0, 0.5, -0.2], [3.0, 0.0, 0.1], [0.1, 0.1, 0.1]])
    labels = tf.constant([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])
    p = sparsemax.sparsemax(z)
    loss = sparsemax.sparsemax_loss(z, tf.stop_gradient(p), labels)
    found, gradient, expected = run([loss, v1.gradients(loss, z)[0], p - labels])
    np.testing.assert_allclose(gradient, expected, atol=1e-6)
    np.testing.assert_allclose(found, [0.0625, 3.0, 0.0833], atol=1e-4)  # TensorFlow 1.15.5's
    through = run(v1.gradients(sparsemax.sparsemax_loss(z, p, labels), z)[0])
    np.testing.assert_allclose(through, expected, atol=1e-6)


def test_gradient_of_the_probabilities() -> None:
    """As TensorFlow 1.15.5 computes."""
    z = tf.constant([[1.0, 0.5, -0.2], [3.0, 0.0, 0.1], [0.1, 0.1, 0.1]])
    (gradient,) = v1.gradients(3 * sparsemax.sparsemax(z)[:, 0], z)
    expected = [[1.5, -1.5, 0.0], [0.0, 0.0, 0.0], [2.0, -1.0, -1.0]]
    np.testing.assert_allclose(run(gradient), expected, atol=1e-5)


def test_infinite_and_unknown_logits() -> None:
    inf, nan = np.inf, np.nan
    z = tf.constant([[1.0, -inf, 0.0], [nan, 1.0, 0.0], [-inf, -inf, -inf]])
    p = sparsemax.sparsemax(z)
    found = run([p, sparsemax.sparsemax_loss(z, p, tf.constant([[1.0, 0.0, 0.0]] * 3))])
    np.testing.assert_array_equal(found[0], [[1.0, 0.0, 0.0], [nan] * 3, [nan] * 3])
    assert found[1][0] == pytest.approx(0.0)
    assert np.isnan(found[1][1:]).all()
