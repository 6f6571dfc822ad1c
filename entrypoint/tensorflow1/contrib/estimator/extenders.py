"""Estimators and optimizers that do a little more than the one they are made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

__all__ = ["clip_gradients_by_norm", "forward_features"]


def clip_gradients_by_norm(optimizer: Any, clip_norm: float) -> Any:
    """Return an optimizer that clips the global norm of the gradients before it applies them."""
    return _ClippingOptimizer(optimizer, clip_norm)


class _ClippingOptimizer(tf.train.Optimizer):
    def __init__(self, optimizer: Any, clip_norm: float) -> None:
        super().__init__(use_locking=False, name=f"ClipByNorm{optimizer.get_name()}")
        self._optimizer = optimizer
        self._clip_norm = clip_norm

    def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
        return self._optimizer.compute_gradients(*args, **kwargs)

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Any = None, name: str | None = None
    ) -> Any:
        gradients, variables = zip(*grads_and_vars, strict=True)
        clipped, _ = tf.clip_by_global_norm(gradients, self._clip_norm)
        pairs = list(zip(clipped, variables, strict=True))
        return self._optimizer.apply_gradients(pairs, global_step, name)

    def get_slot(self, *args: Any, **kwargs: Any) -> Any:
        return self._optimizer.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> Any:
        return self._optimizer.get_slot_names(*args, **kwargs)

    def variables(self) -> Any:
        return self._optimizer.variables()


def forward_features(
    estimator: Any, keys: Any = None, sparse_default_values: Mapping[str, Any] | None = None
) -> Any:
    """Return an Estimator whose predictions and exports repeat some features, such as a key.

    Args:
        estimator: an Estimator that predicts a dict.
        keys: a name or several, default every feature.
        sparse_default_values: for sparse features what to fill their gaps with.

    Raises:
        TypeError: `keys` are no names.
        ValueError (when it is called): a feature is not there, is sparse, or a prediction of its
            name is.
    """
    keys = [keys] if isinstance(keys, str) else keys
    if keys is not None and not (
        isinstance(keys, (list, tuple)) and all(isinstance(key, str) for key in keys)
    ):
        raise TypeError(f"keys should be either a string or a list of strings. Given: {keys!r}")
    defaults = dict(sparse_default_values or {})

    def model_fn(features: Any, labels: Any, mode: str, config: Any) -> Any:
        spec = estimator.model_fn(features, labels, mode, config)
        if spec.predictions is None:
            return spec
        if not isinstance(spec.predictions, dict):
            raise ValueError(  # noqa: TRY004 (as TensorFlow 1 does)
                "Predictions should be a dict to be able to forward features."
                f" Given: {type(spec.predictions)}"
            )
        forwarded = {}
        for key in features if keys is None else keys:
            if key in spec.predictions:
                raise ValueError(
                    f"Cannot forward feature key ({key}): there is a prediction of that name"
                )
            forwarded[key] = _dense(features, key, defaults)
        # In place, because exports often hold the same dict.
        spec.predictions.update(forwarded)
        for name in ("predict", "serving_default"):
            output = (spec.export_outputs or {}).get(name)
            if isinstance(output, tf.estimator.export.PredictOutput):
                output.outputs.update(forwarded)
        return spec

    return tf.estimator.Estimator(
        model_fn=model_fn, model_dir=estimator.model_dir, config=estimator.config
    )


def _dense(features: Mapping[str, Any], key: str, defaults: Mapping[str, Any]) -> Any:
    if key not in features:
        raise ValueError(
            f"keys should exist in features. Key {key!r} is not among {sorted(features)}"
        )
    feature = features[key]
    is_sparse = isinstance(feature, tf.SparseTensor)
    if is_sparse and key not in defaults:
        raise ValueError(
            f"Feature ({key}) is sparse; leave it out of keys or give it one of"
            " sparse_default_values"
        )
    if not is_sparse and key in defaults:
        raise ValueError(f"Feature ({key}) is expected to be a `SparseTensor`.")
    if is_sparse:
        return tf.sparse_tensor_to_dense(feature, default_value=defaults[key])
    return tf.convert_to_tensor(feature)
