"""Replicated model functions, as far as one device goes: MirroredStrategy does it on several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

__all__ = ["TowerOptimizer", "replicate_model_fn"]


def replicate_model_fn(
    model_fn: Callable[..., Any],
    loss_reduction: str = tf.losses.Reduction.SUM_BY_NONZERO_WEIGHTS,
    devices: Sequence[str] | None = None,
) -> Callable[..., Any]:
    """Return the model function itself, which is its replication on one device.

    Raises:
        ValueError: several devices are named, or `loss_reduction` is NONE.
    """
    if devices is not None and len(devices) > 1:
        raise ValueError(
            "replicate_model_fn(devices=...) of several devices is not supplied; use"
            " tf.estimator.RunConfig(train_distribute=tf.distribute.MirroredStrategy(devices))"
        )
    if loss_reduction == tf.losses.Reduction.NONE:
        raise ValueError("Tower losses need to be reduced in some way, yet reduction is NONE.")
    return model_fn


class TowerOptimizer(tf.train.Optimizer):
    """An optimizer as it is; over one tower there is nothing to add up.

    Args:
        optimizer_or_optimizer_fn: a `tf.train.Optimizer`, or a function that returns one.
    """

    COLLECTION_FOR_GRAPH_STATES = "replicate_model_fn_graph_states"

    def __init__(self, optimizer_or_optimizer_fn: Any) -> None:
        super().__init__(use_locking=False, name="TowerOptimizer")
        made = optimizer_or_optimizer_fn
        self._optimizer = made if isinstance(made, tf.train.Optimizer) else made()

    def get_slot(self, *args: Any, **kwargs: Any) -> Any:
        """Return a slot of the wrapped optimizer."""
        return self._optimizer.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> Any:
        """Return the wrapped optimizer's slot names."""
        return self._optimizer.get_slot_names(*args, **kwargs)

    def get_name(self, *args: Any, **kwargs: Any) -> Any:
        """Return the wrapped optimizer's name."""
        return self._optimizer.get_name(*args, **kwargs)

    def variables(self) -> Any:
        """Return the wrapped optimizer's variables."""
        return self._optimizer.variables()

    def compute_gradients(self, loss: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the wrapped optimizer's gradients."""
        return self._optimizer.compute_gradients(loss, *args, **kwargs)

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, **kwargs: Any) -> Any:
        """Apply gradients with the wrapped optimizer."""
        return self._optimizer.apply_gradients(grads_and_vars, global_step, **kwargs)
