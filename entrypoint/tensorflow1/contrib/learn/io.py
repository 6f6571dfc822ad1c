"""`tf.contrib.learn.io`: arrays and data frames as inputs."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "extract_pandas_data",
    "extract_pandas_labels",
    "extract_pandas_matrix",
    "numpy_input_fn",
    "pandas_input_fn",
]

_QUEUE = "it fed queues; use tf.data.experimental.make_batched_features_dataset"
_DASK = "convert the data to NumPy or pandas"
NOT_SUPPLIED = {
    "HAS_DASK": _DASK,
    "HAS_PANDAS": "import pandas to see whether it is there",
    "extract_dask_data": _DASK,
    "extract_dask_labels": _DASK,
    "generator_input_fn": "use tf.data.Dataset.from_generator",
    "queue_parsed_features": _QUEUE,
    "read_batch_examples": "it fed queues; use tf.data.TFRecordDataset",
    "read_batch_features": _QUEUE,
    "read_batch_record_features": _QUEUE,
    "read_keyed_batch_examples": _QUEUE,
    "read_keyed_batch_examples_shared_queue": _QUEUE,
    "read_keyed_batch_features": _QUEUE,
    "read_keyed_batch_features_shared_queue": _QUEUE,
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


def numpy_input_fn(
    x: Any,
    y: Any = None,
    batch_size: int = 128,
    num_epochs: int | None = 1,
    shuffle: bool = True,
    queue_capacity: int = 1000,
    num_threads: int = 1,
) -> Any:
    """Return `tf.estimator.inputs.numpy_input_fn`, which shuffles here unless told otherwise."""
    return tf.estimator.inputs.numpy_input_fn(
        x,
        y,
        batch_size=batch_size,
        num_epochs=num_epochs,
        shuffle=shuffle,
        queue_capacity=queue_capacity,
        num_threads=num_threads,
    )


def pandas_input_fn(
    x: Any,
    y: Any = None,
    batch_size: int = 128,
    num_epochs: int | None = 1,
    shuffle: bool = True,
    queue_capacity: int = 1000,
    num_threads: int = 1,
    target_column: str = "target",
) -> Any:
    """Return `tf.estimator.inputs.pandas_input_fn`, which shuffles here unless told otherwise."""
    return tf.estimator.inputs.pandas_input_fn(
        x,
        y,
        batch_size=batch_size,
        num_epochs=num_epochs,
        shuffle=shuffle,
        queue_capacity=queue_capacity,
        num_threads=num_threads,
        target_column=target_column,
    )


def extract_pandas_data(data: Any) -> Any:
    """Return the values of a data frame as floats, and anything else as it is.

    Raises:
        ValueError: a column is neither number nor bool.
    """
    if not _is_frame(data):
        return data
    _require_numbers(data)
    return data.to_numpy().astype("float")


def extract_pandas_matrix(data: Any) -> Any:
    """Return the values of a data frame, and anything else as it is."""
    return data.to_numpy() if _is_frame(data) else data


def extract_pandas_labels(labels: Any) -> Any:
    """Return the values of a data frame of one column, and anything else as it is.

    Raises:
        ValueError: there are several columns, or it is neither number nor bool.
    """
    if not _is_frame(labels):
        return labels
    if len(labels.columns) > 1:
        raise ValueError("Only one column for labels is allowed.")
    _require_numbers(labels)
    return labels.to_numpy()


def _is_frame(data: Any) -> bool:
    return type(data).__module__.startswith("pandas") and hasattr(data, "columns")


def _require_numbers(frame: Any) -> None:
    others = [
        f"'{name}' type='{dtype}'"
        for name, dtype in frame.dtypes.items()
        if dtype.kind not in "iufb"
    ]
    if others:
        raise ValueError(
            "Data types for extracting pandas data must be int, float, or bool. Found: "
            + ", ".join(others)
        )
