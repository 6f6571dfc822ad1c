"""`tf.contrib.framework`: arg_scope, variables, checkpoints, from tf_slim and TensorFlow itself.

The variable functions make and expect the variables of TensorFlow 1's `tf.get_variable`.
"""

from __future__ import annotations

from tensorflow import argsort, is_tensor, sort
from tensorflow.python.framework.ops import (
    _get_graph_from_inputs as get_graph_from_inputs,
)
from tensorflow.python.framework.ops import (
    get_name_scope,
    prepend_name_scope,
    strip_name_scope,
)
from tensorflow.python.framework.smart_cond import smart_case, smart_cond, smart_constant_value
from tensorflow.python.framework.sparse_tensor import convert_to_tensor_or_sparse_tensor
from tensorflow.python.framework.tensor_spec import BoundedTensorSpec, TensorSpec
from tensorflow.python.ops.check_ops import assert_same_float_dtype, assert_scalar
from tensorflow.python.ops.data_flow_ops import RecordInput
from tensorflow.python.ops.init_ops import (
    convolutional_delta_orthogonal,
    convolutional_orthogonal_1d,
    convolutional_orthogonal_2d,
    convolutional_orthogonal_3d,
)
from tensorflow.python.util.deprecation import deprecated, deprecated_arg_values, deprecated_args
from tf_slim.ops.arg_scope import (
    add_arg_scope,
    arg_scope,
    arg_scoped_arguments,
    current_arg_scope,
    has_arg_scope,
)
from tf_slim.ops.variables import (
    VariableDeviceChooser,
    add_model_variable,
    assert_global_step,
    assert_or_get_global_step,
    assign_from_checkpoint,
    assign_from_checkpoint_fn,
    assign_from_values,
    assign_from_values_fn,
    create_global_step,
    filter_variables,
    get_global_step,
    get_local_variables,
    get_model_variables,
    get_or_create_global_step,
    get_trainable_variables,
    get_unique_variable,
    get_variable_full_name,
    get_variables,
    get_variables_by_name,
    get_variables_by_suffix,
    get_variables_to_restore,
    global_variable,
    local_variable,
    model_variable,
    variable,
)

from entrypoint.tensorflow1 import mended_slim
from entrypoint.tensorflow1.contrib.framework import nest
from entrypoint.tensorflow1.contrib.framework.checkpoints import (
    init_from_checkpoint,
    list_variables,
    load_and_remap_matrix_initializer,
    load_checkpoint,
    load_embedding_initializer,
    load_linear_multiclass_bias_initializer,
    load_variable,
    load_variable_slot_initializer,
    zero_initializer,
)
from entrypoint.tensorflow1.contrib.framework.graphs import fuse_op, get_placeholders, py_func
from entrypoint.tensorflow1.contrib.framework.shapes import (
    assert_scalar_int,
    reduce_sum_n,
    remove_squeezable_dimensions,
    with_same_shape,
    with_shape,
)
from entrypoint.tensorflow1.contrib.missing import explain_missing

mended_slim.mend()

__all__ = [
    "BoundedTensorSpec",
    "RecordInput",
    "TensorSpec",
    "VariableDeviceChooser",
    "add_arg_scope",
    "add_model_variable",
    "arg_scope",
    "arg_scoped_arguments",
    "argsort",
    "assert_global_step",
    "assert_or_get_global_step",
    "assert_same_float_dtype",
    "assert_scalar",
    "assert_scalar_int",
    "assign_from_checkpoint",
    "assign_from_checkpoint_fn",
    "assign_from_values",
    "assign_from_values_fn",
    "convert_to_tensor_or_sparse_tensor",
    "convolutional_delta_orthogonal",
    "convolutional_orthogonal_1d",
    "convolutional_orthogonal_2d",
    "convolutional_orthogonal_3d",
    "create_global_step",
    "current_arg_scope",
    "deprecated",
    "deprecated_arg_values",
    "deprecated_args",
    "filter_variables",
    "fuse_op",
    "get_global_step",
    "get_graph_from_inputs",
    "get_local_variables",
    "get_model_variables",
    "get_name_scope",
    "get_or_create_global_step",
    "get_placeholders",
    "get_trainable_variables",
    "get_unique_variable",
    "get_variable_full_name",
    "get_variables",
    "get_variables_by_name",
    "get_variables_by_suffix",
    "get_variables_to_restore",
    "global_variable",
    "has_arg_scope",
    "init_from_checkpoint",
    "is_tensor",
    "list_variables",
    "load_and_remap_matrix_initializer",
    "load_checkpoint",
    "load_embedding_initializer",
    "load_linear_multiclass_bias_initializer",
    "load_variable",
    "load_variable_slot_initializer",
    "local_variable",
    "model_variable",
    "nest",
    "prepend_name_scope",
    "py_func",
    "reduce_sum_n",
    "remove_squeezable_dimensions",
    "smart_case",
    "smart_cond",
    "smart_constant_value",
    "sort",
    "strip_name_scope",
    "variable",
    "with_same_shape",
    "with_shape",
    "zero_initializer",
]
NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
