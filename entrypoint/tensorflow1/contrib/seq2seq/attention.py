"""Attention mechanisms: how much of each memory entry a query reads."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.ops import rnn_cell_impl

v1 = tf.compat.v1


class AttentionMechanism:
    """What `AttentionWrapper` accepts as a mechanism."""

    @property
    def alignments_size(self) -> Any:
        """Number of memory entries, an int or a scalar tensor."""
        raise TypeError(f"{type(self).__name__} does not define alignments_size")

    @property
    def state_size(self) -> Any:
        """Shape of the mechanism's state, without the batch dimension."""
        raise TypeError(f"{type(self).__name__} does not define state_size")


class _BaseAttentionMechanism(AttentionMechanism):
    """A mechanism over a memory of shape [batch, time, ...], with its keys computed once.

    Args:
        query_layer: a layer that maps a query to the keys' depth, or None.
        memory: what to attend to; the encoder's outputs, as a rule.
        probability_fn: (score, previous alignments) to alignments.
        memory_sequence_length: valid entries per example; later ones become zero.
        memory_layer: a layer that maps memory to keys, or None.
        check_inner_dims_defined: refuse a memory whose depth is unknown.
        score_mask_value: score of the entries beyond the length, minus infinity by default.
        custom_key_value_fn: (keys, values) to the (keys, values) to use.
        name: name scope.
    """

    def __init__(
        self,
        query_layer: Any,
        memory: Any,
        probability_fn: Callable[[Any, Any], Any],
        memory_sequence_length: Any = None,
        memory_layer: Any = None,
        check_inner_dims_defined: bool = True,
        score_mask_value: Any = None,
        custom_key_value_fn: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        name: str | None = None,
    ) -> None:
        for role, layer in (("query_layer", query_layer), ("memory_layer", memory_layer)):
            if layer is not None:
                require_layer(role, layer)
        if not callable(probability_fn):
            raise TypeError(
                f"probability_fn must be callable, saw type: {type(probability_fn).__name__}"
            )
        self._query_layer = query_layer
        self._memory_layer = memory_layer
        with v1.name_scope(name, "BaseAttentionMechanismInit", tf.nest.flatten(memory)):
            self._values = _prepare_memory(memory, memory_sequence_length, check_inner_dims_defined)
            self._keys = memory_layer(self._values) if memory_layer else self._values
            if custom_key_value_fn is not None:
                self._keys, self._values = custom_key_value_fn(self._keys, self._values)
            self._batch_size = _dimension(self._keys, 0)
            self._alignments_size = _dimension(self._keys, 1)
        self.dtype = memory_layer.dtype if memory_layer else self._keys.dtype
        if score_mask_value is None:
            score_mask_value = tf.as_dtype(self.dtype).as_numpy_dtype(-np.inf)

        def masked_probability(score: Any, previous: Any) -> Any:
            masked = _maybe_mask_score(score, memory_sequence_length, score_mask_value)
            return probability_fn(masked, previous)

        self._probability_fn = masked_probability

    @property
    def memory_layer(self) -> Any:
        """The layer that made the keys."""
        return self._memory_layer

    @property
    def query_layer(self) -> Any:
        """The layer that every query goes through."""
        return self._query_layer

    @property
    def values(self) -> Any:
        """What is read: the memory, zero beyond its lengths."""
        return self._values

    @property
    def keys(self) -> Any:
        """What queries are compared with, [batch, time, depth]."""
        return self._keys

    @property
    def batch_size(self) -> Any:
        """An int where it is known when the graph is built, else a scalar tensor."""
        return self._batch_size

    @property
    def alignments_size(self) -> Any:
        """Number of memory entries, as `batch_size`."""
        return self._alignments_size

    @property
    def state_size(self) -> Any:
        """The state is the previous alignments."""
        return self._alignments_size

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Any:
        """Return zeros of shape [batch_size, alignments_size]."""
        return rnn_cell_impl._zero_state_tensors(self._alignments_size, batch_size, dtype)

    def initial_state(self, batch_size: Any, dtype: Any) -> Any:
        """Return the initial alignments."""
        return self.initial_alignments(batch_size, dtype)


