"""`tf_slim` 1.1.0, the kept part of `tf.contrib`, mended for a TensorFlow later than it knows.

TensorFlow has since moved functions out of the modules in which `tf_slim` looks for them. They are
put back there, at the places where TensorFlow 1 had them.
"""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import Any

# Module of TensorFlow 1 -> name -> where it is now.
_MOVED = {
    "tensorflow.python.framework.ops": {
        "IndexedSlices": "tensorflow.python.framework.indexed_slices",
        "Tensor": "tensorflow.python.framework.tensor",
    },
    "tensorflow.python.ops.array_ops": {
        "stack": "tensorflow.python.ops.array_ops_stack",
        "unstack": "tensorflow.python.ops.array_ops_stack",
    },
    "tensorflow.python.ops.control_flow_ops": {
        "Assert": "tensorflow.python.ops.control_flow_assert",
        "case": "tensorflow.python.ops.control_flow_case",
        "cond": "tensorflow.python.ops.cond",
        "while_loop": "tensorflow.python.ops.while_loop",
    },
}


@functools.cache
def mend() -> ModuleType:
    """Return `tf_slim` after mending what current TensorFlow broke in it."""
    slim = importlib.import_module("tf_slim")
    for old_module, names in _MOVED.items():
        module = importlib.import_module(old_module)
        for name, new_module in names.items():
            if not hasattr(module, name):
                setattr(module, name, getattr(importlib.import_module(new_module), name))
    _restore_variable_function()
    _restore_batch_normalization()
    _restore_lower_bound_gradient()
    return slim


def _restore_variable_function() -> None:
    """Give `variable_scope.variable` back, which makes a variable as `tf.Variable` of v1 does."""
    import tensorflow as tf
    from tensorflow.python.ops import variable_scope

    def variable(initial_value: Any = None, **options: Any) -> Any:
        return tf.compat.v1.Variable(initial_value, **options)

    if not hasattr(variable_scope, "variable"):
        variable_scope.variable = variable


def _restore_batch_normalization() -> None:
    """Give slim the v1 layer, which TensorFlow looks for under a name that tf-keras has not."""
    from tf_keras.src.legacy_tf_layers import normalization

    layers: Any = importlib.import_module("tf_slim.layers.layers")
    layers.normalization_layers = normalization


def _restore_lower_bound_gradient() -> None:
    """Register the gradient by whose name GDN's graph refers to it."""
    from tensorflow.python.framework import ops

    layers: Any = importlib.import_module("tf_slim.layers.layers")
    ops.RegisterGradient("GDNLowerBound")(layers.GDN._lower_bound_grad)
