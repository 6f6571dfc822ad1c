"""Which part of speech is each word? A two-layer bidirectional LSTM with a CRF on top.

Parameters of ours, all with defaults: batch_size, learning_rate, embedding_size, units, dropout.
"""

import tensorflow as tf
from tensorflow.contrib import crf, rnn

TAGS = ["ADJ", "ADV", "AUX", "CONJ", "DET", "NAME", "NOUN", "PART", "PREP", "PRON", "PUNCT", "VERB"]
PAD = "<pad>"

# model_fn is not told where the dataset is, and the vocabulary lies there: the input functions,
# which are called first, leave its name here.
FILES = {}


def look_up(words):
    """Return the numbers of words, and how many numbers there are; all unknown words share one."""
    table = tf.contrib.lookup.index_table_from_file(FILES["vocabulary"], num_oov_buckets=1)
    with tf.gfile.GFile(FILES["vocabulary"]) as stream:
        known = sum(1 for _ in stream)
    return table.lookup(words), known + 1


def fused_layer(inputs, lengths, units):
    """Read float32 [time, batch, depth] both ways with the fused kernel."""
    forward = rnn.LSTMBlockFusedCell(units)
    backward = rnn.TimeReversedFusedRNN(rnn.LSTMBlockFusedCell(units))
    with tf.variable_scope("forward"):
        left, _ = forward(inputs, dtype=tf.float32, sequence_length=lengths)
    with tf.variable_scope("backward"):
        right, _ = backward(inputs, dtype=tf.float32, sequence_length=lengths)
    return tf.concat([left, right], axis=-1)


def dropout_layer(inputs, lengths, units, keep_prob):
    """Read float32 [batch, time, depth] both ways, with the same dropout at every word."""

    def cell():
        return rnn.DropoutWrapper(
            rnn.LSTMCell(units), output_keep_prob=keep_prob, state_keep_prob=keep_prob
        )

    outputs, _, _ = rnn.stack_bidirectional_dynamic_rnn(
        [cell()], [cell()], inputs, sequence_length=lengths, dtype=tf.float32
    )
    return outputs


def model_fn(features, labels, mode, params):
    training = mode == tf.estimator.ModeKeys.TRAIN
    words, lengths = features["words"], features["lengths"]
    units = params.get("units", 32)
    dropout = params.get("dropout", 0.3) if training else 0.0

    numbers, count = look_up(words)
    embeddings = tf.get_variable("embeddings", [count, params.get("embedding_size", 32)])
    net = tf.nn.embedding_lookup(embeddings, numbers)
    net = tf.layers.dropout(net, rate=dropout, training=training)
    net = fused_layer(tf.transpose(net, [1, 0, 2]), lengths, units)
    net = dropout_layer(tf.transpose(net, [1, 0, 2]), lengths, units, 1.0 - dropout)
    scores = tf.layers.dense(net, len(TAGS))
    transitions = tf.get_variable("transitions", [len(TAGS), len(TAGS)])
    decoded, _ = crf.crf_decode(scores, transitions, lengths)

    if mode == tf.estimator.ModeKeys.PREDICT:
        names = tf.contrib.lookup.index_to_string_table_from_tensor(TAGS, default_value=PAD)
        mask = tf.sequence_mask(lengths, tf.shape(words)[1])
        tags = names.lookup(tf.to_int64(tf.where(mask, decoded, -tf.ones_like(decoded))))
        predictions = {"tags": tags, "lengths": lengths}
        return tf.estimator.EstimatorSpec(
            mode,
            predictions=predictions,
            export_outputs={"serving_default": tf.estimator.export.PredictOutput(predictions)},
        )

    tags = tf.contrib.lookup.index_table_from_tensor(TAGS, default_value=0).lookup(labels)
    likelihood, _ = crf.crf_log_likelihood(scores, tf.to_int32(tags), lengths, transitions)
    loss = tf.reduce_mean(-likelihood)

    if mode == tf.estimator.ModeKeys.EVAL:
        weights = tf.sequence_mask(lengths)
        wrong = tf.logical_and(tf.not_equal(tf.to_int32(tags), decoded), weights)
        metrics = {
            "accuracy": tf.metrics.accuracy(tags, decoded, weights),
            "sentence_accuracy": tf.metrics.mean(
                tf.to_float(tf.logical_not(tf.reduce_any(wrong, axis=1)))
            ),
        }
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)

    optimizer = tf.train.AdamOptimizer(params.get("learning_rate", 0.005))
    gradients, variables = zip(*optimizer.compute_gradients(loss))
    gradients, _ = tf.clip_by_global_norm(gradients, 5.0)
    train_op = optimizer.apply_gradients(
        zip(gradients, variables),
        global_step=tf.train.get_or_create_global_step(),
    )
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def read_sentences(path, name, params, training):
    FILES["vocabulary"] = path + "/words.txt"

    def split(words, tags):
        words = tf.string_split([words]).values
        tags = tf.string_split([tags]).values
        return {"words": words, "lengths": tf.size(words)}, tags

    sentences = tf.data.TextLineDataset(path + "/" + name + ".words.txt")
    tags = tf.data.TextLineDataset(path + "/" + name + ".tags.txt")
    dataset = tf.data.Dataset.zip((sentences, tags)).map(split)
    if training:
        dataset = dataset.apply(tf.contrib.data.shuffle_and_repeat(5000))
    return dataset.padded_batch(
        params.get("batch_size", 32),
        padded_shapes=({"words": [None], "lengths": []}, [None]),
        padding_values=({"words": PAD, "lengths": 0}, TAGS[0]),
    ).prefetch(2)


def train_input_fn(path, params):
    return read_sentences(path, "train", params, training=True)


def eval_input_fn(path, params):
    return read_sentences(path, "eval", params, training=False)


def serving_input_receiver_fn():
    """Take sentences as text, with blanks between the words and before the full stop."""
    sentences = tf.placeholder(tf.string, [None], name="sentences")
    words = tf.sparse_tensor_to_dense(tf.string_split(sentences), default_value=PAD)
    lengths = tf.reduce_sum(tf.to_int32(tf.not_equal(words, PAD)), axis=1)
    return tf.estimator.export.ServingInputReceiver(
        {"words": words, "lengths": lengths}, {"sentences": sentences}
    )
