"""What a training is made of."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from entrypoint.parameters import Parameters
from entrypoint.place import Place
from entrypoint.settings import Settings
from entrypoint.storage.client import Storage
from entrypoint.training.devices import Devices
from entrypoint.training.failures import explain_failures
from entrypoint.user_code import UserCode


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """Everything a training needs, checked.

    Attributes:
        settings: every path.
        parameters: the documented parameters and the user's own.
        place: which process of which cluster this is.
        storage: publishes checkpoints and the model, where they have a URI.
        dataset_dir: `path` of both input functions.
        channel_dirs: the directories of the dataset's channels, by name.
        code: the user's four functions.
        devices: what to compute on.
        warm_start: the checkpoint whose values a new training begins with, if any.
        started: when the job began, on the monotonic clock in seconds.
    """

    settings: Settings
    parameters: Parameters
    place: Place
    storage: Storage
    dataset_dir: Path
    channel_dirs: Mapping[str, Path]
    code: UserCode
    devices: Devices
    started: float
    warm_start: Path | None = None

    def explained(self, during: str, writes_to: Path) -> AbstractContextManager[None]:
        """Explain what fails inside as a failure of this job; see `explain_failures`."""
        return explain_failures(
            during,
            code_dir=self.code.source.code_dir,
            dataset_dir=self.dataset_dir,
            writes_to=writes_to,
            peer_timeout_seconds=self.settings.peer_timeout_seconds
            if self.place.cluster.is_distributed
            else None,
        )
