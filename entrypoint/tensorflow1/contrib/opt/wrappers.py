"""Optimizers that wrap another one."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.training.saving import saveable_object_util

_v1 = tf.compat.v1


class _Wrapper(tf.compat.v1.train.Optimizer):
    """An optimizer whose gradients and slots are another's."""

    def __init__(self, opt: Any, use_locking: bool, name: str) -> None:
        super().__init__(use_locking, name)
        self._opt = opt

    def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
        """Compute gradients as the wrapped optimizer does."""
        return self._opt.compute_gradients(*args, **kwargs)

    def get_slot(self, *args: Any, **kwargs: Any) -> Any:
        """Return a slot of the wrapped optimizer."""
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> Any:
        """Return the names of the wrapped optimizer's slots."""
        return self._opt.get_slot_names(*args, **kwargs)

    def variables(self) -> Any:
        """Return the wrapped optimizer's variables."""
        return self._opt.variables()


class MovingAverageOptimizer(_Wrapper):
    """An optimizer that also keeps moving averages of the variables it trains.

    Args:
        opt: the optimizer that trains.
        average_decay: of the averages; see `tf.train.ExponentialMovingAverage`.
        num_updates: if given, the decay is at most `(1 + num_updates) / (10 + num_updates)`.
        sequential_update: average after the training step and not beside it.
    """

    def __init__(
        self,
        opt: Any,
        average_decay: Any = 0.9999,
        num_updates: Any = None,
        sequential_update: bool = True,
    ) -> None:
        super().__init__(opt, use_locking=False, name="MovingAverageOptimizer")
        self._averages = _v1.train.ExponentialMovingAverage(average_decay, num_updates)
        self._sequential_update = sequential_update
        self._twins: dict[str, Any] | None = None

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Any = None, name: str | None = None
    ) -> Any:
        """Apply gradients, and update the averages."""
        pairs = list(grads_and_vars)
        train_op = self._opt.apply_gradients(pairs, global_step=global_step, name=name)
        trained = [var for gradient, var in pairs if gradient is not None]
        with tf.control_dependencies([train_op] if self._sequential_update else []):
            average_op = self._averages.apply(trained)
        self._twins = {}
        for var in trained:
            average = self._averages.average(var)
            self._twins[var.op.name] = average
            self._twins[average.op.name] = var
        return tf.group(train_op, average_op, name="train_with_avg")

    def swapping_saver(
        self, var_list: Any = None, name: str = "swapping_saver", **kwargs: Any
    ) -> Any:
        """Return a `Saver` that saves averages under variables' names, and the other way round.

        Raises:
            RuntimeError: no gradients have been applied yet.
            ValueError: a variable is to be saved without its average.
        """
        if self._twins is None:
            raise RuntimeError(
                "Must call apply_gradients or minimize before creating the swapping_saver"
            )
        saved = _v1.global_variables() if var_list is None else var_list
        if not isinstance(saved, dict):
            saved = saveable_object_util.op_list_to_dict(saved, convert_variable_to_tensor=False)
        present = {var.op.name for entry in saved.values() for var in _parts_of_variable(entry)}

        def twin(var: Any) -> Any:
            found = (self._twins or {}).get(var.op.name)
            if found is None:
                return var
            if found.op.name not in present:
                raise ValueError(
                    f"{var.op.name} is to be saved without {found.op.name}, with which it is "
                    "swapped; give both in var_list"
                )
            return found

        swapped = {
            key: [twin(part) for part in _parts_of_variable(entry)]
            if _is_in_parts(entry)
            else twin(entry)
            for key, entry in saved.items()
        }
        return _v1.train.Saver(swapped, name=name, **kwargs)


def _is_in_parts(entry: Any) -> bool:
    from tensorflow.python.ops.variables import PartitionedVariable

    return isinstance(entry, (list, tuple, PartitionedVariable))


def _parts_of_variable(entry: Any) -> list[Any]:
    return list(entry) if _is_in_parts(entry) else [entry]


