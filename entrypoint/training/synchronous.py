"""Train on all machines in step, under MultiWorkerMirroredStrategy."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.distribute import distribute_coordinator as coordinator
from tensorflow.python.distribute.cluster_resolver import SimpleClusterResolver
from tensorflow.python.distribute.collective_all_reduce_strategy import CollectiveAllReduceExtended
from tensorflow.python.eager import context

from entrypoint.errors import ContradictionError
from entrypoint.estimator.coordinator_training import as_task
from entrypoint.training.lockstep import LockstepHook, LockstepStrategy, VariablesHook
from entrypoint.training.sparse_gradients import gather_sparse_gradients_of_any_length
from entrypoint.training.team import VARIABLES, Team
from entrypoint.training.tensorflow_cluster import TensorFlowCluster, port_taken


class Synchronous:
    """One global step is one step of every card on every machine.

    Args:
        team: the trainers.
        cluster: where they are.

    Attributes:
        strategy: the strategy over all of their cards.
        shares: which share of the data is this machine's.

    Raises:
        ContradictionError: TensorFlow's server cannot listen on its port.
    """

    def __init__(self, team: Team, cluster: TensorFlowCluster) -> None:
        self._team = team
        self._cluster = cluster
        self.strategy = _start_strategy(cluster)
        self.shares = tf.distribute.InputContext(
            num_input_pipelines=len(team.names),
            input_pipeline_id=team.index,
            num_replicas_in_sync=self.strategy.num_replicas_in_sync,
        )
        self._variables = VariablesHook(self._compare)

    @property
    def cards(self) -> int:
        """How many steps over all cards one global step is."""
        return int(self.strategy.num_replicas_in_sync)

    def prepare(self, max_step: int | None) -> LockstepHook:
        """Return the hook that ends training on all machines after the same step."""
        self._lockstep = LockstepHook(self._team.is_stop_requested, max_step)
        return self._lockstep

    def fit(
        self,
        estimator: Any,
        input_fn: Callable[..., Any],
        hooks: Sequence[Any],
        listeners: Sequence[Any],
    ) -> None:
        """Train the estimator, which has the hook of `prepare` as its last."""

        def train(strategy: Any) -> None:
            # LockstepStrategy is none of those by whose name Estimator chooses a way of training
            # that knows no saving listeners; the coordinator's context does the rest.
            task = as_task(estimator, train_strategy=strategy)
            task.train(input_fn, hooks=[*hooks, self._variables], saving_listeners=list(listeners))

        with _port_explained(self._cluster):
            coordinator.run_distribute_coordinator(
                train,
                self.strategy,
                # What an evaluator would run, which this task is not; TensorFlow warns without.
                train,
                self.strategy,
                mode=coordinator.CoordinatorMode.INDEPENDENT_WORKER,
                cluster_spec=self._cluster.spec,
                task_type=self._cluster.job_name,
                task_id=self._cluster.task_index,
                session_config=estimator.config.session_config,
            )

    @property
    def account(self) -> dict[str, Any]:
        """What this machine tells the others of its training when it has made its last step."""
        return {
            "data_ended": self._lockstep.data_ended,
            "left_over": self._lockstep.left_over,
            "variables": self._variables.digest,
        }

    def _compare(self, digest: str) -> None:
        """Compare the values that all machines begin with.

        Raises:
            ContradictionError: another machine begins with others than the chief.
        """
        posted = self._team.exchange(VARIABLES, digest, "waiting for the others' variables")
        different = [name for name in self._team.names if posted[name] != posted[self._team.chief]]
        if different:
            raise ContradictionError(
                f"the variables have other values on {', '.join(different)} than on"
                f" {self._team.chief} before the first step",
                hint="the model must begin alike everywhere: look for initial values that it reads"
                " from a file, or draws at random outside of TensorFlow",
            )


@contextlib.contextmanager
def _port_explained(cluster: TensorFlowCluster) -> Iterator[None]:
    """Explain that this task's server cannot listen.

    The strategy starts it where TensorFlow executes eagerly, and the coordinator does elsewhere.
    """
    try:
        yield
    except tf.errors.UnknownError as error:
        if "Could not start gRPC server" not in str(error):
            raise
        raise port_taken(cluster.address) from error


def _start_strategy(cluster: TensorFlowCluster) -> LockstepStrategy:
    """Make the strategy.

    TensorFlow's own ways to notice that a peer is gone, which abort the process minutes later, stay
    off: the membership process does it.
    """
    context.context()._coordination_service_config = (
        context.coordination_config_pb2.CoordinationServiceConfig()
    )
    CollectiveAllReduceExtended._enable_check_health = False
    gather_sparse_gradients_of_any_length()
    resolver = SimpleClusterResolver(
        cluster.spec,
        task_type=cluster.job_name,
        task_id=cluster.task_index,
        rpc_layer="grpc",
    )
    with _port_explained(cluster):
        return LockstepStrategy(cluster_resolver=resolver)
