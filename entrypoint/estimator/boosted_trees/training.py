"""The graph of one training step of boosted trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from entrypoint.estimator.boosted_trees.columns import Columns, column_values
from entrypoint.estimator.boosted_trees.options import TreeOptions
from entrypoint.estimator.boosted_trees.trainer import Batch, State, Trainer
from entrypoint.estimator.boosted_trees.variables import make_variables

v1 = tf.compat.v1
Derive = Callable[[Any, Any, Any], tuple[Any, Any]]


def build_training(
    features: Mapping[str, Any],
    labels: Any,
    head: Any,
    columns: Columns,
    options: TreeOptions,
    derive: Derive,
    weight_column: Any,
    scope: str,
) -> Any:
    """Return the EstimatorSpec of training.

    Args:
        features: by name.
        labels: as the head wants them.
        head: has the loss.
        columns: the features of the trees.
        options: what the trees shall be like.
        derive: makes derivatives of a loss, logits and labels.
        weight_column: how much examples count for the quantiles, or None.
        scope: the name scope that the caller is in, as entering it gave it.
    """
    dimension = head.logits_dimension
    numeric = columns.numeric_features
    trainer = Trainer(options, columns.bucket_counts, dimension)
    held = make_variables(scope, numeric)
    is_cut = _variable(not numeric, "are_boundaries_ready")
    is_centering = _variable(options.center_bias, "center_bias_needed")

    trees = held.trees.read_value()
    boundaries = [variable.read_value() for variable in held.boundaries]
    buckets = columns.buckets(features, boundaries)
    logits, node_ids = tf.numpy_function(
        trainer.predict, [trees, buckets], [tf.float32, tf.int32], name="predict"
    )
    logits.set_shape([None, dimension])
    counts = tf.ensure_shape(tf.numpy_function(trainer.count, [trees], tf.int32), [3])
    names = ("num_trees", "num_finalized_trees", "num_attempted_layers")
    for name, count in zip(names, tf.unstack(counts), strict=True):
        v1.summary.scalar(f"ensemble/{name}", count)

    def step(*arrays: Any) -> tuple[Any, ...]:
        stamp, trees, cut, centering, weights, node_ids, buckets, gradients, hessians, *rest = (
            arrays
        )
        state = State(
            stamp=int(stamp),
            trees=trees,
            is_cut=bool(cut),
            is_centering=bool(centering),
            boundaries=tuple(rest[:numeric]),
        )
        batch = Batch(
            values=rest[numeric:],
            weights=weights,
            node_ids=node_ids,
            buckets=buckets,
            gradients=gradients,
            hessians=hessians,
        )
        after, counted = trainer.step(state, batch)
        return (
            np.int64(counted),
            np.int64(after.stamp),
            after.trees,
            np.bool_(after.is_cut),
            np.bool_(after.is_centering),
            *after.boundaries,
        )

    def train_op_fn(loss: Any) -> Any:
        gradients, hessians = derive(loss, logits, labels)
        weights = [1.0] if weight_column is None else column_values(features, weight_column)
        variables = [held.stamp, held.trees, is_cut, is_centering, *held.boundaries]
        counted, *values = tf.numpy_function(
            step,
            [
                held.stamp.read_value(),
                trees,
                is_cut.read_value(),
                is_centering.read_value(),
                tf.convert_to_tensor(weights, tf.float32),
                node_ids,
                buckets,
                gradients,
                hessians,
                *boundaries,
                *columns.numeric_values(features),
            ],
            [tf.int64, *(variable.dtype for variable in variables)],
            name="grow",
        )
        assigned = []
        for variable, value in zip(variables, values, strict=True):
            value.set_shape(variable.shape)
            assigned.append(variable.assign(value).op)
        # The step counts when its trees are in place.
        with tf.control_dependencies(assigned):
            return v1.assign_add(v1.train.get_or_create_global_step(), counted).op

    spec = head.create_estimator_spec(
        features=features,
        mode=tf.estimator.ModeKeys.TRAIN,
        labels=labels,
        logits=logits,
        train_op_fn=train_op_fn,
    )
    return spec._replace(training_hooks=(*(spec.training_hooks or ()), StopWhenGrown(trainer)))


class StopWhenGrown(tf.estimator.SessionRunHook):
    """Ends training when all trees are grown."""

    def __init__(self, trainer: Trainer) -> None:
        """Keep whom to ask.

        Args:
            trainer: of the training graph.
        """
        self._trainer = trainer

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Ask."""
        del run_values
        if self._trainer.is_finished:
            run_context.request_stop()


def _variable(value: Any, name: str) -> Any:
    return v1.Variable(value, name=name, trainable=False, use_resource=True)
