"""Fits y = slope * x; the slope is the dataset. Small enough to train in no time.

The user's own parameters steer it: batch_size, rows (the data ends after them; none means for
ever), eval_rows, step_seconds (how long a training step takes), print_each_row.
"""

import os
import time

import numpy as np
import tensorflow as tf


def read_slope(path):
    with open(os.path.join(path, "slope.txt")) as stream:
        return float(stream.read())


def rows(path, params, count):
    slope = read_slope(path)

    def generate():
        generator = np.random.RandomState(1)
        number = 0
        while count is None or number < count:
            x = generator.uniform(-1.0, 1.0)
            yield {"x": [x]}, [slope * x]
            number += 1

    types, shapes = ({"x": tf.float32}, tf.float32), ({"x": [1]}, [1])
    dataset = tf.data.Dataset.from_generator(generate, types, shapes)
    return dataset.batch(params.get("batch_size", 8))


def train_input_fn(path, params):
    return rows(path, params, params.get("rows"))


def eval_input_fn(path, params):
    return rows(path, params, params.get("eval_rows", 64))


def model_fn(features, labels, mode, params):
    prediction = tf.layers.dense(features["x"], 1, use_bias=False, name="line")
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = tf.estimator.export.PredictOutput({"y": prediction})
        return tf.estimator.EstimatorSpec(
            mode, predictions={"y": prediction}, export_outputs={"serving_default": outputs}
        )
    loss = tf.losses.mean_squared_error(labels, prediction)
    if mode == tf.estimator.ModeKeys.EVAL:
        metrics = {"error": tf.metrics.mean_absolute_error(labels, prediction)}
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)

    seconds = params.get("step_seconds", 0)
    if seconds:
        pause = tf.py_func(lambda: time.sleep(seconds), [], [], stateful=True)
        with tf.control_dependencies([pause]):
            loss = tf.identity(loss)
    optimizer = tf.train.GradientDescentOptimizer(params.get("learning_rate", 0.5))
    train_op = optimizer.minimize(loss, global_step=tf.train.get_or_create_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def serving_input_receiver_fn():
    x = tf.placeholder(tf.float32, [None, 1], name="x")
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})
