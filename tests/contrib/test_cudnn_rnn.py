from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib

pytestmark = pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning")
LAYERS = {"lstm": "CudnnLSTM", "gru": "CudnnGRU", "rnn_tanh": "CudnnRNNTanh"}
LAYERS["rnn_relu"] = "CudnnRNNRelu"
TIME, BATCH, SIZE, UNITS = 5, 3, 4, 2
INPUTS = np.sin(np.arange(TIME * BATCH * SIZE)).reshape(TIME, BATCH, SIZE)
LENGTHS = [5, 1, 3]


def make_layer(mode: str, **options: Any) -> Any:
    options = {"num_layers": 2, "num_units": UNITS, **options}
    return getattr(contrib.cudnn_rnn, LAYERS[mode])(**options)


def random_like(tensor: Any, seed: int = 0) -> Any:
    shape = [int(size) for size in tensor.shape]
    return np.random.default_rng(seed).normal(size=shape) * 0.7


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def numpy_step(mode: str, parameters: Any, x: Any, state: Any) -> Any:
    """The equations of cudnnRNNMode_t in NVIDIA's cuDNN manual, for one sample."""
    w, r, bw, br = parameters
    h = state[0]
    if mode == "lstm":
        i, f, new, o = (w[g] @ x + r[g] @ h + bw[g] + br[g] for g in range(4))
        c = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(new)
        return [sigmoid(o) * np.tanh(c), c]
    if mode == "gru":
        reset = sigmoid(w[0] @ x + r[0] @ h + br[0] + bw[0])
        update = sigmoid(w[1] @ x + r[1] @ h + br[1] + bw[1])
        new = np.tanh(w[2] @ x + reset * (r[2] @ h + br[2]) + bw[2])
        return [(1 - update) * new + update * h]
    activation = np.tanh if mode == "rnn_tanh" else lambda v: np.maximum(v, 0)
    return [activation(w[0] @ x + r[0] @ h + bw[0] + br[0])]


def numpy_network(mode: str, vector: Any, *, dirs: int, lengths: Any, initial: Any) -> Any:
    """Two layers, sample by sample, from the vector of parameters in cuDNN's order."""
    gates = {"lstm": 4, "gru": 3}.get(mode, 1)
    cells, position = [], 0

    def take(*shape: int) -> Any:
        nonlocal position
        position += int(np.prod(shape))
        return vector[position - int(np.prod(shape)) : position].reshape(shape)

    for layer in range(2):
        size = dirs * UNITS if layer else SIZE
        cells += [[take(gates, UNITS, size), take(gates, UNITS, UNITS)] for _ in range(dirs)]
    for cell in cells:
        cell += [take(gates, UNITS), take(gates, UNITS)]
    assert position == len(vector)
    outputs = np.zeros([TIME, BATCH, dirs * UNITS])
    finals = np.array(initial)
    for sample, length in enumerate(lengths):
        below = INPUTS[:length, sample]
        for layer in range(2):
            above = np.zeros([length, dirs * UNITS])
            for direction in range(dirs):
                number = layer * dirs + direction
                state = [part[number, sample] for part in initial]
                for step in range(length)[:: -1 if direction else 1]:
                    state = numpy_step(mode, cells[number], below[step], state)
                    above[step, direction * UNITS : (direction + 1) * UNITS] = state[0]
                finals[:, number, sample] = state
            below = above
        outputs[:length, sample] = below
    return outputs, finals


@pytest.mark.parametrize("mode", LAYERS)
@pytest.mark.parametrize("dirs", [1, 2])
@pytest.mark.parametrize(("time_major", "padded"), [(True, False), (False, True)])
def test_layer_computes_what_the_manual_of_cudnn_says(
    mode: str, dirs: int, time_major: bool, padded: bool
) -> None:
    def swap(array: Any) -> Any:
        return array if time_major else np.swapaxes(array, 0, 1)

    layer = make_layer(
        mode, direction="bidirectional" if dirs == 2 else "unidirectional", dtype=tf.float64
    )
    initial = np.cos(np.arange(2 * 2 * dirs * BATCH * UNITS)).reshape(2, -1, BATCH, UNITS)
    initial = initial[: 2 if mode == "lstm" else 1]
    outputs, state = layer(
        swap(INPUTS),
        initial_state=tuple(tf.constant(swap(part)) for part in initial),
        sequence_lengths=LENGTHS if padded else None,
        time_major=time_major,
    )
    vector = random_like(layer.kernel)
    with tf.compat.v1.Session() as session:
        layer.kernel.load(vector, session)
        output_values, state_values = session.run((outputs, state))
    lengths = LENGTHS if padded else [TIME] * BATCH
    expected, finals = numpy_network(mode, vector, dirs=dirs, lengths=lengths, initial=initial)
    assert outputs.shape.as_list() == list(swap(expected).shape)
    assert isinstance(state, tuple)
    np.testing.assert_allclose(swap(output_values), expected, atol=1e-12)
    np.testing.assert_allclose([swap(part) for part in state_values], finals, atol=1e-12)


