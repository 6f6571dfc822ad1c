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
TENSORFLOW_1 = json.loads(Path(__file__).with_name("seq2seq_of_tensorflow1.json").read_text())
pytestmark = pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning")


@pytest.fixture
def seq2seq() -> Any:
    return contrib.seq2seq


@pytest.mark.parametrize("name", TENSORFLOW_1["seq2seq"])
def test_model_is_that_of_tensorflow_1(seq2seq: Any, name: str) -> None:
    """Variables, outputs, lengths, alignments, draws and gradients."""
    measured = cases.measure(cases.models(seq2seq)[name])
    expected = TENSORFLOW_1["seq2seq"][name]
    for what in ("variables", "shapes", "dtypes"):
        assert measured[what] == expected[what]
    np.testing.assert_allclose(measured["outputs"], expected["outputs"], rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(measured["gradients"], expected["gradients"], rtol=1e-3, atol=2e-4)


def test_every_model_has_its_numbers(seq2seq: Any) -> None:
    assert sorted(cases.models(seq2seq)) == sorted(TENSORFLOW_1["seq2seq"])


def test_hardmax_marks_the_first_largest(seq2seq: Any) -> None:
    logits = tf.constant([[1.0, 3.0, 3.0], [-1.0, -2.0, -3.0]])
    assert run(seq2seq.hardmax(logits)).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_safe_cumprod_is_cumprod_and_its_gradient_is_finite_at_zero(seq2seq: Any) -> None:
    x = tf.constant([[0.5, 0.2, 0.9], [0.3, 1.0, 0.1]])
    product = seq2seq.safe_cumprod(x, axis=1, exclusive=True)
    expected = [[1, 0.5, 0.1], [1, 0.3, 0.3]]
    zero = tf.constant([0.0, 0.5])
    gradient = v1.gradients(seq2seq.safe_cumprod(zero), zero)[0]
    values, slope = run([product, gradient])
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert np.isfinite(slope).all()


def monotonic(p: Any, previous: Any) -> Any:
    """The recurrence of https://arxiv.org/abs/1704.00784, equation 8, over one example."""
    attention, q, before = [], 0.0, 0.0
    for chosen, share in zip(p, previous, strict=True):
        q = (1 - before) * q + share
        attention.append(chosen * q)
        before = chosen
    return attention


@pytest.mark.parametrize("mode", ["recursive", "parallel", "hard"])
def test_monotonic_attention_follows_its_recurrence(seq2seq: Any, mode: str) -> None:
    p = np.array([[0.1, 0.7, 0.4, 0.6], [0.9, 0.2, 0.3, 0.5]])
    previous = np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 0.5, 0.5, 0.0]])
    if mode == "hard":
        p = np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0]])
        previous = np.array([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    attention = seq2seq.monotonic_attention(p.astype("f"), previous.astype("f"), mode)
    expected = np.array([monotonic(*pair) for pair in zip(p, previous, strict=True)])
    np.testing.assert_allclose(run(attention), expected, rtol=1e-5, atol=1e-7)


def test_unknown_monotonic_mode_is_refused_when_the_mechanism_is_made(seq2seq: Any) -> None:
    with pytest.raises(ValueError, match="mode is none of"):
        seq2seq.LuongMonotonicAttention(2, tf.zeros([2, 3, 2]), mode="soft")


def test_mechanism_is_refused_a_length_of_zero(seq2seq: Any) -> None:
    lengths = v1.placeholder_with_default([3, 0], [2])
    mechanism = seq2seq.LuongAttention(2, tf.ones([2, 3, 2]), memory_sequence_length=lengths)
    alignments, _ = mechanism(tf.ones([2, 2]), state=None)
    with pytest.raises(tf.errors.InvalidArgumentError, match="greater than zero"):
        run(alignments)


def test_luong_is_refused_a_query_of_another_depth(seq2seq: Any) -> None:
    mechanism = seq2seq.LuongAttention(2, tf.ones([2, 3, 2]))
    with pytest.raises(ValueError, match=r"units: 5.*units: 2"):
        mechanism(tf.ones([2, 5]), state=None)


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ({}, lambda loss, w: (loss * w).sum() / w.sum()),
        ({"average_across_batch": False}, lambda loss, w: (loss * w).sum(1) / w.sum(1)),
        ({"average_across_timesteps": False}, lambda loss, w: (loss * w).sum(0) / w.sum(0)),
        (
            {"average_across_timesteps": False, "average_across_batch": False},
            lambda loss, w: loss * w,
        ),
        (
            {
                "average_across_timesteps": False,
                "average_across_batch": False,
                "sum_over_timesteps": True,
                "sum_over_batch": True,
            },
            lambda loss, w: (loss * w).sum() / (w != 0).sum(),
        ),
        (
            {
                "average_across_timesteps": False,
                "average_across_batch": False,
                "sum_over_timesteps": True,
            },
            lambda loss, w: (loss * w).sum(1) / (w != 0).sum(1),
        ),
        (
            {
                "average_across_timesteps": False,
                "average_across_batch": False,
                "sum_over_batch": True,
            },
            lambda loss, w: (loss * w).sum(0) / (w != 0).sum(0),
        ),
    ],
)
def test_sequence_loss_is_its_formula(seq2seq: Any, reduction: Any, expected: Any) -> None:
    logits, targets = cases.wave(2, 3, 4), np.array([[1, 0, 3], [2, 2, 1]])
    weights = np.array([[1.0, 0.5, 1.0], [2.0, 1.0, 0.0]], "f")
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    loss = -np.take_along_axis(log_p, targets[..., np.newaxis], -1)[..., 0]
    if not reduction.get("average_across_timesteps", True):
        weights[:, 2] = [0.5, 1.0]
    made = seq2seq.sequence_loss(
        tf.constant(logits), tf.constant(targets), tf.constant(weights), **reduction
    )
    np.testing.assert_allclose(run(made), expected(loss, weights), rtol=1e-5)


