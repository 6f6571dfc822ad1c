"""S3 servers, each a process on a free port of this machine that ends with the test."""

from __future__ import annotations

import subprocess
import sys
from abc import abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING

from tests.jobs import PROJECT_DIR
from tests.s3.endpoint import Endpoint

if TYPE_CHECKING:
    from typing_extensions import Self

_STOP_SECONDS = 10


class S3Server(Endpoint):
    """An S3 server that runs while its context lasts. It begins empty.

    A kind of server says in `_start` how its process is started and which port it has got.

    Args:
        host: the address to listen on.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    @property
    def port(self) -> int:
        return self._port

    def __enter__(self) -> Self:
        self._process, self._port = self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def _start(self) -> tuple[subprocess.Popen[str], int]:
        """Start the process, and return it with its port once it listens."""

    def stop(self) -> None:
        """End the server, and what it stores; nothing happens if it has ended."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


class MotoServer(S3Server):
    """moto's server, which keeps the objects in memory and takes any signature.

    It closes every connection after its answer. In a process of its own, because two servers in
    one process would share their buckets.
    """

    def _start(self) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.s3.moto_process", self.host],
            cwd=PROJECT_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # A ^C on the terminal is for the tests, which then stop this.
            start_new_session=True,
        )
        assert process.stdout is not None
        first_line = process.stdout.readline()
        if not first_line.strip().isdigit():
            process.kill()
            process.communicate()
            raise RuntimeError(f"moto's server did not start on {self.host}: see standard error")
        return process, int(first_line)
