"""`tf.contrib.estimator`: heads, hooks and extenders, most of them of `tensorflow-estimator`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow_estimator.python.estimator.canned.dnn import DNNEstimator, dnn_logit_fn_builder
from tensorflow_estimator.python.estimator.canned.dnn_linear_combined import (
    DNNLinearCombinedEstimator,
)
from tensorflow_estimator.python.estimator.canned.linear import (
    LinearEstimator,
    linear_logit_fn_builder,
)
from tensorflow_estimator.python.estimator.canned.saved_model_estimator import SavedModelEstimator
from tensorflow_estimator.python.estimator.early_stopping import (
    make_early_stopping_hook,
    read_eval_metrics,
    stop_if_higher_hook,
    stop_if_lower_hook,
    stop_if_no_decrease_hook,
    stop_if_no_increase_hook,
)
from tensorflow_estimator.python.estimator.export.export import (
    build_raw_supervised_input_receiver_fn,
    build_supervised_input_receiver_fn_from_input_fn,
)
from tensorflow_estimator.python.estimator.extenders import add_metrics
from tensorflow_estimator.python.estimator.hooks.hooks import (
    InMemoryEvaluatorHook,
    make_stop_at_checkpoint_step_hook,
)
from tensorflow_estimator.python.estimator.model_fn import call_logit_fn

from entrypoint.tensorflow1.contrib.estimator.extenders import (
    clip_gradients_by_norm,
    forward_features,
)
from entrypoint.tensorflow1.contrib.estimator.heads import (
    binary_classification_head,
    logistic_regression_head,
    multi_class_head,
    poisson_regression_head,
    regression_head,
)
from entrypoint.tensorflow1.contrib.estimator.multi_head import multi_head
from entrypoint.tensorflow1.contrib.estimator.multi_label_head import multi_label_head
from entrypoint.tensorflow1.contrib.estimator.towers import TowerOptimizer, replicate_model_fn
from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "DNNEstimator",
    "DNNLinearCombinedEstimator",
    "InMemoryEvaluatorHook",
    "LinearEstimator",
    "SavedModelEstimator",
    "TowerOptimizer",
    "add_metrics",
    "binary_classification_head",
    "build_raw_supervised_input_receiver_fn",
    "build_supervised_input_receiver_fn_from_input_fn",
    "call_logit_fn",
    "clip_gradients_by_norm",
    "dnn_logit_fn_builder",
    "export_all_saved_models",
    "export_saved_model_for_mode",
    "forward_features",
    "linear_logit_fn_builder",
    "logistic_regression_head",
    "make_early_stopping_hook",
    "make_stop_at_checkpoint_step_hook",
    "multi_class_head",
    "multi_head",
    "multi_label_head",
    "poisson_regression_head",
    "read_eval_metrics",
    "regression_head",
    "replicate_model_fn",
    "stop_if_higher_hook",
    "stop_if_lower_hook",
    "stop_if_no_decrease_hook",
    "stop_if_no_increase_hook",
]


def export_saved_model_for_mode(
    estimator: Any,
    export_dir_base: str,
    input_receiver_fn: Callable[[], Any],
    assets_extra: Any = None,
    as_text: bool = False,
    checkpoint_path: str | None = None,
    mode: str = tf.estimator.ModeKeys.PREDICT,
) -> Any:
    """Export the graph of one mode. Returns the directory, as `Estimator.export_saved_model`."""
    return estimator.export_saved_model(
        export_dir_base,
        input_receiver_fn,
        assets_extra=assets_extra,
        as_text=as_text,
        checkpoint_path=checkpoint_path,
        experimental_mode=mode,
    )


def export_all_saved_models(
    estimator: Any,
    export_dir_base: str,
    input_receiver_fn_map: dict[str, Callable[[], Any]],
    assets_extra: Any = None,
    as_text: bool = False,
    checkpoint_path: str | None = None,
) -> Any:
    """Export the graphs of several modes into one SavedModel. Returns its directory."""
    return estimator.experimental_export_all_saved_models(
        export_dir_base,
        input_receiver_fn_map,
        assets_extra=assets_extra,
        as_text=as_text,
        checkpoint_path=checkpoint_path,
    )


_RNN = "build the model_fn with tf.nn.dynamic_rnn and a head of tf.contrib.estimator"
NOT_SUPPLIED = {
    "DNNClassifierWithLayerAnnotations": "use tf.estimator.DNNClassifier",
    "DNNRegressorWithLayerAnnotations": "use tf.estimator.DNNRegressor",
    "RNNClassifier": _RNN,
    "RNNEstimator": _RNN,
    "boosted_trees_classifier_train_in_memory": "use tf.estimator.BoostedTreesClassifier",
    "boosted_trees_regressor_train_in_memory": "use tf.estimator.BoostedTreesRegressor",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
