"""Sum up gradients by node, feature and bucket, and find where to split nodes.

A node with sums G of gradients and H of Hessians gets the value -G / (H + l2), and a split of it
gains GL^2 / (HL + l2) + GR^2 / (HR + l2) - G^2 / (H + l2), with L and R its children; G is drawn
towards 0 by l1 (Chen and Guestrin, "XGBoost", 2016, section 2.2, without the constant factor).

All is computed in float32 and in the order of TensorFlow 1.15, so that of two splits that gain
nearly the same the same one is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from entrypoint.estimator.boosted_trees.options import TreeOptions

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

# Sums of Hessians below it count as none, and gains that differ by less as the same.
_TINY = np.float32(1e-15)


@dataclass(frozen=True, kw_only=True)
class Splits:
    """For each node of a layer the best split.

    Attributes:
        found: whether there is one, bool of shape [nodes].
        gains: less the price of a split, of shape [nodes].
        feature_ids: the feature, of shape [nodes].
        thresholds: the last bucket that goes left, of shape [nodes].
        left: what the left child's value is above the node's, of shape [nodes, logits].
        right: the same of the right child.
    """

    found: npt.NDArray[np.bool_]
    gains: Floats
    feature_ids: Ints
    thresholds: Ints
    left: Floats
    right: Floats


def sum_statistics(
    node_ids: Ints, layer: range, buckets: Ints, derivatives: Floats, counts: Sequence[int]
) -> list[Floats]:
    """Return for each feature the sums over a batch, of shape [nodes, buckets, derivatives].

    Args:
        node_ids: in which node each example is, of shape [batch].
        layer: the nodes to sum up for; examples elsewhere are left out.
        buckets: the bucket numbers, of shape [batch, features].
        derivatives: gradients and then Hessians, of shape [batch, derivatives].
        counts: for each feature how many buckets it has.
    """
    inside = (node_ids >= layer.start) & (node_ids < layer.stop)
    nodes = node_ids[inside] - layer.start
    buckets, derivatives = buckets[inside], derivatives[inside]
    sums = []
    for feature, count in enumerate(counts):
        of_feature = np.zeros((derivatives.shape[1], len(layer) * count), np.float32)
        cells = nodes * count + buckets[:, feature]
        for column, values in zip(of_feature, derivatives.T, strict=True):
            np.add.at(column, cells, values)
        sums.append(np.moveaxis(of_feature.reshape(-1, len(layer), count), 0, -1))
    return sums


def find_splits(statistics: Sequence[Floats], options: TreeOptions) -> Splits:
    """Return the best split of every node; of equally good ones that by the first feature.

    Args:
        statistics: for each feature the sums, as `sum_statistics` gives them.
        options: what the trees shall be like.
    """
    best = _best_of_feature(statistics[0], 0, options)
    for feature, sums in enumerate(statistics[1:], start=1):
        other = _best_of_feature(sums, feature, options)
        better = other.found & (~best.found | (other.gains - best.gains >= _TINY))
        best = _choose(better, other, best)
    return best


def leaf_values(gradients: Floats, hessians: Floats, options: TreeOptions) -> tuple[Floats, Floats]:
    """Return the values of leaves, and what a leaf gains over a value of 0.

    Args:
        gradients: their sums, of shape [..., logits].
        hessians: the same of the Hessians.
        options: has l1 and l2.

    Returns:
        of the shape of the arguments, and without the last dimension.
    """
    l1, l2 = np.float32(options.l1), np.float32(options.l2)
    drawn = np.sign(gradients) * np.maximum(np.abs(gradients) - l1, 0) if l1 > 0 else gradients
    regularized = hessians + l2
    is_empty = regularized <= _TINY
    values = np.where(is_empty, 0, -drawn / np.where(is_empty, 1, regularized)).astype(np.float32)
    return values, (-drawn * values).sum(axis=-1)


def _best_of_feature(sums: Floats, feature: int, options: TreeOptions) -> Splits:
    logits = sums.shape[-1] // 2
    below = np.cumsum(sums, axis=1, dtype=np.float32)
    total = below[:, -1]
    above = total[:, None] - below
    left, left_gains = leaf_values(below[..., :logits], below[..., logits:], options)
    right, right_gains = leaf_values(above[..., :logits], above[..., logits:], options)
    _, node_gains = leaf_values(total[:, :logits], total[:, logits:], options)
    gains = left_gains + right_gains
    nodes = np.arange(len(gains))
    at = np.zeros(len(gains), np.int32)
    for bucket in range(1, gains.shape[1]):
        at[gains[:, bucket] - gains[nodes, at] >= _TINY] = bucket
    return Splits(
        found=total[:, logits:].sum(axis=-1) >= np.float32(options.min_node_weight),
        gains=gains[nodes, at] - node_gains - np.float32(options.tree_complexity),
        feature_ids=np.full(len(gains), feature, np.int32),
        thresholds=at,
        left=left[nodes, at],
        right=right[nodes, at],
    )


def _choose(where: npt.NDArray[np.bool_], first: Splits, second: Splits) -> Splits:
    wide = where[:, None]
    return Splits(
        found=first.found | second.found,
        gains=np.where(where, first.gains, second.gains),
        feature_ids=np.where(where, first.feature_ids, second.feature_ids),
        thresholds=np.where(where, first.thresholds, second.thresholds),
        left=np.where(wide, first.left, second.left),
        right=np.where(wide, first.right, second.right),
    )
