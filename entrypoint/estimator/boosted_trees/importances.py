"""Sums over the features of a column, the greatest first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from entrypoint.estimator.boosted_trees.protos import TreeEnsemble


def importances(serialized: bytes, names: Sequence[str], *, normalize: bool) -> dict[str, float]:
    """Return what the splits on each column gained in all trees.

    Args:
        serialized: the trees.
        names: for each feature by number the name of its column.
        normalize: whether the sum shall be 1.

    Raises:
        ValueError: the sum shall be 1, and no tree has a split that gains, or one loses.
    """
    gains = np.zeros(len(names))
    ensemble = TreeEnsemble.FromString(serialized)
    for tree, weight in zip(ensemble.trees, ensemble.tree_weights, strict=True):
        for node in tree.nodes:
            if node.HasField("bucketized_split"):
                gains[node.bucketized_split.feature_id] += weight * node.metadata.gain
    if normalize:
        if (gains < 0).any() or not gains.any():
            raise ValueError(
                "importances can be made to sum to 1 only when splits gained and none lost;"
                f" they are {dict(by_column(names, gains))}"
            )
        gains /= gains.sum()
    return by_column(names, gains)


def by_column(names: Sequence[str], values: npt.NDArray[Any]) -> dict[str, float]:
    """Return the sums of the values of each column's features, by name, the greatest first.

    Signs do not matter to the order, and equal ones stay in the order of the columns.
    """
    sums: dict[str, float] = {}
    for name, value in zip(names, values, strict=True):
        sums[name] = sums.get(name, 0.0) + float(value)
    return OrderedDict(sorted(sums.items(), key=lambda item: -abs(item[1])))
