"""Files that go up in parts, which several lanes send at a time."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from entrypoint.storage import s3
from entrypoint.storage.items import MIB, Parcel, Part
from entrypoint.storage.uris import S3Uri

# A larger file goes up in parts,
CUT_BYTES = 32 * MIB
# of this size, or so large that they are not too many.
PART_BYTES = 8 * MIB
MAX_PARTS = 10_000


class Upload:
    """A file that goes up in parts; nobody sees anything of it before all are there.

    Args:
        client: begins, completes and aborts it.
        file: the file.
        uri: what it becomes.
        size: of the file in bytes.

    Raises:
        ContradictionError: the job may not write there.
        PlatformError: the storage cannot be reached, or fails.
    """

    def __init__(self, client: Any, file: Path, uri: S3Uri, size: int) -> None:
        self._client = client
        self._uri = uri
        self._size = size
        self._done: list[dict[str, Any]] = []
        self._is_open = True
        with s3.explained(uri, "write", rights=s3.WRITE_RIGHTS):
            begun = client.create_multipart_upload(
                Bucket=uri.bucket, Key=uri.key, **s3.checksum_of(client)
            )
        self._id: str = begun["UploadId"]
        least = -(-size // MAX_PARTS)
        step = max(PART_BYTES, -(-least // MIB) * MIB)
        self.parcels = [
            Parcel(file, uri, Part(self._id, number, start, min(step, size - start)))
            for number, start in enumerate(range(0, size, step), 1)
        ]

    def take(self, part: dict[str, Any]) -> None:
        """Note what has gone up, and complete the object once all has.

        Args:
            part: what S3 says of it.

        Raises:
            ContradictionError, PlatformError: as above.
        """
        self._done.append(part)
        if len(self._done) == len(self.parcels):
            self._complete()

    def _complete(self) -> None:
        parts = sorted(self._done, key=lambda part: int(part["PartNumber"]))
        where = {"Bucket": self._uri.bucket, "Key": self._uri.key}
        with s3.explained(self._uri, "write", rights=s3.WRITE_RIGHTS):
            try:
                self._client.complete_multipart_upload(
                    **where, UploadId=self._id, MultipartUpload={"Parts": parts}
                )
            except self._client.exceptions.NoSuchUpload:
                # An answer that was lost: the request before this one has completed it.
                if self._client.head_object(**where)["ContentLength"] != self._size:
                    raise
        self._is_open = False

    def abort(self) -> None:
        """Have S3 throw away what has gone up of it, unless it is complete."""
        if self._is_open:
            with contextlib.suppress(*s3.ERRORS, ClientError):
                self._client.abort_multipart_upload(
                    Bucket=self._uri.bucket, Key=self._uri.key, UploadId=self._id
                )
