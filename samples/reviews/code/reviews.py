"""Was the writer content? Keras layers in an Estimator's model_fn, in the names of TensorFlow 2.

Parameters of ours, all with defaults: batch_size, learning_rate, embedding_size, filters, dropout.
"""

import tensorflow as tf

MAX_WORDS = 60
BUCKETS = 2000


def build_model(params):
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Embedding(BUCKETS, params.get("embedding_size", 32)),
            layers.Conv1D(params.get("filters", 64), 4, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(params.get("dropout", 0.3)),
            layers.Dense(32, activation="relu"),
            layers.Dense(1),
        ]
    )


def encode(texts):
    """Return int64 [batch, MAX_WORDS]: a number for each word, 0 where the text has ended."""
    texts = tf.strings.regex_replace(tf.strings.lower(texts), r"([.,!?]+)", r" \1 ")
    words = tf.strings.split(texts)
    numbers = tf.ragged.map_flat_values(
        lambda flat: 1 + tf.strings.to_hash_bucket_fast(flat, BUCKETS - 1), words
    )
    return numbers.to_tensor(shape=[None, MAX_WORDS])


def model_fn(features, labels, mode, params):
    training = mode == tf.estimator.ModeKeys.TRAIN
    model = build_model(params)
    words = encode(features["review"])
    logits = tf.squeeze(model(words, training=training), axis=-1)
    probability = tf.sigmoid(logits)

    if mode == tf.estimator.ModeKeys.PREDICT:
        predictions = {"probability": probability, "content": tf.greater(probability, 0.5)}
        return tf.estimator.EstimatorSpec(
            mode,
            predictions=predictions,
            export_outputs={"serving_default": tf.estimator.export.PredictOutput(predictions)},
        )

    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True)(labels, logits)
    if mode == tf.estimator.ModeKeys.EVAL:
        accuracy = tf.keras.metrics.BinaryAccuracy(name="accuracy")
        accuracy.update_state(labels, probability)
        auc = tf.keras.metrics.AUC(name="auc")
        auc.update_state(labels, probability)
        metrics = {"accuracy": accuracy, "auc": auc}
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)

    optimizer = tf.keras.optimizers.Adam(params.get("learning_rate", 0.002))
    # Estimator counts steps with the variable that it knows.
    optimizer.iterations = tf.compat.v1.train.get_or_create_global_step()
    updates = model.get_updates_for(None) + model.get_updates_for(words)
    minimize = optimizer.get_updates(loss, model.trainable_variables)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=tf.group(*minimize, *updates))


def read_reviews(file, params, training):
    def parse(line):
        parts = tf.strings.split(line, "\t")
        return {"review": parts[1]}, tf.strings.to_number(parts[0])

    dataset = tf.data.TextLineDataset(file)
    if training:
        dataset = dataset.shuffle(5000).repeat()
    dataset = dataset.map(parse, num_parallel_calls=tf.data.experimental.AUTOTUNE)
    return dataset.batch(params.get("batch_size", 64)).prefetch(tf.data.experimental.AUTOTUNE)


def train_input_fn(path, params):
    return read_reviews(path + "/train.tsv", params, training=True)


def eval_input_fn(path, params):
    return read_reviews(path + "/eval.tsv", params, training=False)


def serving_input_receiver_fn():
    """Take reviews as text."""
    reviews = tf.compat.v1.placeholder(tf.string, [None], name="reviews")
    return tf.estimator.export.ServingInputReceiver({"review": reviews}, {"reviews": reviews})
