"""Progress and evaluation events: into the log, and into output/data/metrics.jsonl."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

from entrypoint import logs

logger = logging.getLogger(__name__)


class MetricsFile:
    """The file of all progress and evaluation events, one JSON object a line.

    Args:
        file: appended to, so that a resumed job continues it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def record(self, event: str, message: str, **fields: Any) -> None:
        """Log an event and append it to the file.

        Args:
            event: "progress" or "evaluation".
            message: the event in words, for people.
            fields: its figures; NaN and infinities are written as strings.

        Raises:
            OSError: the file cannot be written; carries the file's name.
        """
        logger.info("%s", message, extra={"event": event, **fields})
        record = {"time": logs.format_time(time.time()), "event": event, **fields}
        line = json.dumps(logs.to_json(record), ensure_ascii=False)
        try:
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._file)) from error
