"""Adagrad for training in turns, of which not all count in its accumulators."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import gen_training_ops


class RegAdagradOptimizer(tf.compat.v1.train.AdagradOptimizer):
    """Adagrad whose accumulators stay as they are for updates built in `avoid_updating_slots()`."""

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "RegAdagrad",
    ) -> None:
        super().__init__(learning_rate, initial_accumulator_value, use_locking, name)
        self._should_update_slots = True

    @contextlib.contextmanager
    def avoid_updating_slots(self) -> Iterator[None]:
        """Build updates that use the accumulators without adding to them."""
        before = self._should_update_slots
        self._should_update_slots = False
        try:
            yield
        finally:
            self._should_update_slots = before

    def _rate(self, var: Any) -> Any:
        return tf.cast(self._learning_rate_tensor, var.dtype.base_dtype)

    def _options(self) -> dict[str, bool]:
        return {"use_locking": self._use_locking, "update_slots": self._should_update_slots}

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        accumulator = self.get_slot(var, "accumulator")
        return gen_training_ops.apply_adagrad(
            var, accumulator, self._rate(var), grad, **self._options()
        )

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        accumulator = self.get_slot(var, "accumulator")
        return gen_training_ops.resource_apply_adagrad(
            var.handle, accumulator.handle, self._rate(var), grad, **self._options()
        )

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        accumulator = self.get_slot(var, "accumulator")
        return gen_training_ops.sparse_apply_adagrad(
            var, accumulator, self._rate(var), grad.values, grad.indices, **self._options()
        )

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        accumulator = self.get_slot(var, "accumulator")
        return gen_training_ops.resource_sparse_apply_adagrad(
            var.handle, accumulator.handle, self._rate(var), grad, indices, **self._options()
        )
