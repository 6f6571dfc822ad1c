"""`tf.contrib.slim`: layers, arg_scope, training loops and data decoders, from tf_slim.

It is the sum of `tf.contrib.layers`, what `tf.contrib.framework` has on variables and arg_scope,
and modules of its own.
"""

from __future__ import annotations

import importlib
from typing import Any

from tf_slim import evaluation, learning, model_analyzer, queues, summaries
from tf_slim.data import (
    data_decoder,
    data_provider,
    dataset,
    dataset_data_provider,
    parallel_reader,
    prefetch_queue,
    tfexample_decoder,
)
from tf_slim.layers import (
    initializers,
    layers,
    normalization,
    optimizers,
    regularizers,
    rev_block_lib,
    utils,
)
from tf_slim.layers.bucketization_op import bucketize
from tf_slim.layers.layers import pool
from tf_slim.layers.optimizers import adaptive_clipping_fn
from tf_slim.layers.summaries import summarize_biases, summarize_variables, summarize_weights
from tf_slim.ops import arg_scope as _arg_scope
from tf_slim.ops import variables as _variables

from entrypoint.tensorflow1 import mended_slim
from entrypoint.tensorflow1.contrib import layers as _contrib_layers
from entrypoint.tensorflow1.contrib.framework import (
    deprecated,
    deprecated_arg_values,
    nest,
    zero_initializer,
)
from entrypoint.tensorflow1.contrib.missing import missing

mended_slim.mend()

__all__ = [
    "adaptive_clipping_fn",
    "bucketize",
    "data_decoder",
    "data_provider",
    "dataset",
    "dataset_data_provider",
    "deprecated",
    "deprecated_arg_values",
    "evaluation",
    "initializers",
    "layers",
    "learning",
    "losses",
    "metrics",
    "model_analyzer",
    "nest",
    "nets",
    "normalization",
    "optimizers",
    "parallel_reader",
    "pool",
    "prefetch_queue",
    "queues",
    "regularizers",
    "rev_block_lib",
    "summaries",
    "summarize_biases",
    "summarize_variables",
    "summarize_weights",
    "tfexample_decoder",
    "utils",
    "zero_initializer",
]
# Other packages of `tf.contrib`, and one of slim's, loaded when they are used.
_LATE = {
    "losses": "entrypoint.tensorflow1.contrib.losses",
    "metrics": "entrypoint.tensorflow1.contrib.metrics",
    "nets": f"{__name__}.nets",
}
_JOINED = {
    name: getattr(package, name)
    for package in (_arg_scope, _variables, _contrib_layers)
    for name in package.__all__
    if name not in __all__
}
globals().update(_JOINED)
__all__ += [*_JOINED]  # noqa: PLE0604 (they are strings)

# Names that were there only because slim's modules imported them.
_IMPORTS = {
    "abc": "abc",
    "array_ops": "tensorflow.python.ops.array_ops",
    "bucketization_op": "tf.contrib.layers",
    "checkpoint_utils": "tf.contrib.framework",
    "clip_ops": "tensorflow.python.ops.clip_ops",
    "collections": "collections",
    "collections_abc": "collections.abc",
    "contrib_framework": "tf.contrib.framework",
    "contrib_sparse_ops": "tf.contrib.layers",
    "contrib_variables": "tf.contrib.framework",
    "control_flow_ops": "tensorflow.python.ops.control_flow_ops",
    "deprecation": "tensorflow.python.util.deprecation",
    "dtypes": "tensorflow.python.framework.dtypes",
    "embedding_ops": "tf.contrib.layers",
    "encoders": "tf.contrib.layers",
    "fc": "tf.contrib.layers",
    "fc_core": "tf.feature_column",
    "feature_column_ops": "tf.contrib.layers",
    "functools": "functools",
    "gen_sparse_feature_cross_op": "tf.sparse",
    "init_ops": "tensorflow.python.ops.init_ops",
    "loader": "tf.load_op_library",
    "logging": "tf.logging",
    "lookup": "tf.contrib.lookup",
    "loss_ops": "tf.contrib.losses",
    "make_all": "tensorflow.python.util.all_util",
    "math": "math",
    "math_ops": "tensorflow.python.ops.math_ops",
    "metric_ops": "tf.contrib.metrics",
    "moving_averages": "tensorflow.python.training.moving_averages",
    "nn": "tf.nn",
    "nn_ops": "tensorflow.python.ops.nn_ops",
    "ops": "tensorflow.python.framework.ops",
    "optimizer_": "tf.train.Optimizer",
    "parsing_ops": "tensorflow.python.ops.parsing_ops",
    "random_ops": "tensorflow.python.ops.random_ops",
    "resource_loader": "tf.resource_loader",
    "resource_variable_ops": "tensorflow.python.ops.resource_variable_ops",
    "six": "six",
    "sparse_feature_cross_op": "tf.sparse",
    "sparse_ops": "tensorflow.python.ops.sparse_ops",
    "sparse_tensor": "tensorflow.python.framework.sparse_tensor",
    "sparse_tensor_py": "tensorflow.python.framework.sparse_tensor",
    "string_ops": "tensorflow.python.ops.string_ops",
    "summary": "tf.summary",
    "target_column": "tf.estimator",
    "tensor_shape": "tensorflow.python.framework.tensor_shape",
    "train": "tf.train",
    "variable_scope": "tf.variable_scope",
    "variables": "tensorflow.python.ops.variables",
    "vars_": "tensorflow.python.ops.variables",
    "vs": "tf.variable_scope",
}
_SCATTERED = "use tf.contrib.layers.safe_embedding_lookup_sparse with hashed ids"
NOT_SUPPLIED = {
    "DataFrameColumn": "feed a DataFrame with tf.estimator.inputs.pandas_input_fn",
    "InputLayer": "use tf.feature_column.input_layer",
    "ProblemType": "it belonged to tf.contrib.learn; use a head of tf.contrib.estimator",
    "binary_svm_target": "compute tf.losses.hinge_loss in the model_fn",
    "embedding_lookup_sparse_with_distributed_aggregation": "use tf.nn.embedding_lookup_sparse",
    "experimental": "it only logged that a function is experimental; leave it out",
    "get_default_binary_metrics_for_eval": "name the metrics of tf.metrics in eval_metric_ops",
    "python": "its modules are in tf.contrib.slim itself",
    "scattered_embedding_lookup": _SCATTERED,
    "scattered_embedding_lookup_sparse": _SCATTERED,
    "sparse_feature_cross": "use tf.sparse.cross_hashed",
    **_contrib_layers.NOT_SUPPLIED,
    **{name: f"it was an import of slim's own; use {place}" for name, place in _IMPORTS.items()},
}


def __getattr__(name: str) -> Any:
    """Load a part of slim when it is first used.

    Raises:
        MissingSymbolError: slim has no such name; says what to use instead.
    """
    if name in _LATE:
        return importlib.import_module(_LATE[name])
    raise missing(__name__, name, NOT_SUPPLIED)
