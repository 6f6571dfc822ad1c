"""A request to stop: a signal handler records it, everyone else reads it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from entrypoint.errors import StoppedError

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass
class StopRequest:
    """Whether the job has been asked to stop.

    Attributes:
        signal_number: the first stop signal that arrived, or None.
    """

    signal_number: int | None = None

    @property
    def signal_name(self) -> str:
        """The name of the signal that arrived, such as "SIGTERM"."""
        return (
            "no signal" if self.signal_number is None else signal.Signals(self.signal_number).name
        )

    def raise_if_requested(self, during: str) -> None:
        """Leave here if a stop was asked for: for the places where nothing is to be saved.

        Args:
            during: what the job was doing, to complete "stopped while …".

        Raises:
            StoppedError: a stop signal has arrived.
        """
        if self.signal_number is not None:
            raise StoppedError(
                f"stopped by {self.signal_name} while {during}",
                hint="start the same job again; it goes on from the newest checkpoint",
                signal_number=self.signal_number,
            )


@contextlib.contextmanager
def record_stop_signals() -> Iterator[StopRequest]:
    """Record SIGTERM and SIGINT instead of dying of them; the old handlers come back at the end."""
    request = StopRequest()

    def record(number: int, _frame: FrameType | None) -> None:
        # Schedulers and terminals send both signals more than once; the first one counts.
        request.signal_number = request.signal_number or number

    previous = {number: signal.signal(number, record) for number in STOP_SIGNALS}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
