"""Helpers that feed back what was sampled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.seq2seq.helper import Helper, _SymbolHelper

v1 = tf.compat.v1


class GreedyEmbeddingHelper(_SymbolHelper):
    """Feeds the embedding of the symbol with the largest output.

    Args:
        embedding: a function of an id vector, or the params of `embedding_lookup`.
        start_tokens: int vector [batch].
        end_token: int scalar.

    Raises:
        ValueError: `start_tokens` is not a vector, or `end_token` not a scalar.
    """

    def __init__(self, embedding: Any, start_tokens: Any, end_token: Any) -> None:
        self._embedding_fn = embedding_function(embedding)
        self._start_tokens, self._end_token = tokens(start_tokens, end_token)
        self._batch_size = tf.size(start_tokens)
        self._start_inputs = self._embedding_fn(self._start_tokens)

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Return (finished, first inputs)."""
        return tf.tile([False], [self._batch_size]), self._start_inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Return the indices of the largest outputs."""
        return tf.argmax(_single(outputs), axis=-1, output_type=tf.int32)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Return (finished, next inputs, the state as it is)."""
        finished = tf.equal(sample_ids, self._end_token)
        next_inputs = v1.cond(
            tf.reduce_all(finished),
            lambda: self._start_inputs,
            lambda: self._embedding_fn(sample_ids),
        )
        return finished, next_inputs, state


class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """Feeds the embedding of a symbol drawn with softmax(outputs / temperature).

    Args:
        embedding: a function of an id vector, or the params of `embedding_lookup`.
        start_tokens: int vector [batch].
        end_token: int scalar.
        softmax_temperature: float, 1 by default; near 0 the draw is the largest output.
        seed: of the draws.
    """

    def __init__(
        self,
        embedding: Any,
        start_tokens: Any,
        end_token: Any,
        softmax_temperature: Any = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding, start_tokens, end_token)
        self._softmax_temperature = softmax_temperature
        self._seed = seed

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Return drawn indices."""
        logits = _single(outputs)
        if self._softmax_temperature is not None:
            logits /= self._softmax_temperature
        return categorical_sample(logits, seed=self._seed)


class InferenceHelper(Helper):
    """Feeds samples of the user's functions.

    Args:
        sample_fn: outputs to sample ids.
        sample_shape: shape of a sample, without the batch dimension.
        sample_dtype: type of a sample.
        start_inputs: the first inputs.
        end_fn: sample ids to a bool vector, whether each is an end token.
        next_inputs_fn: sample ids to next inputs; the samples themselves by default.
    """

    def __init__(
        self,
        sample_fn: Callable[[Any], Any],
        sample_shape: Any,
        sample_dtype: Any,
        start_inputs: Any,
        end_fn: Callable[[Any], Any],
        next_inputs_fn: Callable[[Any], Any] | None = None,
    ) -> None:
        self._sample_fn = sample_fn
        self._end_fn = end_fn
        self._sample_shape = tf.TensorShape(sample_shape)
        self._sample_dtype = sample_dtype
        self._next_inputs_fn = next_inputs_fn
        self._batch_size = tf.shape(start_inputs)[0]
        self._start_inputs = tf.convert_to_tensor(start_inputs, name="start_inputs")

    @property
    def batch_size(self) -> Any:
        """Number of examples, a scalar."""
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        """Shape of a sample, without the batch dimension."""
        return self._sample_shape

    @property
    def sample_ids_dtype(self) -> Any:
        """Type of a sample."""
        return self._sample_dtype

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Return (finished, first inputs)."""
        return tf.tile([False], [self._batch_size]), self._start_inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Return what `sample_fn` makes of the outputs."""
        return self._sample_fn(outputs)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Return (finished, next inputs, the state as it is)."""
        next_inputs = (
            sample_ids if self._next_inputs_fn is None else self._next_inputs_fn(sample_ids)
        )
        return self._end_fn(sample_ids), next_inputs, state


def embedding_function(embedding: Any) -> Callable[[Any], Any]:
    """Return the function from ids to their embeddings."""
    if callable(embedding):
        return embedding  # type: ignore[no-any-return]  # whatever the user gave
    return lambda ids: v1.nn.embedding_lookup(embedding, ids)


def tokens(start_tokens: Any, end_token: Any) -> tuple[Any, Any]:
    """Return both as int32 tensors.

    Raises:
        ValueError: `start_tokens` is not a vector, or `end_token` not a scalar.
    """
    start = tf.convert_to_tensor(start_tokens, dtype=tf.int32, name="start_tokens")
    end = tf.convert_to_tensor(end_token, dtype=tf.int32, name="end_token")
    if start.shape.ndims != 1:
        raise ValueError("start_tokens is no vector; give one token per sequence")
    if end.shape.ndims != 0:
        raise ValueError("end_token is no scalar; give the one token that ends a sequence")
    return start, end


def categorical_sample(logits: Any, dtype: Any = tf.int32, seed: int | None = None) -> Any:
    """Return an index drawn with softmax(logits) along the last dimension."""
    logits = tf.convert_to_tensor(logits, name="logits")
    shape = tf.shape(logits)
    draws = tf.random.categorical(tf.reshape(logits, [-1, shape[-1]]), 1, dtype=tf.int32, seed=seed)
    return tf.cast(tf.reshape(draws, shape[:-1]), dtype)


def _single(outputs: Any) -> Any:
    if not isinstance(outputs, tf.Tensor):
        raise TypeError(f"Expected outputs to be a single Tensor, got: {type(outputs)}")
    return outputs
