"""`tf.contrib.util`: tensors in protocol buffers, and operators of a graph."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.python.framework.meta_graph import (
    ops_used_by_graph_def,
    stripped_op_list_for_graph,
)
from tensorflow.python.framework.tensor_util import constant_value

from entrypoint.tensorflow1.contrib.missing import explain_missing

make_ndarray = tf.make_ndarray
make_tensor_proto = tf.make_tensor_proto

__all__ = [
    "constant_value",
    "make_ndarray",
    "make_tensor_proto",
    "ops_used_by_graph_def",
    "stripped_op_list_for_graph",
]

NOT_SUPPLIED = {"loader": "use tf.load_op_library"}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
