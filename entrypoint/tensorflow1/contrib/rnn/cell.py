"""What the cells of `tf.contrib.rnn` have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

v1 = tf.compat.v1

RNNCell: Any = v1.nn.rnn_cell.RNNCell
# The base of cells that make their variables in `build`; it has no public name any more.
LayerRNNCell: Any = v1.nn.rnn_cell.BasicRNNCell.__base__
LSTMStateTuple: Any = v1.nn.rnn_cell.LSTMStateTuple


class Sized:
    """A cell that knows the sizes of its state and its output once it is made."""

    _state_size: Any
    _output_size: Any

    @property
    def state_size(self) -> Any:
        """The columns of the state, in the state's structure."""
        return self._state_size

    @property
    def output_size(self) -> Any:
        """The columns of the output."""
        return self._output_size


class CellWrapper:
    """A cell around another, with the other's state and, unless overridden, its output."""

    _cell: Any

    @property
    def state_size(self) -> Any:
        """The wrapped cell's."""
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        """The wrapped cell's."""
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Return the wrapped cell's initial state."""
        with v1.name_scope(type(self).__name__ + "ZeroState"):
            return self._cell.zero_state(batch_size, dtype)


def require_cell(cell: Any) -> Any:
    """Return a cell.

    Raises:
        TypeError: it is none.
    """
    wanted = ("output_size", "state_size", "zero_state")
    missing = [name for name in wanted if not hasattr(type(cell), name)]
    if missing or not callable(cell):
        raise TypeError(f"{cell!r} is not an RNNCell: it has no {', '.join(missing) or 'call'}")
    return cell


def columns(tensor: Any) -> int:
    """Return the size of a matrix's second dimension.

    Raises:
        ValueError: it is no matrix, or the size is not known while the graph is built.
    """
    size = tensor.shape.with_rank(2).as_list()[1]
    if size is None:
        raise ValueError(f"the last dimension of {tensor.name} must be known, not {tensor.shape}")
    return int(size)


def input_columns(input_shape: Any) -> int:
    """Return the size of the last dimension of the shape that `build` is given.

    Raises:
        ValueError: it is not known while the graph is built.
    """
    size = tf.TensorShape(input_shape).as_list()[-1]
    if size is None:
        raise ValueError(f"the last dimension of a cell's inputs must be known, not {input_shape}")
    return int(size)


class Linear:
    """`concat(args, 1) @ kernel + bias`, with variables of the scope in which this is made."""

    def __init__(
        self,
        args: Any,
        output_size: int,
        build_bias: bool,
        bias_initializer: Any = None,
        kernel_initializer: Any = None,
    ) -> None:
        parts = _as_list(args)
        shape = [sum(columns(part) for part in parts), output_size]
        dtype = parts[0].dtype
        self._kernel = v1.get_variable("kernel", shape, dtype, kernel_initializer)
        self._bias = None
        if build_bias:
            with v1.variable_scope(v1.get_variable_scope()) as scope:
                scope.set_partitioner(None)
                initializer = bias_initializer or v1.zeros_initializer()
                self._bias = v1.get_variable("bias", shape[1:], dtype, initializer)

    def __call__(self, args: Any) -> Any:
        """Return [batch, output_size], given matrices of the same sizes."""
        parts = _as_list(args)
        joined = parts[0] if len(parts) == 1 else tf.concat(parts, 1)
        product = tf.matmul(joined, self._kernel)
        return product if self._bias is None else tf.nn.bias_add(product, self._bias)


def linear(
    args: Any,
    output_size: int,
    bias: bool = True,
    bias_initializer: Any = None,
    kernel_initializer: Any = None,
) -> Any:
    """Return `concat(args, 1) @ kernel + bias` with variables of the current scope."""
    return Linear(args, output_size, bias, bias_initializer, kernel_initializer)(args)


def _as_list(args: Any) -> list[Any]:
    return list(args) if isinstance(args, Sequence) else [args]


def sharded_variable(name: str, shape: list[int], dtype: Any, shards: int) -> Any:
    """Return variables `name_0`, `name_1` and so on, which split the rows, as one tensor."""
    if shards > shape[0]:
        raise ValueError(f"{name} has {shape[0]} rows, which {shards} shards are too many for")
    rows, more = divmod(shape[0], shards)
    parts = [
        v1.get_variable(f"{name}_{shard}", [rows + (shard < more), *shape[1:]], dtype=dtype)
        for shard in range(shards)
    ]
    return parts[0] if shards == 1 else tf.concat(parts, 0)


def layer_normalize(
    inputs: Any, scope: str, *, gain: float, shift: float, dtype: Any = tf.float32
) -> Any:
    """Normalize each row and scale it by `gamma` and `beta` of a scope (arXiv:1607.06450)."""
    shape = [columns(inputs)]
    with v1.variable_scope(scope):
        gamma = v1.get_variable(
            "gamma", shape, dtype=dtype, initializer=v1.constant_initializer(gain)
        )
        beta = v1.get_variable(
            "beta", shape, dtype=dtype, initializer=v1.constant_initializer(shift)
        )
    mean, variance = v1.nn.moments(inputs, [1], keep_dims=True)
    epsilon = 1e-3 if inputs.dtype == tf.float16 else 1e-12
    return tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)


def clip(tensor: Any, limit: float | None) -> Any:
    """Clip a tensor to [-limit, limit], if there is a limit."""
    return tensor if limit is None else tf.clip_by_value(tensor, -limit, limit)


def lstm_sizes(num_units: int, num_proj: int | None) -> tuple[Any, int]:
    """Return the state size and the output size of an LSTM with an optional projection."""
    output_size = num_proj or num_units
    return LSTMStateTuple(num_units, output_size), output_size
