"""The main path: from settings to a SavedModel, one step after the other."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import replace
from pathlib import Path

from entrypoint import logs
from entrypoint.dataset import find_channels, find_dataset
from entrypoint.directories import inspect_directories, prepare_directories
from entrypoint.parameters import load_parameters
from entrypoint.place import Place
from entrypoint.requirements import install_requirements
from entrypoint.settings import Settings
from entrypoint.signals import StopRequest
from entrypoint.storage.client import Storage
from entrypoint.strategy_choice import choose_strategy
from entrypoint.user_code import load_user_code
from entrypoint.user_source import UserSource, find_user_code
from entrypoint.warm_start import brought_here, find_warm_start
from entrypoint.working_directory import working_directory

logger = logging.getLogger(__name__)


def train(settings: Settings, stop: StopRequest, place: Place) -> str:
    """Do this process's part of the training; return what to say when it is done.

    Raises:
        JobError: every way in which a job can fail or be stopped.
    """
    cluster = place.cluster
    if place.role == "evaluator" and not cluster.is_distributed:
        return "done: the job has one trainer, which evaluates by itself"
    if place.role == "ps":
        return _serve(settings, stop, place)
    return _run(settings, stop, place, trains=True)


def check(settings: Settings, stop: StopRequest, place: Place) -> str:
    """Do everything short of training: read, import and build all that a training would.

    It writes nothing, so a read-only mount will do.

    Raises:
        JobError: what a training would fail with before its first step, but for directories that
            cannot be written to.
    """
    return _run(settings, stop, place, trains=False)


def _run(settings: Settings, stop: StopRequest, place: Place, *, trains: bool) -> str:
    started = time.monotonic()
    for name in settings.unknown_variables:
        logger.warning("%s is set, and is no variable of this job", name)
    # Nothing here imports TensorFlow: mistakes show in milliseconds, and before data is moved.
    storage = Storage(place.storage, stop)
    parameters = load_parameters(settings, storage.fetch_parameters())
    if place.cluster.is_distributed:
        choose_strategy(parameters.distribution_strategy, place.cluster, gpus=0)
    storage.fetch_code()
    source = find_user_code(settings)
    warm_start = find_warm_start(settings) if place.role != "evaluator" else None
    inspect_directories(settings)
    if trains:
        prepare_directories(settings)
    storage.check_outputs()
    storage.fetch_dataset()
    dataset_dir = find_dataset(settings)
    if trains and place.role == "chief":
        storage.fetch_checkpoint(parameters.keep_checkpoint_max or None)

    if place.site_dirs is None:
        place = replace(place, site_dirs=install_requirements(source, stop))
    else:  # they are installed, and not yet looked for here
        sys.path[1:1] = map(str, place.site_dirs)
    with working_directory(source.code_dir), brought_here(warm_start) as checkpoint:
        start_tensorflow(settings, source, place.site_dirs or ())
        from entrypoint.tensorflow1.user_flags import set_user_flags

        stop.raise_if_requested("importing TensorFlow")
        code = load_user_code(source)
        set_user_flags(parameters.for_user(), source.code_dir)
        stop.raise_if_requested("importing user code")

        from entrypoint import training

        job = training.TrainingJob(
            settings=settings,
            parameters=parameters,
            place=place,
            storage=storage,
            dataset_dir=dataset_dir,
            channel_dirs=find_channels(settings),
            code=code,
            devices=training.find_devices(settings, place, parameters.distribution_strategy),
            started=started,
            warm_start=checkpoint,
        )
        if not trains:
            training.build_all_graphs(job)
            return (
                f"check passed: module {source.module!r} builds its training, evaluation and"
                " serving"
            )
        if place.role == "evaluator":
            return training.evaluate_in_cluster(job, stop)
        if place.cluster.is_distributed:
            return training.train_in_cluster(job, stop)
        return training.train_and_export(job, stop)


def _serve(settings: Settings, stop: StopRequest, place: Place) -> str:
    """Serve parameters, which takes neither data nor the user's code."""
    parameters = load_parameters(settings, Storage(place.storage, stop).fetch_parameters())
    choose_strategy(parameters.distribution_strategy, place.cluster, gpus=0)
    from entrypoint import estimator

    estimator.revive()
    logs.adopt_tensorflow(settings.log_level)
    from entrypoint import training

    stop.raise_if_requested("importing TensorFlow")
    return training.serve_parameters(place, stop)


def start_tensorflow(
    settings: Settings, source: UserSource, site_dirs: tuple[Path, ...] = ()
) -> None:
    """Import TensorFlow with Estimator in it, as user code expects to find it.

    Args:
        settings: says how much is logged, and which of TensorFlow's APIs user code is to see.
        source: the user's module.
        site_dirs: where the user's requirements are installed.
    """
    from entrypoint import estimator

    estimator.revive()
    logs.adopt_tensorflow(settings.log_level)

    from entrypoint.tensorflow1.user_code_setup import set_up_user_code

    set_up_user_code(source, site_dirs, settings.tensorflow_api)
