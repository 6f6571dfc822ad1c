"""TF_CONFIG, as Kubeflow's training operator, Vertex AI and users themselves write it.

The evaluator is mostly not in the cluster (kubeflow/training-operator,
pkg/controller.v1/tensorflow/tensorflow.go, genClusterSpec), so the others do not know of it. Where
there are only workers, worker 0 is the chief, as TensorFlow's MultiWorkerMirroredStrategy has it
(tensorflow/python/distribute/multi_worker_util.py, is_chief).
"""

from __future__ import annotations

from entrypoint.cluster.task_lists import Wording, read_task_lists
from entrypoint.cluster.tasks import Cluster
from entrypoint.settings import Settings

_WORDING = Wording(
    variable="TF_CONFIG",
    scheduler="TF_CONFIG",
    roles={
        "chief": "chief",
        "master": "chief",  # the chief's name before TensorFlow 1.4
        "worker": "worker",
        "ps": "ps",
        "evaluator": "evaluator",
    },
)


def read_cluster(settings: Settings) -> Cluster | None:
    """Return the cluster that TF_CONFIG describes, None if it is not set.

    Raises:
        ContradictionError: it describes none that can be.
    """
    return read_task_lists(settings, _WORDING)
