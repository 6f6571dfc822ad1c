"""Take what looks like a secret out of anything that is about to be logged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

# A word begins and ends at a separator or where camel case changes: `max_tokens`, `authors` and
# `tokenizer` are no secrets, `dbPassword` is one.
_START = r"(?:^|(?<=[^A-Za-z0-9])|(?<=[a-z0-9])(?=[A-Z]))"
_WORD = (
    r"(?i:pass(?:words?|wd|phrase)?|pwd|token|credentials?|authorization|auth"
    r"|(?:api|access|account|private|secret)[_.-]?keys?(?:[_.-]?id)?|secrets?)"
)
_END = r"\d*(?:$|(?=[^A-Za-z0-9])|(?<=[a-z])(?=[A-Z]))"
_SECRET_NAME = re.compile(_START + _WORD + _END)

_SECRET_TEXTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",  # AWS access key id
        r"\bAIza[\w-]{35}",  # Google API key
        r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",  # JSON web token
        r"\b(?:gh[pousr]|github_pat|glpat|hf|sk|xox[abp])[_-][\w-]{16,}",  # service tokens
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
        r"(?<=://)[^/?#\s:@\"']*:[^/?#\s\"']+(?=@)",  # user:password@ in a URI
        r"(?i)(?<=bearer )[\w.~+/-]{8,}=*",
        r"(?i)(?<=authorization: basic )[\w+/]+=*",
        r"(?i)(?<=x-amz-signature=)[0-9a-f]+|(?<=x-amz-security-token=)[^&\s]+",
        r"(?i)(?<=[?&]sig=)[^&\s]+",  # a signed Azure URI
    )
)
# NAME=VALUE, NAME: VALUE and "NAME": "VALUE", also where the quotes are escaped once more.
_ASSIGNMENT = re.compile(
    _START
    + rf"(?P<name>{_WORD}\\*[\"']?\s*[:=]\s*\\*)"
    + r"(?:\"[^\"\n]+\"|'[^'\n]+'|[^\s\"',;&}]{4,})"
)


def redact(text: str) -> str:
    """Return the text with everything that looks like a secret masked."""
    for pattern in _SECRET_TEXTS:
        text = pattern.sub(MASK, text)
    return _ASSIGNMENT.sub(rf"\g<name>{MASK}", text)


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
