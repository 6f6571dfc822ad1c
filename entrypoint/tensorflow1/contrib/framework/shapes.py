"""Checks of the shapes and ranks of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


def reduce_sum_n(tensors: Any, name: str | None = None) -> Any:
    """Return the scalar sum of all elements of a list of tensors.

    Raises:
        ValueError: the list is empty.
    """
    if not tensors:
        raise ValueError("No tensors provided.")
    with v1.name_scope(name, "reduce_sum_n", tensors) as scope:
        sums = [tf.reduce_sum(t, name=f"{t.op.name}/sum") for t in tensors]
        return sums[0] if len(sums) == 1 else tf.add_n(sums, name=scope)


def remove_squeezable_dimensions(predictions: Any, labels: Any, name: str | None = None) -> Any:
    """Squeeze the last dimension of whichever tensor has one rank more.

    Returns:
        Predictions and labels, in this order (`tf.confusion_matrix`'s function has the other).
    """
    # What v1 metrics use; it takes and returns labels first.
    from tensorflow.python.ops import confusion_matrix

    with v1.name_scope(name, "remove_squeezable_dimensions", [predictions, labels]):
        predictions, labels = tf.convert_to_tensor(predictions), tf.convert_to_tensor(labels)
        if None in {predictions.shape.rank, labels.shape.rank}:
            labels, predictions = confusion_matrix.remove_squeezable_dimensions(labels, predictions)
        elif predictions.shape.rank == labels.shape.rank + 1:
            predictions = tf.squeeze(predictions, [-1])
        elif labels.shape.rank == predictions.shape.rank + 1:
            labels = tf.squeeze(labels, [-1])
    return predictions, labels


def assert_scalar_int(tensor: Any, name: str | None = None) -> Any:
    """Return a tensor after checking that it is a scalar of an integer type.

    Raises:
        ValueError: it is not.
    """
    with v1.name_scope(name, "assert_scalar_int", [tensor]) as scope:
        tensor = tf.convert_to_tensor(tensor)
        if not tensor.dtype.base_dtype.is_integer:
            raise ValueError(f"Expected integer type for {tensor.name}, received {tensor.dtype}.")
        return v1.assert_scalar(tensor, name=scope)


def with_same_shape(expected_tensor: Any, tensor: Any) -> Any:
    """Return a tensor after checking that it has the shape of another; see `with_shape`."""
    shape = expected_tensor.shape
    expected = shape.as_list() if shape.is_fully_defined() else tf.shape(expected_tensor)
    return with_shape(expected, tensor)


def with_shape(expected_shape: Any, tensor: Any) -> Any:
    """Return a tensor after checking its shape: now if it is known, else when it is computed.

    Args:
        expected_shape: list, `TensorShape`, int32 array or int32 tensor; -1 fits any size.
        tensor: a dense tensor. One of shape [1] is reshaped to the scalar that is expected.

    Raises:
        ValueError: the shape is wrong, or is not a vector of int32.
    """
    if isinstance(tensor, tf.SparseTensor):
        raise ValueError("SparseTensor not supported.")  # noqa: TRY004 (TensorFlow 1's type)
    expected = _as_int32_vector(expected_shape, tensor)
    dynamic = tf.is_tensor(expected)
    static = tensor.shape
    scope = f"{tensor.op.name}/"
    if static.is_fully_defined() and not dynamic:
        if static.is_compatible_with(_as_shape(expected)):
            return tensor
        if len(expected) == 0 and static.is_compatible_with([1]):
            with v1.name_scope(scope):
                return tf.reshape(tensor, [])
        raise ValueError(
            f"Invalid shape for tensor {tensor.name}, expected {expected}, got {static}."
        )
    with v1.name_scope(scope):
        if not dynamic and len(expected) == 0:
            return tf.reshape(tensor, [])
        with v1.control_dependencies([_assert_shape(expected, tensor)]):
            checked = tf.identity(tensor)
        if not dynamic:
            checked.set_shape(_as_shape(expected))
        return checked


def _as_int32_vector(expected: Any, tensor: Any) -> Any:
    if isinstance(expected, tf.TensorShape):
        expected = [-1 if size is None else size for size in expected.as_list()]
    if not tf.is_tensor(expected):
        given = np.asarray(expected)
        wanted = isinstance(expected, (list, tuple)) and given.dtype == np.int64
        expected = given.astype(np.int32) if wanted or not given.size else given
    if len(expected.shape) > 1:
        raise ValueError(f"Invalid rank {len(expected.shape)} for the shape of {tensor.name}.")
    if expected.dtype != np.int32:
        raise ValueError(f"Invalid dtype {expected.dtype} for the shape of {tensor.name}.")
    return expected


def _as_shape(expected: Any) -> Any:
    return tf.TensorShape([None if size < 0 else int(size) for size in expected])


def _assert_shape(expected: Any, tensor: Any) -> Any:
    actual = tf.shape(tensor)
    same_rank = tf.equal(tf.size(expected), tf.rank(tensor))

    # Sizes of two different ranks cannot be compared elementwise.
    def same_sizes() -> Any:
        return tf.reduce_all(tf.equal(expected, -1) | tf.equal(expected, actual))

    same = v1.cond(same_rank, same_sizes, lambda: False)
    message = f"Wrong shape for {tensor.name} [expected] [actual]."
    return v1.Assert(same, [message, expected, actual])
