"""Projective transforms of images.

A transform is `[a0, a1, a2, b0, b1, b2, c0, c1]`: the output at `(x, y)` is the input at
`((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)` with `k = c0 x + c1 y + 1`, and zero outside.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.ops import gen_image_ops

_IMAGE_TYPES = (tf.uint8, tf.int32, tf.int64, tf.float16, tf.float32, tf.float64)


def _as_batch(images: Any) -> Any:
    """Return images of rank 2 (height, width), 3 (with channels) or 4 as a batch."""
    if images.dtype.base_dtype not in _IMAGE_TYPES:
        raise TypeError(f"images cannot be {images.dtype.name}")
    rank = images.shape.rank
    if rank == 2:  # noqa: PLR2004 (as the docstring says)
        return images[tf.newaxis, :, :, tf.newaxis]
    if rank == 3:  # noqa: PLR2004
        return images[tf.newaxis]
    if rank == 4:  # noqa: PLR2004
        return images
    raise TypeError(f"images must have a known rank of 2 to 4; theirs is {rank}")


def _with_batch(values: Any, name: str, rank: int) -> Any:
    """Return what is of rank `rank`, or one less if it is for all images, as that rank."""
    tensor = tf.convert_to_tensor(values, dtype=tf.float32, name=name)
    if tensor.shape.rank == rank:
        return tensor
    if tensor.shape.rank == rank - 1:
        return tensor[tf.newaxis]
    raise TypeError(f"{name} must have rank {rank - 1} or {rank}, not {tensor.shape.rank}")


def transform(
    images: Any,
    transforms: Any,
    interpolation: str = "NEAREST",
    output_shape: Any = None,
    name: str | None = None,
) -> Any:
    """Apply a transform to images.

    Args:
        images: `[height, width]`, with channels, or with batch and channels.
        transforms: one `[8]`, or one for each image `[batch, 8]`, from output to input.
        interpolation: "NEAREST" or "BILINEAR".
        output_shape: height and width of the output; those of the input if not given.
        name: of the operation.

    Raises:
        TypeError: type or rank of an argument is wrong.
        ValueError: `output_shape` is no pair.
    """
    with tf.name_scope(name or "transform"):
        given = tf.convert_to_tensor(images, name="images")
        batch = _as_batch(given)
        matrices = _with_batch(transforms, "transforms", 2)
        if output_shape is None:
            static = batch.shape[1:3]
            output_shape = static if static.is_fully_defined() else tf.shape(batch)[1:3]
        size = tf.convert_to_tensor(output_shape, tf.int32, name="output_shape")
        if not size.shape.is_compatible_with([2]):
            raise ValueError("output_shape must be a vector of new height and new width")
        output = gen_image_ops.image_projective_transform_v2(
            batch, output_shape=size, transforms=matrices, interpolation=interpolation.upper()
        )
        if given.shape.rank == 2:  # noqa: PLR2004 (height and width)
            return output[0, :, :, 0]
        return output if given.shape.rank == 4 else output[0]  # noqa: PLR2004


def rotate(
    images: Any, angles: Any, interpolation: str = "NEAREST", name: str | None = None
) -> Any:
    """Rotate images about their centres, counterclockwise, by one or several angles in radians."""
    with tf.name_scope(name or "rotate"):
        given = tf.convert_to_tensor(images)
        size = tf.cast(tf.shape(_as_batch(given)), tf.float32)
        transforms = angles_to_projective_transforms(angles, size[1:2], size[2:3])
        return transform(given, transforms, interpolation)


def translate(
    images: Any, translations: Any, interpolation: str = "NEAREST", name: str | None = None
) -> Any:
    """Move images by one or several vectors `(dx, dy)`."""
    with tf.name_scope(name or "translate"):
        return transform(images, translations_to_projective_transforms(translations), interpolation)


def angles_to_projective_transforms(
    angles: Any, image_height: Any, image_width: Any, name: str | None = None
) -> Any:
    """Return the transforms `[angles, 8]` that rotate images of a size about their centres."""
    with tf.name_scope(name or "angles_to_projective_transforms"):
        angle = _with_batch(angles, "angles", 1)
        cos, sin = tf.cos(angle), tf.sin(angle)
        right, bottom = image_width - 1, image_height - 1
        x_offset = (right - (cos * right - sin * bottom)) / 2.0
        y_offset = (bottom - (sin * right + cos * bottom)) / 2.0
        zero = tf.zeros_like(angle)
        return tf.stack([cos, -sin, x_offset, sin, cos, y_offset, zero, zero], axis=1)


def translations_to_projective_transforms(translations: Any, name: str | None = None) -> Any:
    """Return the transforms `[translations, 8]` that move images by vectors `(dx, dy)`."""
    with tf.name_scope(name or "translations_to_projective_transforms"):
        moves = _with_batch(translations, "translations", 2)
        dx, dy = moves[:, 0], moves[:, 1]
        one, zero = tf.ones_like(dx), tf.zeros_like(dx)
        return tf.stack([one, zero, -dx, zero, one, -dy, zero, zero], axis=1)


def compose_transforms(*transforms: Any) -> Any:
    """Return the transform that applies the given ones in their order.

    Raises:
        ValueError: there are none.
    """
    if not transforms:
        raise ValueError("compose_transforms needs at least one transform")
    with tf.name_scope("compose_transforms"):
        composed = flat_transforms_to_matrices(transforms[0])
        for following in transforms[1:]:
            composed = tf.matmul(composed, flat_transforms_to_matrices(following))
        return matrices_to_flat_transforms(composed)


def flat_transforms_to_matrices(transforms: Any) -> Any:
    """Return transforms `[8]` or `[N, 8]` as matrices `[N, 3, 3]`.

    Raises:
        ValueError: their rank is neither.
    """
    with tf.name_scope("flat_transforms_to_matrices"):
        flat = tf.convert_to_tensor(transforms, name="transforms")
        if flat.shape.rank not in {1, 2}:
            raise ValueError(f"Transforms should be 1D or 2D, got: {flat}")
        flat = tf.reshape(flat, [-1, 8])
        ones = tf.ones([tf.shape(flat)[0], 1], flat.dtype)
        return tf.reshape(tf.concat([flat, ones], axis=1), [-1, 3, 3])


def matrices_to_flat_transforms(transform_matrices: Any) -> Any:
    """Return matrices `[3, 3]` or `[N, 3, 3]` as transforms `[N, 8]`.

    Raises:
        ValueError: their rank is neither.
    """
    with tf.name_scope("matrices_to_flat_transforms"):
        matrices = tf.convert_to_tensor(transform_matrices, name="transform_matrices")
        if matrices.shape.rank not in {2, 3}:
            raise ValueError(f"Matrices should be 2D or 3D, got: {matrices}")
        flat = tf.reshape(matrices, [-1, 9])
        return flat[:, :8] / flat[:, 8:]
