"""The tasks of a job, by name, role and address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from entrypoint.settings import DEFAULT_PORT

Role = Literal["chief", "worker", "ps", "evaluator"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task of the job: a process that trains, serves parameters or evaluates.

    Attributes:
        role: what it does.
        name: what the log calls it: "chief", "evaluator", or the role and the scheduler's own
            number, as "worker-1".
        host: where it is, an IPv6 address without brackets. None if that is not known here: the
            task introduces itself when it joins.
        port: where TensorFlow's server of this task listens, 0 if it has none.
    """

    role: Role
    name: str
    host: str | None
    port: int

    @property
    def address(self) -> str | None:
        """Return "host:port", None where the host is not known."""
        if self.host is None:
            return None
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


LONE_CHIEF = Task(role="chief", name="chief", host="localhost", port=DEFAULT_PORT + 1)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The tasks of the job and which of them this is.

    Attributes:
        scheduler: who described them, as the log names it; "none" if nobody did.
        tasks: the chief, then workers and parameter servers by number, then the evaluator.
        me: the one of them that this process is.
        port: where the chief's membership listens, on the chief's host.
        tasks_on_machine: how many of the tasks share this machine, as far as is known here.
        local_index: which of those this is, from 0.
        key: identifies the cluster, equal on all of its tasks; it does not depend on the
            evaluator, of which the others need not know.
    """

    scheduler: str
    tasks: tuple[Task, ...] = (LONE_CHIEF,)
    me: Task = LONE_CHIEF
    port: int = DEFAULT_PORT
    tasks_on_machine: int = 1
    local_index: int = 0
    key: str = ""

    @property
    def is_distributed(self) -> bool:
        """Tell whether more than one task trains, or one with parameter servers.

        A lone trainer evaluates by itself and needs no evaluator.
        """
        return len(self.trainers) > 1 or bool(self.parameter_servers)

    @property
    def chief(self) -> Task:
        """Return the task that saves, exports and introduces the others."""
        return self.tasks[0]

    @property
    def is_chief(self) -> bool:
        """Tell whether this is the chief."""
        return self.me.role == "chief"

    @property
    def trainers(self) -> tuple[Task, ...]:
        """Return the chief and the workers."""
        return tuple(task for task in self.tasks if task.role in {"chief", "worker"})

    @property
    def parameter_servers(self) -> tuple[Task, ...]:
        """Return the tasks that only hold variables."""
        return tuple(task for task in self.tasks if task.role == "ps")

    @property
    def evaluator(self) -> Task | None:
        """Return the task that only evaluates, None if there is none."""
        return next((task for task in self.tasks if task.role == "evaluator"), None)
