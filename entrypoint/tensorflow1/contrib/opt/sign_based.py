"""AddSign and PowerSign: Bello et al., "Neural Optimizer Search with Reinforcement Learning"."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import gen_training_ops

_v1 = tf.compat.v1

SignDecay = Callable[[Any], Any]


class _SignOptimizer(tf.compat.v1.train.Optimizer):
    """Steps that are larger where the gradient has the sign of its moving average."""

    # The operators of a step, for a variable in a reference and in a resource.
    _operation: Callable[..., Any]
    _resource_operation: Callable[..., Any]

    def __init__(
        self,
        learning_rate: Any,
        strength: Any,
        beta: Any,
        sign_decay_fn: SignDecay | None,
        use_locking: bool,
        name: str,
    ) -> None:
        super().__init__(use_locking, name)
        self._hyperparameters = {
            "learning_rate": learning_rate,
            "strength": strength,
            "sign_decay": 1.0,
            "beta": beta,
        }
        self._sign_decay_fn = sign_decay_fn
        self._tensors: dict[str, Any] = {}

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Any = None, name: str | None = None
    ) -> Any:
        """Apply gradients; the decay of the signs follows `global_step`."""
        if self._sign_decay_fn is not None:
            self._hyperparameters["sign_decay"] = self._sign_decay_fn(global_step)
        return super().apply_gradients(grads_and_vars, global_step=global_step, name=name)

    def _create_slots(self, var_list: Any) -> None:
        for var in var_list:
            self._zeros_slot(var, "m", self._name)

    def _prepare(self) -> None:
        self._tensors = {
            name: tf.convert_to_tensor(value, name=name)
            for name, value in self._hyperparameters.items()
        }

    def _cast(self, var: Any) -> list[Any]:
        return [tf.cast(tensor, var.dtype.base_dtype) for tensor in self._tensors.values()]

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        return type(self)._operation(
            var, self.get_slot(var, "m"), *self._cast(var), grad, use_locking=self._use_locking
        )

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        return type(self)._resource_operation(
            var.handle,
            self.get_slot(var, "m").handle,
            *self._cast(var),
            grad,
            use_locking=self._use_locking,
        )

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return self._apply_to_rows(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        return self._apply_to_rows(grad, var, indices)

    def _apply_to_rows(self, grad: Any, var: Any, indices: Any) -> Any:
        rate, strength, sign_decay, beta = self._cast(var)
        m = self.get_slot(var, "m")
        decayed = _v1.assign(m, m * beta, use_locking=self._use_locking)
        with tf.control_dependencies([decayed]):
            # As a tensor, as a gather from the variable would not wait for the addition.
            added = tf.convert_to_tensor(
                _v1.scatter_add(m, indices, (1 - beta) * grad, self._use_locking)
            )
        agreement = sign_decay * tf.sign(tf.gather(added, indices)) * tf.sign(grad)
        update = rate * self._multiplier(strength, agreement) * grad
        return tf.group(_v1.scatter_sub(var, indices, update, self._use_locking), added)

    def _multiplier(self, strength: Any, agreement: Any) -> Any:
        raise TypeError(f"{type(self).__name__} says of no step how large it is")


class AddSignOptimizer(_SignOptimizer):
    """AddSign: `var -= lr * (alpha + decay * sign(g) * sign(m)) * g`.

    Args:
        learning_rate: of a step.
        alpha: the step where gradient and moving average have opposite signs is `alpha - 1`.
        beta: decay of the gradient's moving average `m`.
        sign_decay_fn: from the global step to the factor of the signs; 1 if not given.
        use_locking: of the updates.
        name: of the slot.
    """

    _operation = gen_training_ops.apply_add_sign
    _resource_operation = gen_training_ops.resource_apply_add_sign

    def __init__(
        self,
        learning_rate: Any = 0.1,
        alpha: Any = 1.0,
        beta: Any = 0.9,
        sign_decay_fn: SignDecay | None = None,
        use_locking: bool = False,
        name: str = "AddSignOptimizer",
    ) -> None:
        super().__init__(learning_rate, alpha, beta, sign_decay_fn, use_locking, name)

    def _multiplier(self, strength: Any, agreement: Any) -> Any:
        return strength + agreement


class PowerSignOptimizer(_SignOptimizer):
    """PowerSign: `var -= lr * base ** (decay * sign(g) * sign(m)) * g`.

    Args:
        learning_rate: of a step.
        base: the factor where gradient and moving average have one sign.
        beta: decay of the gradient's moving average `m`.
        sign_decay_fn: from the global step to the factor of the signs; 1 if not given.
        use_locking: of the updates.
        name: of the slot.
    """

    _operation = gen_training_ops.apply_power_sign
    _resource_operation = gen_training_ops.resource_apply_power_sign

    def __init__(
        self,
        learning_rate: Any = 0.1,
        base: float = math.e,
        beta: Any = 0.9,
        sign_decay_fn: SignDecay | None = None,
        use_locking: bool = False,
        name: str = "PowerSignOptimizer",
    ) -> None:
        super().__init__(learning_rate, math.log(base), beta, sign_decay_fn, use_locking, name)

    def _multiplier(self, strength: Any, agreement: Any) -> Any:
        return tf.exp(strength * agreement)
