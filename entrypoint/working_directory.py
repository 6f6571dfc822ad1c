"""A current directory in which user code finds its files and may write."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def working_directory(code_dir: Path) -> Iterator[None]:
    """Run in a directory that shows what lies beside the user's module and takes new files.

    The code is often mounted read-only, so this is a directory of its own with links to every
    entry of the code directory: `open("vocabulary.txt")` finds the file beside the module, and
    `open("notes.txt", "w")` leaves nothing among the code. It is removed at the end. Where no
    directory can be made, it is the code directory itself.
    """
    before = Path.cwd()
    with contextlib.ExitStack() as stack:
        try:
            work_dir = Path(stack.enter_context(_temporary_directory()))
            for entry in code_dir.iterdir():
                (work_dir / entry.name).symlink_to(entry)
        except OSError as error:
            logger.debug("no directory to work in: %s", error)
            work_dir = code_dir
        os.chdir(work_dir)
        try:
            yield
        finally:
            os.chdir(before)


def _temporary_directory() -> tempfile.TemporaryDirectory[str]:
    # User code may leave there what cannot be removed; that is no failure of the job.
    return tempfile.TemporaryDirectory(prefix="modelmaker-work-", ignore_cleanup_errors=True)
