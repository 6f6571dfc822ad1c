"""Which of TensorFlow's two APIs a job's code is written for."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrypoint import estimator
from tests.jobs import PROJECT_DIR

TF = "import tensorflow as tf\n"
WRITTEN_FOR_1 = {
    "a name of 1 alone": TF + "x = tf.placeholder\n",
    "contrib": TF + "x = tf.contrib.layers.l2_regularizer(0.1)\n",
    "a deep name": TF + "x = tf.train.AdamOptimizer()\n",
    "an import of it": "from tensorflow.contrib import slim\n",
    "an import from it": "from tensorflow import placeholder\n",
    "without an alias": "import tensorflow\nx = tensorflow.layers.dense\n",
    "in a function": "def f():\n    import tensorflow as t\n    return t.get_variable\n",
    "dimensions that are objects": TF + "def f(x):\n    return x.get_shape()[-1].value\n",
    "dimensions of x.shape": TF + "def f(x):\n    return x.shape[1].value\n",
    "more of 1 than of 2": TF + "x = tf.placeholder, tf.layers, tf.TensorSpec, tf.function\n",
    "1 beside compat.v1": TF + "x = tf.compat.v1.logging, tf.contrib.rnn\n",
    "names of both": TF + "x = tf.nn.relu, tf.estimator.Estimator, tf.keras.layers.Dense\n",
    "no TensorFlow": "x = 1\n",
}
# Code that names compat.v1 was run on TensorFlow 2 and turns its behaviour off where it wants to.
WRITTEN_FOR_2 = {
    "compat.v1 by import": "import tensorflow.compat.v1 as tf\nx = tf.placeholder\n",
    "compat.v1 from tensorflow": "from tensorflow.compat import v1 as tf\nx = tf.placeholder\n",
    "compat.v1 beside tf": TF + "x = tf.compat.v1.train.AdamOptimizer, tf.keras.layers.Dense\n",
    "a name of 2 alone": TF + "x = tf.optimizers.Adam()\n",
    "a deep name of 2": TF + "x = tf.summary.create_file_writer\n",
    "more of 2 than of 1": TF + "x = tf.optimizers, tf.losses.MeanSquaredError, tf.placeholder\n",
}


def choose(source: str, tmp_path: Path, default: str = "1") -> tuple[str, str]:
    estimator.revive()
    from entrypoint.tensorflow1.api_choice import choose_api

    file = tmp_path / "code" / "model.py"
    file.parent.mkdir()
    file.write_text(source)
    choice = choose_api([file], tmp_path / "code", default="2" if default == "2" else "1")
    return choice.api, choice.reason


@pytest.mark.parametrize("source", WRITTEN_FOR_1.values(), ids=WRITTEN_FOR_1)
def test_code_for_tensorflow_1(source: str, tmp_path: Path) -> None:
    api, reason = choose(source, tmp_path)
    assert (api, reason) == ("1", reason)


@pytest.mark.parametrize("source", WRITTEN_FOR_2.values(), ids=WRITTEN_FOR_2)
def test_code_for_tensorflow_2(source: str, tmp_path: Path) -> None:
    api, reason = choose(source, tmp_path)
    assert (api, reason) == ("2", reason)


def test_a_name_bound_to_compat_v1_is_its_names(tmp_path: Path) -> None:
    source = TF + "tf = tf.compat.v1\ntf.disable_v2_behavior()\nx = tf.placeholder\n"
    assert choose(source, tmp_path, default="2")[0] == "2"


def test_the_reason_names_the_first_name_with_its_line(tmp_path: Path) -> None:
    source = TF + "\nx = tf.placeholder\ny = tf.layers.dense, tf.get_variable, tf.placeholder\n"
    assert choose(source, tmp_path)[1] == (
        "it uses tf.placeholder (code/model.py, line 3) and 2 more names that only TensorFlow 1 has"
    )


def test_the_reason_admits_what_speaks_against_it(tmp_path: Path) -> None:
    source = TF + "x = tf.placeholder, tf.layers\nz = tf.optimizers\n"
    assert choose(source, tmp_path)[1] == (
        "it uses tf.placeholder (code/model.py, line 2) and one more name that only TensorFlow 1"
        " has (but also tf.optimizers (code/model.py, line 3), which it lacks)"
    )


def test_a_file_that_is_no_python_is_left_to_its_import(tmp_path: Path) -> None:
    assert choose("print 'two'\n", tmp_path) == ("1", "every name that it uses is in both APIs")


def test_the_sample_is_written_for_tensorflow_1() -> None:
    estimator.revive()
    from entrypoint.tensorflow1.api_choice import choose_api
    from entrypoint.tensorflow1.source_files import files_of

    code_dir = PROJECT_DIR / "samples" / "mnist" / "code"
    files = files_of("mnist", code_dir)
    assert [file.name for file in files] == ["mnist.py", "mnist_files.py"]
    assert choose_api(files, code_dir, default="2").api == "1"


def test_only_the_files_that_the_module_imports_are_read(tmp_path: Path) -> None:
    estimator.revive()
    from entrypoint.tensorflow1.source_files import files_of

    (tmp_path / "nets" / "deep").mkdir(parents=True)
    contents = {
        "model.py": "import os, nets.first\nfrom nets import second\ndef f():\n    import late\n",
        "late.py": "import model, absent\n",
        "unused.py": "",
        "nets/__init__.py": "",
        "nets/first.py": "from . import second\nfrom .deep.third import name\n",
        "nets/second.py": "print 'no Python'",
        "nets/deep/__init__.py": "",
        "nets/deep/third.py": "from ... import up\nfrom .. import first\n",
        "nets/unused.py": "",
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    assert [str(file.relative_to(tmp_path)) for file in files_of("model", tmp_path)] == [
        "model.py",
        "nets/__init__.py",
        "nets/first.py",
        "nets/second.py",
        "late.py",
        "nets/deep/__init__.py",
        "nets/deep/third.py",
    ]
