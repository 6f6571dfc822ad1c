"""s3:// URIs, as MODELMAKER_*_URI variables give them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from entrypoint.errors import UsageError

SCHEME = "s3://"
# "Creating object key names" in Amazon S3's user guide.
MAX_KEY_BYTES = 1024

_SCHEME_GIVEN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,19}(?=:)")
# What boto3 takes as a Bucket (VALID_BUCKET and VALID_S3_ARN in botocore.handlers): names after
# today's rules, older ones, those of other servers, aliases of access points, and ARNs. An ARN
# has a slash inside.
_BUCKET = re.compile(r"[a-zA-Z0-9._-]{1,255}")
_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:s3|s3-object-lambda):[a-z0-9-]*:[0-9]{12}:accesspoint[/:][a-zA-Z0-9.-]{1,63}"
    r"|arn:aws[a-z-]*:s3-outposts:[a-z0-9-]+:[0-9]{12}:outpost[/:][a-zA-Z0-9-]{1,63}"
    r"[/:]accesspoint[/:][a-zA-Z0-9-]{1,63}"
)


@dataclass(frozen=True)
class S3Uri:
    """A place in S3: one object, or everything below a key.

    Attributes:
        bucket: a bucket's name, or what boto3 takes in its place (an access point's ARN or alias).
        key: the key as it is, never percent-encoded, without a slash that closes it; "" is the
            whole bucket.
        is_directory: the URI was written with a slash at its end, so it is no single object.
    """

    bucket: str
    key: str
    is_directory: bool = False

    def __str__(self) -> str:
        slash = "/" if self.is_directory and self.key else ""
        return f"{SCHEME}{self.bucket}/{self.key}{slash}"

    def child(self, name: str) -> S3Uri:
        """Return what lies below this under a name, which may have slashes inside."""
        return S3Uri(self.bucket, f"{self.directory_prefix}{name}")

    @property
    def directory_prefix(self) -> str:
        """What the keys of all objects below this begin with: "data/", or "" for a bucket."""
        return f"{self.key}/" if self.key else ""


def parse_uri(text: str, *, name: str) -> S3Uri:
    """Read an s3:// URI.

    What may be a secret (of s3://ID:SECRET@bucket, or of a signed https URL) is never quoted.

    Args:
        text: what the variable holds.
        name: the variable's name, for messages.

    Raises:
        UsageError: it is not s3://BUCKET or s3://BUCKET/KEY with names that S3 allows.
    """
    if not text.startswith(SCHEME):
        raise _wrong_scheme(text, name)
    bucket, key = _split(text.removeprefix(SCHEME), name)
    hint = f"write {SCHEME}{bucket}/PATH, with PATH as the console shows it"
    try:
        key_bytes = len(key.encode())
    except UnicodeEncodeError:
        raise UsageError(f"{name}: the key {key!r} is not UTF-8 text", hint=hint) from None
    if key_bytes > MAX_KEY_BYTES:
        raise UsageError(
            f"{name}: the key has {key_bytes:,} bytes; S3 allows {MAX_KEY_BYTES:,}", hint=hint
        )
    if any(unicodedata.category(character) == "Cc" for character in key):
        raise UsageError(f"{name}: the key {key!r} has a control character", hint=hint)
    if key.startswith("/"):
        raise UsageError(
            f"{name}: the key {key!r} begins with a slash",
            hint=f"write {SCHEME}{bucket}/{key.lstrip('/')}",
        )
    dots = {".", ".."}.intersection(key.split("/"))
    if dots:
        raise UsageError(
            f"{name}: the key {key!r} has a part {min(dots)!r}, which means nothing in S3",
            hint=f"write {SCHEME}{bucket}/PATH without it",
        )
    return S3Uri(bucket, key.removesuffix("/"), is_directory=key.endswith("/") or not key)


def _wrong_scheme(text: str, name: str) -> UsageError:
    given = _SCHEME_GIVEN.match(text)
    if not text:
        found = "is empty"
    elif given is None:
        found = "is no URI"
    elif given[0] == "s3":
        found = "does not begin with s3:// (two slashes)"
    else:
        found = f"has the scheme {given[0]}, not s3"
    return UsageError(f"{name} {found}", hint=f"set {name}=s3://BUCKET/PATH, or leave it out")


def _split(rest: str, name: str) -> tuple[str, str]:
    """Divide a URI after its scheme into the bucket and the key."""
    arn = _ARN.match(rest)
    if arn is not None and rest[arn.end() : arn.end() + 1] in {"", "/"}:
        return arn[0], rest[arn.end() + 1 :]
    bucket, _, key = rest.partition("/")
    hint = f"set {name}=s3://BUCKET/PATH"
    if not bucket:
        raise UsageError(f"{name} names no bucket", hint=hint)
    if bucket.startswith("arn:"):
        raise UsageError(
            f"{name} holds an ARN that is no access point's",
            hint=f"{hint}, with the bucket's name or arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME",
        )
    if "@" in rest and ":" in bucket:
        raise UsageError(
            f"{name} seems to hold credentials",
            hint=f"{hint}, and give the credentials as AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY, or give the job a role",
        )
    if ":" in bucket or "@" in bucket:
        raise UsageError(f"{name}: a bucket's name has no ':' and no '@'", hint=hint)
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(f"{name}: {bucket!r} is no bucket's name", hint=hint)
    return bucket, key
