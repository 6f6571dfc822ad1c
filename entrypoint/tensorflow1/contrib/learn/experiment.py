"""Experiment: one Estimator, its two inputs, and the ways to run them."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow_estimator.python.estimator import training

from entrypoint.tensorflow1.contrib.learn.evaluations import (
    EvaluateAtCheckpoints,
    StrategyExporter,
    as_predicate,
    as_strategies,
    wait,
)
from entrypoint.tensorflow1.contrib.learn.run_config import TaskType

__all__ = ["Experiment"]

# How long workers wait after each other, so that the first ones do not step on each other's feet.
_SECONDS_PER_TASK = 5
_LONGEST_DELAY_SECONDS = 60
_STEPS_PER_LOG_TASK = 8000.0


class Experiment:
    """Trains and evaluates a `tf.estimator.Estimator`, alone or as one task of a cluster.

    Args:
        estimator: a `tf.estimator.Estimator`.
        train_input_fn: returns the features and labels to train on.
        eval_input_fn: likewise to evaluate on.
        eval_metrics: must be None; the model_fn has its metrics.
        train_steps: the global step to stop at; None to train until the input ends.
        eval_steps: batches per evaluation; None for all.
        train_monitors: hooks of the training.
        eval_hooks: hooks of each evaluation.
        local_eval_frequency: of `local_run`, in place of `min_eval_frequency`.
        eval_delay_secs: how long `evaluate` waits before it starts.
        continuous_eval_throttle_secs: the least time between starts of `continuous_eval`.
        min_eval_frequency: of `train_and_evaluate`: the least steps between evaluations, each of
            which needs a new checkpoint; None for 1, 0 to evaluate at the end alone.
        delay_workers_by_global_step: workers wait for steps, not for seconds.
        export_strategies: an `ExportStrategy` or several.
        train_steps_per_iteration: of `continuous_train_and_eval`.
        checkpoint_and_export: export at every checkpoint, not at the end alone.
        saving_listeners: `CheckpointSaverListener`s of the training.
        check_interval_secs: the least time between evaluations while training.

    Raises:
        ValueError: the estimator is one of `tf.contrib.learn`, or an argument is not as said.
    """

    def __init__(
        self,
        estimator: Any,
        train_input_fn: Callable[..., Any],
        eval_input_fn: Callable[..., Any],
        eval_metrics: Any = None,
        train_steps: int | None = None,
        eval_steps: int | None = 100,
        train_monitors: Any = None,
        eval_hooks: Any = None,
        local_eval_frequency: int | None = None,
        eval_delay_secs: float = 120,
        continuous_eval_throttle_secs: float = 60,
        min_eval_frequency: int | None = None,
        delay_workers_by_global_step: bool = False,
        export_strategies: Any = None,
        train_steps_per_iteration: int | None = None,
        checkpoint_and_export: bool = False,
        saving_listeners: Any = None,
        check_interval_secs: float = 5,
    ) -> None:
        if not isinstance(estimator, tf.estimator.Estimator):
            raise ValueError(  # noqa: TRY004 (as TensorFlow 1 does)
                f"`estimator` must be a tf.estimator.Estimator, not {type(estimator).__name__};"
                " those of tf.contrib.learn are not supplied"
            )
        if eval_metrics is not None:
            raise ValueError(
                "`eval_metrics` must be `None` with `tf.estimator.Estimator`. Use"
                " `eval_metric_ops` in `tf.estimator.EstimatorSpec` instead."
            )
        if train_steps_per_iteration is not None and not isinstance(train_steps_per_iteration, int):
            raise ValueError("train_steps_per_iteration is no integer; give a number of steps")
        self._estimator = estimator
        self._train_input_fn = train_input_fn
        self._eval_input_fn = eval_input_fn
        self._train_steps = train_steps
        self._eval_steps = eval_steps
        self._train_hooks = list(train_monitors or [])
        self._eval_hooks = list(eval_hooks or [])
        self._local_eval_frequency = local_eval_frequency
        self._eval_delay_secs = eval_delay_secs
        self._throttle_secs = continuous_eval_throttle_secs
        self._min_eval_frequency = 1 if min_eval_frequency is None else min_eval_frequency
        self._delay_by_global_step = delay_workers_by_global_step
        self._export_strategies = as_strategies(export_strategies)
        self._steps_per_iteration = train_steps_per_iteration
        self._checkpoint_and_export = checkpoint_and_export
        self._saving_listeners = list(saving_listeners or [])
        self._check_interval_secs = check_interval_secs

    @property
    def estimator(self) -> Any:
        """The Estimator."""
        return self._estimator

    @property
    def eval_metrics(self) -> None:
        """None: the model_fn has its metrics."""
        return

    @property
    def train_steps(self) -> int | None:
        """The global step to stop at."""
        return self._train_steps

    @property
    def eval_steps(self) -> int | None:
        """Batches per evaluation."""
        return self._eval_steps

    def extend_train_hooks(self, additional_hooks: Iterable[Any]) -> None:
        """Add hooks to the training."""
        self._train_hooks.extend(additional_hooks)

    def reset_export_strategies(self, new_export_strategies: Any = None) -> tuple[Any, ...]:
        """Replace the export strategies. Returns the old ones."""
        old, self._export_strategies = (
            self._export_strategies,
            as_strategies(new_export_strategies),
        )
        return old

    def train(self, delay_secs: float | None = None) -> Any:
        """Train up to `train_steps`; as the chief or a worker where there is a cluster.

        Args:
            delay_secs: wait first; default 5 seconds for each worker before this one.
        """
        hooks = []
        if delay_secs is None:
            task = self._estimator.config.task_id or 0
            delay_secs = min(_LONGEST_DELAY_SECONDS, task * _SECONDS_PER_TASK)
            if self._delay_by_global_step:
                delay_secs = 0
                hooks = [
                    tf.train.GlobalStepWaiterHook(int(_STEPS_PER_LOG_TASK * math.log(task + 1)))
                ]
        wait(delay_secs, "training")
        if self._is_distributed():
            executor = self._executor(hooks)
            is_worker = self._estimator.config.task_type == TaskType.WORKER
            return executor.run_worker() if is_worker else executor.run_chief()
        return self._train(max_steps=self._train_steps, hooks=hooks)

    def evaluate(self, delay_secs: float | None = None, name: str | None = None) -> Any:
        """Wait `delay_secs`, default `eval_delay_secs`, then evaluate once."""
        wait(self._eval_delay_secs if delay_secs is None else delay_secs, "evaluation")
        return self._evaluate(name=name or "one_pass")

    def local_run(self) -> Any:
        """Do `train_and_evaluate`, evaluating every `local_eval_frequency` steps."""
        return self._train_and_evaluate(self._local_eval_frequency)

    def train_and_evaluate(self) -> Any:
        """Train, evaluate at new checkpoints and at the end, and export.

        Returns:
            The last metrics and what the export strategies returned; None of a cluster's tasks
            but the chief and the evaluator has them.
        """
        return self._train_and_evaluate(self._min_eval_frequency)

    def _train_and_evaluate(self, every_steps: int | None) -> Any:
        if self._is_distributed():
            return self._executor([]).run()
        listeners = []
        if self._checkpoint_and_export:
            listeners = [EvaluateAtCheckpoints(self._evaluate_and_export, 1, 0)]
        elif every_steps:
            listeners = [
                EvaluateAtCheckpoints(
                    lambda _: self._evaluate(), every_steps, self._check_interval_secs
                )
            ]
        self._train(max_steps=self._train_steps, listeners=listeners)
        return self._evaluate_and_export(None)

    def _evaluate_and_export(self, checkpoint: Any) -> tuple[Any, list[Any]]:
        metrics = self._evaluate(checkpoint_path=checkpoint)
        return metrics, self._export(metrics, checkpoint)

    def continuous_eval(
        self,
        delay_secs: float | None = None,
        throttle_delay_secs: float | None = None,
        evaluate_checkpoint_only_once: bool = True,
        continuous_eval_predicate_fn: Callable[..., bool] | None = None,
        name: str = "continuous",
    ) -> None:
        """Evaluate and export each new checkpoint until `train_steps` or until told to stop."""
        self._continuous_eval(
            self._eval_input_fn,
            name,
            delay_secs,
            throttle_delay_secs,
            continuous_eval_predicate_fn,
            only_once=evaluate_checkpoint_only_once,
            export=True,
        )

    def continuous_eval_on_train_data(
        self,
        delay_secs: float | None = None,
        throttle_delay_secs: float | None = None,
        continuous_eval_predicate_fn: Callable[..., bool] | None = None,
        name: str = "continuous_on_train_data",
    ) -> None:
        """Evaluate each new checkpoint on the training data, without export."""
        self._continuous_eval(
            self._train_input_fn,
            name,
            delay_secs,
            throttle_delay_secs,
            continuous_eval_predicate_fn,
            only_once=True,
            export=False,
        )

    def _continuous_eval(
        self,
        input_fn: Callable[..., Any],
        name: str,
        delay_secs: float | None,
        throttle_secs: float | None,
        predicate_fn: Callable[..., bool] | None,
        *,
        only_once: bool,
        export: bool,
    ) -> None:
        goes_on = as_predicate(predicate_fn)
        throttle_secs = self._throttle_secs if throttle_secs is None else throttle_secs
        wait(self._eval_delay_secs if delay_secs is None else delay_secs, "evaluation")
        last, metrics = None, None
        while goes_on(metrics, last) and not self._is_trained(metrics):
            start = time.monotonic()
            checkpoint = tf.train.latest_checkpoint(self._estimator.model_dir)
            metrics = {}
            if checkpoint and not (only_once and checkpoint == last):
                metrics = self._evaluate(input_fn=input_fn, name=name, checkpoint_path=checkpoint)
                if export:
                    self._export(metrics, checkpoint)
                last = checkpoint
            if not self._is_trained(metrics):
                time.sleep(max(0.0, throttle_secs - (time.monotonic() - start)))

    def continuous_train_and_eval(
        self, continuous_eval_predicate_fn: Callable[..., bool] | None = None
    ) -> Any:
        """Train some steps, evaluate and export, again and again until `train_steps`.

        Returns:
            The last metrics and exports.
        """
        goes_on = as_predicate(continuous_eval_predicate_fn)
        steps = self._steps_per_iteration
        if steps is None:
            steps = 1000 if self._train_steps is None else max(1, self._train_steps // 10)
        metrics, exports, checkpoint = None, None, None
        while goes_on(metrics, checkpoint) and not self._is_trained(metrics):
            self._train(steps=steps)
            checkpoint = tf.train.latest_checkpoint(self._estimator.model_dir)
            metrics = self._evaluate(name="one_pass", checkpoint_path=checkpoint)
            exports = self._export(metrics, checkpoint)
        return metrics, exports

    def run_std_server(self) -> None:
        """Serve a cluster as a parameter server, until its chief is done."""
        if not self._is_distributed():
            raise ValueError(
                "Could not start server; be sure to set the TF_CONFIG environment variable."
            )
        self._executor([]).run_ps()

    def test(self) -> Any:
        """Train one step, evaluate one batch and export. Returns the metrics."""
        self._train(steps=1)
        metrics = self._evaluate(name="one_pass", steps=1)
        self._export(metrics, None)
        return metrics

    def _train(
        self,
        steps: int | None = None,
        max_steps: int | None = None,
        hooks: Iterable[Any] = (),
        listeners: Iterable[Any] = (),
    ) -> Any:
        return self._estimator.train(
            self._train_input_fn,
            hooks=[*self._train_hooks, *hooks],
            steps=steps,
            max_steps=max_steps,
            saving_listeners=[*self._saving_listeners, *listeners] or None,
        )

    def _evaluate(self, **given: Any) -> Any:
        arguments = {
            "input_fn": self._eval_input_fn,
            "steps": self._eval_steps,
            "hooks": self._eval_hooks,
            **given,
        }
        return self._estimator.evaluate(**arguments)

    def _export(self, metrics: Any, checkpoint: Any) -> list[Any]:
        directory = os.path.join(self._estimator.model_dir, "export")  # noqa: PTH118 (may be a URL)
        return [
            strategy.export(
                self._estimator,
                os.path.join(directory, strategy.name),  # noqa: PTH118 (likewise)
                checkpoint_path=checkpoint,
                eval_result=metrics,
            )
            for strategy in self._export_strategies
        ]

    def _is_trained(self, metrics: Any) -> bool:
        step = (metrics or {}).get(tf.GraphKeys.GLOBAL_STEP)
        return bool(self._train_steps and step is not None and step >= self._train_steps)

    def _is_distributed(self) -> bool:
        cluster = self._estimator.config.cluster_spec
        return bool(cluster) and sum(map(cluster.num_tasks, cluster.jobs)) > 1

    def _executor(self, hooks: list[Any]) -> Any:
        """Return what runs one task of a cluster for `tf.estimator.train_and_evaluate`."""
        exporters = [
            StrategyExporter(strategy, always=self._checkpoint_and_export)
            for strategy in self._export_strategies
        ]
        return training._TrainingExecutor(
            self._estimator,
            tf.estimator.TrainSpec(
                self._train_input_fn,
                max_steps=self._train_steps,
                hooks=[*self._train_hooks, *hooks],
                saving_listeners=self._saving_listeners,
            ),
            tf.estimator.EvalSpec(
                self._eval_input_fn,
                steps=self._eval_steps,
                hooks=self._eval_hooks,
                exporters=exporters,
                start_delay_secs=self._eval_delay_secs,
                throttle_secs=self._throttle_secs,
            ),
        )
