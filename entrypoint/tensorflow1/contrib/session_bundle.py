"""`tf.contrib.session_bundle`: the format before SavedModel, none of which is left."""

from __future__ import annotations

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__: list[str] = []

_SAVED_MODEL = "export a SavedModel, with the export_saved_model of tf.estimator.Estimator"
NOT_SUPPLIED = {
    "constants": _SAVED_MODEL,
    "exporter": _SAVED_MODEL,
    "gc": _SAVED_MODEL,
    "manifest_pb2": _SAVED_MODEL,
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
