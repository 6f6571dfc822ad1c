"""Handwritten digits with the Estimator API: the tutorial's model in four functions.

The model takes plain pixels, 0 to 255, and scales them itself, so a server sends what is in the
file. Parameters of our own, all with defaults: batch_size, learning_rate, hidden_units, dropout,
epochs, shuffle_seed, multi_head.
"""

import mnist_files
import numpy as np
import tensorflow as tf

IMAGE = "image"
CLASSES = mnist_files.CLASSES
TOP = 3


def scale(pixels):
    """Bring pixels from 0 to 255 to 0 to 1; in the model, so that a server need not know."""
    return tf.cast(pixels, tf.float32) / 255.0


def model_fn(features, labels, mode, params):
    """Classify features["image"], uint8 [batch, 28, 28]; labels are int32 [batch], 0 to 9."""
    image = tf.feature_column.numeric_column(
        IMAGE, shape=mnist_files.IMAGE_SHAPE, normalizer_fn=scale
    )
    net = tf.feature_column.input_layer(features, [image])  # float32 [batch, 784], 0 to 1
    net = tf.layers.dense(net, params.get("hidden_units", 512), activation=tf.nn.relu)
    net = tf.layers.dropout(
        net,
        rate=params.get("dropout", 0.2),
        training=mode == tf.estimator.ModeKeys.TRAIN,
    )
    logits = tf.layers.dense(net, CLASSES)

    classes = tf.argmax(logits, axis=1)
    probabilities = tf.nn.softmax(logits)

    if mode == tf.estimator.ModeKeys.PREDICT:
        predictions = {"classes": classes, "probabilities": probabilities}
        return tf.estimator.EstimatorSpec(
            mode,
            predictions=predictions,
            export_outputs=export_outputs(predictions, logits, params),
        )

    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)

    if mode == tf.estimator.ModeKeys.EVAL:
        accuracy = tf.metrics.accuracy(labels=labels, predictions=classes)
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops={"accuracy": accuracy})

    optimizer = tf.train.AdamOptimizer(params.get("learning_rate", 0.001))
    train_op = optimizer.minimize(loss, global_step=tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def export_outputs(predictions, logits, params):
    """Name the signatures of the SavedModel: the default one, and with multi_head a second head.

    serving_default  classes int64 [batch], probabilities float32 [batch, 10]
    predict_images   top_classes int32 [batch, 3], likeliest first, with their
                     top_probabilities float32 [batch, 3]; logits float32 [batch, 10]
    """
    default = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    heads = {default: tf.estimator.export.PredictOutput(predictions)}
    if params.get("multi_head", False):
        top_probabilities, top_classes = tf.nn.top_k(predictions["probabilities"], TOP)
        heads["predict_images"] = tf.estimator.export.PredictOutput(
            {
                "top_classes": top_classes,
                "top_probabilities": top_probabilities,
                "logits": logits,
            }
        )
    return heads


def train_input_fn(path, params):
    """Return shuffled batches; they never end unless `epochs` says after how many passes."""
    dataset, examples = read_dataset(path, "train")
    dataset = dataset.shuffle(examples, seed=params.get("shuffle_seed"))
    dataset = dataset.repeat(params.get("epochs"))
    return dataset.batch(params.get("batch_size", 128)).prefetch(2)


def eval_input_fn(path, params):
    """Return one pass over the held-out digits."""
    dataset, _ = read_dataset(path, "test")
    return dataset.batch(params.get("batch_size", 128)).prefetch(2)


def read_dataset(path, split):
    """Return a dataset of ({"image": uint8 [28, 28]}, int32 label), and its length."""
    images, labels = mnist_files.read(path, split)
    labels = labels.astype(np.int32)

    def slices(_):
        # As constants the digits would be written into the graph, which may not pass 2 GB.
        image, label = tf.numpy_function(lambda: (images, labels), [], [tf.uint8, tf.int32])
        image.set_shape(images.shape)
        label.set_shape(labels.shape)
        return tf.data.Dataset.from_tensor_slices(({IMAGE: image}, label))

    return tf.data.Dataset.range(1).flat_map(slices), len(images)


def serving_input_receiver_fn():
    """Take what a server sends: uint8 [batch, 28, 28], 0 is background and 255 is ink."""
    image = tf.placeholder(tf.uint8, [None, *mnist_files.IMAGE_SHAPE], name=IMAGE)
    return tf.estimator.export.ServingInputReceiver({IMAGE: image}, {IMAGE: image})
