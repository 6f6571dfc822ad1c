"""The cluster in TensorFlow's terms: jobs, indexes and addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from entrypoint.cluster import Cluster, Task
from entrypoint.errors import ContradictionError


@dataclass(frozen=True, kw_only=True)
class TensorFlowCluster:
    """Who listens where, and which of them this is.

    Evaluators are not among them: TensorFlow would wait for them at the start.

    Attributes:
        addresses: "host:port" of each task by job ("chief", "worker", "ps") and index.
        job_name: this task's job.
        task_index: its index within the job.
    """

    addresses: Mapping[str, tuple[str, ...]]
    job_name: str
    task_index: int

    @property
    def spec(self) -> tf.train.ClusterSpec:
        """The addresses as TensorFlow takes them."""
        return tf.train.ClusterSpec({job: list(tasks) for job, tasks in self.addresses.items()})

    @property
    def address(self) -> str:
        """Where this task's server listens."""
        return self.addresses[self.job_name][self.task_index]

    @property
    def tf_config(self) -> str:
        """The value of TF_CONFIG that says the same."""
        task = {"type": self.job_name, "index": self.task_index}
        return json.dumps({"cluster": self.addresses, "task": task})

    def start_server(self) -> tf.distribute.Server:
        """Start this task's server, which uses no GPU if it only keeps parameters.

        Raises:
            ContradictionError: it cannot listen on its port.
        """
        config = tf.compat.v1.ConfigProto()
        if self.job_name == "ps":
            config.device_count["GPU"] = 0
        try:
            return tf.distribute.Server(
                self.spec, job_name=self.job_name, task_index=self.task_index, config=config
            )
        except tf.errors.OpError as error:
            raise port_taken(self.address) from error


def port_taken(address: str) -> ContradictionError:
    """Return the error of a server that cannot listen at its address."""
    return ContradictionError(
        f"TensorFlow cannot listen at {address}",
        hint="another process has that port, or the address is not this machine's; MODELMAKER_PORT"
        " moves the ports of this job",
    )


def describe_cluster(
    cluster: Cluster, addresses: Mapping[str, str], servers_beside: Mapping[str, str], task: str
) -> TensorFlowCluster:
    """Return TensorFlow's view of the cluster for one of its tasks.

    Args:
        cluster: the tasks.
        addresses: where TensorFlow's server of each task listens, by name.
        servers_beside: the same of the parameter servers beside the trainers.
        task: the task that this is; a trainer or a parameter server.
    """

    def names(tasks: tuple[Task, ...]) -> list[str]:
        return [one.name for one in tasks]

    by_job = {
        "chief": [cluster.chief.name],
        "worker": names(cluster.trainers[1:]),
        "ps": names(cluster.parameter_servers) or list(servers_beside),
    }
    known = {**addresses, **servers_beside}
    job_name = next(job for job, tasks in by_job.items() if task in tasks)
    return TensorFlowCluster(
        addresses={
            job: tuple(known[name] for name in tasks) for job, tasks in by_job.items() if tasks
        },
        job_name=job_name,
        task_index=by_job[job_name].index(task),
    )


def place_servers_beside(cluster: Cluster, addresses: Mapping[str, str]) -> dict[str, str]:
    """Return the parameter servers beside the trainers: where each listens, by name.

    Its port is the one after the trainer's.
    """
    placed = {}
    for index, trainer in enumerate(cluster.trainers):
        host, _, port = addresses[trainer.name].rpartition(":")
        placed[f"ps-{index}"] = f"{host}:{int(port) + 1}"
    return placed
