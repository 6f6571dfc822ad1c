"""Fits y = 2 * x on numbered rows, and writes down beside itself which rows it trained on.

Parameters: rows (how many the generator gives; none reads files of row numbers, one a line),
batch_size, epochs (none repeats for ever), step_seconds, learning_rate, start ("pid" begins with
another value in each process). A file orders.json beside this module makes one task differ:
raise_at_step, request_stop_at_step, evaluate (how many batches before it raises). A file "enough"
beside this module asks for the end as soon as it is there.
"""

import json
import os
import time

import numpy as np
import tensorflow as tf

DIRECTORY = os.path.dirname(os.path.abspath(__file__))


def read_orders():
    file = os.path.join(DIRECTORY, "orders.json")
    if not os.path.exists(file):
        return {}
    with open(file) as stream:
        return json.load(stream)


def note(name, value):
    with open(os.path.join(DIRECTORY, name), "a") as stream:
        stream.write(json.dumps(value) + "\n")


def with_values(row):
    x = tf.cast(row % 17 + 1, tf.float32) / 17.0 + tf.cast(row, tf.float32) / 1000.0
    return {"id": row, "x": x}, 2.0 * x


def dataset_of(path, params):
    rows = params.get("rows")
    if rows is not None:
        dataset = tf.data.Dataset.from_generator(lambda: iter(range(rows)), tf.int64, [])
    else:
        files = sorted(tf.gfile.Glob(os.path.join(path, "*.txt")))
        dataset = tf.data.TextLineDataset(files)
        dataset = dataset.map(lambda line: tf.string_to_number(line, tf.int64))
    if params.get("epochs") != 1:
        dataset = dataset.repeat(params.get("epochs"))
    return dataset.map(with_values).batch(params.get("batch_size", 8))


def train_input_fn(path, params):
    return dataset_of(path, params)


def eval_input_fn(path, params):
    return tf.data.Dataset.range(16).map(with_values).batch(8)


class Notes(tf.train.SessionRunHook):
    def __init__(self, ids, params):
        self.ids = ids
        self.seconds = params.get("step_seconds", 0)
        self.orders = read_orders()
        self.steps = 0

    def before_run(self, _run_context):
        return tf.train.SessionRunArgs(self.ids)

    def after_run(self, run_context, run_values):
        note("rows.jsonl", run_values.results.tolist())
        self.steps += 1
        time.sleep(self.seconds)
        if self.steps == self.orders.get("raise_at_step"):
            raise ValueError("a row that nobody expected")
        is_enough = os.path.exists(os.path.join(DIRECTORY, "enough"))
        if is_enough or self.steps == self.orders.get("request_stop_at_step"):
            run_context.request_stop()


def first_value(params):
    if params.get("start") == "pid":
        return np.random.RandomState(os.getpid()).uniform()
    return 0.25


def fail_in_evaluation():
    note("evaluations.jsonl", 1)
    with open(os.path.join(DIRECTORY, "evaluations.jsonl")) as stream:
        if len(stream.readlines()) > read_orders()["evaluate"]:
            raise ValueError("a metric that cannot be")
    return np.float32(0.0)


def model_fn(features, labels, mode, params):
    start = tf.constant_initializer(first_value(params))
    weight = tf.get_variable("weight", [], initializer=start)
    prediction = weight * features["x"]
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = tf.estimator.export.PredictOutput({"y": prediction})
        return tf.estimator.EstimatorSpec(
            mode, predictions={"y": prediction}, export_outputs={"serving_default": outputs}
        )
    loss = tf.losses.mean_squared_error(labels, prediction)
    if mode == tf.estimator.ModeKeys.EVAL:
        if "evaluate" in read_orders():
            loss += tf.py_func(fail_in_evaluation, [], tf.float32)
        return tf.estimator.EstimatorSpec(mode, loss=loss)
    optimizer = tf.train.GradientDescentOptimizer(params.get("learning_rate", 0.1))
    train_op = optimizer.minimize(loss, global_step=tf.train.get_or_create_global_step())
    hooks = [Notes(features["id"], params)]
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op, training_hooks=hooks)


def serving_input_receiver_fn():
    x = tf.placeholder(tf.float32, [None], name="x")
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})
