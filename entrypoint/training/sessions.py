"""Do not wait for a TensorFlow session that takes long to close.

Closing a session ends the thread that tunes its input pipeline. In about one close of ten that
thread misses its wake-up, sleeps on until its next turn, up to a minute later, and `Session.close`
waits for it (tensorflow/core/framework/model.cc, OptimizeLoop: the cancellation callback notifies
before `IsCancelled` is true). A job that has to stop within ten seconds cannot wait so long.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

from tensorflow.python.client.session import BaseSession

logger = logging.getLogger(__name__)

# An undisturbed close takes milliseconds.
CLOSE_SECONDS = 1.0


@contextlib.contextmanager
def sessions_close_in_background() -> Iterator[None]:
    """Let every session that is closed meanwhile finish that on a thread of its own.

    The caller goes on after `CLOSE_SECONDS` at the latest. The thread keeps the session alive until
    it has closed and does not keep the process alive.
    """
    original = BaseSession.close

    def close(session: Any) -> None:
        closing = threading.Thread(target=original, args=(session,), daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
        if closing.is_alive():
            logger.debug("a session is still closing; going on without it")

    BaseSession.close = close
    try:
        yield
    finally:
        BaseSession.close = original
