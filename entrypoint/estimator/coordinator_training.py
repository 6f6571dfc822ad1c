"""How Estimator trains and evaluates under a tf.distribute strategy in a cluster.

``tensorflow-estimator`` imports this module as
``tensorflow.python.distribute.estimator_training``, which TensorFlow dropped. It is the small piece
between Estimator and TensorFlow's distribute coordinator (``distribute_coordinator.py``, still
there): the coordinator starts a server, tells this task who it is and calls back; the callbacks
here train or evaluate a copy of the estimator as that task.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tensorflow.python.distribute import distribute_coordinator as coordinator
from tensorflow.python.distribute import distribute_coordinator_context as coordinator_context
from tensorflow.python.training.server_lib import ClusterSpec

_INDEPENDENT = coordinator.CoordinatorMode.INDEPENDENT_WORKER
_STANDALONE = coordinator.CoordinatorMode.STANDALONE_CLIENT


def init_run_config(config: Any, tf_config: Mapping[str, Any]) -> None:
    """Decide, when a RunConfig is made, whether the coordinator will run this task.

    Called by ``RunConfig.__init__``; sets the private fields that it leaves to this function.

    Raises:
        ValueError: two places name a strategy, or two places name a cluster.
    """
    experimental = config._experimental_distribute
    if experimental:
        _take_strategy(config, "train_distribute", experimental.train_distribute)
        _take_strategy(config, "eval_distribute", experimental.eval_distribute)
    cluster = ClusterSpec(tf_config.get("cluster", {}))
    # Fills in the values of a lone task; a cluster's are set below or by the coordinator.
    config._init_distributed_setting_from_environment_var({})

    if config._train_distribute and experimental and experimental.remote_cluster:
        if cluster:
            raise ValueError(
                "experimental_distribute.remote_cluster and TF_CONFIG both name a cluster;"
                " give only one of them"
            )
        config._distribute_coordinator_mode = _STANDALONE
        config._cluster_spec = ClusterSpec(experimental.remote_cluster)  # a dict is allowed too
    elif tf_config and config._train_distribute and "master" not in cluster.jobs:
        config._distribute_coordinator_mode = _INDEPENDENT
        config._cluster_spec = cluster
    else:
        config._distribute_coordinator_mode = None
        config._init_distributed_setting_from_environment_var(tf_config)
        config._maybe_overwrite_session_config_for_distributed_training()


def _take_strategy(config: Any, name: str, strategy: Any) -> None:
    if not strategy:
        return
    if getattr(config, f"_{name}"):
        raise ValueError(f"{name} and experimental_distribute.{name} are both set; set one")
    setattr(config, f"_{name}", strategy)


def should_run_distribute_coordinator(config: Any) -> bool:
    """Tell whether ``train_and_evaluate`` goes through the coordinator with this RunConfig."""
    mode = getattr(config, "_distribute_coordinator_mode", None)
    return mode in (_INDEPENDENT, _STANDALONE) and bool(config.cluster_spec)


def train_and_evaluate(estimator: Any, train_spec: Any, eval_spec: Any, executor: type) -> None:
    """Run this task's share of ``tf.estimator.train_and_evaluate`` in a cluster.

    Args:
        estimator: the Estimator; every task works on a copy of it.
        train_spec: a TrainSpec.
        eval_spec: an EvalSpec.
        executor: Estimator's ``_TrainingExecutor``, which holds the evaluation loop.

    Raises:
        ValueError: the estimator's RunConfig was not made for the coordinator.
    """
    mode = estimator.config._distribute_coordinator_mode
    if not mode:
        raise ValueError("this RunConfig names no cluster for the distribute coordinator")

    def train(strategy: Any) -> None:
        task = as_task(estimator, train_strategy=strategy)
        # A standalone client runs every task in threads of one process: one set of hooks there.
        shares_process = mode == _STANDALONE and not _is_chief()
        task.train(
            input_fn=train_spec.input_fn,
            max_steps=train_spec.max_steps,
            hooks=[] if shares_process else list(train_spec.hooks),
        )

    def evaluate(strategy: Any) -> None:
        task = as_task(estimator, eval_strategy=strategy)
        executor(task, train_spec, eval_spec)._start_continuous_evaluation()

    config = estimator.config
    coordinator.run_distribute_coordinator(
        train,
        config.train_distribute,
        evaluate,
        config.eval_distribute,
        mode=mode,
        # An independent worker's cluster comes from TF_CONFIG, read by the coordinator.
        cluster_spec=config.cluster_spec if mode == _STANDALONE else None,
        session_config=config.session_config,
    )


def estimator_train(
    estimator: Any, train: Callable[[Any, Any, Sequence[Any]], Any], hooks: Sequence[Any]
) -> Any:
    """Run ``Estimator.train`` on a remote cluster from this one process."""

    def worker(strategy: Any) -> Any:
        task = as_task(estimator, train_strategy=strategy)
        train(task, strategy, hooks if _is_chief() else [])
        return task

    return _run_standalone(estimator, "train", estimator.config.train_distribute, worker)


def estimator_evaluate(
    estimator: Any, evaluate: Callable[[Any, Any, Sequence[Any]], Any], hooks: Sequence[Any]
) -> Any:
    """Run ``Estimator.evaluate`` on a remote cluster from this one process."""

    def worker(strategy: Any) -> Any:
        task = as_task(estimator, eval_strategy=strategy)
        return evaluate(task, strategy, hooks if _is_chief() else [])

    return _run_standalone(estimator, "evaluate", estimator.config.eval_distribute, worker)


def _run_standalone(
    estimator: Any, method: str, strategy: Any, worker: Callable[[Any], Any]
) -> Any:
    config = estimator.config
    if (
        config._distribute_coordinator_mode != _STANDALONE
        or "evaluator" in config.cluster_spec.jobs
    ):
        raise ValueError(
            f"Estimator.{method} cannot run as one task of a cluster;"
            " call train_and_evaluate in every task"
        )
    if strategy.extended.experimental_between_graph:
        raise ValueError(
            f"Estimator.{method} on a remote cluster needs an in-graph strategy, and"
            f" {type(strategy).__name__} is between-graph"
        )
    return coordinator.run_distribute_coordinator(
        worker,
        strategy,
        mode=_STANDALONE,
        cluster_spec=config.cluster_spec,
        session_config=config.session_config,
    )


def _is_chief() -> bool:
    return bool(coordinator_context.get_current_worker_context().is_chief)


def as_task(estimator: Any, train_strategy: Any = None, eval_strategy: Any = None) -> Any:
    """Return a copy of the estimator as the task that the coordinator is running now."""
    task = copy.deepcopy(estimator)
    config = task._config
    if train_strategy is not None:
        config._train_distribute = task._train_distribution = train_strategy
    if eval_strategy is not None:
        config._eval_distribute = task._eval_distribution = eval_strategy
    _take_role(config, coordinator_context.get_current_worker_context())
    # Without this the copy's own train and evaluate would start the coordinator again.
    config._distribute_coordinator_mode = None
    return task


def _take_role(config: Any, context: Any) -> None:
    """Write the coordinator's answer to "who am I" into the copied RunConfig."""
    config._service = None
    config._cluster_spec = context.cluster_spec
    config._task_type = context.task_type
    config._task_id = context.task_id
    config._master = config._evaluation_master = context.master_target
    config._is_chief = context.is_chief

    cluster = context.cluster_spec
    if not cluster:
        config._num_ps_replicas, config._num_worker_replicas = 0, 1
        config._global_id_in_cluster = 0
    elif context.task_type == "evaluator":
        # The evaluator works alone: it reads checkpoints and talks to no other task.
        config._cluster_spec = ClusterSpec({})
        config._num_ps_replicas, config._num_worker_replicas = 0, 0
        config._global_id_in_cluster = None
    else:
        tasks = cluster.as_dict()
        config._num_ps_replicas = len(tasks.get("ps", ()))
        config._num_worker_replicas = len(tasks.get("chief", ())) + len(tasks.get("worker", ()))
        config._global_id_in_cluster = _global_id(tasks, context.task_type, context.task_id)


def _global_id(
    tasks: Mapping[str, Sequence[str]], task_type: str | None, task_id: int | None
) -> int:
    """Number the tasks as ``RunConfig.global_id_in_cluster`` documents: chief first, ps last."""
    if task_type is None or task_id is None:
        # An in-graph strategy: the coordinator runs one client for all tasks, and it has no role.
        return 0
    order = sorted(tasks, key=lambda job: (job == "ps", job != "chief", job))
    return sum(len(tasks[job]) for job in order[: order.index(task_type)]) + task_id
