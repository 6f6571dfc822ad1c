"""Build an Estimator from the user's functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from entrypoint.errors import UserCodeFailedError
from entrypoint.estimator import revive
from entrypoint.parameters import Parameters
from entrypoint.training.devices import Devices
from entrypoint.training.hooks import count_examples
from entrypoint.user_code import UserCode, UserFunction


def build_estimator(
    code: UserCode, parameters: Parameters, checkpoints_dir: Path, devices: Devices
) -> Any:
    """Return a `tf.estimator.Estimator` of the user's `model_fn`."""

    def model_fn(features: Any, labels: Any, mode: str, params: Any, config: Any) -> Any:
        del params  # Estimator's copy; the user's function gets one of its own.
        if mode == tf.estimator.ModeKeys.TRAIN:
            count_examples(features, labels)
        return code.model_fn(
            features=features,
            labels=labels,
            mode=mode,
            params=parameters.for_user(),
            config=config,
        )

    return revive().Estimator(
        model_fn=model_fn,
        params=parameters.for_user(),
        config=build_run_config(parameters, checkpoints_dir, devices),
    )


def build_run_config(parameters: Parameters, checkpoints_dir: Path, devices: Devices) -> Any:
    """Return the RunConfig of this job: its parameters in Estimator's own terms."""
    # The cluster is resolved by now; RunConfig would read the scheduler's version of it again.
    os.environ.pop("TF_CONFIG", None)
    secs, steps = parameters.save_checkpoints_secs, parameters.save_checkpoints_steps
    if secs is None and steps is None:
        # Without any cadence Estimator saves nothing at all, and there would be no model to
        # export; with one that is never reached it saves at the start and at the end.
        steps = sys.maxsize
    return revive().RunConfig(
        model_dir=str(checkpoints_dir),
        save_checkpoints_secs=secs,
        save_checkpoints_steps=steps,
        keep_checkpoint_max=parameters.keep_checkpoint_max or None,
        log_step_count_steps=parameters.log_step_count_steps,
        train_distribute=devices.strategy,
        eval_distribute=devices.strategy,
    )


def bind_input_fn(
    function: UserFunction, dataset_dir: Path, parameters: Parameters
) -> Callable[[], Any]:
    """Return a user's input function as Estimator calls it: without arguments.

    Raises (when it is called):
        UserCodeFailedError: it raised, or returned nothing.
    """

    def input_fn() -> Any:
        result = function(path=str(dataset_dir), params=parameters.for_user())
        if result is None:
            raise UserCodeFailedError(
                f"{function.name} returned None",
                hint="return a tf.data.Dataset of (features, labels)",
            )
        return result

    return input_fn


def bind_serving_fn(function: UserFunction) -> Callable[[], Any]:
    """Return the user's serving function as the exporter calls it.

    It may return the receiver, or the function that `build_parsing_serving_input_receiver_fn` or
    `build_raw_serving_input_receiver_fn` made of it.

    Raises (when it is called):
        UserCodeFailedError: it raised, or returned something else.
    """
    export = revive().export

    def serving_input_receiver_fn() -> Any:
        result = function()
        if callable(result) and not hasattr(result, "receiver_tensors"):
            result = result()
        if not isinstance(result, export.ServingInputReceiver | export.TensorServingInputReceiver):
            raise UserCodeFailedError(
                f"{function.name} returned {type(result).__name__}, not a ServingInputReceiver",
                hint="return tf.estimator.export.ServingInputReceiver(features, receiver_tensors),"
                " a TensorServingInputReceiver, or what a build_…_serving_input_receiver_fn"
                " returns",
            )
        return result

    return serving_input_receiver_fn
