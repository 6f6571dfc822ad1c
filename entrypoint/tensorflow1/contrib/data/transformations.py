"""Transformations and sources of `tf.contrib.data` that `tf.data.experimental` does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.data.ops import dataset_ops
from tensorflow.python.data.util import nest, structure
from tensorflow.python.ops import gen_experimental_dataset_ops

_experimental = tf.compat.v1.data.experimental

Transformation = Callable[[Any], Any]


def batch_and_drop_remainder(batch_size: Any) -> Transformation:
    """Batch elements and drop the last batch if it is smaller."""
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


def padded_batch_and_drop_remainder(
    batch_size: Any, padded_shapes: Any, padding_values: Any = None
) -> Transformation:
    """Pad elements to one shape, batch them, and drop the last batch if it is smaller."""
    return lambda dataset: dataset.padded_batch(
        batch_size, padded_shapes, padding_values, drop_remainder=True
    )


def sloppy_interleave(
    map_func: Callable[..., Any], cycle_length: Any, block_length: Any = 1
) -> Transformation:
    """Interleave datasets in whatever order their elements are ready."""
    transformation: Transformation = _experimental.parallel_interleave(
        map_func, cycle_length, block_length, sloppy=True
    )
    return transformation


def assert_element_shape(expected_shapes: Any) -> Transformation:
    """Set the static shapes of a dataset's elements, and check them as elements pass.

    Args:
        expected_shapes: `TensorShape`s nested as the elements are; an unknown dimension is not
            checked.

    Raises:
        ValueError: what is known of the shapes contradicts them (when applied).
    """

    def apply(dataset: Any) -> Any:
        element_spec = dataset.element_spec
        nest.assert_shallow_structure(element_spec, expected_shapes)
        shapes = [
            tf.TensorShape(shape) for shape in nest.flatten_up_to(element_spec, expected_shapes)
        ]
        for spec, shape in zip(nest.flatten(element_spec), shapes, strict=True):
            spec.shape.assert_is_compatible_with(shape)

        def checked(*element: Any) -> Any:
            whole = element if isinstance(element_spec, tuple) else element[0]
            return nest.pack_sequence_as(
                element_spec,
                [
                    tensor if shape.rank is None else tf.ensure_shape(tensor, shape)
                    for tensor, shape in zip(nest.flatten(whole), shapes, strict=True)
                ],
            )

        return dataset.map(checked)

    return apply


class _SlidingWindows(dataset_ops.UnaryDataset):
    """Batches that slide over a dataset; short ones at its end are dropped."""

    def __init__(self, dataset: Any, size: Any, shift: Any, stride: Any) -> None:
        self._element_spec = nest.map_structure(
            lambda component: component._batch(None), dataset_ops.get_structure(dataset)
        )
        variant = gen_experimental_dataset_ops.sliding_window_dataset(
            dataset._variant_tensor,
            window_size=tf.convert_to_tensor(size, tf.int64),
            window_shift=tf.convert_to_tensor(shift, tf.int64),
            window_stride=tf.convert_to_tensor(stride, tf.int64),
            output_types=structure.get_flat_tensor_types(self._element_spec),
            output_shapes=structure.get_flat_tensor_shapes(self._element_spec),
        )
        super().__init__(dataset, variant)

    @property
    def element_spec(self) -> Any:
        return self._element_spec


def sliding_window_batch(
    window_size: Any, stride: Any = None, window_shift: Any = None, window_stride: Any = 1
) -> Transformation:
    """Batch a window that slides over the dataset; a window that is not full is dropped.

    Args:
        window_size: elements in a window.
        stride: the old name of `window_shift`.
        window_shift: elements by which one window begins after the other; 1 if neither is given.
        window_stride: distance of neighbouring elements of a window.

    Raises:
        ValueError: both `stride` and `window_shift` are given.
    """
    if stride is not None and window_shift is not None:
        raise ValueError("stride is the old name of window_shift: give only window_shift")
    shift = stride if window_shift is None else window_shift
    return lambda dataset: _SlidingWindows(
        dataset, window_size, 1 if shift is None else shift, window_stride
    )


def reduce_dataset(dataset: Any, reducer: Any) -> Any:
    """Reduce a whole dataset with a `Reducer`; its finalize function is not called, as in 1.15.

    Raises:
        TypeError: `dataset` is no dataset.
    """
    if not isinstance(dataset, tf.data.Dataset):
        raise TypeError(f"reduce_dataset needs a tf.data.Dataset, not {type(dataset).__name__}")
    return dataset.reduce(reducer.init_func(np.int64(0)), reducer.reduce_func)


def read_batch_features(
    file_pattern: Any,
    batch_size: int,
    features: dict[str, Any],
    reader: Callable[..., Any] = tf.compat.v1.data.TFRecordDataset,
    reader_args: list[Any] | None = None,
    randomize_input: bool = True,
    num_epochs: int | None = None,
    capacity: int = 10000,
) -> dict[str, Any]:
    """Return the tensors of batches of parsed `Example`s; `capacity` is the shuffle buffer's."""
    dataset = _experimental.make_batched_features_dataset(
        file_pattern,
        batch_size,
        features,
        reader=reader,
        reader_args=reader_args,
        shuffle=randomize_input,
        num_epochs=num_epochs,
        shuffle_buffer_size=capacity,
    )
    next_features: dict[str, Any] = tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
    return next_features


class _LMDBSource(dataset_ops.DatasetSource):
    """Pairs of key and value of LMDB files."""

    element_spec = (tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.string))

    def __init__(self, filenames: Any) -> None:
        variant = gen_experimental_dataset_ops.lmdb_dataset(
            tf.convert_to_tensor(filenames, tf.string, name="filenames"), **self._flat_structure
        )
        super().__init__(variant)


class LMDBDataset(dataset_ops.DatasetV1Adapter):
    """The pairs of key and value, both strings, of one or more LMDB files."""

    def __init__(self, filenames: Any) -> None:
        super().__init__(_LMDBSource(filenames))
