"""TensorFlow as a job starts it, in this process; every test gets a graph of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from entrypoint import estimator

# Before any test module here imports TensorFlow by itself.
estimator.revive()
estimator.behave_like_tensorflow1()


@pytest.fixture(autouse=True)
def _graph() -> Iterator[None]:
    import tensorflow as tf

    with tf.Graph().as_default():
        tf.compat.v1.set_random_seed(1)
        yield
