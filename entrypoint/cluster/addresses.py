"""Read host names and "host:port"."""

from __future__ import annotations

import contextlib
import ipaddress
import re

from entrypoint.cluster.checks import MAX_PORT, contradiction, parse_number, shown

# RFC 1035, section 2.3.4, has this length for names and 63 for what is between the dots.
MAX_HOST_CHARACTERS = 253
# Compose names services with underscores.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.ASCII)


def parse_host(text: str, *, where: str) -> str:
    """Return a host: a name, an IPv4 address, or an IPv6 address, in brackets or not.

    Two ways to write one host come back the same: in small letters, an IPv6 address without
    brackets and as short as can be.

    Raises:
        ContradictionError: it is none.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if len(bare) <= MAX_HOST_CHARACTERS:
        if ":" in bare and "%" not in bare:
            with contextlib.suppress(ValueError):
                return str(ipaddress.IPv6Address(bare))
        elif bare == text and _NAME.fullmatch(text):
            return text.lower()
    raise contradiction(f"{where} has {shown(text)}, which is not a host")


def parse_address(text: str, *, where: str) -> tuple[str, int]:
    """Return host and port of "host:port" or "[IPv6 address]:port".

    Raises:
        ContradictionError: it is no such address.
    """
    host, colon, digits = text.rpartition(":")
    port = parse_number(digits)
    # What is left of "::1:2222" is an IPv6 address as well, and nobody knows which was meant.
    if not colon or port is None or not 1 <= port <= MAX_PORT or (":" in host and host[0] != "["):
        raise contradiction(
            f"{where} has {shown(text)}, which is not an address",
            hint=f'write "host:port" with a port of 1 to {MAX_PORT}, '
            'for an IPv6 address "[address]:port"',
        )
    return parse_host(host, where=where), port


def has_port(text: str) -> bool:
    """Tell whether there is more to an address than the host."""
    return ":" in text.rpartition("]")[2]
