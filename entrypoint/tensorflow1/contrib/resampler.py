"""`tf.contrib.resampler`: bilinear samples of images at points."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["resampler"]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


def resampler(data: Any, warp: Any, name: str = "resampler") -> Any:
    """Sample images bilinearly at points; what is beyond an image is zero.

    Args:
        data: `[batch, height, width, channels]`.
        warp: `[batch, ..., 2]`, points `(x, y)`.
        name: of the operation.

    Returns:
        `[batch, ..., channels]`, differentiable with respect to both.
    """
    with tf.name_scope(name):
        data = tf.convert_to_tensor(data, name="data")
        warp = tf.convert_to_tensor(warp, name="warp")
        batch, height, width = (tf.shape(data)[i] for i in range(3))
        points = tf.reshape(warp, [batch, -1, 2])
        low = tf.floor(points)
        share = points - low
        corner = tf.cast(low, tf.int32)

        def pixels(right: int, down: int) -> Any:
            x, y = corner[..., 0] + right, corner[..., 1] + down
            is_inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            at = tf.stack(
                [tf.clip_by_value(y, 0, height - 1), tf.clip_by_value(x, 0, width - 1)], axis=-1
            )
            weight = tf.cast(is_inside[..., tf.newaxis], data.dtype)
            for axis, is_far in ((0, right), (1, down)):
                part = share[..., axis : axis + 1]
                weight *= part if is_far else 1 - part
            return weight * tf.gather_nd(data, at, batch_dims=1)

        samples = pixels(0, 0) + pixels(1, 0) + pixels(0, 1) + pixels(1, 1)
        channels = tf.shape(data)[3:]
        output = tf.reshape(samples, tf.concat([tf.shape(warp)[:-1], channels], 0))
        output.set_shape(warp.shape[:-1].concatenate(data.shape[3:]))
        return output
