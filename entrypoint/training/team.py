"""The machines that train together, as one of them sees the others."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import tensorflow as tf

from entrypoint.errors import ContradictionError, PlatformError, StoppedError
from entrypoint.membership import Members
from entrypoint.signals import StopRequest
from entrypoint.training.plan import TrainingJob

logger = logging.getLogger(__name__)

# The topics under which tasks post what the others have to know.
MEMBERS = "members"  # the chief: where TensorFlow's server of each task listens
READY = "ready"  # each trainer: what has to be equal on all of them
PLAN = "plan"  # the chief: from which step to which
RESTORED = "restored"  # each trainer: it has the checkpoint to start from
BEGUN = "begun"  # the chief: its session is there, so that the others can join it
VARIABLES = "variables"  # each trainer: the digest of the values that it starts with
CHECKPOINT = "checkpoint"  # the chief: a checkpoint was saved
STOP = "stop"  # any task: it was asked to stop
TRAINED = "trained"  # each trainer: it has made its last step
DONE = "done"  # the chief: nobody is needed any more

# The evaluator beside the chief; a scheduler may start one of which the chief knows nothing.
EVALUATOR_BESIDE = "chief-evaluator"

POLL_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the chief has found in its checkpoints directory, and what follows from it.

    Attributes:
        start: the global step that training goes on from, None at the beginning.
        max_step: the global step at which it ends, None if the data decides.
        files: the size in bytes and the SHA-256 digest of each file of the checkpoint, by name.
    """

    start: int | None
    max_step: int | None
    files: Mapping[str, tuple[int, str]]

    @property
    def has_steps(self) -> bool:
        """Tell whether there is anything left to train."""
        return self.max_step is None or (self.start or 0) < self.max_step


class Team:
    """The trainers of a job: the chief and its workers.

    Args:
        job: the job; this task is a trainer.
        members: the way to the others.
        stop: this task's stop request.
    """

    def __init__(self, job: TrainingJob, members: Members, stop: StopRequest) -> None:
        self._job = job
        self._stop = stop
        self.members = members
        self.me = job.place.task
        cluster = job.place.cluster
        self.chief = cluster.chief.name
        self.names = [task.name for task in cluster.trainers]
        self.index = self.names.index(self.me)
        self.is_chief = self.index == 0

    @property
    def others(self) -> list[str]:
        """The names of the other trainers."""
        return [name for name in self.names if name != self.me]

    def meet(self) -> dict[str, str]:
        """Wait until all tasks have joined; return where TensorFlow's server of each listens."""
        posted = self._wait_for(MEMBERS, [self.chief], "waiting for the other tasks")
        return dict(posted[self.chief])

    def check_equality(self) -> None:
        """Compare what has to be equal on all trainers.

        Raises:
            ContradictionError: another trainer differs from the chief; it and the thing are named.
        """
        job = self._job
        parameters = json.dumps(job.parameters.for_user(), sort_keys=True, default=str)
        mine = {
            "TensorFlow": tf.__version__,
            "distribution strategy": job.devices.strategy_name,
            "number of cards": max(len(job.devices.gpus), 1),
            "digest of the parameters": hashlib.sha256(parameters.encode()).hexdigest()[:16],
        }
        posted = self.exchange(READY, mine, "waiting for the other trainers")
        for name in self.others:
            for what, value in posted[self.chief].items():
                if posted[name].get(what) != value:
                    raise ContradictionError(
                        f"the {what} is {value} on {self.chief} and {posted[name].get(what)} on"
                        f" {name}",
                        hint="give all machines the same image, parameters and number of GPUs",
                    )

    def publish(self, plan: Plan) -> None:
        """Tell the others the plan."""
        self.members.post(PLAN, asdict(plan))

    def learn_plan(self) -> Plan:
        """Wait for the chief's plan."""
        posted = self._wait_for(PLAN, [self.chief], "waiting for the chief's plan")[self.chief]
        files = {name: (size, digest) for name, (size, digest) in posted["files"].items()}
        return Plan(start=posted["start"], max_step=posted["max_step"], files=files)

    def release(self, *, is_stopped: bool) -> None:
        """Tell the others, as the chief, that they are not needed any more."""
        self.members.post(DONE, {"stopped": is_stopped})

    def wait_until_restored(self) -> None:
        """Wait until every trainer has the checkpoint that all start from."""
        self.exchange(RESTORED, None, "waiting for the others' checkpoints")

    def is_stop_requested(self) -> bool:
        """Tell whether this or another task was asked to stop; the others learn of it too."""
        if self._stop.signal_number is None:
            return bool(self.members.posted(STOP))
        if self.me not in self.members.posted(STOP):
            self.members.post(STOP, self._stop.signal_name)
        return True

    def wait_for_trained(self) -> Mapping[str, Any]:
        """Wait until the other trainers have made their last step; return what they say of it.

        A stop is no reason not to wait: the others have been told of it.
        """
        return self.members.wait_for(
            TRAINED, self.others, StopRequest(), "waiting for the other trainers"
        )

    def wait_for_evaluation(self, step: int) -> Any:
        """Wait until the evaluator has evaluated a step's checkpoint; return what it posted."""
        evaluator = self._job.place.cluster.evaluator
        name = evaluator.name if evaluator else EVALUATOR_BESIDE
        while True:
            if self.is_stop_requested():
                self.raise_stopped(step)
            posted = self.members.posted(evaluated(step))
            if name in posted:
                return posted[name]
            self.members.check()
            time.sleep(POLL_SECONDS)

    def wait_for_done(self) -> bool:
        """Wait until the chief is done; return whether that was because of a stop."""
        self.is_stop_requested()
        return wait_for_done(self.members, self.chief, self.me, self._stop)

    def raise_stopped(self, step: int) -> NoReturn:
        """End this task after a stop that was asked of any; see `raise_stopped`."""
        if self.is_chief:
            self.release(is_stopped=True)
        raise_stopped(self.members, self._stop, f"at step {step}")

    def exchange(self, topic: str, value: Any, during: str) -> Mapping[str, Any]:
        """Post a value and return those of all trainers, when they have posted theirs."""
        self.members.post(topic, value)
        return self._wait_for(topic, self.names, during)

    def wait_for_chief(self, topic: str) -> Any:
        """Wait until the chief has posted on a topic, and return what."""
        return self._wait_for(topic, [self.chief], "waiting for the chief")[self.chief]

    def _wait_for(self, topic: str, tasks: list[str], during: str) -> Mapping[str, Any]:
        return self.members.wait_for(topic, tasks, self._stop, during)


