"""Small networks of every cell, and weights for them: numbers of TensorFlow 1.15.5 were made so.

`python tests/contrib/rnn_cases.py`, run by TensorFlow 1.15.5, prints the contents of
rnn_of_tensorflow1.json.
"""

import json
from typing import Any

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
BATCH, TIME, SIZE = 2, 3, 4
LENGTHS = [3, 1]


def wave(*shape: int, start: float = 0.0) -> Any:
    return np.sin(start + 0.7 * np.arange(np.prod(shape))).reshape(shape).astype("f")


def dynamic(cell: Any, *sizes: int, lengths: Any = None) -> Any:
    """Return all outputs of a cell, for features of a size, or a tuple of them for more."""
    inputs = tuple(
        tf.constant(wave(BATCH, TIME, size, start=number)) for number, size in enumerate(sizes)
    )
    given = inputs if len(sizes) > 1 else inputs[0]
    return v1.nn.dynamic_rnn(cell, given, lengths, dtype=tf.float32)[0]


def networks(rnn: Any) -> Any:
    """Return functions that make networks, by name."""

    def basic(units: int = 3) -> Any:
        return rnn.LSTMCell(units)

    def plain(make: Any) -> Any:
        return lambda: dynamic(make(), SIZE)

    def images(cell: Any, *shape: int) -> Any:
        pixels = tf.constant(wave(BATCH, TIME, *shape))
        return v1.nn.dynamic_rnn(cell, pixels, dtype=tf.float32)[0]

    def frequencies(**options: Any) -> Any:
        return rnn.GridLSTMCell(2, feature_size=2, frequency_skip=2, **options)

    def one_step(cell: Any, width: int) -> Any:
        state = tf.constant(wave(BATCH, width))
        return tf.concat(cell(tf.constant(wave(BATCH, SIZE)), state), 1)

    def steps() -> Any:
        return tf.constant(wave(TIME, BATCH, SIZE))

    fused = {"dtype": tf.float32, "sequence_length": LENGTHS}
    by_cell = {
        "AttentionCellWrapper": lambda: rnn.AttentionCellWrapper(basic(), 2, attn_vec_size=2),
        "AttentionCellWrapper-flat": lambda: rnn.AttentionCellWrapper(
            rnn.GRUCell(3), 2, attn_size=2, input_size=5, state_is_tuple=False
        ),
        "BasicLSTMCell": lambda: rnn.BasicLSTMCell(3),
        "BasicRNNCell": lambda: rnn.BasicRNNCell(3),
        "BidirectionalGridLSTMCell": lambda: rnn.BidirectionalGridLSTMCell(
            2,
            feature_size=2,
            frequency_skip=1,
            num_frequency_blocks=[3],
            backward_slice_offset=1,
            share_time_frequency_weights=True,
        ),
        "BidirectionalGridLSTMCell-before": lambda: rnn.BidirectionalGridLSTMCell(
            1, feature_size=2, frequency_skip=1, num_frequency_blocks=[3], backward_slice_offset=-1
        ),
        "CompiledWrapper": lambda: rnn.CompiledWrapper(basic()),
        "CoupledInputForgetGateLSTMCell": lambda: rnn.CoupledInputForgetGateLSTMCell(
            4, use_peepholes=True, num_proj=3, proj_clip=0.3, num_unit_shards=2, num_proj_shards=2
        ),
        "CoupledInputForgetGateLSTMCell-norm": lambda: rnn.CoupledInputForgetGateLSTMCell(
            3, layer_norm=True, state_is_tuple=False, forget_bias=0.5
        ),
        "GLSTMCell": lambda: rnn.GLSTMCell(4, num_proj=2, number_of_groups=2),
        "GRUBlockCell": lambda: rnn.GRUBlockCell(3),
        "GRUBlockCellV2": lambda: rnn.GRUBlockCellV2(3),
        "GRUCell": lambda: rnn.GRUCell(3),
        "GridLSTMCell": lambda: frequencies(use_peepholes=True, num_frequency_blocks=[2]),
        "GridLSTMCell-coupled": lambda: frequencies(
            num_frequency_blocks=[2],
            use_peepholes=True,
            couple_input_forget_gates=True,
            share_time_frequency_weights=True,
            cell_clip=0.4,
            state_is_tuple=False,
        ),
        "GridLSTMCell-blocks": lambda: frequencies(
            num_frequency_blocks=[1, 1],
            start_freqindex_list=[0, 1],
            end_freqindex_list=[2, 4],
            num_unit_shards=2,
        ),
        "HighwayWrapper": lambda: rnn.HighwayWrapper(basic(SIZE)),
        "HighwayWrapper-free": lambda: rnn.HighwayWrapper(
            basic(SIZE), couple_carry_transform_gates=False, carry_bias_init=0.5
        ),
        "IndRNNCell": lambda: rnn.IndRNNCell(3),
        "IndyGRUCell": lambda: rnn.IndyGRUCell(3),
        "IndyLSTMCell": lambda: rnn.IndyLSTMCell(3, forget_bias=0.5),
        "InputProjectionWrapper": lambda: rnn.InputProjectionWrapper(basic(), 2, tf.tanh),
        "IntersectionRNNCell": lambda: rnn.IntersectionRNNCell(3, num_in_proj=3),
        "IntersectionRNNCell-deep": lambda: rnn.IntersectionRNNCell(SIZE, y_activation=tf.tanh),
        "LSTMBlockCell": lambda: rnn.LSTMBlockCell(3),
        "LSTMBlockCell-peephole": lambda: rnn.LSTMBlockCell(
            3, forget_bias=0.5, cell_clip=0.3, use_peephole=True
        ),
        "LSTMCell": lambda: rnn.LSTMCell(3, use_peepholes=True, num_proj=2, cell_clip=0.5),
        "LayerNormBasicLSTMCell": lambda: rnn.LayerNormBasicLSTMCell(3),
        "LayerNormBasicLSTMCell-plain": lambda: rnn.LayerNormBasicLSTMCell(3, layer_norm=False),
        "MultiRNNCell": lambda: rnn.MultiRNNCell(
            [rnn.DropoutWrapper(basic(4), 1.0), rnn.ResidualWrapper(basic(4)), rnn.GRUCell(2)]
        ),
        "NASCell": lambda: rnn.NASCell(3, num_proj=2, use_bias=True),
        "OutputProjectionWrapper": lambda: rnn.OutputProjectionWrapper(basic(), 2, tf.tanh),
        "SRUCell": lambda: rnn.SRUCell(3),
        "UGRNNCell": lambda: rnn.UGRNNCell(3),
    }
    by_network = {
        "Conv1DLSTMCell": lambda: images(
            rnn.Conv1DLSTMCell(input_shape=[4, 2], output_channels=2, kernel_shape=[3]), 4, 2
        ),
        "Conv2DLSTMCell": lambda: images(
            rnn.Conv2DLSTMCell(
                input_shape=[2, 3, 1], output_channels=1, kernel_shape=[2, 2], use_bias=False
            ),
            *(2, 3, 1),
        ),
        "Conv3DLSTMCell": lambda: images(
            rnn.Conv3DLSTMCell(input_shape=[2, 1, 2, 1], output_channels=1, kernel_shape=[2, 1, 1]),
            *(2, 1, 2, 1),
        ),
        "EmbeddingWrapper": lambda: v1.nn.dynamic_rnn(
            rnn.EmbeddingWrapper(basic(), 5, 2),
            tf.constant([[[0], [4], [1]], [[2], [2], [3]]]),
            dtype=tf.float32,
        )[0],
        "FusedRNNCellAdaptor": lambda: rnn.FusedRNNCellAdaptor(basic())(steps(), **fused)[0],
        "LSTMBlockFusedCell": lambda: tf.concat(
            [
                tf.reshape(part, [-1, 3])
                for part in tf.nest.flatten(rnn.LSTMBlockFusedCell(3)(steps(), **fused))
            ],
            0,
        ),
        "LSTMBlockFusedCell-peephole": lambda: rnn.LSTMBlockFusedCell(
            3, cell_clip=0.3, use_peephole=True
        )(steps(), dtype=tf.float32)[0],
        "PhasedLSTMCell": lambda: dynamic(rnn.PhasedLSTMCell(3, use_peepholes=True), 1, SIZE),
        "PhasedLSTMCell-open": lambda: dynamic(rnn.PhasedLSTMCell(3, leak=0.1), 1, SIZE),
        "TimeFreqLSTMCell": lambda: one_step(
            rnn.TimeFreqLSTMCell(2, use_peepholes=True, feature_size=2, cell_clip=0.5), 12
        ),
        "TimeReversedFusedRNN": lambda: rnn.TimeReversedFusedRNN(
            rnn.FusedRNNCellAdaptor(basic(), use_dynamic_rnn=True)
        )(steps(), **fused)[0],
        "stack_bidirectional_dynamic_rnn": lambda: rnn.stack_bidirectional_dynamic_rnn(
            [basic(), basic(2)], [basic(), basic(2)], steps(), time_major=True, **fused
        )[0],
        "stack_bidirectional_rnn": lambda: tf.stack(
            rnn.stack_bidirectional_rnn(
                [basic(), basic(2)], [basic(), basic(2)], tf.unstack(steps()), **fused
            )[0]
        ),
    }
    return dict({name: plain(make) for name, make in by_cell.items()}, **by_network)


