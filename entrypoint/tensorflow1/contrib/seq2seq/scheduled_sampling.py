"""Training helpers that now and then feed what was sampled (https://arxiv.org/abs/1506.03099)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.seq2seq.decoder import _transpose_batch_time
from entrypoint.tensorflow1.contrib.seq2seq.helper import TrainingHelper, _unstack_ta
from entrypoint.tensorflow1.contrib.seq2seq.inference_helper import (
    categorical_sample,
    embedding_function,
)

v1 = tf.compat.v1


class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """Feeds, with a probability, the embedding of a symbol drawn with softmax(outputs).

    Sample ids are -1 where the given input is fed.

    Args:
        inputs: [batch, time, depth], or [time, batch, depth].
        sequence_length: int vector, the steps of each example.
        embedding: a function of an id vector, or the params of `embedding_lookup`.
        sampling_probability: float scalar, or a vector [batch].
        time_major: whether the inputs are [time, batch, depth].
        seed: of the drawn symbols.
        scheduling_seed: of the choice whether to feed them.
        name: name scope.

    Raises:
        ValueError: `sampling_probability` is neither scalar nor vector.
    """

    def __init__(
        self,
        inputs: Any,
        sequence_length: Any,
        embedding: Any,
        sampling_probability: Any,
        time_major: bool = False,
        seed: int | None = None,
        scheduling_seed: int | None = None,
        name: str | None = None,
    ) -> None:
        with v1.name_scope(name, "ScheduledEmbeddingSamplingWrapper", [sampling_probability]):
            self._embedding_fn = embedding_function(embedding)
            self._sampling_probability = _probability(sampling_probability)
            self._seed = seed
            self._scheduling_seed = scheduling_seed
            super().__init__(inputs, sequence_length, time_major=time_major, name=name)

    def sample(  # type: ignore[override]  # TensorFlow 1's signature
        self, time: Any, outputs: Any, state: Any, name: str | None = None
    ) -> Any:
        """Return drawn indices, -1 where none is to be fed."""
        with v1.name_scope(name, "ScheduledEmbeddingTrainingHelperSample", [time, outputs, state]):
            chosen = _choose(self._sampling_probability, self.batch_size, self._scheduling_seed)
            drawn = categorical_sample(outputs, seed=self._seed)
            return tf.where(chosen, drawn, -tf.ones_like(drawn))

    def next_inputs(  # type: ignore[override]  # TensorFlow 1's signature
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Return (finished, next inputs, the state as it is)."""
        with v1.name_scope(
            name, "ScheduledEmbeddingTrainingHelperNextInputs", [time, outputs, state, sample_ids]
        ):
            finished, given, state = super().next_inputs(time=time, outputs=outputs, state=state)

            def mixed() -> Any:
                return _mixed(
                    sample_ids > -1,
                    given,
                    lambda where: self._embedding_fn(tf.gather_nd(sample_ids, where)),
                )

            return finished, v1.cond(tf.reduce_all(finished), lambda: given, mixed), state


class ScheduledOutputTrainingHelper(TrainingHelper):
    """Feeds, with a probability, the previous output itself.

    Sample ids are 1 where the output is fed, and 0 elsewhere.

    Args:
        inputs: [batch, time, depth], or [time, batch, depth].
        sequence_length: int vector, the steps of each example.
        sampling_probability: float scalar, or a vector [batch].
        time_major: whether the inputs are [time, batch, depth].
        seed: of the choice whether to feed outputs.
        next_inputs_fn: outputs to inputs; the outputs themselves by default.
        auxiliary_inputs: joined to every input in the last dimension, fed or given.
        name: name scope.

    Raises:
        ValueError: `sampling_probability` is neither scalar nor vector.
    """

    def __init__(
        self,
        inputs: Any,
        sequence_length: Any,
        sampling_probability: Any,
        time_major: bool = False,
        seed: int | None = None,
        next_inputs_fn: Callable[[Any], Any] | None = None,
        auxiliary_inputs: Any = None,
        name: str | None = None,
    ) -> None:
        with v1.name_scope(name, "ScheduledOutputTrainingHelper", [sampling_probability]):
            self._sampling_probability = _probability(sampling_probability)
            self._seed = seed
            self._next_inputs_fn = next_inputs_fn
            self._auxiliary_input_tas = None
            if auxiliary_inputs is not None:
                inputs = tf.convert_to_tensor(inputs, name="inputs")
                auxiliary = tf.convert_to_tensor(auxiliary_inputs, name="auxiliary_inputs")
                inputs = tf.concat((inputs, auxiliary), -1)
                if not time_major:
                    auxiliary = _transpose_batch_time(auxiliary)
                self._auxiliary_input_tas = _unstack_ta(auxiliary)
            super().__init__(inputs, sequence_length, time_major=time_major, name=name)

    def sample(  # type: ignore[override]  # TensorFlow 1's signature
        self, time: Any, outputs: Any, state: Any, name: str | None = None
    ) -> Any:
        """Return 1 where the output is to be fed, else 0."""
        with v1.name_scope(name, "ScheduledOutputTrainingHelperSample", [time, outputs, state]):
            chosen = _choose(self._sampling_probability, self.batch_size, self._seed)
            return tf.cast(chosen, tf.int32)

    def next_inputs(  # type: ignore[override]  # TensorFlow 1's signature
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Return (finished, next inputs, the state as it is)."""
        with v1.name_scope(
            name, "ScheduledOutputTrainingHelperNextInputs", [time, outputs, state, sample_ids]
        ):
            finished, given, state = super().next_inputs(time=time, outputs=outputs, state=state)
            chosen = tf.cast(sample_ids, tf.bool)

            def mixed() -> Any:
                return _mixed(chosen, given, lambda where: self._fed(time + 1, outputs, where))

            nothing = tf.reduce_all(finished) | ~tf.reduce_any(chosen)
            return finished, v1.cond(nothing, lambda: given, mixed), state

    def _fed(self, time: Any, outputs: Any, where: Any) -> Any:
        """Return the inputs made of the outputs of the examples at `where`."""
        fed = tf.gather_nd(outputs, where)
        if self._next_inputs_fn is not None:
            fed = self._next_inputs_fn(fed)
        if self._auxiliary_input_tas is None:
            return fed
        auxiliary = tf.gather_nd(self._auxiliary_input_tas.read(time), where)
        return tf.concat((fed, auxiliary), -1)


def _mixed(chosen: Any, given: Any, fed_at: Callable[[Any], Any]) -> Any:
    """Return the given inputs with those of the chosen examples replaced by `fed_at(indices)`."""
    where = tf.cast(v1.where(chosen), tf.int32)
    kept = tf.cast(v1.where(~chosen), tf.int32)
    shape = tf.shape(given)
    mixed = tf.scatter_nd(where, fed_at(where), shape) + tf.scatter_nd(
        kept, tf.gather_nd(given, kept), shape
    )
    mixed.set_shape(given.shape)
    return mixed


def _choose(probability: Any, batch_size: Any, seed: int | None) -> Any:
    """Return a bool vector [batch], true with the probability."""
    return tf.random.uniform([batch_size], seed=seed, dtype=probability.dtype) < probability


def _probability(value: Any) -> Any:
    probability = tf.convert_to_tensor(value, name="sampling_probability")
    if probability.shape.ndims not in (0, 1):
        raise ValueError(
            "sampling_probability must be either a scalar or a vector. saw shape:"
            f" {probability.shape}"
        )
    return probability
