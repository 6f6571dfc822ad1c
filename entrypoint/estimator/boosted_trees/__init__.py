"""`tf.estimator.BoostedTrees*`, which tensorflow-estimator 2.15 dropped.

TensorFlow 2.21 still lists the operators that they were built on and no longer has their kernels,
so trees are grown here in NumPy, and predictions are made by operators that every server has. Trees
and checkpoints are TensorFlow 1.15's.
"""

from entrypoint.estimator.boosted_trees.estimators import (
    BoostedTreesClassifier,
    BoostedTreesEstimator,
    BoostedTreesRegressor,
)

__all__ = ["BoostedTreesClassifier", "BoostedTreesEstimator", "BoostedTreesRegressor"]
