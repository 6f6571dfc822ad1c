"""`tf.contrib.keras`: Keras before it was `tf.keras`, of which it has the modules."""

from __future__ import annotations

import tensorflow as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

_keras = tf.compat.v1.keras

activations = _keras.activations
applications = _keras.applications
backend = _keras.backend
callbacks = _keras.callbacks
constraints = _keras.constraints
datasets = _keras.datasets
initializers = _keras.initializers
layers = _keras.layers
losses = _keras.losses
metrics = _keras.metrics
models = _keras.models
optimizers = _keras.optimizers
preprocessing = _keras.preprocessing
regularizers = _keras.regularizers
utils = _keras.utils

__all__ = [
    "activations",
    "applications",
    "backend",
    "callbacks",
    "constraints",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "preprocessing",
    "regularizers",
    "utils",
]

NOT_SUPPLIED = {
    "api": "use tf.keras",
    "wrappers": "Keras dropped its wrappers for scikit-learn; install scikeras",
}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
