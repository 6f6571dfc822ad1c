"""What shape is in the picture? A small convolutional network with TF-Slim, on TFRecord files.

Parameters of ours, all with defaults: batch_size, learning_rate, weight_decay, batch_norm_decay.
"""

import records
import tensorflow as tf
import tensorflow.contrib.slim as slim

CLASSES = 4


def arg_scope(params, training):
    """Say once what every convolution has: batch norm, ReLU, weight decay."""
    batch_norm = {
        "is_training": training,
        "decay": params.get("batch_norm_decay", 0.95),
        "scale": True,
        "fused": True,
    }
    with slim.arg_scope(
        [slim.conv2d, slim.fully_connected],
        weights_regularizer=slim.l2_regularizer(params.get("weight_decay", 1e-4)),
        weights_initializer=slim.variance_scaling_initializer(),
    ):
        with slim.arg_scope(
            [slim.conv2d],
            activation_fn=tf.nn.relu,
            normalizer_fn=slim.batch_norm,
            normalizer_params=batch_norm,
        ) as scope:
            return scope


def network(images, training):
    """Return logits float32 [batch, CLASSES] for images float32 [batch, side, side, 3]."""
    with tf.variable_scope("shapes"):
        net = slim.conv2d(images, 16, [5, 5], stride=2, scope="conv1")
        net = slim.conv2d(net, 32, [3, 3], scope="conv2")
        net = slim.max_pool2d(net, [2, 2], scope="pool2")
        net = slim.conv2d(net, 64, [3, 3], scope="conv3")
        net = tf.reduce_max(net, [1, 2], name="anywhere")  # a shape may be anywhere
        net = slim.dropout(net, keep_prob=0.9, is_training=training, scope="dropout")
        return slim.fully_connected(net, CLASSES, activation_fn=None, scope="logits")


def model_fn(features, labels, mode, params):
    training = mode == tf.estimator.ModeKeys.TRAIN
    with slim.arg_scope(arg_scope(params, training)):
        logits = network(features["image"], training)
    predictions = {"class": tf.argmax(logits, 1), "probabilities": slim.softmax(logits)}
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(
            mode,
            predictions=predictions,
            export_outputs={"serving_default": tf.estimator.export.PredictOutput(predictions)},
        )

    tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
    loss = tf.losses.get_total_loss()  # with the weight decay that slim collected
    if mode == tf.estimator.ModeKeys.EVAL:
        metrics = {
            "accuracy": tf.metrics.accuracy(labels, predictions["class"]),
            "class_accuracy": tf.metrics.mean_per_class_accuracy(
                labels, predictions["class"], CLASSES
            ),
        }
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)

    global_step = tf.train.get_or_create_global_step()
    learning_rate = tf.train.exponential_decay(
        params.get("learning_rate", 0.007), global_step, 100, 0.8, staircase=True
    )
    tf.summary.scalar("learning_rate", learning_rate)
    # The moving averages of batch norm are not part of the loss; they have to be asked for.
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        train_op = tf.train.AdamOptimizer(learning_rate).minimize(loss, global_step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def train_input_fn(path, params):
    return records.read(path + "/train-*.tfrecord", params.get("batch_size", 32), training=True)


def eval_input_fn(path, params):
    return records.read(path + "/eval-*.tfrecord", params.get("batch_size", 32), training=False)


def serving_input_receiver_fn():
    """Take the bytes of PNG files."""
    pictures = tf.placeholder(tf.string, [None], name="png")
    images = tf.map_fn(records.decode, pictures, dtype=tf.float32, back_prop=False)
    return tf.estimator.export.ServingInputReceiver({"image": images}, {"png": pictures})
