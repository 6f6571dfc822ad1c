"""Every way a job can fail, and the exit code that says so.

Raise these anywhere; `outcome` turns them into an exit code, `output/failure` and a last log line.
Kubeflow retries 128 and above and AWS Batch matches ``14*``, so a code also says whether the same
job, started again, may do better.
"""

from __future__ import annotations

from typing import ClassVar


class JobError(Exception):
    """A failure with a name: what is wrong and where, and how to mend it.

    Attributes:
        code: the process's exit code.
        message: what is wrong, beginning with the most useful words.
        hint: what to do about it.
    """

    code: ClassVar[int]

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(JobError):
    """The command line, a MODELMAKER_* variable or the installation is not one we can run."""

    code = 2


class ParametersError(JobError):
    """The parameters are missing, unreadable or invalid."""

    code = 10


class DatasetError(JobError):
    """The dataset is missing, unreadable or empty."""

    code = 11


class UserCodeInvalidError(JobError):
    """The user's module does not load, or a function is missing or has the wrong signature."""

    code = 20


class UserCodeFailedError(JobError):
    """The user's code raised while it ran."""

    code = 21


class ContradictionError(JobError):
    """The scheduler's environment contradicts itself or what the job finds on the machine."""

    code = 30


class ExportError(JobError):
    """The SavedModel could not be written, checked or put in place."""

    code = 40


class PlatformError(JobError):
    """A passing failure of the platform: no space, storage unavailable, a peer lost."""

    code = 138


class StoppedError(JobError):
    """The job was asked to stop, and what it had done is safe.

    Attributes:
        signal_number: the signal that asked, SIGTERM or SIGINT.
    """

    def __init__(self, message: str, *, hint: str, signal_number: int) -> None:
        super().__init__(message, hint=hint)
        self.signal_number = signal_number

    @property
    def code(self) -> int:  # type: ignore[override]  # fixed by the signal, not by the class
        """143 for SIGTERM, 130 for SIGINT, as every shell has it."""
        return 128 + self.signal_number


def error_of(code: int, message: str, hint: str) -> JobError:
    """Return the error that another process of this machine raised.

    Args:
        code: its exit code, that of one of the classes.
        message: as of JobError.
        hint: likewise.
    """
    classes = {one.__dict__.get("code"): one for one in JobError.__subclasses__()}
    return classes[code](message, hint=hint)