def weights() -> Any:
    """Return a value for each variable of the graph."""
    values = {}
    for number, variable in enumerate(sorted(v1.global_variables(), key=lambda v: v.op.name)):
        value = 0.8 * wave(*variable.shape.as_list(), start=number)
        if variable.op.name.endswith(("period", "phase", "ratio_on")):
            value = np.abs(value) + 0.3
        values[variable] = value
    return values


def measure(make: Any) -> Any:
    """Build a network; return its variables, its outputs and the norms of all gradients."""
    with tf.Graph().as_default(), v1.Session() as session:
        outputs = make()
        given = weights()
        initial = {v.initializer.inputs[1]: value for v, value in given.items()}
        session.run([v.initializer for v in given], initial)
        flat = tf.reshape(outputs, [-1])
        loss = tf.reduce_sum(flat * tf.cos(tf.cast(tf.range(tf.size(flat)), tf.float32)))
        variables = sorted(v1.trainable_variables(), key=lambda v: v.op.name)
        gradients = v1.gradients(loss, variables)
        norms = [tf.norm(0.0 if gradient is None else gradient) for gradient in gradients]
        return {
            "variables": {v.op.name: v.shape.as_list() for v in v1.global_variables()},
            "outputs": np.round(session.run(outputs).ravel().astype(float), 6).tolist(),
            "gradients": [round(float(norm), 5) for norm in session.run(norms)],
        }


if __name__ == "__main__":
    made = networks(tf.contrib.rnn)
    lines = [f'"{name}": {json.dumps(measure(make))}' for name, make in made.items()]
    print("{" + ",\n".join(lines) + "}")
