"""`tf.contrib.slim.nets`: convolutional networks for images, from tf_slim."""

from __future__ import annotations

from tf_slim.nets import (
    alexnet,
    inception_v1,
    inception_v2,
    overfeat,
    resnet_utils,
    resnet_v1,
    resnet_v2,
    vgg,
)

from entrypoint.tensorflow1 import mended_slim
from entrypoint.tensorflow1.contrib.missing import explain_missing
from entrypoint.tensorflow1.contrib.slim.nets import inception, inception_v3

mended_slim.mend()

__all__ = [
    "alexnet",
    "inception",
    "inception_v1",
    "inception_v2",
    "inception_v3",
    "overfeat",
    "resnet_utils",
    "resnet_v1",
    "resnet_v2",
    "vgg",
]
NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