class LuongAttention(_BaseAttentionMechanism):
    """Multiplicative attention: score = scale * <query, key> (https://arxiv.org/abs/1508.04025).

    The query's depth must be `num_units`; `scale` adds a learned scalar.
    """

    def __init__(
        self,
        num_units: int,
        memory: Any,
        memory_sequence_length: Any = None,
        scale: bool = False,
        probability_fn: Callable[[Any], Any] | None = None,
        score_mask_value: Any = None,
        dtype: Any = None,
        custom_key_value_fn: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        name: str = "LuongAttention",
    ) -> None:
        super().__init__(
            query_layer=None,
            memory_layer=_dense("memory_layer", num_units, dtype),
            memory=memory,
            probability_fn=_of_score_alone(probability_fn),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn,
            name=name,
        )
        self._num_units = num_units
        self._scale = scale
        self._name = name

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Return the alignments, [batch, alignments_size], twice: they are the next state too."""
        with v1.variable_scope(None, "luong_attention", [query]):
            score = luong_score_with_variables(self, query)
        alignments = self._probability_fn(score, state)
        return alignments, alignments


class BahdanauAttention(_BaseAttentionMechanism):
    """Additive attention: score = <v, tanh(W query + key)> (https://arxiv.org/abs/1409.0473).

    `normalize` uses g * v / |v| for v, and a bias inside tanh
    (weight normalization, https://arxiv.org/abs/1602.07868).
    """

    def __init__(
        self,
        num_units: int,
        memory: Any,
        memory_sequence_length: Any = None,
        normalize: bool = False,
        probability_fn: Callable[[Any], Any] | None = None,
        score_mask_value: Any = None,
        dtype: Any = None,
        custom_key_value_fn: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        name: str = "BahdanauAttention",
    ) -> None:
        super().__init__(
            query_layer=_dense("query_layer", num_units, dtype),
            memory_layer=_dense("memory_layer", num_units, dtype),
            memory=memory,
            probability_fn=_of_score_alone(probability_fn),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn,
            name=name,
        )
        self._num_units = num_units
        self._normalize = normalize
        self._name = name

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Return the alignments, [batch, alignments_size], twice: they are the next state too."""
        with v1.variable_scope(None, "bahdanau_attention", [query]):
            score = bahdanau_score_with_variables(self, query)
        alignments = self._probability_fn(score, state)
        return alignments, alignments


def luong_score_with_variables(mechanism: Any, query: Any) -> Any:
    """Return a Luong mechanism's scores, creating its variables in the current scope."""
    scale = None
    if mechanism._scale:
        scale = v1.get_variable(
            "attention_g", dtype=query.dtype, initializer=v1.ones_initializer(), shape=()
        )
    return _luong_score(query, mechanism._keys, scale)


def bahdanau_score_with_variables(mechanism: Any, query: Any) -> Any:
    """Return a Bahdanau mechanism's scores, creating its variables in the current scope."""
    units, dtype = mechanism._num_units, query.dtype
    processed_query = mechanism.query_layer(query) if mechanism.query_layer else query
    attention_v = v1.get_variable("attention_v", [units], dtype=dtype)
    attention_g = attention_b = None
    if mechanism._normalize:
        attention_g = v1.get_variable(
            "attention_g",
            dtype=dtype,
            initializer=v1.constant_initializer(math.sqrt(1.0 / units)),
            shape=(),
        )
        attention_b = v1.get_variable(
            "attention_b", [units], dtype=dtype, initializer=v1.zeros_initializer()
        )
    return _bahdanau_score(processed_query, mechanism._keys, attention_v, attention_g, attention_b)


def _luong_score(query: Any, keys: Any, scale: Any) -> Any:
    """Return [batch, time] inner products of query [batch, depth] and keys [batch, time, depth]."""
    depth = tf.compat.dimension_value(query.shape[-1])
    key_units = tf.compat.dimension_value(keys.shape[-1])
    if None not in (depth, key_units) and depth != key_units:
        raise ValueError(
            "Incompatible inner dimensions between query and keys. "
            f"Query ({query}) has units: {depth}. Keys ({keys}) have units: {key_units}. "
            f"Perhaps you need to set num_units to the query's dimension ({depth})?"
        )
    score = tf.squeeze(tf.matmul(tf.expand_dims(query, 1), keys, transpose_b=True), [1])
    return score if scale is None else scale * score


def _bahdanau_score(
    processed_query: Any,
    keys: Any,
    attention_v: Any,
    attention_g: Any = None,
    attention_b: Any = None,
) -> Any:
    """Return [batch, time] scores of query [batch, units] against keys [batch, time, units]."""
    total = keys + tf.expand_dims(processed_query, 1)
    if attention_g is not None and attention_b is not None:
        norm = tf.math.rsqrt(tf.reduce_sum(tf.square(attention_v)))
        attention_v = attention_g * attention_v * norm
        total += attention_b
    return tf.reduce_sum(attention_v * tf.tanh(total), [2])


def hardmax(logits: Any, name: str | None = None) -> Any:
    """Return one-hot vectors along the last dimension, 1 at the largest logit."""
    with v1.name_scope(name, "Hardmax", [logits]):
        logits = tf.convert_to_tensor(logits, name="logits")
        return tf.one_hot(tf.argmax(logits, -1), _dimension(logits, -1), dtype=logits.dtype)


def require_layer(role: str, layer: Any) -> None:
    """Refuse what is not a layer.

    Current TensorFlow has three families of layer classes without a common base, so this asks for
    what is used of one.

    Raises:
        TypeError: names the argument and what was given.
    """
    if not (callable(layer) and hasattr(layer, "compute_output_shape")):
        raise TypeError(f"{role} must be a Layer, received: {type(layer).__name__}")


def _dense(name: str, units: int, dtype: Any) -> Any:
    return v1.layers.Dense(units, name=name, use_bias=False, dtype=dtype or tf.float32)


def _of_score_alone(probability_fn: Callable[[Any], Any] | None) -> Callable[[Any, Any], Any]:
    function = tf.nn.softmax if probability_fn is None else probability_fn
    return lambda score, _: function(score)


def _dimension(tensor: Any, axis: int) -> Any:
    static = tf.compat.dimension_value(tensor.shape[axis])
    return tf.shape(tensor)[axis] if static is None else static


def _prepare_memory(
    memory: Any, memory_sequence_length: Any = None, check_inner_dims_defined: bool = True
) -> Any:
    """Return memory as tensors, zero from each example's length on.

    Raises:
        ValueError: a dimension after the first two is unknown, and that was to be checked.
    """
    memory = tf.nest.map_structure(lambda m: tf.convert_to_tensor(m, name="memory"), memory)
    for entry in tf.nest.flatten(memory):
        if check_inner_dims_defined and not entry.shape[2:].is_fully_defined():
            raise ValueError(
                f"Expected memory {entry.name} to have fully defined inner dims, "
                f"but saw shape: {entry.shape}"
            )
    if memory_sequence_length is None:
        return memory
    first = tf.nest.flatten(memory)[0]
    mask = tf.sequence_mask(memory_sequence_length, maxlen=tf.shape(first)[1], dtype=first.dtype)

    def masked(entry: Any) -> Any:
        inner_ones = tf.ones([tf.rank(entry) - 2], dtype=tf.int32)
        return entry * tf.reshape(mask, tf.concat([tf.shape(mask), inner_ones], 0))

    return tf.nest.map_structure(masked, memory)


def _maybe_mask_score(
    score: Any, memory_sequence_length: Any = None, score_mask_value: Any = None
) -> Any:
    """Return [batch, time] scores with those beyond the length replaced."""
    if memory_sequence_length is None:
        return score
    positive = v1.assert_positive(
        memory_sequence_length,
        message="All values in memory_sequence_length must be greater than zero.",
    )
    with tf.control_dependencies([positive] if positive is not None else []):
        mask = tf.sequence_mask(memory_sequence_length, maxlen=tf.shape(score)[1])
    return tf.where(mask, score, score_mask_value * tf.ones_like(score))
