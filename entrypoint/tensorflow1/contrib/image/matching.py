"""Connected components and greedy matching, of which TensorFlow has no operators any more."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

_v1 = tf.compat.v1


class BipartiteMatch(NamedTuple):
    """For each row its column and for each column its row; -1 where there is none."""

    row_to_col_match_indices: Any
    col_to_row_match_indices: Any


def bipartite_match(
    distance_mat: Any, num_valid_rows: Any, top_k: int = -1, name: str = "bipartite_match"
) -> BipartiteMatch:
    """Match rows and columns greedily, the pair of the least distance first.

    Args:
        distance_mat: `[rows, columns]`.
        num_valid_rows: only so many first rows are matched; all if it is negative.
        top_k: only so many pairs are matched; as many as there can be if it is negative.
        name: of the operation.
    """
    with tf.name_scope(name):
        distances = tf.convert_to_tensor(distance_mat, dtype=tf.float32)
        rows, columns = tf.shape(distances)[0], tf.shape(distances)[1]
        valid = tf.cast(tf.reshape(num_valid_rows, []), tf.int32)
        valid = tf.where(valid < 0, rows, tf.minimum(valid, rows))
        count = tf.minimum(valid, columns)
        if top_k >= 0:
            count = tf.minimum(count, top_k)
        is_valid = tf.broadcast_to((tf.range(rows) < valid)[:, tf.newaxis], [rows, columns])

        def match(done: Any, is_free: Any, row_of: Any, column_of: Any) -> tuple[Any, ...]:
            left = tf.where(is_free, distances, tf.fill([rows, columns], distances.dtype.max))
            # Distances as large as can be are still matched, but not what is taken.
            candidates = tf.reshape(tf.where(is_free), [-1, 2])
            nearest = tf.argmin(tf.gather_nd(left, candidates))
            row, column = tf.unstack(tf.cast(candidates[nearest], tf.int32))
            in_row = tf.equal(tf.range(rows), row)
            in_column = tf.equal(tf.range(columns), column)
            is_taken = tf.logical_or(in_row[:, tf.newaxis], in_column)
            return (
                done + 1,
                tf.logical_and(is_free, tf.logical_not(is_taken)),
                tf.where(in_column, tf.fill([columns], row), row_of),
                tf.where(in_row, tf.fill([rows], column), column_of),
            )

        _, _, row_of, column_of = _v1.while_loop(
            lambda done, *_: done < count,
            match,
            [tf.constant(0), is_valid, tf.fill([columns], -1), tf.fill([rows], -1)],
            shape_invariants=[
                tf.TensorShape([]),
                distances.shape,
                distances.shape[1:],
                distances.shape[:1],
            ],
            back_prop=False,
        )
        return BipartiteMatch(column_of, row_of)


def connected_components(images: Any) -> Any:
    """Number the connected components of images.

    Pixels that touch at an edge and have the same value are of one component; pixels that are zero
    (False, or empty) are of none. Components of a whole batch are numbered from 1 in the order of
    their first pixels.

    Args:
        images: `[height, width]` or `[batch, height, width]`.

    Returns:
        The components' numbers, int64, of the same shape; 0 for none.

    Raises:
        TypeError: the rank is neither.
    """
    with tf.name_scope("connected_components"):
        given = tf.convert_to_tensor(images, name="images")
        if given.shape.rank not in {2, 3}:
            raise TypeError(
                f"images should have rank 2 (HW) or 3 (NHW). Static shape is {given.shape}"
            )
        batch = given[tf.newaxis] if given.shape.rank == 2 else given  # noqa: PLR2004
        is_background = tf.equal(batch, tf.zeros([], batch.dtype))
        is_first, index = _first_pixels(batch, is_background)
        numbers = tf.cumsum(tf.cast(tf.reshape(is_first, [-1]), tf.int64))
        components = tf.where(is_background, tf.zeros_like(index), tf.gather(numbers, index))
        return components[0] if given.shape.rank == 2 else components  # noqa: PLR2004


def _first_pixels(batch: Any, is_background: Any) -> tuple[Any, Any]:
    """Return which pixels are their components' first, and the index of each pixel's first."""
    shape = tf.shape(batch)
    own = tf.reshape(tf.range(tf.size(batch, out_type=tf.int64)), shape)
    joined_down = tf.equal(batch[:, 1:], batch[:, :-1])
    joined_right = tf.equal(batch[:, :, 1:], batch[:, :, :-1])

    def spread(first: Any, _: Any) -> tuple[Any, Any]:
        last = tf.size(batch, out_type=tf.int64)
        down = tf.where(joined_down, first[:, :-1], tf.fill(tf.shape(joined_down), last))
        up = tf.where(joined_down, first[:, 1:], tf.fill(tf.shape(joined_down), last))
        right = tf.where(joined_right, first[:, :, :-1], tf.fill(tf.shape(joined_right), last))
        left = tf.where(joined_right, first[:, :, 1:], tf.fill(tf.shape(joined_right), last))
        lowest = first
        for neighbour, before, after in (
            (down, [1, 0], [0, 0]),
            (up, [0, 1], [0, 0]),
            (right, [0, 0], [1, 0]),
            (left, [0, 0], [0, 1]),
        ):
            lowest = tf.minimum(
                lowest, tf.pad(neighbour, [[0, 0], before, after], constant_values=last)
            )
        # What a pixel knows, those that point at it need not learn step by step.
        lowest = tf.gather(tf.reshape(lowest, [-1]), lowest)
        return lowest, tf.reduce_any(tf.not_equal(lowest, first))

    first, _ = _v1.while_loop(
        lambda _, is_changing: is_changing,
        spread,
        [own, tf.constant(True)],
        shape_invariants=[batch.shape, tf.TensorShape([])],
        back_prop=False,
    )
    is_first = tf.logical_and(tf.equal(first, own), tf.logical_not(is_background))
    return is_first, first
