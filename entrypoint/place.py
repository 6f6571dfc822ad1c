"""Where in the cluster a process of the job runs, and what it reaches from there."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from entrypoint.cluster import Cluster
from entrypoint.cluster.tasks import Role


@dataclass(frozen=True, kw_only=True)
class Companion:
    """A process that works beside the job's own on the same machine.

    Attributes:
        role: what it does, "evaluator" or "ps".
        task: what it is called in the log and by the other tasks.
        site_dirs: where the user's requirements are installed already.
    """

    role: Role
    task: str
    site_dirs: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Place:
    """The place of one process.

    Attributes:
        cluster: the tasks of the job.
        role: what this process does.
        task: what it is called.
        start_companion: starts another process on this machine; for the job's own process only.
        channel: leads to the machine's membership process; None where there is but one machine.
        storage: leads to the machine's storage process; None where everything is mounted.
        site_dirs: where the user's requirements are installed; None if that is still to be done.
    """

    cluster: Cluster
    role: Role
    task: str
    start_companion: Callable[[Companion], None]
    channel: socket.socket | None = None
    storage: socket.socket | None = None
    site_dirs: tuple[Path, ...] | None = None
