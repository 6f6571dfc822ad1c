"""What classes of TensorFlow and Keras did in TensorFlow 1 and user code relies on."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.tensor_shape import Dimension
from tf_keras.src.engine import base_layer, base_layer_v1


@functools.cache
def restore_keras_methods() -> None:
    """Give every Keras layer `apply` back, and `add_update` the argument that it has lost."""
    for layer in (base_layer.Layer, base_layer_v1.Layer):
        if not hasattr(layer, "apply"):
            layer.apply = _apply
        layer.add_update = _taking_inputs(layer.add_update)


@functools.cache
def take_whole_floats_for_dimensions() -> None:
    """Let `16.0` be a dimension again: `units / 2` was one in Python 2, and in TensorFlow 1."""
    initialize = Dimension.__init__

    @functools.wraps(initialize)
    def initialize_whole(self: Any, value: Any) -> None:
        initialize(self, int(value) if isinstance(value, float) and value.is_integer() else value)

    Dimension.__init__ = initialize_whole


class NameScope(tf.compat.v1.name_scope):
    """`tf.name_scope`, in which `tf.name_scope("name", [tensor])` is allowed, as until 1.12."""

    def __init__(self, name: Any, default_name: Any = None, values: Any = None) -> None:
        if name is not None and isinstance(default_name, list | tuple):
            default_name, values = None, default_name
        super().__init__(name, default_name, values)


def _apply(self: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    return self(inputs, *args, **kwargs)


def _taking_inputs(add_update: Any) -> Any:
    @functools.wraps(add_update)
    def add_update_for(self: Any, updates: Any, inputs: Any = None) -> None:
        del inputs  # Keras finds out by itself what an update depends on
        add_update(self, updates)

    return add_update_for
