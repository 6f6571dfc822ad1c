"""Take what looks like a secret out of anything that is about to be logged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_NAMES_OF_SECRETS = (
    r"(?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|private[_-]?key|credentials?|authorization|auth)"
)
# The word has to stand alone between separators: `max_tokens` and `authors` are no secrets.
_SECRET_NAME = re.compile(rf"(?:^|[_\-.\s]){_NAMES_OF_SECRETS}(?:$|[_\-.\s])", re.IGNORECASE)

_SECRET_TEXTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",  # AWS access key id
        r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",  # JSON web token
        r"\b(?:gh[pousr]|github_pat|glpat|hf|sk|xox[abp])[_-][\w-]{16,}",  # service tokens
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
        r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",  # user:password@ in a URI
        r"(?i)(?<=bearer )[\w.~+/-]{8,}=*",
        r"(?i)(?<=x-amz-signature=)[0-9a-f]+|(?<=x-amz-security-token=)[^&\s]+",
    )
)
_ASSIGNMENT = re.compile(
    rf"(?i)((?:^|(?<=[^A-Za-z0-9])){_NAMES_OF_SECRETS}[\"']?\s*[:=]\s*[\"']?)([^\s\"',;&}}]{{4,}})"
)


def redact(text: str) -> str:
    """Return the text with everything that looks like a secret masked."""
    for pattern in _SECRET_TEXTS:
        text = pattern.sub(MASK, text)
    return _ASSIGNMENT.sub(rf"\1{MASK}", text)


def redact_value(value: Any, name: str = "") -> Any:
    """Return a JSON-like value with its secrets masked, by what they are called or look like.

    Args:
        value: a string, number, list or mapping; anything else is returned as it is.
        name: what the value is called where it stands. Numbers are never secret.
    """
    if isinstance(value, str):
        return MASK if value and _SECRET_NAME.search(name) else redact(value)
    if isinstance(value, Mapping):
        return {key: redact_value(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(item, name) for item in value]
    return value
