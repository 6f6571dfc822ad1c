"""`tf.contrib.training`: hyperparameters, and the train and evaluation loops of `tf_slim`."""

from __future__ import annotations

import importlib
from typing import Any

from entrypoint.tensorflow1 import mended_slim
from entrypoint.tensorflow1.contrib.missing import explain_missing
from entrypoint.tensorflow1.contrib.training.device_setter import (
    GreedyLoadBalancingStrategy,
    RandomStrategy,
    byte_size_load_fn,
)
from entrypoint.tensorflow1.contrib.training.hparam import HParams, parse_values
from entrypoint.tensorflow1.contrib.training.resample import resample_at_rate, weighted_resample

mended_slim.mend()
_evaluation: Any = importlib.import_module("tf_slim.training.evaluation")
_training: Any = importlib.import_module("tf_slim.training.training")

StopAfterNEvalsHook = _evaluation.StopAfterNEvalsHook
SummaryAtEndHook = _evaluation.SummaryAtEndHook
checkpoints_iterator = _evaluation.checkpoints_iterator
evaluate_once = _evaluation.evaluate_once
evaluate_repeatedly = _evaluation.evaluate_repeatedly
get_or_create_eval_step = _evaluation.get_or_create_eval_step
wait_for_new_checkpoint = _evaluation.wait_for_new_checkpoint

add_gradients_summaries = _training.add_gradients_summaries
clip_gradient_norms = _training.clip_gradient_norms
clip_gradient_norms_fn = _training.clip_gradient_norms_fn
create_train_op = _training.create_train_op
multiply_gradients = _training.multiply_gradients
train = _training.train

__all__ = [
    "GreedyLoadBalancingStrategy",
    "HParams",
    "RandomStrategy",
    "StopAfterNEvalsHook",
    "SummaryAtEndHook",
    "add_gradients_summaries",
    "byte_size_load_fn",
    "checkpoints_iterator",
    "clip_gradient_norms",
    "clip_gradient_norms_fn",
    "create_train_op",
    "evaluate_once",
    "evaluate_repeatedly",
    "get_or_create_eval_step",
    "multiply_gradients",
    "parse_values",
    "resample_at_rate",
    "train",
    "wait_for_new_checkpoint",
    "weighted_resample",
]

_STATE_SAVER = (
    "it fed queues that Estimator cannot restore; batch with tf.data and pass the state through"
    " tf.nn.dynamic_rnn"
)
NOT_SUPPLIED = {
    "FeedingQueueRunner": "use tf.data.Dataset.from_generator",
    "HParamDef": "keep hyperparameters as JSON, with HParams.to_json and HParams.parse_json",
    "NextQueuedSequenceBatch": _STATE_SAVER,
    "SequenceQueueingStateSaver": _STATE_SAVER,
    "batch_sequences_with_states": _STATE_SAVER,
    "bucket": "use tf.data.experimental.group_by_window",
    "bucket_by_sequence_length": "use tf.data.experimental.bucket_by_sequence_length",
    "rejection_sample": "use tf.data.Dataset.filter with a random condition",
    "stratified_sample": "use tf.data.experimental.rejection_resample",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
