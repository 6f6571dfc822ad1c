"""Relatives of Adam: lazy, Nesterov, with the maximum norm, and without variables of their own."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.ops import gen_training_ops

_v1 = tf.compat.v1


class _Adam(tf.compat.v1.train.AdamOptimizer):
    """Adam, with its hyperparameters in a variable's type."""

    def _cast(self, var: Any) -> tuple[Any, Any, Any, Any]:
        """Return the learning rate, both betas and epsilon."""
        given = (self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t)
        rate, beta1, beta2, epsilon = (tf.cast(value, var.dtype.base_dtype) for value in given)
        return rate, beta1, beta2, epsilon

    def _unbiased_rate(self, var: Any) -> Any:
        powers = self._get_beta_accumulators()
        power1, power2 = (tf.cast(power, var.dtype.base_dtype) for power in powers)
        return tf.cast(self._lr_t, var.dtype.base_dtype) * tf.sqrt(1 - power2) / (1 - power1)

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return self._apply_to_rows(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        return self._apply_to_rows(grad, var, indices)


class _Lazy(_Adam):
    """Adam whose moments only change in the rows that a sparse gradient has."""

    def _apply_to_rows(self, grad: Any, var: Any, indices: Any) -> Any:
        _, beta1, beta2, epsilon = self._cast(var)
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        m_rows = beta1 * tf.gather(m, indices) + (1 - beta1) * grad
        v_rows = beta2 * tf.gather(v, indices) + (1 - beta2) * tf.square(grad)
        update = self._unbiased_rate(var) * m_rows / (tf.sqrt(v_rows) + epsilon)
        return tf.group(
            _v1.scatter_sub(var, indices, update, self._use_locking),
            _v1.scatter_update(m, indices, m_rows, self._use_locking),
            _v1.scatter_update(v, indices, v_rows, self._use_locking),
        )


class LazyAdamOptimizer(_Lazy):
    """Adam that leaves rows without gradient, moments included, as they are: for embeddings."""


class NadamOptimizer(_Adam):
    """Adam with Nesterov momentum: Dozat, "Incorporating Nesterov Momentum into Adam"."""

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        return self._apply_everywhere(gen_training_ops.apply_adam, lambda v: v, grad, var)

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        return self._apply_everywhere(
            gen_training_ops.resource_apply_adam, lambda v: v.handle, grad, var
        )

    def _apply_everywhere(self, operation: Any, state: Any, grad: Any, var: Any) -> Any:
        powers = self._get_beta_accumulators()
        return operation(
            state(var),
            state(self.get_slot(var, "m")),
            state(self.get_slot(var, "v")),
            *(tf.cast(power, grad.dtype.base_dtype) for power in powers),
            *self._cast(var),
            grad,
            use_locking=self._use_locking,
            use_nesterov=True,
        )

    def _apply_to_rows(self, grad: Any, var: Any, indices: Any) -> Any:
        _, beta1, beta2, epsilon = self._cast(var)
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        scaled = (1 - beta1) * grad
        m_new = self._decay_and_add(m, beta1, indices, scaled)
        v_new = self._decay_and_add(v, beta2, indices, (1 - beta2) * tf.square(grad))
        ahead = scaled + beta1 * tf.gather(m_new, indices)
        update = self._unbiased_rate(var) * ahead / (tf.sqrt(tf.gather(v_new, indices)) + epsilon)
        return tf.group(_v1.scatter_sub(var, indices, update, self._use_locking), m_new, v_new)

    def _decay_and_add(self, slot: Any, beta: Any, indices: Any, values: Any) -> Any:
        """Return a slot after all of it has decayed and rows have been added to it."""
        decayed = _v1.assign(slot, slot * beta, use_locking=self._use_locking)
        with tf.control_dependencies([decayed]):
            # As a tensor, as a gather from the variable would not wait for the addition.
            return tf.convert_to_tensor(_v1.scatter_add(slot, indices, values, self._use_locking))


class AdaMaxOptimizer(_Adam):
    """AdaMax: section 7.1 of Kingma & Ba, "Adam: A Method for Stochastic Optimization"."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "AdaMax",
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)

    def _get_beta_accumulators(self) -> Any:
        graph = None if tf.executing_eagerly() else _v1.get_default_graph()
        return self._get_non_slot_variable("beta1_power", graph=graph)

    def _create_slots(self, var_list: Any) -> None:
        first = min(var_list, key=lambda var: var.name)
        self._create_non_slot_variable(self._beta1, "beta1_power", first)
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        return self._apply_everywhere(gen_training_ops.apply_ada_max, lambda v: v, grad, var)

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        return self._apply_everywhere(
            gen_training_ops.resource_apply_ada_max, lambda v: v.handle, grad, var
        )

    def _apply_everywhere(self, operation: Any, state: Any, grad: Any, var: Any) -> Any:
        return operation(
            state(var),
            state(self.get_slot(var, "m")),
            state(self.get_slot(var, "v")),
            tf.cast(self._get_beta_accumulators(), grad.dtype.base_dtype),
            *self._cast(var),
            grad,
            use_locking=self._use_locking,
        )

    def _apply_to_rows(self, grad: Any, var: Any, indices: Any) -> Any:
        rate, beta1, beta2, epsilon = self._cast(var)
        power = tf.cast(self._get_beta_accumulators(), var.dtype.base_dtype)
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        m_rows = beta1 * tf.gather(m, indices) + (1 - beta1) * grad
        v_rows = tf.maximum(beta2 * tf.gather(v, indices), tf.abs(grad))
        update = rate / (1 - power) * m_rows / (v_rows + epsilon)
        return tf.group(
            _v1.scatter_sub(var, indices, update, self._use_locking),
            _v1.scatter_update(m, indices, m_rows, self._use_locking),
            _v1.scatter_update(v, indices, v_rows, self._use_locking),
        )

    def _finish(self, update_ops: Any, name_scope: str) -> Any:
        power = self._get_beta_accumulators()
        with tf.control_dependencies(update_ops), _v1.colocate_with(power):
            following = power.assign(power * self._beta1_t, use_locking=self._use_locking)
        return tf.group(*update_ops, following, name=name_scope)


class _OfGlobalStep(tf.compat.v1.train.AdamOptimizer):
    """Adam that takes the powers of its betas from the global step and keeps no variables of them.

    Args:
        global_step: the number of steps that have been made.
        learning_rate: see `tf.train.AdamOptimizer`, as the others.
        beta1: of the first moment.
        beta2: of the second moment.
        epsilon: against a division by zero.
        use_locking: of the updates.
        name: of the slots.
    """

    def __init__(
        self,
        global_step: Any = 0,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)
        self._global_step = global_step

    def _create_slots(self, var_list: Any) -> None:
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _prepare(self) -> None:
        super()._prepare()
        self._next_step = tf.cast(tf.identity(self._global_step) + 1, tf.float32)

    def _get_beta_accumulators(self) -> tuple[Any, Any]:
        return tf.pow(self._beta1_t, self._next_step), tf.pow(self._beta2_t, self._next_step)

    def _finish(self, update_ops: Any, name_scope: str) -> Any:
        return tf.group(*update_ops, name=name_scope)


class AdamGSOptimizer(_OfGlobalStep):
    """Adam whose bias correction follows the global step."""


class LazyAdamGSOptimizer(_OfGlobalStep, _Lazy):
    """`LazyAdamOptimizer` whose bias correction follows the global step."""
