"""tf.estimator on the TensorFlow it was removed from."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.jobs import PROJECT_DIR, JobRoot


def run_python(script: str, *, path: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=PROJECT_DIR,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_estimator_api_is_where_both_tensorflows_had_it() -> None:
    finished = run_python("""
        from entrypoint.estimator import revive
        v1 = revive()
        import tensorflow as tf
        assert tf.compat.v1.estimator is v1
        assert tf.estimator.Estimator is tf.compat.v2.estimator.Estimator
        from tensorflow.estimator import DNNClassifier
        from tensorflow.compat.v1.estimator import ModeKeys
        assert revive() is v1
    """)
    assert finished.returncode == 0, finished.stderr


def test_a_canned_estimator_trains_and_evaluates() -> None:
    finished = run_python("""
        from entrypoint import estimator
        tf_estimator = estimator.revive()
        estimator.behave_like_tensorflow1()
        import numpy as np, tempfile
        import tensorflow.compat.v1 as tf
        x = np.linspace(-1, 1, 200, dtype=np.float32).reshape(-1, 1)
        y = (x[:, 0] > 0).astype(np.int32)
        rows = lambda: tf.data.Dataset.from_tensor_slices(({"x": x}, y)).shuffle(200, seed=1)
        data = lambda: rows().repeat(100).batch(50)
        model = tf.estimator.DNNLinearCombinedClassifier(
            linear_feature_columns=[tf.feature_column.numeric_column("x")],
            dnn_feature_columns=[tf.feature_column.numeric_column("x")],
            linear_optimizer=tf.train.FtrlOptimizer(0.5),
            dnn_hidden_units=[8],
            dnn_optimizer=tf.train.AdagradOptimizer(0.5),
            config=tf.estimator.RunConfig(model_dir=tempfile.mkdtemp(), tf_random_seed=1),
        )
        metrics = model.train(data).evaluate(data)
        assert metrics["accuracy"] > 0.95, metrics
    """)
    assert finished.returncode == 0, finished.stderr[-2000:]


def test_what_is_gone_with_tpus_says_so_when_it_is_used() -> None:
    finished = run_python("""
        from entrypoint.estimator import revive
        revive()
        from tensorflow.python.tpu import tpu_embedding
        try:
            tpu_embedding.TPUEmbedding()
        except NotImplementedError as error:
            assert "tensorflow.python.tpu.tpu_embedding.TPUEmbedding" in str(error)
        else:
            raise SystemExit("nothing was raised")
    """)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("name", ["tensorflow", "tensorflow-estimator"])
def test_another_version_is_refused_before_anything_is_patched(
    job: JobRoot, tmp_path: Path, name: str
) -> None:
    metadata = tmp_path / "path" / f"{name.replace('-', '_')}-2.99.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.99.0\n")
    finished = job.run(PYTHONPATH=str(tmp_path / "path"))
    assert finished.code == 2
    assert "2.99.0 " in finished.last["message"]
    assert "TensorFlow 2.21.0 and tensorflow-estimator 2.15.0" in finished.last["message"]
    assert finished.events("start") == []
