"""Build the graphs of a job without running them: a training does it first, `check` last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from entrypoint.training.estimator import bind_input_fn, bind_serving_fn, build_estimator
from entrypoint.training.plan import TrainingJob
from entrypoint.training.report import log_start

ModeKeys = tf.estimator.ModeKeys


def build_all_graphs(job: TrainingJob) -> None:
    """Say what would run, and build the graphs of training, evaluation and serving.

    Raises:
        JobError: see `build_graphs`.
    """
    log_start(job)
    estimator = build_estimator(job)
    build_graphs(job, estimator, (ModeKeys.EVAL, ModeKeys.PREDICT, ModeKeys.TRAIN))


def build_graphs(job: TrainingJob, estimator: Any, modes: Iterable[str]) -> None:
    """Call the user's functions of each mode as the estimator will, and throw the graphs away.

    Raises:
        JobError: what they would raise later, they raise here; see `explain_failures`.
    """
    inputs = {ModeKeys.TRAIN: job.code.train_input_fn, ModeKeys.EVAL: job.code.eval_input_fn}
    for mode in modes:
        explained = job.explained(f"building the graph of mode {mode!r}", job.settings.output_dir)
        with explained, tf.Graph().as_default() as graph:
            estimator._create_and_assert_global_step(graph)
            if mode == ModeKeys.PREDICT:
                receiver = bind_serving_fn(job)()
                features, labels = receiver.features, None
            else:
                input_fn = bind_input_fn(inputs[mode], job)
                features, labels, _ = estimator._get_features_and_labels_from_input_fn(
                    input_fn, mode
                )
            estimator._call_model_fn(features, labels, mode, estimator.config)
