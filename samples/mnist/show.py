"""Show what a finished run of the MNIST sample made.

    python -m samples.mnist.show ROOT

ROOT is the run's MODELMAKER_ROOT. Plain TensorFlow loads the SavedModel here, in a process of its
own, as a server would; nothing of the training code is imported but the reader of the digits.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from samples.mnist.code import mnist_files
from samples.mnist.code.mnist_files import DatasetError, Pixels

_DIGITS_SHOWN = 5
_BATCH = 500
_GAP = 3
# MNIST fits a digit into 20 x 20 of its 28 x 28 pixels; the rest is margin.
_INK_SIDE = 20
_INK_THRESHOLD = 128
# By (upper pixel is ink, lower pixel is ink): two rows of pixels are one row of text.
_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
_SHADES = " .:-=+*#%@"


class ShowError(Exception):
    """There is nothing to show: no model, no digits, or a model that is not the sample's."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What was learnt from the exported model.

    Attributes:
        model_dir: the SavedModel.
        signatures: their names, inputs and outputs, in two lines each.
        images: held-out digits, uint8 [n, 28, 28].
        labels: what they are, [n].
        classes: what the model takes them for, [n].
    """

    model_dir: Path
    signatures: list[str]
    images: Pixels
    labels: Pixels
    classes: Pixels


def main(arguments: list[str] | None = None) -> int:
    """Print the run's result and return the exit code: 1, with a reason, if there is none."""
    parser = argparse.ArgumentParser(prog="python -m samples.mnist.show")
    parser.add_argument("root", type=Path, help="the MODELMAKER_ROOT of a finished run")
    options = parser.parse_args(arguments)
    # A path may hold letters that the terminal cannot show; a mangled letter beats a traceback.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    try:
        with _held_back_stderr():
            shown = evaluate(options.root)
        report = read_report(options.root)
    except (ShowError, DatasetError, OSError) as error:
        print(f"samples.mnist.show: {error}", file=sys.stderr)
        return 1
    columns = shutil.get_terminal_size(fallback=(100, 24)).columns
    blocks = _can_show(_BLOCKS.values(), sys.stdout.encoding)
    print("\n".join([*summary(shown, report), "", *drawing(shown, columns=columns, blocks=blocks)]))
    return 0


def evaluate(root: Path) -> Shown:
    """Run every held-out digit through the exported model.

    Raises:
        ShowError: there is no model, or it does not have the sample's signature.
        DatasetError: there are no digits.
    """
    model_dir = _find_model(root / "model")
    images, labels = mnist_files.read(root / "input" / "data", "test")
    tf = _quiet_tensorflow()
    signatures = tf.saved_model.load(str(model_dir)).signatures
    serve = signatures.get("serving_default")
    if serve is None or "classes" not in serve.structured_outputs:
        raise ShowError(f"{model_dir} has no signature serving_default that gives classes")
    classes = [
        serve(image=tf.constant(images[start : start + _BATCH]))["classes"].numpy()
        for start in range(0, len(images), _BATCH)
    ]
    return Shown(
        model_dir=model_dir,
        signatures=_describe(signatures),
        images=images,
        labels=labels,
        classes=np.concatenate(classes).astype(np.uint8),
    )


def read_report(root: Path) -> dict[str, Any]:
    """Return what the run wrote about itself, empty if it wrote nothing."""
    file = root / "output" / "data" / "report.json"
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ShowError(f"{file} is not JSON: {error}") from error
    return report if isinstance(report, dict) else {}


def summary(shown: Shown, report: dict[str, Any]) -> list[str]:
    """Return the lines above the drawing."""
    wrong = int((shown.classes != shown.labels).sum())
    total = len(shown.labels)
    lines = [f"accuracy    {1 - wrong / total:.1%} of {total:,} held-out digits, {wrong:,} wrong"]
    if report.get("global_step") is not None:
        lines.append(f"training    {_training(report)}")
    lines.append(f"SavedModel  {shown.model_dir}")
    return lines + [f"  {signature}" for signature in shown.signatures]


