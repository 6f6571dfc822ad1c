"""Draw circles, squares, triangles and stars, and write them as TFRecord files of PNG images.

    python -m samples.shapes.prepare DIRECTORY

Size, place, turn and colours differ from image to image; light falls from one side, and there is
camera noise. Each record is a tf.train.Example with `image/encoded` and `image/class/label`.
"""

from __future__ import annotations

import argparse
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

CLASSES = ("circle", "square", "triangle", "star")
SIDE = 32
TRAIN_FILES = 4
IMAGES_PER_FILE = 500
_FINENESS = 3  # an image is drawn this many times larger, for smooth edges

Floats = npt.NDArray[np.float64]


def main(arguments: list[str] | None = None) -> None:
    """Write the TFRecord files into the directory that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m samples.shapes.prepare", description=__doc__)
    parser.add_argument("directory", type=Path, help="where train-* and eval-* go")
    directory = parser.parse_args(arguments).directory
    directory.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(4)
    names = [f"train-{i:05d}-of-{TRAIN_FILES:05d}" for i in range(TRAIN_FILES)]
    for name in (*names, "eval-00000-of-00001"):
        with tf.io.TFRecordWriter(str(directory / f"{name}.tfrecord")) as writer:
            for _ in range(IMAGES_PER_FILE):
                label = int(random.integers(len(CLASSES)))
                writer.write(example(draw(CLASSES[label], random), label))
    count = TRAIN_FILES * IMAGES_PER_FILE
    print(f"{directory} now holds {count:,} images to train on and {IMAGES_PER_FILE} held out")


def draw(shape: str, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return a picture of a shape: uint8 [SIDE, SIDE, 3]."""
    fine = np.linspace(-1, 1, SIDE * _FINENESS)
    x, y = np.meshgrid(fine, fine)
    radius = random.uniform(0.5, 0.85)
    left, top = random.uniform(-1 + radius, 1 - radius, 2) * 0.9
    inside = _inside(shape, (x - left) / radius, (y - top) / radius, random.uniform(0, 2 * np.pi))
    cover = inside.reshape(SIDE, _FINENESS, SIDE, _FINENESS).mean(axis=(1, 3))[..., np.newaxis]

    ground, ink = random.uniform(0, 1, (2, 3))
    while np.abs(ground - ink).max() < 0.35:
        ink = random.uniform(0, 1, 3)
    side = random.uniform(0, 2 * np.pi)
    light = 1 + 0.3 * (x * np.cos(side) + y * np.sin(side))[::_FINENESS, ::_FINENESS, np.newaxis]
    image = (ground + cover * (ink - ground)) * light + random.normal(0, 0.03, (SIDE, SIDE, 3))
    pixels: npt.NDArray[np.uint8] = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    return pixels


def _inside(shape: str, x: Floats, y: Floats, turn: float) -> npt.NDArray[np.bool_]:
    """Tell for each point whether it lies in a shape of radius 1 around the origin."""
    distance, angle = np.hypot(x, y), np.arctan2(y, x) + turn
    if shape == "circle":
        excess = distance - 0.9
    else:
        step = 2 * np.pi / {"square": 4, "triangle": 3, "star": 5}[shape]
        # The angle from the middle of the nearest edge, -step / 2 to step / 2.
        offset = angle % step - step / 2
        along, across = distance * np.cos(offset), distance * np.abs(np.sin(offset))
        # An edge goes from its middle, at `waist` from the origin, to a corner at distance 1.
        waist = 0.45 if shape == "star" else np.cos(step / 2)
        excess = (along - waist) * np.sin(step / 2) - across * (np.cos(step / 2) - waist)
    inside: npt.NDArray[np.bool_] = excess <= 0
    return inside


def example(image: npt.NDArray[np.uint8], label: int) -> bytes:
    """Return a serialized tf.train.Example of a picture and its class."""
    feature = {
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png(image)])),
        "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    record = tf.train.Example(features=tf.train.Features(feature=feature))
    serialized: bytes = record.SerializeToString(deterministic=True)
    return serialized


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode an RGB picture, uint8 [height, width, 3], as PNG."""
    height, width, _ = image.shape
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


if __name__ == "__main__":
    main()
