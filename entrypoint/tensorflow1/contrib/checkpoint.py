"""`tf.contrib.checkpoint`: objects whose parts a `tf.train.Checkpoint` finds."""

from __future__ import annotations

from typing import Any

from tensorflow.core.protobuf.trackable_object_graph_pb2 import (
    TrackableObjectGraph as CheckpointableObjectGraph,
)
from tensorflow.python.checkpoint.checkpoint import (
    capture_dependencies,
    list_objects,
    object_metadata,
)
from tensorflow.python.checkpoint.checkpoint_management import CheckpointManager
from tensorflow.python.trackable.autotrackable import AutoTrackable as Checkpointable
from tensorflow.python.trackable.base import Trackable as CheckpointableBase
from tensorflow.python.trackable.data_structures import List, Mapping, NoDependency
from tensorflow.python.trackable.python_state import PythonState as PythonStateWrapper

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "CheckpointManager",
    "Checkpointable",
    "CheckpointableBase",
    "CheckpointableObjectGraph",
    "List",
    "Mapping",
    "NoDependency",
    "PythonStateWrapper",
    "UniqueNameTracker",
    "capture_dependencies",
    "list_objects",
    "object_metadata",
]

NOT_SUPPLIED = {
    "NumpyState": "keep the arrays in tf.Variable",
    "dot_graph_from_checkpoint": "use tf.train.list_variables",
    "split_dependency": "save the parts as tf.Variable of their own",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


class UniqueNameTracker(CheckpointableBase):
    """Keeps objects under names that it makes unique: "x", then "x_1"."""

    def __init__(self) -> None:
        self._maybe_initialize_trackable()
        self._name_counts: dict[str, int] = {}

    def track(self, trackable: Any, base_name: str) -> Any:
        """Keep an object. Returns it.

        Raises:
            ValueError: a checkpoint cannot hold it.
        """
        if not isinstance(trackable, CheckpointableBase):
            raise ValueError(  # noqa: TRY004 (as TensorFlow 1 does)
                f"Expected a trackable value, got {trackable}"
            )
        count = self._name_counts.get(base_name, 0)
        name = _numbered(base_name, count)
        while self._lookup_dependency(name) is not None:
            count += 1
            name = _numbered(base_name, count)
        self._name_counts[base_name] = count + 1
        return self._track_trackable(trackable, name=name)


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name
