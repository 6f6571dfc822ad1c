"""Warps of images by flows, and the splines that make a flow of few points."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

# What is taken for zero where a logarithm or a gradient of a root would be infinite.
_EPSILON = 1e-10


def dense_image_warp(image: Any, flow: Any, name: str = "dense_image_warp") -> Any:
    """Return the image whose pixel `(b, j, i)` is the given one's at `(j, i) - flow[b, j, i]`.

    Between pixels it is interpolated bilinearly, and beyond the border it is the border's.

    Args:
        image: `[batch, height, width, channels]`, at least 2 high and wide.
        flow: `[batch, height, width, 2]`, vertical and horizontal.
        name: of the operation.
    """
    with tf.name_scope(name):
        image, flow = tf.convert_to_tensor(image), tf.convert_to_tensor(flow)
        shape = tf.shape(image)
        large_enough = tf.debugging.assert_greater_equal(
            shape[1:3], 2, message="An image to warp must be at least 2 high and 2 wide."
        )
        with tf.control_dependencies([large_enough]):
            rows, columns = tf.meshgrid(tf.range(shape[1]), tf.range(shape[2]), indexing="ij")
        points = tf.cast(tf.stack([rows, columns], axis=2), flow.dtype) - flow
        lowest = tf.clip_by_value(tf.floor(points), 0.0, tf.cast(shape[1:3] - 2, points.dtype))
        share = tf.cast(tf.clip_by_value(points - lowest, 0.0, 1.0), image.dtype)
        corner = tf.cast(lowest, tf.int32)

        def pixels(down: int, right: int) -> Any:
            return tf.gather_nd(image, corner + tf.constant([down, right]), batch_dims=1)

        down, right = share[..., :1], share[..., 1:]
        top = pixels(0, 0) + right * (pixels(0, 1) - pixels(0, 0))
        bottom = pixels(1, 0) + right * (pixels(1, 1) - pixels(1, 0))
        return top + down * (bottom - top)


def _basis(squared_distance: Any, order: int) -> Any:
    """Return the polyharmonic basis function: `r**k`, times `log(r)` for an even order."""
    r2 = squared_distance
    positive = tf.maximum(r2, _EPSILON)
    if order == 1:
        return tf.sqrt(positive)
    if order == 2:  # noqa: PLR2004 (the thin plate spline, where r2 itself needs no bound)
        return 0.5 * r2 * tf.math.log(positive)
    if order == 4:  # noqa: PLR2004
        return 0.5 * tf.square(r2) * tf.math.log(positive)
    power = tf.pow(positive, 0.5 * order)
    return 0.5 * power * tf.math.log(positive) if order % 2 == 0 else power


def _squared_distances(x: Any, y: Any) -> Any:
    x2 = tf.reduce_sum(tf.square(x), 2)[:, :, tf.newaxis]
    y2 = tf.reduce_sum(tf.square(y), 2)[:, tf.newaxis, :]
    return x2 - 2 * tf.matmul(x, y, adjoint_b=True) + y2


def _with_one(points: Any) -> Any:
    return tf.concat([points, tf.ones_like(points[..., :1])], 2)


def interpolate_spline(
    train_points: Any,
    train_values: Any,
    query_points: Any,
    order: int,
    regularization_weight: float = 0.0,
    name: str = "interpolate_spline",
) -> Any:
    """Interpolate with a polyharmonic spline plus a linear function.

    Args:
        train_points: `[batch, n, d]`, where the values are known.
        train_values: `[batch, n, k]`.
        query_points: `[batch, m, d]`.
        order: of the spline: 1 is linear, 2 the thin plate.
        regularization_weight: how smooth rather than exact it is to be.
        name: of the operation.

    Returns:
        Values at the query points, `[batch, m, k]`.

    Raises:
        ValueError: d or k is not known.
    """
    with tf.name_scope(name):
        points, values = tf.convert_to_tensor(train_points), tf.convert_to_tensor(train_values)
        queries = tf.convert_to_tensor(query_points)
        for tensor, what in ((points, "input points (d)"), (values, "output values (k)")):
            if tensor.shape[-1] is None:
                raise ValueError(f"The dimensionality of the {what} must be statically-inferrable.")
        batch, n = tf.shape(points)[0], tf.shape(points)[1]
        d, k = points.shape[-1], values.shape[-1]
        between = _basis(_squared_distances(points, points), order)
        if regularization_weight > 0:
            between += regularization_weight * tf.eye(n, dtype=points.dtype)
        linear = _with_one(points)
        zeros = tf.zeros([batch, d + 1, d + 1], points.dtype)
        left = tf.concat([between, tf.linalg.matrix_transpose(linear)], 1)
        right = tf.concat([linear, zeros], 1)
        wanted = tf.concat([values, tf.zeros([batch, d + 1, k], points.dtype)], 1)
        weights = tf.linalg.solve(tf.concat([left, right], 2), wanted)
        radial = tf.matmul(_basis(_squared_distances(queries, points), order), weights[:, :n])
        return radial + tf.matmul(_with_one(queries), weights[:, n:])


def _border(height: int, width: int, points_per_edge: int) -> Any:
    """Return points evenly spread over the border, corners included, `[n, 2]`."""
    rows = np.linspace(0, height - 1, points_per_edge + 2)
    columns = np.linspace(0, width - 1, points_per_edge + 2)
    ys, xs = np.meshgrid(rows, columns, indexing="ij")
    is_border = (xs == 0) | (xs == width - 1) | (ys == 0) | (ys == height - 1)
    return np.stack([ys[is_border], xs[is_border]], axis=-1)


def sparse_image_warp(
    image: Any,
    source_control_point_locations: Any,
    dest_control_point_locations: Any,
    interpolation_order: int = 2,
    regularization_weight: float = 0.0,
    num_boundary_points: int = 0,
    name: str = "sparse_image_warp",
) -> tuple[Any, Any]:
    """Warp images so that control points move to where they are wanted.

    Args:
        image: `[batch, height, width, channels]`, of known shape.
        source_control_point_locations: `[batch, n, 2]`, row and column.
        dest_control_point_locations: `[batch, n, 2]`.
        interpolation_order: of the spline between the points.
        regularization_weight: of the spline.
        num_boundary_points: if above 0, that many segments of each edge stay where they are.
        name: of the operation.

    Returns:
        The warped images, and the flow `[batch, height, width, 2]`.
    """
    image = tf.convert_to_tensor(image)
    source = tf.convert_to_tensor(source_control_point_locations)
    points = tf.convert_to_tensor(dest_control_point_locations)
    flows = points - source
    with tf.name_scope(name):
        batch, height, width, _ = image.shape.as_list()
        if num_boundary_points > 0:
            still = _border(height, width, num_boundary_points - 1)
            still = np.tile(still[np.newaxis], [batch, 1, 1])
            points = tf.concat([points, tf.constant(still, points.dtype)], 1)
            flows = tf.concat([flows, tf.zeros_like(tf.constant(still, flows.dtype))], 1)
        pixels = np.stack(np.unravel_index(np.arange(height * width), [height, width]), axis=-1)
        queries = tf.constant(np.tile(pixels[np.newaxis], [batch, 1, 1]), image.dtype)
        flow = interpolate_spline(
            points, flows, queries, interpolation_order, regularization_weight
        )
        flow = tf.reshape(flow, [batch, height, width, 2])
        return dense_image_warp(image, flow), flow
