"""The Estimator API on current TensorFlow, and the TF1 names that user code is written in.

TensorFlow removed ``tf.estimator`` in 2.16. The last ``tensorflow-estimator`` release still holds
all of its code; what it lacks on a current TensorFlow is small, and this package supplies it.
"""

from entrypoint.estimator.revival import behave_like_tensorflow1, revive
from entrypoint.estimator.user_imports import read_user_modules_from

__all__ = ["behave_like_tensorflow1", "read_user_modules_from", "revive"]
