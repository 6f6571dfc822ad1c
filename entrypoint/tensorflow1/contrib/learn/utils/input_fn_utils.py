"""Inputs of exported models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

__all__ = ["InputFnOps", "build_default_serving_input_fn", "build_parsing_serving_input_fn"]


class InputFnOps(NamedTuple):
    """What an input function returns: features, labels, and what is fed when serving."""

    features: Any
    labels: Any
    default_inputs: Any


def build_parsing_serving_input_fn(
    feature_spec: Mapping[str, Any], default_batch_size: int | None = None
) -> Callable[[], InputFnOps]:
    """Return an input function that parses serialized `tf.Example`s, fed as "examples"."""

    def input_fn() -> InputFnOps:
        serialized = tf.placeholder(tf.string, [default_batch_size], "input_example_tensor")
        features = tf.parse_example(serialized, feature_spec)
        return InputFnOps(features, None, {"examples": serialized})

    return input_fn


def build_default_serving_input_fn(
    features: Mapping[str, Any], default_batch_size: int | None = None
) -> Callable[[], InputFnOps]:
    """Return an input function to which each feature is fed, shaped like those given."""

    def input_fn() -> InputFnOps:
        placeholders = {}
        for name, feature in features.items():
            shape = [default_batch_size, *feature.shape.as_list()[1:]]
            placeholders[name] = tf.placeholder(feature.dtype, shape, feature.op.name)
        return InputFnOps(placeholders, None, placeholders)

    return input_fn
