"""What a training is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from entrypoint.cluster import Cluster
from entrypoint.parameters import Parameters
from entrypoint.settings import Settings
from entrypoint.training.devices import Devices
from entrypoint.user_code import UserCode


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """Everything a training needs, checked.

    Attributes:
        settings: every path.
        parameters: the documented parameters and the user's own.
        cluster: the machines that take part.
        dataset_dir: `path` of both input functions.
        code: the user's four functions.
        devices: what to compute on.
    """

    settings: Settings
    parameters: Parameters
    cluster: Cluster
    dataset_dir: Path
    code: UserCode
    devices: Devices