def drawing(shown: Shown, *, columns: int, blocks: bool) -> list[str]:
    """Draw some held-out digits side by side with what they are and what the model says.

    Args:
        shown: the digits and the model's answers.
        columns: width of the terminal; digits that do not fit are left out.
        blocks: draw with half blocks; with ASCII letters otherwise.
    """
    pictures: list[list[str]] = []
    width = -_GAP
    for index in _choose(shown.labels):
        rows = _picture(shown.images[index], blocks=blocks)
        label, answer = int(shown.labels[index]), int(shown.classes[index])
        picture = [*rows, f"true {label}", f"predicted {answer}{'' if answer == label else ' !'}"]
        wide = max(map(len, picture))
        width += _GAP + wide
        if pictures and width > columns:
            break
        pictures.append([row.ljust(wide) for row in picture])
    return [(" " * _GAP).join(rows).rstrip() for rows in zip(*pictures, strict=True)]


def _find_model(model_dir: Path) -> Path:
    """Return the SavedModel with the highest version, as TensorFlow Serving would pick it."""
    versions = [
        version
        for version in (model_dir.iterdir() if model_dir.is_dir() else ())
        if version.name.isdecimal() and (version / "saved_model.pb").is_file()
    ]
    if not versions:
        raise ShowError(
            f"no SavedModel in {model_dir}/<version>; has the run finished?"
            " Its failure, if it failed, is in output/failure"
        )
    return max(versions, key=lambda version: int(version.name))


def _quiet_tensorflow() -> Any:
    # TensorFlow's C++ side reads this when it is loaded.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # A few digits need no GPU, and its memory may be in use.
    tf.config.set_visible_devices([], "GPU")
    return tf


@contextmanager
def _held_back_stderr() -> Iterator[None]:
    """Hold back what is written to stderr, and let it out only if an exception passes.

    A few of TensorFlow's C++ messages ignore TF_CPP_MIN_LOG_LEVEL, so the descriptor is turned.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except ShowError:
            raise  # says all there is to say
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)


def _describe(signatures: Any) -> list[str]:
    lines = []
    for name in sorted(signatures, key=lambda name: (name != "serving_default", name)):
        inputs = _tensors(signatures[name].structured_input_signature[1])
        outputs = _tensors(signatures[name].structured_outputs)
        lines += [f"{name}: {inputs}", f"  -> {outputs}"]
    return lines


def _tensors(specs: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {spec.dtype.name} {_shape(spec.shape)}" for name, spec in sorted(specs.items())
    )


def _shape(shape: Any) -> str:
    if shape.rank is None:
        return "[...]"
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


def _training(report: dict[str, Any]) -> str:
    words = [f"{report['global_step']:,} steps"]
    if report.get("duration_seconds") is not None:
        words[0] += f" in {report['duration_seconds']:.0f} s"
    for name, unit in (("steps_per_second", "steps/s"), ("examples_per_second", "examples/s")):
        if report.get(name) is not None:
            words.append(f"{report[name]:,.0f} {unit}")
    return ", ".join(words)


def _choose(labels: Pixels) -> list[int]:
    """Return the indices of a few different digits from all over the set."""
    chosen: dict[int, int] = {}
    for part in range(_DIGITS_SHOWN):
        for index in range(part * len(labels) // _DIGITS_SHOWN, len(labels)):
            label = int(labels[index])
            if label not in chosen:
                chosen[label] = index
                break
    return list(chosen.values())


def _picture(image: Pixels, *, blocks: bool) -> list[str]:
    """Return 10 lines of text, all of one length, that show a digit."""
    ink = image > _INK_THRESHOLD
    top = _start(np.flatnonzero(ink.any(axis=1)), image.shape[0])
    pixels = image[top : top + _INK_SIDE]
    inked_columns = np.flatnonzero(ink.any(axis=0))
    if len(inked_columns):
        pixels = pixels[:, inked_columns[0] : inked_columns[-1] + 1]
    upper, lower = pixels[0::2], pixels[1::2]
    if blocks:
        return [
            "".join(_BLOCKS[bool(a), bool(b)] for a, b in zip(*rows, strict=True))
            for rows in zip(upper > _INK_THRESHOLD, lower > _INK_THRESHOLD, strict=True)
        ]
    shades = ((upper.astype(int) + lower) * (len(_SHADES) - 1) + 255) // (2 * 255)
    return ["".join(_SHADES[shade] for shade in row) for row in shades]


def _start(inked: Sequence[int] | np.ndarray[Any, Any], size: int) -> int:
    """Return where a window of 20 pixels begins that has the ink in its middle."""
    middle = (int(inked[0]) + int(inked[-1]) + 1) // 2 if len(inked) else size // 2
    return min(max(middle - _INK_SIDE // 2, 0), size - _INK_SIDE)


def _can_show(letters: Iterable[str], encoding: str | None) -> bool:
    try:
        "".join(letters).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
