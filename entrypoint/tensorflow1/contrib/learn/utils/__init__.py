"""`tf.contrib.learn.utils`: what export strategies are made of."""

from __future__ import annotations

from entrypoint.tensorflow1.contrib.learn.utils import input_fn_utils, saved_model_export_utils
from entrypoint.tensorflow1.contrib.learn.utils.input_fn_utils import (
    InputFnOps,
    build_default_serving_input_fn,
    build_parsing_serving_input_fn,
)
from entrypoint.tensorflow1.contrib.learn.utils.saved_model_export_utils import (
    make_export_strategy,
)
from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "InputFnOps",
    "build_default_serving_input_fn",
    "build_parsing_serving_input_fn",
    "input_fn_utils",
    "make_export_strategy",
    "saved_model_export_utils",
]

NOT_SUPPLIED = {
    "export": "use the export_saved_model of tf.estimator.Estimator",
    "export_estimator": "use the export_saved_model of tf.estimator.Estimator",
    "gc": "use tf.contrib.learn.utils.saved_model_export_utils.garbage_collect_exports",
    "inspect_checkpoint": "use tf.train.list_variables",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
