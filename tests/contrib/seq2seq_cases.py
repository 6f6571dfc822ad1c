"""Small sequence models, and weights for them: numbers of TensorFlow 1.15.5 were made so.

`python tests/contrib/seq2seq_cases.py`, run by TensorFlow 1.15.5, prints the contents of
seq2seq_of_tensorflow1.json.
"""

import itertools
import json
from typing import Any

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
SYMBOLS, UNITS, BEAMS, GO, END = 5, 2, 3, 4, 0
SOURCES, SOURCE_LENGTHS = [[1, 2, 3], [4, 2, 0]], [3, 2]
TARGETS, TARGET_LENGTHS = [[GO, 1, 2], [GO, 3, 0]], [3, 2]


def wave(*shape: int, start: float = 0.0) -> Any:
    return (0.9 * np.sin(start + 0.7 * np.arange(np.prod(shape)))).reshape(shape).astype("f")


def mechanisms(seq2seq: Any) -> Any:
    """Return functions from a memory and its lengths to an attention mechanism, by name."""

    def both(memory: Any, lengths: Any) -> Any:
        return [
            seq2seq.LuongAttention(UNITS, memory, lengths),
            seq2seq.BahdanauAttention(UNITS, memory, lengths),
        ]

    def keyed(memory: Any, lengths: Any) -> Any:
        return seq2seq.LuongAttention(
            UNITS, memory, lengths, custom_key_value_fn=lambda keys, values: (2 * keys, -values)
        )

    def make(name: str, **options: Any) -> Any:
        return lambda memory, lengths: getattr(seq2seq, name)(UNITS, memory, lengths, **options)

    return {
        "luong": make("LuongAttention"),
        "luong scaled": make("LuongAttention", scale=True),
        "luong keyed": keyed,
        "luong monotonic": make("LuongMonotonicAttention", scale=True, score_bias_init=-0.5),
        "bahdanau": make("BahdanauAttention", score_mask_value=-3.0),
        "bahdanau normalized": make(
            "BahdanauAttention", normalize=True, probability_fn=seq2seq.hardmax
        ),
        "bahdanau recursive": make("BahdanauMonotonicAttention", normalize=True, mode="recursive"),
        "bahdanau hard": make("BahdanauMonotonicAttention", mode="hard"),
        "luong and bahdanau": both,
    }


class Model:
    """An encoder, and a cell that attends to it, of sizes known when the graph is built or not."""

    def __init__(
        self, seq2seq: Any, mechanism: str = "luong", *, beams: int = 1, static: bool = True
    ) -> None:
        sources, lengths = tf.constant(SOURCES), tf.constant(SOURCE_LENGTHS)
        if not static:
            sources = v1.placeholder_with_default(sources, [None, None])
            lengths = v1.placeholder_with_default(lengths, [None])
        batch_size = len(SOURCES) if static else tf.shape(sources)[0]
        self.seq2seq = seq2seq
        self.start_tokens = tf.fill([batch_size], GO)
        self.embedding = v1.get_variable("embedding", [SYMBOLS, UNITS])
        self.memory, state = v1.nn.dynamic_rnn(
            v1.nn.rnn_cell.LSTMCell(UNITS),
            v1.nn.embedding_lookup(self.embedding, sources),
            lengths,
            dtype=tf.float32,
        )
        if beams > 1:
            self.memory, state, lengths = seq2seq.tile_batch((self.memory, state, lengths), beams)
        self.mechanism = mechanisms(seq2seq)[mechanism](self.memory, lengths)
        self.rows = batch_size * beams
        self.encoded = state

    def attend(self, **options: Any) -> Any:
        """Return the cell and its initial state."""
        size = [3, 2] if isinstance(self.mechanism, list) else 3
        options = {"attention_layer_size": size, "alignment_history": True, **options}
        cell = self.seq2seq.AttentionWrapper(
            v1.nn.rnn_cell.LSTMCell(UNITS), self.mechanism, **options
        )
        return cell, cell.zero_state(self.rows, tf.float32).clone(cell_state=self.encoded)

    def inputs(self) -> Any:
        return v1.nn.embedding_lookup(self.embedding, tf.constant(TARGETS))

    def decode(
        self, helper: Any, *, impute: bool = True, size: Any = SYMBOLS, **options: Any
    ) -> Any:
        """Return logits, samples, lengths and the history of the alignments."""
        cell, state = self.attend(**options)
        layer = v1.layers.Dense(size) if size else None
        decoder = self.seq2seq.BasicDecoder(cell, helper, state, layer)
        # Iterations one by one: else their draws are in any order.
        outputs, state, lengths = self.seq2seq.dynamic_decode(
            decoder, impute_finished=impute, maximum_iterations=4, parallel_iterations=1
        )
        histories = state.alignment_history
        if not isinstance(histories, tuple):
            histories = (histories,)
        return [*outputs, lengths, state.attention, *(history.stack() for history in histories)]

    def teach(self, **options: Any) -> Any:
        helper = self.seq2seq.TrainingHelper(self.inputs(), tf.constant(TARGET_LENGTHS))
        return self.decode(helper, **options)

    def search(self, decoder_options: Any = None, **options: Any) -> Any:
        """Return (outputs, state) of a beam search."""
        cell, state = self.attend(**options)
        decoder = self.seq2seq.BeamSearchDecoder(
            cell,
            self.embedding,
            self.start_tokens,
            END,
            state,
            BEAMS,
            v1.layers.Dense(SYMBOLS, use_bias=False),
            **(decoder_options or {}),
        )
        return self.seq2seq.dynamic_decode(decoder, maximum_iterations=4)[:2]


