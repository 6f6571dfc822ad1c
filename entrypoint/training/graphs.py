"""Build every graph of a job without running one: what `check` does last."""

from __future__ import annotations

import tensorflow as tf

from entrypoint.training.estimator import bind_input_fn, bind_serving_fn, build_estimator
from entrypoint.training.failures import explain_failures
from entrypoint.training.plan import TrainingJob
from entrypoint.training.report import log_start


def build_all_graphs(job: TrainingJob) -> None:
    """Build the graphs of training, evaluation and serving.

    Calls all four functions as a training would; what they would raise then, they raise here.

    Raises:
        JobError: see `explain_failures`.
    """
    log_start(job)
    estimator = build_estimator(job.code, job.parameters, job.settings.checkpoints_dir, job.devices)
    modes = tf.estimator.ModeKeys
    inputs = {modes.TRAIN: job.code.train_input_fn, modes.EVAL: job.code.eval_input_fn}
    for mode in (modes.TRAIN, modes.EVAL, modes.PREDICT):
        explained = explain_failures(
            f"building the graph of mode {mode!r}",
            code_dir=job.code.source.code_dir,
            writes_to=job.settings.output_dir,
        )
        with explained, tf.Graph().as_default() as graph:
            estimator._create_and_assert_global_step(graph)
            if mode == modes.PREDICT:
                receiver = bind_serving_fn(job.code.serving_input_receiver_fn)()
                features, labels = receiver.features, None
            else:
                input_fn = bind_input_fn(inputs[mode], job.dataset_dir, job.parameters)
                features, labels, _ = estimator._get_features_and_labels_from_input_fn(
                    input_fn, mode
                )
            estimator._call_model_fn(features, labels, mode, estimator.config)
