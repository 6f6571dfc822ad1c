"""Reads pictures from TFRecord files, with tf.contrib.data."""

import tensorflow as tf

SIDE = 32


def decode(picture):
    """Return a PNG as float32 [SIDE, SIDE, 3] of mean 0 and deviation 1."""
    image = tf.image.decode_png(picture, channels=3)
    image.set_shape([SIDE, SIDE, 3])
    return tf.image.per_image_standardization(tf.to_float(image))


def augment(image):
    return tf.image.random_flip_left_right(image)


def read(pattern, batch_size, training):
    """Return a dataset of ({"image": float32 [batch, SIDE, SIDE, 3]}, int64 [batch])."""

    def parse(record):
        parsed = tf.parse_single_example(
            record,
            {
                "image/encoded": tf.FixedLenFeature([], tf.string),
                "image/class/label": tf.FixedLenFeature([], tf.int64),
            },
        )
        image = decode(parsed["image/encoded"])
        if training:
            image = augment(image)
        return {"image": image}, parsed["image/class/label"]

    files = tf.data.Dataset.list_files(pattern, shuffle=training)
    dataset = files.apply(
        tf.contrib.data.parallel_interleave(tf.data.TFRecordDataset, cycle_length=4)
    )
    if training:
        dataset = dataset.apply(tf.contrib.data.shuffle_and_repeat(2000))
    dataset = dataset.apply(
        tf.contrib.data.map_and_batch(
            parse, batch_size, num_parallel_batches=2, drop_remainder=training
        )
    )
    return dataset.prefetch(2)
