"""Train each machine at its own speed, with the variables on parameter servers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.training import training_util

from entrypoint.training.lockstep import LAST_BATCH
from entrypoint.training.team import BEGUN, Team
from entrypoint.training.tensorflow_cluster import TensorFlowCluster

v1 = tf.compat.v1


class Asynchronous:
    """One global step is one step of any machine.

    Args:
        team: the trainers.
        cluster: where they and the parameter servers are.

    Attributes:
        strategy: None; Estimator places the variables itself.
        shares: which share of the data is this machine's.

    Raises:
        ContradictionError: TensorFlow's server cannot listen on its port.
    """

    def __init__(self, team: Team, cluster: TensorFlowCluster) -> None:
        self._team = team
        self.strategy = None
        machines = len(team.names)
        self.shares = tf.distribute.InputContext(
            num_input_pipelines=machines,
            input_pipeline_id=team.index,
            num_replicas_in_sync=machines,
        )
        self._server = cluster.start_server()

    @property
    def cards(self) -> int:
        """How many steps over all cards one global step is."""
        return 1

    def prepare(self, max_step: int | None) -> LastStepsHook:
        """Return the hook that ends training on this machine."""
        self._last_steps = LastStepsHook(self._team, max_step)
        return self._last_steps

    def fit(
        self,
        estimator: Any,
        input_fn: Callable[..., Any],
        hooks: Sequence[Any],
        listeners: Sequence[Any],
    ) -> None:
        """Train the estimator, which has the hook of `prepare` as its last."""
        if not self._team.is_chief:
            # Whoever looks for the chief's session too early looks again in half a minute only.
            self._team.wait_for_chief(BEGUN)
        estimator.train(input_fn, hooks=list(hooks), saving_listeners=list(listeners))

    @property
    def account(self) -> dict[str, Any]:
        """What this machine tells the others of its training when it has made its last step."""
        return {"data_ended": self._last_steps.data_ended, "left_over": 0, "variables": None}


class LastStepsHook(tf.compat.v1.train.SessionRunHook):
    """Ends each machine's training so that all steps together are exactly as many as asked for.

    Machines step whenever they are ready, so near the end several would make "the last" step. When
    fewer steps are left than all machines may have under way, the workers leave; the chief waits
    until they have, and makes the rest alone. It leaves last in any case, since it is the one that
    saves what all of them have done.

    Args:
        team: the trainers.
        max_step: the last global step, None if the data decides.

    Attributes:
        data_ended: whether this machine's data ended.
    """

    def __init__(self, team: Team, max_step: int | None) -> None:
        self._team = team
        self._max_step = max_step
        # A machine that learns of this step may have one step under way and begin another.
        self._workers_leave_at = None if max_step is None else max_step - 2 * len(team.names)
        self._is_alone = len(team.names) == 1
        self.data_ended = False

    def begin(self) -> None:
        """Look up what to fetch with every step."""
        self._global_step = v1.train.get_global_step()
        self._fetches = {
            "marks": v1.get_collection(LAST_BATCH),
            "step": training_util._get_or_create_global_step_read(),
        }

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Let the workers in, or leave at once if there is nothing to do for this one."""
        if self._team.is_chief:
            self._team.members.post(BEGUN)
        elif self._is_near_end(int(session.run(self._global_step))):
            coord.request_stop()

    def before_run(self, run_context: Any) -> Any:
        """Fetch the step and whether this is the last batch."""
        del run_context
        return v1.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Leave if the data has ended, all steps are made, or anybody was asked to stop."""
        self.data_ended = any(run_values.results["marks"])
        ends = self.data_ended or run_context.stop_requested or self._team.is_stop_requested()
        is_near_end = self._is_near_end(int(run_values.results["step"]))
        if self._team.is_chief:
            if (ends or is_near_end) and not self._is_alone:
                self._team.wait_for_trained()
                self._is_alone = True
            if is_near_end and self._max_step is not None:
                ends |= bool(run_context.session.run(self._global_step) >= self._max_step)
        else:
            ends |= is_near_end
        if ends:
            run_context.request_stop()

    def _is_near_end(self, step: int) -> bool:
        return self._workers_leave_at is not None and step >= self._workers_leave_at
