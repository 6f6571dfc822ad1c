"""Publish what the job says of itself: metrics, events, the report, why it failed."""

from __future__ import annotations

from pathlib import Path

from entrypoint.storage import s3
from entrypoint.storage.items import Parcel
from entrypoint.storage.transfers import Transfers
from entrypoint.storage.uris import S3Uri

# How often a running job's output is looked through for what is new.
LOOK_SECONDS = 60.0
# Why the job failed: see `Settings.failure_file`.
FAILURE = "failure"
# Every event so far: see `Settings.metrics_file`.
METRICS = "data/metrics.jsonl"


class Output:
    """The output directory, and its copy below a URI.

    Args:
        transfers: moves the files.
        uri: below which they go, by their names in the directory.
        directory: the output directory.
    """

    def __init__(self, transfers: Transfers, uri: S3Uri, directory: Path) -> None:
        self._transfers = transfers
        self._uri = uri
        self._directory = directory
        self._published: dict[Path, tuple[int, int]] = {}

    def go_on(self) -> None:
        """Have the metrics of earlier attempts here, which new ones are added to.

        Raises:
            JobError: they cannot be read.
        """
        client, metrics = self._transfers.client, self._uri.child(METRICS)
        file = self._directory / METRICS
        if not file.exists() and s3.has_object(client, metrics):
            s3.download(client, metrics.bucket, metrics.key, file)

    def publish(self) -> None:
        """Publish every file that has changed since it was published.

        Raises:
            JobError: one cannot be.
        """
        while True:
            changed = {
                file: state
                for file, state in self._look().items()
                if self._published.get(file) != state
            }
            sending = [
                Parcel(file, self._uri.child(str(file.relative_to(self._directory))))
                for file in changed
            ]
            try:
                self._transfers.upload(sending, what="output")
            except FileNotFoundError:  # one that was only there to take the place of another
                continue
            self._published.update(changed)
            return

    def finish(self) -> None:
        """Publish what is left; where this attempt has not failed, no earlier one's failure stays.

        Raises:
            JobError: it cannot be.
        """
        self.publish()
        if (self._directory / FAILURE).exists():
            return
        client, failure = self._transfers.client, self._uri.child(FAILURE)
        if s3.has_object(client, failure):
            with s3.explained(failure, "remove", rights=s3.WRITE_RIGHTS):
                client.delete_object(Bucket=failure.bucket, Key=failure.key)

    def _look(self) -> dict[Path, tuple[int, int]]:
        """Return size and time of change of every file."""
        found = {}
        for file in sorted(self._directory.rglob("*")):
            try:
                if file.is_file():
                    status = file.stat()
                    found[file] = (status.st_size, status.st_mtime_ns)
            except FileNotFoundError:  # replaced just now
                continue
        return found
