"""`tf.contrib.metrics`: metrics as pairs of a value and its update, from `tf_slim`.

Most take `predictions` before `labels`, where `tf.metrics` takes them in the other order.
"""

from __future__ import annotations

import tensorflow as tf

from entrypoint.tensorflow1 import mended_slim
from entrypoint.tensorflow1.contrib.missing import explain_missing

_metrics = mended_slim.mend().metrics

confusion_matrix = tf.compat.v1.confusion_matrix
set_difference = tf.sets.difference
set_intersection = tf.sets.intersection
set_size = tf.sets.size
set_union = tf.sets.union

accuracy = _metrics.accuracy
aggregate_metric_map = _metrics.aggregate_metric_map
aggregate_metrics = _metrics.aggregate_metrics
auc_using_histogram = _metrics.auc_using_histogram
auc_with_confidence_intervals = _metrics.auc_with_confidence_intervals
cohen_kappa = _metrics.cohen_kappa
count = _metrics.count
f1_score = _metrics.f1_score
precision_at_recall = _metrics.precision_at_recall
precision_recall_at_equal_thresholds = _metrics.precision_recall_at_equal_thresholds
recall_at_precision = _metrics.recall_at_precision
sparse_recall_at_top_k = _metrics.sparse_recall_at_top_k
streaming_accuracy = _metrics.streaming_accuracy
streaming_auc = _metrics.streaming_auc
streaming_concat = _metrics.streaming_concat
streaming_covariance = _metrics.streaming_covariance
streaming_curve_points = _metrics.streaming_curve_points
streaming_dynamic_auc = _metrics.streaming_dynamic_auc
streaming_false_negative_rate = _metrics.streaming_false_negative_rate
streaming_false_negative_rate_at_thresholds = _metrics.streaming_false_negative_rate_at_thresholds
streaming_false_negatives = _metrics.streaming_false_negatives
streaming_false_negatives_at_thresholds = _metrics.streaming_false_negatives_at_thresholds
streaming_false_positive_rate = _metrics.streaming_false_positive_rate
streaming_false_positive_rate_at_thresholds = _metrics.streaming_false_positive_rate_at_thresholds
streaming_false_positives = _metrics.streaming_false_positives
streaming_false_positives_at_thresholds = _metrics.streaming_false_positives_at_thresholds
streaming_mean = _metrics.streaming_mean
streaming_mean_absolute_error = _metrics.streaming_mean_absolute_error
streaming_mean_cosine_distance = _metrics.streaming_mean_cosine_distance
streaming_mean_iou = _metrics.streaming_mean_iou
streaming_mean_relative_error = _metrics.streaming_mean_relative_error
streaming_mean_squared_error = _metrics.streaming_mean_squared_error
streaming_mean_tensor = _metrics.streaming_mean_tensor
streaming_pearson_correlation = _metrics.streaming_pearson_correlation
streaming_percentage_less = _metrics.streaming_percentage_less
streaming_precision = _metrics.streaming_precision
streaming_precision_at_thresholds = _metrics.streaming_precision_at_thresholds
streaming_recall = _metrics.streaming_recall
streaming_recall_at_k = _metrics.streaming_recall_at_k
streaming_recall_at_thresholds = _metrics.streaming_recall_at_thresholds
streaming_root_mean_squared_error = _metrics.streaming_root_mean_squared_error
streaming_sensitivity_at_specificity = _metrics.streaming_sensitivity_at_specificity
streaming_sparse_average_precision_at_k = _metrics.streaming_sparse_average_precision_at_k
streaming_sparse_average_precision_at_top_k = _metrics.streaming_sparse_average_precision_at_top_k
streaming_sparse_precision_at_k = _metrics.streaming_sparse_precision_at_k
streaming_sparse_precision_at_top_k = _metrics.streaming_sparse_precision_at_top_k
streaming_sparse_recall_at_k = _metrics.streaming_sparse_recall_at_k
streaming_specificity_at_sensitivity = _metrics.streaming_specificity_at_sensitivity
streaming_true_negatives = _metrics.streaming_true_negatives
streaming_true_negatives_at_thresholds = _metrics.streaming_true_negatives_at_thresholds
streaming_true_positives = _metrics.streaming_true_positives
streaming_true_positives_at_thresholds = _metrics.streaming_true_positives_at_thresholds

__all__ = [
    "accuracy",
    "aggregate_metric_map",
    "aggregate_metrics",
    "auc_using_histogram",
    "auc_with_confidence_intervals",
    "cohen_kappa",
    "confusion_matrix",
    "count",
    "f1_score",
    "precision_at_recall",
    "precision_recall_at_equal_thresholds",
    "recall_at_precision",
    "set_difference",
    "set_intersection",
    "set_size",
    "set_union",
    "sparse_recall_at_top_k",
    "streaming_accuracy",
    "streaming_auc",
    "streaming_concat",
    "streaming_covariance",
    "streaming_curve_points",
    "streaming_dynamic_auc",
    "streaming_false_negative_rate",
    "streaming_false_negative_rate_at_thresholds",
    "streaming_false_negatives",
    "streaming_false_negatives_at_thresholds",
    "streaming_false_positive_rate",
    "streaming_false_positive_rate_at_thresholds",
    "streaming_false_positives",
    "streaming_false_positives_at_thresholds",
    "streaming_mean",
    "streaming_mean_absolute_error",
    "streaming_mean_cosine_distance",
    "streaming_mean_iou",
    "streaming_mean_relative_error",
    "streaming_mean_squared_error",
    "streaming_mean_tensor",
    "streaming_pearson_correlation",
    "streaming_percentage_less",
    "streaming_precision",
    "streaming_precision_at_thresholds",
    "streaming_recall",
    "streaming_recall_at_k",
    "streaming_recall_at_thresholds",
    "streaming_root_mean_squared_error",
    "streaming_sensitivity_at_specificity",
    "streaming_sparse_average_precision_at_k",
    "streaming_sparse_average_precision_at_top_k",
    "streaming_sparse_precision_at_k",
    "streaming_sparse_precision_at_top_k",
    "streaming_sparse_recall_at_k",
    "streaming_specificity_at_sensitivity",
    "streaming_true_negatives",
    "streaming_true_negatives_at_thresholds",
    "streaming_true_positives",
    "streaming_true_positives_at_thresholds",
]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