def test_sequence_loss_without_weight_is_zero(seq2seq: Any) -> None:
    loss = seq2seq.sequence_loss(tf.ones([2, 3, 4]), tf.ones([2, 3], tf.int32), tf.zeros([2, 3]))
    assert run(loss) == 0.0


def test_sequence_loss_takes_another_loss_by_name(seq2seq: Any) -> None:
    def half(*, labels: Any, logits: Any) -> Any:
        return 0.5 * tf.ones_like(labels, tf.float32)

    targets = tf.ones([2, 3], tf.int32)
    loss = seq2seq.sequence_loss(
        tf.ones([2, 3, 4]), targets, tf.ones([2, 3]), softmax_loss_function=half
    )
    assert run(loss) == 0.5


def test_sequence_loss_cannot_average_and_sum_over_the_same(seq2seq: Any) -> None:
    with pytest.raises(ValueError, match="same time"):
        seq2seq.sequence_loss(
            tf.ones([2, 3, 4]), tf.ones([2, 3], tf.int32), tf.ones([2, 3]), sum_over_batch=True
        )
    with pytest.raises(ValueError, match="Targets"):
        seq2seq.sequence_loss(tf.ones([2, 3, 4]), tf.ones([2], tf.int32), tf.ones([2, 3]))


def test_tile_batch_repeats_each_example_in_place(seq2seq: Any) -> None:
    unknown = v1.placeholder_with_default([[1, 2], [3, 4]], [None, 2])
    tiled, (ids,) = seq2seq.tile_batch((unknown, (tf.constant([7, 8]),)), 2)
    assert (tiled.shape.as_list(), ids.shape.as_list()) == ([None, 2], [4])
    values, numbers = run([tiled, ids])
    assert values.tolist() == [[1, 2], [1, 2], [3, 4], [3, 4]]
    assert numbers.tolist() == [7, 7, 8, 8]
    with pytest.raises(ValueError, match="rank"):
        seq2seq.tile_batch(tf.constant(1), 2)


def test_clone_refuses_a_state_of_another_shape(seq2seq: Any) -> None:
    _, state = cases.Model(seq2seq).attend()
    with pytest.raises(ValueError, match="shape"):
        state.clone(attention=tf.zeros([2, 4]))
    other = v1.placeholder_with_default(tf.zeros([3, 3]), [None, None])
    cloned = state.clone(attention=other)
    assert cloned.attention.shape.as_list() == [2, 3]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Wrong shape"):
        run(cloned.attention)


