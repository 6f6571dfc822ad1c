"""Small datasets of local files."""

from __future__ import annotations

import csv
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "Dataset",
    "Datasets",
    "load_csv_with_header",
    "load_csv_without_header",
    "maybe_download",
    "shrink_csv",
]

_SKLEARN = "TensorFlow carried its file; use sklearn.datasets, or load_csv_with_header of your own"
NOT_SUPPLIED = {
    "load_boston": _SKLEARN,
    "load_iris": _SKLEARN,
    "retry": "write the loop",
    "urlretrieve_with_retry": "use urllib.request.urlretrieve",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


class Dataset(NamedTuple):
    """Features [examples, features] and labels [examples]."""

    data: Any
    target: Any


class Datasets(NamedTuple):
    """The parts of a dataset."""

    train: Any
    validation: Any
    test: Any


def load_csv_with_header(
    filename: str, target_dtype: Any, features_dtype: Any, target_column: int = -1
) -> Dataset:
    """Read a CSV file whose first row begins with the numbers of examples and of features."""
    with tf.gfile.Open(filename) as file:
        rows = csv.reader(file)
        header = next(rows)
        examples, features = int(header[0]), int(header[1])
        data = np.zeros((examples, features), dtype=features_dtype)
        target = np.zeros((examples,), dtype=target_dtype)
        for index, row in enumerate(rows):
            target[index] = np.asarray(row.pop(target_column), dtype=target_dtype)
            data[index] = np.asarray(row, dtype=features_dtype)
    return Dataset(data=data, target=target)


def load_csv_without_header(
    filename: str, target_dtype: Any, features_dtype: Any, target_column: int = -1
) -> Dataset:
    """Read a CSV file of nothing but examples."""
    with tf.gfile.Open(filename) as file:
        rows = list(csv.reader(file))
    target = np.array([row.pop(target_column) for row in rows], dtype=target_dtype)
    data = np.array([np.asarray(row, dtype=features_dtype) for row in rows])
    return Dataset(data=data, target=target)


def shrink_csv(filename: str, ratio: int) -> None:
    """Write every `ratio`th row of a CSV file to one whose name has `_small` before the dot."""
    with tf.gfile.Open(filename) as file:
        rows = list(csv.reader(file))[::ratio]
    with tf.gfile.Open(filename.replace(".", "_small."), "w") as small:
        csv.writer(small).writerows(rows)


def maybe_download(filename: str, work_directory: str, source_url: str) -> str:
    """Return the path of a file in a directory, downloading it there if it is missing.

    Raises:
        FileNotFoundError: it is missing, and there is no way to that address.
    """
    path = Path(work_directory) / filename
    if path.exists():
        return str(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        urllib.request.urlretrieve(source_url, part)  # noqa: S310 (the user's own address)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise FileNotFoundError(
            f"{path} does not exist, and {source_url} cannot be downloaded from here ({error});"
            " put the file there beforehand"
        ) from error
    part.rename(path)
    return str(path)
