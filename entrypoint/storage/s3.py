"""Speak with S3, or with a server that speaks as S3 does (AWS_ENDPOINT_URL), through boto3.

Credentials come by boto3's own chain: environment, profile, web identity, instance role.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions as aws
from boto3.exceptions import Boto3Error
from botocore.config import Config
from s3transfer.exceptions import S3DownloadFailedError, S3ValidationError

from entrypoint.errors import ContradictionError, JobError, PlatformError
from entrypoint.storage.keys import ARCHIVED_CLASSES, Listed
from entrypoint.storage.parts import is_plain
from entrypoint.storage.uris import S3Uri

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
# Of one request; what goes on failing is tried again by `retries`.
MAX_ATTEMPTS = 5
# Between the later ones boto3 rests 0 to 20 s, by chance.
_LATER_REST_SECONDS = 10.0
# One for each object or part that is on its way, and a few for requests beside them.
MAX_CONNECTIONS = 64

# What a request, or reading its answer, raises because of the storage or the way to it.
ERRORS = (
    aws.BotoCoreError,
    aws.ClientError,
    aws.HTTPClientError,
    Boto3Error,
    S3DownloadFailedError,
    S3ValidationError,
    ConnectionError,
    TimeoutError,
)
# The rest of an answer's body does not come, or is not what the storage says of it.
_BROKEN_BODY = (
    aws.FlexibleChecksumError,
    aws.IncompleteReadError,
    aws.ReadTimeoutError,
    aws.ResponseStreamingError,
)
_FIRST_REST_SECONDS = 0.25
# How many keys are looked at to say what may have been meant.
_MOST_NEARBY = 1000
_NO_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.ProfileNotFound,
    aws.NoAuthTokenError,
    aws.TokenRetrievalError,
    aws.UnauthorizedSSOTokenError,
    aws.RefreshWithMFAUnsupportedError,
)
# What S3 answers where trying again helps nothing, with what to do.
_REFUSALS = {
    "AccessDenied": "let the job's role {rights}",
    "AllAccessDisabled": "ask the bucket's owner; all access to it is switched off",
    "AuthorizationHeaderMalformed": "set AWS_REGION to the bucket's region",
    "EntityTooLarge": "split the file, or use a storage that takes objects of its size",
    "ExpiredToken": "give the job credentials that are still valid",
    "InvalidAccessKeyId": "correct AWS_ACCESS_KEY_ID, or leave it out to use the job's role",
    "InvalidBucketName": "correct the bucket's name",
    "InvalidObjectState": "restore it from the archive first",
    "InvalidToken": "correct AWS_SESSION_TOKEN, or leave it out where the key needs none",
    "MethodNotAllowed": "look at the bucket's policy and at AWS_ENDPOINT_URL",
    "NoSuchBucket": "correct the bucket's name, or AWS_ENDPOINT_URL where it is another server's",
    "PermanentRedirect": "set AWS_REGION to the bucket's region",
    "RequestTimeTooSkewed": "set the machine's clock",
    "SignatureDoesNotMatch": "correct AWS_SECRET_ACCESS_KEY",
}
# What S3 answers of an object that is another one, or gone, since it was listed.
_CHANGES = {"PreconditionFailed", "NoSuchKey", "404"}
# An answer to HEAD has no body, so that its errors have a number alone.
_BY_STATUS = {"301": "PermanentRedirect", "307": "PermanentRedirect", "403": "AccessDenied"}
READ_RIGHTS = "list and read it (s3:ListBucket, s3:GetObject)"
WRITE_RIGHTS = (
    "list it, write to it and clean up in it (s3:ListBucket, s3:PutObject, s3:DeleteObject)"
)


def connect(*, timeout_seconds: float, retry_seconds: float = 0) -> Any:
    """Return a boto3 client that tries again with backoff, and says so each time.

    Args:
        timeout_seconds: silence for so long ends a connection.
        retry_seconds: how long a request that fails is tried again, about; with 0 a few times.

    Raises:
        ContradictionError: what the environment says of S3 contradicts itself.
    """
    attempts = MAX_ATTEMPTS + round(retry_seconds / _LATER_REST_SECONDS)
    config = Config(
        connect_timeout=min(CONNECT_SECONDS, timeout_seconds),
        read_timeout=timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=MAX_CONNECTIONS,
        # s3transfer overrides a range that it is given where this is not so.
        response_checksum_validation="when_supported",
        tcp_keepalive=True,
    )
    try:
        client = boto3.session.Session().client("s3", config=config)
    except (ValueError, aws.BotoCoreError) as error:
        raise ContradictionError(
            f"cannot use S3: {error}",
            hint="look at AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE and the files they name",
        ) from error
    client.meta.events.register_first("needs-retry.s3", _Retries.note_cause)
    _Retries.watch()
    return client


def list_below(client: Any, uri: S3Uri) -> list[Listed]:
    """Return the objects below a URI; where there are none, what has a key that begins like its.

    That is the one object that the URI may name, or what it may be a misspelling of.

    Raises:
        ContradictionError: the bucket is not there, or the job may not list it.
        PlatformError: the storage cannot be reached, or fails.
    """
    below = list_objects(client, uri, uri.directory_prefix)
    return below or list_objects(client, uri, uri.key, most=_MOST_NEARBY)


def list_objects(client: Any, uri: S3Uri, prefix: str, *, most: int | None = None) -> list[Listed]:
    """Return the objects of a bucket whose keys begin with a prefix.

    Args:
        client: what `connect` returns.
        uri: a place in the bucket, for messages.
        prefix: what the keys begin with.
        most: how many are enough.

    Raises:
        ContradictionError: the bucket is not there, or the job may not list it.
        PlatformError: the storage cannot be reached, or fails.
    """
    listed = _list(client, uri, Prefix=prefix, PaginationConfig={"MaxItems": most})
    if any(one.storage_class in ARCHIVED_CLASSES for one in listed):
        # Which of them have been restored is told only to who asks.
        attributes = ["RestoreStatus"]
        return _list(client, uri, Prefix=prefix, OptionalObjectAttributes=attributes)
    return listed


def _list(client: Any, uri: S3Uri, **how: Any) -> list[Listed]:
    with explained(uri, "list"):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=uri.bucket, **how)
        return [
            Listed(
                key=found["Key"],
                size=found["Size"],
                etag=found["ETag"],
                storage_class=found.get("StorageClass"),
                is_restored=found.get("RestoreStatus", {}).get("IsRestoreInProgress") is False,
                modified=found["LastModified"].timestamp(),
            )
            for page in pages
            for found in page.get("Contents", ())
        ]


def has_object(client: Any, uri: S3Uri) -> bool:
    """Tell whether there is an object of exactly this key.

    Raises:
        ContradictionError, PlatformError: as of `list_objects`.
    """
    return any(listed.key == uri.key for listed in list_objects(client, uri, uri.key))


def read_object(client: Any, uri: S3Uri, *, max_bytes: int) -> bytes | None:
    """Return the content of a small object, None where there is none.

    Raises:
        ContradictionError: it is larger than `max_bytes`, or the job may not read it.
        PlatformError: the storage cannot be reached, or fails.
    """
    with explained(uri, "read"):
        try:
            content = _read_whole(client, uri, max_bytes)
        except client.exceptions.NoSuchKey:
            return None
    if len(content) > max_bytes:
        raise ContradictionError(
            f"{uri} has more than {max_bytes // 1024} KiB", hint="name the right object"
        )
    return content


def _read_whole(client: Any, uri: S3Uri, max_bytes: int) -> bytes:
    """Read an object, or a little more than `max_bytes`; again, as long as it breaks off."""
    for tries in range(1, MAX_ATTEMPTS + 1):
        answer = client.get_object(Bucket=uri.bucket, Key=uri.key)
        try:
            content: bytes = answer["Body"].read(max_bytes + 1)
            if len(content) > max_bytes:
                return content
            answer["Body"].read(1)  # at the end, botocore looks at lengths and checksums
            if _is_right(content, answer):
                return content
            cause = "what came is not what its ETag says"
        except _BROKEN_BODY as error:
            cause = str(error)
        if tries < MAX_ATTEMPTS:
            extra = {"event": "storage_retry"}
            logger.warning("S3 GetObject of %s is tried again: %s", uri, cause, extra=extra)
            time.sleep(_FIRST_REST_SECONDS * 2 ** (tries - 1))
    raise PlatformError(
        f"cannot read {uri}, {MAX_ATTEMPTS} times: {cause}",
        hint="look at what is between this machine and the storage, and at the object",
    )


def _is_right(content: bytes, answer: Mapping[str, Any]) -> bool:
    """Tell whether content is what the ETag of an answer says, as far as that can be told."""
    etag = str(answer.get("ETag", "")).strip('"').lower()
    if is_encrypted(answer) or not is_plain(etag):
        return True
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == etag


def is_encrypted(answer: Mapping[str, Any]) -> bool:
    """Tell of an object, as HEAD or GET answer, whether its ETag looks like an MD5 and is none."""
    encryption = str(answer.get("ServerSideEncryption", ""))
    return encryption.startswith("aws:kms") or "SSECustomerAlgorithm" in answer


def download(client: Any, bucket: str, key: str, file: Path) -> None:
    """Bring one object to a file, whose directory is made where it is missing.

    Raises:
        ContradictionError: the job may not read it.
        PlatformError: there is no such object any more; the storage cannot be reached, or fails.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with explained(S3Uri(bucket, key), "read"):
        client.download_file(bucket, key, str(file))


