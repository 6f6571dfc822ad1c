"""Read a cluster from JSON that lists the addresses of every role: TF_CONFIG and CLUSTER_SPEC.

The form is that of TensorFlow's `tf.train.ClusterSpec` with the task beside it
(https://www.tensorflow.org/api_docs/python/tf/estimator/RunConfig; tensorflow_estimator,
run_config.py): {"cluster": {ROLE: [ADDRESS, ...]}, "task": {"type": ROLE, "index": NUMBER}}. A
role's addresses may also be an object, index to address, which leaves out those a task need not
know. Other fields are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from entrypoint import json_files
from entrypoint.cluster.addresses import parse_address
from entrypoint.cluster.assembly import alone, assemble
from entrypoint.cluster.checks import MAX_DIGITS, MAX_TASKS, contradiction, parse_number, shown
from entrypoint.cluster.tasks import Cluster, Role, Task
from entrypoint.settings import Settings

DYNAMIC_WORKER_HINT = "turn enableDynamicWorker off in the TFJob: every task has to know the chief"


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What a variable calls things.

    Attributes:
        variable: its name.
        scheduler: who writes it, as the log names it.
        roles: our role for each of its own words.
    """

    variable: str
    scheduler: str
    roles: Mapping[str, Role]


_Addresses = dict[int, str]


def read_task_lists(settings: Settings, wording: Wording) -> Cluster | None:
    """Return the cluster that a variable describes, None if it is not set.

    Raises:
        ContradictionError: it is not of the form above, or what it says cannot be.
    """
    text = settings.cluster_environment.get(wording.variable)
    if not text:
        return None
    try:
        # No surrogate passes this check: what was no UTF-8 is said to be none.
        described = json_files.parse_object(text.encode("utf-8", "surrogatepass"))
    except json_files.JsonFileError as error:
        raise contradiction(f"{wording.variable} {error}") from error
    if described.get("sparseCluster"):
        # kubeflow/training-operator, pkg/controller.v1/tensorflow/tensorflow.go: a worker finds
        # itself and the parameter servers in it, a parameter server finds itself.
        raise contradiction(
            f"{wording.variable} tells each task of itself but not of the other workers",
            hint=DYNAMIC_WORKER_HINT,
        )
    by_role = _read_roles(described.get("cluster"), wording)
    role, index = _read_task(described.get("task"), wording, is_needed=bool(by_role))
    if not by_role:
        if (role, index) not in {(None, 0), ("chief", 0), ("worker", 0)}:
            raise contradiction(f"{wording.variable} has no cluster for its task {role} {index}")
        return alone(settings, wording.scheduler)
    return _build(settings, wording, by_role, (role, index))


def _read_roles(cluster: Any, wording: Wording) -> dict[Role, _Addresses]:
    """Return the addresses of every role that has any."""
    problem = f'{wording.variable} has a "cluster" that'
    if cluster is None:
        return {}
    if not isinstance(cluster, dict):
        raise contradiction(f"{problem} does not map roles to addresses")
    by_role: dict[Role, _Addresses] = {}
    for word, listed in cluster.items():
        if not isinstance(listed, list | dict):
            raise contradiction(f"{problem} does not map roles to addresses")
        if not listed:
            continue
        role = wording.roles.get(word)
        if role is None:
            known = ", ".join(wording.roles)
            raise contradiction(f"{problem} has the role {shown(word)}, not one of {known}")
        if role in by_role:
            raise contradiction(f"{problem} has a chief and a master", hint="name one of the two")
        by_role[role] = _read_addresses(word, listed, problem)
        if len(by_role[role]) > 1 and role in {"chief", "evaluator"}:
            raise contradiction(
                f"{problem} has {len(listed)} tasks of {word}", hint=f"name one {role} at most"
            )
    if sum(map(len, by_role.values())) > MAX_TASKS:
        raise contradiction(f"{problem} has more than {MAX_TASKS} tasks")
    return by_role


def _read_addresses(word: str, listed: list[Any] | dict[str, Any], problem: str) -> _Addresses:
    if isinstance(listed, list):
        numbered = dict(enumerate(listed))
    else:
        numbered = {
            number: address
            for text, address in listed.items()
            if (number := parse_number(text)) is not None
        }
        if len(numbered) < len(listed):
            raise contradiction(f"{problem} has indexes of {word} that are no numbers or the same")
    strange = [address for address in numbered.values() if not isinstance(address, str)]
    if strange:
        raise contradiction(f"{problem} has {shown(strange[0])} as an address of {word}")
    return dict(sorted(numbered.items()))


def _read_task(task: Any, wording: Wording, *, is_needed: bool) -> tuple[Role | None, int]:
    """Return role and index of this task, no role and 0 if it is neither given nor needed."""
    if not task and not is_needed:
        return None, 0
    if not isinstance(task, dict) or not {"type", "index"} <= task.keys():
        raise contradiction(
            f'{wording.variable} has no "task" with a "type" and an "index"',
            hint=f"each task needs a {wording.variable} of its own that says which task it is",
        )
    word, index = task["type"], task["index"]
    role = wording.roles.get(word) if isinstance(word, str) else None
    if role is None:
        known = ", ".join(wording.roles)
        raise contradiction(f"{wording.variable} has a task {shown(word)}, not one of {known}")
    if isinstance(index, str):
        index = parse_number(index)
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < 10**MAX_DIGITS:
        raise contradiction(
            f"{wording.variable} has a task index {shown(task['index'])}, not a number"
        )
    return role, index


def _build(
    settings: Settings,
    wording: Wording,
    by_role: dict[Role, _Addresses],
    mine: tuple[Role | None, int],
) -> Cluster:
    where = wording.variable
    workers = by_role.get("worker", {})
    is_led_by_worker = "chief" not in by_role and bool(workers)
    if is_led_by_worker and 0 not in workers:
        raise contradiction(f"{where} has workers, but not worker 0", hint=DYNAMIC_WORKER_HINT)
    tasks: dict[tuple[Role | None, int], Task] = {}
    order: tuple[Role, ...] = ("chief", "worker", "ps", "evaluator")
    for role in order:
        for index, address in by_role.get(role, {}).items():
            is_chief = role == "chief" or (is_led_by_worker and (role, index) == ("worker", 0))
            name = "chief" if is_chief else role if role == "evaluator" else f"{role}-{index}"
            host, port = parse_address(address, where=where)
            tasks[role, index] = Task(
                role="chief" if is_chief else role, name=name, host=host, port=port
            )
    if mine == ("evaluator", 0) and mine not in tasks:
        # TensorFlow keeps the evaluator out of the cluster; the others do not know of it.
        tasks[mine] = Task(role="evaluator", name="evaluator", host=None, port=0)
    if mine not in tasks:
        raise contradiction(
            f"{where} says that this is {mine[0]} {mine[1]}, but lists no such task"
        )
    return assemble(settings, wording.scheduler, list(tasks.values()), tasks[mine], where=where)
