from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrypoint.signals import StopRequest
from tests.unit.membership.machines import Machines, hard_timeout


@pytest.fixture(autouse=True)
def _hard_timeout() -> Iterator[None]:
    """No test of the membership hangs."""
    with hard_timeout(60):
        yield


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """The machines of one job; none of them outlives the test."""
    machines = Machines(tmp_path)
    yield machines
    machines.close()


@pytest.fixture
def stop() -> Iterator[StopRequest]:
    """A stop request that comes if a wait takes too long."""
    request = StopRequest()
    timer = threading.Timer(20, setattr, (request, "signal_number", 15))
    timer.start()
    yield request
    timer.cancel()
