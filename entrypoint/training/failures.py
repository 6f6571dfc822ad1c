"""Tell whose failure it is when TensorFlow raises: the user's, the platform's, or ours."""

from __future__ import annotations

import contextlib
import errno
import re
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from entrypoint.blame import describe, find_place, text_of, user_failure
from entrypoint.errors import DatasetError, JobError, PlatformError, UserCodeFailedError
from entrypoint.outcome import out_of_space

_PACKAGE_DIR = Path(__file__).parents[1]
_UNREADABLE = (tf.errors.NotFoundError, tf.errors.PermissionDeniedError, tf.errors.DataLossError)
_UNREACHABLE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
# What the machines on which nothing has failed say when a step fails on another one.
_ABORTED_ELSEWHERE = "Collective ops is aborted by"
# For the news of a lost machine to go round.
PEER_GRACE_SECONDS = 5.0
# What TensorFlow's Saver says when names or shapes of variables differ.
_RESTORE_FAILED = "Restoring from checkpoint failed"
_NO_SPACE = ("No space left on device", "Disk quota exceeded")


@contextlib.contextmanager
def explain_failures(
    during: str,
    *,
    code_dir: Path,
    dataset_dir: Path,
    writes_to: Path,
    peer_timeout_seconds: float | None = None,
) -> Iterator[None]:
    """Turn what TensorFlow raises into a typed error.

    Args:
        during: what the job is doing, "training", "evaluation" or "export".
        code_dir: where the user's lines are.
        dataset_dir: where the dataset is, to tell a file of it that cannot be read.
        writes_to: what the job writes to meanwhile, to describe a full disk where no file is named.
        peer_timeout_seconds: after how much silence another machine counts as lost; None without
            other machines.

    Raises:
        PlatformError: the disk is full, or another machine cannot be reached.
        DatasetError: a file of the dataset is missing, unreadable or damaged.
        UserCodeFailedError: everything else that TensorFlow or the user's code raised.
        Exception: unchanged, if it was raised by a line of this package.
    """
    try:
        yield
    except JobError:
        raise
    except tf.estimator.NanLossDuringTrainingError as error:
        raise UserCodeFailedError(
            "the loss became NaN during training",
            hint="lower the learning rate, clip gradients, or look for bad values in the data",
        ) from error
    except (Exception, SystemExit) as error:
        if _is_out_of_space(error):
            # TensorFlow's message most often names the file itself.
            named = re.search(r"/[^\s;:,'\"]+", describe(error))
            raise out_of_space(named[0] if named else writes_to) from error
        if isinstance(error, _UNREADABLE) and str(dataset_dir) in text_of(error):
            raise DatasetError(
                f"{during} cannot read the dataset: {describe(error)}",
                hint=f"look for that file under {dataset_dir}, and at who may read it",
            ) from error
        if _RESTORE_FAILED in text_of(error):
            raise UserCodeFailedError(
                f"the checkpoint does not fit this model_fn: {describe(error)}",
                hint="start with empty checkpoints, or restore the layers that they were made with",
            ) from error
        if peer_timeout_seconds is not None:
            _wait_for_news(during, error, peer_timeout_seconds)
        if isinstance(error, tf.errors.ResourceExhaustedError):
            place = find_place(error, code_dir)
            raise UserCodeFailedError(
                f"memory ran out during {during}: {describe(error)}"
                + (f" at {place}" if place else ""),
                hint="use a smaller batch or model, or a GPU with more memory",
            ) from error
        if find_place(error, code_dir) is None and _is_ours(error):
            raise
        raise user_failure(during, error, code_dir) from error


def _wait_for_news(during: str, error: BaseException, peer_timeout_seconds: float) -> None:
    """Wait where another machine may be to blame, if the error looks like that.

    The process that watches the others ends this one as soon as it knows which of them is lost.

    Raises:
        PlatformError: a connection broke, and none of the others is known to be lost.
    """
    if isinstance(error, _UNREACHABLE):
        time.sleep(peer_timeout_seconds + PEER_GRACE_SECONDS)
        raise PlatformError(
            f"{during} lost the connection to another machine: {describe(error)}",
            hint="start the same job again; it goes on from the newest checkpoint",
        ) from error
    if _ABORTED_ELSEWHERE in text_of(error):
        time.sleep(PEER_GRACE_SECONDS)


def _is_out_of_space(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    # TensorFlow has many types for it: the event writer raises a RuntimeError.
    return any(text in text_of(error) for text in _NO_SPACE)


def _is_ours(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(frames[-1].filename).is_relative_to(_PACKAGE_DIR)
