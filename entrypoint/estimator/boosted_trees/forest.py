"""The trees while they grow, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from entrypoint.estimator.boosted_trees.options import TreeOptions
from entrypoint.estimator.boosted_trees.protos import TreeEnsemble
from entrypoint.estimator.boosted_trees.splits import Floats, Ints, Splits

# The first node's value is right when a further step changes it by less than so much of it.
_SMALLEST_CHANGE = 0.01


@dataclass(frozen=True, kw_only=True)
class _Tree:
    """A tree by columns; a leaf's children are itself."""

    feature_ids: Ints
    thresholds: Ints
    left: Ints
    right: Ints
    values: Floats

    def descend(self, buckets: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Yield the nodes in which examples are, level by level, and the nodes they came from."""
        came_from = np.zeros(len(buckets), np.int32)
        examples = np.arange(len(buckets))
        while True:
            reached = buckets[examples, self.feature_ids[came_from]]
            goes_left = reached <= self.thresholds[came_from]
            nodes = np.where(goes_left, self.left[came_from], self.right[came_from])
            if (nodes == came_from).all():
                return
            yield came_from, nodes
            came_from = nodes


class Forest:
    """An ensemble of trees, as TensorFlow 1.15 keeps it in a checkpoint.

    The last tree is the one that grows; when one has all its layers, an empty one is added.
    """

    def __init__(self, serialized: bytes, options: TreeOptions, logits: int) -> None:
        """Read the trees.

        Args:
            serialized: as a checkpoint has them, or empty.
            options: what the trees shall be like.
            logits: how many numbers a leaf holds.

        Raises:
            ValueError: a tree has a split of a kind that TensorFlow 1.15 did not make.
        """
        self.message = TreeEnsemble.FromString(serialized)
        self._options = options
        self._logits = logits
        self._trees = [self._read(tree) for tree in self.message.trees]

    @property
    def layer(self) -> range:
        """The nodes of the last tree that are to be split next."""
        growing = self.message.growing_metadata
        return range(growing.last_layer_node_start, max(growing.last_layer_node_end, 1))

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many trees there are, how many of them are done, and how many layers were tried."""
        metadata = self.message.tree_metadata
        trees = len(metadata)
        finalized = trees - 1 if trees and not metadata[-1].is_finalized else trees
        return trees, finalized, self.message.growing_metadata.num_layers_attempted

    @property
    def is_finished(self) -> bool:
        """Whether all trees are grown, or trying has become vain."""
        _, finalized, attempts = self.counts
        n_trees = self._options.n_trees
        return finalized >= n_trees or attempts > 2 * n_trees * self._options.max_depth

    def predict(
        self, buckets: Ints, first: int = 0, last: int | None = None
    ) -> tuple[Floats, Ints]:
        """Return the sums over trees, of shape [batch, logits], and the nodes in the last of them.

        Args:
            buckets: the bucket numbers, of shape [batch, features].
            first: the tree to begin at.
            last: the tree before which to end; None for all.
        """
        nodes = np.zeros(len(buckets), np.int32)
        logits = np.zeros((len(buckets), self._logits), np.float32)
        for tree in self._trees[first:last]:
            nodes = np.zeros(len(buckets), np.int32)
            for _, reached in tree.descend(buckets):
                nodes = reached
            logits += tree.values[nodes]
        return logits, nodes

    def explain(
        self, buckets: Ints, activation: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the predictions at the first node and what each feature moved them from there.

        A split moves a prediction by what a child's value is above its parent's (Palczewska et
        al., "Interpreting random forest classification models using a feature contribution
        method", 2013).

        Args:
            buckets: the bucket numbers, of shape [batch, features].
            activation: makes predictions of logits.

        Returns:
            of shape [batch], and of shape [batch, features].
        """
        start = self._trees[0].values[0, 0] if self._trees else np.float32(0)
        bias = activation(np.full(len(buckets), start))
        moved = np.zeros(buckets.shape)
        logits = np.zeros(len(buckets), np.float32)
        predictions = bias
        examples = np.arange(len(buckets))
        for tree in self._trees:
            nodes = np.zeros(len(buckets), np.int32)
            for came_from, nodes in tree.descend(buckets):
                is_moved = nodes != came_from
                after = activation(logits + tree.values[nodes, 0])
                change = np.where(is_moved, after - predictions, 0)
                moved[examples, tree.feature_ids[came_from]] += change
                predictions = predictions + change
            # The value at the root of a later tree is no step from the trees before it.
            is_counted = (nodes > 0) | (tree is self._trees[0])
            logits = np.where(is_counted, logits + tree.values[nodes, 0], logits)
        return bias, moved

    def move_bias(self, step: Floats) -> bool:
        """Add to the value of the first node, and return whether it should be moved further."""
        if not self.message.trees:
            self._add_tree(step)
            return True
        leaf = self.message.trees[0].nodes[0].leaf
        bias = self._value(leaf)
        self._set_value(leaf, bias + step)
        self._trees[0] = self._read(self.message.trees[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            return bool((np.abs(step / bias) > _SMALLEST_CHANGE).any())

    def add_layer(self, splits: Splits) -> None:
        """Split the nodes of the last layer, and begin a new tree after a tree's last layer."""
        ensemble, growing = self.message, self.message.growing_metadata
        trees = len(ensemble.trees)
        growing.num_layers_attempted += 1
        previous_is_done = trees < 2 or ensemble.tree_metadata[-2].is_finalized  # noqa: PLR2004 (the last and the one before)
        if not trees or (previous_is_done and len(ensemble.trees[-1].nodes) == 1):
            growing.num_trees_attempted += 1
        layer = self.layer
        if not trees:
            self._add_tree()
        tree, metadata = ensemble.trees[-1], ensemble.tree_metadata[-1]
        start = len(tree.nodes)
        for index, node_id in enumerate(layer):
            gain = splits.gains[index]
            if splits.found[index] and not (self._options.pruning_mode == "pre" and gain < 0):
                self._split(tree, node_id, splits, index)
        if len(tree.nodes) == start:
            return
        metadata.num_layers_grown += 1
        growing.last_layer_node_start, growing.last_layer_node_end = start, len(tree.nodes)
        if metadata.num_layers_grown >= self._options.max_depth:
            metadata.is_finalized = True
            growing.last_layer_node_start, growing.last_layer_node_end = 0, 1
            if self._options.pruning_mode == "post":
                _prune(tree)
        self._trees[-1] = self._read(tree)
        if metadata.is_finalized:
            self._add_tree()

    def _split(self, tree: Any, node_id: int, splits: Splits, index: int) -> None:
        node = tree.nodes[node_id]
        value = self._value(node.leaf)
        if node_id or node.leaf.scalar or node.leaf.HasField("vector"):
            node.metadata.original_leaf.CopyFrom(node.leaf)
        node.ClearField("leaf")
        node.metadata.gain = splits.gains[index]
        split = node.bucketized_split
        split.feature_id = splits.feature_ids[index]
        split.threshold = splits.thresholds[index]
        split.left_id, split.right_id = len(tree.nodes), len(tree.nodes) + 1
        rate = np.float32(self._options.learning_rate)
        for contribution in (splits.left[index], splits.right[index]):
            self._set_value(tree.nodes.add().leaf, value + rate * contribution)

    def _add_tree(self, value: Floats | None = None) -> None:
        tree = self.message.trees.add()
        zero = np.zeros(self._logits, np.float32)
        self._set_value(tree.nodes.add().leaf, zero if value is None else value)
        self.message.tree_weights.append(1.0)
        self.message.tree_metadata.add()
        self._trees.append(self._read(tree))

    def _value(self, leaf: Any) -> Floats:
        values = leaf.vector.value if leaf.HasField("vector") else [leaf.scalar] * self._logits
        return np.array(values, np.float32)

    def _set_value(self, leaf: Any, value: Floats) -> None:
        if self._logits == 1:
            leaf.scalar = value[0]
        else:
            leaf.vector.value[:] = value.tolist()
            leaf.vector.SetInParent()

    def _read(self, tree: Any) -> _Tree:
        own = np.arange(len(tree.nodes), dtype=np.int32)
        feature_ids, thresholds = np.zeros_like(own), np.zeros_like(own)
        left, right = own.copy(), own.copy()
        values = np.zeros((len(own), self._logits), np.float32)
        for i, node in enumerate(tree.nodes):
            if node.HasField("leaf"):
                values[i] = self._value(node.leaf)
                continue
            split = node.bucketized_split
            if not node.HasField("bucketized_split") or split.dimension_id:
                raise ValueError(
                    "the checkpoint has a split of a kind that TensorFlow 1.15 did not make; it"
                    " cannot be read"
                )
            feature_ids[i], thresholds[i] = split.feature_id, split.threshold
            left[i], right[i] = split.left_id, split.right_id
            values[i] = self._value(node.metadata.original_leaf)
        return _Tree(
            feature_ids=feature_ids, thresholds=thresholds, left=left, right=right, values=values
        )


def _prune(tree: Any) -> None:
    """Make leaves of nodes whose split loses and whose children are leaves, from below."""
    gone: set[int] = set()

    def visit(node: Any) -> bool:
        """Return whether the node is a leaf now."""
        if node.HasField("leaf"):
            return True
        children = (node.bucketized_split.left_id, node.bucketized_split.right_id)
        are_leaves = [visit(tree.nodes[child]) for child in children]
        if node.metadata.gain >= 0 or not all(are_leaves):
            return False
        gone.update(children)
        node.ClearField("bucketized_split")
        node.leaf.CopyFrom(node.metadata.original_leaf)
        node.ClearField("metadata")
        return True

    visit(tree.nodes[0])
    kept = [i for i in range(len(tree.nodes)) if i not in gone]
    new_ids = {old: new for new, old in enumerate(kept)}
    for i in sorted(gone, reverse=True):
        del tree.nodes[i]
    for node in tree.nodes:
        if node.HasField("bucketized_split"):
            split = node.bucketized_split
            split.left_id, split.right_id = new_ids[split.left_id], new_ids[split.right_id]
