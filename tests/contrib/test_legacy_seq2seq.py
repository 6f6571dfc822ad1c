from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib import seq2seq_cases as cases
from tests.contrib.running import run

v1 = tf.compat.v1
# As TensorFlow 1.15.5 computes: see seq2seq_cases.py.
NUMBERS = Path(__file__).with_name("seq2seq_of_tensorflow1.json").read_text()
TENSORFLOW_1 = json.loads(NUMBERS)["legacy_seq2seq"]
pytestmark = pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning")


@pytest.fixture
def legacy() -> Any:
    return contrib.legacy_seq2seq


@pytest.mark.parametrize("name", TENSORFLOW_1)
def test_model_is_that_of_tensorflow_1(legacy: Any, name: str) -> None:
    """Variables, outputs, states, losses and gradients."""
    measured = cases.measure(cases.legacy_models(legacy)[name])
    expected = TENSORFLOW_1[name]
    for what in ("variables", "shapes", "dtypes"):
        assert measured[what] == expected[what]
    np.testing.assert_allclose(measured["outputs"], expected["outputs"], rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(measured["gradients"], expected["gradients"], rtol=1e-3, atol=2e-4)


def test_every_model_has_its_numbers(legacy: Any) -> None:
    assert sorted(cases.legacy_models(legacy)) == sorted(TENSORFLOW_1)


@pytest.mark.parametrize("model", ["embedded", "tied", "attending", "one to many"])
def test_false_tensor_feeds_what_is_given(legacy: Any, model: str) -> None:
    told = cases.embedding_models(legacy, lambda: tf.constant(value=False))[model]
    measured, expected = cases.measure(told), TENSORFLOW_1[f"{model}, feed given"]
    assert measured["variables"] == expected["variables"]
    np.testing.assert_allclose(measured["outputs"], expected["outputs"], rtol=1e-4, atol=2e-5)


def losses() -> Any:
    """Return lists of logits, targets and weights, and their losses, [time, batch]."""
    logits, weights = cases.wave(3, 2, 4), np.array([[1, 1], [0.5, 0], [2, 0]], "f")
    targets = np.array([[1, 0], [3, 2], [2, 1]])
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    loss = -np.take_along_axis(log_p, targets[..., np.newaxis], -1)[..., 0] * weights
    return [list(map(tf.constant, array)) for array in (logits, targets, weights)], loss, weights


def test_loss_by_example_is_its_formula(legacy: Any) -> None:
    arguments, loss, weights = losses()
    average, total = run(
        [
            legacy.sequence_loss_by_example(*arguments),
            legacy.sequence_loss_by_example(*arguments, average_across_timesteps=False),
        ]
    )
    np.testing.assert_allclose(average, loss.sum(0) / weights.sum(0), rtol=1e-5)
    np.testing.assert_allclose(total, loss.sum(0), rtol=1e-5)


def test_loss_is_its_formula(legacy: Any) -> None:
    arguments, loss, weights = losses()
    average, total = run(
        [
            legacy.sequence_loss(*arguments),
            legacy.sequence_loss(*arguments, average_across_batch=False),
        ]
    )
    by_example = loss.sum(0) / weights.sum(0)
    assert average == pytest.approx(by_example.mean(), rel=1e-5)
    assert total == pytest.approx(by_example.sum(), rel=1e-5)


def test_loss_without_weight_is_zero(legacy: Any) -> None:
    (logits, targets, _), _, _ = losses()
    assert run(legacy.sequence_loss(logits, targets, [tf.zeros([2])] * 3)) == 0


def test_loss_takes_another_loss_by_name(legacy: Any) -> None:
    arguments, _, weights = losses()
    loss = legacy.sequence_loss_by_example(
        *arguments,
        average_across_timesteps=False,
        softmax_loss_function=lambda labels, logits: tf.cast(labels, tf.float32) + 0 * logits[:, 0],
    )
    targets = np.array([[1, 0], [3, 2], [2, 1]])
    np.testing.assert_allclose(run(loss), (targets * weights).sum(0))


def test_lists_of_other_lengths_are_refused(legacy: Any) -> None:
    (logits, targets, weights), _, _ = losses()
    with pytest.raises(ValueError, match="must be the same 3, 3, 2"):
        legacy.sequence_loss(logits, targets[:2], weights)
    with pytest.raises(ValueError, match=r"targets \(1\) must be at least that of last bucket \(2"):
        legacy.model_with_buckets(logits, logits, targets[:1], weights, [(1, 1), (2, 2)], None)


def test_loop_function_makes_the_inputs_after_the_first(legacy: Any) -> None:
    class Double(v1.nn.rnn_cell.RNNCell):  # type: ignore[name-defined]
        state_size = output_size = 1

        def call(self, inputs: Any, state: Any) -> Any:
            return 2 * inputs, state + inputs

    inputs = [tf.constant([[1.0]]), tf.constant([[100.0]]), tf.constant([[100.0]])]
    outputs, state = legacy.rnn_decoder(
        inputs, tf.zeros([1, 1]), Double(), loop_function=lambda previous, step: previous + step
    )
    # 1 -> 2, (2 + 1) -> 6, (6 + 2) -> 16
    values, last = run([outputs, state])
    assert np.ravel(values).tolist() == [2, 6, 16]
    assert last.tolist() == [[1 + 3 + 8]]


def test_attention_of_one_state_reads_it_whole(legacy: Any) -> None:
    """A softmax over one entry is 1, so that the output is linear(cell output, the entry)."""
    memory = tf.constant([[[1.0, -2.0]], [[3.0, 5.0]]])
    cell = v1.nn.rnn_cell.GRUCell(3)
    outputs, _ = legacy.attention_decoder(
        [tf.ones([2, 2])], tf.zeros([2, 3]), memory, cell, output_size=2
    )
    kernel = next(v for v in v1.global_variables() if "AttnOutputProjection/kernel" in v.name)
    # Only the attended entry passes.
    value = np.concatenate([np.zeros((3, 2)), np.eye(2)]).astype("f")
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        kernel.load(value, session)
        np.testing.assert_allclose(session.run(outputs[0]), [[1, -2], [3, 5]], rtol=1e-6)


def test_decoders_refuse(legacy: Any) -> None:
    cell, memory = v1.nn.rnn_cell.GRUCell(3), tf.zeros([2, 4, 5])
    inputs, state = [tf.zeros([2, 3])], tf.zeros([2, 3])
    with pytest.raises(ValueError, match="decoder_inputs is empty"):
        legacy.attention_decoder([], state, memory, cell)
    with pytest.raises(ValueError, match="num_heads is below 1"):
        legacy.attention_decoder(inputs, state, memory, cell, num_heads=0)
    unknown = v1.placeholder(tf.float32, [2, 4, None])
    with pytest.raises(ValueError, match="must be known"):
        legacy.attention_decoder(inputs, state, unknown, cell)
    projection = (tf.zeros([3, 7]), tf.zeros([7]))
    with pytest.raises(ValueError, match="incompatible"):
        legacy.embedding_rnn_decoder(inputs, state, cell, 5, 3, output_projection=projection)
    with pytest.raises(ValueError, match="keys of dec_cells_dict"):
        legacy.one2many_rnn_seq2seq(inputs, {"a": inputs}, cell, {}, 5, {}, 3)
    with pytest.raises(TypeError, match="not an RNNCell"):
        legacy.one2many_rnn_seq2seq(inputs, {}, None, {}, 5, {}, 3)
