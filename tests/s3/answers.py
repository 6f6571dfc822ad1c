"""The errors that S3 answers with, as the proxy gives them in its place.

Source: Amazon S3 API Reference, "Error responses".
"""

from __future__ import annotations

import email.utils
from datetime import datetime, timedelta, timezone
from xml.sax.saxutils import escape

from tests.s3.faults import Fault, Kind
from tests.s3.http_messages import Head

# Status line, code and message.
_ERRORS: dict[Kind, tuple[str, str, str]] = {
    "slow_down": ("503 Slow Down", "SlowDown", "Please reduce your request rate."),
    "internal_error": (
        "500 Internal Server Error",
        "InternalError",
        "We encountered an internal error. Please try again.",
    ),
    "denied": ("403 Forbidden", "AccessDenied", "Access Denied"),
    "skew": (
        "403 Forbidden",
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    ),
    "redirect": (
        "301 Moved Permanently",
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint."
        " Please send all future requests to this endpoint.",
    ),
}
ANSWERED = frozenset(_ERRORS)
_SKEW = timedelta(hours=1)


def error_answer(fault: Fault, path: str) -> tuple[Head, bytes]:
    """Return S3's answer for a fault of ANSWERED, to a request for that "/bucket/key"."""
    status, code, message = _ERRORS[fault.kind]
    now = datetime.now(timezone.utc)
    bucket = path.split("/")[1]
    more = {"Resource": path}
    fields = [("x-amz-request-id", "0123456789ABCDEF"), ("Content-Type", "application/xml")]
    if fault.kind == "skew":
        now += _SKEW
        more |= {"ServerTime": f"{now:%Y-%m-%dT%H:%M:%SZ}", "MaxAllowedSkewMilliseconds": "900000"}
    if fault.kind == "redirect":
        more |= {"Endpoint": f"{bucket}.s3.{fault.region}.amazonaws.com", "Bucket": bucket}
        fields.append(("x-amz-bucket-region", fault.region))
    elements = {"Code": code, "Message": message, **more, "RequestId": "0123456789ABCDEF"}
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in elements.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()
    fields.append(("Date", email.utils.format_datetime(now, usegmt=True)))
    fields.append(("Content-Length", str(len(body))))
    return Head(f"HTTP/1.1 {status}", tuple(fields)), body
