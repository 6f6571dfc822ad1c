"""Where a graph keeps the trees, and how a checkpoint holds them.

A checkpoint has the trees as `boosted_trees:0_stamp` and `boosted_trees:0_serialized`, and the cuts
of numeric feature 0 as `boosted_trees/QuantileAccumulator:0_bucket_boundaries_0`, as those of
TensorFlow 1.15 do, where an operator's resource kept them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow.python.training.saver import BaseSaverBuilder

# The collection of operations that a `Scaffold` runs with the initializers of global variables.
_INITIALIZERS = "saved_model_initializers"
# The name scope of a model.
SCOPE = "boosted_trees"
TREES_KEY = f"{SCOPE}:0_serialized"


@dataclass(frozen=True, kw_only=True)
class Variables:
    """The trees of a graph, and where it cuts numeric features.

    Attributes:
        stamp: counts the changes of the trees, int64.
        trees: serialized, a string.
        boundaries: for each numeric feature where to cut it, float32 of shape [any].
    """

    stamp: Any
    trees: Any
    boundaries: Sequence[Any]


def make_variables(
    scope: str, numeric_features: int, on_restore: Callable[[Any], Sequence[Any]] | None = None
) -> Variables:
    """Make the variables, which start without trees unless a checkpoint is restored.

    Args:
        scope: the name scope that the caller is in, as entering it gave it.
        numeric_features: how many features are cut.
        on_restore: gets the serialized trees of a checkpoint; the operations that it returns are
            part of restoring it.
    """
    # Savers call the trees by the name of this operator: the scope's own.
    trees = hidden_variable(tf.constant(b""), scope)
    stamp = hidden_variable(tf.constant(0, tf.int64), "stamp")
    _save([trees, stamp], ["_serialized", "_stamp"], on_restore)
    boundaries = [
        hidden_variable(tf.zeros([0]), "QuantileAccumulator", shape=[None])
        for _ in range(numeric_features)
    ]
    if boundaries:
        _save(boundaries, [f"_bucket_boundaries_{i}" for i in range(numeric_features)])
    return Variables(stamp=stamp, trees=trees, boundaries=boundaries)


def hidden_variable(value: Any, name: str, shape: Any = None) -> Any:
    """Make a variable that is initialized as others are, and that no checkpoint has by its name."""
    variable = tf.compat.v1.Variable(
        value,
        name=name,
        shape=shape,
        trainable=False,
        use_resource=True,
        validate_shape=False,
        collections=[],
    )
    # Sessions run these where they run initializers of variables: when nothing was restored.
    tf.compat.v1.add_to_collection(_INITIALIZERS, variable.initializer)
    return variable


def _save(
    variables: Sequence[Any],
    suffixes: Sequence[str],
    on_restore: Callable[[Any], Sequence[Any]] | None = None,
) -> None:
    saveable = _Saveable(variables, suffixes, on_restore)
    tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.SAVEABLE_OBJECTS, saveable)


class _Saveable(BaseSaverBuilder.SaveableObject):
    """Tells a Saver to save variables under the first one's name with suffixes."""

    def __init__(
        self,
        variables: Sequence[Any],
        suffixes: Sequence[str],
        on_restore: Callable[[Any], Sequence[Any]] | None,
    ) -> None:
        self._variables = variables
        self._on_restore = on_restore
        name = variables[0].handle.name
        specs = [
            BaseSaverBuilder.SaveSpec(v.read_value(), "", f"{name}{suffix}")
            for v, suffix in zip(variables, suffixes, strict=True)
        ]
        super().__init__(variables[0].handle, specs, name)

    def restore(self, restored_tensors: Sequence[Any], restored_shapes: Any) -> Any:
        """Return the operation that takes over what was read."""
        del restored_shapes
        pairs = zip(self._variables, restored_tensors, strict=True)
        restored = [variable.assign(tensor).op for variable, tensor in pairs]
        if self._on_restore:
            restored += self._on_restore(restored_tensors[0])
        return tf.group(restored)
