"""`tf.contrib.predictor` and `saved_model`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1 import contrib


def _model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
    weight = tf.get_variable("w", initializer=2.0)
    product = features["x"] * weight
    outputs = None
    if params.get("outputs"):
        export = tf.estimator.export.PredictOutput
        outputs = {
            "serving_default": export({"y": product}),
            "squares": export({"y": product**2}),
        }
    loss = None if labels is None else tf.reduce_mean((product - labels) ** 2)
    train_op = tf.assign_add(tf.train.get_global_step(), 1)
    return tf.estimator.EstimatorSpec(
        mode, predictions={"y": product}, loss=loss, train_op=train_op, export_outputs=outputs
    )


def _serving_input_fn() -> Any:
    features = {
        "x": tf.placeholder(tf.float32, [None], "x"),
        "unused": tf.placeholder_with_default(1.0, [], "unused"),
    }
    return tf.estimator.export.ServingInputReceiver(features, features)


def _trained(directory: Path, **params: Any) -> Any:
    estimator = tf.estimator.Estimator(_model_fn, str(directory / "model"), params=params)
    estimator.train(lambda: tf.data.Dataset.from_tensors(({"x": [1.0]}, [1.0])), steps=1)
    return estimator


def test_an_estimator_predicts(tmp_path: Path) -> None:
    predict = contrib.predictor.from_estimator(_trained(tmp_path), _serving_input_fn)
    np.testing.assert_array_equal(predict({"x": [1.0, 3.0]})["y"], [2.0, 6.0])
    np.testing.assert_array_equal(predict({"x": [5.0], "unused": None})["y"], [10.0])
    assert set(predict.feed_tensors) == {"x", "unused"}
    assert predict.fetch_tensors["y"].graph is predict.graph
    assert "Predictor with feed tensors" in repr(predict)
    with pytest.raises(ValueError, match=r"unexpected keys in input_dict: \['z'\]"):
        predict({"z": 1})


def test_an_estimator_predicts_by_one_of_its_outputs(tmp_path: Path) -> None:
    estimator = _trained(tmp_path, outputs=True)
    squares = contrib.predictor.from_estimator(estimator, _serving_input_fn, "squares")
    assert squares({"x": [3.0]})["y"].tolist() == [36.0]
    with pytest.raises(KeyError, match="squares"):
        contrib.predictor.from_estimator(estimator, _serving_input_fn, "cubes")
    with pytest.raises(TypeError, match="not int"):
        contrib.predictor.from_estimator(3, _serving_input_fn)


def test_a_saved_model_predicts(tmp_path: Path) -> None:
    estimator = _trained(tmp_path, outputs=True)
    exported = estimator.export_saved_model(str(tmp_path / "export"), _serving_input_fn).decode()
    from_saved_model = contrib.predictor.from_saved_model
    predict = from_saved_model(exported)
    assert predict({"x": [1.0, 3.0]})["y"].tolist() == [2.0, 6.0]
    squares = from_saved_model(exported, signature_def_key="squares", tags="serve")
    assert squares({"x": [3.0]})["y"].tolist() == [36.0]
    names = {"a": predict.feed_tensors["x"].name}, {"b": predict.fetch_tensors["y"].name}
    renamed = from_saved_model(exported, input_names=names[0], output_names=names[1])
    assert renamed({"a": [4.0]})["b"].tolist() == [8.0]
    with tf.Graph().as_default() as graph, tf.Session() as session:
        meta_graph = tf.saved_model.load(session, ["serve"], exported)
    signature = contrib.saved_model.get_signature_def_by_key(meta_graph, "squares")
    given = from_saved_model(exported, signature_def=signature, graph=tf.Graph())
    assert given({"x": [3.0]})["y"].tolist() == [36.0]
    assert given.graph is not graph
    with pytest.raises(ValueError, match="squares"):
        contrib.saved_model.get_signature_def_by_key(meta_graph, "cubes")
    with pytest.raises(ValueError, match='Got signature_def_key "cubes"'):
        from_saved_model(exported, signature_def_key="cubes")
    with pytest.raises(ValueError, match="at most one"):
        from_saved_model(exported, "squares", signature)
    with pytest.raises(ValueError, match="both"):
        from_saved_model(exported, input_names=names[0])
    with pytest.raises(RuntimeError, match="other"):
        from_saved_model(exported, tags="other")


def test_a_tpu_estimator_predicts(tmp_path: Path) -> None:
    tpu = contrib.tpu

    def model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
        return _model_fn(features, labels, mode, {})

    estimator = tpu.TPUEstimator(
        model_fn,
        config=tpu.RunConfig(model_dir=str(tmp_path)),
        use_tpu=False,
        train_batch_size=1,
    )

    def input_fn(params: Any) -> Any:
        return tf.data.Dataset.from_tensors(({"x": [1.0]}, [1.0]))

    estimator.train(input_fn, steps=1)
    predict = contrib.predictor.from_estimator(estimator, _serving_input_fn)
    assert predict({"x": [3.0]})["y"].tolist() == [6.0]
