"""Run by a test in a process of its own: mark the ends of datasets of many kinds.

Prints as JSON, for each kind and number of replicas, what came out; and under "mirrored" the steps
that two logical CPUs made through a MirroredStrategy, each as the pairs that the replicas got.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from entrypoint import estimator

estimator.revive()

import numpy as np  # noqa: E402 (after TensorFlow's own import of it)
import tensorflow as tf  # noqa: E402 (revive decides how it is imported)

from entrypoint.training.sharding import mark_ends  # noqa: E402

Dataset = tf.data.Dataset


class Pair(NamedTuple):
    left: Any
    right: Any


def generate() -> Iterator[list[int]]:
    for length in (1, 3, 0, 2, 5):
        yield list(range(length))


once = iter(range(5))  # shared by all passes over it: the second pass is empty

KINDS: dict[str, Callable[[], Any]] = {
    "numbers": lambda: Dataset.range(5),
    "TensorFlow 1's class": lambda: tf.compat.v1.data.Dataset.range(5),
    "nothing": lambda: Dataset.range(0),
    "strings": lambda: Dataset.from_tensor_slices(["a", "b", "", "d", "e"]),
    "features and labels": lambda: Dataset.from_tensor_slices(
        ({"x": np.arange(10.0).reshape(5, 2), "y": {"z": list("abcde")}}, [0, 1, 2, 3, 4])
    ),
    "a dictionary": lambda: Dataset.from_tensor_slices({"x": [1, 2, 3, 4, 5]}),
    "one in a tuple": lambda: Dataset.from_tensor_slices(([1, 2, 3, 4, 5],)),
    "a named tuple": lambda: Dataset.from_tensor_slices(Pair([1, 2, 3, 4, 5], [1.0] * 5)),
    "batches, the last one short": lambda: Dataset.range(9).batch(2),
    "batches of known shape": lambda: Dataset.range(10).batch(2, drop_remainder=True),
    "unknown shape": lambda: Dataset.from_generator(
        generate, output_signature=tf.TensorSpec(None, tf.int64)
    ),
    "varying length": lambda: Dataset.from_generator(
        generate, output_signature=tf.TensorSpec([None], tf.int64)
    ),
    "rows of a ragged tensor": lambda: Dataset.from_tensor_slices(
        tf.ragged.constant([[1], [], [2, 3], [4], [5]])
    ).map(lambda row: row),  # any transformation makes plain tensors of them
    "ragged batches": lambda: Dataset.from_tensor_slices(
        tf.ragged.constant([[1], [], [2, 3], [4], [5]] * 2)
    ).batch(2),
    "sparse": lambda: Dataset.from_tensor_slices(tf.sparse.from_dense(np.eye(5))),
    "sparse in a dictionary": lambda: Dataset.from_tensor_slices(
        ({"x": tf.sparse.from_dense(np.eye(5)), "y": [1, 2, 3, 4, 5]}, [1.0] * 5)
    ),
    "endless": lambda: Dataset.range(5).repeat(),
    "repeated, but read only once": lambda: Dataset.from_generator(
        lambda: once, output_signature=tf.TensorSpec([], tf.int64)
    ).repeat(),
}


def run(dataset: Any, limit: int) -> list[Any]:
    following = tf.compat.v1.data.make_initializable_iterator(dataset)
    element = following.get_next()
    found: list[Any] = []
    with tf.compat.v1.Session() as session:
        session.run(following.initializer)
        try:
            while len(found) < limit:
                found.append(session.run(element))
        except tf.errors.OutOfRangeError:
            pass
    return found


def mark(kind: str, replicas: int) -> dict[str, Any]:
    global once  # noqa: PLW0603 (each reading begins anew)
    with tf.Graph().as_default():
        once = iter(range(5))
        plain = run(KINDS[kind](), 5)
        once = iter(range(5))
        dataset = KINDS[kind]()
        marked = mark_ends(dataset, replicas=replicas)
        pairs = run(marked, 20)
        return {
            "same_elements": repr([element for element, _ in pairs[: len(plain)]]) == repr(plain),
            "spec": str(marked.element_spec[0]),
            "spec_before": str(dataset.element_spec),
            "flag_spec": str(marked.element_spec[1]),
            "flags": [bool(is_last) for _, is_last in pairs],
        }


def keep_options() -> dict[str, Any]:
    options = tf.data.Options()
    options.deterministic = False
    options.threading.private_threadpool_size = 3
    with tf.Graph().as_default():
        kept = mark_ends(Dataset.range(5).with_options(options), replicas=2)._options_attr
        return {
            "deterministic": kept.deterministic,
            "threads": kept.threading.private_threadpool_size,
        }


def read_ahead(replicas: int) -> int:
    """Return how many elements were made when the first one came out."""
    made = []

    def note(row: Any) -> Any:
        made.append(row)
        return row

    with tf.Graph().as_default():
        noted = Dataset.range(100).map(lambda row: tf.compat.v1.py_func(note, [row], tf.int64))
        # TensorFlow puts a prefetch at the end of its own accord, which reads further.
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False
        options.autotune.enabled = False
        run(mark_ends(noted.with_options(options), replicas=replicas), 1)
    return len(made)


def mirror(rows: int) -> list[Any]:
    """Return what each replica of each step gets until the first step that is the last one."""
    devices = ["/cpu:0", "/cpu:1"]
    with tf.Graph().as_default():
        strategy = tf.compat.v1.distribute.MirroredStrategy(devices)
        iterator = strategy.make_input_fn_iterator(
            lambda _: mark_ends(Dataset.range(rows), replicas=2)
        )
        step = iterator.get_next()
        pairs = [strategy.experimental_local_results(part) for part in step]
        steps = []
        with tf.compat.v1.Session() as session:
            session.run(iterator.initialize())
            while True:
                numbers, flags = session.run(pairs)
                steps.append([[int(n), bool(f)] for n, f in zip(numbers, flags, strict=True)])
                if any(flags):
                    return steps


(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
)
print(
    json.dumps(
        {
            "marked": {
                kind: {str(replicas): mark(kind, replicas) for replicas in (1, 2, 8)}
                for kind in KINDS
            },
            "options": keep_options(),
            "read_ahead": {str(replicas): read_ahead(replicas) for replicas in (1, 2, 8)},
            "mirrored": {str(rows): mirror(rows) for rows in (4, 5)},
        }
    )
)
