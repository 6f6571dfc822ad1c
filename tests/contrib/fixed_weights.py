"""Run graphs with weights that TensorFlow 1.15.5 was given too, to compare what it computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


def wave(*shape: int) -> Any:
    """Return an input tensor of numbers between -0.4 and 1."""
    numbers = np.cos(np.arange(int(np.prod(shape))) * 0.9) * 0.7 + 0.3
    return tf.constant(numbers.reshape(shape), tf.float32)


def run_fixed(fetches: Any) -> Any:
    """Give the n-th variable of the graph the n-th set of weights and return the fetched values."""
    with v1.Session() as session:
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        for index, variable in enumerate(v1.global_variables()):
            if variable.dtype.base_dtype.is_floating:
                shape = variable.shape.as_list()
                numbers = np.sin(np.arange(int(np.prod(shape))) * 1.7 + index) * 0.5 + 0.8
                variable.load(numbers.reshape(shape), session)
        return session.run(fetches)


def variables() -> dict[str, list[int]]:
    """Return the shapes of all variables of the graph by name, in the order of their making."""
    return {variable.op.name: variable.shape.as_list() for variable in v1.global_variables()}
