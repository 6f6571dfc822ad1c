"""TensorFlow as user code knows it: the names and paths of TensorFlow 1, and `tf.contrib`.

Nothing of it may be imported before `entrypoint.estimator.revive` has run.
"""
