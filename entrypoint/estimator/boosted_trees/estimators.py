"""The three estimators, with the arguments of TensorFlow 1.15."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_estimator.python.estimator.canned import head as canned_heads

from entrypoint.estimator.boosted_trees.columns import Columns
from entrypoint.estimator.boosted_trees.derivatives import derive, derive_logistic
from entrypoint.estimator.boosted_trees.importances import by_column, importances
from entrypoint.estimator.boosted_trees.model import BIAS, CONTRIBUTIONS, Model
from entrypoint.estimator.boosted_trees.options import TreeOptions
from entrypoint.estimator.boosted_trees.training import Derive
from entrypoint.estimator.boosted_trees.variables import TREES_KEY

_MEAN = tf.compat.v1.losses.Reduction.SUM_OVER_BATCH_SIZE


class _BoostedTrees(tf.compat.v1.estimator.Estimator):
    """What the three have in common."""

    def __init__(
        self,
        feature_columns: Iterable[Any],
        head: Any,
        options: TreeOptions,
        *,
        derive_of_head: Derive = derive,
        weight_column: Any,
        model_dir: Any,
        config: Any,
    ) -> None:
        if options.pruning_mode != "none" and head.logits_dimension > 1:
            raise ValueError(
                f"pruning_mode is {options.pruning_mode!r}; trees are pruned only with one logit,"
                f" and here are {head.logits_dimension}"
            )
        self._head = head
        self._trees = options
        self._columns = Columns(feature_columns)
        self._model = model = Model(
            head, self._columns, options, derive=derive_of_head, weight_column=weight_column
        )

        def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
            return model.build(features, labels, mode, config)

        super().__init__(model_fn=model_fn, model_dir=model_dir, config=config)

    def experimental_feature_importances(self, normalize: bool = False) -> dict[str, float]:
        """Return what each column gained in the latest checkpoint, the greatest first.

        Raises:
            ValueError: nothing has been trained; or with `normalize`, see `importances`.
        """
        serialized = tf.train.load_variable(self.model_dir, TREES_KEY)
        if not serialized:
            raise ValueError(f"the checkpoint in {self.model_dir} has no trees; train first")
        return importances(serialized, self._columns.names, normalize=normalize)

    def experimental_predict_with_explanations(
        self,
        input_fn: Callable[..., Any],
        predict_keys: Sequence[str] | None = None,
        hooks: Sequence[Any] | None = None,
        checkpoint_path: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Predict, and say in `bias` and `dfc` how each prediction came about.

        `bias` is the prediction at the first node, and `dfc` what each column moved it.

        Raises:
            ValueError: the model does not start at a bias, or its predictions are not sums.
        """
        if not self._trees.center_bias:
            raise ValueError("predictions are explained from the bias on: give center_bias=True")
        if self._head.logits_dimension != 1:
            raise ValueError("predictions are explained only with one logit")
        is_classifier = _is_logistic(self._head)
        link = getattr(self._head, "_inverse_link_fn", None)
        if not is_classifier and link not in {None, tf.identity}:
            raise ValueError("predictions are explained only if the head has no inverse_link_fn")
        activation = _sigmoid if is_classifier else np.asarray
        explainer = tf.compat.v1.estimator.Estimator(
            model_fn=lambda features: self._model.explain(features, activation),
            model_dir=self.model_dir,
            config=self.config,
        )
        keys = None if predict_keys is None else [*predict_keys, BIAS, CONTRIBUTIONS]
        for prediction in explainer.predict(input_fn, keys, hooks, checkpoint_path):
            moved = by_column(self._columns.names, prediction[CONTRIBUTIONS])
            yield {**prediction, CONTRIBUTIONS: moved}


