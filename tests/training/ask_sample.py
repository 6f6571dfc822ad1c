"""Run by a test in a process of its own: plain TensorFlow puts a sample's model to the test.

python ask_sample.py SAMPLE VERSION_DIR DATASET_DIR CHECKPOINTS_DIR

Prints JSON: `accuracy` of the SavedModel on the held-out set; `guess`, the accuracy there of the
training set's most frequent answers; `moved`, how far each moving average is from where it began.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

# A question that a guess may look at, and the right answer.
Pairs = list[tuple[Any, Any]]


def census(signatures: Any, dataset: Path) -> tuple[Pairs, Pairs, list[Any]]:
    def rows(name: str) -> Iterator[tuple[dict[str, str], int]]:
        with (dataset / name).open(encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                yield row, int(row.pop("income") == "high")

    def example(row: dict[str, str]) -> bytes:
        feature = {
            name: tf.train.Feature(float_list=tf.train.FloatList(value=[float(value)]))
            if value.isdigit()
            else tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
            for name, value in row.items()
            if value
        }
        serialized: bytes = tf.train.Example(
            features=tf.train.Features(feature=feature)
        ).SerializeToString()
        return serialized

    held_out = list(rows("eval.csv"))
    answers = signatures["predict"](examples=tf.constant([example(row) for row, _ in held_out]))
    return (
        [("", label) for _, label in rows("train.csv")],
        [("", label) for _, label in held_out],
        answers["class_ids"].numpy().ravel().tolist(),
    )


def shapes(signatures: Any, dataset: Path) -> tuple[Pairs, Pairs, list[Any]]:
    def records(pattern: str) -> Iterator[tuple[bytes, int]]:
        for record in tf.data.TFRecordDataset(sorted(map(str, dataset.glob(pattern)))):
            feature = tf.train.Example.FromString(record.numpy()).features.feature
            label = feature["image/class/label"].int64_list.value[0]
            yield feature["image/encoded"].bytes_list.value[0], label

    held_out = list(records("eval-*"))
    answers = signatures["serving_default"](png=tf.constant([picture for picture, _ in held_out]))
    return (
        [("", label) for _, label in records("train-*")],
        [("", label) for _, label in held_out],
        answers["class"].numpy().tolist(),
    )


def tagger(signatures: Any, dataset: Path) -> tuple[Pairs, Pairs, list[Any]]:
    def lines(name: str) -> list[str]:
        return (dataset / name).read_text(encoding="utf-8").splitlines()

    def pairs(name: str) -> Pairs:
        words, tags = (" ".join(lines(f"{name}.{what}.txt")).split() for what in ("words", "tags"))
        return list(zip(words, tags, strict=True))

    answers = signatures["serving_default"](sentences=tf.constant(lines("eval.words.txt")))
    told = [
        tag.decode()
        for tags, length in zip(answers["tags"].numpy(), answers["lengths"].numpy(), strict=True)
        for tag in tags[:length]
    ]
    return pairs("train"), pairs("eval"), told


def reviews(signatures: Any, dataset: Path) -> tuple[Pairs, Pairs, list[Any]]:
    def rows(name: str) -> Iterator[tuple[str, bool]]:
        for line in (dataset / name).read_text(encoding="utf-8").splitlines():
            label, text = line.split("\t")
            yield text, label == "1"

    held_out = list(rows("eval.tsv"))
    answers = signatures["serving_default"](reviews=tf.constant([text for text, _ in held_out]))
    return (
        [("", label) for _, label in rows("train.tsv")],
        [("", label) for _, label in held_out],
        answers["content"].numpy().tolist(),
    )


def share_of_guesses(seen: Pairs, held_out: Pairs) -> float:
    """Always say what was most frequent for the same question, else what was most frequent."""
    counts: dict[Any, Counter[Any]] = defaultdict(Counter)
    for question, answer in seen:
        counts[question][answer] += 1
    otherwise = sum(counts.values(), Counter()).most_common(1)
    guesses = [(counts.get(question) or Counter(dict(otherwise))) for question, _ in held_out]
    return share_of([guess.most_common(1)[0][0] for guess in guesses], held_out)


def share_of(answers: list[Any], held_out: Pairs) -> float:
    right = [told == answer for told, (_, answer) in zip(answers, held_out, strict=True)]
    return right.count(True) / len(held_out)


def moved_averages(checkpoints_dir: str) -> dict[str, float]:
    checkpoint = tf.train.load_checkpoint(checkpoints_dir)
    begin = {"moving_mean": 0.0, "moving_variance": 1.0}
    return {
        name: float(abs(checkpoint.get_tensor(name) - begin[name.rpartition("/")[2]]).max())
        for name in checkpoint.get_variable_to_shape_map()
        if name.rpartition("/")[2] in begin
    }


SAMPLES: dict[str, Callable[[Any, Path], tuple[Pairs, Pairs, list[Any]]]] = {
    function.__name__: function for function in (census, shapes, tagger, reviews)
}

sample, version_dir, dataset_dir, checkpoints_dir = sys.argv[1:]
model = tf.saved_model.load(version_dir)
seen, held_out, answers = SAMPLES[sample](model.signatures, Path(dataset_dir))
outcome = {
    "accuracy": share_of(answers, held_out),
    "guess": share_of_guesses(seen, held_out),
    "moved": moved_averages(checkpoints_dir),
}
print(json.dumps(outcome))
# Nothing of ours, and no Estimator, is needed to use the result.
assert not {"entrypoint", "tensorflow_estimator"} & set(sys.modules)
