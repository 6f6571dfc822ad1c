"""Write the SavedModel, prove that it loads, and put it in place in one step."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from entrypoint.directories import MODEL_MANIFEST, list_versions
from entrypoint.errors import ExportError

logger = logging.getLogger(__name__)

v1 = tf.compat.v1
# On the same filesystem as the final place, and never a version to any server.
INCOMING = ".incoming"


@dataclass(frozen=True, kw_only=True)
class ExportedModel:
    """A SavedModel in place.

    Attributes:
        version_dir: its numeric directory under model/.
        signatures: the inputs and outputs of each signature: name to "dtype[shape]".
    """

    version_dir: Path
    signatures: dict[str, dict[str, dict[str, str]]]


def export_model(
    estimator: Any, serving_input_receiver_fn: Callable[[], Any], model_dir: Path, *, step: int
) -> ExportedModel:
    """Export the newest checkpoint as the one SavedModel under model/.

    Args:
        estimator: a trained Estimator.
        serving_input_receiver_fn: gives the receiver, without arguments.
        model_dir: where the version directory goes; older versions of this job's are removed
            once the new one is in place.
        step: the global step of the checkpoint, for the manifest.

    Raises:
        ExportError: what was written does not load, or lacks a signature's tensors.
    """
    incoming = model_dir / INCOMING
    shutil.rmtree(incoming, ignore_errors=True)
    written = Path(
        os.fsdecode(estimator.export_saved_model(str(incoming), serving_input_receiver_fn))
    )
    signatures = verify_saved_model(written)
    manifest = written / MODEL_MANIFEST
    manifest.parent.mkdir(exist_ok=True)
    manifest.write_text(
        json.dumps({"global_step": step, "tensorflow": tf.__version__, "signatures": signatures}),
        encoding="utf-8",
    )
    _seal(written)
    older = list_versions(model_dir)
    newest = int(older[-1].name) if older else 0
    version_dir = model_dir / str(max(int(time.time()), newest + 1))
    written.rename(version_dir)
    _sync(model_dir)
    shutil.rmtree(incoming)
    for version in older:
        shutil.rmtree(version)
    return ExportedModel(version_dir=version_dir, signatures=signatures)


def verify_saved_model(directory: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Load a SavedModel as a server does and check that every signature can be called.

    Returns:
        The inputs and outputs of each signature: name to "dtype[shape]".

    Raises:
        ExportError: it does not load, has no signature, a signature names a tensor that the graph
            does not have, or a variable has no value.
    """
    hint = "look at what model_fn returns as predictions and export_outputs in PREDICT mode"
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        try:
            loaded = v1.saved_model.load(session, [tf.saved_model.SERVING], str(directory))
            uninitialized = session.run(v1.report_uninitialized_variables())
        except (tf.errors.OpError, ValueError, OSError) as error:
            raise ExportError(f"the exported model does not load: {error}", hint=hint) from error
        if uninitialized.size:
            names = ", ".join(name.decode() for name in uninitialized[:5])
            raise ExportError(f"the exported model has no value for {names}", hint=hint)
        # The graph's own operation that sets a model up is no signature to call.
        signatures = {
            name: signature
            for name, signature in loaded.signature_def.items()
            if not name.startswith("__")
        }
        if not signatures:
            raise ExportError("the exported model has no signature", hint=hint)
        if tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY not in signatures:
            # A canned classifier has one only where the receiver takes serialized examples.
            logger.warning(
                "the exported model has no serving_default signature; name one of its own when"
                " you call it: %s",
                ", ".join(sorted(signatures)),
                extra={"event": "no_default_signature"},
            )
        for name, signature in signatures.items():
            for info in (*signature.inputs.values(), *signature.outputs.values()):
                _require_tensor(graph, name, info, hint)
    return {
        name: {
            "inputs": {key: _in_words(info) for key, info in signature.inputs.items()},
            "outputs": {key: _in_words(info) for key, info in signature.outputs.items()},
        }
        for name, signature in sorted(signatures.items())
    }


def _require_tensor(graph: tf.Graph, signature: str, info: Any, hint: str) -> None:
    sparse = info.coo_sparse
    names = [info.name] if info.name else [sparse.values_tensor_name, sparse.indices_tensor_name]
    for name in names:
        try:
            graph.get_tensor_by_name(name)
        except (KeyError, ValueError) as error:
            raise ExportError(
                f"signature {signature!r} names the tensor {name!r}, which the graph lacks",
                hint=hint,
            ) from error


def _in_words(info: Any) -> str:
    shape = (
        "unknown"
        if info.tensor_shape.unknown_rank
        else ",".join("?" if axis.size < 0 else str(axis.size) for axis in info.tensor_shape.dim)
    )
    return f"{tf.dtypes.as_dtype(info.dtype).name}[{shape}]"


def _seal(directory: Path) -> None:
    """Let everyone read the model, whatever the umask, and push it to the disk."""
    for parent, _, files in os.walk(directory, topdown=False):
        for name in files:
            file = Path(parent) / name
            file.chmod(0o644)
            _sync(file)
        Path(parent).chmod(0o755)
        _sync(Path(parent))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
