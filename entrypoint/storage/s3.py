"""Read objects of S3, or of a server that speaks as S3 does (AWS_ENDPOINT_URL), through boto3.

Credentials come by boto3's own chain: environment, profile, web identity, instance role.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from entrypoint.errors import ContradictionError, PlatformError

SCHEME = "s3://"

# What S3 answers where trying again helps nothing, with what to do.
_REFUSALS = {
    "AccessDenied": "let the job's role list and read it (s3:ListBucket, s3:GetObject)",
    "ExpiredToken": "give the job credentials that are still valid",
    "InvalidAccessKeyId": "correct AWS_ACCESS_KEY_ID, or leave it out to use the job's role",
    "NoSuchBucket": "correct the bucket's name",
    "PermanentRedirect": "set AWS_REGION to the bucket's region",
    "RequestTimeTooSkewed": "set the machine's clock",
    "SignatureDoesNotMatch": "correct AWS_SECRET_ACCESS_KEY",
}


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object under a URI.

    Attributes:
        bucket: its bucket.
        key: its key in the bucket.
        modified: when it was written, in seconds since 1970.
    """

    bucket: str
    key: str
    modified: float


def list_objects(uri: str) -> list[StoredObject]:
    """Return the objects whose keys begin with a URI's path.

    Raises:
        ContradictionError: the bucket is not there, or the job may not read it.
        PlatformError: the storage cannot be reached, or fails.
    """
    bucket, _, prefix = uri.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise ContradictionError(f"{uri} names no bucket", hint="write s3://BUCKET/PATH")
    with _explained(uri):
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [
            StoredObject(
                bucket=bucket, key=found["Key"], modified=found["LastModified"].timestamp()
            )
            for page in pages
            for found in page.get("Contents", ())
        ]


def download(stored: StoredObject, file: Path) -> None:
    """Bring one object to a file, whose directory is made where it is missing.

    Raises:
        ContradictionError, PlatformError: as of `list_objects`.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with _explained(f"{SCHEME}{stored.bucket}/{stored.key}"):
        _client().download_file(stored.bucket, stored.key, str(file))


def _client() -> Any:
    return boto3.client("s3")


@contextlib.contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Turn what boto3 raises into a typed error that names the URI."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise ContradictionError(
            f"cannot read {uri}: the job has no credentials",
            hint="run it with a role that may read the bucket, or set AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY",
        ) from error
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        # A download asks for the object's head first, whose errors have a number alone.
        hint = _REFUSALS.get({"403": "AccessDenied", "301": "PermanentRedirect"}.get(code, code))
        if hint is None:
            raise PlatformError(
                f"cannot read {uri}: {error}", hint="start the job again when the storage answers"
            ) from error
        raise ContradictionError(f"cannot read {uri}: {error}", hint=hint) from error
    except BotoCoreError as error:
        raise PlatformError(
            f"cannot read {uri}: {error}",
            hint="look at the network and at AWS_ENDPOINT_URL, and start the job again",
        ) from error
