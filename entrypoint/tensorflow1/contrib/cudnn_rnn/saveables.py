"""How a cuDNN network is saved: as the variables of compatible cells, beside its own vector."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.training.saving.saveable_object import SaveableObject, SaveSpec

from entrypoint.tensorflow1.contrib.cudnn_rnn import layout

v1 = tf.compat.v1


class CudnnOpaqueParamsSaveable(SaveableObject):
    """Saves and restores a vector of parameters under the names of compatible cells.

    The names are those of the cells in a `MultiRNNCell` under `dynamic_rnn`, or of both directions
    under `stack_bidirectional_dynamic_rnn`, within `scope`.

    Args:
        opaque_params: the variable that holds the vector.
        num_layers: of the network.
        num_units: of the network.
        input_size: of the network.
        input_mode: of the network.
        direction: of the network.
        scope: a variable scope, or its name.
        name: of this object.
    """

    _format_converter_cls: type[layout.CudnnParamsFormatConverter]
    _rnn_cell_name: str
    # Of each cell, without their "kernel" or "bias".
    _parts: tuple[str, ...] = ("",)

    def __init__(
        self,
        opaque_params: Any,
        num_layers: int,
        num_units: int,
        input_size: int,
        input_mode: str = layout.LINEAR_INPUT,
        direction: str = layout.UNIDIRECTIONAL,
        scope: Any = None,
        name: str = "cudnn_rnn_saveable",
    ) -> None:
        self._variable = opaque_params
        self.format_converter = self._format_converter_cls(
            num_layers, num_units, input_size, input_mode=input_mode, direction=direction
        )
        prefix = scope.name if isinstance(scope, v1.VariableScope) else scope
        vector = _read(opaque_params, name)
        specs = []
        for kind, tensors in zip(
            ("kernel", "bias"), self.format_converter.opaque_to_tf_canonical(vector), strict=True
        ):
            names = [f"{cell}/{part}{kind}" for cell in self._cells() for part in self._parts]
            specs += [
                SaveSpec(tensor, "", f"{prefix}/{own}" if prefix else own)
                for tensor, own in zip(tensors, names, strict=True)
            ]
        super().__init__(vector, specs, name)

    def restore(self, restored_tensors: Any, restored_shapes: Any) -> Any:
        """Return the operator that assigns what was saved."""
        del restored_shapes
        vector = self.format_converter.tf_canonical_to_opaque(list(restored_tensors))
        # Under a distribution strategy the variable is several.
        variables = getattr(self._variable, "values", [self._variable])
        assigned = []
        for variable in variables:
            # These names mean the same on every device, so they have the last word.
            with tf.control_dependencies(_restored_before(variable)):
                assigned.append(v1.assign(variable, tf.cast(vector, variable.dtype.base_dtype)))
        return tf.group(*assigned)

    def _cells(self) -> list[str]:
        sizes = self.format_converter.layout
        if sizes.num_dirs == 1:
            prefixes = [f"rnn/multi_rnn_cell/cell_{layer}" for layer in range(sizes.num_layers)]
        else:
            prefixes = [
                f"stack_bidirectional_rnn/cell_{layer}/bidirectional_rnn/{direction}"
                for layer in range(sizes.num_layers)
                for direction in ("fw", "bw")
            ]
        return [f"{prefix}/{self._rnn_cell_name}" for prefix in prefixes]


class CudnnLSTMSaveable(CudnnOpaqueParamsSaveable):
    """Saves a `CudnnLSTM` for `CudnnCompatibleLSTMCell`."""

    _format_converter_cls = layout.CudnnParamsFormatConverterLSTM
    _rnn_cell_name = "cudnn_compatible_lstm_cell"


class CudnnGRUSaveable(CudnnOpaqueParamsSaveable):
    """Saves a `CudnnGRU` for `CudnnCompatibleGRUCell`."""

    _format_converter_cls = layout.CudnnParamsFormatConverterGRU
    _rnn_cell_name = "cudnn_compatible_gru_cell"
    _parts = "gates/", "candidate/input_projection/", "candidate/hidden_projection/"


class CudnnRNNTanhSaveable(CudnnOpaqueParamsSaveable):
    """Saves a `CudnnRNNTanh` for `BasicRNNCell`."""

    _format_converter_cls = layout.CudnnParamsFormatConverterTanh
    _rnn_cell_name = "basic_rnn_cell"


class CudnnRNNReluSaveable(CudnnOpaqueParamsSaveable):
    """Saves a `CudnnRNNRelu` for `BasicRNNCell` with `tf.nn.relu`."""

    _format_converter_cls = layout.CudnnParamsFormatConverterRelu
    _rnn_cell_name = "basic_rnn_cell"


def _read(variable: Any, name: str) -> Any:
    """Return the value of a variable, read by an operator of the saveable's name.

    A SavedModel lists a saveable by its name, and is not loaded if there is no such operator.
    """
    try:
        v1.get_default_graph().get_operation_by_name(name)
    except KeyError:
        # The slash makes the name absolute.
        return tf.identity(variable, name=name + "/")
    return tf.identity(variable)


def _restored_before(variable: Any) -> list[Any]:
    """Return the operators by which the saver that is being built restores the variable itself."""
    saver = v1.get_default_graph().get_name_scope() + "/"
    return [
        op
        for op in variable.op.outputs[0].consumers()
        if op.type in {"Assign", "AssignVariableOp"} and op.name.startswith(saver)
    ]
