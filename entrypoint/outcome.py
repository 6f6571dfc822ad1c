"""How a job ended: the exit code, the last log line, and the failure file."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import logging
import os
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entrypoint import logs
from entrypoint.blame import text_of
from entrypoint.errors import JobError, PlatformError, UserCodeFailedError
from entrypoint.redaction import redact

logger = logging.getLogger(__name__)

BUG_CODE = 1
# TensorFlow's own messages can hold a whole graph; the traceback in the log has all of it.
MAX_MESSAGE_CHARACTERS = 4096
# SageMaker shows the first 1,024 characters of output/failure.
FAILURE_CHARACTERS = 1024
# Kubernetes shows this file, 4,096 bytes of it, as the container's termination message.
TERMINATION_LOG = Path("/dev/termination-log")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of a job.

    Attributes:
        code: the exit code, 0 for success.
        message: what happened, the most useful words first.
        hint: what to do about it; empty on success.
    """

    code: int
    message: str
    hint: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """What the last log line carries besides its message."""
        if self.code == 0:
            return {"event": "done", "code": 0}
        event = "stopped" if self.code in (143, 130) else "error"
        return {"event": event, "code": self.code, "hint": self.hint}


def conclude(error: BaseException) -> Outcome:
    """Turn what a job raised into its outcome; a bug of ours is logged with its traceback."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        error = out_of_space(error.filename)
    if isinstance(error, JobError):
        return Outcome(code=error.code, message=error.message, hint=error.hint)
    logger.error(
        "unexpected %s",
        type(error).__name__,
        extra={"event": "traceback", "traceback": logs.format_traceback(error)},
    )
    return Outcome(
        code=BUG_CODE,
        message=f"{type(error).__name__}: {text_of(error)}"[:MAX_MESSAGE_CHARACTERS],
        hint="this is a bug of the job image; report it with the traceback in the log",
    )


def out_of_space(path: str | Path | None) -> PlatformError:
    """Describe a full disk with the free and the total space of the filesystem it is on.

    Args:
        path: what was being written, if that is known.
    """
    place = f"no space left while writing {path or 'a file'}"
    with contextlib.suppress(OSError, TypeError):
        directory = Path(path or tempfile.gettempdir())
        while not directory.exists():
            directory = directory.parent
        space = os.statvfs(directory)
        free, total = (n * space.f_frsize / 1024**2 for n in (space.f_bavail, space.f_blocks))
        place += f": {free:.1f} MiB of {total:.1f} MiB are free now"
    return PlatformError(place, hint="give the volume more space, then start the same job again")


def conclude_death(status: int) -> Outcome:
    """Describe a job process that ended without saying how.

    Args:
        status: the wait status of the process, as `os.waitpid` gives it.
    """
    code = os.waitstatus_to_exitcode(status)
    error: JobError
    if code == -signal.SIGKILL:
        error = PlatformError(
            "the job's process was killed with SIGKILL, most often because memory ran out",
            hint="give the job more memory, or use a smaller batch or shuffle buffer",
        )
    elif code < 0:
        error = UserCodeFailedError(
            f"the job's process crashed with {_signal_name(-code)} in native code",
            hint="the last lines of the log show what ran; custom operators and full /dev/shm"
            " are common causes",
        )
    else:
        error = UserCodeFailedError(
            f"the job's process ended with exit code {code} in the middle of the job",
            hint="user code must not call os._exit; return from the function, or raise",
        )
    return Outcome(code=error.code, message=error.message, hint=error.hint)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # the real-time signals have no names
        return f"signal {number}"


def write_failure(outcome: Outcome, failure_file: Path) -> None:
    """Write why the job failed where SageMaker and Kubernetes look for it.

    A job that is to be retried finds no failure of an earlier attempt: success removes the file.

    Raises:
        OSError: the failure file cannot be written.
    """
    if outcome.code == 0:
        with contextlib.suppress(OSError):
            failure_file.unlink()
        return
    text = redact(f"{outcome.message}\n{outcome.hint} (exit code {outcome.code})")
    # A message may quote a file name that is no text.
    content = text[:FAILURE_CHARACTERS].encode("utf-8", "replace")
    if os.access(TERMINATION_LOG, os.W_OK):
        with contextlib.suppress(OSError):
            TERMINATION_LOG.write_bytes(content)
    failure_file.parent.mkdir(exist_ok=True)
    failure_file.write_bytes(content)


def announce(outcome: Outcome) -> str:
    """Return the line by which the job's process tells the supervisor how the job ended.

    It goes past `logging`, which user code may have reconfigured or silenced.
    """
    return json.dumps({"outcome": dataclasses.asdict(outcome)}) + "\n"


def read_announcement(record: Mapping[str, Any]) -> Outcome | None:
    """Return the outcome that a line announces; None for a log record, which has other fields."""
    return Outcome(**record["outcome"]) if record.keys() == {"outcome"} else None