def models(seq2seq: Any) -> Any:
    """Return functions that build models of `tf.contrib.seq2seq`, by name."""

    def taught(mechanism: str, **options: Any) -> Any:
        return lambda: Model(seq2seq, mechanism).teach(**options)

    def searched(mechanism: str, *, static: bool = False, **options: Any) -> Any:
        def build() -> Any:
            model = Model(seq2seq, mechanism, beams=BEAMS, static=static)
            outputs, state = model.search(options)
            histories = state.cell_state.alignment_history
            if not isinstance(histories, tuple):
                histories = (histories,)
            stacked = [h.stack() if hasattr(h, "stack") else h for h in histories]
            return [outputs.predicted_ids, outputs[1].scores, state.lengths, *stacked]

        return build

    def helped(make: Any, size: Any = SYMBOLS) -> Any:
        def build() -> Any:
            model = Model(seq2seq)
            return model.decode(make(model), impute=False, size=size)

        return build

    lengths = TARGET_LENGTHS
    made = {f"teach {name}": taught(name) for name in mechanisms(seq2seq)}
    made.update(
        {
            "teach cell output": taught("luong", output_attention=False),
            "teach context": taught("bahdanau", attention_layer_size=None),
            "search": searched("luong"),
            "search static": searched("luong", static=True),
            "search with penalties": searched(
                "bahdanau", length_penalty_weight=0.6, coverage_penalty_weight=0.5
            ),
            "search over both": searched("luong and bahdanau", coverage_penalty_weight=0.3),
            "greedy": helped(
                lambda m: seq2seq.GreedyEmbeddingHelper(m.embedding, m.start_tokens, END)
            ),
            "drawn": helped(
                lambda m: seq2seq.SampleEmbeddingHelper(
                    m.embedding, m.start_tokens, END, softmax_temperature=0.5, seed=3
                )
            ),
            "scheduled symbols": helped(
                lambda m: seq2seq.ScheduledEmbeddingTrainingHelper(
                    m.inputs(), lengths, m.embedding, 0.5, seed=3, scheduling_seed=8
                )
            ),
            "scheduled outputs": helped(
                lambda m: seq2seq.ScheduledOutputTrainingHelper(
                    m.inputs(), lengths, 0.5, seed=3, auxiliary_inputs=tf.constant(wave(2, 3, 1))
                ),
                size=UNITS,
            ),
            "scheduled functions of outputs": helped(
                lambda m: seq2seq.ScheduledOutputTrainingHelper(
                    m.inputs(),
                    lengths,
                    0.5,
                    seed=3,
                    next_inputs_fn=lambda outputs: outputs[:, :2] * 2,
                )
            ),
        }
    )
    return made


def legacy_models(legacy: Any) -> Any:
    """Return functions that build models of `tf.contrib.legacy_seq2seq`, by name."""

    def buckets(*, per_example: bool) -> Any:
        weights = [tf.constant([1.0, 1.0]), tf.constant([1.0, 0.5])]
        outputs, losses = legacy.model_with_buckets(
            encoder(),
            decoder(),
            decoder()[1:],
            weights,
            [(1, 1), (2, 2)],
            lambda x, y: legacy.embedding_attention_seq2seq(x, y, gru(), SYMBOLS, SYMBOLS, 3),
            per_example_loss=per_example,
        )
        return [*itertools.chain(*outputs), *losses]

    made = {
        "basic": lambda: legacy.basic_rnn_seq2seq(features(2), features(3), lstm()),
        "tied alone": lambda: legacy.tied_rnn_seq2seq(features(2), features(3), gru()),
        "buckets": lambda: buckets(per_example=False),
        "buckets by example": lambda: buckets(per_example=True),
    }
    for feed, told in (
        ("given", lambda: False),
        ("previous", lambda: True),
        ("previous by a tensor", lambda: tf.constant(value=True)),
    ):
        models_so_fed = embedding_models(legacy, told).items()
        made.update({f"{name}, feed {feed}": make for name, make in models_so_fed})
    return made


