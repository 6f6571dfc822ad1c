"""The Estimator API on current TensorFlow.

TensorFlow removed ``tf.estimator`` in 2.16. The last ``tensorflow-estimator`` release still holds
all of its code; what it lacks on a current TensorFlow is small, and this package supplies it.
"""

from entrypoint.estimator.revival import behave_like_tensorflow1, revive

__all__ = ["behave_like_tensorflow1", "revive"]
