"""The head that is several heads at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow_estimator.python.estimator.canned import head as canned
from tensorflow_estimator.python.estimator.canned.metric_keys import MetricKeys

from entrypoint.tensorflow1.contrib.estimator.multi_label_head import minimize

__all__ = ["multi_head"]

_SERVING = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def multi_head(heads: Sequence[Any], head_weights: Sequence[float] | None = None) -> Any:
    """Return a head for several objectives.

    The loss is the weighted sum of theirs, metrics are those of each under its name, and
    predictions are keyed (head name, prediction name). Labels are a dict by head name; logits
    too, or one tensor in which the heads' logits follow each other.

    Args:
        heads: heads, each with a name; the first is what is served by default.
        head_weights: of the losses, default 1.

    Raises:
        ValueError: there is no head, one has no name, or there are more or fewer weights.
    """
    if head_weights and len(head_weights) != len(heads):
        raise ValueError(
            "heads and head_weights must have the same size."
            f" Given len(heads): {len(heads)}. Given len(head_weights): {len(head_weights)}."
        )
    if not heads:
        raise ValueError(f"Must specify heads. Given: {heads}")
    for head in heads:
        if not head.name:
            raise ValueError(f"All given heads must have name specified. Given: {head}")
    return _MultiHead(tuple(heads), tuple(head_weights or (1.0,) * len(heads)))


class _MultiHead(canned._Head):
    def __init__(self, heads: tuple[Any, ...], weights: tuple[float, ...]) -> None:
        self._heads = heads
        self._weights = weights

    @property
    def name(self) -> str:
        return "_".join(head.name for head in self._heads)

    @property
    def logits_dimension(self) -> int:
        return sum(head.logits_dimension for head in self._heads)

    def create_loss(self, features: Any, mode: str, logits: Any, labels: Any) -> Any:
        """Return a `LossSpec` whose parts, but for the loss, are dicts by head name."""
        logits = self._by_head(logits)
        specs = [
            head.create_loss(features, mode, logits[head.name], labels[head.name])
            for head in self._heads
        ]
        names = [head.name for head in self._heads]
        return canned.LossSpec(
            training_loss=self._sum([spec.training_loss for spec in specs]),
            unreduced_loss={
                name: spec.unreduced_loss * weight
                for name, spec, weight in zip(names, specs, self._weights, strict=True)
            },
            weights={
                name: spec.weights * weight
                for name, spec, weight in zip(names, specs, self._weights, strict=True)
            },
            processed_labels={
                name: spec.processed_labels for name, spec in zip(names, specs, strict=True)
            },
        )

    def create_estimator_spec(
        self,
        features: Any,
        mode: str,
        logits: Any,
        labels: Any = None,
        optimizer: Any = None,
        train_op_fn: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Return the `EstimatorSpec` of all heads together."""
        if labels is not None and not isinstance(labels, dict):
            raise ValueError(f"labels must be a dict. Given: {labels}")
        logits = self._by_head(logits)
        specs = [
            head.create_estimator_spec(
                features=features,
                mode=mode,
                logits=logits[head.name],
                labels=labels[head.name] if labels else None,
                train_op_fn=lambda _: tf.no_op(),
            )
            for head in self._heads
        ]
        predictions = {
            (head.name, key): value
            for head, spec in zip(self._heads, specs, strict=True)
            for key, value in spec.predictions.items()
        }
        if mode == tf.estimator.ModeKeys.PREDICT:
            return tf.estimator.EstimatorSpec(
                mode, predictions=predictions, export_outputs=self._exports(specs)
            )
        if mode == tf.estimator.ModeKeys.EVAL:
            with tf.name_scope("merge_eval"):
                metrics = self._metrics(specs)
                loss = self._sum([spec.loss for spec in specs])
            return tf.estimator.EstimatorSpec(
                mode, predictions=predictions, loss=loss, eval_metric_ops=metrics
            )
        loss = self._sum([spec.loss for spec in specs])
        train_op = minimize(loss, optimizer, train_op_fn)
        with tf.name_scope(""):
            tf.summary.scalar(MetricKeys.LOSS, loss)
        return tf.estimator.EstimatorSpec(
            mode, predictions=predictions, loss=loss, train_op=train_op
        )

    def _by_head(self, logits: Any) -> dict[str, Any]:
        if isinstance(logits, dict):
            return logits
        logits = tf.convert_to_tensor(logits)
        sizes = [head.logits_dimension for head in self._heads]
        size = logits.shape.as_list()[-1]
        if size not in {None, sum(sizes)}:
            raise ValueError(
                f"Could not split logits of shape {logits.shape.as_list()} among the heads with"
                f" individual logits dimensions: {sizes}. The last dimension of the logits tensor"
                f" should equal {sum(sizes)} but is {size}."
            )
        parts = tf.split(logits, sizes, axis=-1, name="split_logits")
        return {head.name: part for head, part in zip(self._heads, parts, strict=True)}

    def _sum(self, losses: list[Any]) -> Any:
        with tf.name_scope("merge_losses", values=losses):
            return tf.add_n(
                [loss * weight for loss, weight in zip(losses, self._weights, strict=True)]
            )

    def _metrics(self, specs: list[Any]) -> dict[str, Any]:
        metrics = {}
        for head, spec in zip(self._heads, specs, strict=True):
            # The key of every other metric ends in the head's name already.
            key = f"{MetricKeys.LOSS}/{head.name}"
            metrics[key] = tf.metrics.mean(spec.loss, name=key)
            metrics.update(spec.eval_metric_ops or {})
        return metrics

    def _exports(self, specs: list[Any]) -> dict[str, Any]:
        exports: dict[str, Any] = {_SERVING: self._default_export(specs[0].export_outputs)}
        merged = {}
        for head, spec in zip(self._heads, specs, strict=True):
            for key, output in spec.export_outputs.items():
                exports[head.name if key == _SERVING else f"{head.name}/{key}"] = output
                if key == canned._PREDICT_SERVING_KEY:
                    for name, value in getattr(output, "outputs", {}).items():
                        merged[f"{head.name}/{name}"] = value
        exports[canned._PREDICT_SERVING_KEY] = tf.estimator.export.PredictOutput(merged)
        return exports

    def _default_export(self, outputs: dict[str, Any]) -> Any:
        if len(outputs) == 1:
            return next(iter(outputs.values()))
        if _SERVING not in outputs:
            raise ValueError(
                f"head {self._heads[0].name} has several export_outputs and none of them is"
                f" {_SERVING!r}: {sorted(outputs)}"
            )
        return outputs[_SERVING]
