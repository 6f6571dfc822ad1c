"""Build an Estimator from the user's functions."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python import tf2
from tensorflow_estimator.python.estimator.util import parse_iterator_result

from entrypoint.blame import blame_user
from entrypoint.dataset import is_dealt_out
from entrypoint.errors import UserCodeFailedError
from entrypoint.estimator import revive
from entrypoint.training.checkpoints import save_in_one_file, saved_step
from entrypoint.training.hooks import count_examples, use_steady_clock
from entrypoint.training.lockstep import LAST_BATCH
from entrypoint.training.plan import TrainingJob
from entrypoint.training.sharding import mark_ends, shard
from entrypoint.training.tensorflow_cluster import TensorFlowCluster
from entrypoint.training.warm_start import start_from
from entrypoint.user_code import UserFunction


def build_estimator(
    job: TrainingJob,
    *,
    model_dir: Path | None = None,
    team: TensorFlowCluster | None = None,
    last_hook: Any = None,
) -> Any:
    """Return the Estimator of the user's `model_fn`, `estimator_fn` or `keras_model_fn`.

    Args:
        job: whose estimator it is.
        model_dir: where its checkpoints are, if not where they are for all to see.
        team: the machines that it trains with; it works alone without.
        last_hook: runs in training after all other hooks.

    Raises:
        UserCodeFailedError: the user's function raised or returned something else.
    """
    config = build_run_config(job, model_dir or job.settings.checkpoints_dir, team)
    if job.code.model.name == "estimator_fn":
        estimator = _call_estimator_fn(job, config)
    elif job.code.model.name == "keras_model_fn":
        estimator = _call_keras_model_fn(job, config)
    else:
        estimator = _of_model_fn(job, config)
    _accompany(estimator, last_hook, has_marks=team is not None)
    if job.warm_start is not None and saved_step(job.settings.checkpoints_dir) is None:
        start_from(estimator, job.warm_start)
    return estimator


def _of_model_fn(job: TrainingJob, config: Any) -> Any:
    def model_fn(features: Any, labels: Any, mode: str, params: Any, config: Any) -> Any:
        del params  # Estimator's copy; the user's function gets one of its own.
        spec = job.code.model(
            features=features,
            labels=labels,
            mode=mode,
            params=job.parameters.for_user(),
            config=config,
        )
        # Code that was written for TPUs returns a TPUEstimatorSpec, whichever machine it is on.
        return spec.as_estimator_spec() if hasattr(spec, "as_estimator_spec") else spec

    return revive().Estimator(model_fn=model_fn, params=job.parameters.for_user(), config=config)


def _call_estimator_fn(job: TrainingJob, config: Any) -> Any:
    estimator = job.code.model(run_config=config, params=job.parameters.for_user())
    if not isinstance(estimator, revive().Estimator):
        raise UserCodeFailedError(
            f"estimator_fn returned {type(estimator).__name__}, not an Estimator",
            hint="return tf.estimator.Estimator(…, config=run_config) or a canned estimator",
        )
    if estimator.model_dir != config.model_dir:
        raise UserCodeFailedError(
            f"estimator_fn built an Estimator that saves to {estimator.model_dir}",
            hint="give it config=run_config and no model_dir, so that the job finds them",
        )
    return estimator


def _call_keras_model_fn(job: TrainingJob, config: Any) -> Any:
    model = job.code.model(params=job.parameters.for_user())
    if not isinstance(model, tf.keras.Model):
        raise UserCodeFailedError(
            f"keras_model_fn returned {type(model).__name__}, not a Keras model",
            hint="return a compiled tf.keras.Model",
        )
    if not model.optimizer:
        raise UserCodeFailedError(
            "keras_model_fn returned a model that is not compiled",
            hint="call model.compile(optimizer=…, loss=…) before returning it",
        )
    # TensorFlow 1's saves variables under their names, TensorFlow 2's under paths of objects.
    keras = tf.keras if tf2.enabled() else tf.compat.v1.keras
    with blame_user("keras_model_fn", job.code.source.code_dir):
        return keras.estimator.model_to_estimator(keras_model=model, config=config)


def _accompany(estimator: Any, last_hook: Any, *, has_marks: bool) -> None:
    """Have the rows of each training batch counted, whoever built the estimator.

    Args:
        estimator: whose model function is called with what the input function gave.
        last_hook: joins the model's own training hooks, as the last of them.
        has_marks: whether each batch comes with the mark that `mark_ends` gives it.
    """
    call_model_fn = estimator._call_model_fn

    def call(features: Any, labels: Any, mode: str, *rest: Any, **named: Any) -> Any:
        if mode != tf.estimator.ModeKeys.TRAIN:
            return call_model_fn(features, labels, mode, *rest, **named)
        if has_marks:
            tf.compat.v1.add_to_collection(LAST_BATCH, labels)
            features, labels = parse_iterator_result(features)
        count_examples(features, labels)
        spec = call_model_fn(features, labels, mode, *rest, **named)
        if has_marks and not tf.distribute.has_strategy():
            save_in_one_file(spec, estimator.config.keep_checkpoint_max)
        if last_hook is not None:
            spec = spec._replace(training_hooks=(*spec.training_hooks, last_hook))
        return spec

    # A strategy would have AutoGraph translate all of it, which a job on one card does not.
    estimator._call_model_fn = tf.autograph.experimental.do_not_convert(call)


def build_run_config(
    job: TrainingJob, model_dir: Path, team: TensorFlowCluster | None = None
) -> Any:
    """Return the RunConfig of this job: its parameters in Estimator's own terms."""
    parameters, strategy = job.parameters, job.devices.strategy
    # RunConfig reads the cluster from there, which is resolved by now: it finds ours, or none.
    os.environ.pop("TF_CONFIG", None)
    if team and not strategy:
        os.environ["TF_CONFIG"] = team.tf_config
    secs, steps = parameters.save_checkpoints_secs, parameters.save_checkpoints_steps
    if secs is None and steps is None:
        # Without any cadence Estimator saves nothing at all, and there would be no model to
        # export; with one that is never reached it saves at the start and at the end.
        steps = sys.maxsize
    use_steady_clock()
    return revive().RunConfig(
        model_dir=str(model_dir),
        save_checkpoints_secs=secs,
        save_checkpoints_steps=steps,
        keep_checkpoint_max=parameters.keep_checkpoint_max or None,
        log_step_count_steps=parameters.log_step_count_steps,
        train_distribute=strategy,
        eval_distribute=None if team else strategy,
    )


