"""Who is to join the job, who has, and where they are."""

from __future__ import annotations

import dataclasses
import hmac
from dataclasses import dataclass

from entrypoint.cluster import Cluster, Task
from entrypoint.membership.connection import Connection
from entrypoint.membership.protocol import PROTOCOL, Fetch, Hello, Message

# It may join even where the scheduler names it to nobody but itself, as Kubeflow does:
# https://www.tensorflow.org/api_docs/python/tf/estimator/train_and_evaluate
EVALUATOR = "evaluator"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A task that has joined.

    Attributes:
        task: with the host by which it introduced itself, or from which it came.
        incarnation: which process it is.
        connection: to its membership process.
    """

    task: Task
    incarnation: str
    connection: Connection


class Roster:
    """The tasks of a cluster as the hub sees them.

    Attributes:
        peers: those that are connected now, by their names, in the order in which they came.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._expected = {task.name: task for task in cluster.tasks}
        self._chief_host = cluster.me.host
        self.peers: dict[str, Peer] = {}

    @property
    def missing(self) -> list[str]:
        """The names of the tasks that are to be here and are not."""
        here = {self._cluster.me.name, *self.peers}
        return [name for name in self._expected if name not in here]

    @property
    def here(self) -> list[str]:
        """The names of the tasks that are to be here and are, the chief first."""
        missing = self.missing
        return [name for name in self._expected if name not in missing]

    @property
    def size(self) -> int:
        """How many tasks are to be here."""
        return len(self._expected)

    @property
    def addresses(self) -> dict[str, str | None]:
        """Where TensorFlow's servers of the tasks listen, by the names of the tasks."""
        chief = dataclasses.replace(self._cluster.me, host=self._chief_host or "localhost")
        tasks = {name: peer.task for name, peer in self.peers.items()} | {chief.name: chief}
        return {name: tasks[name].address for name in self._expected if name in tasks}

    def refusal(self, first: Message) -> str:
        """Return why the first message of a connection is not accepted, empty if it is."""
        if not isinstance(first, Hello | Fetch):
            return "it does not begin with a hello"
        if first.protocol != PROTOCOL:
            return f"it speaks {first.protocol[:40]!r}, not {PROTOCOL!r}"
        if not hmac.compare_digest(first.key.encode(), self._cluster.key.encode()):
            return "it belongs to another job, or sees another cluster than the chief does"
        if isinstance(first, Fetch):
            is_here = first.task in {self._cluster.me.name, *self.peers}
            return "" if is_here else f"{first.task[:40]!r} has not joined"
        return self._hello_refusal(first)

    def _hello_refusal(self, hello: Hello) -> str:
        if hello.task not in {*self._expected, EVALUATOR}:
            return f"{hello.task[:40]!r} is no task of this job"
        if hello.task == self._cluster.me.name:
            return f"{hello.task} is taken, by the machine that was asked"
        peer = self.peers.get(hello.task)
        # The same process again, which has given its old connection up, takes its own place.
        if peer and peer.incarnation != hello.incarnation:
            return f"{hello.task} is taken, by {peer.connection.peer_host}"
        return ""

    def add(self, hello: Hello, connection: Connection) -> Peer:
        """Add a task that has joined, in place of an earlier connection of the same process."""
        task = self._expected.get(hello.task) or Task(
            role="evaluator", name=EVALUATOR, host=None, port=hello.port
        )
        host = hello.host or connection.peer_host
        peer = Peer(
            task=dataclasses.replace(task, host=host, port=hello.port),
            incarnation=hello.incarnation,
            connection=connection,
        )
        earlier = self.peers.pop(hello.task, None)
        if earlier:
            earlier.connection.abort()
        self.peers[hello.task] = peer
        # Where the chief does not know its own address (AWS Batch), this is how it is reached.
        self._chief_host = self._chief_host or hello.chief_host
        return peer

    def holds(self, peer: Peer) -> bool:
        """Tell whether this is still the connection of its task."""
        return self.peers.get(peer.task.name) is peer

    def remove(self, peer: Peer) -> None:
        """Take a task out, unless another connection has taken its place."""
        if self.holds(peer):
            del self.peers[peer.task.name]
