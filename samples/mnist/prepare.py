"""Write a dataset of real handwriting, in MNIST's files, that needs no download of its own.

    python -m samples.mnist.prepare DIRECTORY
    python -m samples.mnist.prepare DIRECTORY --from DIRECTORY_WITH_ONLY_THE_T10K_FILES

The first takes the 1,797 digits that scikit-learn brings along and brings them to MNIST's size.
The second splits the 10,000 digits of MNIST's test set, where only those are at hand.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import struct
import sys
import tempfile
from pathlib import Path

import numpy as np

from samples.mnist.code import mnist_files
from samples.mnist.code.mnist_files import DatasetError, Pixels

# MNIST fits a digit into 20 x 20 pixels and centres its ink in 28 x 28.
_SIDE = 28
_INK_SIDE = 20
# One digit in five is held out.
_FOLDS = 5
# Published files are readable by everyone, whichever user the job runs as.
_FILE_MODE = 0o644


def main(arguments: list[str] | None = None) -> int:
    """Prepare the dataset and return the exit code: 0 when a dataset is there, 1 with a reason."""
    parser = argparse.ArgumentParser(
        prog="python -m samples.mnist.prepare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", type=Path, help="where the four IDX files go")
    parser.add_argument(
        "--from",
        dest="source_dir",
        type=Path,
        metavar="DIR",
        help="split the t10k files in DIR instead of scikit-learn's digits",
    )
    options = parser.parse_args(arguments)
    try:
        print(prepare(options.directory, options.source_dir))
    except (DatasetError, OSError) as error:
        print(f"samples.mnist.prepare: {error}", file=sys.stderr)
        return 1
    return 0


def prepare(directory: Path, source_dir: Path | None = None) -> str:
    """Put a dataset into a directory that has none, and say in one line what is there now.

    Args:
        directory: made if missing; its four IDX files are written one by one, each whole or not
            at all. A dataset that is already there is never overwritten.
        source_dir: a directory with only MNIST's t10k files, or None for scikit-learn's digits.

    Raises:
        DatasetError: the source is unusable, or `directory` holds something else.
        OSError: a file cannot be read or written.
    """
    held = _held(directory)
    if held and source_dir is None:
        return f"{directory} already holds {held}; left as it is"
    images, labels = _t10k_digits(source_dir) if source_dir else _scikit_learn_digits()
    contents = _idx_files(images, labels)
    missing = [name for name in contents if not (directory / name).exists()]
    foreign = [
        name
        for name in contents
        if name not in missing and (directory / name).read_bytes() != contents[name]
    ]
    if foreign or (held and missing):
        raise DatasetError(
            f"{directory} already holds other digits ({held or ', '.join(foreign)});"
            " remove them or name another directory"
        )
    directory.mkdir(parents=True, exist_ok=True)
    for name in missing:
        _write(directory / name, contents[name])
    return f"{directory} {'now' if missing else 'already'} holds {_held(directory)}"


def _held(directory: Path) -> str | None:
    """Describe the dataset in a directory, None if there is no complete one."""
    try:
        counts = [len(mnist_files.read(directory, split)[1]) for split in mnist_files.PREFIXES]
    except DatasetError:
        return None
    return "{:,} digits to train on and {:,} held out".format(*counts)


def _scikit_learn_digits() -> tuple[Pixels, Pixels]:
    """Return scikit-learn's digits at MNIST's size: uint8 [1797, 28, 28] and uint8 [1797]."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    small = digits.images.astype(np.int64)  # [1797, 8, 8], 0 to 16
    weights = _linear_interpolation(small.shape[1], _INK_SIDE)
    # Whole numbers up to the one division: the same bytes with every NumPy on every machine.
    scaled = weights @ small @ weights.T * 255
    largest = int(weights[0].sum()) ** 2 * 16
    large = ((scaled + largest // 2) // largest).astype(np.uint8)
    return np.stack([_centred(image) for image in large]), digits.target.astype(np.uint8)


def _linear_interpolation(old: int, new: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return whole-number weights [new, old] that stretch a line of pixels; all rows sum alike."""
    weights = np.zeros((new, old), np.int64)
    for row in range(new):
        # The centre of the new pixel, in units of 1 / (2 * new) old pixels from the first centre.
        centre = min(max((2 * row + 1) * old - new, 0), (old - 1) * 2 * new)
        left, rest = divmod(centre, 2 * new)
        weights[row, left] += 2 * new - rest
        if rest:
            weights[row, left + 1] += rest
    return weights


def _centred(ink: Pixels) -> Pixels:
    """Place 20 x 20 pixels of ink in 28 x 28 so that its centre of mass is in the middle."""
    image = np.zeros((_SIDE, _SIDE), np.uint8)
    corner = []
    for axis in (0, 1):
        mass = ink.sum(axis=1 - axis, dtype=np.int64)
        # Pixel k has its centre at k + 1/2; in halves, to stay in whole numbers.
        middle = int(mass @ (2 * np.arange(_INK_SIDE) + 1)) // int(mass.sum())
        corner.append(min(max((_SIDE - middle + 1) // 2, 0), _SIDE - _INK_SIDE))
    top, left = corner
    image[top : top + _INK_SIDE, left : left + _INK_SIDE] = ink
    return image


def _t10k_digits(source_dir: Path) -> tuple[Pixels, Pixels]:
    """Return the digits of MNIST's test set: uint8 [10000, 28, 28] and uint8 [10000]."""
    try:
        mnist_files.read(source_dir, "train")
    except DatasetError:
        return mnist_files.read(source_dir, "test")
    raise DatasetError(f"{source_dir} has a training set of its own; give it to the job as it is")


def _idx_files(images: Pixels, labels: Pixels) -> dict[str, bytes]:
    """Split the digits and return the four files' contents by name."""
    held_out = _held_out(labels)
    files = {}
    for split, rows in (("train", ~held_out), ("test", held_out)):
        images_name, labels_name = mnist_files.idx_names(split)
        files[images_name] = _idx_gz(images[rows])
        files[labels_name] = _idx_gz(labels[rows])
    return files


def _held_out(labels: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Choose every fifth digit of each class, in the order of the file: bool [n]."""
    held_out = np.zeros(len(labels), np.bool_)
    for digit in range(mnist_files.CLASSES):
        held_out[np.flatnonzero(labels == digit)[_FOLDS // 2 :: _FOLDS]] = True
    return held_out


def _idx_gz(array: Pixels) -> bytes:
    header = struct.pack(f">{1 + array.ndim}I", 8 << 8 | array.ndim, *array.shape)
    packed = io.BytesIO()
    # Without a name and a time in it, the same digits are the same bytes.
    with gzip.GzipFile("", "wb", fileobj=packed, mtime=0) as stream:
        stream.write(header + array.tobytes())
    return packed.getvalue()


def _write(file: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            os.fchmod(stream.fileno(), _FILE_MODE)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    sys.exit(main())
