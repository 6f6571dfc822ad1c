"""One training job on several machines: what each trainer does in it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from entrypoint.errors import StoppedError
from entrypoint.membership import Members, fetch_file
from entrypoint.place import Companion
from entrypoint.signals import StopRequest
from entrypoint.training.asynchronous import Asynchronous
from entrypoint.training.estimator import bind_input_fn, build_estimator
from entrypoint.training.event_files import event_files_in
from entrypoint.training.hooks import FiniteVariablesListener, ProgressHook
from entrypoint.training.job import Training, no_batch, run_phases
from entrypoint.training.plan import TrainingJob
from entrypoint.training.report import log_start
from entrypoint.training.sessions import sessions_close_in_background
from entrypoint.training.shared_checkpoints import list_files, newest, obtain
from entrypoint.training.synchronous import Synchronous
from entrypoint.training.team import CHECKPOINT, EVALUATOR_BESIDE, TRAINED, Plan, Team
from entrypoint.training.tensorflow_cluster import (
    TensorFlowCluster,
    describe_cluster,
    place_servers_beside,
)

logger = logging.getLogger(__name__)

Engine = Synchronous | Asynchronous


def train_in_cluster(job: TrainingJob, stop: StopRequest) -> str:
    """Do this task's part of the training; the chief exports as well.

    Raises:
        JobError: every way in which it can fail or be stopped.
    """
    log_start(job)
    start_companions(job)
    members = Members(_channel_of(job), job.place.task)
    team = Team(job, members, stop)
    addresses = team.meet()
    beside = place_servers_beside(job.place.cluster, addresses) if _has_servers_beside(job) else {}
    cluster = describe_cluster(job.place.cluster, addresses, beside, team.me)
    asynchronous = job.devices.strategy_name == "parameter_server"
    engine: Engine = (Asynchronous if asynchronous else Synchronous)(team, cluster)
    team.check_equality()
    logger.info(
        "%d machines train; a global step is one of %s",
        len(team.names),
        f"all {engine.cards} cards" if engine.strategy else "any of them",
        extra={"event": "team", "trainers": team.names, "cards": engine.cards},
    )
    if team.is_chief:
        return _train_as_chief(job, stop, team, engine, cluster)
    with sessions_close_in_background():
        return _train_as_worker(job, stop, team, engine, cluster)


def start_companions(job: TrainingJob) -> None:
    """Start what works beside this trainer: the evaluator, a parameter server."""
    place = job.place
    roles: list[tuple[Any, str]] = []
    if place.role == "chief" and place.cluster.evaluator is None:
        roles.append(("evaluator", EVALUATOR_BESIDE))
    if _has_servers_beside(job):
        names = [task.name for task in place.cluster.trainers]
        roles.append(("ps", f"ps-{names.index(place.task)}"))
    for role, task in roles:
        place.start_companion(Companion(role=role, task=task, site_dirs=place.site_dirs or ()))


def _has_servers_beside(job: TrainingJob) -> bool:
    """Tell whether the trainers' machines keep the parameters too."""
    is_asynchronous = job.devices.strategy_name == "parameter_server"
    return is_asynchronous and not job.place.cluster.parameter_servers


def _channel_of(job: TrainingJob) -> Any:
    if job.place.channel is None:
        raise ValueError(f"{job.place.task} has no channel to the other machines")
    return job.place.channel


def _train_as_chief(
    job: TrainingJob, stop: StopRequest, team: Team, engine: Engine, cluster: TensorFlowCluster
) -> str:
    try:
        said = run_phases(job, stop, _ChiefTraining(job, stop, team, engine, cluster))
    except StoppedError:
        team.release(is_stopped=True)
        raise
    team.release(is_stopped=False)
    return said


