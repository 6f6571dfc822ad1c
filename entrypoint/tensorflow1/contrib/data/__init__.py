"""`tf.contrib.data`: input pipelines, mostly what `tf.data.experimental` still has.

The classes of TensorFlow 1.2 to 1.4 (`Dataset`, `TFRecordDataset`, `Iterator`, ...), which 1.15
lacked, are here too, as code of that age names them.
"""

from __future__ import annotations

import tensorflow as tf

from entrypoint.tensorflow1.contrib.data.dataset import (
    Dataset,
    FixedLengthRecordDataset,
    TextLineDataset,
    TFRecordDataset,
)
from entrypoint.tensorflow1.contrib.data.iterator_checkpoints import (
    CheckpointInputPipelineHook,
    make_saveable_from_iterator,
)
from entrypoint.tensorflow1.contrib.data.transformations import (
    LMDBDataset,
    assert_element_shape,
    batch_and_drop_remainder,
    padded_batch_and_drop_remainder,
    read_batch_features,
    reduce_dataset,
    sliding_window_batch,
    sloppy_interleave,
)
from entrypoint.tensorflow1.contrib.missing import explain_missing

_experimental = tf.compat.v1.data.experimental

AUTOTUNE = _experimental.AUTOTUNE
Counter = _experimental.Counter
CsvDataset = _experimental.CsvDataset
Iterator = tf.compat.v1.data.Iterator
Optional = _experimental.Optional
RandomDataset = _experimental.RandomDataset
Reducer = _experimental.Reducer
SqlDataset = _experimental.SqlDataset
TFRecordWriter = _experimental.TFRecordWriter
bucket_by_sequence_length = _experimental.bucket_by_sequence_length
choose_from_datasets = _experimental.choose_from_datasets
copy_to_device = _experimental.copy_to_device
dense_to_sparse_batch = _experimental.dense_to_sparse_batch
enumerate_dataset = _experimental.enumerate_dataset
get_next_as_optional = _experimental.get_next_as_optional
get_single_element = _experimental.get_single_element
group_by_reducer = _experimental.group_by_reducer
group_by_window = _experimental.group_by_window
ignore_errors = _experimental.ignore_errors
make_batched_features_dataset = _experimental.make_batched_features_dataset
make_csv_dataset = _experimental.make_csv_dataset
map_and_batch = _experimental.map_and_batch
parallel_interleave = _experimental.parallel_interleave
parse_example_dataset = _experimental.parse_example_dataset
prefetch_to_device = _experimental.prefetch_to_device
rejection_resample = _experimental.rejection_resample
sample_from_datasets = _experimental.sample_from_datasets
scan = _experimental.scan
shuffle_and_repeat = _experimental.shuffle_and_repeat
unbatch = _experimental.unbatch
unique = _experimental.unique

__all__ = [
    "AUTOTUNE",
    "CheckpointInputPipelineHook",
    "Counter",
    "CsvDataset",
    "Dataset",
    "FixedLengthRecordDataset",
    "Iterator",
    "LMDBDataset",
    "Optional",
    "RandomDataset",
    "Reducer",
    "SqlDataset",
    "TFRecordDataset",
    "TFRecordWriter",
    "TextLineDataset",
    "assert_element_shape",
    "batch_and_drop_remainder",
    "bucket_by_sequence_length",
    "choose_from_datasets",
    "copy_to_device",
    "dense_to_sparse_batch",
    "enumerate_dataset",
    "get_next_as_optional",
    "get_single_element",
    "group_by_reducer",
    "group_by_window",
    "ignore_errors",
    "make_batched_features_dataset",
    "make_csv_dataset",
    "make_saveable_from_iterator",
    "map_and_batch",
    "padded_batch_and_drop_remainder",
    "parallel_interleave",
    "parse_example_dataset",
    "prefetch_to_device",
    "read_batch_features",
    "reduce_dataset",
    "rejection_resample",
    "sample_from_datasets",
    "scan",
    "shuffle_and_repeat",
    "sliding_window_batch",
    "sloppy_interleave",
    "unbatch",
    "unique",
]

_STATISTICS = (
    "current TensorFlow gathers no statistics in tf.data; profile with tf.train.ProfilerHook"
)
# TensorFlow 1.15 had none of these any more; 1.5 to 1.12 did.
NOT_SUPPLIED: dict[str, str] = {
    "StatsAggregator": _STATISTICS,
    "bytes_produced_stats": _STATISTICS,
    "latency_stats": _STATISTICS,
    "set_stats_aggregator": _STATISTICS,
}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
