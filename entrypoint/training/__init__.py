"""Train, evaluate and export the user's model with the Estimator API."""

from entrypoint.training.cluster_job import train_in_cluster
from entrypoint.training.devices import find_devices
from entrypoint.training.evaluator import evaluate_in_cluster
from entrypoint.training.graphs import build_all_graphs
from entrypoint.training.job import train_and_export
from entrypoint.training.parameter_server import serve_parameters
from entrypoint.training.plan import TrainingJob

__all__ = [
    "TrainingJob",
    "build_all_graphs",
    "evaluate_in_cluster",
    "find_devices",
    "serve_parameters",
    "train_and_export",
    "train_in_cluster",
]
