from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1

mixed_precision = contrib.mixed_precision

# Loss scale, good steps, bad steps and weight after each step, good or bad, as TensorFlow 1.15.5
# computes them.
STEPS = "GGGGBGGBBGGGBBBBBB"
STATES = [
    [8.0, 1, 0, 0.9],
    [8.0, 2, 0, 0.8],
    [16.0, 0, 0, 0.7],
    [16.0, 1, 0, 0.6],
    [16.0, 0, 1, 0.6],
    [16.0, 1, 1, 0.5],
    [16.0, 2, 1, 0.4],
    [8.0, 0, 0, 0.4],
    [8.0, 0, 1, 0.4],
    [8.0, 1, 1, 0.3],
    [8.0, 2, 1, 0.2],
    [16.0, 0, 0, 0.1],
    [16.0, 0, 1, 0.1],
    [8.0, 0, 0, 0.1],
    [8.0, 0, 1, 0.1],
    [4.0, 0, 0, 0.1],
    [4.0, 0, 1, 0.1],
    [2.0, 0, 0, 0.1],
]


@pytest.mark.parametrize("resource", [False, True])
def test_scale_follows_good_and_bad_steps(resource: bool) -> None:
    factor = v1.placeholder(tf.float32, [])
    with v1.variable_scope("", use_resource=resource):
        manager = mixed_precision.ExponentialUpdateLossScaleManager(8.0, 3, 2, 2.0, 0.5)
        x = v1.get_variable("x", initializer=1.0)
    descent = v1.train.GradientDescentOptimizer(0.1)
    optimizer = mixed_precision.LossScaleOptimizer(descent, manager)
    train_op = optimizer.minimize(x * factor)
    variables = v1.global_variables()
    assert [var.op.name for var in variables] == ["loss_scale", "good_steps", "bad_steps", "x"]
    assert v1.trainable_variables() == [x]
    found = []
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        for step in STEPS:
            session.run(train_op, {factor: 1.0 if step == "G" else np.inf})
            found.append([float(value) for value in session.run(variables)])
    np.testing.assert_allclose(found, STATES, rtol=1e-5)


def test_half_precision_gradients_do_not_vanish() -> None:
    """2e-8 is below half precision; times the scale it is not."""
    x = tf.constant(1.0, tf.float16)
    manager = mixed_precision.FixedLossScaleManager(2.0**14)
    descent = v1.train.GradientDescentOptimizer(1.0)
    w = v1.get_variable("w", initializer=1.0)
    unused = v1.get_variable("unused", initializer=1.0)
    loss = tf.cast(tf.cast(w, tf.float16) * x, tf.float32) * 2e-8
    optimizer = mixed_precision.LossScaleOptimizer(descent, manager)
    ((plain, _), _) = descent.compute_gradients(loss, [w, unused])
    ((scaled, _), (none, _)) = optimizer.compute_gradients(loss, [w, unused])
    assert none is None
    found = run([plain, scaled, manager.get_loss_scale()])
    assert found == [0.0, pytest.approx(2e-8, rel=1e-2), 2.0**14]
    run(optimizer.apply_gradients([(scaled, w), (none, unused)]))
    with pytest.raises(ValueError, match="below 1"):
        mixed_precision.FixedLossScaleManager(0.5)


def test_sparse_gradients_stay_sparse() -> None:
    table = v1.get_variable("table", initializer=[1.0, 2.0, 3.0])
    optimizer = mixed_precision.LossScaleOptimizer(
        v1.train.GradientDescentOptimizer(1.0), mixed_precision.FixedLossScaleManager(8)
    )
    ((gradient, _),) = optimizer.compute_gradients(tf.reduce_sum(tf.gather(table, [1])))
    assert isinstance(gradient, tf.IndexedSlices)
    train_op = optimizer.apply_gradients([(gradient, table)])
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        session.run(train_op)
        assert session.run(table).tolist() == [1.0, 1.0, 3.0]


def test_managers_are_subclasses() -> None:
    base = mixed_precision.LossScaleManager
    mine: Any = type("Mine", (base,), {"get_loss_scale": lambda _: tf.constant(2.0)})
    with pytest.raises(TypeError, match="update_loss_scale"):
        mine()
