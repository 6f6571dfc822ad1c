"""Initial values of variables from checkpoints."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.training import checkpoint_ops

v1 = tf.compat.v1

load_and_remap_matrix_initializer = checkpoint_ops._load_and_remap_matrix_initializer
load_embedding_initializer = checkpoint_ops._load_embedding_initializer


def load_checkpoint(filepattern: str) -> Any:
    """Return the reader of a checkpoint, or of the newest one of a directory."""
    return tf.train.load_checkpoint(filepattern)


def load_variable(checkpoint_dir: str, name: str) -> Any:
    """Return the value of a variable of a checkpoint, as an array."""
    return tf.train.load_variable(checkpoint_dir, name)


def list_variables(checkpoint_dir: str) -> list[tuple[str, list[int]]]:
    """Return the names and shapes of all variables of a checkpoint."""
    return list(tf.train.list_variables(checkpoint_dir))


def init_from_checkpoint(checkpoint_dir: str, assignment_map: Any) -> None:
    """Let variables of this graph start with values of a checkpoint.

    Args:
        checkpoint_dir: a checkpoint, or a directory with checkpoints.
        assignment_map: from a name or "scope/" of the checkpoint to a variable, list of parts of
            a variable, variable name or "scope/" of this graph.

    Raises:
        ValueError: either side has no such variable, or the shapes differ.
    """
    v1.train.init_from_checkpoint(checkpoint_dir, assignment_map)


def load_linear_multiclass_bias_initializer(
    ckpt_path: str,
    bias_tensor_name: str,
    new_class_vocab_size: int,
    old_class_vocab_file: str,
    new_class_vocab_file: str,
    num_class_oov_buckets: int = 0,
    initializer: Any = None,
    max_rows_in_memory: int = -1,
) -> Any:
    """Return an initializer of class biases, shape [classes, 1], from those of other classes."""
    return load_and_remap_matrix_initializer(
        ckpt_path=ckpt_path,
        old_tensor_name=bias_tensor_name,
        new_row_vocab_size=new_class_vocab_size,
        new_col_vocab_size=1,
        old_row_vocab_file=old_class_vocab_file,
        new_row_vocab_file=new_class_vocab_file,
        num_row_oov_buckets=num_class_oov_buckets,
        initializer=initializer or v1.zeros_initializer(),
        max_rows_in_memory=max_rows_in_memory,
    )


def load_variable_slot_initializer(
    ckpt_path: str,
    old_tensor_name: str,
    primary_partition_info: Any,
    new_row_vocab_size: int,
    new_col_vocab_size: int,
    old_row_vocab_file: str | None = None,
    new_row_vocab_file: str | None = None,
    old_col_vocab_file: str | None = None,
    new_col_vocab_file: str | None = None,
    num_row_oov_buckets: int = 0,
    num_col_oov_buckets: int = 0,
    initializer: Any = None,
    max_rows_in_memory: int = -1,
) -> Any:
    """Return an initializer of an optimizer's slot, which is partitioned as its variable is."""
    load = load_and_remap_matrix_initializer(
        ckpt_path=ckpt_path,
        old_tensor_name=old_tensor_name,
        new_row_vocab_size=new_row_vocab_size,
        new_col_vocab_size=new_col_vocab_size,
        old_row_vocab_file=old_row_vocab_file,
        new_row_vocab_file=new_row_vocab_file,
        old_col_vocab_file=old_col_vocab_file,
        new_col_vocab_file=new_col_vocab_file,
        num_row_oov_buckets=num_row_oov_buckets,
        num_col_oov_buckets=num_col_oov_buckets,
        initializer=initializer,
        max_rows_in_memory=max_rows_in_memory,
    )

    def initialize(shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> Any:
        return load(shape, dtype, partition_info=primary_partition_info)

    return initialize


def zero_initializer(ref: Any, use_locking: bool = True, name: str = "zero_initializer") -> Any:
    """Return an op that fills a variable with zeros, and fails if the variable has a value."""
    is_new = tf.logical_not(v1.is_variable_initialized(ref))
    check = v1.Assert(is_new, [f"input is already initialized: {ref.op.name}"])
    with v1.control_dependencies([check]):
        zeros = tf.zeros(ref.shape, ref.dtype.base_dtype)
    return v1.assign(ref, zeros, use_locking=use_locking, name=name)
