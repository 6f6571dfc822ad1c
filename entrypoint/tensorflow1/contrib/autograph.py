"""`tf.contrib.autograph`: Python control flow as graphs, now `tf.autograph`."""

from __future__ import annotations

from tensorflow.python.autograph import operators, utils
from tensorflow.python.autograph.core.converter import ConversionOptions, Feature
from tensorflow.python.autograph.impl.api import (
    AutoGraphError,
    StackTraceMapper,
    convert,
    converted_call,
    do_not_convert,
    to_code,
    to_graph,
)
from tensorflow.python.autograph.lang.directives import set_element_type, set_loop_options
from tensorflow.python.autograph.lang.special_functions import stack

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "AutoGraphError",
    "ConversionOptions",
    "Feature",
    "StackTraceMapper",
    "convert",
    "converted_call",
    "do_not_convert",
    "operators",
    "set_element_type",
    "set_loop_options",
    "stack",
    "to_code",
    "to_graph",
    "utils",
]

NOT_SUPPLIED: dict[str, str] = {}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
