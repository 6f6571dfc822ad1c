"""`tf.contrib.opt`: optimizers beyond those of `tf.train`, as subclasses of its `Optimizer`."""

from __future__ import annotations

from entrypoint.tensorflow1.contrib.missing import explain_missing
from entrypoint.tensorflow1.contrib.opt.adagrad import RegAdagradOptimizer
from entrypoint.tensorflow1.contrib.opt.adam import (
    AdaMaxOptimizer,
    AdamGSOptimizer,
    LazyAdamGSOptimizer,
    LazyAdamOptimizer,
    NadamOptimizer,
)
from entrypoint.tensorflow1.contrib.opt.external import (
    ExternalOptimizerInterface,
    ScipyOptimizerInterface,
)
from entrypoint.tensorflow1.contrib.opt.layerwise import LARSOptimizer
from entrypoint.tensorflow1.contrib.opt.sign_based import AddSignOptimizer, PowerSignOptimizer
from entrypoint.tensorflow1.contrib.opt.weight_decay import (
    AdamWOptimizer,
    DecoupledWeightDecayExtension,
    MomentumWOptimizer,
    extend_with_decoupled_weight_decay,
)
from entrypoint.tensorflow1.contrib.opt.wrappers import (
    DropStaleGradientOptimizer,
    MovingAverageOptimizer,
    MultitaskOptimizerWrapper,
    VariableClippingOptimizer,
    clip_gradients_by_global_norm,
)

__all__ = [
    "AdaMaxOptimizer",
    "AdamGSOptimizer",
    "AdamWOptimizer",
    "AddSignOptimizer",
    "DecoupledWeightDecayExtension",
    "DropStaleGradientOptimizer",
    "ExternalOptimizerInterface",
    "LARSOptimizer",
    "LazyAdamGSOptimizer",
    "LazyAdamOptimizer",
    "MomentumWOptimizer",
    "MovingAverageOptimizer",
    "MultitaskOptimizerWrapper",
    "NadamOptimizer",
    "PowerSignOptimizer",
    "RegAdagradOptimizer",
    "ScipyOptimizerInterface",
    "VariableClippingOptimizer",
    "clip_gradients_by_global_norm",
    "extend_with_decoupled_weight_decay",
]

_COPIES = (
    "it trains a copy of the model on each worker and merges the copies by way of a parameter "
    "server; use a distribution strategy, which RunConfig takes as train_distribute"
)
_SECOND_ORDER = "use AdamWOptimizer, LARSOptimizer, or ScipyOptimizerInterface for small models"
NOT_SUPPLIED = {
    "AGNCustomGetter": _COPIES,
    "AGNOptimizer": _COPIES,
    "ElasticAverageCustomGetter": _COPIES,
    "ElasticAverageOptimizer": _COPIES,
    "GGTOptimizer": _SECOND_ORDER,
    "ModelAverageCustomGetter": _COPIES,
    "ModelAverageOptimizer": _COPIES,
    "ShampooOptimizer": _SECOND_ORDER,
}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
