from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1
lookup = contrib.lookup

WORDS = ["emerson", "lake", "palmer"]
# As TensorFlow 1.15.5 puts "and", "or", "not", "xor" into five buckets.
FAST = [5, 3, 6, 6]
STRONG = [5, 4, 6, 4]


@pytest.fixture
def vocabulary(tmp_path: Path) -> str:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(WORDS) + "\n")
    return str(path)


def tables() -> list[Any]:
    found: list[Any] = v1.get_collection(v1.GraphKeys.TABLE_INITIALIZERS)
    return found


def test_index_table_from_tensor() -> None:
    table = lookup.index_table_from_tensor(mapping=tf.constant(WORDS), default_value=-7)
    assert len(tables()) == 1
    assert run(table.lookup(tf.constant(["lake", "and"]))).tolist() == [1, -7]
    assert run(table.size()) == 3
    assert table.initializer is tables()[0]
    bucketed = lookup.index_table_from_tensor(WORDS, 1)
    assert run(bucketed.lookup(tf.constant(["emerson", "lake", "and", "palmer"]))).tolist() == [
        0,
        1,
        3,
        2,
    ]
    assert bucketed.init is tables()[1]


def test_words_out_of_vocabulary_hash_into_the_same_buckets() -> None:
    """As TensorFlow 1.15.5 computes: embeddings in its checkpoints depend on it."""
    words = tf.constant(["and", "or", "not", "xor"])
    fast = lookup.index_table_from_tensor(WORDS, 5)
    assert run(fast.lookup(words)).tolist() == FAST
    strong = lookup.index_table_from_tensor(WORDS, 5, hasher_spec=lookup.StrongHashSpec([1, 2]))
    assert run(strong.lookup(words)).tolist() == STRONG


def test_tables_from_files(vocabulary: str) -> None:
    words = tf.constant(["lake", "and"])
    table = lookup.index_table_from_file(vocabulary, default_value=-2)
    old = lookup.string_to_index_table_from_file(vocabulary, 1, 2)
    back = lookup.index_to_string_table_from_file(vocabulary, default_value="?")
    assets = v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)
    assert len(tables()) == len(assets) == 3
    found = run(
        [table.lookup(words), old.lookup(words), back.lookup(tf.constant([1, 9], tf.int64))]
    )
    assert [part.tolist() for part in found] == [[1, -2], [1, 2], [b"lake", b"?"]]


def test_the_old_names() -> None:
    words = tf.constant(["lake", "and"])
    ids = tf.constant([1, 9], tf.int64)
    old = lookup.string_to_index_table_from_tensor(WORDS, 0, -3)
    found = run(
        [
            lookup.string_to_index(words, WORDS),
            lookup.index_to_string(ids, WORDS),
            lookup.index_to_string_table_from_tensor(WORDS, "?").lookup(ids),
            old.lookup(words),
        ]
    )
    assert [part.tolist() for part in found] == [
        [1, -1],
        [b"lake", b"UNK"],
        [b"lake", b"?"],
        [1, -3],
    ]
    with pytest.raises(ValueError, match="must hold strings, not int32"):
        lookup.string_to_index_table_from_tensor([1, 2])
    for make in (lookup.index_table_from_tensor, lookup.index_to_string_table_from_tensor):
        with pytest.raises(ValueError, match="mapping is None"):
            make(None)


def test_hash_table_is_initialized_with_the_others_and_can_be_shared() -> None:
    initializer = lookup.KeyValueTensorInitializer(["a", "b"], np.array([4, 5], np.int64))
    table = lookup.HashTable(initializer, -1, shared_name="shared", name="table")
    assert table.init is table.initializer is tables()[0]
    assert table.name == "table"
    assert table.resource_handle.op.get_attr("shared_name") == b"shared"
    other = lookup.HashTable(initializer, -1)
    assert other.resource_handle.op.get_attr("shared_name") not in (b"", b"shared")
    keys, values = table.export()
    found, keys_found, values_found = run([table.lookup(tf.constant(["b", "c"])), keys, values])
    assert found.tolist() == [5, -1]
    assert dict(zip(keys_found, values_found, strict=True)) == {b"a": 4, b"b": 5}


