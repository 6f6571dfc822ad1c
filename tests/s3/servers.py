"""S3 servers, each a process on a free port of this machine that ends with the test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from abc import abstractmethod
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tests.jobs import PROJECT_DIR
from tests.s3.endpoint import ACCESS_KEY, SECRET_KEY, Endpoint

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


class RcloneServer(S3Server):
    """rclone's server, which keeps the objects as files and checks signatures and checksums.

    Each bucket is a directory with a name of at least three characters. It does not look at
    If-Match, knows no part numbers in HEAD, and gives every object the MD5 of its content for an
    ETag, also one that came in parts.

    Args:
        host: the address to listen on.
        above_dir: where the directory of the objects is made, and removed at the end; None for
            the system's temporary directory.
    """

    def __init__(self, host: str = "127.0.0.1", *, above_dir: Path | None = None) -> None:
        super().__init__(host)
        self._above_dir = above_dir
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    @property
    def data_dir(self) -> Path:
        """The directory that holds the buckets, while the server runs."""
        assert self._directory is not None, "the server does not run"
        return Path(self._directory.name)

    def _start(self) -> tuple[subprocess.Popen[str], int]:
        program = shutil.which("rclone", path=sysconfig.get_path("scripts"))
        if program is None:
            raise RuntimeError("rclone is not beside Python: install requirements/dev.txt")
        self._directory = tempfile.TemporaryDirectory(prefix="rclone-", dir=self._above_dir)
        with socket.create_server((self.host, 0), backlog=socket.SOMAXCONN) as listening:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-c", _GIVEN_A_SOCKET, str(os.getpid())),
                    *(str(listening.fileno()), program, "serve", "s3", self._directory.name),
                    *("--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--config", os.devnull),
                    # Nobody else changes the files, and one read gives the whole of one.
                    *("--dir-cache-time", "24h", "--vfs-read-chunk-size", "0"),
                    # S3 takes parts in any order; these would have some wait for others.
                    *("--multipart-streaming-buffer-limit", "0"),
                    *("--multipart-streaming-buffer-total", "0", "--quiet"),
                ],
                cwd=PROJECT_DIR,
                # What a developer has set for rclone is not for the tests.
                env={name: os.environ[name] for name in os.environ if name[:7] != "RCLONE_"},
                stdin=subprocess.DEVNULL,
                text=True,
                pass_fds=[listening.fileno()],
                start_new_session=True,
            )
            return process, listening.getsockname()[1]

    def stop(self) -> None:
        super().stop()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None


# rclone takes a listening socket as systemd gives it (sd_listen_fds): it is connected to while the
# server still starts. The server cannot outlive whoever started it.
_GIVEN_A_SOCKET = """\
import os, sys
from entrypoint.children import die_with
die_with(int(sys.argv[1]))
os.dup2(int(sys.argv[2]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[3], sys.argv[3:])
"""
