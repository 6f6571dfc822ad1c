from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1
image = contrib.image

# Two images, 4 high and 5 wide, of two channels.
IMAGES = np.round(np.sin(np.arange(80) * 1.7).reshape(2, 4, 5, 2), 3).astype(np.float32)
FLOW = (np.cos(np.arange(80)).reshape(2, 4, 5, 2) * 2).astype(np.float32)
TRANSFORM = [0.9, 0.1, 0.2, -0.1, 1.1, 0.3, 0.01, 0.02]
OTHER = [1.0, 0.1, 0.2, -0.1, 1.0, 0.3, 0.02, 0.02]
FROM = [[[1.0, 1.0], [2.0, 3.0], [0.0, 4.0]]] * 2
TO = [[[1.5, 1.0], [2.0, 2.5], [1.0, 4.0]]] * 2
FROM_4 = [[[1.0, 1.0], [2.0, 3.0], [0.0, 4.0], [3.0, 0.0]]] * 2
TO_4 = [[[1.5, 1.0], [2.0, 2.5], [1.0, 4.0], [3.0, 0.5]]] * 2

CASES: dict[str, Callable[[Any], Any]] = {
    "rotate": lambda x: image.rotate(x, [0.3, -1.0], "BILINEAR"),
    "rotate_nearest": lambda x: image.rotate(x, 0.5),
    "rotate_rank2": lambda x: image.rotate(x[0, :, :, 0], 0.5, "bilinear"),
    "rotate_rank3": lambda x: image.rotate(x[0], 0.5, "BILINEAR"),
    "translate": lambda x: image.translate(x, [1.0, -0.5], "BILINEAR"),
    "translate2": lambda x: image.translate(x, [[1.0, -0.5], [0.0, 2.0]]),
    "transform": lambda x: image.transform(x, TRANSFORM, "BILINEAR", output_shape=[3, 6]),
    "compose": lambda _: image.compose_transforms(
        TRANSFORM, OTHER, image.angles_to_projective_transforms(0.3, 4.0, 5.0)
    ),
    "dense_image_warp": lambda x: image.dense_image_warp(x, tf.constant(FLOW) + x * 0.1),
    "sparse": lambda x: image.sparse_image_warp(
        x, tf.constant(FROM), tf.constant(TO), num_boundary_points=2
    )[0],
    "sparse_flow": lambda x: image.sparse_image_warp(
        x,
        tf.constant(FROM_4) + x[:, :4, :1, 0] * 0.0,
        tf.constant(TO_4),
        interpolation_order=3,
        regularization_weight=0.1,
    )[1],
    **{
        f"spline{order}": lambda x, order=order: image.interpolate_spline(  # type: ignore[misc]
            x[:, :, 0], x[:, :, 1], x[:, :, 2], order, 0.05
        )
        for order in (1, 2, 3, 4, 6)
    },
}

# Shape, and fingerprints of the values and of the gradient of their squares, as TensorFlow 1.15.5
# computes them.
EXPECTED: dict[str, tuple[list[int | None], list[float], list[float] | None]] = {
    "rotate": ([2, 4, 5, 2], [-2.709, -1.816], [-0.198, -0.258]),
    "rotate_nearest": ([2, 4, 5, 2], [-0.819, 2.053], [-0.819, 0.741]),
    "rotate_rank2": ([4, 5], [1.094, 0.442], [0.997, 0.635]),
    "rotate_rank3": ([4, 5, 2], [-3.407, -1.73], [1.886, 1.049]),
    "translate": ([2, 4, 5, 2], [0.453, 0.278], [-0.121, -0.438]),
    "translate2": ([2, 4, 5, 2], [0.386, 1.045], [3.607, -2.637]),
    "transform": ([2, 3, 6, 2], [0.538, -2.276], [0.81, 0.243]),
    "compose": ([1, 8], [-0.269, -0.093], None),
    "dense_image_warp": ([2, 4, 5, 2], [-2.893, 2.754], [0.294, -1.438]),
    "sparse": ([2, 4, 5, 2], [-0.127, -1.161], [-1.004, -3.076]),
    "sparse_flow": ([2, 4, 5, 2], [-0.481, 1.254], [0.0, 0.0]),
    "spline1": ([2, 4, 2], [-0.841, -1.751], [-2.659, 1.495]),
    "spline2": ([2, 4, 2], [-0.841, -1.751], [-2.578, 1.567]),
    "spline3": ([2, 4, 2], [-0.841, -1.751], [-2.469, 1.691]),
    "spline4": ([2, 4, 2], [-0.841, -1.751], [-2.264, 2.095]),
    "spline6": ([2, 4, 2], [-0.841, -1.751], [-1.985, 2.61]),
}