def embedding_models(legacy: Any, feed_previous: Any) -> Any:
    """Return functions that build models of symbols; feed_previous() is asked in each graph."""
    return {
        "embedded": lambda: legacy.embedding_rnn_seq2seq(
            encoder(), decoder(), lstm(), SYMBOLS, 6, 3, feed_previous=feed_previous()
        ),
        "projected": lambda: legacy.embedding_rnn_seq2seq(
            encoder(), decoder(), gru(), SYMBOLS, SYMBOLS, 3, projection(), feed_previous()
        ),
        "tied": lambda: legacy.embedding_tied_rnn_seq2seq(
            encoder(), decoder(), lstm(), 6, 3, SYMBOLS, feed_previous=feed_previous()
        ),
        "attending": lambda: legacy.embedding_attention_seq2seq(
            encoder(), decoder(), lstm(), SYMBOLS, 6, 3, 2, feed_previous=feed_previous()
        ),
        "attending from the start": lambda: legacy.embedding_attention_seq2seq(
            encoder(),
            decoder(),
            gru(),
            SYMBOLS,
            SYMBOLS,
            3,
            output_projection=projection(),
            feed_previous=feed_previous(),
            initial_state_attention=True,
        ),
        "one to many": lambda: legacy.one2many_rnn_seq2seq(
            encoder(),
            {"a": decoder(), "b": decoder()[:2]},
            lstm(),
            {"a": lstm(), "b": lstm()},
            SYMBOLS,
            {"a": 6, "b": SYMBOLS},
            3,
            feed_previous=feed_previous(),
        ),
    }


def lstm() -> Any:
    return v1.nn.rnn_cell.LSTMCell(UNITS)


def gru() -> Any:
    return v1.nn.rnn_cell.GRUCell(UNITS)


def features(steps: int) -> Any:
    return [tf.constant(wave(2, 3, start=step)) for step in range(steps)]


def encoder() -> Any:
    return [tf.constant(row) for row in ([1, 2], [3, 4])]


def decoder() -> Any:
    return [tf.constant(row) for row in ([0, 0], [1, 3], [2, 1])]


def projection() -> Any:
    return v1.get_variable("W", [UNITS, SYMBOLS]), v1.get_variable("b", [SYMBOLS])


def assign_weights() -> Any:
    """Return operations that set every variable to values that follow from the names' order."""
    variables = sorted(v1.global_variables(), key=lambda v: v.op.name)
    return [
        # Large ones, so that beams overtake each other.
        v1.assign(variable, 3 * wave(*variable.shape.as_list(), start=number))
        for number, variable in enumerate(variables)
    ]


def unoptimized() -> Any:
    """Return what makes sessions start sooner: graphs that run once need no optimizing."""
    options = v1.OptimizerOptions(opt_level=v1.OptimizerOptions.L0)
    config = v1.ConfigProto(graph_options=v1.GraphOptions(optimizer_options=options))
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


def measure(make: Any) -> Any:
    """Build a model; return its variables, its outputs and the norms of all gradients."""
    with tf.Graph().as_default(), v1.Session(config=unoptimized()) as session:
        v1.set_random_seed(1)
        outputs = tf.nest.flatten(make())
        flat = tf.concat([tf.reshape(tf.cast(x, tf.float32), [-1]) for x in outputs], 0)
        loss = tf.reduce_sum(flat * tf.cos(tf.cast(tf.range(tf.size(flat)), tf.float32)))
        variables = sorted(v1.trainable_variables(), key=lambda v: v.op.name)
        gradients = [g for g in v1.gradients(loss, variables) if g is not None]
        session.run(assign_weights())
        norms = [tf.norm(tf.convert_to_tensor(g)) for g in gradients]
        values, flat, norms = session.run([outputs, flat, norms])
        return {
            "variables": {v.op.name: v.shape.as_list() for v in v1.global_variables()},
            "shapes": [list(value.shape) for value in values],
            "dtypes": [output.dtype.name for output in outputs],
            "outputs": np.round(flat.astype(float), 5).tolist(),
            "gradients": [round(float(norm), 4) for norm in norms],
        }


if __name__ == "__main__":
    everything = {"seq2seq": models(tf.contrib.seq2seq)}
    everything["legacy_seq2seq"] = legacy_models(tf.contrib.legacy_seq2seq)
    parts = []
    for package, functions in everything.items():
        lines = [f'"{name}": {json.dumps(measure(make))}' for name, make in functions.items()]
        parts.append(f'"{package}": {{\n' + ",\n".join(lines) + "\n}")
    print("{" + ",\n".join(parts) + "}")
