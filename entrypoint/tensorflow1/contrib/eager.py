"""`tf.contrib.eager`: eager execution before it was TensorFlow's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.eager import backprop
from tensorflow.python.eager.context import (
    ASYNC,
    DEVICE_PLACEMENT_EXPLICIT,
    DEVICE_PLACEMENT_SILENT,
    DEVICE_PLACEMENT_WARN,
    SYNC,
    async_clear_error,
    async_wait,
    execution_mode,
    num_gpus,
    set_execution_mode,
    set_server_def,
)
from tensorflow.python.eager.remote import connect_to_remote_host
from tensorflow.python.framework.ops import eager_run as run
from tensorflow.python.framework.ops import (
    enable_eager_execution_internal as enable_remote_eager_execution,
)
from tensorflow.python.ops.resource_variable_ops import ResourceVariable as Variable
from tensorflow.python.ops.script_ops import eager_py_func as py_func
from tensorflow.python.ops.template import make_template_internal as make_template
from tensorflow.python.ops.variable_scope import EagerVariableStore
from tensorflow.python.trackable.autotrackable import AutoTrackable as Checkpointable

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "ASYNC",
    "DEVICE_PLACEMENT_EXPLICIT",
    "DEVICE_PLACEMENT_SILENT",
    "DEVICE_PLACEMENT_WARN",
    "SYNC",
    "Checkpoint",
    "Checkpointable",
    "EagerVariableStore",
    "GradientTape",
    "Saver",
    "TensorSpec",
    "Variable",
    "async_clear_error",
    "async_wait",
    "connect_to_remote_host",
    "custom_gradient",
    "defun",
    "enable_eager_execution",
    "enable_remote_eager_execution",
    "executing_eagerly",
    "execution_mode",
    "function",
    "get_optimizer_variables",
    "gradients_function",
    "implicit_gradients",
    "implicit_value_and_gradients",
    "in_eager_mode",
    "list_devices",
    "make_template",
    "num_gpus",
    "py_func",
    "run",
    "set_execution_mode",
    "set_server_def",
    "value_and_gradients_function",
]

Checkpoint = tf.train.Checkpoint
GradientTape = tf.GradientTape
TensorSpec = tf.TensorSpec
custom_gradient = tf.custom_gradient
enable_eager_execution = tf.enable_eager_execution
executing_eagerly = in_eager_mode = tf.executing_eagerly
function = tf.function
gradients_function = backprop.gradients_function
implicit_gradients = backprop.implicit_grad
implicit_value_and_gradients = backprop.implicit_val_and_grad
value_and_gradients_function = backprop.val_and_grad_function


def defun(
    func: Callable[..., Any] | None = None,
    input_signature: Any = None,
    autograph: bool = True,
    experimental_autograph_options: Any = None,
    experimental_relax_shapes: bool = False,
) -> Any:
    """Compile a function into a graph, as `tf.function`; may be a decorator with arguments."""
    return tf.function(
        func,
        input_signature=input_signature,
        autograph=autograph,
        experimental_autograph_options=experimental_autograph_options,
        reduce_retracing=experimental_relax_shapes,
    )


def list_devices() -> list[str]:
    """Return the names of the devices of this process."""
    return [device.name for device in tf.config.list_logical_devices()]


def get_optimizer_variables(optimizer: Any) -> Any:
    """Return the variables that an optimizer made."""
    return optimizer.variables()


class Saver:
    """A `tf.train.Saver` that needs no session.

    Args:
        var_list: variables, or a dict of them by their names in the checkpoint.

    Raises:
        RuntimeError: eager execution is not enabled.
    """

    def __init__(self, var_list: Any) -> None:
        if not tf.executing_eagerly():
            raise RuntimeError(
                "tfe.Saver can only be used when eager execution is enabled. Use tf.train.Saver"
                " when building graphs."
            )
        self._saver = tf.train.Saver(var_list=var_list)

    def save(self, file_prefix: str, global_step: Any = None) -> Any:
        """Write a checkpoint. Returns its prefix."""
        return self._saver.save(None, file_prefix, write_meta_graph=False, global_step=global_step)

    def restore(self, file_prefix: str) -> None:
        """Read a checkpoint."""
        self._saver.restore(None, file_prefix)


_CHECKS = "use tf.debugging.check_numerics"
NOT_SUPPLIED = {
    "ExecutionCallback": _CHECKS,
    "Iterator": "iterate over the tf.data.Dataset itself",
    "Network": "use tf.keras.Model",
    "Sequential": "use tf.keras.Sequential",
    "add_execution_callback": _CHECKS,
    "clear_execution_callbacks": _CHECKS,
    "errstate": _CHECKS,
    "inf_callback": _CHECKS,
    "inf_nan_callback": _CHECKS,
    "metrics": "use tf.keras.metrics",
    "nan_callback": _CHECKS,
    "restore_network_checkpoint": "use tf.train.Checkpoint",
    "restore_variables_on_create": "use tf.train.Checkpoint",
    "run_all_tests_in_graph_and_eager_modes": "write a test for either mode",
    "run_test_in_graph_and_eager_modes": "write a test for either mode",
    "save_network_checkpoint": "use tf.train.Checkpoint",
    "seterr": _CHECKS,
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
