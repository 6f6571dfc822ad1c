"""The chief's side of a transfer: files of its checkpoints directory, for tasks that lack them.

The answer is a line {"size": n}, n bytes and a line {"sha256": hex}, or a line {"refused": reason}.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from pathlib import Path
from typing import Any

from entrypoint import step_history
from entrypoint.membership import protocol
from entrypoint.membership.protocol import Fetch

CHUNK_BYTES = 1024**2
# A transfer of which nothing moves for so long has ended.
STALL_SECONDS = 30.0
# Reasons of a refusal that the other side tells from the rest.
MISSING = "there is no such file"
BUSY = "too many transfers at once"
# TensorFlow's Saver names its files so, and the file that lists them "checkpoint".
_PREFIX = "model.ckpt-"
_OTHER_NAMES = (step_history.FILE_NAME, "checkpoint")


class FileServer:
    """Serves several transfers at once; reading never holds up the heartbeats."""

    def __init__(self, directory: Path, most: int) -> None:
        self._directory = directory
        self._most = most
        self._running = 0

    async def serve(self, fetch: Fetch, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close the connection."""
        self._running += 1
        try:
            await self._answer(fetch.file, writer)
        except (OSError, asyncio.TimeoutError):
            # The other side sees the transfer cut short, and asks again if it is still there.
            writer.transport.abort()
        finally:
            self._running -= 1

    async def _answer(self, name: str, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        reason, descriptor = BUSY, -1
        if self._running <= self._most:
            reason, descriptor = await loop.run_in_executor(None, _open, self._directory, name)
        if reason:
            await _send_line(writer, {"refused": reason})
        else:
            with os.fdopen(descriptor, "rb", buffering=0) as stream:
                await self._send_file(stream.fileno(), writer)
        writer.close()

    async def _send_file(self, descriptor: int, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        left = os.fstat(descriptor).st_size
        await _send_line(writer, {"size": left})
        digest = hashlib.sha256()
        while left:
            chunk = await loop.run_in_executor(None, _read, descriptor, left, digest)
            left -= len(chunk)
            writer.write(chunk)
            await asyncio.wait_for(writer.drain(), STALL_SECONDS)
        await _send_line(writer, {"sha256": digest.hexdigest()})


def _open(directory: Path, name: str) -> tuple[str, int]:
    """Return why a file is refused and -1, or no reason and its open descriptor."""
    is_checkpoint = name.startswith(_PREFIX) and name.isascii() and name.isprintable()
    if not (is_checkpoint or name in _OTHER_NAMES) or "/" in name:
        return "no checkpoint has a file of this name", -1
    try:
        # No link is followed: what it leads to may be anything. A FIFO would wait for its writer.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(directory / name, flags)
    except FileNotFoundError:
        return MISSING, -1
    except OSError as error:
        return f"it cannot be opened: {error.strerror}", -1
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return "it is not a regular file", -1
    return "", descriptor


def _read(descriptor: int, left: int, digest: Any) -> bytes:
    chunk = os.read(descriptor, min(left, CHUNK_BYTES))
    if not chunk:
        raise OSError("the file has become shorter")
    digest.update(chunk)
    return chunk


async def _send_line(writer: asyncio.StreamWriter, fields: dict[str, Any]) -> None:
    writer.write(protocol.encode_object(fields))
    await asyncio.wait_for(writer.drain(), STALL_SECONDS)
