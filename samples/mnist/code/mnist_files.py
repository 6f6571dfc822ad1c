"""Where the digits of MNIST lie in a directory, and what is in those files.

Reads the four IDX files as they are published, gzipped or not, and Keras' ``mnist.npz``. NumPy
only, so that it also serves programs that run without TensorFlow.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

PREFIXES = {"train": "train", "test": "t10k"}
NPZ = "mnist.npz"
IMAGE_SHAPE = (28, 28)
CLASSES = 10
_LARGEST_PIXEL = 255
_NAMES_SHOWN = 8

# The low bytes of an IDX magic number: element type (8 is unsigned byte), number of dimensions.
_UNSIGNED_BYTE = 8


class DatasetError(ValueError):
    """The directory holds no MNIST dataset, or a damaged one."""


def idx_names(split: str) -> tuple[str, str]:
    """Return the names of the images' and the labels' IDX file of a split, as published."""
    prefix = PREFIXES[split]
    return f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"


def read(directory: str | os.PathLike[str], split: str) -> tuple[Pixels, Pixels]:
    """Read one split of MNIST.

    Args:
        directory: holds the four IDX files or ``mnist.npz``; IDX files win where both are there.
        split: ``train`` or ``test``.

    Returns:
        Images, uint8 [n, 28, 28], 0 is background and 255 is ink; labels, uint8 [n], 0 to 9.

    Raises:
        DatasetError: a file is missing, damaged, or not what its name says.
    """
    directory = Path(directory)
    images_file, labels_file = (_find(directory, name) for name in idx_names(split))
    npz_file = directory / NPZ
    if images_file and labels_file:
        images, labels = read_idx(images_file, dimensions=3), read_idx(labels_file, dimensions=1)
        place = f"{images_file} and {labels_file}"
    elif npz_file.is_file():
        images, labels = _read_npz(npz_file, split)
        place = str(npz_file)
    else:
        raise DatasetError(_nothing_found(directory, split))
    _check(images, labels, place)
    return images, labels


def read_idx(file: Path, dimensions: int) -> Pixels:
    """Read an IDX file of unsigned bytes, gzipped if its name ends in ``.gz``.

    Raises:
        DatasetError: another magic number, another length than the header says, broken gzip.
    """
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            content = stream.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(f"{file} is not a whole gzip file: {error}") from error
    header = struct.Struct(f">{1 + dimensions}I")
    if len(content) < header.size:
        raise DatasetError(f"{file} ends inside its IDX header, after {len(content)} bytes")
    magic, *shape = header.unpack_from(content)
    expected_magic = _UNSIGNED_BYTE << 8 | dimensions
    if magic != expected_magic:
        raise DatasetError(
            f"{file} begins with {magic}, an IDX file of {dimensions}-dimensional bytes begins"
            f" with {expected_magic}"
        )
    expected_bytes = header.size + math.prod(shape)
    if len(content) != expected_bytes:
        raise DatasetError(
            f"{file} has {len(content):,} bytes, its header says {expected_bytes:,}"
            f" ({' x '.join(map(str, shape))} and the header)"
        )
    return np.frombuffer(content, np.uint8, offset=header.size).reshape(shape)


def _find(directory: Path, published_name: str) -> Path | None:
    files = (directory / name for name in _spellings(published_name))
    return next((file for file in files if file.is_file()), None)


def _spellings(published_name: str) -> list[str]:
    """Return the names that one IDX file goes by: unpacked or not, and with a dot before idx."""
    plain = published_name.removesuffix(".gz")
    return [
        spelling + ending
        for spelling in (plain, plain.replace("-idx", ".idx"))
        for ending in ("", ".gz")
    ]


def _read_npz(file: Path, split: str) -> tuple[Pixels, Pixels]:
    if not zipfile.is_zipfile(file):
        raise DatasetError(f"{file} is not a whole npz file: it is no zip archive")
    try:
        # Without pickle: a dataset from elsewhere must not be able to run code.
        with np.load(file, allow_pickle=False) as arrays:
            images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(
            f"{file} cannot be read as NumPy's npz with the arrays x_{split} and y_{split}: {error}"
        ) from error
    for name, array in (("x", images), ("y", labels)):
        if not np.issubdtype(array.dtype, np.integer):
            raise DatasetError(f"{file}: {name}_{split} holds {array.dtype}, not whole numbers")
        if array.size and not 0 <= array.min() <= array.max() <= _LARGEST_PIXEL:
            raise DatasetError(f"{file}: {name}_{split} holds numbers outside 0 to 255")
    return images.astype(np.uint8), labels.astype(np.uint8)


def _check(images: Pixels, labels: Pixels, place: str) -> None:
    if images.shape[1:] != IMAGE_SHAPE:
        raise DatasetError(f"{place}: images of shape {images.shape}, expected (n, 28, 28)")
    if labels.shape != images.shape[:1]:
        raise DatasetError(f"{place}: {len(images):,} images but labels of shape {labels.shape}")
    if not len(images):
        raise DatasetError(f"{place}: no images")
    if labels.max() >= CLASSES:
        raise DatasetError(f"{place}: a label is {labels.max()}, expected 0 to {CLASSES - 1}")


def _nothing_found(directory: Path, split: str) -> str:
    looked_for = [f"{name.removesuffix('.gz')}[.gz]" for name in idx_names(split)]
    try:
        names = sorted(file.name for file in directory.iterdir())
    except OSError as error:
        found = f"It cannot be listed: {error.strerror}."
    else:
        shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
        found = f"It holds: {shown}." if names else "It is empty."
    return (
        f"no MNIST {split} set in {directory}: looked for {' with '.join(looked_for)}"
        f" (or spelt .idx), and for {NPZ}. {found}"
    )
