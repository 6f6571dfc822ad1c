"""ModelMaker TensorFlow: one training job, from a user's Estimator functions to a SavedModel."""

__version__ = "0.1.0"
