from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1

resampler = contrib.resampler

DATA = np.sin(np.arange(48)).reshape(2, 3, 4, 2).astype(np.float32)
POINTS = [
    [[0.5, 0.5], [-0.5, 1.0], [3.2, 1.3], [-1.5, 0.0]],
    [[1.0, 2.0], [3.0, 2.5], [0.25, -0.75], [2.0, 1.0]],
]
# As TensorFlow 1.15.5 computes: samples, and the gradients of their squares.
SAMPLES: Any = [
    [[0.3387, 0.0987], [0.4947, 0.2061], [0.5526, 0.1611], [0.0, 0.0]],
    [[-0.9165, -0.8318], [0.4509, 0.0618], [-0.1221, 0.035], [-0.9918, -0.6435]],
]
OF_DATA: Any = [
    [
        [[0.1693, 0.0493], [0.1693, 0.0493], [0.0, 0.0], [0.0, 0.0]],
        [[0.664, 0.2554], [0.1693, 0.0493], [0.0, 0.0], [0.6189, 0.1804]],
        [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.2653, 0.0773]],
    ],
    [
        [[-0.0458, 0.0131], [-0.0153, 0.0044], [0.0, 0.0], [0.0, 0.0]],
        [[0.0, 0.0], [0.0, 0.0], [-1.9836, -1.2871], [0.0, 0.0]],
        [[0.0, 0.0], [-1.833, -1.6635], [0.0, 0.0], [0.4509, 0.0618]],
    ],
]
OF_POINTS: Any = [
    [[-0.4198, -0.3121], [1.1487, -0.9149], [-0.8283, -1.2694], [0.0, 0.0]],
    [[-4.5117, -3.0637], [-0.4142, -0.8285], [-0.0828, 0.1291], [-4.6239, -3.9258]],
]


def test_samples_and_gradients_are_tensorflow_1s() -> None:
    data, points = tf.constant(DATA), tf.constant(POINTS)
    samples = resampler.resampler(data, points)
    assert samples.shape.as_list() == [2, 4, 2]
    found = run([samples, *v1.gradients(tf.reduce_sum(samples * samples), [data, points])])
    for part, expected in zip(found, (SAMPLES, OF_DATA, OF_POINTS), strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-4)


def test_points_may_have_the_shape_of_an_image() -> None:
    """Sampling at its own pixels gives an image, and beyond it is zero."""
    xs, ys = np.meshgrid(np.arange(5), np.arange(3))
    points = np.stack([xs, ys], -1)[np.newaxis].repeat(2, 0).astype(np.float32)
    data: Any = v1.placeholder(tf.float32, [None, None, None, 2])
    found = run(resampler.resampler(data, tf.constant(points)), {data: DATA})
    np.testing.assert_array_equal(found[:, :, :4], DATA)
    assert (found[:, :, 4] == 0).all()
    with pytest.raises(AttributeError, match="does not exist"):
        _ = resampler.Resampler
