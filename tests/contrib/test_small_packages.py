"""The packages of `tf.contrib` that hand on what TensorFlow has elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

_PACKAGES = [
    *("autograph", "checkpoint", "cluster_resolver", "deprecated", "distribute", "eager"),
    *("estimator", "hooks", "learn", "learn.datasets", "learn.io", "learn.learn_runner"),
    *("learn.monitors", "learn.preprocessing", "learn.utils", "predictor", "saved_model"),
    *("session_bundle", "summary", "tensorboard", "tensorboard.plugins", "tpu", "training"),
]


def _package(path: str) -> Any:
    package = contrib
    for name in path.split("."):
        package = getattr(package, name)
    return package


@pytest.mark.parametrize("path", _PACKAGES)
def test_every_name_that_is_supplied_is_there(path: str) -> None:
    package = _package(path)
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    assert len(set(package.__all__)) == len(package.__all__)
    assert not set(package.__all__) & set(getattr(package, "NOT_SUPPLIED", {}))


def test_summaries_are_written_by_operations(tmp_path: Path) -> None:
    summary = contrib.summary
    step = tf.train.get_or_create_global_step()
    with (
        summary.create_file_writer(str(tmp_path), max_queue=0).as_default(),
        summary.record_summaries_every_n_global_steps(2),
    ):
        summary.scalar("loss", tf.cast(step, tf.float32) * 10)
        summary.histogram("h", [1.0, 2.0])
        advance, flush = tf.assign_add(step, 1), summary.flush()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            summary.initialize(graph=tf.get_default_graph())
            for _ in range(4):
                session.run(summary.all_summary_ops())
                session.run(advance)
            session.run(flush)
    values = {
        event.step: value.simple_value
        for file in tmp_path.glob("events*")
        for event in tf.train.summary_iterator(str(file))
        for value in event.summary.value
        if value.tag == "loss"
    }
    assert values == {0: 0.0, 2: 20.0}


def test_the_projector_config_lies_beside_the_events(tmp_path: Path) -> None:
    projector = contrib.tensorboard.plugins.projector
    config = projector.ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name = "words"
    embedding.metadata_path = "words.tsv"
    projector.visualize_embeddings(tf.summary.FileWriter(str(tmp_path)), config)
    assert (tmp_path / "projector_config.pbtxt").read_text() == (
        'embeddings {\n  tensor_name: "words"\n  metadata_path: "words.tsv"\n}\n'
    )


def test_summaries_of_tensorflow0_have_the_tag_they_are_given() -> None:
    scalar = contrib.deprecated.scalar_summary("a tag", 3.0)
    merged = contrib.deprecated.merge_summary([scalar])
    written = tf.Summary.FromString(run(merged))
    assert [(value.tag, value.simple_value) for value in written.value] == [("a tag", 3.0)]


def test_unique_names_are_saved_and_restored(tmp_path: Path) -> None:
    def tracked() -> tuple[Any, Any, Any]:
        tracker = contrib.checkpoint.UniqueNameTracker()
        first = tracker.track(tf.Variable(1.0), "x")
        second = tracker.track(tf.Variable(2.0), "x")
        return tf.train.Checkpoint(tracker=tracker), first, second

    checkpoint, *_ = tracked()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = checkpoint.save(str(tmp_path / "c"), session)
    names = {name for name, _ in tf.train.list_variables(path)}
    assert {
        "tracker/x/.ATTRIBUTES/VARIABLE_VALUE",
        "tracker/x_1/.ATTRIBUTES/VARIABLE_VALUE",
    } <= names
    with pytest.raises(ValueError, match="trackable"):
        contrib.checkpoint.UniqueNameTracker().track(3, "x")


def test_eager_functions_work_in_graphs() -> None:
    eager = contrib.eager

    def double(value: Any) -> Any:
        return value * 2

    doubled = eager.defun(double)(tf.constant(3.0))
    called = eager.py_func(lambda value: value.numpy() + 1, [tf.constant(4.0)], tf.float32)
    assert run([doubled, called]) == [6.0, 5.0]
    assert eager.num_gpus() == len(tf.config.list_logical_devices("GPU"))
    assert any("CPU:0" in name for name in eager.list_devices())
    assert not eager.in_eager_mode()
    with pytest.raises(RuntimeError, match=r"tf\.train\.Saver"):
        eager.Saver([])


def test_a_variable_of_eager_is_a_resource() -> None:
    variable = contrib.eager.Variable([1.0, 2.0], name="v")
    np.testing.assert_array_equal(run(variable), [1.0, 2.0])
    assert variable.op.type == "VarHandleOp"


# On Python 3.13 gast warns of what TensorFlow passes it.
@pytest.mark.filterwarnings("ignore:.*___pyct_anno:DeprecationWarning")
def test_autograph_converts_control_flow() -> None:
    def positive(value: Any) -> Any:
        if value > 0:
            return value
        return -value

    converted = contrib.autograph.to_graph(positive)
    assert run(converted(tf.constant(-3.0))) == 3.0
    assert contrib.autograph.to_code(positive)


def test_profiler_hook_writes_a_timeline(tmp_path: Path) -> None:
    step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    hook = contrib.hooks.ProfilerHook(save_steps=1, output_dir=str(tmp_path))
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        for _ in range(3):
            session.run(step)
    assert list(tmp_path.glob("timeline-*.json"))
