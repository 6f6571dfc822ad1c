"""`tensorflow` as user code sees it, in TensorFlow 1's API or TensorFlow 2's."""

from __future__ import annotations

import difflib
import importlib
from types import ModuleType
from typing import Any

import tensorflow as tf

from entrypoint.settings import TensorFlowApi
from entrypoint.tensorflow1.contrib.missing import MissingSymbolError
from entrypoint.tensorflow1.contrib_paths import Contrib, OldModule
from entrypoint.tensorflow1.facade import Facade
from entrypoint.tensorflow1.old_behaviour import NameScope
from entrypoint.tensorflow1.python_paths import PythonModule

# The last release of TensorFlow 1; code asks for it to choose between the names of two versions.
TENSORFLOW1_VERSION = "1.15.5"


class TensorFlow(Facade):
    """The module that `import tensorflow` gives to user code."""

    def __init__(self, api: TensorFlowApi) -> None:
        """Make the module.

        Args:
            api: "1" for the names of TensorFlow 1.15, `tf.contrib` with them, "2" for those of 2.x.
        """
        own = {
            "compat": lambda: tf.compat,
            "python": PythonModule,
        }
        if api == "1":
            own |= {
                "__version__": lambda: TENSORFLOW1_VERSION,
                "VERSION": lambda: TENSORFLOW1_VERSION,
                "contrib": Contrib,
                "data": _data,
                "examples": _examples,
                "name_scope": lambda: NameScope,
                "pywrap_tensorflow": lambda: PythonModule("pywrap_tensorflow"),
                "version": lambda: Facade(
                    "tensorflow.version", tf.version, {"VERSION": lambda: TENSORFLOW1_VERSION}
                ),
            }
        else:
            own["keras"] = _keras2
        super().__init__("tensorflow", tf.compat.v1 if api == "1" else tf, own)
        vars(self)["_api"] = api

    def _find(self, name: str) -> Any:
        try:
            return super()._find(name)
        except AttributeError as error:
            if name.startswith("__") or isinstance(error, MissingSymbolError):
                raise
        other, there = ("2", tf) if self._api == "1" else ("1", tf.compat.v1)
        if hasattr(there, name) or name == "contrib":
            raise MissingSymbolError(
                f"tf.{name} is in TensorFlow {other}'s API, and this job's code sees TensorFlow"
                f" {self._api}'s",
                f"MODELMAKER_TF_API={other} chooses the other",
            )
        near = difflib.get_close_matches(name, dir(self._real), n=1, cutoff=0.75)
        raise MissingSymbolError(
            f"tf.{name} is not in TensorFlow {self._api}'s API",
            f"did you mean tf.{near[0]}?" if near else "correct the name",
        )


def load(root: TensorFlow, name: str) -> Any:
    """Return what a dotted name that begins with `tensorflow` stands for.

    Raises:
        ModuleNotFoundError: there is no such module.
        MissingSymbolError: TensorFlow 1 had it and it is not supplied; says what to use instead.
    """
    module: Any = root
    _, *parts = name.split(".")
    for depth, part in enumerate(parts, start=1):
        try:
            found = getattr(module, part)
            if isinstance(module, OldModule) and not isinstance(found, ModuleType):
                found = module.submodule(part)
            module = found
        except AttributeError as error:
            # Modules that are part of no API, such as `tensorflow.core.framework`.
            real = ".".join(["tensorflow", *parts[:depth]])
            try:
                module = importlib.import_module(real)
            except ModuleNotFoundError:
                if isinstance(error, MissingSymbolError):
                    raise error from None
                raise ModuleNotFoundError(f"No module named {real!r}", name=real) from error
    if not isinstance(module, ModuleType):
        raise ModuleNotFoundError(f"No module named {name!r}; it is no module", name=name)
    return module


def _data() -> Facade:
    """Return `tf.data` with the hook for input pipelines, which is gone from it."""

    def hook() -> Any:
        from entrypoint.tensorflow1.contrib import data as contrib_data

        return contrib_data.CheckpointInputPipelineHook

    v1 = tf.compat.v1.data
    own = {"CheckpointInputPipelineHook": hook}
    experimental = Facade("tensorflow.data.experimental", v1.experimental, own)
    return Facade("tensorflow.data", v1, {"experimental": lambda: experimental})


def _examples() -> ModuleType:
    """Return `tf.examples` with what was left of it: `tutorials.mnist.input_data`."""
    from entrypoint.tensorflow1.contrib import learn

    module: ModuleType = learn.datasets.mnist
    for name in ("input_data", "mnist", "tutorials", "examples"):
        parent = ModuleType(f"tensorflow.{name}")
        setattr(parent, name, module)
        module = parent
    examples: ModuleType = module.examples
    return examples


def _keras2() -> Facade:
    """Return `tf.keras` with the optimizers that work in a graph.

    From 2.11 on, `tf.keras.optimizers.Adam` and its kin train in eager mode alone, and the classes
    they replaced, which a model_fn can use, moved into `optimizers.legacy`.
    """
    optimizers = tf.keras.optimizers
    legacy = optimizers.legacy
    names = [name for name in dir(legacy) if not name.startswith("_")]
    facade = Facade(
        "tensorflow.keras.optimizers",
        optimizers,
        {name: lambda name=name: getattr(legacy, name) for name in names},  # type: ignore[misc]
    )
    return Facade("tensorflow.keras", tf.keras, {"optimizers": lambda: facade})
