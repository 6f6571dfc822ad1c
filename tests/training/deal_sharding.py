"""Run by a test in a process of its own: deal datasets of many kinds out to 1, 2 and 3 workers.

python deal_sharding.py DIRECTORY

Prints as JSON, for each kind: "whole", the rows of one machine alone, and for each number of
workers the rows of each of them, or the error that one of them ended with.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from entrypoint import estimator

estimator.revive()

import tensorflow as tf  # noqa: E402 (revive decides how it is imported)

from entrypoint.training.sharding import shard  # noqa: E402

Dataset, TFRecords, Lines = tf.data.Dataset, tf.data.TFRecordDataset, tf.data.TextLineDataset
Policy = tf.data.experimental.AutoShardPolicy
ROWS_PER_FILE = 6
directory = Path(sys.argv[1])


def write_files(count: int) -> tuple[list[str], list[str]]:
    """Write the rows 0, 1, … as records and as lines, `ROWS_PER_FILE` to a file."""
    records, texts = [], []
    for number in range(count):
        rows = [str(number * ROWS_PER_FILE + row) for row in range(ROWS_PER_FILE)]
        records.append(str(directory / f"{count}-{number}.records"))
        with tf.io.TFRecordWriter(records[-1]) as writer:
            for row in rows:
                writer.write(row.encode())
        texts.append(str(directory / f"{count}-{number}.txt"))
        Path(texts[-1]).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return records, texts


(one, one_text), (three, _), (four, four_texts) = (write_files(count) for count in (1, 3, 4))


def listed(count: int) -> Any:
    return Dataset.list_files(str(directory / f"{count}-*.records"))


def read(text: Any) -> Any:
    return tf.strings.to_number(text, tf.int64)


def first(row: Any, *_: Any) -> Any:
    return read(row)


def with_options(dataset: Any, policy: Any = Policy.AUTO, *, deterministic: bool = True) -> Any:
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = policy
    options.deterministic = deterministic
    return dataset.with_options(options)


def sloppy(files: Any) -> Any:
    return files.interleave(
        TFRecords, cycle_length=3, num_parallel_calls=3, deterministic=False
    ).map(read, num_parallel_calls=3, deterministic=False)


def generate() -> Iterator[int]:
    yield from range(10)


KINDS: dict[str, Callable[[], Any]] = {
    "as many files as workers": lambda: TFRecords(four).map(read),
    "read in parallel": lambda: TFRecords(four, num_parallel_reads=2).map(read),
    "text files": lambda: Lines(four_texts).map(read),
    "TensorFlow 1's class": lambda: tf.compat.v1.data.TFRecordDataset(four).map(read).shuffle(9),
    "one file": lambda: TFRecords(one).map(read),
    "one file by its name": lambda: TFRecords(one[0]).map(read),
    "one text file": lambda: Lines(one_text).map(read),
    "three files": lambda: TFRecords(three).map(read),
    "listed files, interleaved": lambda: listed(4).interleave(TFRecords, cycle_length=2).map(read),
    "one listed file": lambda: listed(1).interleave(TFRecords, cycle_length=2).map(read),
    "listed files, flat": lambda: listed(4).flat_map(TFRecords).map(read),
    "a dataset of names": lambda: TFRecords(listed(4)).map(read),
    "names not known yet": lambda: TFRecords(
        tf.compat.v1.placeholder_with_default(four, [None])
    ).map(read),
    "names in a dictionary": lambda: (
        Dataset.from_tensor_slices({"name": four})
        .flat_map(lambda row: TFRecords(row["name"]))
        .map(read)
    ),
    "a header in each file": lambda: (
        Dataset.from_tensor_slices(four_texts)
        .interleave(lambda name: Lines(name).skip(1), cycle_length=2)
        .map(read)
    ),
    "rows skipped": lambda: Lines(four_texts).skip(1).map(read),
    "rows taken": lambda: TFRecords(four).take(10).map(read),
    "files read for each epoch": lambda: (
        Dataset.range(3).flat_map(lambda _: TFRecords(four)).map(read)
    ),
    "CSV": lambda: tf.data.experimental.CsvDataset(four_texts, [tf.int64]).map(lambda row: row),
    "from_generator": lambda: Dataset.from_generator(
        generate, output_signature=tf.TensorSpec([], tf.int64)
    ),
    "from_tensor_slices": lambda: Dataset.from_tensor_slices(list(range(10))),
    "range": lambda: Dataset.range(10),
    "files zipped with numbers": lambda: Dataset.zip((TFRecords(four), Dataset.range(24))).map(
        first
    ),
    "files zipped with files": lambda: Dataset.zip((TFRecords(four), Lines(four_texts))).map(first),
    "files before numbers": lambda: TFRecords(four).map(read).concatenate(Dataset.range(10)),
    "many files before one": lambda: TFRecords(four).concatenate(Lines(one_text)).map(read),
    "shuffled, repeated, batched": lambda: Dataset.range(10).shuffle(10).repeat(3).batch(3),
    "files shuffled, repeated, batched": lambda: (
        TFRecords(four).map(read).shuffle(30).repeat(3).batch(5)
    ),
    "one file shuffled, repeated, batched": lambda: (
        TFRecords(one).map(read).shuffle(30).repeat(3).batch(5)
    ),
    "file names shuffled": lambda: (
        Dataset.from_tensor_slices(four).shuffle(4).flat_map(TFRecords).map(read)
    ),
    "flat_map": lambda: Dataset.range(10).flat_map(lambda row: Dataset.from_tensors(row).repeat(2)),
    "cached": lambda: Dataset.range(10).cache().shuffle(10),
    "files cached": lambda: TFRecords(four).map(read).cache().shuffle(10),
    "windows": lambda: TFRecords(four).map(read).window(4).flat_map(lambda rows: rows.batch(4)),
    "sloppy, few files": lambda: sloppy(listed(1).concatenate(listed(3))),
    "no order wanted": lambda: with_options(
        Dataset.range(200).map(lambda row: row, num_parallel_calls=4), deterministic=False
    ),
    "unseeded": lambda: Dataset.range(100).shuffle(100),
    "policy OFF": lambda: with_options(TFRecords(four).map(read), Policy.OFF),
    "policy FILE": lambda: with_options(TFRecords(one).map(read), Policy.FILE),
    "policy DATA": lambda: with_options(TFRecords(four).map(read), Policy.DATA),
    "policy HINT": lambda: with_options(
        Dataset.from_tensor_slices(four)
        .shard(tf.data.experimental.SHARD_HINT, tf.data.experimental.SHARD_HINT)
        .flat_map(TFRecords)
        .map(read),
        Policy.HINT,
    ),
}


def rows_of(kind: str, workers: int, index: int) -> list[int]:
    with tf.Graph().as_default():
        # Estimator's own seed, and none, as a RunConfig may have it.
        tf.compat.v1.set_random_seed(None if kind == "unseeded" else 1)
        dataset = shard(KINDS[kind](), workers=workers, index=index)
        iterator = tf.compat.v1.data.make_initializable_iterator(dataset)
        following, rows = iterator.get_next(), []
        with tf.compat.v1.Session() as session:
            session.run(iterator.initializer)
            try:
                while True:
                    rows.extend(session.run(following).reshape(-1).tolist())
            except tf.errors.OutOfRangeError:
                return rows


def deal(kind: str) -> dict[str, Any]:
    dealt: dict[str, Any] = {}
    for workers in (1, 2, 3):
        try:
            shares = [rows_of(kind, workers, index) for index in range(workers)]
        except tf.errors.OpError as error:
            dealt[str(workers)] = str(error)
        else:
            dealt[str(workers)] = shares
    return dealt


print(json.dumps({kind: deal(kind) for kind in KINDS}))
