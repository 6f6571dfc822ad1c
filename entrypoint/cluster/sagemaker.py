"""SageMaker's resourceconfig.json.

It names all hosts, "sorted lexicographically", and the current one
(https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html,
"Distributed training configuration"). The first is the master, as in
aws/sagemaker-tensorflow-training-toolkit, training.py. In a heterogeneous cluster "hosts" has those
of all instance groups; all of them train.
"""

from __future__ import annotations

from typing import Any

from entrypoint import json_files
from entrypoint.cluster.addresses import parse_host
from entrypoint.cluster.assembly import alone, assemble_hosts
from entrypoint.cluster.checks import MAX_TASKS, contradiction, shown
from entrypoint.cluster.tasks import Cluster
from entrypoint.settings import Settings

SCHEDULER = "SageMaker"


def read_cluster(settings: Settings) -> Cluster | None:
    """Return the cluster that resourceconfig.json describes, None if there is no such file.

    Raises:
        ContradictionError: it describes none that can be.
    """
    file = settings.config_dir / "resourceconfig.json"
    where = str(file)
    try:
        resources = json_files.read_object(file)
    except FileNotFoundError:
        return None
    except json_files.JsonFileError as error:
        raise contradiction(f"{file} {error}") from error
    hosts = _read_hosts(resources.get("hosts"), where)
    current = resources.get("current_host", hosts[0] if len(hosts) == 1 else None)
    if current not in hosts:
        raise contradiction(f"{file} has the current_host {shown(current)}, which is not in hosts")
    if len(hosts) == 1:
        return alone(settings, SCHEDULER)
    places = [(parse_host(host, where=where), settings.port + 1) for host in hosts]
    job_name = settings.cluster_environment.get("TRAINING_JOB_NAME")
    identity = [ascii(job_name), places]
    return assemble_hosts(
        settings, SCHEDULER, places, hosts.index(current), where=where, identity=identity
    )


def _read_hosts(hosts: Any, where: str) -> list[str]:
    """Return the hosts in SageMaker's order, whatever the order of the file."""
    if not isinstance(hosts, list) or not hosts:
        raise contradiction(f'{where} has no "hosts" list')
    if not all(isinstance(host, str) for host in hosts):
        raise contradiction(f'{where} has "hosts" that are not names')
    if len(hosts) > MAX_TASKS:
        raise contradiction(f"{where} has more than {MAX_TASKS} hosts")
    return sorted(hosts)
