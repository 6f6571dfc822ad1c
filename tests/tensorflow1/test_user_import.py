"""What user code gets when it imports."""

from __future__ import annotations

import sys
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from entrypoint import estimator
from entrypoint.settings import TensorFlowApi

Load = Callable[..., types.ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Write a user's module and import it."""
    estimator.revive()
    from entrypoint.tensorflow1.user_import import UserImport
    from entrypoint.tensorflow1.user_modules import load_user_modules

    finders, known = list(sys.meta_path), set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(source: str, *, api: TensorFlowApi = "1", name: str = "user_module") -> Any:
        user_import = UserImport(api)
        load_user_modules(lambda file: user_import if file.is_relative_to(tmp_path) else None)
        (tmp_path / f"{name}.py").write_text(source)
        return __import__(name)

    yield load
    sys.meta_path[:] = finders
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


# Each binds `found`, which is to be the object that the second column names.
FORMS = [
    ("import tensorflow as tf\nfound = tf.placeholder", "tf.compat.v1.placeholder"),
    ("import tensorflow\nfound = tensorflow.placeholder", "tf.compat.v1.placeholder"),
    ("import os, tensorflow as t, json\nfound = t.layers", "tf.compat.v1.layers"),
    ("import tensorflow.nn as nn\nfound = nn", "tf.compat.v1.nn"),
    ("import tensorflow.nn\nfound = tensorflow.nn", "tf.compat.v1.nn"),
    ("import tensorflow.keras as K\nfound = K", "tf.compat.v1.keras"),
    ("import tensorflow.keras.layers as L\nfound = L.Dense", "tf.compat.v1.keras.layers.Dense"),
    ("from tensorflow import placeholder as found", "tf.compat.v1.placeholder"),
    ("from tensorflow import estimator as found", "tf.compat.v1.estimator"),
    ("from tensorflow import *\nfound = placeholder", "tf.compat.v1.placeholder"),
    ("from tensorflow.train import AdamOptimizer as found", "tf.compat.v1.train.AdamOptimizer"),
    ("from tensorflow.keras.layers import Dense as found", "tf.compat.v1.keras.layers.Dense"),
    ("from tensorflow.keras import backend as found", "tf.compat.v1.keras.backend"),
    (
        "from tensorflow.estimator.export import ServingInputReceiver as found",
        "tf.compat.v1.estimator.export.ServingInputReceiver",
    ),
    ("import tensorflow.compat.v1 as found", "tf.compat.v1"),
    ("import tensorflow.compat.v2 as found", "tf.compat.v2"),
    ("from tensorflow.compat import v1 as found", "tf.compat.v1"),
    ("from tensorflow.compat.v1 import keras as found", "tf.compat.v1.keras"),
    ("import tensorflow as tf\nfound = tf.compat.v1", "tf.compat.v1"),
    ("from tensorflow.core.framework.graph_pb2 import GraphDef as found", "tf.compat.v1.GraphDef"),
    ("from tensorflow.core.framework import graph_pb2\nfound = graph_pb2.GraphDef",
     "tf.compat.v1.GraphDef"),
    ("from tensorflow.python.framework.ops import Graph as found", "tf.Graph"),
    ("from tensorflow.python.framework import ops\nfound = ops.Graph", "tf.Graph"),
    ("import tensorflow.python.framework.ops as ops\nfound = ops.Graph", "tf.Graph"),
    ("import tensorflow.python.framework.ops\nfound = tensorflow.placeholder",
     "tf.compat.v1.placeholder"),
    ("def f():\n    import tensorflow as tf\n    return tf\nfound = f().layers",
     "tf.compat.v1.layers"),
    ("class C:\n    import tensorflow as tf\nfound = C.tf.layers", "tf.compat.v1.layers"),
    ("found = __import__('tensorflow').placeholder", "tf.compat.v1.placeholder"),
    ("found = __import__('tensorflow.nn', fromlist=['x'])", "tf.compat.v1.nn"),
    ("import importlib\nfound = importlib.import_module('tensorflow').placeholder",
     "tf.compat.v1.placeholder"),
    ("from importlib import import_module\nfound = import_module('tensorflow.nn')",
     "tf.compat.v1.nn"),
    ("exec('import tensorflow as tf')\nfound = tf.placeholder", "tf.compat.v1.placeholder"),
    ("names = {}\nexec('import tensorflow as tf', names)\nfound = names['tf'].placeholder",
     "tf.compat.v1.placeholder"),
    ("found = eval('__import__(\"tensorflow\").placeholder')", "tf.compat.v1.placeholder"),
    ("try:\n    import tensorflow as tf\nexcept ImportError:\n    raise\nfound = tf.layers",
     "tf.compat.v1.layers"),
    ("import builtins\nfound = builtins.__import__('tensorflow').layers", "tf.compat.v1.layers"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "name"), FORMS, ids=[source for source, _ in FORMS])
def test_tensorflow_1_is_seen_however_it_is_imported(load: Load, source: str, name: str) -> None:
    import tensorflow as tf

    assert load(source).found is eval(name, {"tf": tf})
    # Everybody else still sees the real one.
    assert sys.modules["tensorflow"] is tf
    assert not hasattr(tf, "placeholder")


def test_modules_beside_the_module_see_it_too(load: Load, tmp_path: Path) -> None:
    import tensorflow as tf

    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("from . import inner\n")
    (tmp_path / "package" / "inner.py").write_text("import tensorflow as tf\nx = tf.placeholder\n")
    module = load("import package.inner\nfrom package import inner\nfound = inner.x\n")
    assert module.found is tf.compat.v1.placeholder


MOVED = [
    ("from tensorflow.python.framework.ops import Tensor as found", "tf.Tensor"),
    ("from tensorflow.python.ops import control_flow_ops as c\nfound = c.cond", "v1.cond"),
    ("from tensorflow.python.ops.control_flow_ops import while_loop as found", "v1.while_loop"),
    ("from tensorflow.python.ops.control_flow_ops import case as found", "v1.case"),
    ("from tensorflow.python.ops import array_ops\nfound = array_ops.stack", "tf.stack"),
    ("from tensorflow.python.ops.array_ops import unstack as found", "tf.unstack"),
    (
        "from tensorflow.python.framework import graph_util\n"
        "found = graph_util.convert_variables_to_constants",
        "v1.graph_util.convert_variables_to_constants",
    ),
    ("from tensorflow.python.pywrap_tensorflow import NewCheckpointReader as found",
     "v1.train.NewCheckpointReader"),
    ("import tensorflow as tf\nfound = tf.pywrap_tensorflow.NewCheckpointReader",
     "v1.train.NewCheckpointReader"),
    ("from tensorflow.python import pywrap_tensorflow as p\nfound = p.NewCheckpointReader",
     "v1.train.NewCheckpointReader"),
    ("from tensorflow.python.estimator.model_fn import EstimatorSpec as found",
     "tf.estimator.EstimatorSpec"),
    ("from tensorflow.python.estimator import estimator\nfound = estimator.Estimator",
     "v1.estimator.Estimator"),
    ("from tensorflow.python.estimator.export import export\nfound = export.ServingInputReceiver",
     "tf.estimator.export.ServingInputReceiver"),
    ("from tensorflow.python.estimator.canned import metric_keys as k\nfound = k.MetricKeys",
     "__import__('tensorflow_estimator.python.estimator.canned.metric_keys', fromlist=['x'])"
     ".MetricKeys"),
    ("from tensorflow.python.keras.layers import Dense as found", "tf.keras.layers.Dense"),
    ("from tensorflow.python.keras import backend as K\nfound = K.int_shape",
     "tf.keras.backend.int_shape"),
    ("from tensorflow.python.keras.engine.base_layer import Layer as found",
     "v1.keras.layers.Layer"),
    ("from tensorflow.python.keras.layers.core import Dense as found", "tf.keras.layers.Dense"),
    ("from tensorflow.python.keras.layers.embeddings import Embedding as found",
     "tf.keras.layers.Embedding"),
    ("from tensorflow.python.keras.layers.merge import concatenate as found",
     "tf.keras.layers.concatenate"),
    ("from tensorflow.python.keras.preprocessing.sequence import pad_sequences as found",
     "tf.keras.preprocessing.sequence.pad_sequences"),
    ("from tensorflow.python.keras.preprocessing import text\nfound = text.Tokenizer",
     "tf.keras.preprocessing.text.Tokenizer"),
    ("from tensorflow.python.keras.utils import to_categorical as found",
     "tf.keras.utils.to_categorical"),
    ("from tensorflow.python.keras.applications.vgg16 import VGG16 as found",
     "tf.keras.applications.vgg16.VGG16"),
    ("from tensorflow.python.keras.engine import training\nfound = training.Model",
     "tf.keras.Model"),
    ("import tensorflow.python.keras.backend as K\nfound = K.int_shape",
     "tf.keras.backend.int_shape"),
    ("from tensorflow.python.layers.core import Dense as found", "v1.layers.Dense"),
    ("from tensorflow.python.layers import core, base\nfound = core.Dense", "v1.layers.Dense"),
    ("from tensorflow.python.layers.normalization import BatchNormalization as found",
     "v1.layers.BatchNormalization"),
    ("from tensorflow.python.layers import layers\nfound = layers.dense", "v1.layers.dense"),
    ("from tensorflow.python.ops.rnn_cell_impl import LSTMStateTuple as found",
     "v1.nn.rnn_cell.LSTMStateTuple"),
    ("from tensorflow.python.ops.rnn_cell import RNNCell as found", "v1.nn.rnn_cell.RNNCell"),
    ("from tensorflow.python.ops.rnn import dynamic_rnn as found", "v1.nn.dynamic_rnn"),
    ("from tensorflow.python.training import training_ops\nfound = training_ops.apply_adam",
     "__import__('tensorflow.python.ops.gen_training_ops', fromlist=['x']).apply_adam"),
    ("from tensorflow.python.training.optimizer import Optimizer as found", "v1.train.Optimizer"),
    ("from tensorflow.python.client import device_lib\nfound = device_lib.list_local_devices",
     "__import__('tensorflow.python.client.device_lib', fromlist=['x']).list_local_devices"),
    ("from tensorflow.python.platform import gfile\nfound = gfile.GFile", "v1.gfile.GFile"),
    ("from tensorflow.python.platform import tf_logging as log\nfound = log.info",
     "v1.logging.info"),
    ("from tensorflow.python.lib.io.file_io import FileIO as found",
     "__import__('tensorflow.python.lib.io.file_io', fromlist=['x']).FileIO"),
]  # fmt: skip


CONTRIB = [
    "import tensorflow as tf\nfound = tf.contrib.framework.arg_scope",
    "import tensorflow.contrib.framework as f\nfound = f.arg_scope",
    "import tensorflow.contrib as c\nfound = c.framework.arg_scope",
    "from tensorflow import contrib\nfound = contrib.framework.arg_scope",
    "from tensorflow.contrib import framework\nfound = framework.arg_scope",
    "from tensorflow.contrib.framework import arg_scope as found",
    "from tensorflow.contrib.framework.python.ops import arg_scope as found",
    "from tensorflow.contrib.framework.python.ops.arg_scope import arg_scope as found",
    "from tensorflow.contrib.framework.python import ops\nfound = ops.arg_scope",
    "import tensorflow.contrib.slim as slim\nfound = slim.arg_scope",
    "import tensorflow.contrib.slim\nfound = tensorflow.contrib.slim.arg_scope",
    "from tensorflow.contrib import slim\nfound = slim.arg_scope",
    "slim = __import__('tensorflow.contrib.slim', fromlist=['nets'])\nfound = slim.arg_scope",
    "import importlib\nfound = importlib.import_module('tensorflow.contrib.slim').arg_scope",
]


@pytest.mark.parametrize("source", CONTRIB)
def test_contrib_is_there_however_it_is_imported(load: Load, source: str) -> None:
    from entrypoint.tensorflow1.contrib import framework

    assert load(source).found is framework.arg_scope


@pytest.mark.parametrize(
    "source",
    [
        "from tensorflow.contrib.summary import summary\nfound = summary.scalar",
        "from tensorflow.contrib import summary\nfound = summary.scalar",
        "import tensorflow.contrib.summary.summary as s\nfound = s.scalar",
    ],
)
def test_a_file_of_a_package_has_the_packages_names(load: Load, source: str) -> None:
    from entrypoint.tensorflow1.contrib import summary

    assert load(source).found is summary.scalar


def test_private_names_of_contrib_are_there_by_their_old_paths(load: Load) -> None:
    from entrypoint.tensorflow1.contrib.seq2seq import attention_wrapper

    module = load(
        "from tensorflow.contrib.seq2seq.python.ops import attention_wrapper as a\n"
        "from tensorflow.contrib.seq2seq.python.ops.attention_wrapper import _bahdanau_score\n"
        "found = a._BaseAttentionMechanism, a.AttentionWrapper, _bahdanau_score\n"
    )
    assert module.found == (
        attention_wrapper._BaseAttentionMechanism,
        attention_wrapper.AttentionWrapper,
        attention_wrapper._bahdanau_score,
    )


@pytest.mark.parametrize(
    "source",
    [
        "from tensorflow.contrib.slim.nets import resnet_v1\nfound = resnet_v1.resnet_v1_50",
        "import tensorflow.contrib.slim.nets as nets\nfound = nets.resnet_v1.resnet_v1_50",
        "from tensorflow.contrib.slim.python.slim.nets import resnet_v1\n"
        "found = resnet_v1.resnet_v1_50",
        "from tensorflow.contrib.slim.python.slim.nets.resnet_v1 import resnet_v1_50 as found",
        "import tensorflow as tf\nfound = tf.contrib.slim.nets.resnet_v1.resnet_v1_50",
    ],
)
def test_slims_nets_are_there_by_their_old_paths(load: Load, source: str) -> None:
    from entrypoint.tensorflow1.contrib.slim.nets import resnet_v1

    assert load(source).found is resnet_v1.resnet_v1_50


@pytest.mark.parametrize(("source", "name"), MOVED, ids=[source for source, _ in MOVED])
def test_private_paths_of_tensorflow_1_lead_to_what_they_meant(
    load: Load, source: str, name: str
) -> None:
    import tensorflow as tf

    found = load(source).found
    wanted = eval(name, {"tf": tf, "v1": tf.compat.v1})
    assert found is wanted or getattr(found, "__wrapped__", found) is getattr(
        wanted, "__wrapped__", wanted
    )


def test_nest_is_sequence_does_what_it_did(load: Load) -> None:
    module = load("from tensorflow.python.util import nest\nfound = nest.is_sequence\n")
    assert module.found([1])
    assert not module.found(1)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import tensorflow.no_such_module", "tf.no_such_module is not in TensorFlow 1's API"),
        ("import tensorflow.nn.absent", "No module named 'tensorflow.nn.absent'"),
        ("from tensorflow.nn import absent", "cannot import name 'absent' from 'tensorflow.nn'"),
        ("from tensorflow import no_such_name", "tf.no_such_name is not in TensorFlow 1's API"),
        ("from tensorflow import function, GradientTape, TensorSpec, bitcast, math_ops",
         "tf.math_ops is not in TensorFlow 1's API"),
        ("from tensorflow.python.framework.common_shapes import scalar_shape",
         "tensorflow.python.framework.common_shapes.scalar_shape was private to TensorFlow 1"),
        ("from tensorflow.contrib.layers import no_such_layer",
         "tf.contrib.layers.no_such_layer does not exist"),
        ("import tensorflow.contrib.no_such_package",
         "tf.contrib.no_such_package does not exist"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_named(load: Load, source: str, message: str) -> None:
    with pytest.raises(ImportError, match=message) as caught:
        load(source)
    frame = traceback.extract_tb(caught.value.__traceback__)
    assert any(f.filename.endswith("user_module.py") and f.lineno == 1 for f in frame)


def test_an_optional_import_may_still_fail(load: Load) -> None:
    source = "try:\n    import tensorflow.gone as x\nexcept ImportError:\n    x = None\n"
    assert load(source).x is None


def test_hasattr_tells_what_is_there(load: Load) -> None:
    module = load("import tensorflow as tf\nx = hasattr(tf, 'layers'), hasattr(tf, 'absent')\n")
    assert module.x == (True, False)


@pytest.mark.parametrize(
    "check",
    [
        "tf.__version__ < '2'",
        "tf.__version__.startswith('1.')",
        "int(tf.__version__.split('.')[0]) == 1",
        "tf.VERSION == '1.15.5'",
        "tf.version.VERSION == tf.__version__",
        "tuple(map(int, tf.__version__.split('.'))) >= (1, 12)",
    ],
)
def test_version_checks_see_tensorflow_1(load: Load, check: str) -> None:
    assert load(f"import tensorflow as tf\nx = {check}\n").x is True


def test_code_for_tensorflow_2_sees_tensorflow_2(load: Load) -> None:
    import tensorflow as tf

    module = load("import tensorflow as tf\nversion = tf.__version__\n", api="2")
    assert module.tf.estimator is tf.estimator
    assert module.version == tf.__version__
    assert module.tf.compat.v1 is tf.compat.v1
    with pytest.raises(AttributeError, match="MODELMAKER_TF_API=1 chooses"):
        _ = module.tf.placeholder
    with pytest.raises(AttributeError, match="MODELMAKER_TF_API=1 chooses"):
        _ = module.tf.contrib


def test_keras_optimizers_are_those_that_work_in_a_graph(load: Load) -> None:
    import tensorflow as tf

    for source in (
        "import tensorflow as tf\nfound = tf.keras.optimizers.Adam",
        "from tensorflow.keras.optimizers import Adam as found",
        "from tensorflow.keras import optimizers\nfound = optimizers.Adam",
    ):
        module = load(source, api="2", name=f"user_{abs(hash(source))}")
        assert module.found is tf.keras.optimizers.legacy.Adam


DROPPED = [
    "np.zeros(2, np.int).dtype == int",
    "np.zeros(2, np.float).dtype == float",
    "np.zeros(2, dtype=np.bool).dtype == bool",
    "np.array([1], np.object).dtype == object",
    "np.zeros(1, np.str).dtype.kind == 'U'",
    "np.Inf == np.inf and np.NINF == -np.inf and np.isnan(np.NaN)",
    "np.float_ is np.float64 and np.complex_ is np.complex128",
    "np.asscalar(np.array([3])) == 3",
    "np.product([2, 3]) == 6 and np.cumproduct([2, 3])[1] == 6",
    "np.alltrue([1, 1]) and not np.sometrue([0, 0])",
    "np.in1d([[1, 2]], [2]).tolist() == [False, True]",
    "np.row_stack([[1], [2]]).shape == (2, 1)",
    "abs(np.trapz([0.0, 1.0]) - 0.5) < 1e-9",
    "np.asfarray([1]).dtype == float",
    "np.round_(2.6) == 3.0",
    "issubclass(collections.OrderedDict, collections.Mapping)",
    "isinstance([], collections.Iterable)",
    "inspect.getargspec(lambda a, *b: 0).varargs == 'b'",
    "fractions.gcd(4, 6) == 2",
    "time.clock() >= 0",
    "np.random.RandomState is random.RandomState",
]


@pytest.mark.parametrize("check", DROPPED)
def test_names_that_python_and_numpy_dropped_are_there(load: Load, check: str) -> None:
    imports = (
        "import collections, fractions, inspect, time, numpy as np\nfrom numpy import random\n"
    )
    assert load(f"{imports}x = bool({check})\n").x is True


def test_names_that_were_dropped_stay_dropped_for_everybody_else(load: Load) -> None:
    import numpy as np

    load("import numpy as np\nfrom collections import Mapping\nx = np.int, np.float\n")
    assert not hasattr(np, "int")
    assert not hasattr(sys.modules["collections"], "Mapping")


def test_what_user_code_sets_is_set_for_all(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    monkeypatch.setattr(np, "load", np.load)
    module = load("import numpy as np\nnp.load = lambda name: 'mine'\nx = np.load('')\n")
    assert module.x == np.load("") == "mine"


def test_names_set_in_builtins_are_there_in_every_user_module(load: Load, tmp_path: Path) -> None:
    (tmp_path / "user_other.py").write_text("x = unicode('a')\n")
    load("import builtins\nbuiltins.unicode = str\nimport user_other\nx = xrange = unicode\n")
    assert sys.modules["user_other"].x == "a"
    assert "unicode" not in vars(sys.modules["builtins"])


def test_user_code_leaves_no_bytecode(load: Load, tmp_path: Path) -> None:
    load("x = 1\n")
    assert not (tmp_path / "__pycache__").exists()
