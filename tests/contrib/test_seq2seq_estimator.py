from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib

v1 = tf.compat.v1
pytestmark = pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning")
START, END, SYMBOLS, UNITS, BEAMS, LONGEST = 1, 0, 8, 32, 3, 4
# As TensorFlow 1.15.5 names and shapes the variables of this model.
VARIABLES = {
    "decoder/attention_wrapper/attention_layer/kernel": [64, 32],
    "decoder/attention_wrapper/gru_cell/candidate/bias": [32],
    "decoder/attention_wrapper/gru_cell/candidate/kernel": [72, 32],
    "decoder/attention_wrapper/gru_cell/gates/bias": [64],
    "decoder/attention_wrapper/gru_cell/gates/kernel": [72, 64],
    "decoder/dense/kernel": [32, 8],
    "encoder/rnn/gru_cell/candidate/bias": [32],
    "encoder/rnn/gru_cell/candidate/kernel": [40, 32],
    "encoder/rnn/gru_cell/gates/bias": [64],
    "encoder/rnn/gru_cell/gates/kernel": [40, 64],
    "memory_layer/kernel": [32, 32],
    "symbols": [8, 8],
}


def model(features: Any, labels: Any, mode: Any) -> Any:
    """Translate a sequence of symbols into its reverse, as TensorFlow 1 code does it."""
    seq2seq, predicting = contrib.seq2seq, mode == v1.estimator.ModeKeys.PREDICT
    embedding = v1.get_variable("symbols", [SYMBOLS, 8])
    lengths = features["lengths"]
    with v1.variable_scope("encoder"):
        memory, state = v1.nn.dynamic_rnn(
            v1.nn.rnn_cell.GRUCell(UNITS),
            v1.nn.embedding_lookup(embedding, features["symbols"]),
            lengths,
            dtype=tf.float32,
        )
    batch_size = tf.shape(lengths)[0]
    if predicting:
        memory, state, lengths = seq2seq.tile_batch((memory, state, lengths), BEAMS)
    cell = seq2seq.AttentionWrapper(
        v1.nn.rnn_cell.GRUCell(UNITS),
        seq2seq.LuongAttention(UNITS, memory, lengths),
        attention_layer_size=UNITS,
    )
    begin = cell.zero_state(tf.shape(lengths)[0], tf.float32).clone(cell_state=state)
    logits_layer = v1.layers.Dense(SYMBOLS, use_bias=False)
    starts = tf.fill([batch_size], START)
    if predicting:
        decoder = seq2seq.BeamSearchDecoder(
            cell, embedding, starts, END, begin, BEAMS, logits_layer, length_penalty_weight=1.0
        )
        outputs, state, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=LONGEST + 2)
        predictions = {"beams": tf.transpose(outputs.predicted_ids, [0, 2, 1])}
        export = {"serving_default": v1.estimator.export.PredictOutput(predictions)}
        return v1.estimator.EstimatorSpec(mode, predictions, export_outputs=export)
    inputs = tf.concat([starts[:, tf.newaxis], labels[:, :-1]], 1)
    helper = seq2seq.TrainingHelper(v1.nn.embedding_lookup(embedding, inputs), lengths + 1)
    decoder = seq2seq.BasicDecoder(cell, helper, begin, logits_layer)
    outputs, _, _ = seq2seq.dynamic_decode(decoder, impute_finished=True)
    weights = tf.sequence_mask(lengths + 1, dtype=tf.float32)
    loss = seq2seq.sequence_loss(outputs.rnn_output, labels, weights)
    train = v1.train.AdamOptimizer(0.01).minimize(loss, v1.train.get_global_step())
    return v1.estimator.EstimatorSpec(mode, loss=loss, train_op=train)


def sequences(count: int, seed: int) -> Any:
    """Return symbols of 2 to 4 random ones each, their lengths, and the reverses with their end."""
    random = np.random.default_rng(seed)
    lengths = random.integers(2, LONGEST + 1, count).astype("i4")
    # A decoder runs as far as the longest sequence of a batch: no batch is without one of these.
    lengths[::8] = LONGEST
    symbols, reverses = np.zeros((2, count, LONGEST + 1), "i4")
    for row, length in enumerate(lengths):
        symbols[row, :length] = random.integers(2, SYMBOLS, length)
        reverses[row, :length] = symbols[row, :length][::-1]
    return {"symbols": symbols[:, :LONGEST], "lengths": lengths}, reverses


def batches() -> Any:
    return tf.data.Dataset.from_tensor_slices(sequences(4096, 1)).repeat().batch(64)


def test_reversal_is_learned_searched_and_exported(tmp_path: Path) -> None:
    estimator = v1.estimator.Estimator(
        model, str(tmp_path / "model"), v1.estimator.RunConfig(tf_random_seed=1)
    )
    estimator.train(batches, steps=250)
    trained = {
        name: list(estimator.get_variable_value(name).shape)
        for name in estimator.get_variable_names()
        if "Adam" not in name and not name.startswith(("beta", "global_step"))
    }
    assert trained == VARIABLES

    features, reverses = sequences(200, 2)
    asked = estimator.predict(
        lambda: tf.data.Dataset.from_tensors(features), yield_single_examples=False
    )
    predicted = next(asked)["beams"]
    best = np.zeros_like(reverses)
    width = min(best.shape[1], predicted.shape[2])
    best[:, :width] = predicted[:, 0, :width]
    # Nearly all are right; without the trace-back of the beams hardly any would be.
    assert (best == reverses).all(1).mean() > 0.9

    def receiver() -> Any:
        placeholders = {
            "symbols": v1.placeholder(tf.int32, [None, None]),
            "lengths": v1.placeholder(tf.int32, [None]),
        }
        return v1.estimator.export.ServingInputReceiver(placeholders, placeholders)

    directory = estimator.export_saved_model(str(tmp_path / "export"), receiver)
    with tf.Graph().as_default(), v1.Session() as session:
        signature = v1.saved_model.load(session, ["serve"], directory.decode()).signature_def
        served = signature["serving_default"]
        feeds = {served.inputs[name].name: value for name, value in features.items()}
        beams = session.run(served.outputs["beams"].name, feeds)
    np.testing.assert_array_equal(beams, predicted)
