"""LARS: You, Gitman & Ginsburg, "Large Batch Training of Convolutional Networks"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import gen_training_ops


class LARSOptimizer(tf.compat.v1.train.Optimizer):
    """Momentum with a learning rate of its own for each variable.

    `lr * eeta * |w| / (|g| + weight_decay * |w| + epsilon)` is a variable's learning rate, and
    `weight_decay * w` is added to its gradient. A sparse gradient is applied with plain momentum.

    Args:
        learning_rate: a number, a tensor, or a function that returns one of them.
        momentum: of the updates; not negative.
        weight_decay: factor of the weights in the gradient; not negative.
        eeta: the trust in a layer's own learning rate.
        epsilon: against a division by zero.
        name: of the slots.
        skip_list: parts of names of variables to which plain momentum is applied.
        use_nesterov: of the momentum.

    Raises:
        ValueError: momentum or weight decay is negative.
    """

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any = 0.9,
        weight_decay: float = 0.0001,
        eeta: float = 0.001,
        epsilon: float = 0.0,
        name: str = "LARSOptimizer",
        skip_list: Iterable[str] | None = None,
        use_nesterov: bool = False,
    ) -> None:
        if not callable(momentum) and momentum < 0.0:
            raise ValueError(f"momentum should be positive: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"weight_decay should be positive: {weight_decay}")
        super().__init__(use_locking=False, name=name)
        self._learning_rate = learning_rate
        self._momentum = momentum
        self._weight_decay = weight_decay
        self._eeta = eeta
        self._epsilon = epsilon
        self._skip_list = None if skip_list is None else list(skip_list)
        self._use_nesterov = use_nesterov

    def _create_slots(self, var_list: Any) -> None:
        for var in var_list:
            self._zeros_slot(var, "momentum", self._name)

    def _prepare(self) -> None:
        self._rate = tf.convert_to_tensor(
            self._call_if_callable(self._learning_rate), name="learning_rate"
        )
        self._momentum_tensor = tf.convert_to_tensor(
            self._call_if_callable(self._momentum), name="momentum"
        )

    def compute_lr(self, grad: Any, var: Any) -> tuple[Any, Any]:
        """Return a variable's learning rate, and its gradient with the weight decay."""
        rate = tf.cast(self._rate, var.dtype.base_dtype)
        if self._skip_list is not None and any(part in var.name for part in self._skip_list):
            return rate, grad
        w_norm, g_norm = tf.norm(var), tf.norm(grad)
        ratio = self._eeta * w_norm / (g_norm + self._weight_decay * w_norm + self._epsilon)
        is_known = tf.logical_and(w_norm > 0, g_norm > 0)
        trust = tf.where(is_known, ratio, tf.ones_like(ratio))
        return rate * trust, grad + self._weight_decay * var

    def _of(self, tensor: Any, var: Any) -> Any:
        return tf.cast(tensor, var.dtype.base_dtype)

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        rate, grad = self.compute_lr(grad, var)
        return gen_training_ops.apply_momentum(
            var,
            self.get_slot(var, "momentum"),
            self._of(1.0, var),
            grad * rate,
            self._of(self._momentum_tensor, var),
            use_nesterov=self._use_nesterov,
        )

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        rate, grad = self.compute_lr(grad, var)
        return gen_training_ops.resource_apply_momentum(
            var.handle,
            self.get_slot(var, "momentum").handle,
            self._of(1.0, var),
            grad * rate,
            self._of(self._momentum_tensor, var),
            use_nesterov=self._use_nesterov,
        )

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return gen_training_ops.sparse_apply_momentum(
            var,
            self.get_slot(var, "momentum"),
            self._of(self._rate, var),
            grad.values,
            grad.indices,
            self._of(self._momentum_tensor, var),
            use_nesterov=self._use_nesterov,
        )

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        return gen_training_ops.resource_sparse_apply_momentum(
            var.handle,
            self.get_slot(var, "momentum").handle,
            self._of(self._rate, var),
            grad,
            indices,
            self._of(self._momentum_tensor, var),
            use_nesterov=self._use_nesterov,
        )