class BoostedTreesClassifier(_BoostedTrees):
    """Gradient boosted trees that tell classes apart.

    With two classes as in TensorFlow 1.15; with more, which it refused, a leaf holds a logit for
    each class.
    """

    def __init__(
        self,
        feature_columns: Iterable[Any],
        n_batches_per_layer: int,
        model_dir: Any = None,
        n_classes: int = 2,
        weight_column: Any = None,
        label_vocabulary: Sequence[str] | None = None,
        n_trees: int = 100,
        max_depth: int = 6,
        learning_rate: float = 0.1,
        l1_regularization: float = 0.0,
        l2_regularization: float = 0.0,
        tree_complexity: float = 0.0,
        min_node_weight: float = 0.0,
        config: Any = None,
        center_bias: bool = False,
        pruning_mode: str = "none",
        quantile_sketch_epsilon: float = 0.01,
        train_in_memory: bool = False,
    ) -> None:
        """Make an untrained one, or one that goes on from the checkpoint in `model_dir`.

        Raises:
            ValueError: an argument or a column is not supported; names it.
        """
        if n_classes == 2:  # noqa: PLR2004 (two classes are one logit)
            head = canned_heads._binary_logistic_head_with_sigmoid_cross_entropy_loss(
                weight_column, label_vocabulary=label_vocabulary, loss_reduction=_MEAN
            )
        else:
            head = canned_heads._multi_class_head_with_softmax_cross_entropy_loss(
                n_classes, weight_column, label_vocabulary, loss_reduction=_MEAN
            )
        is_plain = n_classes == 2 and weight_column is None and label_vocabulary is None  # noqa: PLR2004 (as above)
        options = TreeOptions(
            n_batches_per_layer=n_batches_per_layer,
            n_trees=n_trees,
            max_depth=max_depth,
            learning_rate=learning_rate,
            l1=l1_regularization,
            l2=l2_regularization,
            tree_complexity=tree_complexity,
            min_node_weight=min_node_weight,
            center_bias=center_bias,
            pruning_mode=pruning_mode,
            quantile_sketch_epsilon=quantile_sketch_epsilon,
            train_in_memory=train_in_memory,
        )
        super().__init__(
            feature_columns,
            head,
            options,
            derive_of_head=derive_logistic if is_plain else derive,
            weight_column=weight_column,
            model_dir=model_dir,
            config=config,
        )


class BoostedTreesRegressor(_BoostedTrees):
    """Gradient boosted trees for squared loss.

    With one label as in TensorFlow 1.15; with more, which it refused, a leaf holds a number for
    each.
    """

    def __init__(
        self,
        feature_columns: Iterable[Any],
        n_batches_per_layer: int,
        model_dir: Any = None,
        label_dimension: int = 1,
        weight_column: Any = None,
        n_trees: int = 100,
        max_depth: int = 6,
        learning_rate: float = 0.1,
        l1_regularization: float = 0.0,
        l2_regularization: float = 0.0,
        tree_complexity: float = 0.0,
        min_node_weight: float = 0.0,
        config: Any = None,
        center_bias: bool = False,
        pruning_mode: str = "none",
        quantile_sketch_epsilon: float = 0.01,
        train_in_memory: bool = False,
    ) -> None:
        """Make an untrained one, or one that goes on from the checkpoint in `model_dir`.

        Raises:
            ValueError: an argument or a column is not supported; names it.
        """
        head = canned_heads._regression_head(weight_column, label_dimension, loss_reduction=_MEAN)
        options = TreeOptions(
            n_batches_per_layer=n_batches_per_layer,
            n_trees=n_trees,
            max_depth=max_depth,
            learning_rate=learning_rate,
            l1=l1_regularization,
            l2=l2_regularization,
            tree_complexity=tree_complexity,
            min_node_weight=min_node_weight,
            center_bias=center_bias,
            pruning_mode=pruning_mode,
            quantile_sketch_epsilon=quantile_sketch_epsilon,
            train_in_memory=train_in_memory,
        )
        super().__init__(
            feature_columns,
            head,
            options,
            weight_column=weight_column,
            model_dir=model_dir,
            config=config,
        )


class BoostedTreesEstimator(_BoostedTrees):
    """Gradient boosted trees for the loss of a head."""

    def __init__(
        self,
        feature_columns: Iterable[Any],
        n_batches_per_layer: int,
        head: Any,
        model_dir: Any = None,
        weight_column: Any = None,  # noqa: ARG002 (TensorFlow 1.15 leaves weighing to the head too)
        n_trees: int = 100,
        max_depth: int = 6,
        learning_rate: float = 0.1,
        l1_regularization: float = 0.0,
        l2_regularization: float = 0.0,
        tree_complexity: float = 0.0,
        min_node_weight: float = 0.0,
        config: Any = None,
        center_bias: bool = False,
        pruning_mode: str = "none",
        quantile_sketch_epsilon: float = 0.01,
    ) -> None:
        """Make an untrained one, or one that goes on from the checkpoint in `model_dir`.

        Raises:
            ValueError: an argument or a column is not supported; names it.
        """
        options = TreeOptions(
            n_batches_per_layer=n_batches_per_layer,
            n_trees=n_trees,
            max_depth=max_depth,
            learning_rate=learning_rate,
            l1=l1_regularization,
            l2=l2_regularization,
            tree_complexity=tree_complexity,
            min_node_weight=min_node_weight,
            center_bias=center_bias,
            pruning_mode=pruning_mode,
            quantile_sketch_epsilon=quantile_sketch_epsilon,
        )
        super().__init__(
            feature_columns,
            head,
            options,
            weight_column=None,
            model_dir=model_dir,
            config=config,
        )


def _is_logistic(head: Any) -> bool:
    return isinstance(
        head,
        (canned_heads._BinaryLogisticHeadWithSigmoidCrossEntropyLoss, tf.estimator.BinaryClassHead),
    )


def _sigmoid(logits: Any) -> Any:
    return np.asarray(1 / (1 + np.exp(-logits)))