def bind_input_fn(
    function: UserFunction, job: TrainingJob, *, shares: tf.distribute.InputContext | None = None
) -> Callable[..., Any]:
    """Return a user's input function as Estimator calls it: with the estimator's own `params`.

    Args:
        function: the user's.
        job: says where the data is.
        shares: of how many machines this is which one, where several train. The dataset is then
            this machine's share, and its elements are marked (see `sharding.mark_ends`).

    Raises (when it is called):
        UserCodeFailedError: it raised, or returned nothing, or something that cannot be shared.
    """
    channel_dirs = {name: str(directory) for name, directory in job.channel_dirs.items()}
    path = str(job.dataset_dir)
    replicas = shares.num_replicas_in_sync // shares.num_input_pipelines if shares else 0
    if shares and is_dealt_out(job.settings):  # all that is here is this machine's own
        shares = tf.distribute.InputContext(num_replicas_in_sync=shares.num_replicas_in_sync)

    def input_fn(params: Any, input_context: Any = None) -> Any:
        given = job.parameters.for_user()
        if isinstance(params, Mapping) and "batch_size" in params:
            given["batch_size"] = params["batch_size"]  # a TPUEstimator's share of the whole batch
        result = function(
            path=path,
            params=given,
            training_dir=channel_dirs.get("training", path),
            channel_dirs=channel_dirs,
            input_context=shares or input_context or tf.distribute.InputContext(),
        )
        if result is None:
            raise UserCodeFailedError(
                f"{function.name} returned None",
                hint="return a tf.data.Dataset of (features, labels)",
            )
        if (shares or input_context) and not isinstance(result, tf.data.Dataset):
            raise UserCodeFailedError(
                f"{function.name} returned {type(result).__name__}, and several cards or machines"
                " can share a dataset only",
                hint="return the tf.data.Dataset itself, not what its iterator gives, of"
                " (features, labels)",
            )
        if shares:
            return mark_ends(_share(result, function, shares), replicas=replicas)
        # What numpy_input_fn and its kin return is an input function itself.
        return result() if inspect.isfunction(result) else result

    return input_fn


def _share(dataset: Any, function: UserFunction, shares: tf.distribute.InputContext) -> Any:
    """Return this machine's share of a dataset.

    A function that was told which share to give has given it.
    """
    if function.takes("input_context"):
        return dataset
    return shard(dataset, workers=shares.num_input_pipelines, index=shares.input_pipeline_id)


def bind_serving_fn(job: TrainingJob) -> Callable[[], Any]:
    """Return the user's serving function as the exporter calls it.

    It may return the receiver, or the function that `build_parsing_serving_input_receiver_fn` or
    `build_raw_serving_input_receiver_fn` made of it.

    Raises (when it is called):
        UserCodeFailedError: it raised, or returned something else.
    """
    export = revive().export
    function = job.code.serving

    def serving_input_receiver_fn() -> Any:
        result = function(params=job.parameters.for_user())
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
