"""`tf.contrib.cluster_resolver`: the resolvers of `tf.distribute.cluster_resolver`."""

from __future__ import annotations

from typing import Any

from tensorflow.python.distribute.cluster_resolver.cluster_resolver import (
    ClusterResolver,
    SimpleClusterResolver,
    UnionClusterResolver,
)
from tensorflow.python.distribute.cluster_resolver.gce_cluster_resolver import GCEClusterResolver
from tensorflow.python.distribute.cluster_resolver.kubernetes_cluster_resolver import (
    KubernetesClusterResolver,
)
from tensorflow.python.distribute.cluster_resolver.slurm_cluster_resolver import (
    SlurmClusterResolver,
)
from tensorflow.python.distribute.cluster_resolver.tfconfig_cluster_resolver import (
    TFConfigClusterResolver,
)

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "ClusterResolver",
    "GCEClusterResolver",
    "KubernetesClusterResolver",
    "SimpleClusterResolver",
    "SlurmClusterResolver",
    "TFConfigClusterResolver",
    "TPUClusterResolver",
    "UnionClusterResolver",
]


class TPUClusterResolver:
    """A name that TPU code imports; there are no TPUs to find.

    Raises:
        ValueError: it is made; code that can train without TPUs makes none.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ValueError(
            "TPUClusterResolver: no TPU runs here; start the code without a TPU, and its"
            " TPUEstimator with use_tpu=False"
        )


NOT_SUPPLIED: dict[str, str] = {}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
