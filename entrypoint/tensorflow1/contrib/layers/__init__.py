"""`tf.contrib.layers`: layers, regularizers, initializers and summaries, from tf_slim.

Feature columns are `tf.feature_column`'s with what else TensorFlow 1's had.
"""

from __future__ import annotations

from typing import Any

from tf_slim.layers import summaries, utils
from tf_slim.layers.initializers import (
    variance_scaling_initializer,
    xavier_initializer,
    xavier_initializer_conv2d,
)
from tf_slim.layers.layers import (
    GDN,
    avg_pool2d,
    avg_pool3d,
    batch_norm,
    bias_add,
    conv1d,
    conv2d,
    conv2d_in_plane,
    conv2d_transpose,
    conv3d,
    conv3d_transpose,
    convolution,
    convolution1d,
    convolution2d,
    convolution2d_in_plane,
    convolution2d_transpose,
    convolution3d,
    convolution3d_transpose,
    dense_to_sparse,
    dropout,
    elu,
    flatten,
    fully_connected,
    gdn,
    images_to_sequence,
    layer_norm,
    legacy_fully_connected,
    legacy_linear,
    legacy_relu,
    linear,
    max_pool2d,
    max_pool3d,
    maxout,
    one_hot_encoding,
    relu,
    relu6,
    repeat,
    scale_gradient,
    separable_conv2d,
    separable_convolution2d,
    sequence_to_images,
    softmax,
    spatial_softmax,
    stack,
    unit_norm,
)
from tf_slim.layers.normalization import group_norm, instance_norm
from tf_slim.layers.optimizers import OPTIMIZER_CLS_NAMES, OPTIMIZER_SUMMARIES, optimize_loss
from tf_slim.layers.regularizers import (
    apply_regularization,
    l1_l2_regularizer,
    l1_regularizer,
    l2_regularizer,
    sum_regularizer,
)
from tf_slim.layers.rev_block_lib import RevBlock, recompute_grad, rev_block
from tf_slim.layers.summaries import (
    summarize_activation,
    summarize_activations,
    summarize_collection,
    summarize_tensor,
    summarize_tensors,
)

from entrypoint.tensorflow1 import mended_slim
from entrypoint.tensorflow1.contrib.layers import feature_column
from entrypoint.tensorflow1.contrib.layers.embeddings import (
    bow_encoder,
    embed_sequence,
    embedding_lookup_unique,
    safe_embedding_lookup_sparse,
)
from entrypoint.tensorflow1.contrib.layers.feature_column import (
    bucketized_column,
    create_feature_spec_for_parsing,
    crossed_column,
    embedding_column,
    make_place_holder_tensors_for_base_features,
    one_hot_column,
    real_valued_column,
    shared_embedding_columns,
    sparse_column_with_hash_bucket,
    sparse_column_with_integerized_feature,
    sparse_column_with_keys,
    sparse_column_with_vocabulary_file,
    weighted_sparse_column,
)
from entrypoint.tensorflow1.contrib.layers.feature_column_ops import (
    check_feature_columns,
    infer_real_valued_columns,
    input_from_feature_columns,
    joint_weighted_sum_from_feature_columns,
    parse_feature_columns_from_examples,
    transform_features,
    weighted_sum_from_feature_columns,
)
from entrypoint.tensorflow1.contrib.missing import explain_missing

mended_slim.mend()

# The seed of hashes of crossed features.
SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY = 0xDECAFCAFFE

__all__ = [
    "GDN",
    "OPTIMIZER_CLS_NAMES",
    "OPTIMIZER_SUMMARIES",
    "SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY",
    "RevBlock",
    "apply_regularization",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "bias_add",
    "bow_encoder",
    "bucketized_column",
    "check_feature_columns",
    "conv1d",
    "conv2d",
    "conv2d_in_plane",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "convolution",
    "convolution1d",
    "convolution2d",
    "convolution2d_in_plane",
    "convolution2d_transpose",
    "convolution3d",
    "convolution3d_transpose",
    "create_feature_spec_for_parsing",
    "crossed_column",
    "dense_to_sparse",
    "dropout",
    "elu",
    "embed_sequence",
    "embedding_column",
    "embedding_lookup_unique",
    "feature_column",
    "flatten",
    "fully_connected",
    "gdn",
    "group_norm",
    "images_to_sequence",
    "infer_real_valued_columns",
    "input_from_feature_columns",
    "instance_norm",
    "joint_weighted_sum_from_feature_columns",
    "l1_l2_regularizer",
    "l1_regularizer",
    "l2_regularizer",
    "layer_norm",
    "legacy_fully_connected",
    "legacy_linear",
    "legacy_relu",
    "linear",
    "make_place_holder_tensors_for_base_features",
    "max_pool2d",
    "max_pool3d",
    "maxout",
    "one_hot_column",
    "one_hot_encoding",
    "optimize_loss",
    "parse_feature_columns_from_examples",
    "real_valued_column",
    "recompute_grad",
    "relu",
    "relu6",
    "repeat",
    "rev_block",
    "safe_embedding_lookup_sparse",
    "scale_gradient",
    "separable_conv2d",
    "separable_convolution2d",
    "sequence_to_images",
    "shared_embedding_columns",
    "softmax",
    "sparse_column_with_hash_bucket",
    "sparse_column_with_integerized_feature",
    "sparse_column_with_keys",
    "sparse_column_with_vocabulary_file",
    "spatial_softmax",
    "stack",
    "sum_regularizer",
    "summaries",
    "summarize_activation",
    "summarize_activations",
    "summarize_collection",
    "summarize_tensor",
    "summarize_tensors",
    "transform_features",
    "unit_norm",
    "variance_scaling_initializer",
    "weighted_sparse_column",
    "weighted_sum_from_feature_columns",
    "xavier_initializer",
    "xavier_initializer_conv2d",
]
NOT_SUPPLIED = {
    "multi_class_target": "use tf.contrib.estimator.multi_class_head",
    "parse_feature_columns_from_sequence_examples": "use tf.io.parse_single_sequence_example",
    "regression_target": "use tf.contrib.estimator.regression_head",
    "scattered_embedding_column": (
        "use tf.contrib.layers.embedding_column of a sparse_column_with_hash_bucket"
    ),
    "sequence_input_from_feature_columns": (
        "use tf.contrib.feature_column.sequence_input_layer with columns of tf.feature_column"
    ),
}

# What the module `utils` had, which user code imports by its path below `python`.
_OF_UTILS = {
    *utils.__all__,
    "append_tensor_alias",
    "convert_collection_to_dict",
    "gather_tensors_aliases",
    "get_tensor_aliases",
}
_explain = explain_missing(__name__, NOT_SUPPLIED)


def __getattr__(name: str) -> Any:
    """Find what belongs to the package though it was not public.

    Raises:
        MissingSymbolError: the package has no such name; says what to use instead.
    """
    return getattr(utils, name) if name in _OF_UTILS else _explain(name)
