"""Hue, saturation and value of images, changed in the YIQ color space."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

# A change is linear in value, value * saturation * cos(hue) and value * saturation * sin(hue):
# luma, its complement, and a rotation about it. Rows are the new red, green and blue.
_LUMA = [[0.299, 0.587, 0.114]] * 3
_CHROMA = [[0.701, -0.587, -0.114], [-0.299, 0.413, -0.114], [-0.299, -0.587, 0.886]]
_TURN = [
    [0.16862175, 0.32980478, -0.49842653],
    [-0.3279634, 0.03461063, 0.29335272],
    [1.2464614, -1.0432287, -0.20323253],
]


def adjust_hsv_in_yiq(
    image: Any,
    delta_hue: Any = 0,
    scale_saturation: Any = 1,
    scale_value: Any = 1,
    name: str | None = None,
) -> Any:
    """Turn the hue of RGB images by an angle in radians, and scale their saturation and value."""
    with tf.name_scope(name or "adjust_hsv_in_yiq"):
        given = tf.convert_to_tensor(image, name="image")
        rgb = tf.image.convert_image_dtype(given, tf.float32)
        hue, saturation, value = (
            tf.cast(number, tf.float32) for number in (delta_hue, scale_saturation, scale_value)
        )
        change = tf.constant(_LUMA) + saturation * (
            tf.cos(hue) * tf.constant(_CHROMA) + tf.sin(hue) * tf.constant(_TURN)
        )
        changed = tf.tensordot(rgb, value * change, [[-1], [1]])
        changed.set_shape(rgb.shape)
        return tf.image.convert_image_dtype(changed, given.dtype)


def random_hsv_in_yiq(
    image: Any,
    max_delta_hue: float = 0,
    lower_saturation: float = 1,
    upper_saturation: float = 1,
    lower_value: float = 1,
    upper_value: float = 1,
    seed: int | None = None,
) -> Any:
    """Change hue, saturation and value of RGB images by random amounts within bounds.

    Raises:
        ValueError: a bound is negative, or a lower one above the upper one.
    """
    if max_delta_hue < 0:
        raise ValueError("max_delta must be non-negative.")
    for name, lower, upper in (
        ("saturation", lower_saturation, upper_saturation),
        ("value", lower_value, upper_value),
    ):
        if lower < 0:
            raise ValueError(f"lower_{name} must be non-negative.")
        if lower > upper:
            raise ValueError(f"lower_{name} must be < upper_{name}.")

    def between(lower: float, upper: float) -> Any:
        if lower == upper:
            return lower
        return tf.compat.v1.random_uniform([], lower, upper, seed=seed)

    hue = between(-max_delta_hue, max_delta_hue)
    saturation = between(lower_saturation, upper_saturation)
    return adjust_hsv_in_yiq(image, hue, saturation, between(lower_value, upper_value))
