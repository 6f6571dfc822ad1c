"""Inception V3 with the order of arguments that TensorFlow 1 had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tf_slim.layers.layers import softmax
from tf_slim.nets.inception_v3 import inception_v3 as _inception_v3
from tf_slim.nets.inception_v3 import inception_v3_arg_scope, inception_v3_base

__all__ = ["inception_v3", "inception_v3_arg_scope", "inception_v3_base"]


def inception_v3(
    inputs: Any,
    num_classes: int = 1000,
    is_training: Any = True,
    dropout_keep_prob: float = 0.8,
    min_depth: int = 16,
    depth_multiplier: float = 1.0,
    prediction_fn: Callable[..., Any] = softmax,
    spatial_squeeze: bool = True,
    reuse: bool | None = None,
    scope: Any = "InceptionV3",
) -> tuple[Any, dict[str, Any]]:
    """Return the logits and the end points of Inception V3, https://arxiv.org/abs/1512.00567.

    Args:
        inputs: images [batch, height, width, 3], by default of 299 x 299.
        num_classes: number of classes.
        is_training: whether dropout and batch normalization train.
        dropout_keep_prob: share of activations that dropout keeps.
        min_depth: smallest number of channels of a layer.
        depth_multiplier: factor of the number of channels of every layer.
        prediction_fn: makes predictions of logits.
        spatial_squeeze: whether the logits lose their two dimensions of space.
        reuse: whether the variables are there already.
        scope: the variable scope.

    Raises:
        ValueError: `depth_multiplier` is not positive.
    """
    logits, end_points = _inception_v3(
        inputs,
        num_classes=num_classes,
        is_training=is_training,
        dropout_keep_prob=dropout_keep_prob,
        min_depth=min_depth,
        depth_multiplier=depth_multiplier,
        prediction_fn=prediction_fn,
        spatial_squeeze=spatial_squeeze,
        reuse=reuse,
        scope=scope,
    )
    return logits, end_points


inception_v3.default_image_size = 299  # type: ignore[attr-defined]
