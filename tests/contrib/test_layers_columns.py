from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1.contrib import layers
from tests.contrib.fixed_weights import run_fixed, variables
from tests.contrib.running import run

v1 = tf.compat.v1
KEY = layers.SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY


def _sparse(rows: list[list[Any]]) -> Any:
    cells = [(row, column) for row, values in enumerate(rows) for column in range(len(values))]
    return tf.SparseTensor(
        cells, [value for values in rows for value in values], [len(rows), max(map(len, rows))]
    )


def features() -> dict[str, Any]:
    return {
        "a": _sparse([["x", "y"], ["z"], []]),
        "b": tf.constant([["u"], ["v"], [""]]),
        "n": tf.constant([[1.0], [5.0], [-2.0]]),
        "m": tf.constant([[1, 2], [3, 4], [5, 6]]),
        "i": _sparse([[1, 12], [7], [3]]),
        "w": _sparse([[0.5, 2.0], [3.0], []]),
        "di": tf.constant([[3], [14], [-1]], tf.int64),
    }


@pytest.fixture
def columns(tmp_path: Path) -> dict[str, Any]:
    vocabulary = tmp_path / "vocabulary"
    vocabulary.write_text("x\ny\nz\n")
    a = layers.sparse_column_with_hash_bucket("a", 10)
    b = layers.sparse_column_with_keys("b", ["u", "v", "w"])
    n = layers.real_valued_column("n")
    i = layers.sparse_column_with_integerized_feature("i", 10, combiner="mean")
    bucketized = layers.bucketized_column(n, [0.0, 2.0, 2.0, 4.0])
    a_b = layers.crossed_column([a, b], 20, hash_key=KEY)
    return {
        "a": a,
        "b": b,
        "n": n,
        "m": layers.real_valued_column("m", 2, dtype=tf.int32, normalizer=lambda x: x * 2),
        "i": i,
        "file": layers.sparse_column_with_vocabulary_file(
            "a", str(vocabulary), vocab_size=3, num_oov_buckets=2
        ),
        "di": layers.sparse_column_with_integerized_feature("di", 5),
        "bucketized": bucketized,
        "bucketized m": layers.bucketized_column(layers.real_valued_column("m", 2), [2.0, 4.0]),
        "weighted": layers.weighted_sparse_column(a, "w"),
        "a_b": a_b,
        "i_n": layers.crossed_column([i, bucketized], 20, hash_key=7),
        "a_b_i": layers.crossed_column([a_b, i], 30, hash_key=5),
    }


def test_an_input_layer_has_the_order_names_and_numbers_of_tensorflow_1(
    columns: dict[str, Any],
) -> None:
    output = layers.input_from_feature_columns(
        features(),
        [
            layers.embedding_column(columns["a"], 3),
            layers.embedding_column(columns["b"], 2, combiner="sum"),
            layers.embedding_column(columns["i"], 2, combiner="sqrtn", max_norm=1.0),
            layers.embedding_column(columns["weighted"], 2),
            columns["n"],
            columns["bucketized"],
            columns["bucketized m"],
            layers.embedding_column(columns["file"], 2, trainable=False),
            layers.embedding_column(columns["di"], 2),
        ],
    )
    scope = "input_from_feature_columns"
    assert list(variables().items()) == [
        (f"{scope}/a_embedding/weights", [10, 3]),
        (f"{scope}/di_embedding/weights", [5, 2]),
        (f"{scope}/i_embedding/weights", [10, 2]),
        (f"{scope}/b_embedding/weights", [3, 2]),
        (f"{scope}/a_embedding_1/weights", [5, 2]),
        (f"{scope}/a_weighted_by_w_embedding/weights", [10, 2]),
    ]
    assert len(v1.get_collection("model_variables")) == 6
    trainable = [variable.op.name for variable in v1.trainable_variables()]
    assert trainable == [name for name in variables() if "_1" not in name]
    first, second, third = run_fixed(output)
    # as TensorFlow 1.15.5 computes
    np.testing.assert_array_equal(first[:10], [1, 0, 0, 0, 1, 0, 0, 1, 0, 0])
    expected = [0.88976, 1.26773, 0.58971, 0.31041, 0.96374, 0.90823, 0.88771, 0.87056, 0.30004]
    np.testing.assert_allclose(first[10:19], expected, atol=2e-5)
    np.testing.assert_allclose(first[19:], [0.83548, 0.7421, 0.70057, 0.44429, 1.0], atol=2e-5)
    np.testing.assert_allclose(second[-3:], [0.54911, 0.40344, 5.0], atol=2e-5)
    np.testing.assert_allclose(third[15:17], [0.43478, 0.90054], atol=2e-5)


