"""`tf.contrib.losses`: the losses that `tf.losses` followed, from `tf_slim`.

They take predictions before labels, add themselves to the collection of losses, and divide by the
number of elements whose weight is not zero.
"""

from __future__ import annotations

from entrypoint.tensorflow1 import mended_slim
from entrypoint.tensorflow1.contrib.losses import metric_learning
from entrypoint.tensorflow1.contrib.missing import explain_missing

_losses = mended_slim.mend().losses

absolute_difference = _losses.absolute_difference
add_loss = _losses.add_loss
compute_weighted_loss = _losses.compute_weighted_loss
cosine_distance = _losses.cosine_distance
get_losses = _losses.get_losses
get_regularization_losses = _losses.get_regularization_losses
get_total_loss = _losses.get_total_loss
hinge_loss = _losses.hinge_loss
log_loss = _losses.log_loss
mean_pairwise_squared_error = _losses.mean_pairwise_squared_error
mean_squared_error = _losses.mean_squared_error
sigmoid_cross_entropy = _losses.sigmoid_cross_entropy
softmax_cross_entropy = _losses.softmax_cross_entropy
sparse_softmax_cross_entropy = _losses.sparse_softmax_cross_entropy

__all__ = [
    "absolute_difference",
    "add_loss",
    "compute_weighted_loss",
    "cosine_distance",
    "get_losses",
    "get_regularization_losses",
    "get_total_loss",
    "hinge_loss",
    "log_loss",
    "mean_pairwise_squared_error",
    "mean_squared_error",
    "metric_learning",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
