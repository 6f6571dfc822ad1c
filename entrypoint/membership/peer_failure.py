"""What a task's end means to the others."""

from __future__ import annotations

from entrypoint.errors import JobError, PlatformError

RETRY_HINT = "start the same job again; it goes on from the newest checkpoint"
# Kubeflow's ExitCode policy retries these codes and gives up at any other:
# https://www.kubeflow.org/docs/components/trainer/legacy-v1/user-guides/tensorflow/
FIRST_RETRYABLE_CODE = 128


class PeerFailedError(JobError):
    """Another task of the job failed for good, so this one ends as that one did.

    Were this a passing failure instead, a scheduler would start a job again that cannot succeed.
    """

    def __init__(self, message: str, *, hint: str, code: int) -> None:
        super().__init__(message, hint=hint)
        self._code = code

    @property
    def code(self) -> int:  # type: ignore[override]  # fixed by the peer, not by the class
        """The exit code of the task that failed, 1 to 127."""
        return self._code


def peer_ended(task: str, code: int, message: str, hint: str) -> JobError:
    """Return how the others fail when a task of theirs has ended with a code other than 0."""
    if 0 < code < FIRST_RETRYABLE_CODE:
        return PeerFailedError(f"{task} failed: {message}", hint=hint, code=code)
    return PlatformError(f"{task} ended: {message}", hint=RETRY_HINT)


def peer_lost(task: str, address: str, reason: str) -> PlatformError:
    """Return how the others fail when a task is gone without a word."""
    return PlatformError(f"lost {task} ({address}): {reason}", hint=RETRY_HINT)


def shorten(names: list[str], most: int = 10) -> str:
    """Name some tasks, and count the rest."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
