"""Export strategies that write SavedModels."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow_estimator.python.estimator import gc
from tensorflow_estimator.python.estimator.export import export_lib

from entrypoint.tensorflow1.contrib.learn.export_strategy import ExportStrategy
from entrypoint.tensorflow1.contrib.learn.utils.input_fn_utils import InputFnOps
from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "garbage_collect_exports",
    "get_most_recent_export",
    "get_timestamped_export_dir",
    "make_export_strategy",
    "make_parsing_export_strategy",
]

_EXPORTER = "use tf.estimator.BestExporter in tf.estimator.train_and_evaluate"
NOT_SUPPLIED = {
    "extend_export_strategy": "call one export_fn from the other",
    "make_best_model_export_strategy": _EXPORTER,
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)

get_timestamped_export_dir = export_lib.get_timestamped_export_dir
# Exports are named by the second they were written in.
_DIGITS = 10


def make_export_strategy(
    serving_input_fn: Callable[[], Any],
    default_output_alternative_key: str | None = None,
    assets_extra: Any = None,
    as_text: bool = False,
    exports_to_keep: int | None = 5,
    strip_default_attrs: bool | None = None,
) -> ExportStrategy:
    """Return an ExportStrategy named "Servo" that writes SavedModels.

    Args:
        serving_input_fn: returns a `ServingInputReceiver` or `InputFnOps`.
        default_output_alternative_key: must be None.
        assets_extra: files to copy, by their path in the export.
        as_text: write the graph as text.
        exports_to_keep: older ones are deleted; None to keep all.
        strip_default_attrs: leave default attributes out of the graph.

    Raises:
        ValueError: an output alternative is asked for, which Estimator does not have.
    """
    if default_output_alternative_key is not None:
        raise ValueError(
            "default_output_alternative_key is not supported in core Estimator. Given:"
            f" {default_output_alternative_key}"
        )

    def receiver_fn() -> Any:
        made = serving_input_fn()
        if not isinstance(made, InputFnOps):
            return made
        return tf.estimator.export.ServingInputReceiver(made.features, made.default_inputs)

    def export_fn(
        estimator: Any,
        export_dir_base: Any,
        checkpoint_path: Any = None,
        strip_default_attrs: bool | None = False,
    ) -> Any:
        exported = estimator.export_savedmodel(
            export_dir_base,
            receiver_fn,
            assets_extra=assets_extra,
            as_text=as_text,
            checkpoint_path=checkpoint_path,
            strip_default_attrs=bool(strip_default_attrs),
        )
        garbage_collect_exports(export_dir_base, exports_to_keep)
        return exported

    return ExportStrategy("Servo", export_fn, strip_default_attrs)


def make_parsing_export_strategy(
    feature_columns: Any,
    default_output_alternative_key: str | None = None,
    assets_extra: Any = None,
    as_text: bool = False,
    exports_to_keep: int | None = 5,
    target_core: bool = False,
    strip_default_attrs: bool | None = None,
) -> ExportStrategy:
    """Return an ExportStrategy whose models parse `tf.Example`s into `tf.feature_column`s."""
    spec = tf.feature_column.make_parse_example_spec(feature_columns)
    return make_export_strategy(
        tf.estimator.export.build_parsing_serving_input_receiver_fn(spec),
        default_output_alternative_key=default_output_alternative_key,
        assets_extra=assets_extra,
        as_text=as_text,
        exports_to_keep=exports_to_keep,
        strip_default_attrs=strip_default_attrs,
    )


def get_most_recent_export(export_dir_base: Any) -> Any:
    """Return the (path, export_version) of the latest export, or None."""
    newest = gc._largest_export_versions(1)
    return next(iter(newest(gc._get_paths(export_dir_base, parser=_version)) or []), None)


def garbage_collect_exports(export_dir_base: Any, exports_to_keep: int | None) -> None:
    """Delete all but the latest exports; None keeps all."""
    if exports_to_keep is None:
        return
    is_old = gc._negation(gc._largest_export_versions(exports_to_keep))
    for export in is_old(gc._get_paths(export_dir_base, parser=_version)):
        tf.gfile.DeleteRecursively(export.path)


def _version(path: Any) -> Any:
    name = os.path.basename(path.path)  # noqa: PTH119 (may be a URL)
    if len(name) != _DIGITS or not name.isdigit():
        return None
    return path._replace(export_version=int(name))
