from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1

integrate = contrib.integrate

TIMES = [0.0, 0.5, 2.0, 5.0]
START = [1.0, 0.5]


def spring(y: Any, t: Any) -> Any:
    """Return the derivative of place and speed on a spring that stiffens."""
    return tf.stack([y[1], -y[0] * (1 + tf.cast(t, y.dtype) * 0.1)])


def test_steps_and_gradients_are_tensorflow_1s() -> None:
    y0 = tf.constant(START, tf.float64)
    y, went = integrate.odeint(
        spring,
        y0,
        TIMES,
        rtol=1e-5,
        atol=1e-8,
        method="dopri5",
        options={"first_step": 0.3},
        full_output=True,
    )
    assert y.shape.as_list() == [4, 2]
    found, went_found, gradient = run([y, went, v1.gradients(y[-1, 0], y0)[0]])
    # As TensorFlow 1.15.5 computes.
    expected = [
        [1.0, 0.5],
        [1.11506201, -0.05410786],
        [-0.04948538, -1.18075881],
        [0.38842386, 1.15006874],
    ]
    np.testing.assert_allclose(found, expected, atol=1e-7)
    np.testing.assert_allclose(gradient, [0.67841469, -0.5799817], atol=1e-6)
    assert went_found["num_func_evals"] == 127
    np.testing.assert_allclose(
        went_found["integrate_points"][:4], [0.3, 0.67369099, 0.61777275, 0.91766136], atol=1e-7
    )
    np.testing.assert_allclose(
        went_found["error_ratio"][:3], [0.19690452, 1.32798273, 0.78885273], atol=1e-6
    )


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.complex128])
def test_exponentials_are_exact_within_tolerance(dtype: Any) -> None:
    rate = 0.5j - 0.5 if dtype.is_complex else -0.5
    y = integrate.odeint(lambda y, _: tf.cast(rate, dtype) * y, tf.cast([2.0], dtype), TIMES)
    np.testing.assert_allclose(run(y)[:, 0], 2 * np.exp(rate * np.array(TIMES)), rtol=1e-5)


@pytest.mark.parametrize(
    ("method", "dt", "times", "expected"),
    [
        (
            "rk4",
            0.7,
            TIMES,
            [
                [1.0, 0.5],
                [1.11490885, -0.05379395],
                [-0.04822296, -1.18015606],
                [0.38024903, 1.14846744],
            ],
        ),
        (
            "midpoint",
            [0.2, 0.4],
            TIMES[:3],
            [[1.0, 0.5], [1.11552806, -0.05681957], [-0.09523272, -1.19480971]],
        ),
    ],
)
def test_fixed_steps_are_tensorflow_1s(method: str, dt: Any, times: Any, expected: Any) -> None:
    y = integrate.odeint_fixed(spring, tf.constant(START, tf.float64), times, dt, method)
    np.testing.assert_allclose(run(y), expected, atol=1e-7)


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="invalid method: 'euler'"):
        integrate.odeint(spring, START, TIMES, method="euler")
    with pytest.raises(ValueError, match="without specifying `method`"):
        integrate.odeint(spring, START, TIMES, options={})
    with pytest.raises(TypeError, match="`y0` must have a floating point"):
        integrate.odeint(spring, [1, 2], TIMES)
    with pytest.raises(TypeError, match="`t` must have a floating point"):
        integrate.odeint_fixed(spring, START, tf.constant([0, 1]))
    with pytest.raises(ValueError, match="method not supported"):
        integrate.odeint_fixed(spring, START, TIMES, method="euler")
    with pytest.raises(ValueError, match="incompatible lengths"):
        integrate.odeint_fixed(spring, START, TIMES, dt=[0.1, 0.2])
    falling = integrate.odeint(spring, START, [1.0, 0.0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="monotonic increasing"):
        run(falling)
    endless = integrate.odeint(
        spring, START, [0.0, 9.0], method="dopri5", options={"max_num_steps": 2}
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="max_num_steps exceeded"):
        run(endless)