def fingerprint(values: Any) -> list[float]:
    """Return two sums that tell arrays apart."""
    flat = np.ravel(values).astype(np.float64)
    index = np.arange(flat.size)
    return [float(np.sum(flat * np.cos(index))), float(np.sum(flat * np.sin(index)))]


@pytest.mark.parametrize("name", CASES)
def test_result_and_gradient_are_tensorflow_1s(name: str) -> None:
    x = tf.constant(IMAGES)
    result = CASES[name](x)
    (gradient,) = v1.gradients(tf.reduce_sum(result * result), x)
    shape, values, of_gradient = EXPECTED[name]
    assert result.shape.as_list() == shape
    np.testing.assert_allclose(fingerprint(run(result)), values, rtol=1e-3, atol=5e-3)
    if of_gradient is None:
        assert gradient is None
    else:
        np.testing.assert_allclose(fingerprint(run(gradient)), of_gradient, rtol=1e-3, atol=5e-3)


@pytest.mark.parametrize("dtype", [tf.uint8, tf.int32, tf.int64, tf.float16, tf.float64])
def test_a_quarter_turn_is_counterclockwise(dtype: Any) -> None:
    square = np.arange(16).reshape(4, 4)
    turned = run(image.rotate(tf.constant(square, dtype), np.pi / 2))
    assert turned.tolist() == np.rot90(square).tolist()


def test_images_of_unknown_size_rotate() -> None:
    images = v1.placeholder(tf.float32, [None, None, None, 1])
    square = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    turned = run(image.rotate(images, np.pi / 2), {images: square})
    assert turned[0, :, :, 0].tolist() == np.rot90(square[0, :, :, 0]).tolist()
    with pytest.raises(TypeError, match="rank of 2 to 4"):
        image.rotate(v1.placeholder(tf.float32), 1.0)
    with pytest.raises(TypeError, match="cannot be bool"):
        image.translate(tf.constant([[True]]), [0.0, 0.0])
    with pytest.raises(TypeError, match="angles must have rank 0 or 1"):
        image.rotate(images, [[1.0]])
    with pytest.raises(ValueError, match="output_shape must be a vector"):
        image.transform(images, TRANSFORM, output_shape=[1, 2, 3])


def test_transforms_are_matrices_without_their_last_element() -> None:
    matrices = run(image.flat_transforms_to_matrices(TRANSFORM))
    assert matrices.shape == (1, 3, 3)
    np.testing.assert_allclose(matrices.ravel(), [*TRANSFORM, 1.0])
    back = image.matrices_to_flat_transforms(2 * matrices)
    np.testing.assert_allclose(run(back), [TRANSFORM], rtol=1e-6)
    with pytest.raises(ValueError, match="at least one"):
        image.compose_transforms()


def test_a_spline_goes_through_its_points() -> None:
    points = np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]], np.float32)
    values = np.array([[[1.0], [2.0], [-1.0], [0.5]]], np.float32)
    for order in (1, 2, 3):
        found = run(image.interpolate_spline(points, values, points, order))
        np.testing.assert_allclose(found, values, atol=1e-4)


def test_control_points_move_where_they_are_wanted() -> None:
    spot = np.zeros([1, 5, 5, 1], np.float32)
    spot[0, 2, 2, 0] = 1.0
    warped, flow = image.sparse_image_warp(
        spot,
        np.array([[[2, 2]]], np.float32),
        np.array([[[3, 2]]], np.float32),
        num_boundary_points=1,
    )
    found, flow_found = run([warped, flow])
    assert np.unravel_index(found[0, :, :, 0].argmax(), [5, 5]) == (3, 2)
    np.testing.assert_allclose(flow_found[0, 3, 2], [1.0, 0.0], atol=1e-3)
    np.testing.assert_allclose(flow_found[0, 0, 0], [0.0, 0.0], atol=1e-3)


def numbered(images: Any) -> Any:
    """Number components by flooding them."""
    numbers = np.zeros(images.shape, np.int64)
    following = itertools.count(1)
    for start in np.ndindex(images.shape):
        if not images[start] or numbers[start]:
            continue
        number, left = next(following), [start]
        while left:
            at = left.pop()
            if (
                min(at) < 0
                or at[1] >= images.shape[1]
                or at[2] >= images.shape[2]
                or numbers[at]
                or images[at] != images[start]
            ):
                continue
            numbers[at] = number
            b, y, x = at
            left += [(b, y - 1, x), (b, y + 1, x), (b, y, x - 1), (b, y, x + 1)]
    return numbers


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float32])
def test_components_are_numbered_as_they_come(dtype: Any) -> None:
    images = np.random.default_rng(3).integers(0, 3, [3, 9, 8]).astype(dtype)
    found = run(image.connected_components(images))
    assert found.dtype == np.int64
    assert found.tolist() == numbered(images).tolist()
    one = v1.placeholder(images.dtype, [None, None])
    found = run(image.connected_components(one), {one: images[0]})
    assert found.tolist() == numbered(images[:1])[0].tolist()


