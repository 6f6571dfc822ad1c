"""One task of what users wrote before: train_and_evaluate with TF_CONFIG, and nothing of ours.

python bare.py MODEL_DIR STEPS MEASURED_FROM BATCH_SIZE

Prints the examples per second of all tasks together between two steps. But for `revive`, which
puts the Estimator API back into TensorFlow, no line of the job's is involved.
"""

import importlib
import json
import logging
import os
import sys
import time
from typing import Any

from entrypoint.estimator import revive

revive()

import tensorflow as tf  # noqa: E402 (the Estimator API has to be there first)

model: Any = importlib.import_module("tests.user_code.small_images")

logging.getLogger("tensorflow").setLevel(logging.ERROR)
model_dir, steps, measured_from = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
params = {"batch_size": int(sys.argv[4])}
tasks = sum(map(len, json.loads(os.environ["TF_CONFIG"])["cluster"].values()))


class Watch(tf.compat.v1.train.SessionRunHook):
    """Notes when the measured steps begin and end."""

    runs = 0
    began = 0.0

    def after_run(self, *_: Any) -> None:
        self.runs += 1
        if self.runs == measured_from:
            self.began = time.monotonic()

    def end(self, *_: Any) -> None:
        seconds = time.monotonic() - self.began
        examples = (self.runs - measured_from) * params["batch_size"] * tasks
        print(json.dumps({"examples_per_second": examples / seconds}), flush=True)


strategy = tf.distribute.MultiWorkerMirroredStrategy() if tasks > 1 else None
config = tf.estimator.RunConfig(
    model_dir=model_dir, train_distribute=strategy, save_checkpoints_secs=600
)
estimator = tf.estimator.Estimator(model.model_fn, config=config)
train_spec = tf.estimator.TrainSpec(
    lambda input_context=None: model.train_input_fn(params, input_context),
    max_steps=steps,
    hooks=[Watch()],
)
eval_spec = tf.estimator.EvalSpec(lambda: model.eval_input_fn(params), steps=1)
tf.estimator.train_and_evaluate(estimator, train_spec, eval_spec)
sys.stdout.flush()
# Servers and collectives are still there; a script of that time was killed by its scheduler.
os._exit(0)
