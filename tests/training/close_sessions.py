"""Run by a test in a process of its own: close a session whose pipeline does not let go of it.

Prints the seconds that `Session.close` took. A generator that blocks stands for the tuning thread
that overslept: that one misses its wake-up only now and then, this one always.
"""

import os
import threading
import time
from collections.abc import Iterator

from entrypoint import estimator

estimator.revive()

import tensorflow.compat.v1 as tf  # noqa: E402 (revive decides how it is imported)

from entrypoint.training.sessions import sessions_close_in_background  # noqa: E402

tf.disable_v2_behavior()
released = threading.Event()


def numbers() -> Iterator[int]:
    yield 1
    released.wait(20)
    yield 2


dataset = tf.data.Dataset.from_generator(numbers, tf.int32).prefetch(1)
following = tf.data.make_one_shot_iterator(dataset).get_next()
session = tf.Session()
assert session.run(following) == 1
start = time.monotonic()
with sessions_close_in_background():
    session.close()
print(time.monotonic() - start, flush=True)
# As the job's process does: whatever still runs does not hold it up.
os._exit(0)
