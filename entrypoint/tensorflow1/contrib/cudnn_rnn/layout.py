"""The parameters of a cuDNN network: one vector, and the variables of the cells that it equals.

The vector holds every matrix of every layer, row by row, and then every bias. A layer is forward
first, then backward if it has both directions. Each direction has a matrix [num_units, input size]
for each gate, then a matrix [num_units, num_units] for each gate; and as many biases. The gates of
an LSTM are input, forget, candidate, output; those of a GRU reset, update, candidate. This is how
cuDNN 7 laid them out on the devices that TensorFlow 1 ran on.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

UNIDIRECTIONAL = "unidirectional"
BIDIRECTIONAL = "bidirectional"
LINEAR_INPUT = "linear_input"
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
# Where the LSTM cell keeps each gate of cuDNN's order, and the other way round.
_GATE_ORDER = {4: (0, 2, 1, 3), 1: (0,)}


@dataclasses.dataclass(frozen=True)
class Direction:
    """The parameters of one direction of one layer, cuDNN's order of gates: 2 x gates of each."""

    weights: list[Any]
    biases: list[Any]


@dataclasses.dataclass(frozen=True)
class Layout:
    """The sizes of a network."""

    rnn_mode: str
    num_layers: int
    num_units: int
    input_size: int
    num_dirs: int

    @property
    def gates(self) -> int:
        """The gates of a cell."""
        return GATES[self.rnn_mode]

    def layer_input_size(self, layer: int) -> int:
        """Return the columns of a layer's inputs."""
        return self.num_dirs * self.num_units if layer else self.input_size

    @property
    def weight_shapes(self) -> list[tuple[int, int]]:
        """The shapes of all matrices."""
        units, shapes = self.num_units, []
        for layer in range(self.num_layers):
            for _ in range(self.num_dirs):
                shapes += [(units, self.layer_input_size(layer))] * self.gates
                shapes += [(units, units)] * self.gates
        return shapes

    @property
    def bias_shapes(self) -> list[list[int]]:
        """The shapes of all biases."""
        return [[self.num_units]] * (2 * self.gates * self.num_layers * self.num_dirs)

    @property
    def size(self) -> int:
        """The length of the vector."""
        return sum(rows * columns for rows, columns in self.weight_shapes) + (
            self.num_units * len(self.bias_shapes)
        )

    def join(self, weights: list[Any], biases: list[Any]) -> Any:
        """Return the vector of all matrices and biases."""
        return tf.concat([tf.reshape(part, [-1]) for part in [*weights, *biases]], 0)

    def split(self, vector: Any) -> list[Direction]:
        """Return the parts of the vector: layer by layer, forward before backward."""
        shapes = [*self.weight_shapes, *self.bias_shapes]
        sizes = [shape[0] * shape[1] if len(shape) == 2 else shape[0] for shape in shapes]  # noqa: PLR2004 (a matrix)
        flat = tf.split(vector, sizes)
        parts = [tf.reshape(part, shape) for part, shape in zip(flat, shapes, strict=True)]
        each, half = 2 * self.gates, len(parts) // 2
        return [
            Direction(parts[start : start + each], parts[half + start : half + start + each])
            for start in range(0, half, each)
        ]


