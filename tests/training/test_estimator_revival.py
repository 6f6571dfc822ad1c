"""tf.estimator on the TensorFlow it was removed from."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from entrypoint.estimator.user_imports import compile_user_source
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


@pytest.mark.parametrize(
    "statements",
    [
        "import tensorflow as tf; assert tf is v1",
        "import tensorflow; assert tensorflow is v1",
        "import tensorflow.nn as nn; assert nn is v1.nn",
        "import tensorflow.nn; assert tensorflow is v1",
        "import os, tensorflow as tf, json; assert tf is v1 and os and json",
        "from tensorflow import placeholder; assert placeholder is v1.placeholder",
        "from tensorflow.train import AdamOptimizer as A; assert A is v1.train.AdamOptimizer",
        "from tensorflow import estimator; assert estimator is v1.estimator",
        "import tensorflow.compat.v2 as tf2; assert tf2 is not v1",
        "import tensorflow.compat.v1 as tf1; assert tf1 is v1",
        "from tensorflow.python.framework import ops; assert ops.Graph is v1.Graph",
        "def f():\n    import tensorflow as tf\n    return tf\nassert f() is v1",
    ],
)
def test_user_code_sees_tensorflow_1_however_it_imports_it(statements: str, tmp_path: Path) -> None:
    module = tmp_path / "user_module.py"
    module.write_text(statements + "\n")
    finished = run_python(
        f"""
        import sys
        from pathlib import Path
        from entrypoint import estimator
        estimator.revive()
        estimator.read_user_modules_from(Path({str(tmp_path)!r}))
        sys.path.insert(0, {str(tmp_path)!r})
        import builtins, tensorflow
        builtins.v1 = tensorflow.compat.v1
        import user_module
        # Everybody else still sees the real one.
        assert sys.modules["tensorflow"] is tensorflow and not hasattr(tensorflow, "placeholder")
        """
    )
    assert finished.returncode == 0, finished.stderr[-1500:]


def test_rewritten_imports_keep_the_line_numbers() -> None:
    source = b"'''doc'''\nimport tensorflow.nn\n\nraise ValueError\n"
    code = compile_user_source(source, "user.py")
    lines = {line for _, _, line in code.co_lines() if line}
    assert lines == {1, 2, 4}
