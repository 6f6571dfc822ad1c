from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib import rnn_cases
from tests.contrib.running import run

# As TensorFlow 1.15.5 computes: see rnn_cases.py.
TENSORFLOW_1 = json.loads(Path(__file__).with_name("rnn_of_tensorflow1.json").read_text())
pytestmark = pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning")


@pytest.mark.parametrize("name", TENSORFLOW_1)
def test_network_is_that_of_tensorflow_1(name: str) -> None:
    """Variables, outputs and gradients."""
    measured = rnn_cases.measure(rnn_cases.networks(contrib.rnn)[name])
    expected = TENSORFLOW_1[name]
    assert measured["variables"] == expected["variables"]
    np.testing.assert_allclose(measured["outputs"], expected["outputs"], rtol=1e-4, atol=2e-6)
    np.testing.assert_allclose(measured["gradients"], expected["gradients"], rtol=1e-3, atol=2e-5)


def test_every_network_has_its_numbers() -> None:
    assert sorted(rnn_cases.networks(contrib.rnn)) == sorted(TENSORFLOW_1)


def test_cells_of_the_core_are_those_of_tf_nn() -> None:
    core = tf.compat.v1.nn.rnn_cell
    for name in dir(core):
        if not name.startswith("_"):
            assert getattr(contrib.rnn, name) is getattr(core, name)
    assert issubclass(contrib.rnn.LSTMBlockCell, contrib.rnn.LayerRNNCell)
    assert contrib.rnn.static_rnn is tf.compat.v1.nn.static_rnn


def test_users_cells_find_the_private_linear() -> None:
    parts = [tf.constant(rnn_cases.wave(2, 3)), tf.constant(rnn_cases.wave(2, 1))]
    half, ones = tf.compat.v1.constant_initializer(0.5), tf.compat.v1.ones_initializer()
    with tf.compat.v1.variable_scope("mine"):
        product = contrib.rnn._linear(parts, 2, True, half, ones)
    with tf.compat.v1.variable_scope("other"):
        linear = contrib.rnn._Linear(parts, 2, False, kernel_initializer=ones)
        assert linear(parts).shape == [2, 2]
    expected = rnn_cases.wave(2, 3).sum(1) + rnn_cases.wave(2, 1).sum(1) + 0.5
    np.testing.assert_allclose(run(product), np.stack([expected] * 2, 1), rtol=1e-5)
    names = [variable.op.name for variable in tf.compat.v1.global_variables()]
    assert names == ["mine/kernel", "mine/bias", "other/kernel"]


def test_static_rnn_shares_weights_between_steps() -> None:
    """Every step but the first finds the variables that the first made."""
    rnn = contrib.rnn
    steps = tf.unstack(tf.constant(rnn_cases.wave(3, 2, 4)))
    for number, cell in enumerate(
        [rnn.UGRNNCell(2), rnn.HighwayWrapper(rnn.GRUCell(4)), rnn.GLSTMCell(4)]
    ):
        before = len(tf.compat.v1.global_variables())
        with tf.compat.v1.variable_scope(f"network_{number}"):
            outputs, _ = rnn.static_rnn(cell, steps, dtype=tf.float32)
        made = tf.compat.v1.global_variables()[before:]
        assert len(outputs) == 3
        assert len({variable.name for variable in made}) == len(made)
        assert all(g is not None for g in tf.compat.v1.gradients(outputs[-1], made))


def test_recurrent_dropout_drops_the_new_input_only() -> None:
    """All is dropped but a thousandth: the state is what the forget gate keeps of it."""
    cell = contrib.rnn.LayerNormBasicLSTMCell(
        64, layer_norm=False, dropout_keep_prob=tf.constant(1e-3), forget_bias=0.0
    )
    state = contrib.rnn.LSTMStateTuple(tf.ones([8, 64]), tf.zeros([8, 64]))
    with tf.compat.v1.variable_scope("scope", initializer=tf.compat.v1.zeros_initializer()):
        _, (kept, _) = cell(tf.ones([8, 2]), state)
    assert np.isclose(run(kept), 0.5).mean() > 0.95


def test_phased_cell_takes_times_of_double_precision() -> None:
    times = tf.constant([[[1e9], [1e9 + 0.25]]], tf.float64)
    features = tf.ones([1, 2, 3])
    cell = contrib.rnn.PhasedLSTMCell(4, trainable_ratio_on=False)
    outputs, _ = tf.compat.v1.nn.dynamic_rnn(cell, (times, features), dtype=tf.float32)
    values = run({"outputs": outputs, "variables": tf.compat.v1.global_variables()})
    assert outputs.dtype == tf.float32
    assert np.all(np.isfinite(values["outputs"]))
    rhythm = {
        variable.op.name.rpartition("/")[2]: value
        for variable, value in zip(
            tf.compat.v1.global_variables(), values["variables"], strict=True
        )
    }
    assert np.all((rhythm["period"] >= 1) & (rhythm["period"] <= 1000))
    assert np.all((rhythm["phase"] >= 0) & (rhythm["phase"] <= rhythm["period"]))
    assert "ratio_on" not in {
        v.op.name.rpartition("/")[2] for v in tf.compat.v1.trainable_variables()
    }


