"""`tf.contrib.saved_model`: what is left of it is a look-up."""

from __future__ import annotations

from typing import Any

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["get_signature_def_by_key"]

NOT_SUPPLIED = {
    "load_keras_model": "use tf.keras.models.load_model",
    "save_keras_model": "use tf.keras.models.save_model, or tf.keras.estimator.model_to_estimator",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


def get_signature_def_by_key(meta_graph_def: Any, signature_def_key: str) -> Any:
    """Return the signature of a name.

    Raises:
        ValueError: the graph has none of that name.
    """
    if signature_def_key not in meta_graph_def.signature_def:
        raise ValueError(
            f"No SignatureDef with key '{signature_def_key}' found in MetaGraphDef; there are"
            f" {sorted(meta_graph_def.signature_def)}"
        )
    return meta_graph_def.signature_def[signature_def_key]
