"""`tensorflow.python.…`: private modules that user code imports by the paths of TensorFlow 1.

Most are where they were. The tables below say where the others are now.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.missing import MissingSymbolError
from entrypoint.tensorflow1.facade import Facade

_PYTHON = "tensorflow.python"
_RNN_CELLS = "tf_keras.src.layers.rnn.legacy_cells"
_STRATEGIES = "tensorflow.python.distribute.distribute_lib"

# Where a module, with everything below it, is now. TensorFlow still has some of the old paths, but
# behind them are copies of Keras that `tf.keras`, `tf.layers` and `tf.nn.rnn_cell` do not know.
MOVED_MODULES = {
    "distribute.distribution_strategy_context": _STRATEGIES,
    "estimator": "tensorflow_estimator.python.estimator",
    "estimator.canned.boosted_trees": "entrypoint.estimator.boosted_trees",
    "feature_column.dense_features": "tf_keras.src.feature_column.dense_features",
    "feature_column.dense_features_v2": "tf_keras.src.feature_column.dense_features_v2",
    "keras": "tf_keras.src",
    "layers.base": "tf_keras.src.legacy_tf_layers.base",
    "layers.convolutional": "tf_keras.src.legacy_tf_layers.convolutional",
    "layers.core": "tf_keras.src.legacy_tf_layers.core",
    "layers.layers": "tensorflow.compat.v1.layers",
    "layers.normalization": "tf_keras.src.legacy_tf_layers.normalization",
    "layers.pooling": "tf_keras.src.legacy_tf_layers.pooling",
    "ops.losses.loss_reduction": "tensorflow.python.ops.losses.losses_impl",
    "ops.rnn_cell": _RNN_CELLS,
    "ops.rnn_cell_impl": _RNN_CELLS,
    "ops.rnn_cell_wrapper_impl": "tf_keras.src.layers.rnn.cell_wrappers",
    "training.checkpointable": "tensorflow.python.trackable",
    "training.distribute": _STRATEGIES,
    "training.distribution_strategy_context": _STRATEGIES,
    "training.gen_training_ops": "tensorflow.python.ops.gen_training_ops",
    "training.tracking": "tensorflow.python.trackable",
    "training.training_ops": "tensorflow.python.ops.gen_training_ops",
}

# Where a name of a module that is still there has gone: the public or private module and the name.
MOVED_NAMES = {
    "framework.common_shapes.unknown_shape": "python.framework.tensor_shape:unknown_shape",
    "framework.graph_util.convert_variables_to_constants": (
        "compat.v1.graph_util:convert_variables_to_constants"
    ),
    "framework.graph_util_impl.convert_variables_to_constants": (
        "compat.v1.graph_util:convert_variables_to_constants"
    ),
    "framework.tensor_util.maybe_set_static_shape": "python.ops.shape_util:maybe_set_static_shape",
    "framework.tensor_util.shape_tensor": "python.ops.shape_util:shape_tensor",
    "pywrap_tensorflow.CheckpointReader": "python.util._pywrap_checkpoint_reader:CheckpointReader",
    "pywrap_tensorflow.NewCheckpointReader": "compat.v1.train:NewCheckpointReader",
    "util.nest.is_sequence": "python.util.nest:is_nested",
}

# In these, a name that is gone is looked for in the public API, which kept most of them.
_PUBLIC = ("framework.ops", "ops.", "training.", "layers.", "client.session")

# What was one file in TensorFlow 1's Keras and is several now: its names are in the package.
_SPLIT_KERAS = {
    "keras.layers": (
        "advanced_activations convolutional_recurrent core cudnn_recurrent embeddings local merge"
        " noise normalization pooling recurrent recurrent_v2 wrappers"
    ),
    "keras.engine": "network topology",
    "keras.utils": "generic_utils np_utils",
    "keras.optimizers": "",
}


class PythonModule(Facade):
    """A module of `tensorflow.python`, whose modules are facades of the same kind."""

    def __init__(self, path: str = "") -> None:
        """Make the facade of a path below `tensorflow.python`.

        Raises:
            ModuleNotFoundError: there is no such module any more.
        """
        super().__init__(f"{_PYTHON}.{path}".rstrip("."), _import(path))
        vars(self)["_below"] = path

    def _find(self, name: str) -> Any:
        path = f"{self._below}.{name}".lstrip(".")
        if _is_module(path):
            return PythonModule(path)
        try:
            return super()._find(name)
        except AttributeError:
            if name.startswith("__"):
                raise
        return _find_moved(self._below, name)


def _import(path: str) -> ModuleType:
    """Import what is now behind a path below `tensorflow.python`."""
    parent, _, last = path.rpartition(".")
    if last in _SPLIT_KERAS.get(parent, "").split():
        try:
            return importlib.import_module(_location(path))
        except ModuleNotFoundError:
            return importlib.import_module(_location(parent))
    return importlib.import_module(_location(path))


def _is_module(path: str) -> bool:
    parent, _, last = path.rpartition(".")
    if path in MOVED_MODULES or last in _SPLIT_KERAS.get(parent, "").split():
        return True
    try:
        return importlib.util.find_spec(_location(path)) is not None
    except (ModuleNotFoundError, ValueError):  # the parent is no package
        return False


def _location(path: str) -> str:
    """Return the full name under which a path is found now."""
    parts = path.split(".") if path else []
    for end in range(len(parts), 0, -1):
        moved = MOVED_MODULES.get(".".join(parts[:end]))
        if moved is not None:
            return ".".join([moved, *parts[end:]])
    return ".".join([_PYTHON, *parts])


def _public_places(path: str) -> list[Any]:
    """Return where in the public API a private module's name may be, the likeliest first."""
    if path.partition(".")[0] != "keras":
        return [tf.compat.v1] if f"{path}.".startswith(_PUBLIC) else []
    places: list[Any] = [tf.compat.v1.keras]
    for part in path.split(".")[1:]:
        below = getattr(places[0], part, None)
        if not isinstance(below, ModuleType):
            break
        places.insert(0, below)
    return places


def _find_moved(path: str, name: str) -> Any:
    """Find a name that is no longer in the module it was in.

    Raises:
        MissingSymbolError: it is nowhere.
    """
    symbol = f"{path}.{name}"
    if symbol in MOVED_NAMES:
        module, _, new_name = MOVED_NAMES[symbol].partition(":")
        return getattr(importlib.import_module(f"tensorflow.{module}"), new_name)
    for public in _public_places(path):
        if hasattr(public, name):
            return getattr(public, name)
    raise MissingSymbolError(
        f"{_PYTHON}.{symbol} was private to TensorFlow 1 and is gone from TensorFlow"
        f" {tf.version.VERSION}",
        "use what the public API has in its place",
    )
