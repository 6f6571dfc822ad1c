"""Weight decay that is no part of the gradient.

Loshchilov & Hutter, "Decoupled Weight Decay Regularization".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow as tf
from tensorflow.python.distribute import distribute_utils

_v1 = tf.compat.v1


class DecoupledWeightDecayExtension:
    """As the first base of an optimizer's subclass, adds `var -= weight_decay * var` to each step.

    The decay is not multiplied by the learning rate, and comes before the optimizer's own update.
    Of a variable with a sparse gradient only the rows of the gradient decay.

    Args:
        weight_decay: a number, a tensor, or a function that returns one of them.
        **kwargs: the optimizer's arguments.
    """

    def __init__(self, weight_decay: Any, **kwargs: Any) -> None:
        self._weight_decay = weight_decay
        self._decay_var_list: list[Any] | None = None
        super().__init__(**kwargs)

    def minimize(
        self,
        loss: Any,
        global_step: Any = None,
        var_list: Any = None,
        gate_gradients: int = _v1.train.Optimizer.GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
        decay_var_list: Iterable[Any] | None = None,
    ) -> Any:
        """Minimize as the optimizer does; only `decay_var_list`, if given, decays."""
        optimizer: Any = self
        gradients = optimizer.compute_gradients(
            loss,
            var_list,
            gate_gradients,
            aggregation_method,
            colocate_gradients_with_ops,
            grad_loss,
        )
        if all(gradient is None for gradient, _ in gradients):
            raise ValueError(
                "No gradients provided for any variable, check your graph for ops that do not "
                f"support gradients, between variables {[str(v) for _, v in gradients]} and "
                f"loss {loss}."
            )
        return self.apply_gradients(gradients, global_step, name, decay_var_list)

    def apply_gradients(
        self,
        grads_and_vars: Any,
        global_step: Any = None,
        name: str | None = None,
        decay_var_list: Iterable[Any] | None = None,
    ) -> Any:
        """Apply gradients as the optimizer does; only `decay_var_list`, if given, decays."""
        self._decay_var_list = list(decay_var_list) if decay_var_list else None
        base: Any = super()
        return base.apply_gradients(grads_and_vars, global_step=global_step, name=name)

    def _decays(self, var: Any) -> bool:
        if self._decay_var_list is None:
            return True
        # A replica's part of a variable stands for the variable that user code knows.
        whole = distribute_utils.value_container(var)
        return any(listed is var or listed is whole for listed in self._decay_var_list)

    def _rate(self, var: Any) -> Any:
        rate = self._weight_decay() if callable(self._weight_decay) else self._weight_decay
        dtype = var.dtype.base_dtype
        # A cast alone would take a number by way of float32.
        return tf.cast(rate, dtype) if tf.is_tensor(rate) else tf.convert_to_tensor(rate, dtype)

    def _decay(self, grad: Any, var: Any) -> Any:
        if not self._decays(var):
            return tf.no_op()
        # The gradient is of the weights before they decay.
        with tf.control_dependencies([grad]):
            return _v1.assign_sub(var, self._rate(var) * var, self._use_locking)

    def _decay_rows(self, grad: Any, var: Any, indices: Any) -> Any:
        if not self._decays(var):
            return tf.no_op()
        with tf.control_dependencies([grad]):
            decay = self._rate(var) * tf.gather(var, indices)
            return _v1.scatter_sub(var, indices, decay, self._use_locking)

    _use_locking: bool

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        base: Any = super()
        with tf.control_dependencies([self._decay(grad, var)]):
            return base._apply_dense(grad, var)

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        base: Any = super()
        with tf.control_dependencies([self._decay(grad, var)]):
            return base._resource_apply_dense(grad, var)

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        base: Any = super()
        with tf.control_dependencies([self._decay_rows(grad.values, var, grad.indices)]):
            return base._apply_sparse(grad, var)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        base: Any = super()
        with tf.control_dependencies([self._decay_rows(grad, var, indices)]):
            return base._resource_apply_sparse(grad, var, indices)


def extend_with_decoupled_weight_decay(base_optimizer: Any) -> Any:
    """Return a subclass of an optimizer's class that takes `weight_decay` as its first argument."""

    class OptimizerWithDecoupledWeightDecay(DecoupledWeightDecayExtension, base_optimizer):
        def __init__(self, weight_decay: Any, *args: Any, **kwargs: Any) -> None:
            self._weight_decay = weight_decay
            self._decay_var_list = None
            base_optimizer.__init__(self, *args, **kwargs)

    return OptimizerWithDecoupledWeightDecay


class MomentumWOptimizer(DecoupledWeightDecayExtension, tf.compat.v1.train.MomentumOptimizer):
    """Momentum with decoupled weight decay."""

    def __init__(
        self,
        weight_decay: Any,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "MomentumW",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(
            weight_decay,
            learning_rate=learning_rate,
            momentum=momentum,
            use_locking=use_locking,
            name=name,
            use_nesterov=use_nesterov,
        )


class AdamWOptimizer(DecoupledWeightDecayExtension, tf.compat.v1.train.AdamOptimizer):
    """Adam with decoupled weight decay."""

    def __init__(
        self,
        weight_decay: Any,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "AdamW",
    ) -> None:
        super().__init__(
            weight_decay,
            learning_rate=learning_rate,
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon,
            use_locking=use_locking,
            name=name,
        )
