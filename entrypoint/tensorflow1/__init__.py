"""TensorFlow 1 as user code knows it: its names, its paths and `tf.contrib`."""