class _ChiefTraining(Training):
    """A training in which others take part, on other machines and beside this process."""

    def __init__(
        self,
        job: TrainingJob,
        stop: StopRequest,
        team: Team,
        engine: Engine,
        cluster: TensorFlowCluster,
    ) -> None:
        super().__init__(job, stop, cards=engine.cards, machines=len(team.names))
        self._team = team
        self._engine = engine
        self._cluster = cluster

    def train(self) -> int:
        prefix = newest(self._job.settings.checkpoints_dir) if self.start is not None else None
        files = list_files(prefix) if prefix else {}
        plan = Plan(start=self.start, max_step=self.max_steps, files=files)
        self._team.publish(plan)
        step = super().train()
        account = {"global_step": step, **(self._engine.account if plan.has_steps else {})}
        self._team.members.post(TRAINED, account)
        if plan.has_steps:
            self._close_accounts(account)
        return step

    def _fit(self) -> None:
        self._team.wait_until_restored()
        last_hook = self._engine.prepare(self.max_steps)
        job = with_strategy(self._job, self._engine)
        estimator = build_estimator(job, team=self._cluster, last_hook=last_hook)
        self._engine.fit(
            estimator,
            bind_input_fn(job.code.train_input_fn, job, shares=self._engine.shares),
            hooks=[self.progress],
            listeners=[
                FiniteVariablesListener(),
                _PublishCheckpoints(self._team, self._job.settings.checkpoints_dir),
            ],
        )

    def _raise_if_stopped(self, step: int) -> None:
        if not self._team.is_stop_requested():
            return
        self._team.wait_for_trained()
        self._confirm(step)
        self._team.raise_stopped(step)

    def _close_accounts(self, account: Mapping[str, Any]) -> None:
        """Say what all of them tell of their training."""
        accounts = {self._team.me: account, **self._team.wait_for_trained()}
        ended = [name for name, account in accounts.items() if account["data_ended"]]
        if ended:
            left_over = {name: account["left_over"] for name, account in accounts.items()}
            shown = ", ".join(
                f"{name} {'too many to count' if count is None else count}"
                for name, count in left_over.items()
            )
            logger.info(
                "the data of %s ended first; batches left over: %s",
                ", ".join(ended),
                shown,
                extra={"event": "left_over", "batches": left_over},
            )
        digests = {name: account["variables"] for name, account in accounts.items()}
        if len(set(digests.values())) > 1:
            logger.warning(
                "the variables differ between the machines at the end of training",
                extra={"event": "variables_differ", "variables": digests},
            )
        elif self._engine.strategy:
            logger.info(
                "training has ended; the variables are equal on all %d machines",
                len(digests),
                extra={"event": "trained", **account},
            )

    def evaluate(self, step: int) -> None:
        """Wait until the evaluator has evaluated the last checkpoint."""
        said = self._team.wait_for_evaluation(step)
        self.evaluation.latest, self.evaluation.latest_step = said["metrics"], step


class _PublishCheckpoints(tf.compat.v1.train.CheckpointSaverListener):
    """Tells the evaluator of each checkpoint."""

    def __init__(self, team: Team, checkpoints_dir: Path) -> None:
        self._team = team
        self._checkpoints_dir = checkpoints_dir

    def after_save(self, session: Any, global_step_value: Any) -> None:
        """Post what was saved."""
        del session
        files = list_files(newest(self._checkpoints_dir))
        self._team.members.post(CHECKPOINT, {"step": int(global_step_value), "files": files})


def with_strategy(job: TrainingJob, engine: Engine) -> TrainingJob:
    """Return the job as it trains: with the strategy over all machines."""
    devices = dataclasses.replace(job.devices, strategy=engine.strategy)
    return dataclasses.replace(job, devices=devices)


def _train_as_worker(
    job: TrainingJob, stop: StopRequest, team: Team, engine: Engine, cluster: TensorFlowCluster
) -> str:
    plan = team.learn_plan()
    account: dict[str, Any] = {}
    step = plan.start or 0
    if plan.has_steps:
        model_dir = _starting_dir(job, stop, team, plan, is_needed=engine.strategy is not None)
        team.wait_until_restored()
        job = with_strategy(job, engine)
        estimator = build_estimator(
            job, model_dir=model_dir, team=cluster, last_hook=engine.prepare(plan.max_step)
        )
        progress = ProgressHook(
            None,
            every_steps=job.parameters.log_step_count_steps,
            max_steps=plan.max_step,
            total_of=lambda step: step,
        )
        with (
            job.explained("training", model_dir),
            event_files_in(job.settings.tensorboard_dir / team.me, instead_of=model_dir),
        ):
            engine.fit(
                estimator,
                bind_input_fn(job.code.train_input_fn, job, shares=engine.shares),
                hooks=[progress],
                listeners=[],
            )
        step = progress.start_step if progress.end_step is None else progress.end_step
        if engine.strategy and step == progress.start_step and not team.is_stop_requested():
            raise no_batch(job)
        account = engine.account
    account = {"global_step": step, **account}
    team.members.post(TRAINED, account)
    logger.info(
        "training has ended here at step %d",
        step,
        extra={"event": "trained", **account},
    )
    if team.wait_for_done():
        team.raise_stopped(step)
    return f"done: trained to step {step}; the chief has exported"


def _starting_dir(
    job: TrainingJob, stop: StopRequest, team: Team, plan: Plan, *, is_needed: bool
) -> Path:
    """Return the directory from which a worker restores what the chief restores."""
    own_dir = job.settings.checkpoints_dir / f"of-{team.me}"
    if not is_needed:  # with parameter servers the chief alone restores
        return own_dir
    return obtain(
        plan.files,
        job.settings.checkpoints_dir,
        own_dir,
        lambda name, to: fetch_file(job.place.cluster, name, to, stop=stop),
    )
