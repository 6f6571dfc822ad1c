"""Keep the parameters of an asynchronous training."""

from __future__ import annotations

import logging

from entrypoint.membership import Members
from entrypoint.place import Place
from entrypoint.signals import StopRequest
from entrypoint.training.team import MEMBERS, raise_stopped, wait_for_done
from entrypoint.training.tensorflow_cluster import describe_cluster, place_servers_beside

logger = logging.getLogger(__name__)


def serve_parameters(place: Place, stop: StopRequest) -> str:
    """Serve the parameters until the chief is done.

    Raises:
        ContradictionError: the server cannot listen on its port.
        StoppedError: a stop was requested; the chief has saved what it is about.
    """
    if place.channel is None:
        raise ValueError("a parameter server needs the channel to the chief")
    cluster, chief = place.cluster, place.cluster.chief.name
    members = Members(place.channel, place.task)
    addresses = members.wait_for(MEMBERS, [chief], stop, "waiting for the other tasks")[chief]
    beside = {} if cluster.parameter_servers else place_servers_beside(cluster, addresses)
    tensorflow_cluster = describe_cluster(cluster, addresses, beside, place.task)
    server = tensorflow_cluster.start_server()
    logger.info("serving parameters at %s", tensorflow_cluster.address, extra={"event": "serving"})
    me = place.task if cluster.parameter_servers else None
    if wait_for_done(members, chief, me, stop):
        raise_stopped(members, stop, "while it served parameters")
    del server  # it has served until here
    return "done: the chief needs the parameters no more"
