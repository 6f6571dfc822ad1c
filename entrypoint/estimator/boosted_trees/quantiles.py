"""Find where to cut the values of a numeric feature into buckets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

# Above so many different values the nearest are merged down to half of it: the ranks stay right
# to a hundredth of what the usual sketch error of 0.01 allows.
_MOST_VALUES = 20_000


class Sketch:
    """Takes in the values of one feature, batch by batch."""

    def __init__(self) -> None:
        self._values: Floats = np.empty(0, np.float32)
        self._weights: Floats = np.empty(0)
        self._new: list[tuple[Floats, Floats]] = []
        self._count_new = 0

    def add(self, values: Floats, weights: Floats) -> None:
        """Take in a batch.

        Args:
            values: float32 of shape [batch].
            weights: of the examples, of shape [batch] or [1].
        """
        self._new.append((values, np.broadcast_to(weights, values.shape)))
        self._count_new += len(values)
        if self._count_new > _MOST_VALUES:
            self._merge()

    def boundaries(self, count: int) -> Floats:
        """Return about `count` of the values, ascending, with about equal weight between them.

        The least and the greatest are always among them, and when there are at most `count`
        different values, all are.
        """
        self._merge()
        values, weights = self._values, self._weights
        if len(values) <= max(count, 2):
            return values
        after = np.cumsum(weights)
        before = after - weights
        # A step passes at most its share of the weight, and of the values about its share too.
        widest = after[-1] * max(1 / count, float(np.float32(1 / count)))
        kept = [0]
        credit, at, last = 0, 0, len(values) - 1
        while at < last:
            reach = int(np.searchsorted(before, after[at] + widest, side="right")) - 1
            steps = max(-(-(len(values) - credit) // count), 0)
            steps = min(steps, max(reach - at, 0), last - at)
            credit += steps * count - len(values)
            at += max(steps, 1)
            kept.append(at)
        return values[kept]

    def _merge(self) -> None:
        values = np.concatenate([self._values, *(v for v, _ in self._new)])
        weights = np.concatenate([self._weights, *(w for _, w in self._new)])
        self._new, self._count_new = [], 0
        self._values, places = np.unique(values, return_inverse=True)
        self._weights = np.bincount(places, weights, minlength=len(self._values)).astype(np.float64)
        if len(self._values) > _MOST_VALUES:
            self._compress(_MOST_VALUES // 2)

    def _compress(self, count: int) -> None:
        """Keep the greatest value of each of `count` parts of equal weight, and the least."""
        ranks = np.cumsum(self._weights)
        part = np.minimum((ranks / ranks[-1] * count).astype(np.int64), count - 1)
        part[1:] += 1
        part[0] = 0
        is_last = np.append(part[1:] != part[:-1], True)
        places = np.cumsum(np.append(0, is_last[:-1]))
        self._weights = np.bincount(places, self._weights).astype(np.float64)
        self._values = self._values[is_last]
