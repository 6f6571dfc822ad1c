"""`tf.contrib.learn`: what of it works with `tf.estimator.Estimator`."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1.contrib.learn import (
    datasets,
    io,
    learn_runner,
    monitors,
    preprocessing,
    utils,
)
from entrypoint.tensorflow1.contrib.learn.experiment import Experiment
from entrypoint.tensorflow1.contrib.learn.export_strategy import ExportStrategy
from entrypoint.tensorflow1.contrib.learn.io import (
    extract_pandas_data,
    extract_pandas_labels,
    extract_pandas_matrix,
)
from entrypoint.tensorflow1.contrib.learn.run_config import RunConfig, TaskType
from entrypoint.tensorflow1.contrib.learn.utils.input_fn_utils import (
    InputFnOps,
    build_parsing_serving_input_fn,
)
from entrypoint.tensorflow1.contrib.learn.utils.saved_model_export_utils import (
    make_export_strategy,
)
from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "Experiment",
    "ExportStrategy",
    "InputFnOps",
    "ModeKeys",
    "NanLossDuringTrainingError",
    "NotFittedError",
    "PredictionKey",
    "ProblemType",
    "RunConfig",
    "TaskType",
    "build_parsing_serving_input_fn",
    "datasets",
    "extract_pandas_data",
    "extract_pandas_labels",
    "extract_pandas_matrix",
    "io",
    "learn_runner",
    "make_export_strategy",
    "monitors",
    "no_op_train_fn",
    "preprocessing",
    "utils",
]

NanLossDuringTrainingError = tf.train.NanLossDuringTrainingError


class ModeKeys:
    """The modes of a model_fn, which are those of `tf.estimator.ModeKeys`."""

    TRAIN = "train"
    EVAL = "eval"
    INFER = "infer"

    @classmethod
    def validate(cls, key: str) -> None:
        """Check a mode.

        Raises:
            ValueError: it is none.
        """
        if key not in {cls.TRAIN, cls.EVAL, cls.INFER}:
            raise ValueError(f"Invalid mode {key}.")


class NotFittedError(ValueError, AttributeError):
    """A model is used before it is trained."""


class PredictionKey:
    """Names of predictions."""

    CLASSES = "classes"
    PROBABILITIES = "probabilities"
    LOGITS = "logits"
    LOGISTIC = "logistic"
    SCORES = "scores"
    TOP_K = "top_k"
    GENERIC = "output"


class ProblemType:
    """Kinds of problems."""

    UNSPECIFIED = 0
    CLASSIFICATION = 1
    LINEAR_REGRESSION = 2
    LOGISTIC_REGRESSION = 3


def no_op_train_fn(loss: object) -> object:
    """Return an operation that does nothing, as the train op of a head."""
    return tf.no_op()


def _use(name: str) -> str:
    return f"use tf.estimator.{name}, whose columns are those of tf.feature_column"


_HEAD = "use the head of this name of tf.contrib.estimator"
_LOOP = "use tf.estimator.Estimator, or tf.train.MonitoredTrainingSession"
NOT_SUPPLIED = {
    "BaseEstimator": "use tf.estimator.Estimator",
    "DNNClassifier": _use("DNNClassifier"),
    "DNNEstimator": _use("DNNEstimator"),
    "DNNLinearCombinedClassifier": _use("DNNLinearCombinedClassifier"),
    "DNNLinearCombinedEstimator": _use("DNNLinearCombinedEstimator"),
    "DNNLinearCombinedRegressor": _use("DNNLinearCombinedRegressor"),
    "DNNRegressor": _use("DNNRegressor"),
    "DynamicRnnEstimator": "use tf.estimator.Estimator with a model_fn of tf.nn.dynamic_rnn",
    "Estimator": (
        "use tf.estimator.Estimator, whose model_fn returns a tf.estimator.EstimatorSpec"
    ),
    "Evaluable": "use tf.estimator.Estimator",
    "Head": "use the heads of tf.contrib.estimator",
    "KMeansClustering": "use tf.estimator.experimental.KMeans",
    "LinearClassifier": _use("LinearClassifier"),
    "LinearEstimator": _use("LinearEstimator"),
    "LinearRegressor": _use("LinearRegressor"),
    "LogisticRegressor": "use tf.estimator.Estimator with a head of tf.contrib.estimator",
    "MetricSpec": "use the eval_metric_ops of tf.estimator.EstimatorSpec",
    "ModelFnOps": "use tf.estimator.EstimatorSpec",
    "SKCompat": "use tf.estimator.Estimator with tf.estimator.inputs.numpy_input_fn",
    "SVM": "use tf.estimator.LinearClassifier",
    "Trainable": "use tf.estimator.Estimator",
    "binary_svm_head": "use tf.losses.hinge_loss",
    "evaluate": _LOOP,
    **{
        name: text for name, text in io.NOT_SUPPLIED.items() if name.startswith(("extract", "read"))
    },
    "graph_actions": _LOOP,
    "head": "use the heads of tf.contrib.estimator",
    "infer": _LOOP,
    "infer_real_valued_columns_from_input": "use tf.feature_column.numeric_column",
    "infer_real_valued_columns_from_input_fn": "use tf.feature_column.numeric_column",
    "models": "use tf.layers and tf.losses",
    "multi_class_head": _HEAD,
    "multi_head": _HEAD,
    "multi_label_head": _HEAD,
    "ops": "use tf.layers and tf.nn",
    "poisson_regression_head": _HEAD,
    "regression_head": _HEAD,
    "run_feeds": _LOOP,
    "run_n": _LOOP,
    "train": _LOOP,
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
