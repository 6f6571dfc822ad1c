"""The loop that runs a decoder step by step."""

from __future__ import annotations

import abc
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops
from tensorflow.python.ops import control_flow_util, rnn, rnn_cell_impl

v1 = tf.compat.v1
_transpose_batch_time = rnn._transpose_batch_time


class Decoder(abc.ABC):
    """What `dynamic_decode` runs: `initialize` once, `step` until all is finished, `finalize`."""

    @property
    def batch_size(self) -> Any:
        """Number of examples, a scalar."""
        raise TypeError(f"{type(self).__name__} does not define batch_size")

    @property
    def output_size(self) -> Any:
        """Structure of the sizes of a step's outputs, without the batch dimension."""
        raise TypeError(f"{type(self).__name__} does not define output_size")

    @property
    def output_dtype(self) -> Any:
        """Structure of the types of a step's outputs."""
        raise TypeError(f"{type(self).__name__} does not define output_dtype")

    @abc.abstractmethod
    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        """Return (finished, first inputs, initial state)."""

    @abc.abstractmethod
    def step(
        self, time: Any, inputs: Any, state: Any, name: str | None = None
    ) -> tuple[Any, Any, Any, Any]:
        """Return (outputs, next state, next inputs, finished)."""

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> tuple[Any, Any]:
        """Return (outputs, final state) as the caller is to get them; here: as they are.

        `outputs` are time major. `dynamic_decode` passes on every error raised here, where
        TensorFlow 1 took a NotImplementedError, from however deep, for "nothing to do".
        """
        return outputs, final_state

    @property
    def tracks_own_finished(self) -> bool:
        """Whether `step` returns all that ever finished, as a decoder that reorders beams must."""
        return False


def dynamic_decode(
    decoder: Any,
    output_time_major: bool = False,
    impute_finished: bool = False,
    maximum_iterations: Any = None,
    parallel_iterations: int = 32,
    swap_memory: bool = False,
    scope: Any = None,
    **kwargs: Any,
) -> tuple[Any, Any, Any]:
    """Run a decoder until every sequence is finished.

    Args:
        decoder: a `Decoder`.
        output_time_major: return outputs as [time, batch, ...] instead of [batch, time, ...].
        impute_finished: past a sequence's end keep its state and make its outputs zero.
        maximum_iterations: most steps, a scalar; no limit if None.
        parallel_iterations: as of `tf.while_loop`.
        swap_memory: as of `tf.while_loop`.
        scope: variable scope, "decoder" by default.
        **kwargs: nothing that a `Decoder` takes.

    Returns:
        (outputs, final state, sequence lengths), the first two as the decoder's `finalize`
        returns them.

    Raises:
        TypeError: not a `Decoder`, or an unknown argument.
        ValueError: `maximum_iterations` is not a scalar, or is missing where XLA needs it.
    """
    if not isinstance(decoder, Decoder):
        raise TypeError(f"Expected decoder to be type Decoder, but saw: {type(decoder)}")
    if kwargs:
        raise TypeError(f"dynamic_decode: a Decoder takes no {', '.join(sorted(kwargs))}")
    with v1.variable_scope(scope, "decoder") as variable_scope:
        if rnn._should_cache() and variable_scope.caching_device is None:
            # Variables are read once, outside of the loop.
            variable_scope.set_caching_device(lambda op: op.device)
        maximum_iterations = _scalar(maximum_iterations)
        finished, inputs, state = decoder.initialize()
        if maximum_iterations is not None:
            finished = tf.logical_or(finished, maximum_iterations <= 0)
        _, outputs, state, _, _, lengths = v1.while_loop(
            lambda *loop: tf.logical_not(tf.reduce_all(loop[4])),
            _body(decoder, impute_finished),
            loop_vars=(
                tf.constant(0),
                _output_arrays(decoder, maximum_iterations),
                state,
                inputs,
                finished,
                tf.zeros_like(finished, dtype=tf.int32),
            ),
            parallel_iterations=parallel_iterations,
            maximum_iterations=maximum_iterations,
            swap_memory=swap_memory,
        )
        outputs = tf.nest.map_structure(lambda array: array.stack(), outputs)
        outputs, state = decoder.finalize(outputs, state, lengths)
        if not output_time_major:
            outputs = tf.nest.map_structure(_transpose_batch_time, outputs)
    return outputs, state, lengths


def _scalar(maximum_iterations: Any) -> Any:
    if maximum_iterations is None:
        return None
    limit = tf.convert_to_tensor(maximum_iterations, dtype=tf.int32, name="maximum_iterations")
    if limit.shape.ndims != 0:
        raise ValueError("maximum_iterations is no scalar; give one number for all sequences")
    return limit


def _output_arrays(decoder: Decoder, maximum_iterations: Any) -> Any:
    """Return the empty TensorArrays of the outputs."""
    context = None if tf.executing_eagerly() else v1.get_default_graph()._get_control_flow_context()
    is_xla = control_flow_util.GetContainingXLAContext(context) is not None
    if is_xla and maximum_iterations is None:
        raise ValueError("under XLA give maximum_iterations, which sizes the arrays")

    def array(size: Any, dtype: Any) -> Any:
        shape = None
        if isinstance(size, tf.TensorShape) and size.ndims != 0:
            batch_size = tf.get_static_value(ops.convert_to_tensor(decoder.batch_size))
            shape = tf.TensorShape([batch_size]).concatenate(size)
        return tf.TensorArray(
            dtype,
            size=maximum_iterations if is_xla else 0,
            dynamic_size=not is_xla,
            element_shape=shape,
        )

    return tf.nest.map_structure(array, decoder.output_size, decoder.output_dtype)


def _body(decoder: Decoder, impute_finished: bool) -> Any:
    """Return the loop's body: one step of the decoder, and what is kept of it."""
    zero_outputs = tf.nest.map_structure(
        lambda size, dtype: rnn_cell_impl._zero_state_tensors(size, decoder.batch_size, dtype),
        decoder.output_size,
        decoder.output_dtype,
    )

    def body(
        time: Any, arrays: Any, state: Any, inputs: Any, finished: Any, lengths: Any
    ) -> tuple[Any, ...]:
        outputs, next_state, next_inputs, now_finished = decoder.step(time, inputs, state)
        if not decoder.tracks_own_finished:
            now_finished = tf.logical_or(now_finished, finished)
        tf.nest.assert_same_structure(state, next_state)
        tf.nest.assert_same_structure(arrays, outputs)
        tf.nest.assert_same_structure(inputs, next_inputs)
        if impute_finished:
            outputs = tf.nest.map_structure(
                lambda output, zero: v1.where(finished, zero, output), outputs, zero_outputs
            )
            next_state = tf.nest.map_structure(
                lambda new, old: _kept(finished, new, old), next_state, state
            )
        arrays = tf.nest.map_structure(
            lambda array, output: array.write(time, output), arrays, outputs
        )
        lengths = v1.where(finished, lengths, tf.fill(tf.shape(lengths), time + 1))
        return time + 1, arrays, next_state, next_inputs, now_finished, lengths

    return body


def _kept(finished: Any, new: Any, old: Any) -> Any:
    """Return the old state where finished; scalars and TensorArrays always go on."""
    if isinstance(old, tf.TensorArray):
        return new
    new.set_shape(old.shape)
    return new if new.shape.ndims == 0 else v1.where(finished, old, new)
