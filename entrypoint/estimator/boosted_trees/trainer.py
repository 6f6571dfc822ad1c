"""What one training step does with a batch, outside the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from entrypoint.estimator.boosted_trees.forest import Forest
from entrypoint.estimator.boosted_trees.options import TreeOptions
from entrypoint.estimator.boosted_trees.quantiles import Sketch
from entrypoint.estimator.boosted_trees.splits import (
    Floats,
    Ints,
    find_splits,
    leaf_values,
    sum_statistics,
)


@dataclass(frozen=True, kw_only=True)
class State:
    """What a checkpoint holds beside the global step.

    Attributes:
        stamp: counts the changes of the trees.
        trees: serialized.
        is_cut: whether the boundaries are settled.
        is_centering: whether the first node is still being moved towards the labels' prior.
        boundaries: where to cut each numeric feature.
    """

    stamp: int
    trees: bytes
    is_cut: bool
    is_centering: bool
    boundaries: tuple[Floats, ...]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a step needs to know of a batch.

    Attributes:
        values: of each numeric feature, of shape [batch].
        weights: of the examples, of shape [batch] or [1].
        node_ids: the node of the last tree in which each example is, of shape [batch].
        buckets: the bucket numbers, of shape [batch, features].
        gradients: of the loss by the logits, of shape [batch, logits].
        hessians: the diagonal of the second derivatives, of the same shape.
    """

    values: Sequence[Floats]
    weights: Floats
    node_ids: Ints
    buckets: Ints
    gradients: Floats
    hessians: Floats


class Trainer:
    """Grows the trees of one graph.

    Sums over batches are in no checkpoint, as in TensorFlow 1.15: training that goes on from one
    starts its layer anew.
    """

    def __init__(
        self, options: TreeOptions, bucket_counts: Sequence[int | None], logits: int
    ) -> None:
        """Start without a batch.

        Args:
            options: what the trees shall be like.
            bucket_counts: for each feature how many buckets it has; None for a numeric one.
            logits: how many numbers a leaf holds.
        """
        self._options = options
        self._bucket_counts = bucket_counts
        self._logits = logits
        self._serialized = b""
        self._forest = Forest(b"", options, logits)
        self._cached: tuple[int, Any] | None = None
        self._sums: list[Floats] = []
        self._start_layer()

    @property
    def is_finished(self) -> bool:
        """Whether all trees are grown."""
        return self._forest.is_finished

    def count(self, trees: bytes) -> Ints:
        """Return `Forest.counts` of serialized trees, as int32 of shape [3]."""
        return np.array(self._load(trees).counts, np.int32)

    def predict(self, trees: bytes, buckets: Ints) -> tuple[Floats, Ints]:
        """Return the logits of a batch and the nodes of the last tree, as `Forest.predict` does."""
        forest = self._load(trees)
        if not self._options.train_in_memory:
            return forest.predict(buckets)
        # Every batch is the same one: trees that are done need not be asked again.
        _, done, _ = forest.counts
        seen, sums = self._cached or (0, np.float32(0))
        if done > seen:
            sums = sums + forest.predict(buckets, seen, done)[0]
            self._cached = (done, sums)
        logits, node_ids = forest.predict(buckets, done)
        return sums + logits, node_ids

    def step(self, state: State, batch: Batch) -> tuple[State, int]:
        """Return the state after a batch, and by how much the global step grows.

        Batches from which only the boundaries are found do not count, as in TensorFlow 1.15.
        """
        if not state.is_cut:
            return self._sketch(state, batch), 0
        forest = self._load(state.trees)
        if state.is_centering:
            means = np.stack([batch.gradients.mean(axis=0), batch.hessians.mean(axis=0)])
            averages = self._average([means])
            if averages is None:
                return state, 1
            (mean,) = averages
            step, _ = leaf_values(mean[0], mean[1], self._options)
            goes_on = forest.move_bias(step)
            return self._changed(replace(state, is_centering=goes_on)), 1
        # A job that is started again makes one step before it sees that nothing is left to do.
        if forest.is_finished:
            return state, 1
        counts = self._count_buckets(state.boundaries)
        derivatives = np.concatenate([batch.gradients, batch.hessians], axis=1)
        layer = forest.layer
        averages = self._average(
            sum_statistics(batch.node_ids, layer, batch.buckets, derivatives, counts)
        )
        if averages is None:
            return state, 1
        forest.add_layer(find_splits(averages, self._options))
        return self._changed(state), 1

    def _sketch(self, state: State, batch: Batch) -> State:
        for sketch, values in zip(self._sketches, batch.values, strict=True):
            sketch.add(values, batch.weights)
        self._batches += 1
        if self._batches < self._options.n_batches_per_layer:
            return state
        boundaries = tuple(sketch.boundaries(self._options.quantiles) for sketch in self._sketches)
        self._start_layer()
        return replace(state, is_cut=True, boundaries=boundaries)

    def _average(self, statistics: list[Floats]) -> list[Floats] | None:
        """Return the averages over the batches of a layer when they are all in, or None."""
        if self._batches:
            statistics = [a + b for a, b in zip(self._sums, statistics, strict=True)]
        self._sums = statistics
        self._batches += 1
        if self._batches < self._options.n_batches_per_layer:
            return None
        averages = [sums / np.float32(self._batches) for sums in self._sums]
        self._start_layer()
        return averages

    def _start_layer(self) -> None:
        self._batches = 0
        self._sums = []
        self._sketches = [Sketch() for count in self._bucket_counts if count is None]

    def _count_buckets(self, boundaries: Sequence[Floats]) -> list[int]:
        cuts = iter(boundaries)
        return [max(len(next(cuts)), 1) if n is None else n for n in self._bucket_counts]

    def _load(self, trees: bytes) -> Forest:
        """Return the forest of these trees; it is read only when it is not the one at hand."""
        if trees != self._serialized:
            self._forest = Forest(trees, self._options, self._logits)
            self._serialized = trees
            self._cached = None
            self._start_layer()
        return self._forest

    def _changed(self, state: State) -> State:
        self._serialized = self._forest.message.SerializeToString()
        return replace(state, stamp=state.stamp + 1, trees=self._serialized)