class CudnnParamsFormatConverter:
    """Converts between the vector and the variables of compatible cells."""

    _rnn_mode: str

    def __init__(
        self,
        num_layers: int,
        num_units: int,
        input_size: int,
        num_proj: int | None = None,
        input_mode: str = LINEAR_INPUT,
        direction: str = UNIDIRECTIONAL,
    ) -> None:
        if num_proj:
            raise ValueError("num_proj is not supported; use tf.nn.rnn_cell.LSTMCell, which is")
        check_input_mode(input_mode, input_size, num_units)
        self.layout = Layout(
            self._rnn_mode, num_layers, num_units, input_size, count_directions(direction)
        )

    def opaque_to_tf_canonical(self, opaque_param: Any) -> tuple[list[Any], list[Any]]:
        """Return the kernels and the biases of all cells, layer by layer."""
        kernels, biases = [], []
        for direction in self.layout.split(opaque_param):
            kernels += self._to_kernels(direction.weights)
            biases += self._to_biases(direction.biases)
        return kernels, biases

    def tf_canonical_to_opaque(self, tf_canonicals: list[Any], weights_proj: Any = None) -> Any:
        """Return the vector, given the kernels and then the biases of all cells."""
        if weights_proj is not None:
            raise ValueError("weights_proj is not supported; use tf.nn.rnn_cell.LSTMCell, which is")
        half = len(tf_canonicals) // 2
        cells = self.layout.num_layers * self.layout.num_dirs
        each = half // cells
        weights, biases = [], []
        for cell in range(cells):
            mine = slice(cell * each, (cell + 1) * each)
            weights += self._from_kernels(tf_canonicals[:half][mine])
            biases += self._from_biases(tf_canonicals[half:][mine])
        return self.layout.join(weights, biases)

    def _to_kernels(self, weights: list[Any]) -> list[Any]:
        """Return [[inputs, state] @ kernel]'s kernel, the gates in the cell's order."""
        gates = self.layout.gates
        stacked = [tf.concat([weights[gate], weights[gates + gate]], 1) for gate in range(gates)]
        return [tf.transpose(tf.concat([stacked[gate] for gate in _GATE_ORDER[gates]], 0))]

    def _from_kernels(self, kernels: list[Any]) -> list[Any]:
        (kernel,) = kernels
        gates, units = self.layout.gates, self.layout.num_units
        split = tf.split(tf.transpose(kernel), gates, 0)
        stacked = [split[gate] for gate in _GATE_ORDER[gates]]
        return [gate[:, :-units] for gate in stacked] + [gate[:, -units:] for gate in stacked]

    def _to_biases(self, biases: list[Any]) -> list[Any]:
        gates = self.layout.gates
        return [tf.concat([biases[gate] + biases[gates + gate] for gate in _GATE_ORDER[gates]], 0)]

    def _from_biases(self, biases: list[Any]) -> list[Any]:
        """Return two halves of each bias, the input's and the state's, which only ever add up."""
        (bias,) = biases
        split = tf.split(0.5 * bias, self.layout.gates)
        return [split[gate] for gate in _GATE_ORDER[self.layout.gates]] * 2


class CudnnParamsFormatConverterLSTM(CudnnParamsFormatConverter):
    """To `kernel` and `bias` of `CudnnCompatibleLSTMCell`."""

    _rnn_mode = "lstm"


class CudnnParamsFormatConverterTanh(CudnnParamsFormatConverter):
    """To `kernel` and `bias` of `BasicRNNCell`."""

    _rnn_mode = "rnn_tanh"


class CudnnParamsFormatConverterRelu(CudnnParamsFormatConverter):
    """To `kernel` and `bias` of `BasicRNNCell` with `tf.nn.relu`."""

    _rnn_mode = "rnn_relu"


class CudnnParamsFormatConverterGRU(CudnnParamsFormatConverter):
    """To the gates, the input projection and the hidden projection of the GRU cell."""

    _rnn_mode = "gru"

    def _to_kernels(self, weights: list[Any]) -> list[Any]:
        w_reset, w_update, w_new, r_reset, r_update, r_new = weights
        inputs = tf.concat([w_reset, w_update], 0)
        hidden = tf.concat([r_reset, r_update], 0)
        return [tf.transpose(part) for part in (tf.concat([inputs, hidden], 1), w_new, r_new)]

    def _from_kernels(self, kernels: list[Any]) -> list[Any]:
        gates, w_new, r_new = (tf.transpose(kernel) for kernel in kernels)
        reset, update = tf.split(gates, 2, 0)
        units = self.layout.num_units
        w = [reset[:, :-units], update[:, :-units], w_new]
        return [*w, reset[:, -units:], update[:, -units:], r_new]

    def _to_biases(self, biases: list[Any]) -> list[Any]:
        b_reset, b_update, b_new, c_reset, c_update, c_new = biases
        return [tf.concat([b_reset + c_reset, b_update + c_update], 0), b_new, c_new]

    def _from_biases(self, biases: list[Any]) -> list[Any]:
        gates, b_new, c_new = biases
        reset, update = tf.split(0.5 * gates, 2)
        return [reset, update, b_new, reset, update, c_new]


def count_directions(direction: str) -> int:
    """Return 1 or 2.

    Raises:
        ValueError: it is neither "unidirectional" nor "bidirectional".
    """
    if direction not in {UNIDIRECTIONAL, BIDIRECTIONAL}:
        raise ValueError(f"direction must be unidirectional or bidirectional, not {direction!r}")
    return 2 if direction == BIDIRECTIONAL else 1


def check_input_mode(input_mode: str, input_size: int | None, num_units: int) -> None:
    """Refuse a first layer that adds its inputs to the gates as they are.

    Raises:
        ValueError: the mode is unknown, or says so for inputs of this size.
    """
    if input_mode not in {LINEAR_INPUT, "skip_input", "auto_select"}:
        raise ValueError(
            f"input_mode must be linear_input, skip_input or auto_select, not {input_mode!r}"
        )
    if input_mode == "skip_input" or (input_mode == "auto_select" and input_size == num_units):
        raise ValueError(
            f"input_mode={input_mode!r} is not supported where it leaves out the first layer's"
            " input weights; use input_mode='linear_input'"
        )
