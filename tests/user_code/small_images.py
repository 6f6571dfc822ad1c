"""A small convolutional network, for benchmarks.

Its data is made up and made once, and each machine takes its own rows of it, so that nothing but
the step is measured.
"""

import numpy as np
import tensorflow as tf


def train_input_fn(params, input_context=None):
    generator = np.random.RandomState(1)
    images = generator.uniform(size=(1024, 28, 28, 1)).astype(np.float32)
    labels = generator.randint(10, size=1024).astype(np.int32)
    dataset = tf.data.Dataset.from_tensor_slices((images, labels))
    if input_context:
        pipelines = input_context.num_input_pipelines
        dataset = dataset.shard(pipelines, input_context.input_pipeline_id)
    return dataset.repeat().batch(params["batch_size"]).prefetch(2)


def eval_input_fn(params):
    return train_input_fn(params).take(1)


def model_fn(features, labels, mode):
    net = features["image"] if isinstance(features, dict) else features
    for filters in (16, 32):
        net = tf.compat.v1.layers.conv2d(net, filters, 5, activation=tf.nn.relu)
        net = tf.compat.v1.layers.max_pooling2d(net, 2, 2)
    net = tf.compat.v1.layers.dense(tf.reshape(net, [-1, 4 * 4 * 32]), 64, tf.nn.relu)
    logits = tf.compat.v1.layers.dense(net, 10)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"logits": logits})
    loss = tf.compat.v1.losses.sparse_softmax_cross_entropy(labels, logits)
    step = tf.compat.v1.train.get_global_step()
    train_op = tf.compat.v1.train.AdamOptimizer().minimize(loss, step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def serving_input_receiver_fn():
    image = tf.compat.v1.placeholder(tf.float32, [None, 28, 28, 1], name="image")
    return tf.estimator.export.ServingInputReceiver({"image": image}, {"image": image})
