"""TensorFlow as a job whose code is written for TensorFlow 1 starts it, in this process."""

from __future__ import annotations

from entrypoint import estimator

# Before any test module here imports TensorFlow by itself.
estimator.revive()
estimator.behave_like_tensorflow1()
