"""Counts words by their embedding's gradient; beside that it keeps a moving average.

Row i holds the word i % 7, i % 5 + 1 times, so batches differ in their number of words. With a
learning rate of 1 the embedding of a word ends as minus its number in all rows over the rows of
one step on all machines.
"""

import tensorflow as tf

VOCABULARY = 7


def train_input_fn(path, params):
    dataset = tf.data.Dataset.range(params["rows"])
    dataset = dataset.map(lambda row: tf.fill([row % 5 + 1], row % VOCABULARY))
    dataset = dataset.padded_batch(params["batch_size"], [None], tf.constant(-1, tf.int64))
    return dataset.map(lambda words: {"words": words})


def eval_input_fn(path, params):
    return train_input_fn(path, params)


def model_fn(features, labels, mode, params):
    words = tf.boolean_mask(features["words"], features["words"] >= 0)
    embedding = tf.get_variable("embedding", [VOCABULARY, 1], initializer=tf.zeros_initializer())
    values = tf.nn.embedding_lookup(embedding, words)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"values": values})
    rows = tf.cast(tf.shape(features["words"])[0], tf.float32)
    normal = tf.contrib.layers.batch_norm(
        tf.reshape(tf.cast(words, tf.float32), [-1, 1]),
        is_training=mode == tf.estimator.ModeKeys.TRAIN,
        updates_collections=None,
        scale=False,
        center=False,
    )
    loss = tf.reduce_sum(values) / rows + 0.0 * tf.reduce_sum(normal)
    if mode == tf.estimator.ModeKeys.EVAL:
        metrics = {f"word_{i}": tf.metrics.mean(embedding[i, 0]) for i in range(VOCABULARY)}
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    train_op = optimizer.minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def serving_input_receiver_fn():
    words = tf.placeholder(tf.int64, [None, None], "words")
    return tf.estimator.export.ServingInputReceiver({"words": words}, {"words": words})
