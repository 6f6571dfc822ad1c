"""Choose the parameter server of each variable, for `tf.train.replica_device_setter`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

__all__ = ["GreedyLoadBalancingStrategy", "RandomStrategy", "byte_size_load_fn"]


class RandomStrategy:
    """Spread variables by the MD5 of their name, so that every process agrees.

    Args:
        num_ps_tasks: the number of parameter servers.
        seed: another number spreads them differently.
    """

    def __init__(self, num_ps_tasks: int, seed: int = 0) -> None:
        self._num_tasks = num_ps_tasks
        self._seed = seed

    def __call__(self, op: Any) -> int:
        """Return the index of the server for an operation."""
        key = f"{op.name}_{self._seed}".encode()
        digest = hashlib.md5(key, usedforsecurity=False).hexdigest()
        return int(digest, 16) % self._num_tasks


class GreedyLoadBalancingStrategy:
    """Place each variable on the server that carries least so far.

    Args:
        num_tasks: the number of parameter servers.
        load_fn: returns the load of an operation, such as `byte_size_load_fn`.
    """

    def __init__(self, num_tasks: int, load_fn: Callable[[Any], float]) -> None:
        self._load_fn = load_fn
        self._ps_loads = np.zeros(num_tasks)

    def __call__(self, op: Any) -> int:
        """Return the index of the server for an operation."""
        task = int(np.argmin(self._ps_loads))
        self._ps_loads[task] += self._load_fn(op)
        return task


def byte_size_load_fn(op: Any) -> int:
    """Return the size in bytes of the one output of an operation.

    Raises:
        ValueError: it has several outputs, or the shape of the output is not fully known.
    """
    if len(op.outputs) != 1:
        raise ValueError(f"Op {op} must have a single output")
    output = op.outputs[0]
    shape, dtype = output.shape, output.dtype
    if op.type in {"VarHandleOp", "VariableV2"}:
        # A resource variable's output is a handle; its attributes say what it holds.
        shape, dtype = tf.TensorShape(op.get_attr("shape")), op.get_attr("dtype")
    shape.assert_is_fully_defined()
    return int(shape.num_elements() * tf.as_dtype(dtype).size)
