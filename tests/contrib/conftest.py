"""TensorFlow as a job starts it, in this process; every test gets a graph of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _tensorflow1() -> None:
    from entrypoint import estimator

    estimator.revive()
    estimator.behave_like_tensorflow1()


@pytest.fixture(autouse=True)
def _graph(_tensorflow1: None) -> Iterator[None]:
    import tensorflow as tf

    with tf.Graph().as_default():
        tf.compat.v1.set_random_seed(1)
        yield