def test_initial_cell_state_is_the_zero_state_of_the_cell(seq2seq: Any) -> None:
    model = cases.Model(seq2seq)
    _, state = model.attend(initial_cell_state=model.encoded)
    encoded, begun = run([model.encoded, state.cell_state])
    np.testing.assert_array_equal(encoded, begun)


def test_memory_that_was_not_tiled_is_told(seq2seq: Any) -> None:
    model = cases.Model(seq2seq)
    cell, _ = model.attend()
    with pytest.raises(tf.errors.InvalidArgumentError, match="tile_batch"):
        cell.zero_state(2 * cases.BEAMS, tf.float32)


def test_attention_layers_instead_of_sizes_and_attention_fn(seq2seq: Any) -> None:
    model = cases.Model(seq2seq)
    calls = []

    def attention_fn(mechanism: Any, output: Any, state: Any, layer: Any) -> Any:
        calls.append(layer)
        alignments, next_state = mechanism(output, state=state)
        return layer(output), alignments, next_state

    layer = v1.layers.Dense(7, name="mine")
    cell, state = model.attend(
        attention_layer_size=None, attention_layer=layer, attention_fn=attention_fn
    )
    assert (cell.output_size, cell.state_size.attention) == (7, 7)
    output, _ = cell(tf.zeros([2, cases.UNITS]), state)
    assert calls == [layer]
    assert output.shape.as_list() == [2, 7]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"attention_layer": lambda x: x}, ValueError, "Only one of"),
        ({"attention_layer_size": [3, 3]}, ValueError, "exactly one item .* 2 vs 1"),
        ({"cell_input_fn": 3}, TypeError, "cell_input_fn must be callable"),
    ],
)
def test_attention_wrapper_refuses(seq2seq: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        cases.Model(seq2seq).attend(**options)


def test_mechanism_of_a_user_that_extends_ours(seq2seq: Any) -> None:
    """User code overrides `__call__` and uses the private names that TensorFlow 1 had."""
    from entrypoint.tensorflow1.contrib.seq2seq import attention_wrapper

    class Last(seq2seq.BahdanauAttention):
        def __call__(self, query: Any, state: Any) -> Any:
            with v1.variable_scope(None, "last_attention", [query]):
                v = v1.get_variable("v", [self._num_units], initializer=v1.ones_initializer())
                score = attention_wrapper._bahdanau_score(self.query_layer(query), self._keys, v)
            return self._probability_fn(score, state), state

    mechanism = Last(2, tf.ones([2, 3, 2]), memory_sequence_length=[3, 1])
    cell = seq2seq.AttentionWrapper(v1.nn.rnn_cell.GRUCell(2), mechanism)
    _, state = cell(tf.zeros([2, 2]), cell.zero_state(2, tf.float32))
    np.testing.assert_allclose(run(state.alignments), np.array([[1 / 3] * 3, [1, 0, 0]]), rtol=1e-5)


@pytest.fixture
def counter() -> Any:
    class Counter(contrib.seq2seq.Decoder):
        """Puts out [step, 10 * example]; example i says once that it ends."""

        batch_size = 3
        output_size = tf.TensorShape([2])
        output_dtype = tf.int32
        ends = (2, 0, 3)

        def initialize(self, name: Any = None) -> Any:  # noqa: ARG002 (as of Decoder)
            return tf.equal(self.ends, 0), tf.zeros([3, 1]), tf.zeros([3, 1], tf.int32)

        def step(self, time: Any, inputs: Any, state: Any, name: Any = None) -> Any:  # noqa: ARG002
            outputs = tf.stack([tf.fill([3], time), 10 * tf.range(3)], 1)
            return outputs, state + 1, inputs, tf.equal(time + 1, self.ends)

    return Counter


def test_decode_ends_with_the_last_sequence_and_imputes_the_others(
    seq2seq: Any, counter: Any
) -> None:
    outputs, state, lengths = run(
        seq2seq.dynamic_decode(counter(), impute_finished=True, maximum_iterations=5)
    )
    assert lengths.tolist() == [2, 0, 3]
    assert state.tolist() == [[2], [0], [3]]
    assert outputs.tolist() == [
        [[0, 0], [1, 0], [0, 0]],
        [[0, 0], [0, 0], [0, 0]],
        [[0, 20], [1, 20], [2, 20]],
    ]


def test_decode_without_imputing_keeps_what_comes_after_the_end(seq2seq: Any, counter: Any) -> None:
    outputs, state, lengths = run(
        seq2seq.dynamic_decode(counter(), output_time_major=True, maximum_iterations=5)
    )
    assert lengths.tolist() == [2, 0, 3]
    assert state.tolist() == [[3], [3], [3]]
    assert outputs[2].tolist() == [[2, 0], [2, 10], [2, 20]]


@pytest.mark.parametrize(("limit", "steps"), [(0, 0), (1, 1), (2, 2), (9, 3)])
def test_decode_stops_at_maximum_iterations(
    seq2seq: Any, limit: int, steps: int, counter: Any
) -> None:
    outputs, _, lengths = run(
        seq2seq.dynamic_decode(counter(), maximum_iterations=tf.constant(limit))
    )
    assert outputs.shape == (3, steps, 2)
    assert lengths.tolist() == [min(2, steps), 0, steps]


def test_decode_refuses(seq2seq: Any, counter: Any) -> None:
    with pytest.raises(TypeError, match="Decoder"):
        seq2seq.dynamic_decode(object())
    with pytest.raises(ValueError, match="scalar"):
        seq2seq.dynamic_decode(counter(), maximum_iterations=[1, 2])
    with pytest.raises(TypeError, match="takes no decoder_init_input"):
        seq2seq.dynamic_decode(counter(), decoder_init_input=1)


@pytest.mark.parametrize("method", ["initialize", "step", "finalize"])
def test_decode_swallows_no_error(seq2seq: Any, method: str, counter: Any) -> None:
    """TensorFlow 1 took any NotImplementedError below `finalize` for "there is none"."""

    def raising(*_: Any, **__: Any) -> Any:
        raise NotImplementedError("no such operator")

    failing = type("Failing", (counter,), {method: raising})
    with pytest.raises(NotImplementedError, match="no such operator"):
        seq2seq.dynamic_decode(failing())


def test_decoder_that_lacks_a_property_is_named(seq2seq: Any) -> None:
    class Bare(seq2seq.Decoder):
        def initialize(self, *_: Any) -> Any:
            return tf.constant([False]), tf.zeros([1, 1]), tf.zeros([1, 1])

        def step(self, *_: Any) -> Any:
            raise AssertionError

    with pytest.raises(TypeError, match=r"Bare does not define output_size"):
        seq2seq.dynamic_decode(Bare())


def test_decode_reads_its_variables_under_the_scope_it_is_told(seq2seq: Any) -> None:
    model = cases.Model(seq2seq)
    cell, state = model.attend()
    helper = seq2seq.TrainingHelper(model.inputs(), cases.TARGET_LENGTHS)
    decoder = seq2seq.BasicDecoder(cell, helper, state)
    seq2seq.dynamic_decode(decoder, scope="translate")
    assert "translate/attention_wrapper/lstm_cell/kernel" in {
        v.op.name for v in v1.global_variables()
    }


def test_basic_decoder_refuses(seq2seq: Any) -> None:
    cell = v1.nn.rnn_cell.GRUCell(2)
    helper = seq2seq.TrainingHelper(tf.zeros([2, 3, 2]), [3, 2])
    with pytest.raises(TypeError, match="helper must be a Helper"):
        seq2seq.BasicDecoder(cell, None, tf.zeros([2, 2]))
    with pytest.raises(TypeError, match="output_layer must be a Layer"):
        seq2seq.BasicDecoder(cell, helper, tf.zeros([2, 2]), output_layer=5)
    with pytest.raises(TypeError, match="not an RNNCell"):
        seq2seq.BasicDecoder(None, helper, tf.zeros([2, 2]))


def test_custom_and_inference_helpers_feed_what_their_functions_say(seq2seq: Any) -> None:
    class Echo(v1.nn.rnn_cell.RNNCell):  # type: ignore[name-defined]
        state_size = output_size = 1

        def call(self, inputs: Any, state: Any) -> Any:
            return inputs + 1, state

    state = tf.zeros([2, 1])
    custom = seq2seq.CustomHelper(
        initialize_fn=lambda: (tf.constant([False, False]), tf.constant([[0.0], [5.0]])),
        sample_fn=lambda outputs, **_: tf.cast(outputs[:, 0], tf.int32),
        next_inputs_fn=lambda outputs, state, sample_ids, **_: (sample_ids >= 7, outputs, state),
    )
    inference = seq2seq.InferenceHelper(
        sample_fn=lambda outputs: 2 * outputs,
        sample_shape=[1],
        sample_dtype=tf.float32,
        start_inputs=tf.constant([[0.0], [5.0]]),
        end_fn=lambda sample_ids: sample_ids[:, 0] > 20,
    )
    made = [
        seq2seq.dynamic_decode(
            seq2seq.BasicDecoder(Echo(), helper, state), maximum_iterations=3, impute_finished=True
        )
        for helper in (custom, inference)
    ]
    (counted, _, counts), (doubled, _, _) = run(made)
    assert counted.sample_id.tolist() == [[1, 2, 3], [6, 7, 0]]
    assert counts.tolist() == [3, 2]
    # x -> 2 (x + 1)
    assert doubled.sample_id[..., 0].tolist() == [[2, 6, 14], [12, 26, 0]]


def test_scheduled_sampling_that_never_samples_is_teaching(seq2seq: Any) -> None:
    model = cases.Model(seq2seq)
    never = seq2seq.ScheduledEmbeddingTrainingHelper(
        model.inputs(), cases.TARGET_LENGTHS, model.embedding, 0.0
    )
    taught = seq2seq.TrainingHelper(model.inputs(), cases.TARGET_LENGTHS)
    with v1.variable_scope("model"):
        first = model.decode(never)
    with v1.variable_scope("model", reuse=True):
        second = model.decode(taught)
    a, b = run([first, second])
    np.testing.assert_allclose(a[0], b[0], rtol=1e-5)
    assert (a[1][b[0].any(-1)] == -1).all()


def test_sampling_probability_may_differ_between_examples(seq2seq: Any) -> None:
    inputs, outputs = tf.zeros([2, 3, 2]), tf.ones([2, 2])
    helper = seq2seq.ScheduledOutputTrainingHelper(inputs, [3, 3], [0.0, 1.0])
    ids = helper.sample(time=0, outputs=outputs, state=())
    _, fed, _ = helper.next_inputs(time=0, outputs=outputs, state=(), sample_ids=ids)
    chosen, values = run([ids, fed])
    assert chosen.tolist() == [0, 1]
    assert values.tolist() == [[0, 0], [1, 1]]


def test_helpers_refuse_tokens_of_other_ranks(seq2seq: Any) -> None:
    with pytest.raises(ValueError, match="start_tokens is no vector"):
        seq2seq.GreedyEmbeddingHelper(tf.zeros([3, 2]), 1, 0)
    with pytest.raises(ValueError, match="end_token is no scalar"):
        seq2seq.GreedyEmbeddingHelper(tf.zeros([3, 2]), [1], [0])
    with pytest.raises(ValueError, match="sequence_length to be a vector"):
        seq2seq.TrainingHelper(tf.zeros([2, 3, 2]), 3)
    with pytest.raises(ValueError, match="scalar or a vector"):
        seq2seq.ScheduledOutputTrainingHelper(tf.zeros([2, 3, 2]), [3, 3], [[0.5]])


def test_hot_and_cold_draws(seq2seq: Any) -> None:
    """Near temperature 0 every draw is the largest output; the frequencies follow the softmax."""
    logits = tf.tile([[0.0, 1.0, 2.0]], [4000, 1])

    def draws(temperature: Any) -> Any:
        helper = seq2seq.SampleEmbeddingHelper(
            tf.zeros([3, 1]), tf.zeros([4000], tf.int32), 0, temperature, seed=1
        )
        return helper.sample(time=0, outputs=logits, state=())

    cold, hot = run([draws(0.01), draws(None)])
    assert (cold == 2).all()
    softmax = np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum()
    np.testing.assert_allclose(np.bincount(hot) / 4000, softmax, atol=0.03)