def checksum_of(client: Any) -> dict[str, str]:
    """Return what has S3 check what is uploaded in parts, unless the environment waives that."""
    waived = client.meta.config.request_checksum_calculation == "when_required"
    return {} if waived else {"ChecksumAlgorithm": "CRC32"}


def require_writable(client: Any, uri: S3Uri) -> None:
    """Make sure that the job may write below a URI, without leaving anything there.

    Raises:
        ContradictionError: it may not.
        PlatformError: the storage cannot be reached, or fails.
    """
    key = f"{uri.directory_prefix}.modelmaker-probe"
    with explained(uri, "write to", rights=WRITE_RIGHTS):
        upload = client.create_multipart_upload(Bucket=uri.bucket, Key=key)["UploadId"]
        with contextlib.suppress(aws.ClientError):  # S3 shows nobody what was not completed
            client.abort_multipart_upload(Bucket=uri.bucket, Key=key, UploadId=upload)


@contextlib.contextmanager
def explained(uri: S3Uri | str, doing: str, *, rights: str = READ_RIGHTS) -> Iterator[None]:
    """Turn what boto3 raises into a typed error that names the URI.

    Args:
        uri: what is read or written.
        doing: what cannot be done then, "read" or the like.
        rights: what a role has to be allowed.

    Raises:
        ContradictionError: nothing changes by trying again.
        PlatformError: it may.
    """
    try:
        yield
    except ERRORS as error:
        raise explain(error, uri, doing, rights=rights) from error