class VariableClippingOptimizer(_Wrapper):
    """An optimizer that clips variables to a norm after each step.

    Args:
        opt: the optimizer that trains.
        vars_to_clip_dims: for each variable to clip, the dimensions over which its norm is taken.
        max_norm: the largest norm.
        use_locking: of the clipping.
        colocate_clip_ops_with_vars: compute the norms where the variables are.
        name: of the operations.
    """

    def __init__(
        self,
        opt: Any,
        vars_to_clip_dims: Mapping[Any, Sequence[int]],
        max_norm: Any,
        use_locking: bool = False,
        colocate_clip_ops_with_vars: bool = False,
        name: str = "VariableClipping",
    ) -> None:
        super().__init__(opt, use_locking, name)
        self._dimensions = [(var, list(dims)) for var, dims in vars_to_clip_dims.items()]
        self._max_norm = max_norm
        self._is_colocated = colocate_clip_ops_with_vars

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Any = None, name: str | None = None
    ) -> Any:
        """Apply gradients, then clip."""
        pairs = list(grads_and_vars)
        with _v1.name_scope(name, self._name) as scope:
            train_op = self._opt.apply_gradients(pairs, global_step=global_step)
            with tf.control_dependencies([train_op]):
                clipped = [
                    self._clip(gradient, var, dimensions)
                    for gradient, var in pairs
                    for listed, dimensions in self._dimensions
                    if listed is var and gradient is not None
                ]
            return tf.group(train_op, *clipped, name=scope)

    def _clip(self, gradient: Any, var: Any, dimensions: list[int]) -> Any:
        is_by_rows = isinstance(gradient, tf.IndexedSlices) and 0 not in dimensions
        with _v1.name_scope(f"clip_{var.op.name}"):
            value = tf.gather(var, gradient.indices) if is_by_rows else var.read_value()
            if self._is_colocated:
                with _v1.colocate_with(var):
                    excess = value - tf.clip_by_norm(value, self._max_norm, dimensions)
            else:
                excess = value - tf.clip_by_norm(value, self._max_norm, dimensions)
            if is_by_rows:
                return _v1.scatter_sub(var, gradient.indices, excess, self._use_locking)
            return _v1.assign_sub(var, excess, self._use_locking)


class DropStaleGradientOptimizer(_Wrapper):
    """An optimizer that drops gradients computed too many global steps ago.

    Args:
        opt: the optimizer that trains.
        staleness: how many global steps old a gradient may be.
        use_locking: of the updates.
        name: of the operations.
    """

    def __init__(
        self, opt: Any, staleness: int, use_locking: bool = False, name: str = "DropStaleGradient"
    ) -> None:
        super().__init__(opt, use_locking, name)
        self._staleness = staleness
        self._local_step: Any = None

    def compute_gradients(self, loss: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute gradients, after noting the global step."""
        with _v1.colocate_with(loss):
            self._local_step = _v1.train.get_global_step() + 0
        with tf.control_dependencies([self._local_step]):
            return self._opt.compute_gradients(tf.identity(loss), *args, **kwargs)

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Any = None, name: str | None = None
    ) -> Any:
        """Apply gradients or count them as dropped; returns the number dropped so far."""
        pairs = list(grads_and_vars)
        with _v1.colocate_with(global_step):
            dropped = _v1.get_variable(
                "stale_counter", [], initializer=_v1.zeros_initializer(), trainable=False
            )

        def accept() -> Any:
            update = self._opt.apply_gradients(pairs, global_step=global_step, name=name)
            with tf.control_dependencies([update]):
                return tf.constant(0.0)

        gradients = [
            gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
            for gradient, _ in pairs
            if gradient is not None
        ]
        with tf.control_dependencies(gradients), _v1.colocate_with(global_step):
            staleness = tf.reshape(global_step - self._local_step, [])
        one = _v1.cond(staleness <= self._staleness, accept, lambda: tf.constant(1.0))
        _v1.summary.scalar(
            "Gradient staleness percentage", dropped / tf.cast(global_step + 1, tf.float32)
        )
        return dropped.assign_add(one)


def _is_all_zeros(gradient: Any) -> Any:
    return tf.equal(tf.math.count_nonzero(gradient), 0)


class MultitaskOptimizerWrapper:
    """Makes an optimizer leave variables and slots alone whose gradient is all zeros.

    Raises:
        TypeError: `opt` is no `tf.train.Optimizer`.
    """

    def __init__(self, opt: Any) -> None:
        if not isinstance(opt, _v1.train.Optimizer):
            raise TypeError("Supplied optimizer must be an instance of tf.train.Optimizer")
        self._opt = opt
        for name in (
            "_apply_dense",
            "_resource_apply_dense",
            "_apply_sparse",
            "_resource_apply_sparse",
        ):
            setattr(opt, name, types.MethodType(_unless_zero(getattr(opt, name)), opt))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opt, name)


def _unless_zero(apply: Callable[..., Any]) -> Callable[..., Any]:
    def apply_unless_zero(self: Any, gradient: Any, *args: Any, **kwargs: Any) -> Any:
        def update() -> Any:
            with tf.control_dependencies([apply(gradient, *args, **kwargs)]):
                return tf.no_op()

        return _v1.cond(_is_all_zeros(gradient), tf.no_op, update)

    return apply_unless_zero


def clip_gradients_by_global_norm(
    gradients_variables: Any, clip_norm: Any = 20.0
) -> tuple[list[Any], Any]:
    """Clip gradients by their global norm, and return them in pairs with variables, and the norm.

    A gradient that is all zeros does not count in the norm and stays zeros.
    """
    gradients, variables = zip(*gradients_variables, strict=True)

    def nonzero(gradient: Any) -> Any:
        if gradient is None:
            return None
        return _v1.cond(
            _is_all_zeros(gradient), lambda: tf.zeros([], gradient.dtype), lambda: gradient
        )

    norm = tf.linalg.global_norm([nonzero(gradient) for gradient in gradients])
    clipped, _ = tf.clip_by_global_norm(gradients, clip_norm, use_norm=norm)
    return list(zip(clipped, variables, strict=True)), norm
