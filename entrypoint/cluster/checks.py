"""What every description of a cluster is checked for, and the words for what is wrong with it.

Everything here reads what somebody else wrote: a value is bounded before it is used, and shown
shortened and without control characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from entrypoint.cluster.tasks import Task
from entrypoint.errors import ContradictionError

# No scheduler counts more tasks than this many digits can.
MAX_DIGITS = 9
# No job has more tasks, and fewer would take memory and time.
MAX_TASKS = 100_000
MAX_PORT = 65_535
# How much of a value a message repeats.
SHOWN_CHARACTERS = 60
SCHEDULER_HINT = "the scheduler writes it; check the job there"


def contradiction(problem: str, *, hint: str = SCHEDULER_HINT) -> ContradictionError:
    """Return the error that says so."""
    return ContradictionError(problem, hint=hint)


def shown(value: object) -> str:
    """Return a value as a message repeats it, short and on one line."""
    text = repr(value[:SHOWN_CHARACTERS] if isinstance(value, str) else value)
    return text if len(text) <= 2 * SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def require(environment: Mapping[str, str], names: Iterable[str], *, what: str) -> None:
    """Check that variables are set and not empty.

    Raises:
        ContradictionError: some are not; all of them are named.
    """
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise contradiction(f"{what}, but there is no {', no '.join(missing)}")


def number(environment: Mapping[str, str], name: str, *, hint: str = SCHEDULER_HINT) -> int:
    """Read a whole number, 0 or more, from a variable that is set.

    Raises:
        ContradictionError: it is no such number.
    """
    value = parse_number(environment[name])
    if value is None:
        raise contradiction(f"{name} is {shown(environment[name])}, not a number", hint=hint)
    return value


def parse_number(text: str) -> int | None:
    """Return a whole number, 0 or more, None if the text is no such number."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
    return int(text) if is_number else None


def count(environment: Mapping[str, str], name: str, *, hint: str = SCHEDULER_HINT) -> int:
    """Read how many tasks there are from a variable that is set.

    Raises:
        ContradictionError: it is no number, or not one of 1 to MAX_TASKS.
    """
    value = number(environment, name, hint=hint)
    if not 1 <= value <= MAX_TASKS:
        raise contradiction(f"{name} is {value}, not 1 to {MAX_TASKS} tasks", hint=hint)
    return value


def index(
    environment: Mapping[str, str], name: str, tasks: int, *, hint: str = SCHEDULER_HINT
) -> int:
    """Read which of so many tasks one is from a variable that is set.

    Raises:
        ContradictionError: it is no number, or there is no such task.
    """
    value = number(environment, name, hint=hint)
    if value >= tasks:
        raise contradiction(f"{name} is {value}, but there are {tasks} tasks", hint=hint)
    return value


def check_tasks(tasks: Sequence[Task], port: int, *, where: str) -> None:
    """Check that tasks go together.

    Args:
        tasks: all of them, the chief first.
        port: where the chief's membership listens.
        where: what describes them, to begin a message with.

    Raises:
        ContradictionError: there is no chief, or two of them have one address, or an address
            has an impossible port, or a port of the chief's host is the membership's.
    """
    if tasks[0].role != "chief":
        roles = sorted({task.role for task in tasks})
        raise contradiction(
            f"{where} has {' and '.join(roles)} but nobody who trains",
            hint="add a chief or a worker to the job",
        )
    known = [task for task in tasks if task.host is not None]
    places = [(task.host, task.port) for task in known]
    for (host, task_port), times in Counter(places).items():
        if times > 1:
            names = [task.name for task in known if (task.host, task.port) == (host, task_port)]
            raise contradiction(
                f"{where} gives one address, {host}:{task_port}, to {' and '.join(names[:2])}",
                hint="give every task an address of its own",
            )
    for task in known:
        if task.port > MAX_PORT:
            raise contradiction(
                f"{where} leaves no port for {task.name}: {task.port} is above {MAX_PORT}",
                hint="set MODELMAKER_PORT to a lower port, the same for all tasks",
            )
        if len(tasks) > 1 and (task.host, task.port) == (tasks[0].host, port):
            raise contradiction(
                f"{where} has {task.name} on port {port}, where the chief listens for the others",
                hint="set MODELMAKER_PORT to a free port of the chief, the same for all tasks",
            )
