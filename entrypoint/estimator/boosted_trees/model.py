"""The model_fn of boosted trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from entrypoint.estimator.boosted_trees.columns import Columns
from entrypoint.estimator.boosted_trees.forest import Forest
from entrypoint.estimator.boosted_trees.inference import Table
from entrypoint.estimator.boosted_trees.options import TreeOptions
from entrypoint.estimator.boosted_trees.training import Derive, build_training
from entrypoint.estimator.boosted_trees.variables import SCOPE, make_variables

# The predictions that `Model.explain` adds.
BIAS = "bias"
CONTRIBUTIONS = "dfc"


class Model:
    """Builds the graph of each mode."""

    def __init__(
        self,
        head: Any,
        columns: Columns,
        options: TreeOptions,
        *,
        derive: Derive,
        weight_column: Any,
    ) -> None:
        """Keep what the model is made of.

        Args:
            head: of either of Estimator's two kinds; has the loss, the metrics and the exports.
            columns: the features.
            options: what the trees shall be like.
            derive: makes derivatives of a loss, logits and labels.
            weight_column: how much examples count for the quantiles; in the loss the head weighs.
        """
        self._head = head
        self._columns = columns
        self._options = options
        self._derive = derive
        self._weight_column = weight_column

    def build(self, features: Any, labels: Any, mode: str, config: Any) -> Any:
        """Return the EstimatorSpec, as a model_fn does.

        Raises:
            ValueError: training is to be spread over several devices or machines.
        """
        with tf.name_scope(SCOPE) as scope:
            if mode != tf.estimator.ModeKeys.TRAIN:
                spec, _, _ = self._infer(features, labels, mode, scope)
                return spec
            _require_one_replica(config)
            return build_training(
                features,
                labels,
                self._head,
                self._columns,
                self._options,
                self._derive,
                self._weight_column,
                scope,
            )

    def explain(self, features: Any, activation: Callable[..., Any]) -> Any:
        """Return the spec of predictions with what each feature added to them.

        Args:
            features: by name.
            activation: makes predictions of logits, in NumPy.
        """

        def explain(trees: bytes, buckets: Any) -> tuple[Any, Any]:
            bias, moved = Forest(trees, self._options, 1).explain(buckets, activation)
            return bias.astype(np.float32), moved.astype(np.float32)

        with tf.name_scope(SCOPE) as scope:
            mode = tf.estimator.ModeKeys.PREDICT
            spec, trees, buckets = self._infer(features, None, mode, scope)
            bias, moved = tf.numpy_function(explain, [trees, buckets], [tf.float32, tf.float32])
            predictions = {**spec.predictions, BIAS: bias, CONTRIBUTIONS: moved}
            return spec._replace(predictions=predictions)

    def _infer(self, features: Any, labels: Any, mode: str, scope: str) -> tuple[Any, Any, Any]:
        """Return the spec, the serialized trees and the bucket numbers."""
        table = Table(self._head.logits_dimension)
        held = make_variables(scope, self._columns.numeric_features, table.fill)
        boundaries = [variable.read_value() for variable in held.boundaries]
        buckets = self._columns.buckets(features, boundaries)
        spec = self._head.create_estimator_spec(
            features=features, mode=mode, labels=labels, logits=table.predict(buckets)
        )
        return spec, held.trees.read_value(), buckets


def _require_one_replica(config: Any) -> None:
    workers = config.num_worker_replicas if config else 1
    replicas = max(workers, tf.distribute.get_strategy().num_replicas_in_sync)
    if replicas > 1:
        raise ValueError(
            f"boosted trees are trained in one place, and here are {replicas}; make one GPU or"
            " none visible to the job, or give RunConfig no train_distribute"
        )
