"""`tf.contrib.losses.metric_learning`: losses that put like embeddings together, from `tf_slim`."""

from __future__ import annotations

from entrypoint.tensorflow1 import mended_slim
from entrypoint.tensorflow1.contrib.missing import explain_missing

_metric_learning = mended_slim.mend().losses.metric_learning

cluster_loss = _metric_learning.cluster_loss
contrastive_loss = _metric_learning.contrastive_loss
lifted_struct_loss = _metric_learning.lifted_struct_loss
npairs_loss = _metric_learning.npairs_loss
npairs_loss_multilabel = _metric_learning.npairs_loss_multilabel
triplet_semihard_loss = _metric_learning.triplet_semihard_loss

__all__ = [
    "cluster_loss",
    "contrastive_loss",
    "lifted_struct_loss",
    "npairs_loss",
    "npairs_loss_multilabel",
    "triplet_semihard_loss",
]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
