"""Kubernetes' Indexed Jobs and JobSets.

A pod knows its own index but not how many there are: an Indexed Job may as well be so many
trainings that have nothing to do with each other. So MODELMAKER_HOST_COUNT or MODELMAKER_HOSTS says
that they are one. Pods are called "<Job>-<index>.<Service>"
(https://kubernetes.io/docs/tasks/job/job-with-pod-to-pod-communication/), those of a JobSet
"<JobSet>-<job>-<job index>-<pod index>.<subdomain>" (kubernetes-sigs/jobset,
site/static/examples/simple/jobset-with-network.yaml): the index ends the first label.
"""

from __future__ import annotations

import re

from entrypoint.cluster import host_list
from entrypoint.cluster.addresses import parse_host
from entrypoint.cluster.assembly import alone, assemble_hosts
from entrypoint.cluster.checks import MAX_DIGITS, contradiction, count, number, shown
from entrypoint.cluster.tasks import Cluster
from entrypoint.settings import Settings

SCHEDULER = "Kubernetes"
INDEX = "JOB_COMPLETION_INDEX"
COUNT = "MODELMAKER_HOST_COUNT"
_NUMBERED = re.compile(rf"([^.]*[^.\d])(0|[1-9]\d{{0,{MAX_DIGITS - 1}}})(\..+)?", re.ASCII)


def read_cluster(settings: Settings) -> Cluster | None:
    """Return the cluster that a pod belongs to, None if this is no pod of an Indexed Job.

    Raises:
        ContradictionError: its variables and its name describe no cluster that can be.
    """
    environment = settings.cluster_environment
    if not environment.get(INDEX) and not environment.get(COUNT):
        return None
    if environment.get(host_list.HOSTS):
        return host_list.read_cluster(settings, SCHEDULER)
    hosts = 1
    if environment.get(COUNT):
        hosts = count(environment, COUNT, hint="set it to how many machines train together")
    if hosts == 1:
        return alone(settings, SCHEDULER)
    return _read_siblings(settings, hosts)


def _read_siblings(settings: Settings, hosts: int) -> Cluster:
    """Return so many hosts that are called as this one is, but for the number."""
    environment = settings.cluster_environment
    own = settings.host_name
    match = _NUMBERED.fullmatch(own)
    if match is None:
        raise contradiction(
            f"{COUNT} is {hosts}, but the host name {shown(own)} does not begin with a name that "
            "ends in the machine's number, unpadded",
            hint="list all machines in MODELMAKER_HOSTS",
        )
    name, digits, domain = match.groups(default="")
    mine = int(digits)
    for variable in (host_list.INDEX, INDEX):
        if environment.get(variable) and number(environment, variable) != mine:
            raise contradiction(
                f"{variable} is {shown(environment[variable])}, but the host name {shown(own)} "
                f"has the number {mine}",
                hint="list all machines in MODELMAKER_HOSTS",
            )
    if mine >= hosts:
        raise contradiction(
            f"{COUNT} is {hosts}, but this is machine {mine}: they count from 0",
            hint="set it to the completions of the Job, or to the number of machines",
        )
    parse_host(own, where="the host name")
    stem, rest = name.lower(), domain.lower()
    places = [(f"{stem}{n}{rest}", settings.port + 1) for n in range(hosts)]
    return assemble_hosts(settings, SCHEDULER, places, mine, where="the host name")
