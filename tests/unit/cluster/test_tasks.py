from __future__ import annotations

import pytest

from entrypoint.cluster import Cluster, Task

CHIEF = Task(role="chief", name="chief", host="a", port=2222)
WORKER = Task(role="worker", name="worker-1", host="b", port=2222)
SERVER = Task(role="ps", name="ps-0", host="c", port=2222)
EVALUATOR = Task(role="evaluator", name="evaluator", host=None, port=0)


@pytest.mark.parametrize(
    ("host", "address"),
    [("a.b", "a.b:7"), ("10.0.0.1", "10.0.0.1:7"), ("fd00::1", "[fd00::1]:7"), (None, None)],
)
def test_an_address_can_be_dialled(host: str | None, address: str | None) -> None:
    assert Task(role="worker", name="worker-1", host=host, port=7).address == address


def test_tasks_are_found_by_role() -> None:
    cluster = Cluster(scheduler="Slurm", tasks=(CHIEF, WORKER, SERVER, EVALUATOR), me=WORKER)
    assert cluster.is_distributed
    assert not cluster.is_chief
    assert cluster.chief is CHIEF
    assert cluster.trainers == (CHIEF, WORKER)
    assert cluster.parameter_servers == (SERVER,)
    assert cluster.evaluator is EVALUATOR


def test_a_cluster_is_a_lone_chief_unless_more_is_said() -> None:
    cluster = Cluster(scheduler="none")
    assert cluster.is_chief
    assert not cluster.is_distributed
    assert cluster.chief.address == "localhost:2222"
    assert cluster.evaluator is None
    assert cluster.parameter_servers == ()
