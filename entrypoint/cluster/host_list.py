"""MODELMAKER_HOSTS: the machines as the user lists them, for whatever starts them.

Entries stand between commas or blanks. Each is a host or "host:port", or several of them with
ranges as Slurm writes them ("gpu[01-12]", "train-[0-3].train:2222"). Brackets at the beginning
with a colon in them hold an IPv6 address, for which they are needed: "[fd00::1]:2222". Ports are
TensorFlow's, given for all entries or for none. MODELMAKER_HOST_INDEX says which entry this is,
from 0; else JOB_COMPLETION_INDEX, Kubernetes' own, does; else the one entry that is this machine's
name. The first entry is the chief.
"""

from __future__ import annotations

import re

from entrypoint.cluster.addresses import has_port, parse_address, parse_host
from entrypoint.cluster.assembly import alone, assemble_hosts
from entrypoint.cluster.checks import MAX_TASKS, contradiction, count, index
from entrypoint.cluster.host_ranges import expand_item, split_outside_brackets
from entrypoint.cluster.tasks import Cluster
from entrypoint.settings import Settings

HOSTS = "MODELMAKER_HOSTS"
INDEX = "MODELMAKER_HOST_INDEX"
COUNT = "MODELMAKER_HOST_COUNT"
COMPLETION_INDEX = "JOB_COMPLETION_INDEX"
HINT = 'list all machines once, as in "first,second" or "gpu[01-12]", the same on all of them'
_IPV6 = re.compile(r"\[[^\[\]]*:[^\[\]]*\]")


def read_cluster(settings: Settings, scheduler: str = HOSTS) -> Cluster | None:
    """Return the cluster that MODELMAKER_HOSTS describes, None if it is not set.

    Args:
        settings: the variables, the name of this machine, the port.
        scheduler: who started the machines, as the log names it.

    Raises:
        ContradictionError: it describes none that can be, or does not say which host this is.
    """
    environment = settings.cluster_environment
    if not environment.get(HOSTS):
        return None
    entries = _split(environment[HOSTS])
    if environment.get(COUNT) and count(environment, COUNT) != len(entries):
        raise contradiction(
            f"{COUNT} is {environment[COUNT]}, but {HOSTS} has {len(entries)}", hint=HINT
        )
    with_ports = sum(map(has_port, entries))
    if with_ports not in {0, len(entries)}:
        raise contradiction(
            f"{HOSTS} has ports for {with_ports} of {len(entries)} hosts",
            hint="give all hosts a port, or none",
        )
    places = [
        parse_address(entry, where=HOSTS)
        if with_ports
        else (parse_host(entry, where=HOSTS), settings.port + 1)
        for entry in entries
    ]
    mine = _read_index(settings, [host for host, _ in places])
    if len(places) == 1:
        return alone(settings, scheduler)
    return assemble_hosts(settings, scheduler, places, mine, where=HOSTS)


def _split(text: str) -> list[str]:
    """Return every single host, ranges expanded."""
    entries: list[str] = []
    for between_commas in split_outside_brackets(text, ","):
        # A comma with nothing before or after it is where a variable was empty.
        for item in split_outside_brackets(between_commas.strip(), " \t\r\n"):
            if not item and between_commas.strip():
                continue
            if _IPV6.match(item):
                entries.append(item)
            else:
                entries += expand_item(item, where=HOSTS, at_most=MAX_TASKS - len(entries))
    return entries


def _read_index(settings: Settings, hosts: list[str]) -> int:
    environment = settings.cluster_environment
    for variable in (INDEX, COMPLETION_INDEX):
        if environment.get(variable):
            return index(environment, variable, len(hosts), hint=f"count {HOSTS} from 0")
    if len(hosts) == 1:
        return 0
    own = settings.host_name.lower()
    names = {own, own.partition(".")[0]}
    matching = [number for number, host in enumerate(hosts) if host in names]
    if len(matching) != 1:
        raise contradiction(
            f"{HOSTS} has {len(matching)} entries that are this machine, {own!a}",
            hint=f"set {INDEX} on each machine: the number of its entry, from 0",
        )
    return matching[0]