def test_crosses_hash_as_tensorflow_1_does(columns: dict[str, Any]) -> None:
    embedded = [layers.embedding_column(columns[k], 2) for k in ("a_b_i", "i_n")]
    embedded.append(layers.embedding_column(columns["a_b"], 3))
    rows = run_fixed(layers.input_from_feature_columns(features(), embedded))
    assert [name.split("/")[1] for name in variables()] == [
        "a_X_b_X_i_embedding",
        "a_X_b_embedding",
        "i_X_n_bucketized_embedding",
    ]
    # as TensorFlow 1.15.5 computes
    np.testing.assert_allclose(rows[0][:5], [0.76232, 0.39434, 0.70785, 0.7702, 0.89983], atol=2e-5)
    np.testing.assert_allclose(rows[1][:5], [0.48026, 0.45999, 0.31041, 0.96374, 1.2474], atol=2e-5)
    np.testing.assert_array_equal(rows[2][:5], np.zeros(5))


def test_a_cross_without_key_warns(
    columns: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(v1.logging, "warning", said.append)
    layers.crossed_column([columns["a"], columns["b"]], 20)
    assert "do not load" in said[0]


def test_a_linear_model_has_the_names_and_numbers_of_tensorflow_1(columns: dict[str, Any]) -> None:
    keys = ["a", "b", "n", "m", "bucketized", "weighted", "a_b", "i_n", "i", "file"]
    chosen = [*(columns[key] for key in keys), columns["bucketized m"]]
    output, column_to_variable, bias = layers.weighted_sum_from_feature_columns(
        features(), chosen, 2
    )
    assert [name.removeprefix("weighted_sum_from_feature_columns/") for name in variables()] == [
        "m_bucketized/weights",
        "n_bucketized/weights",
        "a_X_b/weights",
        "i_X_n_bucketized/weights",
        "m/weight",
        "n/weight",
        "a/weights",
        "i/weights",
        "b/weights",
        "a_1/weights",
        "a_weighted_by_w/weights",
        "bias_weight",
    ]
    assert bias.op.name.endswith("bias_weight")
    assert column_to_variable[columns["n"]][0].shape == [1, 2]
    # as TensorFlow 1.15.5 computes
    expected = [[19.82823, 19.26707], [23.01651, 25.01142], [23.01228, 20.3301]]
    np.testing.assert_allclose(run_fixed(output), expected, rtol=1e-5)


def test_a_joint_linear_model_adds_the_weights_of_all_columns(columns: dict[str, Any]) -> None:
    output, weights, bias = layers.joint_weighted_sum_from_feature_columns(
        features(), [columns["b"], columns["bucketized"]], 1
    )
    scope = "joint_weighted_sum_from_feature_columns"
    assert variables() == {f"{scope}/linear_weights/weights": [7, 1], f"{scope}/bias_weight": [1]}
    total, table, offset = run_fixed([output, weights[0], bias])
    # Four ranges of n, in 1, 3 and 0; then the keys: u, v and none.
    ids = [[1, 4], [3, 5], [0]]
    np.testing.assert_allclose(total[:, 0], [table[i, 0].sum() + offset[0] for i in ids])
    with pytest.raises(ValueError, match="joint sum"):
        layers.joint_weighted_sum_from_feature_columns(features(), [columns["n"]], 1)


def test_one_hot_columns_count(columns: dict[str, Any]) -> None:
    chosen = [layers.one_hot_column(columns[key]) for key in ("di", "b")]
    assert [column.name for column in chosen] == ["di_one_hot", "b_one_hot"]
    rows = run(layers.input_from_feature_columns(features(), chosen))
    # di modulo 5, of which -1 is none; then the position in the list.
    np.testing.assert_array_equal(np.argwhere(rows), [[0, 3], [0, 5], [1, 4], [1, 6]])


def test_embeddings_start_within_the_spread_of_tensorflow_1() -> None:
    """It is 1/sqrt(number of ids); that of `tf.feature_column` is 1/sqrt(dimension)."""
    column = layers.embedding_column(layers.sparse_column_with_hash_bucket("a", 2500), 4)
    layers.input_from_feature_columns(features(), [column])
    table = run(v1.trainable_variables()[0])
    # A normal distribution that is cut at two deviations has 0.88 of its deviation.
    assert table.std() == pytest.approx(0.88 / 50, rel=0.03)


def test_shared_embeddings_are_one_variable(columns: dict[str, Any]) -> None:
    other = layers.sparse_column_with_integerized_feature("di", 10)
    shared = layers.shared_embedding_columns([columns["i"], other], 3)
    output = run_fixed(layers.input_from_feature_columns(features(), shared))
    assert variables() == {
        "input_from_feature_columns/di_shared_embedding/di_i_shared_embedding": [10, 3]
    }
    # as TensorFlow 1.15.5 computes
    expected = [0.99837, 0.3193, 0.7255, 0.39358, 0.76899, 1.21441]
    np.testing.assert_allclose(output[0], expected, atol=2e-5)


def test_embeddings_start_from_a_checkpoint(tmp_path: Path) -> None:
    with tf.Graph().as_default():
        v1.get_variable("table", initializer=np.arange(10.0, dtype="f").reshape(5, 2))
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            v1.train.Saver().save(session, str(tmp_path / "model"))
    ids = layers.sparse_column_with_integerized_feature("di", 5)
    column = layers.embedding_column(
        ids, 2, ckpt_to_load_from=str(tmp_path), tensor_name_in_ckpt="table"
    )
    rows = run(layers.input_from_feature_columns(features(), [column]))
    np.testing.assert_array_equal(rows, [[6, 7], [8, 9], [0, 0]])


def test_features_by_column_and_from_examples(columns: dict[str, Any]) -> None:
    chosen = [columns[key] for key in ("n", "b", "bucketized", "i")]
    transformed = layers.transform_features(features(), chosen)
    computed = run({column.name: value for column, value in transformed.items()})
    np.testing.assert_array_equal(computed["b"].values, [0, 1])
    np.testing.assert_array_equal(computed["n_bucketized"], [[1], [3], [0]])
    np.testing.assert_array_equal(computed["i"].values, [1, 2, 7, 3])

    example = tf.train.Example()
    example.features.feature["n"].float_list.value.append(3.0)
    example.features.feature["a"].bytes_list.value.extend([b"x", b"q"])
    parsed = layers.parse_feature_columns_from_examples(
        [example.SerializeToString()], [columns["n"], columns["file"]]
    )
    ids, raw, number = run([parsed[columns["file"]], parsed["a"], parsed[columns["n"]]])
    assert ids.values[0] == 0
    assert ids.values[1] in {3, 4}
    assert list(raw.values) == [b"x", b"q"]
    assert number == [[3.0]]


def test_specs_and_placeholders(columns: dict[str, Any]) -> None:
    chosen = [columns["m"], columns["weighted"], columns["i_n"]]
    spec = layers.create_feature_spec_for_parsing(chosen)
    assert spec == {
        "m": tf.io.FixedLenFeature((2,), tf.int32),
        "a": tf.io.VarLenFeature(tf.string),
        "w": tf.io.VarLenFeature(tf.float32),
        "i": tf.io.VarLenFeature(tf.int64),
        "n": tf.io.FixedLenFeature((1,), tf.float32),
    }
    placeholders = layers.make_place_holder_tensors_for_base_features(chosen)
    assert placeholders["m"].shape.as_list() == [None, 2]
    assert isinstance(placeholders["a"], tf.SparseTensor)


def test_real_valued_columns_are_inferred() -> None:
    inferred = layers.infer_real_valued_columns({"p": tf.ones([3, 2]), "q": tf.ones([3, 4, 5])})
    assert [(column.name, column.dimension) for column in inferred] == [("p", 2), ("q", 20)]
    with pytest.raises(ValueError, match="auto detection"):
        layers.infer_real_valued_columns(tf.constant(["text"]))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda c: layers.input_from_feature_columns(features(), [c["a"]]), "embedding_column"),
        (lambda c: layers.input_from_feature_columns(features(), [c["n"], c["n"]]), "Duplicate"),
        (
            lambda c: layers.weighted_sum_from_feature_columns(
                features(), [layers.embedding_column(c["a"], 2)], 1
            ),
            "a_embedding",
        ),
        (lambda _: layers.sparse_column_with_hash_bucket("a", 5, hash_keys=[[1, 2]]), "hash_keys"),
        (lambda _: layers.sparse_column_with_vocabulary_file("a", "file"), "vocab_size"),
        (lambda c: layers.crossed_column([c["a"]], 5), "at least 2"),
        (lambda c: layers.bucketized_column(c["n"], [2.0, 1.0]), "sorted"),
    ],
)
def test_what_tensorflow_1_refuses_is_refused(
    columns: dict[str, Any], build: Callable[[dict[str, Any]], Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build(columns)


def test_columns_of_tf_feature_column_are_refused() -> None:
    with pytest.raises(TypeError, match=r"tf\.contrib\.layers"):
        layers.input_from_feature_columns(features(), [tf.feature_column.numeric_column("n")])


def test_estimators_take_these_columns_and_name_their_weights_as_tensorflow_1(
    tmp_path: Path, columns: dict[str, Any]
) -> None:
    shared = layers.shared_embedding_columns([columns["i"]], 2, shared_embedding_name="table")
    deep = [
        layers.embedding_column(columns["a"], 2),
        layers.one_hot_column(columns["b"]),
        columns["n"],
    ]
    labels = [[0], [1], [1]]
    for name, dnn_columns in (("new", deep), ("old", [*deep, *shared])):
        estimator = tf.compat.v1.estimator.DNNLinearCombinedClassifier(
            str(tmp_path / name),
            linear_feature_columns=[columns["a"], columns["a_b"], columns["i_n"]],
            dnn_feature_columns=dnn_columns,
            dnn_hidden_units=[2],
        )
        estimator.train(lambda: (features(), tf.constant(labels)), steps=2)
        names = set(estimator.get_variable_names())
        layer = "dnn/input_from_feature_columns/input_layer"
        # as TensorFlow 1.15.5 names them
        assert f"{layer}/a_embedding/weights" in names
        assert "linear/linear_model/a_X_b/weights" in names
        assert (f"{layer}/i_shared_embedding/table" in names) == (name == "old")
