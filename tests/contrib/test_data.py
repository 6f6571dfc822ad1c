from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib

v1 = tf.compat.v1
data = contrib.data
Range = v1.data.Dataset.range


def elements(dataset: Any, count: int = 50) -> list[Any]:
    """Return up to `count` first elements."""
    iterator = v1.data.make_initializable_iterator(dataset)
    following = iterator.get_next()
    found: list[Any] = []
    with v1.Session() as session:
        session.run([iterator.initializer, v1.tables_initializer()])
        try:
            while len(found) < count:
                found.append(session.run(following))
        except tf.errors.OutOfRangeError:
            pass
    return found


def lists(dataset: Any, count: int = 50) -> list[Any]:
    return [np.asarray(element).tolist() for element in elements(dataset, count)]


def test_map_and_batch_is_map_then_batch() -> None:
    square = data.map_and_batch(lambda x: x * x, 2, num_parallel_batches=2)
    assert lists(Range(5).apply(square)) == [[0, 1], [4, 9], [16]]
    whole = data.map_and_batch(lambda x: x * x, 2, drop_remainder=True, num_parallel_calls=2)
    assert lists(Range(5).apply(whole)) == [[0, 1], [4, 9]]


@pytest.mark.parametrize("sloppy", [False, True])
def test_parallel_interleave_takes_blocks_in_turn(sloppy: bool) -> None:
    def thrice(x: Any) -> Any:
        return v1.data.Dataset.from_tensors(x).repeat(3)

    found = lists(
        Range(2).apply(data.parallel_interleave(thrice, 2, block_length=2, sloppy=sloppy))
    )
    if sloppy:
        assert sorted(found) == [0, 0, 0, 1, 1, 1]
    else:
        assert found == [0, 0, 1, 1, 0, 1]
    assert sorted(lists(Range(2).apply(data.sloppy_interleave(thrice, 2)))) == [0, 0, 0, 1, 1, 1]


def test_batches_that_are_not_full_are_dropped_and_their_size_is_static() -> None:
    batches = Range(5).apply(data.batch_and_drop_remainder(2))
    assert batches.output_shapes.as_list() == [2]
    assert lists(batches) == [[0, 1], [2, 3]]
    padded = Range(1, 6).map(lambda x: tf.fill([x], x))
    padded = padded.apply(data.padded_batch_and_drop_remainder(2, [None], np.int64(9)))
    assert lists(padded) == [[[1, 9], [2, 2]], [[3, 3, 3, 9], [4, 4, 4, 4]]]


def test_windows_slide() -> None:
    """The numbers are those of TensorFlow 1.15's documentation of sliding_window_batch."""
    source = v1.data.Dataset.from_tensor_slices([[1], [2], [3], [4], [5], [6]])
    assert lists(source.apply(data.sliding_window_batch(3, window_shift=2))) == [
        [[1], [2], [3]],
        [[3], [4], [5]],
    ]
    assert lists(source.apply(data.sliding_window_batch(3, stride=2))) == [
        [[1], [2], [3]],
        [[3], [4], [5]],
    ]
    strided = source.apply(data.sliding_window_batch(3, window_stride=2))
    assert strided.output_shapes.as_list() == [None, 1]
    assert lists(strided) == [[[1], [3], [5]], [[2], [4], [6]]]
    with pytest.raises(ValueError, match="give only window_shift"):
        data.sliding_window_batch(3, stride=1, window_shift=1)


def test_element_shapes_are_set_and_checked() -> None:
    def generated(length: int) -> Any:
        return v1.data.Dataset.from_generator(
            lambda: iter([{"a": np.zeros([length, 2]), "b": 1}]),
            {"a": tf.float32, "b": tf.int32},
        )

    shapes = {"a": tf.TensorShape([3, None]), "b": tf.TensorShape([])}
    right = generated(3).apply(data.assert_element_shape(shapes))
    assert right.output_shapes["a"].as_list() == [3, None]
    assert elements(right)[0]["b"] == 1
    wrong = generated(4).apply(data.assert_element_shape(shapes))
    with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible"):
        elements(wrong)
    with pytest.raises(ValueError, match=r"not compatible|incompatible"):
        Range(3).apply(data.assert_element_shape(tf.TensorShape([2])))
    pairs = v1.data.Dataset.zip((Range(1), Range(1)))
    pairs = pairs.apply(data.assert_element_shape((tf.TensorShape([]), tf.TensorShape(None))))
    assert elements(pairs) == [(0, 0)]


def test_reduce_dataset_reduces_without_the_final_function() -> None:
    """As TensorFlow 1.15, which passed on only the first two functions of the reducer."""
    total = data.Reducer(lambda _: np.int64(0), lambda state, x: state + x, lambda s: -s)
    with v1.Session() as session:
        assert session.run(data.reduce_dataset(Range(5), total)) == 10
    with pytest.raises(TypeError, match=r"needs a tf\.data\.Dataset, not list"):
        data.reduce_dataset([1], total)


