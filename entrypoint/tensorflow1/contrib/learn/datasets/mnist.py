"""MNIST from its four files."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import random_seed

from entrypoint.tensorflow1.contrib.learn.datasets.base import Datasets, maybe_download

__all__ = [
    "DataSet",
    "dense_to_one_hot",
    "extract_images",
    "extract_labels",
    "load_mnist",
    "read_data_sets",
]

DEFAULT_SOURCE_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
# The first four bytes of the files, http://yann.lecun.com/exdb/mnist/.
_IMAGES, _LABELS = 2051, 2049
_WHITE = 255.0


def _read(file: Any, kind: int, what: str) -> tuple[bytes, tuple[int, ...]]:
    """Return the bytes and the shape in a file of the format of MNIST."""
    with gzip.GzipFile(fileobj=file) as stream:
        content = stream.read()
    magic = int.from_bytes(content[:4], "big")
    if magic != kind:
        raise ValueError(f"Invalid magic number {magic} in MNIST {what} file: {file.name}")
    dimensions = kind % 256
    header = np.frombuffer(content, dtype=">u4", count=1 + dimensions)
    return content[4 * len(header) :], tuple(int(size) for size in header[1:])


def extract_images(f: Any) -> Any:
    """Return the images of an open file, uint8 [images, height, width, 1]."""
    content, shape = _read(f, _IMAGES, "image")
    return np.frombuffer(content, dtype=np.uint8).reshape(*shape, 1)


def extract_labels(f: Any, one_hot: bool = False, num_classes: int = 10) -> Any:
    """Return the labels of an open file, uint8 [labels], or one-hot [labels, num_classes]."""
    content, _ = _read(f, _LABELS, "label")
    labels = np.frombuffer(content, dtype=np.uint8)
    return dense_to_one_hot(labels, num_classes) if one_hot else labels


def dense_to_one_hot(labels_dense: Any, num_classes: int) -> Any:
    """Return labels as one-hot rows, float64 [labels, num_classes]."""
    return np.eye(num_classes)[np.ravel(labels_dense)]


class DataSet:
    """Images and labels, in batches.

    Args:
        images: uint8 [images, height, width, 1].
        labels: [images] or [images, classes].
        fake_data: there are 10000 images that are all 1.
        one_hot: of fake labels.
        dtype: uint8, or float32 for images in [0, 1].
        reshape: flatten the images to [images, height * width].
        seed: of the shuffling.
    """

    def __init__(
        self,
        images: Any,
        labels: Any,
        fake_data: bool = False,
        one_hot: bool = False,
        dtype: Any = tf.float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        of_graph, of_op = random_seed.get_seed(seed)
        # NumPy's own generator, so that a seed shuffles as it did.
        np.random.seed(of_graph if seed is None else of_op)  # noqa: NPY002 (likewise)
        dtype = tf.as_dtype(dtype).base_dtype
        if dtype not in {tf.uint8, tf.float32}:
            raise TypeError(f"Invalid image dtype {dtype!r}, expected uint8 or float32")
        self.one_hot = one_hot
        self._num_examples = 10000 if fake_data else len(images)
        if not fake_data:
            if len(images) != len(labels):
                raise ValueError(f"{len(images)} images have {len(labels)} labels")
            if reshape:
                images = images.reshape(len(images), -1)
            if dtype == tf.float32:
                images = np.multiply(images.astype(np.float32), 1.0 / _WHITE)
        self._images = images
        self._labels = labels
        self._epochs_completed = 0
        self._index_in_epoch = 0

    @property
    def images(self) -> Any:
        """The images, in the order of this epoch."""
        return self._images

    @property
    def labels(self) -> Any:
        """Their labels."""
        return self._labels

    @property
    def num_examples(self) -> int:
        """The number of images."""
        return self._num_examples

    @property
    def epochs_completed(self) -> int:
        """How often all images were returned."""
        return self._epochs_completed

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> tuple[Any, Any]:
        """Return the next images and labels, at the end of an epoch some of the next one."""
        if fake_data:
            label = [1] + [0] * 9 if self.one_hot else 0
            return [[1] * 784] * batch_size, [label] * batch_size
        start = self._index_in_epoch
        if self._epochs_completed == 0 and start == 0 and shuffle:
            self._shuffle()
        end = start + batch_size
        if end <= self._num_examples:
            self._index_in_epoch = end
            return self._images[start:end], self._labels[start:end]
        self._epochs_completed += 1
        images, labels = self._images[start:], self._labels[start:]
        if shuffle:
            self._shuffle()
        end = self._index_in_epoch = batch_size - len(images)
        return (
            np.concatenate((images, self._images[:end])),
            np.concatenate((labels, self._labels[:end])),
        )

    def _shuffle(self) -> None:
        order = np.arange(self._num_examples)
        np.random.shuffle(order)  # noqa: NPY002 (as seeded above)
        self._images, self._labels = self._images[order], self._labels[order]


def read_data_sets(
    train_dir: str,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = tf.float32,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str = DEFAULT_SOURCE_URL,
) -> Datasets:
    """Return the training, validation and test images in the four files of a directory.

    Files that are missing are downloaded, where there is a way to `source_url`.

    Raises:
        FileNotFoundError: a file is missing and cannot be downloaded.
        ValueError: a file is not of that format, or there are fewer images to validate with.
    """
    if fake_data:
        fakes = [
            DataSet([], [], fake_data=True, one_hot=one_hot, dtype=dtype, seed=seed)
            for _ in range(3)
        ]
        return Datasets(*fakes)

    def images(name: str) -> Any:
        with _opened(f"{name}-images-idx3-ubyte.gz", train_dir, source_url) as file:
            return extract_images(file)

    def labels(name: str) -> Any:
        with _opened(f"{name}-labels-idx1-ubyte.gz", train_dir, source_url) as file:
            return extract_labels(file, one_hot=one_hot)

    train_images, train_labels = images("train"), labels("train")
    test_images, test_labels = images("t10k"), labels("t10k")
    if not 0 <= validation_size <= len(train_images):
        raise ValueError(
            f"Validation size should be between 0 and {len(train_images)}. Received:"
            f" {validation_size}."
        )
    options: dict[str, Any] = {"dtype": dtype, "reshape": reshape, "seed": seed}
    return Datasets(
        train=DataSet(train_images[validation_size:], train_labels[validation_size:], **options),
        validation=DataSet(
            train_images[:validation_size], train_labels[:validation_size], **options
        ),
        test=DataSet(test_images, test_labels, **options),
    )


def load_mnist(train_dir: str = "MNIST-data") -> Datasets:
    """Return `read_data_sets` of a directory."""
    return read_data_sets(train_dir)


def _opened(name: str, directory: str, source_url: str) -> Any:
    return tf.gfile.Open(
        maybe_download(name, directory, (source_url or DEFAULT_SOURCE_URL) + name), "rb"
    )
