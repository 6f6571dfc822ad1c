"""Who is who: what the scheduler says about the machines of this job, whichever scheduler it is."""

from entrypoint.cluster.resolution import resolve_cluster
from entrypoint.cluster.tasks import Cluster, Task

__all__ = ["Cluster", "Task", "resolve_cluster"]
