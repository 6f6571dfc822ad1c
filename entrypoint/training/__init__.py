"""Train, evaluate and export the user's model with the Estimator API."""

from entrypoint.training.devices import find_devices
from entrypoint.training.graphs import build_all_graphs
from entrypoint.training.job import train_and_export
from entrypoint.training.plan import TrainingJob

__all__ = ["TrainingJob", "build_all_graphs", "find_devices", "train_and_export"]
