from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1

signal = contrib.signal
stateless = contrib.stateless
util = contrib.util


def test_frames_and_their_sum() -> None:
    frames = signal.frame(tf.range(5.0), 2, 1)
    assert run(frames).tolist() == [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    assert run(signal.overlap_and_add(frames, 1)).tolist() == [0.0, 2.0, 4.0, 6.0, 4.0]


def test_short_time_fourier_transform_and_back() -> None:
    x = np.random.default_rng(0).normal(size=64).astype(np.float32)
    transformed = signal.stft(tf.constant(x), 16, 4)
    window = np.hanning(17)[:16]
    expected = np.fft.rfft(np.stack([x[i : i + 16] * window for i in range(0, 49, 4)]))
    back = signal.inverse_stft(transformed, 16, 4, window_fn=signal.inverse_stft_window_fn(4))
    found, found_back = run([transformed, back])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(found_back[16:48], x[16:48], atol=1e-4)
    assert run(signal.hamming_window(4)).tolist() == pytest.approx([0.08, 0.54, 1.0, 0.54])


def test_mel_features() -> None:
    matrix = signal.linear_to_mel_weight_matrix(10, 65, 8000)
    assert matrix.shape.as_list() == [65, 10]
    assert signal.mfccs_from_log_mel_spectrograms(tf.ones([3, 10])).shape.as_list() == [3, 10]


def test_numbers_follow_from_seeds_as_in_tensorflow_1() -> None:
    """As TensorFlow 1.15.5 draws them."""
    found = run(
        [
            stateless.stateless_random_uniform([3], [1, 2]),
            stateless.stateless_random_normal([3], [1, 2], 1.0, 2.0),
            stateless.stateless_truncated_normal([3], [1, 2]),
            stateless.stateless_multinomial([[0.0, 1.0, 2.0]], 4, [1, 2])[0],
            stateless.stateless_random_uniform([4], [1, 2], 0, 10, tf.int32),
        ]
    )
    expected: Any = [
        [0.8441, 0.192, 0.9962],
        [2.0882, 1.4148, 1.1471],
        [0.5441, 0.2074, 0.0736],
        [2, 2, 1, 2],
        [0, 9, 4, 9],
    ]
    for part, numbers in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, numbers, atol=1e-4)


def test_tensors_in_protocol_buffers() -> None:
    proto = util.make_tensor_proto([[1, 2]], dtype=tf.int64)
    assert util.make_ndarray(proto).tolist() == [[1, 2]]
    assert util.constant_value(tf.constant([3])).tolist() == [3]
    assert util.constant_value(v1.placeholder(tf.int32)) is None


def test_operators_of_a_graph() -> None:
    tf.add(tf.constant(1), 2)
    graph_def = v1.get_default_graph().as_graph_def()
    used = {"AddV2", "Const"}
    assert set(util.ops_used_by_graph_def(graph_def)) == used
    assert {op.name for op in util.stripped_op_list_for_graph(graph_def).op} == used
    with pytest.raises(AttributeError, match=r"use tf\.load_op_library"):
        _ = util.loader


@pytest.mark.parametrize(("resource", "shape"), [(False, []), (True, [1])])
def test_strings_of_a_list_in_turn(resource: bool, shape: list[int]) -> None:
    """As TensorFlow 1.15.5 starts at -1 and begins again."""
    with v1.variable_scope("", use_resource=resource):
        counter = v1.get_variable("c", initializer=tf.fill(shape, tf.constant(-1, tf.int64)))
    following = contrib.input_pipeline.obtain_next(tf.constant(["a", "b"]), counter)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        assert [session.run(following) for _ in range(3)] == [b"a", b"b", b"a"]


def test_keras_is_tf_keras() -> None:
    keras = contrib.keras
    assert keras.layers.Dense is v1.keras.layers.Dense
    for name in keras.__all__:
        assert getattr(keras, name) is getattr(v1.keras, name)
    model = keras.models.Sequential([keras.layers.Dense(2, input_shape=(3,))])
    assert model(tf.ones([1, 3])).shape.as_list() == [1, 2]
    with pytest.raises(AttributeError, match="scikeras"):
        _ = keras.wrappers


def test_names_that_tensorflow_kept_elsewhere() -> None:
    encoded = contrib.proto.encode_proto(
        [[1]], [tf.constant([["x"]])], ["dtype"], "tensorflow.NodeDef"
    )
    assert encoded.dtype == tf.string
    assert contrib.proto.decode_proto is tf.io.decode_proto
    area = contrib.staging.StagingArea([tf.int32])
    put = area.put([tf.constant(3)])
    taken = area.get()
    with v1.Session() as session:
        session.run(put)
        assert session.run(taken) == [3]

    double = contrib.batching.batch_function(1, 2, 100)(lambda x: x * 2)
    assert run(double(tf.constant([1, 2]))).tolist() == [2, 4]
    with contrib.compiler.jit.experimental_jit_scope():
        compiled = tf.constant(1) + 1
    assert compiled.op.get_attr("_XlaCompile")
    assert run(compiled) == 2
    assert contrib.tfprof.model_analyzer.profile
    with pytest.raises(AttributeError, match="ProfilerHook"):
        _ = contrib.tfprof.ProfileContext


def test_a_missing_package_says_what_to_use() -> None:
    with pytest.raises(AttributeError, match="distributions is not supplied; install tensorflow-p"):
        _ = contrib.distributions
    supplied = {name for name in contrib.NOT_SUPPLIED if hasattr(contrib, name)}
    assert not supplied