def scope_of(layer: Any) -> str:
    return str(layer.kernel.op.name.rpartition("/")[0])


def compatible_network(mode: str, dirs: int) -> Any:
    """Return the outputs of compatible cells, whose variables a checkpoint is read into."""
    v1 = tf.compat.v1
    rnn, cudnn = contrib.rnn, contrib.cudnn_rnn
    make: Any = {
        "lstm": lambda: cudnn.CudnnCompatibleLSTMCell(UNITS),
        "gru": lambda: cudnn.CudnnCompatibleGRUCell(UNITS),
        "rnn_tanh": lambda: rnn.BasicRNNCell(UNITS),
        "rnn_relu": lambda: rnn.BasicRNNCell(UNITS, tf.nn.relu),
    }[mode]
    inputs = tf.constant(INPUTS, tf.float32)
    if dirs == 1:
        cell = rnn.MultiRNNCell([make(), make()])
        return v1.nn.dynamic_rnn(cell, inputs, LENGTHS, dtype=tf.float32, time_major=True)[0]
    return rnn.stack_bidirectional_dynamic_rnn(
        [make(), make()],
        [make(), make()],
        inputs,
        dtype=tf.float32,
        sequence_length=LENGTHS,
        time_major=True,
    )[0]


@pytest.mark.parametrize("mode", LAYERS)
@pytest.mark.parametrize("dirs", [1, 2])
def test_compatible_cells_read_the_layers_checkpoint(mode: str, dirs: int, tmp_path: Path) -> None:
    v1 = tf.compat.v1
    checkpoint = str(tmp_path / "model")
    direction = "bidirectional" if dirs == 2 else "unidirectional"
    with v1.Session() as session:
        layer = make_layer(mode, direction=direction)
        outputs, _ = layer(tf.constant(INPUTS, tf.float32), sequence_lengths=LENGTHS)
        layer.kernel.load(random_like(layer.kernel), session)
        v1.train.Saver().save(session, checkpoint)
        expected = session.run(outputs)
    with tf.Graph().as_default(), v1.Session() as session:
        with v1.variable_scope(scope_of(layer)):
            computed = compatible_network(mode, dirs)
        v1.train.Saver().restore(session, checkpoint)
        np.testing.assert_allclose(session.run(computed), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("mode", "sharded", "use_resource"),
    [
        ("lstm", True, True),
        ("gru", True, False),
        ("rnn_tanh", False, True),
        ("rnn_relu", False, False),
    ],
)
def test_names_of_compatible_cells_outweigh_the_vector(
    mode: str, sharded: bool, use_resource: bool, tmp_path: Path
) -> None:
    """A vector that another cuDNN laid out otherwise does no harm."""
    v1 = tf.compat.v1
    checkpoint = str(tmp_path / "model")
    with v1.Session() as session, v1.variable_scope("", use_resource=use_resource):
        layer = make_layer(mode)
        outputs, _ = layer(tf.constant(INPUTS, tf.float32))
        saver = v1.train.Saver(sharded=sharded)
        layer.kernel.load(random_like(layer.kernel), session)
        expected = session.run(outputs)
        values = dict(
            zip(
                [spec.name for spec in layer.saveable.specs],
                session.run([spec.tensor for spec in layer.saveable.specs]),
                strict=True,
            )
        )
    values[layer.kernel.op.name] = random_like(layer.kernel, seed=1).astype("f")
    with tf.Graph().as_default(), v1.Session() as other:
        variables = [v1.Variable(value, name=name) for name, value in values.items()]
        other.run(v1.global_variables_initializer())
        v1.train.Saver(variables).save(other, checkpoint)
    with v1.Session(graph=outputs.graph) as session:
        for _ in range(5):
            saver.restore(session, checkpoint)
            np.testing.assert_allclose(session.run(outputs), expected, atol=1e-5)


CELLS_1 = [f"rnn/multi_rnn_cell/cell_{n}/" for n in range(2)]
CELLS_2 = [
    f"stack_bidirectional_rnn/cell_{n}/bidirectional_rnn/{direction}/"
    for n in range(2)
    for direction in ("fw", "bw")
]
GRU = ["gates/", "candidate/input_projection/", "candidate/hidden_projection/"]


