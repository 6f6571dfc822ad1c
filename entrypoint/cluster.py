"""Which scheduler is this, and which machines take part."""

from __future__ import annotations

from dataclasses import dataclass

from entrypoint import json_files
from entrypoint.errors import ContradictionError
from entrypoint.settings import Settings

# No scheduler counts more tasks than this many digits can.
MAX_DIGITS = 9


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The machines of the job: this one.

    Attributes:
        scheduler: who described them, for the log; "none" if nobody did.
    """

    scheduler: str


def resolve_cluster(settings: Settings) -> Cluster:
    """Read what the scheduler says about the machines of this job.

    Raises:
        ContradictionError: it describes several machines, on which this version does not train;
            each of them would train alone and export over the others. Or its words make no sense.
    """
    machines_by_scheduler = {
        "SageMaker": _count_sagemaker_hosts(settings),
        "TF_CONFIG": _count_tasks(settings, "TF_CONFIG"),
        "Vertex AI": _count_tasks(settings, "CLUSTER_SPEC"),
        "AWS Batch": _count_from(settings, "AWS_BATCH_JOB_NUM_NODES"),
        "Slurm": _count_from(settings, "SLURM_STEP_NUM_TASKS"),
    }
    described = {name: count for name, count in machines_by_scheduler.items() if count is not None}
    for scheduler, machines in described.items():
        if machines > 1:
            raise ContradictionError(
                f"{scheduler} describes {machines} tasks; this version trains on one machine only",
                hint="start the job with one machine (all of its GPUs are used)",
            )
    return Cluster(scheduler=next(iter(described), "none"))


def _count_sagemaker_hosts(settings: Settings) -> int | None:
    """Count the hosts in SageMaker's resourceconfig.json, if it is there."""
    file = settings.config_dir / "resourceconfig.json"
    try:
        hosts = json_files.read_object(file).get("hosts")
    except FileNotFoundError:
        return None
    except json_files.JsonFileError as error:
        raise _contradiction(str(file), str(error)) from error
    if not isinstance(hosts, list) or not hosts:
        raise _contradiction(str(file), 'has no "hosts" list')
    return len(hosts)


def _count_tasks(settings: Settings, variable: str) -> int | None:
    """Count the tasks in TF_CONFIG or Vertex AI's CLUSTER_SPEC, if it is set."""
    text = settings.cluster_environment.get(variable)
    if not text:
        return None
    try:
        cluster = json_files.parse_object(text.encode("utf-8", "surrogateescape")).get("cluster")
    except json_files.JsonFileError as error:
        raise _contradiction(variable, str(error)) from error
    if cluster is None:
        return 1
    if not isinstance(cluster, dict) or not all(
        isinstance(t, list | dict) for t in cluster.values()
    ):
        raise _contradiction(variable, 'has a "cluster" that does not map roles to addresses')
    return sum(map(len, cluster.values())) or 1


def _count_from(settings: Settings, variable: str) -> int | None:
    text = settings.cluster_environment.get(variable)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise _contradiction(variable, f"is {text!r}, not a number")
    return int(text)


def _contradiction(name: str, problem: str) -> ContradictionError:
    return ContradictionError(
        f"{name} {problem}", hint="the scheduler writes it; check the job there"
    )
