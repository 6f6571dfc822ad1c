"""Every metric on two batches, against what TensorFlow 1.15.5 computed on the same batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1
metrics = contrib.metrics


@dataclasses.dataclass(frozen=True)
class Inputs:
    scores_of_one: Any
    labels: Any
    weights: Any
    are_true: Any
    classes: Any
    labels_as_floats: Any
    scores: Any
    column: Any


BATCHES = [
    ([0.1, 0.4, 0.35, 0.8], [0, 1, 1, 1], [1, 2, 1, 0.5]),
    ([0.7, 0.2, 0.9, 0.55], [0, 0, 1, 1], [1, 1, 3, 1]),
]

CASES: dict[str, Callable[[Inputs], Any]] = {
    "streaming_accuracy": lambda x: metrics.streaming_accuracy(x.classes, x.labels, x.weights),
    "streaming_auc": lambda x: metrics.streaming_auc(x.scores_of_one, x.are_true, x.weights),
    "streaming_auc_pr": lambda x: metrics.streaming_auc(
        x.scores_of_one, x.are_true, curve="PR", num_thresholds=20
    ),
    "streaming_concat": lambda x: metrics.streaming_concat(x.scores_of_one, max_size=5),
    "streaming_covariance": lambda x: metrics.streaming_covariance(
        x.scores_of_one, x.labels_as_floats, x.weights
    ),
    "streaming_pearson_correlation": lambda x: metrics.streaming_pearson_correlation(
        x.scores_of_one, x.labels_as_floats, x.weights
    ),
    "streaming_curve_points": lambda x: metrics.streaming_curve_points(
        labels=x.are_true, predictions=x.scores_of_one, num_thresholds=3
    ),
    "streaming_dynamic_auc": lambda x: metrics.streaming_dynamic_auc(
        x.labels, x.scores_of_one, weights=x.weights
    ),
    "streaming_dynamic_auc_pr": lambda x: metrics.streaming_dynamic_auc(
        x.labels, x.scores_of_one, curve="PR"
    ),
    "streaming_false_negative_rate": lambda x: metrics.streaming_false_negative_rate(
        x.classes, x.labels, x.weights
    ),
    "streaming_false_negative_rate_at_thresholds": lambda x: (
        metrics.streaming_false_negative_rate_at_thresholds(
            x.scores_of_one, x.are_true, [0.3, 0.6], x.weights
        )
    ),
    "streaming_false_negatives": lambda x: metrics.streaming_false_negatives(
        x.classes, x.labels, x.weights
    ),
    "streaming_false_negatives_at_thresholds": lambda x: (
        metrics.streaming_false_negatives_at_thresholds(
            x.scores_of_one, x.are_true, [0.3, 0.6], x.weights
        )
    ),
    "streaming_false_positive_rate": lambda x: metrics.streaming_false_positive_rate(
        x.classes, x.labels, x.weights
    ),
    "streaming_false_positive_rate_at_thresholds": lambda x: (
        metrics.streaming_false_positive_rate_at_thresholds(
            x.scores_of_one, x.are_true, [0.3, 0.6], x.weights
        )
    ),
    "streaming_false_positives": lambda x: metrics.streaming_false_positives(
        x.classes, x.labels, x.weights
    ),
    "streaming_false_positives_at_thresholds": lambda x: (
        metrics.streaming_false_positives_at_thresholds(
            x.scores_of_one, x.are_true, [0.3, 0.6], x.weights
        )
    ),
    "streaming_mean": lambda x: metrics.streaming_mean(x.scores_of_one, x.weights),
    "streaming_mean_absolute_error": lambda x: metrics.streaming_mean_absolute_error(
        x.scores_of_one, x.labels_as_floats, x.weights
    ),
    "streaming_mean_cosine_distance": lambda x: metrics.streaming_mean_cosine_distance(
        tf.math.l2_normalize(x.scores, 1), tf.one_hot(x.labels, 3), 1
    ),
    "streaming_mean_iou": lambda x: metrics.streaming_mean_iou(x.classes, x.labels, 2, x.weights),
    "streaming_mean_relative_error": lambda x: metrics.streaming_mean_relative_error(
        x.scores_of_one, x.labels_as_floats, x.scores_of_one + 1.0, x.weights
    ),
    "streaming_mean_squared_error": lambda x: metrics.streaming_mean_squared_error(
        x.scores_of_one, x.labels_as_floats, x.weights
    ),
    "streaming_mean_tensor": lambda x: metrics.streaming_mean_tensor(x.scores_of_one, x.weights),
    "streaming_percentage_less": lambda x: metrics.streaming_percentage_less(
        x.scores_of_one, 0.5, x.weights
    ),
    "streaming_precision": lambda x: metrics.streaming_precision(x.classes, x.labels, x.weights),
    "streaming_precision_at_thresholds": lambda x: metrics.streaming_precision_at_thresholds(
        x.scores_of_one, x.are_true, [0.3, 0.6], x.weights
    ),
    "streaming_recall": lambda x: metrics.streaming_recall(x.classes, x.labels, x.weights),
    "streaming_recall_at_k": lambda x: metrics.streaming_recall_at_k(
        x.scores, x.labels, 1, x.weights
    ),
    "streaming_recall_at_thresholds": lambda x: metrics.streaming_recall_at_thresholds(
        x.scores_of_one, x.are_true, [0.3, 0.6], x.weights
    ),
    "streaming_root_mean_squared_error": lambda x: metrics.streaming_root_mean_squared_error(
        x.scores_of_one, x.labels_as_floats, x.weights
    ),
    "streaming_sensitivity_at_specificity": lambda x: metrics.streaming_sensitivity_at_specificity(
        x.scores_of_one, x.are_true, 0.6, x.weights
    ),
    "streaming_sparse_average_precision_at_k": lambda x: (
        metrics.streaming_sparse_average_precision_at_k(x.scores, x.column, 2, x.weights)
    ),
    "streaming_sparse_average_precision_at_top_k": lambda x: (
        metrics.streaming_sparse_average_precision_at_top_k(
            tf.stack([x.labels * 0, x.labels * 0 + 1], 1), x.column, x.weights
        )
    ),
    "streaming_sparse_precision_at_k": lambda x: metrics.streaming_sparse_precision_at_k(
        x.scores, x.column, 2, weights=x.weights
    ),
    "streaming_sparse_precision_at_top_k": lambda x: metrics.streaming_sparse_precision_at_top_k(
        tf.stack([x.labels * 0, x.labels * 0 + 1], 1), x.column, class_id=1, weights=x.weights
    ),
    "streaming_sparse_recall_at_k": lambda x: metrics.streaming_sparse_recall_at_k(
        x.scores, x.column, 1, class_id=1, weights=x.weights
    ),
    "streaming_specificity_at_sensitivity": lambda x: metrics.streaming_specificity_at_sensitivity(
        x.scores_of_one, x.are_true, 0.6, x.weights
    ),
    "streaming_true_negatives": lambda x: metrics.streaming_true_negatives(
        x.classes, x.labels, x.weights
    ),
    "streaming_true_negatives_at_thresholds": lambda x: (
        metrics.streaming_true_negatives_at_thresholds(
            x.scores_of_one, x.are_true, [0.3, 0.6], x.weights
        )
    ),
    "streaming_true_positives": lambda x: metrics.streaming_true_positives(
        x.classes, x.labels, x.weights
    ),
    "streaming_true_positives_at_thresholds": lambda x: (
        metrics.streaming_true_positives_at_thresholds(
            x.scores_of_one, x.are_true, [0.3, 0.6], x.weights
        )
    ),
    "sparse_recall_at_top_k": lambda x: metrics.sparse_recall_at_top_k(
        x.column, tf.stack([x.labels * 0, x.labels * 0 + 2], 1), weights=x.weights
    ),
    "count": lambda x: metrics.count(x.scores_of_one, x.weights),
    "cohen_kappa": lambda x: metrics.cohen_kappa(x.labels, x.classes, 2, x.weights),
    "f1_score": lambda x: metrics.f1_score(x.labels, x.scores_of_one, x.weights),
    "precision_at_recall": lambda x: metrics.precision_at_recall(
        x.are_true, x.scores_of_one, 0.6, x.weights
    ),
    "recall_at_precision": lambda x: metrics.recall_at_precision(
        x.are_true, x.scores_of_one, 0.6, x.weights
    ),
    "auc_with_confidence_intervals": lambda x: metrics.auc_with_confidence_intervals(
        x.labels, x.scores_of_one, x.weights
    ),
    "precision_recall_at_equal_thresholds": lambda x: metrics.precision_recall_at_equal_thresholds(
        x.are_true, x.scores_of_one, x.weights, num_thresholds=3
    ),
}

# As TensorFlow 1.15.5 computes after both batches, and its local variables with their shapes.
EXPECTED: dict[str, tuple[Any, dict[str, list[int] | None]]] = {
    "streaming_accuracy": ([0.619048], {"accuracy/total": [], "accuracy/count": []}),
    "streaming_auc": (
        [0.822222],
        {
            "auc/true_positives": [200],
            "auc/false_negatives": [200],
            "auc/true_negatives": [200],
            "auc/false_positives": [200],
        },
    ),
    "streaming_auc_pr": (
        [0.86],
        {
            "auc/true_positives": [20],
            "auc/false_negatives": [20],
            "auc/true_negatives": [20],
            "auc/false_positives": [20],
        },
    ),
    "streaming_concat": (
        [[0.1, 0.4, 0.35, 0.8, 0.7]],
        {"streaming_concat/array": None, "streaming_concat/size": []},
    ),
    "streaming_covariance": (
        [0.069173],
        {
            "covariance/count": [],
            "covariance/mean_prediction": [],
            "covariance/mean_label": [],
            "covariance/comoment": [],
        },
    ),
    "streaming_pearson_correlation": (
        [0.492394],
        {
            "pearson_r/covariance/count": [],
            "pearson_r/covariance/mean_prediction": [],
            "pearson_r/covariance/mean_label": [],
            "pearson_r/covariance/comoment": [],
            "pearson_r/variance_predictions/count": [],
            "pearson_r/variance_predictions/mean_prediction": [],
            "pearson_r/variance_predictions/mean_label": [],
            "pearson_r/variance_predictions/comoment": [],
            "pearson_r/variance_labels/count": [],
            "pearson_r/variance_labels/mean_prediction": [],
            "pearson_r/variance_labels/mean_label": [],
            "pearson_r/variance_labels/comoment": [],
        },
    ),
    "streaming_curve_points": (
        [[[1.0, 1.0], [0.333333, 0.6], [0.0, 0.0]]],
        {
            "curve_points/true_positives": [3],
            "curve_points/false_negatives": [3],
            "curve_points/true_negatives": [3],
            "curve_points/false_positives": [3],
        },
    ),
    "streaming_dynamic_auc": (
        [0.822222],
        {
            "dynamic_auc/concat_preds/array": None,
            "dynamic_auc/concat_preds/size": [],
            "dynamic_auc/concat_labels/array": None,
            "dynamic_auc/concat_labels/size": [],
            "dynamic_auc/concat_weights/array": None,
            "dynamic_auc/concat_weights/size": [],
        },
    ),
    "streaming_dynamic_auc_pr": (
        [0.86],
        {
            "dynamic_auc/concat_preds/array": None,
            "dynamic_auc/concat_preds/size": [],
            "dynamic_auc/concat_labels/array": None,
            "dynamic_auc/concat_labels/size": [],
        },
    ),
    "streaming_false_negative_rate": (
        [0.4],
        {
            "false_negative_rate/false_negatives/count": [],
            "false_negative_rate/true_positives/count": [],
        },
    ),
    "streaming_false_negative_rate_at_thresholds": (
        [[0.0, 0.533333]],
        {
            "false_negative_rate_at_thresholds/true_positives": [2],
            "false_negative_rate_at_thresholds/false_negatives": [2],
        },
    ),
    "streaming_false_negatives": ([3.0], {"false_negatives/count": []}),
    "streaming_false_negatives_at_thresholds": ([[0.0, 4.0]], {"false_negatives": [2]}),
    "streaming_false_positive_rate": (
        [0.333333],
        {
            "false_positive_rate/false_positives/count": [],
            "false_positive_rate/true_negatives/count": [],
        },
    ),
    "streaming_false_positive_rate_at_thresholds": (
        [[0.333333, 0.333333]],
        {
            "false_positive_rate_at_thresholds/true_negatives": [2],
            "false_positive_rate_at_thresholds/false_positives": [2],
        },
    ),
    "streaming_false_positives": ([1.0], {"false_positives/count": []}),
    "streaming_false_positives_at_thresholds": ([[1.0, 1.0]], {"false_positives": [2]}),
    "streaming_mean": ([0.552381], {"mean/total": [], "mean/count": []}),
    "streaming_mean_absolute_error": (
        [0.352381],
        {"mean_absolute_error/total": [], "mean_absolute_error/count": []},
    ),
    "streaming_mean_cosine_distance": (
        [0.542113],
        {"mean_cosine_distance/total": [], "mean_cosine_distance/count": []},
    ),
    "streaming_mean_iou": ([0.431373], {"mean_iou/total_confusion_matrix": [2, 2]}),
    "streaming_mean_relative_error": (
        [0.239213],
        {"mean_relative_error/total": [], "mean_relative_error/count": []},
    ),
    "streaming_mean_squared_error": (
        [0.184286],
        {"mean_squared_error/total": [], "mean_squared_error/count": []},
    ),
    "streaming_mean_tensor": (
        [[0.4, 0.333333, 0.7625, 0.633333]],
        {"mean/total_tensor": [4], "mean/count_tensor": [4]},
    ),
    "streaming_percentage_less": (
        [0.47619],
        {"percentage_below_threshold/total": [], "percentage_below_threshold/count": []},
    ),
    "streaming_precision": (
        [0.818182],
        {"precision/true_positives/count": [], "precision/false_positives/count": []},
    ),
    "streaming_precision_at_thresholds": (
        [[0.882353, 0.777778]],
        {
            "precision_at_thresholds/true_positives": [2],
            "precision_at_thresholds/false_positives": [2],
        },
    ),
    "streaming_recall": (
        [0.6],
        {"recall/true_positives/count": [], "recall/false_negatives/count": []},
    ),
    "streaming_recall_at_k": ([0.380952], {"recall_at_1/total": [], "recall_at_1/count": []}),
    "streaming_recall_at_thresholds": (
        [[1.0, 0.466667]],
        {"recall_at_thresholds/true_positives": [2], "recall_at_thresholds/false_negatives": [2]},
    ),
    "streaming_root_mean_squared_error": (
        [0.429285],
        {"root_mean_squared_error/total": [], "root_mean_squared_error/count": []},
    ),
    "streaming_sensitivity_at_specificity": (
        [1.0],
        {
            "sensitivity_at_specificity/true_positives": [200],
            "sensitivity_at_specificity/false_negatives": [200],
            "sensitivity_at_specificity/true_negatives": [200],
            "sensitivity_at_specificity/false_positives": [200],
        },
    ),
    "streaming_sparse_average_precision_at_k": (
        [0.52381],
        {"average_precision_at_2/max_1": [], "average_precision_at_2/total": []},
    ),
    "streaming_sparse_average_precision_at_top_k": (
        [0.642857],
        {"average_precision_at_top_k/max": [], "average_precision_at_top_k/total": []},
    ),
    "streaming_sparse_precision_at_k": (
        [0.333333],
        {"precision_at_2/true_positive_at_2": [], "precision_at_2/false_positive_at_2": []},
    ),
    "streaming_sparse_precision_at_top_k": (
        [0.714286],
        {
            "precision_at_k_class1/true_positive_at_k_class1": [],
            "precision_at_k_class1/false_positive_at_k_class1": [],
        },
    ),
    "streaming_sparse_recall_at_k": (
        [0.4],
        {
            "recall_at_1_class1/true_positive_at_1_class1": [],
            "recall_at_1_class1/false_negative_at_1_class1": [],
        },
    ),
    "streaming_specificity_at_sensitivity": (
        [0.666667],
        {
            "specificity_at_sensitivity/true_positives": [200],
            "specificity_at_sensitivity/false_negatives": [200],
            "specificity_at_sensitivity/true_negatives": [200],
            "specificity_at_sensitivity/false_positives": [200],
        },
    ),
    "streaming_true_negatives": ([2.0], {"true_negatives/count": []}),
    "streaming_true_negatives_at_thresholds": ([[2.0, 2.0]], {"true_negatives": [2]}),
    "streaming_true_positives": ([4.5], {"true_positives/count": []}),
    "streaming_true_positives_at_thresholds": ([[7.5, 3.5]], {"true_positives": [2]}),
    "sparse_recall_at_top_k": (
        [0.285714],
        {"recall_at_k/true_positive_at_k": [], "recall_at_k/false_negative_at_k": []},
    ),
    "count": ([10.5], {"count/count": []}),
    "cohen_kappa": (
        [0.222222],
        {"cohen_kappa/po": [2], "cohen_kappa/pe_row": [2], "cohen_kappa/pe_col": [2]},
    ),
    "f1_score": (
        [0.9375],
        {"f1/true_positives": [200], "f1/false_negatives": [200], "f1/false_positives": [200]},
    ),
    "precision_at_recall": (
        [0.818182],
        {
            "precision_at_recall/true_positives": [200],
            "precision_at_recall/false_negatives": [200],
            "precision_at_recall/true_negatives": [200],
            "precision_at_recall/false_positives": [200],
        },
    ),
    "recall_at_precision": (
        [1.0],
        {
            "recall_at_precision/true_positives": [200],
            "recall_at_precision/false_negatives": [200],
            "recall_at_precision/true_negatives": [200],
            "recall_at_precision/false_positives": [200],
        },
    ),
    "auc_with_confidence_intervals": (
        [0.822222, 0.267441, 0.983219],
        {
            "auc_with_confidence_intervals/concat_preds/array": None,
            "auc_with_confidence_intervals/concat_preds/size": [],
            "auc_with_confidence_intervals/concat_labels/array": None,
            "auc_with_confidence_intervals/concat_labels/size": [],
            "auc_with_confidence_intervals/concat_weights/array": None,
            "auc_with_confidence_intervals/concat_weights/size": [],
        },
    ),
    "precision_recall_at_equal_thresholds": (
        [
            [7.5, 4.5, 0.0],
            [3.0, 1.0, 0.0],
            [0.0, 2.0, 3.0],
            [0.0, 3.0, 7.5],
            [0.714286, 0.818182, 0.0],
            [1.0, 0.6, 0.0],
            [0.0, 0.5, 1.0],
        ],
        {
            "precision_recall_at_equal_thresholds/variables/tp_buckets": [3],
            "precision_recall_at_equal_thresholds/variables/fp_buckets": [3],
        },
    ),
}


def inputs() -> Inputs:
    score = v1.placeholder(tf.float32, [4])
    label = v1.placeholder(tf.int64, [4])
    return Inputs(
        score,
        label,
        v1.placeholder(tf.float32, [4]),
        tf.cast(label, tf.bool),
        tf.cast(score > 0.5, tf.int64),
        tf.cast(label, tf.float32),
        tf.stack([score, 1 - score, score * score], 1),
        label[:, tf.newaxis],
    )


def parts(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else [value]


@pytest.mark.parametrize("name", CASES)
def test_metric_is_tensorflow_1s(name: str) -> None:
    x = inputs()
    feeds = [
        dict(zip((x.scores_of_one, x.labels, x.weights), batch, strict=True)) for batch in BATCHES
    ]
    value, update = CASES[name](x)
    with v1.Session() as session:
        session.run(v1.local_variables_initializer())
        for feed in feeds:
            session.run(update, feed)
        found = parts(session.run(value, feeds[-1]))
    expected, variables = EXPECTED[name]
    assert len(found) == len(expected)
    for part, expected_part in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, expected_part, atol=2e-6)
    assert {
        variable.op.name: None if variable.shape.rank is None else variable.shape.as_list()
        for variable in v1.local_variables()
    } == variables


def test_every_streaming_metric_is_a_case() -> None:
    untested = set(metrics.__all__) - set(CASES)
    assert untested == {
        "accuracy",
        "aggregate_metric_map",
        "aggregate_metrics",
        "auc_using_histogram",
        "confusion_matrix",
        "set_difference",
        "set_intersection",
        "set_size",
        "set_union",
    }


def test_accuracy_is_the_weighted_share_of_equal_elements() -> None:
    predictions, labels = tf.constant([1, 2, 3]), tf.constant([1, 2, 4])
    assert run(metrics.accuracy(predictions, labels)) == pytest.approx(2 / 3)
    assert run(metrics.accuracy(predictions, labels, [1.0, 1.0, 2.0])) == pytest.approx(0.5)


def test_metrics_are_aggregated() -> None:
    pairs = {
        "mean": metrics.streaming_mean([1.0, 3.0]),
        "count": metrics.count(tf.constant([1.0, 3.0])),
    }
    values, updates = metrics.aggregate_metric_map(pairs)
    assert list(values) == list(updates) == ["mean", "count"]
    assert run(updates) == {"mean": 2.0, "count": 2.0}
    values_in_order, updates_in_order = metrics.aggregate_metrics(*pairs.values())
    assert values_in_order == list(values.values())
    assert updates_in_order == list(updates.values())


def test_area_from_histograms() -> None:
    """The separable half of the scores ranks right, the other half ties."""
    labels = tf.constant([True, True, False, False])
    value, update = metrics.auc_using_histogram(labels, [0.9, 0.5, 0.5, 0.1], [0.0, 1.0])
    with v1.Session() as session:
        session.run(v1.local_variables_initializer())
        session.run(update)
        assert session.run(value) == pytest.approx((1 + 1 + 1 + 0.5) / 4, abs=0.01)


def test_confusion_matrix_counts_by_label_then_prediction() -> None:
    matrix = metrics.confusion_matrix([0, 1, 1], [0, 0, 1], 2, weights=[1, 2, 3])
    assert run(matrix).tolist() == [[1, 0], [2, 3]]


def test_sets() -> None:
    a, b = tf.constant([[1, 2, 3]]), tf.constant([[2, 4, 5]])

    def members(result: Any) -> list[int]:
        found: list[int] = run(result).values.tolist()
        return found

    assert members(metrics.set_difference(a, b)) == [1, 3]
    assert members(metrics.set_difference(a, b, aminusb=False)) == [4, 5]
    assert members(metrics.set_intersection(a, b)) == [2]
    assert members(metrics.set_union(a, b)) == [1, 2, 3, 4, 5]
    assert run(metrics.set_size(metrics.set_union(a, b))).tolist() == [5]


def test_an_estimator_evaluates_with_them(tmp_path: Any) -> None:
    from tensorflow_estimator._api.v1 import estimator

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        bias = v1.get_variable("bias", [], initializer=v1.zeros_initializer())
        scores = tf.sigmoid(features + bias)
        step = v1.assign_add(v1.train.get_or_create_global_step(), 1)
        return estimator.EstimatorSpec(
            mode,
            loss=tf.reduce_mean(scores),
            train_op=step,
            eval_metric_ops={
                "accuracy": metrics.streaming_accuracy(scores > 0.5, tf.cast(labels, tf.bool)),
                "f1": metrics.f1_score(labels, scores),
            },
        )

    def input_fn() -> Any:
        data = (np.array([-1.0, 1.0, 2.0], np.float32), np.array([0, 0, 1]))
        return v1.data.Dataset.from_tensors(data)

    trained = estimator.Estimator(model_fn, str(tmp_path)).train(input_fn, steps=1)
    found = trained.evaluate(input_fn)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(1.0, abs=1e-4)
