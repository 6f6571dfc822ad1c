"""`tf.contrib.predictor`: call an exported model, or an Estimator, as a function of arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.saved_model import loader_impl

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["from_estimator", "from_saved_model"]

NOT_SUPPLIED = {
    "from_contrib_estimator": (
        "use tf.contrib.predictor.from_estimator with a tf.estimator.Estimator"
    ),
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)

_SERVING = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY


class Predictor:
    """A model that is a function from a dict of arrays to a dict of arrays.

    Attributes:
        graph: the model's graph.
        session: the session that holds its variables.
        feed_tensors: the tensors of the inputs, by name.
        fetch_tensors: the tensors of the outputs, by name.
    """

    def __init__(
        self, graph: Any, session: Any, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> None:
        self.graph = graph
        self.session = session
        self.feed_tensors = {key: graph.get_tensor_by_name(name) for key, name in inputs.items()}
        self.fetch_tensors = {key: graph.get_tensor_by_name(name) for key, name in outputs.items()}

    def __call__(self, input_dict: Mapping[str, Any]) -> Any:
        """Return the outputs for some inputs; an input that is None is left to its default.

        Raises:
            ValueError: there are no such inputs.
        """
        unexpected = sorted(set(input_dict) - set(self.feed_tensors))
        if unexpected:
            raise ValueError(
                f"Got unexpected keys in input_dict: {unexpected}\n"
                f"expected: {sorted(self.feed_tensors)}"
            )
        feeds = {
            self.feed_tensors[key]: value for key, value in input_dict.items() if value is not None
        }
        return self.session.run(self.fetch_tensors, feed_dict=feeds)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__} with feed tensors {self.feed_tensors} and fetch_tensors"
            f" {self.fetch_tensors}"
        )


def from_saved_model(
    export_dir: str,
    signature_def_key: str | None = None,
    signature_def: Any = None,
    input_names: Mapping[str, str] | None = None,
    output_names: Mapping[str, str] | None = None,
    tags: str | None = None,
    graph: Any = None,
    config: Any = None,
) -> Predictor:
    """Return the Predictor of a SavedModel.

    Args:
        export_dir: its directory.
        signature_def_key: the name of the signature, default "serving_default".
        signature_def: in its place, the signature.
        input_names: in its place, names of tensors, with `output_names`.
        output_names: likewise.
        tags: of the graph, separated by commas, default "serve".
        graph: to load into, default a new one.
        config: the ConfigProto of the session.

    Raises:
        ValueError: the signature is given twice, or the model has none of that name.
    """
    if (input_names is None) != (output_names is None):
        raise ValueError(
            "input_names and output_names must both be specified or both be unspecified."
        )
    ways = (signature_def_key, signature_def, input_names)
    if sum(way is not None for way in ways) > 1:
        raise ValueError(
            "You must specify at most one of signature_def_key OR signature_def OR (input_names"
            " AND output_names)."
        )
    all_tags = [tag.strip() for tag in (tags or "serve").split(",")]
    graph = graph or tf.Graph()
    with graph.as_default():
        session = tf.Session(config=config)
        meta_graph = loader_impl.load(session, all_tags, export_dir)
    if input_names is None or output_names is None:
        signature = signature_def or _signature(meta_graph, signature_def_key or _SERVING)
        input_names, output_names = _names(signature)
    return Predictor(graph, session, input_names, output_names)


def from_estimator(
    estimator: Any,
    serving_input_receiver_fn: Callable[[], Any],
    output_key: str | None = None,
    graph: Any = None,
    config: Any = None,
) -> Predictor:
    """Return the Predictor of an Estimator's last checkpoint.

    Args:
        estimator: a trained `tf.estimator.Estimator`.
        serving_input_receiver_fn: as for its exports.
        output_key: which of its export outputs, default "serving_default".
        graph: to build in, default a new one.
        config: the ConfigProto of the session.

    Raises:
        KeyError: there is no such export output.
        TypeError: it is no `tf.estimator.Estimator`.
    """
    if not isinstance(estimator, tf.estimator.Estimator):
        raise TypeError(
            f"from_estimator takes a tf.estimator.Estimator, not {type(estimator).__name__}"
        )
    graph = graph or tf.Graph()
    with graph.as_default():
        tf.train.get_or_create_global_step()
        receiver = serving_input_receiver_fn()
        spec = estimator.model_fn(
            receiver.features, None, tf.estimator.ModeKeys.PREDICT, estimator.config
        )
        outputs = spec.export_outputs or _default_outputs(spec.predictions)
        key = output_key or _SERVING
        if key not in outputs:
            raise KeyError(f"output_key must be one of {sorted(outputs)}; got {key}")
        signature = outputs[key].as_signature_def(receiver.receiver_tensors)
        session = tf.train.MonitoredSession(
            tf.train.ChiefSessionCreator(
                scaffold=spec.scaffold, config=config, checkpoint_dir=estimator.model_dir
            )
        )
    return Predictor(graph, session, *_names(signature))


def _default_outputs(predictions: Any) -> dict[str, Any]:
    return {_SERVING: tf.estimator.export.PredictOutput(predictions)}


def _signature(meta_graph: Any, key: str) -> Any:
    signatures = meta_graph.signature_def
    if key not in signatures:
        raise ValueError(
            f'Got signature_def_key "{key}". Available signatures are {sorted(signatures)}.'
        )
    return signatures[key]


def _names(signature: Any) -> tuple[dict[str, str], dict[str, str]]:
    return (
        {key: info.name for key, info in signature.inputs.items()},
        {key: info.name for key, info in signature.outputs.items()},
    )
