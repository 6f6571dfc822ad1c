"""Make ``tf.estimator`` importable and usable on the TensorFlow it was removed from.

Each step below supplies one thing that ``tensorflow-estimator`` 2.15.0 imports and TensorFlow
2.21 no longer has. The pair is checked first: on any other pair these steps are guesses.
"""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import os
import re
import sys
import warnings
from types import ModuleType
from typing import Any

from entrypoint.errors import UsageError
from entrypoint.estimator import tpu_stand_ins

TENSORFLOW_VERSION = "2.21.0"
ESTIMATOR_VERSION = "2.15.0"
# What tensorflow-estimator 2.15.0 no longer has of tf.estimator.
BOOSTED_TREES = ("BoostedTreesClassifier", "BoostedTreesEstimator", "BoostedTreesRegressor")


@functools.cache
def revive() -> ModuleType:
    """Return ``tf.estimator`` with TensorFlow 1's names, working on this TensorFlow.

    Also makes it reachable where user code looks for it: ``tf.estimator``,
    ``tf.compat.v1.estimator`` and ``import tensorflow_estimator``.

    Raises:
        UsageError: TensorFlow or tensorflow-estimator is not the version this was tested with.
    """
    require_tested_versions()
    # Estimator code is Keras 2 code; TensorFlow reads this when it is first imported.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    # TensorFlow's native notes of processor features say nothing about a job; warnings stay.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    _restore_export_tables()
    _restore_coordinator_training()
    tpu_stand_ins.install()
    _settle_keras()
    _silence_needless_warnings()
    return _publish()


def require_tested_versions() -> None:
    """Refuse a TensorFlow or tensorflow-estimator other than the tested pair.

    Raises:
        UsageError: names what is installed and what is needed. TensorFlow is not imported.
    """
    tensorflow = _installed("tensorflow") or _installed("tensorflow-cpu")
    estimator = _installed("tensorflow-estimator")
    if (tensorflow, estimator) != (TENSORFLOW_VERSION, ESTIMATOR_VERSION):
        raise UsageError(
            f"TensorFlow {tensorflow or '(none)'} with tensorflow-estimator"
            f" {estimator or '(none)'} is installed; this job is tested with TensorFlow"
            f" {TENSORFLOW_VERSION} and tensorflow-estimator {ESTIMATOR_VERSION} only",
            hint="use the image, or `make .venv`, which install exactly these versions",
        )


def behave_like_tensorflow1() -> None:
    """Switch this process to the graph mode, control flow and shapes that TF1 code is written for.

    Call it before any graph is built.
    """
    import tensorflow as tf

    tf.compat.v1.disable_v2_behavior()


def _installed(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _restore_export_tables() -> None:
    """Give ``tf_export`` the "estimator" API name back: every public Estimator symbol names it."""
    from tensorflow.python.util import tf_export

    name = "estimator"
    tf_export.ESTIMATOR_API_NAME = name
    for tables, suffix in ((tf_export.API_ATTRS, ""), (tf_export.API_ATTRS_V1, "_v1")):
        tables[name] = type(tables[tf_export.TENSORFLOW_API_NAME])(
            f"_estimator_api_names{suffix}", f"_estimator_api_constants{suffix}"
        )


def _restore_coordinator_training() -> None:
    """Stand in for ``distribute.estimator_training``, through which strategies reach Estimator."""
    from tensorflow.python import distribute

    from entrypoint.estimator import coordinator_training

    sys.modules["tensorflow.python.distribute.estimator_training"] = coordinator_training
    distribute.estimator_training = coordinator_training


def _settle_keras() -> None:
    """Resolve every lazy Keras name of the API now.

    TensorFlow's loader for them is not safe: a second thread that uses `tf.keras` while the first
    use is still loading it recurses without end, for the rest of the process.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    for lazy_module in (tf.keras, tf.compat.v2.keras, v1.keras, v1.layers, v1.nn.rnn_cell):
        dir(lazy_module)

    from tf_keras.src import legacy_tf_layers

    # tensorflow.python.layers.normalization looks for it here, where no tf-keras ever had it.
    sys.modules["tf_keras.legacy_tf_layers"] = legacy_tf_layers
    sys.modules["tf_keras.legacy_tf_layers.normalization"] = legacy_tf_layers.normalization


def _silence_needless_warnings() -> None:
    """Leave out the advice to migrate, which would follow nearly every line, and a false alarm."""
    from tensorflow.python.util import deprecation

    deprecation._PRINT_DEPRECATION_WARNINGS = False
    # Each of the v1 layers and cells warns on its own.
    advice = re.compile(r"`(tf\.layers|layer|tf\.nn\.rnn_cell)\..*` is deprecated")
    warnings.filterwarnings("ignore", advice.pattern, UserWarning)
    # Keras says these of its own lines.
    own_advice = r"`(Model\.state_updates|tf\.keras\.backend\.set_learning_phase)`"
    warnings.filterwarnings("ignore", own_advice, UserWarning)
    # tf.data says this whenever it looks at the options of a dataset in a graph.
    warnings.filterwarnings(
        "ignore", "To make it possible to preserve tf.data options", UserWarning
    )
    # This one compares two reads that race with the training operation, and is most often wrong;
    # `ProgressHook` makes a check of its own.
    alarm = "It seems that global step (tf.train.get_global_step) has not been increased."

    def is_worth_saying(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        return not (advice.match(message) or message.startswith(alarm))

    logging.getLogger("tensorflow").addFilter(is_worth_saying)


def _publish() -> ModuleType:
    """Hang the estimator modules where TensorFlow 1 and early 2 had them."""
    import tensorflow as tf
    from tensorflow_estimator._api.v1 import estimator as v1
    from tensorflow_estimator._api.v2 import estimator as v2

    places: tuple[tuple[Any, str, ModuleType], ...] = (
        (tf, "tensorflow", v2),
        (tf.compat.v1, "tensorflow.compat.v1", v1),
        (tf.compat.v2, "tensorflow.compat.v2", v2),
    )
    for parent, name, module in places:
        parent.estimator = module
        # `from tensorflow.estimator import Estimator` looks here, not at the attribute.
        sys.modules[f"{name}.estimator"] = module
        # They are in neither module; they are loaded when user code first names one.
        module.__getattr__ = functools.partial(_find_boosted_trees, module.__name__)  # type: ignore[method-assign]

    from entrypoint.estimator.tpu_estimator import CrossShardOptimizer, TPUEstimator

    v1.tpu.TPUEstimator = TPUEstimator
    tf.compat.v1.tpu.CrossShardOptimizer = CrossShardOptimizer
    published: ModuleType = v1
    return published


def _find_boosted_trees(module: str, name: str) -> Any:
    if name not in BOOSTED_TREES:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    from entrypoint.estimator import boosted_trees

    return getattr(boosted_trees, name)