def test_grouping() -> None:
    parity = data.group_by_window(lambda x: x % 2, lambda _, group: group.batch(2), window_size=2)
    assert sorted(lists(Range(4).apply(parity))) == [[0, 2], [1, 3]]
    total = data.Reducer(lambda _: np.int64(0), lambda state, x: state + x, lambda s: -s)
    assert sorted(lists(Range(4).apply(data.group_by_reducer(lambda x: x % 2, total)))) == [-4, -2]


def test_sequences_are_batched_with_others_of_their_length() -> None:
    source = v1.data.Dataset.from_tensor_slices([1, 5, 2, 6]).map(lambda n: tf.fill([n], n))
    bucketed = source.apply(data.bucket_by_sequence_length(tf.size, [4], [2, 2]))
    assert sorted(np.shape(batch) for batch in elements(bucketed)) == [(2, 2), (2, 6)]


def test_small_transformations() -> None:
    assert lists(data.Counter(3, step=2), count=3) == [3, 5, 7]
    assert elements(Range(2).apply(data.enumerate_dataset(5))) == [(5, 0), (6, 1)]
    assert lists(Range(4).batch(2).apply(data.unbatch())) == [0, 1, 2, 3]
    repeated = v1.data.Dataset.from_tensor_slices([1, 1, 2])
    assert lists(repeated.apply(data.unique())) == [1, 2]
    running = data.scan(np.int64(0), lambda state, x: (state + x, state + x))
    assert lists(Range(4).apply(running)) == [0, 1, 3, 6]
    assert sorted(lists(Range(3).apply(data.shuffle_and_repeat(10, count=2)))) == [0, 0, 1, 1, 2, 2]
    fallible = v1.data.Dataset.from_tensor_slices([1.0, 0.0, 2.0]).map(
        lambda x: tf.debugging.check_numerics(1.0 / x, "")
    )
    assert lists(fallible.apply(data.ignore_errors())) == [1.0, 0.5]
    ones, twos = (v1.data.Dataset.from_tensors(n).repeat() for n in (1, 2))
    choice = v1.data.Dataset.from_tensor_slices(np.array([0, 1, 1], np.int64))
    assert lists(data.choose_from_datasets([ones, twos], choice)) == [1, 2, 2]
    assert lists(data.sample_from_datasets([ones, twos], [1.0, 0.0]), count=3) == [1, 1, 1]
    with v1.Session() as session:
        assert session.run(data.get_single_element(Range(1))) == 0


def test_rejection_resample_reaches_the_wanted_distribution() -> None:
    source = Range(4000).map(lambda x: tf.cast(tf.equal(x % 4, 0), tf.int32))
    balanced = source.apply(data.rejection_resample(lambda x: x, [0.5, 0.5], [0.75, 0.25], seed=1))
    drawn = [label for label, _ in elements(balanced, 2000)]
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.04)


def test_ragged_rows_become_a_sparse_tensor() -> None:
    rows = Range(1, 3).map(lambda n: tf.fill([n], n))
    (batch,) = elements(rows.apply(data.dense_to_sparse_batch(2, [4])))
    assert batch.values.tolist() == [1, 2, 2]
    assert batch.dense_shape.tolist() == [2, 4]


def write_examples(path: Path, numbers: list[int]) -> str:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in numbers:
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[number]))
            features = tf.train.Features(feature={"n": feature})
            writer.write(tf.train.Example(features=features).SerializeToString())
    return str(path)


def test_examples_are_read_and_parsed(tmp_path: Path) -> None:
    pattern = write_examples(tmp_path / "a.tfrecord", [1, 2, 3])
    features = {"n": tf.io.FixedLenFeature([], tf.int64)}
    dataset = data.make_batched_features_dataset(
        pattern, 2, features, shuffle=False, num_epochs=1, drop_final_batch=True
    )
    assert [batch["n"].tolist() for batch in elements(dataset)] == [[1, 2]]
    batch = data.read_batch_features(pattern, 2, features, randomize_input=False, num_epochs=1)
    with v1.Session() as session:
        assert session.run(batch)["n"].tolist() == [1, 2]
        assert session.run(batch)["n"].tolist() == [3]


def test_tables_are_read(tmp_path: Path) -> None:
    csv = tmp_path / "t.csv"
    csv.write_text("a,b\n1,x\n2,y\n")
    rows = data.CsvDataset(str(csv), [tf.int32, tf.string], header=True)
    assert elements(rows) == [(1, b"x"), (2, b"y")]
    batches = data.make_csv_dataset(str(csv), 2, label_name="b", shuffle=False, num_epochs=1)
    ((features, labels),) = elements(batches)
    assert features["a"].tolist() == [1, 2]
    assert labels.tolist() == [b"x", b"y"]
    with sqlite3.connect(tmp_path / "t.sqlite") as connection:
        connection.execute("create table t (a integer)")
        connection.execute("insert into t values (7)")
    connection.close()
    query = data.SqlDataset("sqlite", str(tmp_path / "t.sqlite"), "select a from t", (tf.int32,))
    assert elements(query) == [(7,)]


def test_lmdb_elements_are_pairs_of_strings(tmp_path: Path) -> None:
    dataset = data.LMDBDataset([str(tmp_path / "absent.mdb")])
    assert dataset.output_types == (tf.string, tf.string)
    with pytest.raises(tf.errors.OpError):
        elements(dataset)


