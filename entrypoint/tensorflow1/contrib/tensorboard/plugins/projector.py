"""Settings of TensorBoard's embedding projector."""

from __future__ import annotations

import os
from typing import Any

import tensorflow.compat.v1 as tf
from google.protobuf import text_format  # type: ignore[import-untyped]  # has no stubs
from tf_keras.protobuf.projector_config_pb2 import (
    EmbeddingInfo,
    ProjectorConfig,
    SpriteMetadata,
)

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["EmbeddingInfo", "ProjectorConfig", "SpriteMetadata", "visualize_embeddings"]

NOT_SUPPLIED = {
    "EmbeddingMetadata": "write the file that EmbeddingInfo.metadata_path names",
    "ProjectorPluginAsset": "use tf.contrib.tensorboard.plugins.projector.visualize_embeddings",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


def visualize_embeddings(summary_writer: Any, config: Any) -> None:
    """Write a `ProjectorConfig` where TensorBoard looks for it.

    Args:
        summary_writer: a `tf.summary.FileWriter`, in whose directory it is written.
        config: which embeddings to show.

    Raises:
        ValueError: the writer has no directory.
    """
    directory = summary_writer.get_logdir()
    if directory is None:
        raise ValueError("Summary writer must have a logdir")
    path = os.path.join(directory, "projector_config.pbtxt")  # noqa: PTH118 (may be a URL)
    with tf.gfile.Open(path, "w") as file:
        file.write(text_format.MessageToString(config))
