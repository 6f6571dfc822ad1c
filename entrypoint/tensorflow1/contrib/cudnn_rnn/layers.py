"""The layers that TensorFlow 1 ran by cuDNN."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.cudnn_rnn import layout, saveables
from entrypoint.tensorflow1.contrib.cudnn_rnn.recurrence import run_network

v1 = tf.compat.v1


class _CudnnRNN(tf.compat.v1.layers.Layer):
    """A network of equal recurrent layers.

    It computes what cuDNN does by ordinary operators, so it runs, and what it exports is served,
    with a GPU or without. Its one variable, `opaque_kernel`, holds all parameters in cuDNN's
    order; a checkpoint has them once more under the names of compatible cells.

    Args:
        num_layers: of the network.
        num_units: of each layer and direction.
        input_mode: "linear_input".
        direction: "unidirectional" or "bidirectional".
        dropout: the part of each layer's outputs, but the last one's, that is dropped in training.
        seed: of the dropout and the default initializer.
        dtype: tf.float16, tf.float32 or tf.float64.
        kernel_initializer: of each matrix, [num_units, inputs]; default Glorot's uniform.
        bias_initializer: of each bias; default zeros.
        name: of the layer.
    """

    _rnn_mode: str
    _saveable_cls: type[saveables.CudnnOpaqueParamsSaveable]

    def __init__(
        self,
        num_layers: int,
        num_units: int,
        input_mode: str = layout.LINEAR_INPUT,
        direction: str = layout.UNIDIRECTIONAL,
        dropout: float = 0.0,
        seed: int | None = None,
        dtype: Any = tf.float32,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
    ) -> None:
        if tf.as_dtype(dtype) not in {tf.float16, tf.float32, tf.float64}:
            raise ValueError(f"dtype must be float16, float32 or float64, not {dtype}")
        layout.check_input_mode(input_mode, None, num_units)
        super().__init__(dtype=dtype, name=name)
        self._plain_dtype = tf.as_dtype(dtype)
        self._num_layers = num_layers
        self._num_units = num_units
        self._input_mode = input_mode
        self._direction = direction
        self._num_dirs = layout.count_directions(direction)
        self._dropout = dropout
        self._seed = seed
        self._kernel_initializer = kernel_initializer or v1.glorot_uniform_initializer(seed=seed)
        self._bias_initializer = bias_initializer or v1.zeros_initializer()
        self._layout: layout.Layout | None = None
        self._saveable: saveables.CudnnOpaqueParamsSaveable | None = None

    @property
    def num_layers(self) -> int:
        """The layers of the network."""
        return self._num_layers

    @property
    def num_units(self) -> int:
        """The units of each layer and direction."""
        return self._num_units

    @property
    def input_mode(self) -> str:
        """As it was given."""
        return self._input_mode

    @property
    def rnn_mode(self) -> str:
        """`lstm`, `gru`, `rnn_tanh` or `rnn_relu`."""
        return self._rnn_mode

    @property
    def direction(self) -> str:
        """`unidirectional` or `bidirectional`."""
        return self._direction

    @property
    def num_dirs(self) -> int:
        """1 or 2."""
        return self._num_dirs

    @property
    def saveable(self) -> saveables.CudnnOpaqueParamsSaveable | None:
        """What saves the parameters for compatible cells, once the layer is built."""
        return self._saveable

    @property
    def input_size(self) -> int:
        """The columns of the inputs."""
        return self._sizes().input_size

    @property
    def canonical_weight_shapes(self) -> list[tuple[int, int]]:
        """The shapes of all matrices, in cuDNN's order."""
        return self._sizes().weight_shapes

    @property
    def canonical_bias_shapes(self) -> list[list[int]]:
        """The shapes of all biases, in cuDNN's order."""
        return [[self._num_units]] * (
            2 * layout.GATES[self._rnn_mode] * self._num_layers * self._num_dirs
        )

    def build(self, input_shape: Any) -> None:
        """Make the variable, for inputs of three dimensions.

        A checkpoint has the names of compatible cells in the scope in which this is called: the
        layer's own, if calling the layer calls it.
        """
        if self._layout is not None:
            return
        shape = tf.TensorShape(input_shape).with_rank(3).as_list()
        if shape[-1] is None:
            raise ValueError(f"the last dimension of the inputs must be known, not {input_shape}")
        layout.check_input_mode(self._input_mode, shape[-1], self._num_units)
        self._layout = layout.Layout(
            self._rnn_mode, self._num_layers, self._num_units, shape[-1], self._num_dirs
        )
        self.input_spec = v1.layers.InputSpec(ndim=3, axes={-1: shape[-1]})
        self._set_scope(None)
        # Parts of the vector would be no vectors of cuDNN.
        self._scope.set_partitioner(None)
        self.kernel = self.add_weight(
            "opaque_kernel",
            [self._layout.size],
            dtype=self._plain_dtype,
            initializer=self._initialize,
        )
        self._make_saveable()
        self.built = True

    def call(
        self,
        inputs: Any,
        initial_state: tuple[Any, ...] | None = None,
        sequence_lengths: Any = None,
        time_major: bool = True,
        training: bool = True,
    ) -> tuple[Any, tuple[Any, ...]]:
        """Run the network.

        Args:
            inputs: [time, batch, size], or [batch, time, size] if not `time_major`.
            initial_state: (h, c) of an LSTM, (h,) of others; each is [layers * directions, batch,
                num_units], or with the first two dimensions swapped if not `time_major`; default
                zeros.
            sequence_lengths: [batch]; default time.
            time_major: the layout of inputs, outputs and states.
            training: whether to drop.

        Returns:
            The outputs, [time, batch, directions * num_units] or [batch, time, ...], forward before
            backward, and the final state, of the initial state's structure and shapes.
        """
        if initial_state is not None and not isinstance(initial_state, tuple):
            raise TypeError(f"initial_state must be a tuple, not {initial_state}")
        inputs = tf.convert_to_tensor(inputs, dtype=self._plain_dtype)
        inputs = inputs if time_major else _swap(inputs)
        if initial_state is None:
            state = self._zero_state(v1.shape(inputs)[1])
        else:
            state = tuple(tf.convert_to_tensor(s, dtype=self._plain_dtype) for s in initial_state)
            state = state if time_major else tuple(_swap(part) for part in state)
        rate = self._dropout if training else 0.0
        outputs, final = run_network(
            self._sizes(),
            tf.convert_to_tensor(self.kernel),
            inputs,
            state,
            sequence_lengths,
            lambda x: v1.nn.dropout(x, rate=rate, seed=self._seed) if rate else x,
        )
        if time_major:
            return outputs, tuple(final)
        return _swap(outputs), tuple(_swap(part) for part in final)

    def state_shape(self, batch_size: Any) -> tuple[list[Any], ...]:
        """Return the shapes of the parts of the state."""
        shape = [self._num_layers * self._num_dirs, batch_size, self._num_units]
        return (shape,) * (2 if self._rnn_mode == "lstm" else 1)

    def _zero_state(self, batch_size: Any) -> tuple[Any, ...]:
        return tuple(tf.zeros(shape, self._plain_dtype) for shape in self.state_shape(batch_size))

    def _sizes(self) -> layout.Layout:
        if self._layout is None:
            raise ValueError("the size of the inputs is not known until the layer is built")
        return self._layout

    def _initialize(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
        del shape, dtype, partition_info
        sizes, dtype = self._sizes(), self._plain_dtype
        return sizes.join(
            [self._kernel_initializer(part, dtype=dtype) for part in sizes.weight_shapes],
            [self._bias_initializer(part, dtype=dtype) for part in sizes.bias_shapes],
        )

    def _make_saveable(self) -> None:
        scope, collection = v1.get_variable_scope(), v1.GraphKeys.SAVEABLE_OBJECTS
        name = f"{self.kernel.name.partition(':')[0]}_saveable"
        # Layers that share the variable, as the replicas of a distribution strategy do, save once.
        if name in {saveable.name for saveable in v1.get_collection(collection)}:
            return
        self._saveable = self._saveable_cls(
            opaque_params=self.kernel,
            num_layers=self._num_layers,
            num_units=self._num_units,
            input_size=self.input_size,
            input_mode=self._input_mode,
            direction=self._direction,
            scope=scope,
            name=name,
        )
        v1.add_to_collection(collection, self._saveable)


class CudnnLSTM(_CudnnRNN):
    """Layers of LSTMs, without a forget bias."""

    _rnn_mode = "lstm"
    _saveable_cls = saveables.CudnnLSTMSaveable


class CudnnGRU(_CudnnRNN):
    """Layers of GRUs, whose reset gate is applied after the recurrent product."""

    _rnn_mode = "gru"
    _saveable_cls = saveables.CudnnGRUSaveable


class CudnnRNNTanh(_CudnnRNN):
    """Layers of `tanh(W x + R h + b)`."""

    _rnn_mode = "rnn_tanh"
    _saveable_cls = saveables.CudnnRNNTanhSaveable


class CudnnRNNRelu(_CudnnRNN):
    """Layers of `relu(W x + R h + b)`."""

    _rnn_mode = "rnn_relu"
    _saveable_cls = saveables.CudnnRNNReluSaveable


def _swap(tensor: Any) -> Any:
    """Swap the first two dimensions."""
    return tf.transpose(tensor, [1, 0, 2])