# As TensorFlow 1.15.5 names them.
@pytest.mark.parametrize(
    ("mode", "direction", "cells", "parts", "layer_name"),
    [
        ("lstm", "unidirectional", CELLS_1, ["cudnn_compatible_lstm_cell/"], "cudnn_lstm"),
        ("lstm", "bidirectional", CELLS_2, ["cudnn_compatible_lstm_cell/"], "cudnn_lstm"),
        (
            "gru",
            "bidirectional",
            CELLS_2,
            ["cudnn_compatible_gru_cell/" + part for part in GRU],
            "cudnn_gru",
        ),
        ("rnn_tanh", "unidirectional", CELLS_1, ["basic_rnn_cell/"], "cudnn_rnn_tanh"),
        ("rnn_relu", "unidirectional", CELLS_1, ["basic_rnn_cell/"], "cudnn_rnn_relu"),
    ],
)
def test_names_are_those_of_tensorflow_1(
    mode: str, direction: str, cells: Any, parts: Any, layer_name: str
) -> None:
    v1 = tf.compat.v1
    names = [cell + part + kind for kind in ("kernel", "bias") for cell in cells for part in parts]
    called, built = (make_layer(mode, direction=direction) for _ in range(2))
    with v1.variable_scope("enc"):
        called(tf.constant(INPUTS, tf.float32))
        scope = f"enc/{layer_name}"
        assert [v.op.name for v in v1.trainable_variables()] == [f"{scope}/opaque_kernel"]
        assert called.saveable.name == f"{scope}/opaque_kernel_saveable"
        assert [s.name for s in called.saveable.specs] == [f"{scope}/{name}" for name in names]
        assert v1.get_collection(v1.GraphKeys.SAVEABLE_OBJECTS) == [called.saveable]
    built.build([None, None, SIZE])
    assert built.kernel.op.name == f"{layer_name}/opaque_kernel"
    assert [spec.name for spec in built.saveable.specs] == names
    assert called.trainable_variables == [called.kernel]


# As TensorFlow 1.15.5 converts the numbers 0, 1, 2…
@pytest.mark.parametrize(
    ("name", "shapes", "weights", "biases"),
    [
        (
            "LSTM",
            [(3, 8), (8,)],
            "0 1 4 5 2 3 6 7 8 16 9 17 12 20 13 21 10 18 11 19 14 22 15 23",
            "12 12.5 14 14.5 13 13.5 15 15.5 12 12.5 14 14.5 13 13.5 15 15.5",
        ),
        (
            "GRU",
            [(3, 4), (1, 2), (2, 2), (4,), (2,), (2,)],
            "0 1 2 3 12 13 4 8 5 9 6 10 7 11 14 16 15 17",
            "9 9.5 10 10.5 22 23 9 9.5 10 10.5 24 25",
        ),
        ("Tanh", [(3, 2), (2,)], "0 1 2 4 3 5", "3 3.5 3 3.5"),
        ("Relu", [(3, 2), (2,)], "0 1 2 4 3 5", "3 3.5 3 3.5"),
    ],
)
def test_converter_orders_parameters_like_tensorflow_1(
    name: str, shapes: Any, weights: str, biases: str
) -> None:
    converter = getattr(contrib.cudnn_rnn, f"CudnnParamsFormatConverter{name}")(1, 2, 1)
    numbers = np.arange(sum(np.prod(shape) for shape in shapes)).astype("f")
    parts = np.split(numbers, np.cumsum([np.prod(shape) for shape in shapes])[:-1])
    variables = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    opaque = converter.tf_canonical_to_opaque([tf.constant(part) for part in variables])
    kernels, offsets = converter.opaque_to_tf_canonical(opaque)
    with tf.compat.v1.Session() as session:
        vector = session.run(opaque).tolist()
        assert vector == [float(number) for number in f"{weights} {biases}".split()]
        for value, variable in zip(session.run([*kernels, *offsets]), variables, strict=True):
            np.testing.assert_array_equal(value, variable)


