"""What Estimator code uses of `tf.contrib`, on current TensorFlow.

A package of this name is a package of `tf.contrib`; it is loaded when user code first names it.
Each has two tables: `__all__`, the symbols it supplies, and `NOT_SUPPLIED`, the other public
symbols that TensorFlow 1.15 had there, each with what to use instead. `docs/contrib.md` is written
from these two.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from typing import Any

from entrypoint.tensorflow1.contrib.missing import missing

__all__ = [module.name for module in pkgutil.iter_modules(__path__) if module.name != "missing"]

# Whole packages that are not here, and what to use instead.
NOT_SUPPLIED: dict[str, str] = {
    "all_reduce": "use a distribution strategy, which RunConfig takes as train_distribute",
    "android": "it was for building apps; use the TensorFlow Lite libraries",
    "bayesflow": "install tensorflow-probability, and use tfp.mcmc",
    "bigtable": "install tensorflow-io, or read the table into TFRecord files",
    "boosted_trees": "use tf.estimator.BoostedTreesClassifier or BoostedTreesRegressor",
    "cloud": (
        "install tensorflow-io, or read tables into TFRecord files; buckets need no configuration"
    ),
    "cmake": "it was for building TensorFlow",
    "constrained_optimization": "install tensorflow-constrained-optimization",
    "copy_graph": "use tf.import_graph_def with tf.graph_util.extract_sub_graph",
    "decision_trees": "use tf.estimator.BoostedTreesClassifier or BoostedTreesRegressor",
    "distributions": (
        "install tensorflow-probability, and use tfp.distributions; a few are in tf.distributions"
    ),
    "factorization": (
        "use scikit-learn's KMeans, GaussianMixture or NMF outside the graph; "
        "tf.estimator.experimental.KMeans for clusters"
    ),
    "ffmpeg": "use tf.audio.decode_wav, or decode other formats before training",
    "fused_conv": "use tf.nn.conv2d, tf.nn.bias_add and an activation; XLA fuses them",
    "gan": "install tensorflow-gan",
    "graph_editor": (
        "TensorFlow's graphs can no longer be edited; build the graph as it is to be, or "
        "import an edited GraphDef with tf.import_graph_def and its input_map"
    ),
    "grid_rnn": "use tf.contrib.rnn.GridLSTMCell, or stack cells with tf.nn.rnn_cell.MultiRNNCell",
    "hadoop": "install tensorflow-io, or convert sequence files into TFRecord files",
    "ignite": "install tensorflow-io, or read the cache into TFRecord files",
    "kafka": "install tensorflow-io",
    "kernel_methods": "use tf.keras.layers.experimental.RandomFourierFeatures",
    "kinesis": "install tensorflow-io",
    "labeled_tensor": "use plain tensors, with the axes' names in comments",
    "libsvm": "parse lines in a tf.data pipeline, or use scikit-learn's load_svmlight_file",
    "linear_optimizer": "use tf.estimator.LinearClassifier with tf.train.FtrlOptimizer",
    "lite": "use tf.lite",
    "memory_stats": "use tf.config.experimental.get_memory_info",
    "meta_graph_transform": "use tf.graph_util on the exported graph",
    "model_pruning": (
        "install tensorflow-model-optimization, or prune by a mask that is a variable of your own"
    ),
    "nccl": "use a distribution strategy, which RunConfig takes as train_distribute",
    "nearest_neighbor": (
        "use tf.math.top_k on distances, or a nearest-neighbour library outside the graph"
    ),
    "optimizer_v2": "use the optimizers of tf.train",
    "periodic_resample": "use tf.nn.depth_to_space, or tf.reshape and tf.transpose",
    "quantization": "use tf.quantization",
    "quantize": (
        "use tf.quantization.fake_quant_with_min_max_vars, or quantize the exported model "
        "with tf.lite"
    ),
    "receptive_field": "compute it from kernel sizes and strides",
    "recurrent": "use tf.nn.dynamic_rnn or tf.while_loop",
    "reduce_slice_ops": "use tf.math.segment_sum and its kin",
    "remote_fused_graph": "it was for Hexagon processors; use tf.lite",
    "rpc": "call the service in tf.py_func",
    "solvers": "use tf.linalg.experimental.conjugate_gradient, or tf.linalg.lstsq",
    "specs": "use tf.layers",
    "stat_summarizer": "use tf.train.ProfilerHook",
    "tensor_forest": "use tf.estimator.BoostedTreesClassifier or BoostedTreesRegressor",
    "tensorrt": "convert the exported SavedModel with TensorRT where it is served",
    "testing": "use tf.test, and tf.train.summary_iterator for event files",
    "text": "build skip-grams in a tf.data pipeline, or install tensorflow-text",
    "timeseries": (
        "use an Estimator of your own, or statsmodels for autoregression and state space models"
    ),
    "verbs": "use a distribution strategy, which RunConfig takes as train_distribute",
}


def __getattr__(name: str) -> Any:
    """Load a package of `tf.contrib` when it is first used.

    Raises:
        MissingSymbolError: it is not supplied; says what to use instead.
    """
    if importlib.util.find_spec(f"{__name__}.{name}") is None:
        raise missing(__name__, name, NOT_SUPPLIED)
    return importlib.import_module(f"{__name__}.{name}")
