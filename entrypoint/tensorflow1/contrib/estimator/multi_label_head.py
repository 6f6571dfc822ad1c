"""The head for any number of classes per example."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow_estimator.python.estimator import model_fn as model_fn_lib
from tensorflow_estimator.python.estimator.canned import head as canned
from tensorflow_estimator.python.estimator.canned.metric_keys import MetricKeys
from tensorflow_estimator.python.estimator.canned.prediction_keys import PredictionKeys

__all__ = ["multi_label_head"]

_SERVING = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def multi_label_head(
    n_classes: int,
    weight_column: Any = None,
    thresholds: Iterable[float] | None = None,
    label_vocabulary: Sequence[str] | None = None,
    loss_reduction: str = tf.losses.Reduction.SUM_OVER_BATCH_SIZE,
    loss_fn: Callable[..., Any] | None = None,
    classes_for_class_based_metrics: Sequence[int] | Sequence[str] | None = None,
    name: str | None = None,
) -> Any:
    """Return a head for multi-label classification: sigmoid cross entropy, averaged over classes.

    Args:
        n_classes: logits are [..., n_classes]. Labels are multi-hot [..., n_classes], or a
            SparseTensor [..., ?] of class numbers or of strings of the vocabulary.
        weight_column: the feature, or its column, that weights examples.
        thresholds: each adds accuracy, precision and recall at that probability.
        label_vocabulary: the names of the classes.
        loss_reduction: one of `tf.losses.Reduction` but NONE.
        loss_fn: of (labels, logits) or (labels, logits, features), returns [..., 1].
        classes_for_class_based_metrics: numbers or names of classes that get metrics of their own.
        name: suffix of metrics and summaries, and scope of operations.

    Raises:
        ValueError: an argument is out of range.
    """
    if n_classes is None or n_classes < 2:  # noqa: PLR2004 (two classes)
        raise ValueError(
            f"n_classes must be > 1 for multi-class classification. Given: {n_classes}"
        )
    thresholds = tuple(thresholds or ())
    for threshold in thresholds:
        if not 0 < threshold < 1:
            raise ValueError(f"thresholds must be in (0, 1) range. Given: {threshold}")
    if label_vocabulary is not None and (
        not isinstance(label_vocabulary, (list, tuple)) or len(label_vocabulary) != n_classes
    ):
        raise ValueError(
            f"label_vocabulary must be a list or tuple of length n_classes ({n_classes})."
            f" Given: {label_vocabulary}"
        )
    if loss_fn:
        canned._validate_loss_fn_args(loss_fn)
    reductions = set(tf.losses.Reduction.all()) - {tf.losses.Reduction.NONE}
    if loss_reduction not in reductions:
        raise ValueError(f"Invalid loss_reduction: {loss_reduction}")
    class_ids = _class_ids(classes_for_class_based_metrics, n_classes, label_vocabulary)
    return _MultiLabelHead(
        n_classes,
        weight_column,
        thresholds,
        label_vocabulary,
        loss_reduction,
        loss_fn,
        class_ids,
        name,
    )


def _class_ids(classes: Any, n_classes: int, vocabulary: Sequence[str] | None) -> tuple[int, ...]:
    classes = list(classes if classes is not None else ())
    if classes and isinstance(classes[0], str):
        if not vocabulary:
            raise ValueError(
                "label_vocabulary must be provided when classes_for_class_based_metrics are names"
            )
        return tuple(vocabulary.index(name) for name in classes)
    for class_id in classes:
        if not 0 <= class_id < n_classes:
            raise ValueError(
                "All classes_for_class_based_metrics must be in range"
                f" [0, {n_classes - 1}]. Given: {class_id}"
            )
    return tuple(classes)


class _MultiLabelHead(canned._Head):
    """A head of the canned Estimators; see `multi_label_head` for the arguments."""

    def __init__(
        self,
        n_classes: int,
        weight_column: Any,
        thresholds: tuple[float, ...],
        label_vocabulary: Sequence[str] | None,
        loss_reduction: str,
        loss_fn: Callable[..., Any] | None,
        class_ids: tuple[int, ...],
        name: str | None,
    ) -> None:
        self._n_classes = n_classes
        self._weight_column = weight_column
        self._thresholds = thresholds
        self._label_vocabulary = label_vocabulary
        self._loss_reduction = loss_reduction
        self._loss_fn = loss_fn
        self._class_ids = class_ids
        self._name = name

    @property
    def name(self) -> str | None:
        return self._name

    @property
    def logits_dimension(self) -> int:
        return self._n_classes

    def create_loss(self, features: Any, mode: str, logits: Any, labels: Any) -> Any:
        """Return the `LossSpec` of one batch."""
        logits = tf.convert_to_tensor(logits)
        labels = canned._check_dense_labels_match_logits_and_reshape(
            labels=self._multi_hot(labels),
            logits=logits,
            expected_labels_dimension=self._n_classes,
        )
        if self._loss_fn:
            loss = canned._call_loss_fn(
                loss_fn=self._loss_fn,
                labels=labels,
                logits=logits,
                features=features,
                expected_loss_dim=1,
            )
        else:
            by_class = tf.losses.sigmoid_cross_entropy(
                labels, logits, reduction=tf.losses.Reduction.NONE
            )
            loss = tf.reduce_mean(by_class, axis=-1, keepdims=True)
        weights = canned._get_weights_and_check_match_logits(
            features=features, weight_column=self._weight_column, logits=logits
        )
        reduced = tf.losses.compute_weighted_loss(loss, weights, reduction=self._loss_reduction)
        return canned.LossSpec(
            training_loss=reduced, unreduced_loss=loss, weights=weights, processed_labels=labels
        )

    def _multi_hot(self, labels: Any) -> Any:
        if labels is None:
            raise ValueError("You must provide a labels Tensor; input_fn returned none.")
        if not isinstance(labels, tf.SparseTensor):
            message = "labels must be an integer indicator Tensor with values in [0, 1]"
            return canned._assert_range(labels, 2, message=message)
        if labels.dtype == tf.string:
            if not self._label_vocabulary:
                raise ValueError("labels are strings, so the head needs a label_vocabulary")
            table = tf.lookup.StaticVocabularyTable(
                tf.lookup.KeyValueTensorInitializer(
                    tf.constant(list(self._label_vocabulary)),
                    tf.range(self._n_classes, dtype=tf.int64),
                ),
                num_oov_buckets=1,
            )
            labels = tf.SparseTensor(
                labels.indices, table.lookup(labels.values), labels.dense_shape
            )
        message = f"labels must be an integer SparseTensor with values in [0, {self._n_classes})"
        values = canned._assert_range(labels.values, self._n_classes, message=message)
        labels = tf.SparseTensor(labels.indices, values, labels.dense_shape)
        return tf.cast(tf.sparse_to_indicator(labels, self._n_classes), tf.int64)

    def _create_tpu_estimator_spec(
        self,
        features: Any,
        mode: str,
        logits: Any,
        labels: Any = None,
        optimizer: Any = None,
        train_op_fn: Callable[[Any], Any] | None = None,
        regularization_losses: Any = None,
    ) -> Any:
        with tf.name_scope(self._name, "head"):
            logits = canned._check_logits_final_dim(logits, self._n_classes)
            with tf.name_scope(None, "predictions", (logits,)):
                probabilities = tf.sigmoid(logits, name=PredictionKeys.PROBABILITIES)
                predictions = {
                    PredictionKeys.LOGITS: logits,
                    PredictionKeys.PROBABILITIES: probabilities,
                }
            if mode == model_fn_lib.ModeKeys.PREDICT:
                return self._prediction_spec(predictions, probabilities)
            loss = self.create_loss(features, mode, logits, labels)
            extra = tf.add_n(regularization_losses) if regularization_losses else None
            total = loss.training_loss if extra is None else loss.training_loss + extra
            if mode == model_fn_lib.ModeKeys.EVAL:
                metrics = {
                    "labels": loss.processed_labels,
                    "probabilities": probabilities,
                    "weights": loss.weights,
                    "unreduced_loss": loss.unreduced_loss,
                    "regularization_loss": extra,
                }
                return model_fn_lib._TPUEstimatorSpec(
                    mode=mode,
                    predictions=predictions,
                    loss=total,
                    eval_metrics=canned._create_eval_metrics_tuple(self._metrics, metrics),
                )
            train_op = canned._append_update_ops(minimize(total, optimizer, train_op_fn))
        self._write_summaries(loss, total, extra)
        return model_fn_lib._TPUEstimatorSpec(
            mode=mode, predictions=predictions, loss=total, train_op=train_op
        )

    def _prediction_spec(self, predictions: dict[str, Any], probabilities: Any) -> Any:
        classes = canned._classification_output(
            scores=probabilities,
            n_classes=self._n_classes,
            label_vocabulary=self._label_vocabulary,
        )
        return model_fn_lib._TPUEstimatorSpec(
            mode=model_fn_lib.ModeKeys.PREDICT,
            predictions=predictions,
            export_outputs={
                _SERVING: classes,
                canned._CLASSIFY_SERVING_KEY: classes,
                canned._PREDICT_SERVING_KEY: tf.estimator.export.PredictOutput(predictions),
            },
        )

    def _key(self, metric: str) -> str:
        return str(canned._summary_key(self._name, metric))

    def _write_summaries(self, loss: Any, total: Any, extra: Any) -> None:
        with tf.name_scope(""):
            tf.summary.scalar(self._key(MetricKeys.LOSS), total)
            if self._loss_reduction == tf.losses.Reduction.SUM:
                examples = tf.reduce_sum(loss.weights * tf.ones_like(loss.unreduced_loss))
                tf.summary.scalar(self._key(MetricKeys.LOSS_MEAN), loss.training_loss / examples)
            if extra is not None:
                tf.summary.scalar(self._key(MetricKeys.LOSS_REGULARIZATION), extra)

    def _metrics(
        self,
        labels: Any,
        probabilities: Any,
        weights: Any,
        unreduced_loss: Any,
        regularization_loss: Any,
    ) -> dict[str, Any]:
        metrics: dict[str, Any] = {
            MetricKeys.LOSS_MEAN: tf.metrics.mean(
                unreduced_loss, weights, name=MetricKeys.LOSS_MEAN
            ),
            MetricKeys.AUC: tf.metrics.auc(labels, probabilities, weights, name=MetricKeys.AUC),
            MetricKeys.AUC_PR: tf.metrics.auc(
                labels, probabilities, weights, curve="PR", name=MetricKeys.AUC_PR
            ),
        }
        if regularization_loss is not None:
            key = MetricKeys.LOSS_REGULARIZATION
            metrics[key] = tf.metrics.mean(regularization_loss, name=key)
        for threshold in self._thresholds:
            for template, metric in (
                (MetricKeys.ACCURACY_AT_THRESHOLD, canned._accuracy_at_threshold),
                (MetricKeys.PRECISION_AT_THRESHOLD, canned._precision_at_threshold),
                (MetricKeys.RECALL_AT_THRESHOLD, canned._recall_at_threshold),
            ):
                key = template % threshold
                metrics[key] = metric(labels, probabilities, weights, threshold, name=key)
        for class_id in self._class_ids:
            metrics.update(self._class_metrics(class_id, labels, probabilities, weights))
        return {self._key(key): value for key, value in metrics.items()}

    def _class_metrics(
        self, class_id: int, labels: Any, probabilities: Any, weights: Any
    ) -> dict[str, Any]:
        one = slice(class_id, class_id + 1)
        labels, probabilities = labels[..., one], probabilities[..., one]
        if self._label_vocabulary is None:
            mean, auc, auc_pr = (
                template % class_id
                for template in (
                    MetricKeys.PROBABILITY_MEAN_AT_CLASS,
                    MetricKeys.AUC_AT_CLASS,
                    MetricKeys.AUC_PR_AT_CLASS,
                )
            )
        else:
            mean, auc, auc_pr = (
                template % self._label_vocabulary[class_id]
                for template in (
                    MetricKeys.PROBABILITY_MEAN_AT_NAME,
                    MetricKeys.AUC_AT_NAME,
                    MetricKeys.AUC_PR_AT_NAME,
                )
            )
        return {
            mean: canned._predictions_mean(probabilities, weights, name=mean),
            auc: canned._auc(labels, probabilities, weights, name=auc),
            auc_pr: canned._auc(labels, probabilities, weights, curve="PR", name=auc_pr),
        }


def minimize(loss: Any, optimizer: Any, train_op_fn: Callable[[Any], Any] | None) -> Any:
    """Return the train op of a head.

    Raises:
        ValueError: not exactly one of the two is given.
    """
    if (optimizer is None) == (train_op_fn is None):
        both = "both be set" if optimizer is not None else "both be None"
        raise ValueError(f"train_op_fn and optimizer cannot {both}.")
    if train_op_fn is not None:
        return train_op_fn(loss)
    return optimizer.minimize(loss, global_step=tf.train.get_global_step())
