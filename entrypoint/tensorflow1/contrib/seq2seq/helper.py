"""Helpers: what a `BasicDecoder` samples of an output, and its next input."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.seq2seq.decoder import _transpose_batch_time

v1 = tf.compat.v1


class Helper(abc.ABC):
    """What a `BasicDecoder` asks at each step."""

    @property
    @abc.abstractmethod
    def batch_size(self) -> Any:
        """Number of examples, a scalar."""

    @property
    @abc.abstractmethod
    def sample_ids_shape(self) -> Any:
        """Shape of a sample, without the batch dimension."""

    @property
    @abc.abstractmethod
    def sample_ids_dtype(self) -> Any:
        """Type of a sample."""

    @abc.abstractmethod
    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Return (finished, first inputs)."""

    @abc.abstractmethod
    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Return the sample ids."""

    @abc.abstractmethod
    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Return (finished, next inputs, next state)."""


class _SymbolHelper(Helper):
    """A helper whose samples are one int32 per example."""

    @property
    def batch_size(self) -> Any:
        """Number of examples, a scalar."""
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        """One number."""
        return tf.TensorShape([])

    @property
    def sample_ids_dtype(self) -> Any:
        """An int32."""
        return tf.int32

    _batch_size: Any


class CustomHelper(Helper):
    """A helper made of three functions.

    Args:
        initialize_fn: () to (finished, first inputs).
        sample_fn: (time=, outputs=, state=) to sample ids.
        next_inputs_fn: (time=, outputs=, state=, sample_ids=) to (finished, next inputs, next
            state).
        sample_ids_shape: shape of a sample, a scalar by default.
        sample_ids_dtype: type of a sample, int32 by default.
    """

    def __init__(
        self,
        initialize_fn: Callable[..., Any],
        sample_fn: Callable[..., Any],
        next_inputs_fn: Callable[..., Any],
        sample_ids_shape: Any = None,
        sample_ids_dtype: Any = None,
    ) -> None:
        self._initialize_fn = initialize_fn
        self._sample_fn = sample_fn
        self._next_inputs_fn = next_inputs_fn
        self._batch_size: Any = None
        self._sample_ids_shape = tf.TensorShape(
            [] if sample_ids_shape is None else sample_ids_shape
        )
        self._sample_ids_dtype = sample_ids_dtype or tf.int32

    @property
    def batch_size(self) -> Any:
        """Number of examples, known once `initialize` was called."""
        if self._batch_size is None:
            raise ValueError("the batch size is known after initialize; call that first")
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        """Shape of a sample, without the batch dimension."""
        return self._sample_ids_shape

    @property
    def sample_ids_dtype(self) -> Any:
        """Type of a sample."""
        return self._sample_ids_dtype

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Return (finished, first inputs)."""
        with v1.name_scope(name, f"{type(self).__name__}Initialize"):
            finished, next_inputs = self._initialize_fn()
            if self._batch_size is None:
                self._batch_size = tf.size(finished)
        return finished, next_inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Return the sample ids."""
        with v1.name_scope(name, f"{type(self).__name__}Sample", (time, outputs, state)):
            return self._sample_fn(time=time, outputs=outputs, state=state)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> Any:
        """Return (finished, next inputs, next state)."""
        with v1.name_scope(name, f"{type(self).__name__}NextInputs", (time, outputs, state)):
            return self._next_inputs_fn(
                time=time, outputs=outputs, state=state, sample_ids=sample_ids
            )


class TrainingHelper(_SymbolHelper):
    """Feeds the given inputs; samples are the largest outputs' indices and are not fed.

    Args:
        inputs: [batch, time, ...], or [time, batch, ...].
        sequence_length: int vector, the steps of each example.
        time_major: whether the inputs are [time, batch, ...].
        name: name scope.

    Raises:
        ValueError: `sequence_length` is not a vector.
    """

    def __init__(
        self,
        inputs: Any,
        sequence_length: Any,
        time_major: bool = False,
        name: str | None = None,
    ) -> None:
        with v1.name_scope(name, "TrainingHelper", [inputs, sequence_length]):
            self._sequence_length = tf.convert_to_tensor(sequence_length, name="sequence_length")
            if self._sequence_length.shape.ndims != 1:
                raise ValueError(
                    "Expected sequence_length to be a vector, but received shape:"
                    f" {self._sequence_length.shape}"
                )
            inputs = tf.convert_to_tensor(inputs, name="inputs")
            self._inputs = inputs
            if not time_major:
                inputs = _transpose_batch_time(inputs)
            self._input_tas = _unstack_ta(inputs)
            self._zero_inputs = tf.zeros_like(inputs[0, :])
            self._batch_size = tf.size(sequence_length)

    @property
    def inputs(self) -> Any:
        """The inputs as they were given."""
        return self._inputs

    @property
    def sequence_length(self) -> Any:
        """The steps of each example."""
        return self._sequence_length

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Return (finished, first inputs)."""
        with v1.name_scope(name, "TrainingHelperInitialize"):
            finished = tf.equal(0, self._sequence_length)
            return finished, self._read(0, finished)

    def sample(  # type: ignore[override]  # TensorFlow 1's signature
        self, time: Any, outputs: Any, name: str | None = None, **unused_kwargs: Any
    ) -> Any:
        """Return the indices of the largest outputs."""
        with v1.name_scope(name, "TrainingHelperSample", [time, outputs]):
            return tf.argmax(outputs, axis=-1, output_type=tf.int32)

    def next_inputs(  # type: ignore[override]  # TensorFlow 1's signature
        self,
        time: Any,
        outputs: Any,
        state: Any,
        name: str | None = None,
        **unused_kwargs: Any,
    ) -> tuple[Any, Any, Any]:
        """Return (finished, next inputs, the state as it is)."""
        with v1.name_scope(name, "TrainingHelperNextInputs", [time, outputs, state]):
            finished = time + 1 >= self._sequence_length
            return finished, self._read(time + 1, finished), state

    def _read(self, time: Any, finished: Any) -> Any:
        # When all are finished there may be no such input any more.
        return v1.cond(
            tf.reduce_all(finished), lambda: self._zero_inputs, lambda: self._input_tas.read(time)
        )


def _unstack_ta(inputs: Any) -> Any:
    array = tf.TensorArray(inputs.dtype, size=tf.shape(inputs)[0], element_shape=inputs.shape[1:])
    return array.unstack(inputs)
