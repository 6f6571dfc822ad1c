"""The datasets of TensorFlow 1.2 to 1.4, when they were in `tf.contrib.data`.

They are the datasets of `tf.data` with three differences: `map` counts threads and buffers,
the transformations that became functions are methods, and `list_files` does not shuffle.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops import dataset_ops

_v1 = tf.compat.v1
_experimental = _v1.data.experimental


class Dataset(dataset_ops.DatasetV1Adapter):
    """A dataset whose transformations have the names and arguments of TensorFlow 1.3."""

    @staticmethod
    def list_files(file_pattern: Any) -> Dataset:
        """Return the names of the files that match, in order."""
        return Dataset(_v1.data.Dataset.list_files(file_pattern, shuffle=False))

    def map(
        self,
        map_func: Callable[..., Any],
        num_threads: Any = None,
        output_buffer_size: Any = None,
        num_parallel_calls: Any = None,
    ) -> Dataset:
        """Map elements, on `num_threads` threads (later called `num_parallel_calls`).

        Args:
            map_func: from an element to an element.
            num_threads: the old name of `num_parallel_calls`.
            output_buffer_size: mapped elements to hold ready.
            num_parallel_calls: elements mapped at a time; one after the other if not given.
        """
        calls = num_threads if num_parallel_calls is None else num_parallel_calls
        mapped = _v1.data.Dataset.map(self, map_func, num_parallel_calls=calls)
        if output_buffer_size is not None:
            mapped = mapped.prefetch(output_buffer_size)
        return Dataset(mapped)

    def interleave(
        self, map_func: Callable[..., Any], cycle_length: Any, block_length: Any = 1
    ) -> Dataset:
        """Interleave the datasets that `map_func` makes of `cycle_length` elements at a time."""
        return Dataset(_v1.data.Dataset.interleave(self, map_func, cycle_length, block_length))

    def dense_to_sparse_batch(self, batch_size: Any, row_shape: Any) -> Dataset:
        """Batch tensors of different lengths into a `SparseTensor`."""
        return self.apply(_experimental.dense_to_sparse_batch(batch_size, row_shape))

    def apply(self, transformation_func: Callable[[Any], Any]) -> Dataset:
        """Apply a function from dataset to dataset."""
        return Dataset(transformation_func(self))


def _as_before(function: Callable[..., Any]) -> Callable[..., Dataset]:
    @functools.wraps(function)
    def transform(*args: Any, **kwargs: Any) -> Dataset:
        return Dataset(function(*args, **kwargs))

    return transform


for _name in ("from_generator", "from_tensor_slices", "from_tensors", "range", "zip"):
    setattr(Dataset, _name, staticmethod(_as_before(getattr(_v1.data.Dataset, _name))))
Dataset.from_sparse_tensor_slices = staticmethod(
    _as_before(_v1.data.Dataset.from_sparse_tensor_slices)
)
for _name in (
    "batch",
    "cache",
    "concatenate",
    "enumerate",
    "filter",
    "flat_map",
    "group_by_window",
    "ignore_errors",
    "padded_batch",
    "prefetch",
    "repeat",
    "shard",
    "shuffle",
    "skip",
    "take",
    "unbatch",
):
    setattr(Dataset, _name, _as_before(getattr(_v1.data.Dataset, _name)))


class FixedLengthRecordDataset(Dataset):
    """Records of one length in bytes, from one or more files."""

    def __init__(
        self,
        filenames: Any,
        record_bytes: Any,
        header_bytes: Any = None,
        footer_bytes: Any = None,
        buffer_size: Any = None,
    ) -> None:
        super().__init__(
            _v1.data.FixedLengthRecordDataset(
                filenames, record_bytes, header_bytes, footer_bytes, buffer_size
            )
        )


class TextLineDataset(Dataset):
    """Lines of one or more text files."""

    def __init__(
        self, filenames: Any, compression_type: Any = None, buffer_size: Any = None
    ) -> None:
        super().__init__(_v1.data.TextLineDataset(filenames, compression_type, buffer_size))


class TFRecordDataset(Dataset):
    """Records of one or more TFRecord files."""

    def __init__(
        self, filenames: Any, compression_type: Any = None, buffer_size: Any = None
    ) -> None:
        super().__init__(_v1.data.TFRecordDataset(filenames, compression_type, buffer_size))
