"""`tf.contrib.mixed_precision`: scale a loss so that gradients of half precision do not vanish."""

from __future__ import annotations

import abc
from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

_v1 = tf.compat.v1

__all__ = [
    "ExponentialUpdateLossScaleManager",
    "FixedLossScaleManager",
    "LossScaleManager",
    "LossScaleOptimizer",
]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


class LossScaleManager(abc.ABC):
    """Decides by how much the loss is scaled."""

    @abc.abstractmethod
    def get_loss_scale(self) -> Any:
        """Return the scale, a float32 scalar."""

    @abc.abstractmethod
    def update_loss_scale(self, finite_grads: Any) -> Any:
        """Return the operation that updates the scale after a step.

        Args:
            finite_grads: whether all gradients were finite, a boolean scalar.
        """


class FixedLossScaleManager(LossScaleManager):
    """Always the same scale.

    Raises:
        ValueError: it is below 1.
    """

    def __init__(self, loss_scale: float) -> None:
        if loss_scale < 1:
            raise ValueError("the loss scale is below 1; give 1 or more")
        self._loss_scale = tf.convert_to_tensor(loss_scale, dtype=tf.float32)

    def get_loss_scale(self) -> Any:
        """Return the scale."""
        return self._loss_scale

    def update_loss_scale(self, finite_grads: Any) -> Any:
        """Return an operation that does nothing."""
        return tf.no_op()


class ExponentialUpdateLossScaleManager(LossScaleManager):
    """A scale that grows after good steps, whose gradients are finite, and shrinks after bad ones.

    Args:
        init_loss_scale: the first scale.
        incr_every_n_steps: it grows after so many good steps in a row.
        decr_every_n_nan_or_inf: it shrinks after so many bad steps since it last changed.
        incr_ratio: by what it grows, unless it becomes infinite.
        decr_ratio: by what it shrinks, to 1 at the least.
    """

    def __init__(
        self,
        init_loss_scale: float,
        incr_every_n_steps: int,
        decr_every_n_nan_or_inf: int = 2,
        incr_ratio: float = 2,
        decr_ratio: float = 0.8,
    ) -> None:
        self._good_steps_to_grow = incr_every_n_steps
        self._bad_steps_to_shrink = decr_every_n_nan_or_inf
        self._growth = incr_ratio
        self._shrinkage = decr_ratio
        self._loss_scale = _v1.Variable(
            tf.convert_to_tensor(init_loss_scale, tf.float32), trainable=False, name="loss_scale"
        )
        self._good_steps, self._bad_steps = (
            _v1.Variable(0, trainable=False, name=name, dtype=tf.int32)
            for name in ("good_steps", "bad_steps")
        )

    def get_loss_scale(self) -> Any:
        """Return the variable that holds the scale."""
        return self._loss_scale

    def update_loss_scale(self, finite_grads: Any) -> Any:
        """Return the operation that counts the step, and grows or shrinks the scale."""
        scale = tf.convert_to_tensor(self._loss_scale)
        good = tf.where(finite_grads, self._good_steps + 1, tf.zeros_like(self._good_steps))
        bad = tf.where(finite_grads, tf.identity(self._bad_steps), self._bad_steps + 1)
        grows = tf.logical_and(finite_grads, good >= self._good_steps_to_grow)
        shrinks = tf.logical_and(tf.logical_not(finite_grads), bad >= self._bad_steps_to_shrink)
        grown = scale * self._growth
        grown = tf.where(tf.math.is_finite(grown), grown, scale)
        shrunk = tf.maximum(1.0, scale * self._shrinkage)
        changes = tf.logical_or(grows, shrinks)
        zero = tf.zeros([], tf.int32)
        new_values = [
            tf.where(grows, grown, tf.where(shrinks, shrunk, scale)),
            tf.where(changes, zero, good),
            tf.where(changes, zero, bad),
        ]
        # Nothing is assigned before everything has been read.
        with tf.control_dependencies(new_values):
            return tf.group(
                *(
                    _v1.assign(variable, value)
                    for variable, value in zip(
                        (self._loss_scale, self._good_steps, self._bad_steps),
                        new_values,
                        strict=True,
                    )
                )
            )


class LossScaleOptimizer(tf.compat.v1.train.Optimizer):
    """An optimizer that scales the loss, unscales gradients, and skips steps with infinite ones.

    Args:
        opt: the optimizer that trains.
        loss_scale_manager: by how much it scales.
    """

    def __init__(self, opt: Any, loss_scale_manager: LossScaleManager) -> None:
        super().__init__(use_locking=False, name="LossScaleOptimizer")
        self._opt = opt
        self._loss_scale_manager = loss_scale_manager

    def compute_gradients(
        self,
        loss: Any,
        var_list: Any = None,
        gate_gradients: int = tf.compat.v1.train.Optimizer.GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        grad_loss: Any = None,
    ) -> Any:
        """Compute the gradients of the scaled loss, and unscale them."""
        scale = tf.convert_to_tensor(self._loss_scale_manager.get_loss_scale())
        value = loss() if callable(loss) else loss
        pairs = self._opt.compute_gradients(
            value * tf.cast(scale, value.dtype.base_dtype),
            var_list=var_list,
            gate_gradients=gate_gradients,
            aggregation_method=aggregation_method,
            colocate_gradients_with_ops=colocate_gradients_with_ops,
            grad_loss=grad_loss,
        )
        return [(_scaled(gradient, 1 / scale), variable) for gradient, variable in pairs]

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Any = None, name: str | None = None
    ) -> Any:
        """Apply gradients if all are finite, and update the scale."""
        pairs = list(grads_and_vars)
        finite = [
            tf.reduce_all(tf.math.is_finite(_values(gradient)))
            for gradient, _ in pairs
            if gradient is not None
        ]
        are_finite = tf.reduce_all(finite)
        update = _v1.cond(
            are_finite,
            lambda: tf.group(self._opt.apply_gradients(pairs, global_step, name)),
            tf.no_op,
        )
        return tf.group(update, self._loss_scale_manager.update_loss_scale(are_finite))

    def get_slot(self, *args: Any, **kwargs: Any) -> Any:
        """Return a slot of the wrapped optimizer."""
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> Any:
        """Return the names of the wrapped optimizer's slots."""
        return self._opt.get_slot_names(*args, **kwargs)

    def variables(self) -> Any:
        """Return the wrapped optimizer's variables."""
        return self._opt.variables()


def _values(gradient: Any) -> Any:
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _scaled(gradient: Any, factor: Any) -> Any:
    if gradient is None:
        return None
    scaled = _values(gradient) * tf.cast(factor, gradient.dtype.base_dtype)
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(scaled, gradient.indices, gradient.dense_shape)
    return scaled
