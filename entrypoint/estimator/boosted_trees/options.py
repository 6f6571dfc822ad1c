"""What the trees of a model shall be like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_PRUNING_MODES = ("none", "pre", "post")


@dataclass(frozen=True, kw_only=True)
class TreeOptions:
    """What the trees shall be like; the arguments of the estimators of the same names."""

    n_batches_per_layer: Any
    n_trees: int
    max_depth: int
    learning_rate: float
    l1: float
    l2: float
    tree_complexity: float
    min_node_weight: float
    center_bias: bool
    pruning_mode: str
    quantile_sketch_epsilon: float
    train_in_memory: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            ValueError: names the argument and what it may be.
        """
        if self.pruning_mode not in _PRUNING_MODES:
            raise ValueError(
                f"pruning_mode is {self.pruning_mode!r}; it may be {', '.join(_PRUNING_MODES)}"
            )
        if (self.tree_complexity > 0) != (self.pruning_mode != "none"):
            raise ValueError(
                f"tree_complexity is {self.tree_complexity} and pruning_mode"
                f" {self.pruning_mode!r}; trees are pruned when the one is above 0 and the other"
                " is 'pre' or 'post', both or neither"
            )
        if self.train_in_memory and self.n_batches_per_layer != 1:
            raise ValueError(
                f"n_batches_per_layer is {self.n_batches_per_layer}; with train_in_memory the"
                " input_fn gives all data as one batch, so it must be 1"
            )

    @property
    def quantiles(self) -> int:
        """The number of buckets of a numeric feature."""
        return int(1.0 / self.quantile_sketch_epsilon)