def test_records_are_written(tmp_path: Path) -> None:
    path = str(tmp_path / "r")
    strings = v1.data.Dataset.from_tensor_slices(["a", "b"])
    with v1.Session() as session:
        session.run(data.TFRecordWriter(path).write(strings))
    assert elements(data.TFRecordDataset(path)) == [b"a", b"b"]


def test_datasets_of_tensorflow_1_3_keep_their_methods(tmp_path: Path) -> None:
    for name in "hgfbcade":
        (tmp_path / name).write_text(f"{name}1\n{name}2\n")
    files = data.Dataset.list_files(str(tmp_path / "*"))
    assert [Path(file.decode()).name for file in elements(files)] == list("abcdefgh")
    lines = files.take(3).interleave(data.TextLineDataset, 3)
    assert elements(lines) == [b"a1", b"b1", b"c1", b"a2", b"b2", b"c2"]
    mapped = data.Dataset.range(6).map(lambda x: x + 1, num_threads=2, output_buffer_size=4)
    chained = mapped.shuffle(10, seed=1).repeat(1).batch(2).unbatch().enumerate(3)
    chained = chained.filter(lambda number, _: number < 8).map(lambda _, x: x, num_threads=1)
    assert isinstance(chained, data.Dataset)
    assert isinstance(chained, v1.data.Dataset)
    found = lists(chained)
    assert len(found) == 5
    assert set(found) < {1, 2, 3, 4, 5, 6}
    grouped = data.Dataset.range(4).group_by_window(lambda x: x % 2, lambda _, g: g.batch(2), 2)
    assert sorted(lists(grouped)) == [[0, 2], [1, 3]]
    (tmp_path / "fixed").write_bytes(b"Haabb")
    fixed = data.FixedLengthRecordDataset(str(tmp_path / "fixed"), 2, header_bytes=1)
    assert elements(fixed) == [b"aa", b"bb"]
    iterator = data.Iterator.from_structure(tf.int64, tf.TensorShape([]))
    following, start = iterator.get_next(), iterator.make_initializer(data.Dataset.range(3, 5))
    with v1.Session() as session:
        session.run(start)
        assert [session.run(following), session.run(following)] == [3, 4]


def model_fn(features: Any, labels: Any, mode: str) -> Any:
    seen = v1.get_variable("seen", [10], tf.int64, initializer=v1.zeros_initializer())
    step = v1.train.get_or_create_global_step()
    with tf.control_dependencies([v1.scatter_update(seen, step, features)]):
        train_op = v1.assign_add(step, 1)
    from tensorflow_estimator._api.v1.estimator import EstimatorSpec

    return EstimatorSpec(mode, loss=tf.constant(0.0), train_op=train_op)


def test_a_training_goes_on_where_its_iterator_was(tmp_path: Path) -> None:
    """Without the hook the second training would begin with element 0 again."""
    from tensorflow_estimator._api.v1.estimator import Estimator

    estimator = Estimator(model_fn, str(tmp_path))
    for _ in range(2):
        hook = data.CheckpointInputPipelineHook(estimator)
        estimator.train(lambda: Range(10), hooks=[hook], steps=3)
    assert estimator.get_variable_value("seen").tolist() == [0, 1, 2, 3, 4, 5, 0, 0, 0, 0]
    assert (tmp_path / "checkpoint_input").is_file()
    assert {path.name for path in tmp_path.glob("input.ckpt-*.index")} >= {
        f"input.ckpt-{step}.index" for step in (0, 3, 6)
    }


def test_an_iterator_is_saved_and_restored(tmp_path: Path) -> None:
    iterator = v1.data.make_initializable_iterator(Range(10).shuffle(1))
    following = iterator.get_next()
    saver = v1.train.Saver([data.make_saveable_from_iterator(iterator)])
    with v1.Session() as session:
        session.run(iterator.initializer)
        session.run(following)
        path = saver.save(session, str(tmp_path / "i"))
        assert [session.run(following) for _ in range(2)] == [1, 2]
        saver.restore(session, path)
        assert session.run(following) == 1


def test_devices() -> None:
    assert lists(Range(3).apply(data.copy_to_device("/cpu:0"))) == [0, 1, 2]
    iterator = v1.data.make_initializable_iterator(
        Range(3).apply(data.prefetch_to_device("/cpu:0"))
    )
    maybe = data.get_next_as_optional(iterator)
    assert isinstance(maybe, data.Optional)
    following = maybe.get_value()
    with v1.Session() as session:
        session.run(iterator.initializer)
        assert session.run(following) == 0


def test_random_dataset_follows_its_seed() -> None:
    numbers = lists(data.RandomDataset(5), 3)
    assert numbers == lists(data.RandomDataset(5), 3)
    assert len(set(itertools.chain(numbers, lists(data.RandomDataset(6), 3)))) == 6


def test_statistics_are_explained() -> None:
    with pytest.raises(AttributeError, match="gathers no statistics"):
        _ = data.StatsAggregator
