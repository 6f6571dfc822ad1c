"""Put tasks that a scheduler described together into a checked cluster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from entrypoint.cluster.checks import check_tasks
from entrypoint.cluster.tasks import Cluster, Task
from entrypoint.settings import Settings


def alone(settings: Settings, scheduler: str) -> Cluster:
    """Return the cluster of a job that one machine makes up."""
    me = Task(role="chief", name="chief", host="localhost", port=settings.port + 1)
    return Cluster(
        scheduler=scheduler,
        tasks=(me,),
        me=me,
        port=settings.port,
        key=_key(scheduler, [me], None),
    )


def assemble(
    settings: Settings,
    scheduler: str,
    tasks: Sequence[Task],
    me: Task,
    *,
    where: str,
    identity: Any = None,
) -> Cluster:
    """Check tasks and put them together.

    Args:
        settings: the port that is taken beside the tasks'.
        scheduler: who described them, as the log names it.
        tasks: all of them, in the order that `Cluster` has them in.
        me: the one of them that this is.
        where: what describes them, to begin a message with.
        identity: what else tells this job from others, as JSON has it, equal on all tasks. Where
            tasks know different hosts of each other, it is given and the hosts do not count.

    Raises:
        ContradictionError: the tasks do not go together; see `check_tasks`.
    """
    check_tasks(tasks, settings.port, where=where)
    neighbours = [task for task in tasks if task.host is not None and task.host == me.host]
    return Cluster(
        scheduler=scheduler,
        tasks=tuple(tasks),
        me=me,
        port=settings.port,
        tasks_on_machine=len(neighbours) or 1,
        local_index=neighbours.index(me) if neighbours else 0,
        key=_key(scheduler, tasks, identity),
    )


def assemble_hosts(
    settings: Settings,
    scheduler: str,
    places: Sequence[tuple[str | None, int]],
    mine: int,
    *,
    where: str,
    chief: int = 0,
    identity: Any = None,
) -> Cluster:
    """Put machines that differ by nothing but their numbers together: a chief and workers.

    Args:
        settings: see `assemble`.
        scheduler: see `assemble`.
        places: host and TensorFlow's port of each task, by its number.
        mine: the number of this one.
        where: see `assemble`.
        chief: the number of the chief.
        identity: see `assemble`.

    Raises:
        ContradictionError: see `assemble`.
    """
    tasks = [
        Task(role="worker", name=f"worker-{number}", host=host, port=port)
        if number != chief
        else Task(role="chief", name="chief", host=host, port=port)
        for number, (host, port) in enumerate(places)
    ]
    me = tasks[mine]
    tasks.insert(0, tasks.pop(chief))
    return assemble(settings, scheduler, tasks, me, where=where, identity=identity)


def _key(scheduler: str, tasks: Sequence[Task], identity: Any) -> str:
    """Return what identifies the cluster, without the evaluator."""
    known = [(task.name, task.address) for task in tasks if task.role != "evaluator"]
    described = [scheduler, known if identity is None else identity]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
