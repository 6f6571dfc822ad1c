"""Run by a test in a process of its own: plain TensorFlow calls every signature of a SavedModel.

python predict_plainly.py VERSION_DIR INPUTS.npz OUTPUTS.npz
"""

import sys

import numpy as np
import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
inputs = {name: tf.constant(array) for name, array in np.load(sys.argv[2]).items()}
outputs = {
    f"{name}/{key}": tensor.numpy()
    for name, signature in model.signatures.items()
    for key, tensor in signature(**inputs).items()
}
np.savez(sys.argv[3], **outputs)
# Nothing of ours, and no Estimator, is needed to use the result.
assert not {"entrypoint", "tensorflow_estimator"} & set(sys.modules)