def evaluated(step: int) -> str:
    """Return the topic under which the evaluator posts the metrics of a checkpoint."""
    return f"evaluated {step}"


def wait_for_done(members: Members, chief: str, me: str | None, stop: StopRequest) -> bool:
    """Wait until the chief is done; return whether that was because of a stop.

    A task that is asked to stop meanwhile tells the others, and stays: the chief has to save, and
    whoever leaves before that looks like a loss.

    Args:
        members: the way to the others.
        chief: the chief's name.
        me: this task's name; None for a companion, beside a task that tells of the same stop.
        stop: this task's stop request.

    Raises:
        PlatformError: the membership process ended.
    """
    while chief not in members.posted(DONE):
        if me and stop.signal_number is not None and me not in members.posted(STOP):
            members.post(STOP, stop.signal_name)
        members.check()
        time.sleep(POLL_SECONDS)
    return bool(members.posted(DONE)[chief]["stopped"])


def raise_stopped(members: Members, stop: StopRequest, where: str) -> NoReturn:
    """End a task after a stop that was asked of any; the chief has saved its checkpoint.

    Args:
        members: the way to the others.
        stop: this task's stop request.
        where: to complete "stopped …".

    Raises:
        StoppedError: it was asked of this task too.
        PlatformError: it was not.
    """
    hint = "start the same job again; it goes on from this step"
    if stop.signal_number is not None:
        raise StoppedError(
            f"stopped by {stop.signal_name} {where}; the checkpoint is saved and was read back",
            hint=hint,
            signal_number=stop.signal_number,
        )
    asked = next(iter(members.posted(STOP)), "another task")
    raise PlatformError(
        f"{asked} was asked to stop, so all stopped {where}; the checkpoint is saved", hint=hint
    )