def test_a_component_that_winds_is_one() -> None:
    """As TensorFlow 1.15.5 numbers them, and along a spiral."""
    small = [[1, 1, 0, 0, 2], [0, 1, 0, 2, 2], [3, 0, 0, 1, 0], [3, 3, 0, 1, 1]]
    assert run(image.connected_components(small)).tolist() == [
        [1, 1, 0, 0, 2],
        [0, 1, 0, 2, 2],
        [3, 0, 0, 4, 0],
        [3, 3, 0, 4, 4],
    ]
    spiral = np.zeros([1, 15, 15], np.int32)
    y, x, dy, dx = 0, 0, 0, 1
    for length in (15, *itertools.chain.from_iterable((n, n) for n in range(14, 0, -2))):
        for _ in range(length - 1):
            spiral[0, y, x] = 1
            y, x = y + dy, x + dx
        spiral[0, y, x] = 1
        dy, dx = dx, -dy
    assert run(image.connected_components(spiral)).tolist() == numbered(spiral).tolist()
    with pytest.raises(TypeError, match="rank 2"):
        image.connected_components([1])


def greedy(distances: Any, rows: int, pairs: int) -> tuple[list[int], list[int]]:
    column_of, row_of = [-1] * len(distances), [-1] * len(distances[0])
    ordered = sorted(np.ndindex(*np.shape(distances)), key=lambda at: distances[at[0]][at[1]])
    for row, column in ordered:
        is_free = column_of[row] == row_of[column] == -1
        if is_free and row < rows and sum(c >= 0 for c in column_of) < pairs:
            column_of[row], row_of[column] = column, row
    return column_of, row_of


@pytest.mark.parametrize(("rows", "pairs"), [(-1, -1), (2, -1), (-1, 2), (3, 1), (0, -1)])
def test_the_nearest_are_matched_first(rows: int, pairs: int) -> None:
    distances = np.random.default_rng(1).random([4, 3]).astype(np.float32)
    found = image.bipartite_match(tf.constant(distances), float(rows), pairs)
    expected = greedy(distances.tolist(), 4 if rows < 0 else rows, 3 if pairs < 0 else pairs)
    assert [part.tolist() for part in run(tuple(found))] == list(expected)


def test_matches_are_tensorflow_1s() -> None:
    distances = tf.constant([[0.5, 0.1, 0.8], [0.3, 0.2, 0.4]])
    found = image.bipartite_match(distances, 2.0)
    assert run(found.row_to_col_match_indices).tolist() == [1, 0]
    assert run(found.col_to_row_match_indices).tolist() == [1, 0, -1]


def test_colors_in_yiq_are_tensorflow_1s() -> None:
    """As TensorFlow 1.15.5 computes."""
    rgb = tf.constant([[[0.2, 0.5, 0.9]]])
    changed = run(image.adjust_hsv_in_yiq(rgb, 0.3, 1.5, 0.7))
    np.testing.assert_allclose(changed, [[[-0.01512484, 0.43030706, 0.6233516]]], atol=1e-6)
    strong = run(image.adjust_hsv_in_yiq(tf.constant([[[0.9, 0.0, 0.1]]]), 0.3, 4.5, 1.7))
    np.testing.assert_allclose(strong, [[[5.2347636, -2.1741087, 1.6478729]]], rtol=1e-5)
    in_bytes = tf.constant([[[100, 80, 90]]], tf.uint8)
    np.testing.assert_array_equal(run(image.adjust_hsv_in_yiq(in_bytes)), [[[100, 80, 90]]])


def test_random_colors_stay_within_bounds() -> None:
    grey = tf.fill([2, 3, 3], 0.5)
    factors = [
        run(image.random_hsv_in_yiq(grey, 0.5, 0.5, 2.0, 0.5, 0.6))[0, 0, 0] for _ in range(9)
    ]
    assert 0.25 <= min(factors) < max(factors) <= 0.3
    with pytest.raises(ValueError, match="max_delta must be non-negative"):
        image.random_hsv_in_yiq(grey, -1)
    with pytest.raises(ValueError, match="lower_value must be < upper_value"):
        image.random_hsv_in_yiq(grey, lower_value=2)