def test_fused_cell_keeps_the_initial_state_of_empty_sequences() -> None:
    steps = tf.constant(rnn_cases.wave(3, 2, 4))
    initial = tf.constant(rnn_cases.wave(2, 5)), tf.constant(rnn_cases.wave(2, 5, start=1))
    cell = contrib.rnn.LSTMBlockFusedCell(5)
    outputs, state = cell(steps, initial_state=initial, sequence_length=[0, 2])
    output_values, state_values, initial_values = run((outputs, state, initial))
    assert not output_values[:, 0].any()
    assert not output_values[2].any()
    np.testing.assert_array_equal(state_values.c[0], initial_values[0][0])
    np.testing.assert_array_equal(state_values.h[0], initial_values[1][0])
    np.testing.assert_array_equal(state_values.h[1], output_values[1, 1])


def test_block_cells_read_the_checkpoints_of_plain_ones(tmp_path: Path) -> None:
    """The fused cell too, in the scope of the plain one."""
    v1, rnn = tf.compat.v1, contrib.rnn
    inputs = rnn_cases.wave(3, 2, 4)
    networks: list[Any] = [
        lambda: v1.nn.dynamic_rnn(
            rnn.LSTMCell(5), tf.constant(inputs), dtype=tf.float32, time_major=True
        ),
        lambda: v1.nn.dynamic_rnn(
            rnn.LSTMBlockCell(5), tf.constant(inputs), dtype=tf.float32, time_major=True
        ),
        lambda: rnn.LSTMBlockFusedCell(5, name="rnn/lstm_cell")(
            tf.constant(inputs), dtype=tf.float32
        ),
    ]
    results: list[Any] = []
    for build in networks:
        with tf.Graph().as_default(), v1.Session() as session:
            outputs, _ = build()
            if results:
                v1.train.Saver().restore(session, str(tmp_path / "model"))
            else:
                session.run(v1.global_variables_initializer())
                v1.train.Saver().save(session, str(tmp_path / "model"))
            results.append(session.run(outputs))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rnn: rnn.EmbeddingWrapper(rnn.GRUCell(2), 0, 2), "must be positive"),
        (lambda rnn: rnn.InputProjectionWrapper("cell", 2), "is not an RNNCell"),
        (lambda rnn: rnn.OutputProjectionWrapper(rnn.GRUCell(2), 0), "output_size must be"),
        (lambda rnn: rnn.AttentionCellWrapper(rnn.GRUCell(2), 0), "attn_length must be"),
        (
            lambda rnn: rnn.AttentionCellWrapper(rnn.LSTMCell(2), 1, state_is_tuple=False),
            "state_is_tuple must be True",
        ),
        (lambda rnn: rnn.GRUBlockCell(), "give num_units"),
        (lambda rnn: rnn.GRUBlockCell(2, 2), "give num_units"),
        (lambda rnn: rnn.GLSTMCell(3, number_of_groups=2), "must be divisible"),
        (lambda rnn: rnn.ConvLSTMCell(2, [4, 1], 1, [3]), "conv_ndims=2"),
        (lambda rnn: rnn.GridLSTMCell(2), "give num_frequency_blocks"),
        (
            lambda rnn: rnn.GridLSTMCell(
                2,
                feature_size=1,
                frequency_skip=1,
                num_frequency_blocks=[1],
                start_freqindex_list=[0],
            ),
            "of one length",
        ),
        (lambda rnn: rnn.TimeFreqLSTMCell(2), "give feature_size"),
        (lambda rnn: rnn.stack_bidirectional_rnn([1, 2], [1], []), "cells_bw must be a list of 2"),
        (
            lambda rnn: rnn.stack_bidirectional_dynamic_rnn([1], [1], [], initial_states_fw=2),
            "initial_states_fw must be a list of 1",
        ),
        (
            lambda rnn: rnn_cases.dynamic(rnn.IntersectionRNNCell(3), 4),
            "set num_in_proj to num_units",
        ),
        (lambda rnn: rnn_cases.dynamic(rnn.GLSTMCell(3, number_of_groups=3), 4), "input size"),
        (
            lambda rnn: rnn_cases.dynamic(
                rnn.GridLSTMCell(2, feature_size=2, frequency_skip=1, num_frequency_blocks=[2]), 4
            ),
            "says 2 windows where the input size makes 3",
        ),
    ],
)
def test_mistake_is_named(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make(contrib.rnn)


def test_classifier_of_sequences_learns_in_an_estimator(tmp_path: Path) -> None:
    """Which of the two first inputs was larger, after three more steps."""
    v1, rnn = tf.compat.v1, contrib.rnn

    def model(features: Any, labels: Any, mode: Any) -> Any:
        cell = rnn.MultiRNNCell(
            [rnn.LSTMBlockCell(8), rnn.AttentionCellWrapper(rnn.GRUBlockCellV2(8), 2)]
        )
        outputs, _ = v1.nn.dynamic_rnn(cell, features, dtype=tf.float32)
        logits = outputs[:, -1, :2]
        loss = v1.losses.sparse_softmax_cross_entropy(labels, logits)
        train = v1.train.AdamOptimizer(0.05).minimize(loss, v1.train.get_global_step())
        accuracy = v1.metrics.accuracy(labels, tf.argmax(logits, 1))
        return v1.estimator.EstimatorSpec(
            mode, loss=loss, train_op=train, eval_metric_ops={"accuracy": accuracy}
        )

    def data() -> Any:
        features = np.random.default_rng(0).normal(size=(64, 4, 2)).astype("f")
        labels = (features[:, 0, 0] > features[:, 0, 1]).astype("i")
        return tf.data.Dataset.from_tensors((features, labels)).repeat(60)

    estimator = v1.estimator.Estimator(model, str(tmp_path))
    estimator.train(data, steps=60)
    assert estimator.evaluate(data, steps=1)["accuracy"] > 0.95
