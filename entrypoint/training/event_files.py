"""Keep TensorBoard's event files out of the checkpoints.

Estimator writes them into its model_dir. Checkpoints are what a platform copies and restores;
event files belong to the output.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorflow.python.summary.writer.writer_cache import FileWriterCache


@contextlib.contextmanager
def event_files_in(tensorboard_dir: Path, instead_of: Path) -> Iterator[None]:
    """Send event files meant for one directory, or for one below it, to another.

    Every summary hook and Estimator itself get their writers from TensorFlow's FileWriterCache,
    so that one place is enough.
    """
    original = FileWriterCache.get

    def get(logdir: Any) -> Any:
        path = Path(logdir)
        if path.is_relative_to(instead_of):
            path = tensorboard_dir / path.relative_to(instead_of)
        return original(str(path))

    FileWriterCache.get = staticmethod(get)
    try:
        yield
    except BaseException:
        # What happened first is what is to be told; closing may fail for the same reason.
        with contextlib.suppress(Exception):
            FileWriterCache.clear()
        raise
    else:
        FileWriterCache.clear()
    finally:
        FileWriterCache.get = staticmethod(original)