def explain(
    error: Exception, uri: S3Uri | str, doing: str, *, rights: str = READ_RIGHTS
) -> JobError:
    """Return the typed error for one of boto3's; see `explained`."""
    if is_changed(error):
        return PlatformError(
            f"cannot {doing} {uri}: it has changed, or is gone, since it was listed",
            hint="start the job again when nobody writes there",
        )
    said = f"cannot {doing} {uri}: {error}"
    if isinstance(error, _NO_CREDENTIALS):
        return ContradictionError(
            f"cannot {doing} {uri}: the job has no usable credentials ({error})",
            hint=f"run it with a role that may {rights}, or set AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY",
        )
    if isinstance(error, aws.ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        code = _BY_STATUS.get(code, code)
        hint = _REFUSALS.get(code)
        if hint is None:
            return PlatformError(said, hint="start the job again when the storage answers")
        region = _region_of(error)
        if region and "AWS_REGION" in hint:
            hint = f"set AWS_REGION={region}, the bucket's region"
        return ContradictionError(said, hint=hint.format(rights=rights))
    if isinstance(error, aws.ParamValidationError | aws.InvalidRegionError):
        return ContradictionError(said, hint="correct the URI, AWS_REGION or AWS_ENDPOINT_URL")
    return PlatformError(
        said, hint="look at the network and at AWS_ENDPOINT_URL, and start the job again"
    )


def is_changed(error: Exception) -> bool:
    """Tell whether an object is another one, or gone, since it was listed."""
    if isinstance(error, aws.ClientError):
        return str(error.response.get("Error", {}).get("Code", "")) in _CHANGES
    return isinstance(error, S3DownloadFailedError)  # s3transfer's for "PreconditionFailed"


def _region_of(error: aws.ClientError) -> str | None:
    """Return the bucket's region, where an answer names it."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region: str | None = headers.get("x-amz-bucket-region")
    return region or error.response.get("Error", {}).get("Region")


class _Retries(logging.Handler):
    """Says, once each, that a request or the rest of an answer is asked for again.

    Whether it will be is known only to what decides it, and that only writes it into its debugging
    log (botocore/retries/standard.py, s3transfer/download.py).
    """

    _causes = threading.local()

    @classmethod
    def note_cause(cls, **event: Any) -> None:
        """Keep what has gone wrong until it is decided what comes of it."""
        cause = event.get("caught_exception")
        if cause is None and event.get("response"):
            http, parsed = event["response"]
            refusal = parsed.get("Error", {})
            cause = f"{http.status_code} {refusal.get('Code', '')}: {refusal.get('Message', '')}"
        cls._causes.last = (event["operation"].name, cause)

    def emit(self, record: logging.LogRecord) -> None:
        """Log a warning for what says that something is tried again."""
        said = str(record.msg)
        arguments = record.args if isinstance(record.args, tuple) else ()
        if said.startswith("Retry needed, retrying"):
            operation, cause = getattr(self._causes, "last", ("a request", "it failed"))
        elif said.startswith("Retrying exception caught"):
            operation, cause = "GetObject", arguments[0] if arguments else "it broke off"
        else:
            return
        logger.warning(
            "S3 %s is tried again: %s", operation, cause, extra={"event": "storage_retry"}
        )

    @classmethod
    def watch(cls) -> None:
        """Listen to what decides, once."""
        for name in ("botocore.retries.standard", "s3transfer.download"):
            source = logging.getLogger(name)
            if not any(isinstance(handler, cls) for handler in source.handlers):
                source.setLevel(logging.DEBUG)
                source.propagate = False
                source.addHandler(cls())