def test_mutable_tables_change_and_are_in_checkpoints(tmp_path: Path) -> None:
    table = lookup.MutableHashTable(tf.string, tf.int64, -1, name="counts")
    dense = lookup.MutableDenseHashTable(tf.int64, tf.int64, -1, empty_key=-1, deleted_key=-2)
    keys, ids = tf.constant(["a"]), tf.constant([3], tf.int64)
    inserts = [table.insert(keys, [8]), dense.insert(ids, [9])]
    lookups = [table.lookup(keys), dense.lookup(ids)]
    saver = v1.train.Saver(v1.get_collection(v1.GraphKeys.SAVEABLE_OBJECTS))
    with v1.Session() as session:
        session.run(inserts)
        assert [found.tolist() for found in session.run(lookups)] == [[8], [9]]
        path = saver.save(session, str(tmp_path / "t"))
    with v1.Session() as session:
        saver.restore(session, path)
        assert [found.tolist() for found in session.run(lookups)] == [[8], [9]]
    names = {name for name, _ in tf.train.list_variables(path)}
    assert names >= {"counts-keys", "counts-values"}  # as TensorFlow 1.15.5 names them


def test_ids_with_buckets(vocabulary: str) -> None:
    table = lookup.HashTable(lookup.TextFileIdTableInitializer(vocabulary), -1)
    bucketed = lookup.IdTableWithHashBuckets(
        table, 5, hasher_spec=lookup.FastHashSpec, name="buckets"
    )
    assert run(bucketed.lookup(tf.constant(["palmer", "and"]))).tolist() == [2, FAST[0]]
    strings = lookup.HashTable(lookup.TextFileStringTableInitializer(vocabulary), "?")
    assert run(strings.lookup(tf.constant([0], tf.int64))).tolist() == [b"emerson"]
    whole_lines = lookup.TextFileInitializer(
        vocabulary,
        tf.string,
        lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        lookup.TextFileIndex.LINE_NUMBER,
    )
    assert isinstance(whole_lines, lookup.TableInitializerBase)


def test_a_saved_model_carries_its_vocabulary(vocabulary: str, tmp_path: Path) -> None:
    """The vocabulary file is gone when the model is served."""
    from tensorflow_estimator._api.v1 import estimator

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        table = lookup.index_table_from_file(vocabulary, num_oov_buckets=1)
        ids = table.lookup(features["word"])
        weights = v1.get_variable("weights", [4], initializer=v1.ones_initializer())
        scores = tf.gather(weights, ids)
        step = v1.train.get_or_create_global_step()
        loss = tf.reduce_sum(scores)
        train_op = v1.train.GradientDescentOptimizer(0.5).minimize(loss, step)
        return estimator.EstimatorSpec(
            mode, {"id": ids, "score": scores}, loss=loss, train_op=train_op
        )

    def serve() -> Any:
        words = v1.placeholder(tf.string, [None])
        return estimator.export.ServingInputReceiver({"word": words}, words)

    def input_fn() -> Any:
        return v1.data.Dataset.from_tensors(({"word": ["lake", "and"]}, [0, 0]))

    trained = estimator.Estimator(model_fn, str(tmp_path / "job")).train(input_fn, steps=1)
    export_dir = trained.export_saved_model(str(tmp_path / "export"), serve).decode()
    assert [path.name for path in Path(export_dir, "assets").iterdir()] == ["words.txt"]
    Path(vocabulary).unlink()
    with tf.Graph().as_default(), v1.Session() as session:
        model = v1.saved_model.load(session, ["serve"], export_dir)
        signature = model.signature_def["serving_default"]
        fetches = {name: info.name for name, info in signature.outputs.items()}
        (word,) = signature.inputs.values()
        found = session.run(fetches, {word.name: ["palmer", "and", "lake"]})
    assert found["id"].tolist() == [2, 3, 1]
    assert found["score"].tolist() == [1.0, 0.5, 0.5]