def test_parameters_are_initialized_matrix_by_matrix() -> None:
    def number(shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
        return tf.fill(shape, tf.cast(shape[-1], dtype))

    layer = make_layer(
        "gru", kernel_initializer=number, bias_initializer=tf.compat.v1.constant_initializer(0.5)
    )
    layer.build([None, None, SIZE])
    assert layer.canonical_weight_shapes == [(2, 4)] * 3 + [(2, 2)] * 9
    assert layer.canonical_bias_shapes == [[2]] * 12
    with tf.compat.v1.Session() as session:
        session.run(layer.kernel.initializer)
        assert session.run(layer.kernel).tolist() == [4] * 24 + [2] * 36 + [0.5] * 24


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_between_layers_in_training_only(training: bool) -> None:
    """All inputs of the second layer dropped, it is a constant of its biases."""
    layer = make_layer("rnn_tanh", dropout=0.999, num_units=16)
    outputs, _ = layer(tf.constant(INPUTS, tf.float32), training=training)
    with tf.compat.v1.Session() as session:
        layer.kernel.load(np.full(layer.kernel.shape.as_list(), 0.1), session)
        values = session.run(outputs)
    # Without inputs every sample is the same.
    assert np.allclose(values[0, 0], values[0, 1], atol=1e-3) == training


def test_calls_and_reusing_layers_share_the_variable_and_save_once() -> None:
    v1 = tf.compat.v1
    inputs = tf.constant(INPUTS, tf.float32)
    for reuse in (False, True):
        with v1.variable_scope("model", reuse=reuse):
            layer = make_layer("lstm")
            layer(inputs)
            layer(inputs)
    assert [v.op.name for v in v1.global_variables()] == ["model/cudnn_lstm/opaque_kernel"]
    assert len(v1.get_collection(v1.GraphKeys.SAVEABLE_OBJECTS)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "both"}, "direction must be"),
        ({"input_mode": "skip_input"}, "use input_mode='linear_input'"),
        ({"input_mode": "auto_select", "num_units": SIZE}, "use input_mode='linear_input'"),
        ({"input_mode": "other"}, "input_mode must be"),
        ({"dtype": tf.int32}, "dtype must be"),
    ],
)
def test_mistake_is_named(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_layer("lstm", **options).build([None, None, SIZE])


def test_projection_is_refused() -> None:
    with pytest.raises(ValueError, match="num_proj is not supported"):
        contrib.cudnn_rnn.CudnnParamsFormatConverterLSTM(1, 2, 1, num_proj=1)


def test_estimator_trains_continues_evaluates_and_exports(tmp_path: Path) -> None:
    """It learns which of the two first inputs was larger; the export answers without a GPU."""
    v1 = tf.compat.v1

    def model(features: Any, labels: Any, mode: Any) -> Any:
        training = mode == v1.estimator.ModeKeys.TRAIN
        lstm = make_layer("lstm", num_units=8, direction="bidirectional", dropout=0.1)
        x = features["x"]
        outputs, _ = lstm(x, time_major=False, training=training)
        logits = v1.get_variable("head", [16, 2])
        logits = tf.matmul(outputs[:, -1], logits)
        if mode == v1.estimator.ModeKeys.PREDICT:
            export = v1.estimator.export.PredictOutput({"class": tf.argmax(logits, 1)})
            return v1.estimator.EstimatorSpec(
                mode, predictions={"class": tf.argmax(logits, 1)}, export_outputs={"serve": export}
            )
        loss = v1.losses.sparse_softmax_cross_entropy(labels, logits)
        train = v1.train.AdamOptimizer(0.02).minimize(loss, v1.train.get_global_step())
        accuracy = v1.metrics.accuracy(labels, tf.argmax(logits, 1))
        return v1.estimator.EstimatorSpec(
            mode, loss=loss, train_op=train, eval_metric_ops={"accuracy": accuracy}
        )

    values = np.random.default_rng(0).normal(size=(64, 4, 2)).astype("f")
    answers = (values[:, 0, 0] > values[:, 0, 1]).astype("i")

    def data() -> Any:
        return tf.data.Dataset.from_tensors(({"x": values}, answers)).repeat(40)

    def estimator() -> Any:
        return v1.estimator.Estimator(model, str(tmp_path / "model"))

    estimator().train(data, steps=40)
    estimator().train(data, steps=40)
    assert estimator().evaluate(data, steps=1)["accuracy"] > 0.9
    names = estimator().get_variable_names()
    prefix = "cudnn_lstm/stack_bidirectional_rnn/cell_1/bidirectional_rnn/bw"
    assert f"{prefix}/cudnn_compatible_lstm_cell/kernel" in names
    assert "cudnn_lstm/opaque_kernel/Adam" in names

    def receive() -> Any:
        x = v1.placeholder(tf.float32, [None, 4, 2])
        return v1.estimator.export.ServingInputReceiver({"x": x}, {"x": x})

    export_dir = estimator().export_saved_model(str(tmp_path / "export"), receive)
    with tf.Graph().as_default(), v1.Session() as session:
        signatures = v1.saved_model.load(session, ["serve"], export_dir.decode()).signature_def
        signature = signatures["serving_default"]
        fetched = session.run(signature.outputs["class"].name, {signature.inputs["x"].name: values})
    assert np.mean(fetched == answers) > 0.9
