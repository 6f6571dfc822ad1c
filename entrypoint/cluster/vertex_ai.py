"""Vertex AI's CLUSTER_SPEC.

The four worker pools are the chief's, the workers', the parameter servers' and the evaluator's, in
this order (https://cloud.google.com/vertex-ai/docs/training/distributed-training). Vertex AI sets
TF_CONFIG as well, which is read first.
"""

from __future__ import annotations

from entrypoint.cluster.task_lists import Wording, read_task_lists
from entrypoint.cluster.tasks import Cluster
from entrypoint.settings import Settings

_WORDING = Wording(
    variable="CLUSTER_SPEC",
    scheduler="Vertex AI",
    roles={
        "workerpool0": "chief",
        "workerpool1": "worker",
        "workerpool2": "ps",
        "workerpool3": "evaluator",
    },
)


def read_cluster(settings: Settings) -> Cluster | None:
    """Return the cluster that CLUSTER_SPEC describes, None if it is not set.

    Raises:
        ContradictionError: it describes none that can be.
    """
    return read_task_lists(settings, _WORDING)
