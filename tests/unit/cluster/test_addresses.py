from __future__ import annotations

import pytest

from entrypoint.cluster.addresses import parse_address, parse_host
from entrypoint.errors import ContradictionError


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("worker-1.train.svc", "worker-1.train.svc"),
        ("Worker_1", "worker_1"),
        ("host.", "host."),
        ("10.0.0.1", "10.0.0.1"),
        ("fd00::1", "fd00::1"),
        ("[FD00:0:0::1]", "fd00::1"),
        (".".join(["a" * 63] * 3), ".".join(["a" * 63] * 3)),
    ],
)
def test_a_host_is_a_name_or_a_number(text: str, host: str) -> None:
    assert parse_host(text, where="it") == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        "-a",
        "a-",
        "a b",
        "a\n",
        "a/b",
        "[a]",
        "[]",
        "::1::",
        "fe80::1%eth0",
        "ä",
        "\udcff",
        "a" * 64,
        ".".join(["a" * 63] * 4),
    ],
)
def test_a_host_that_is_none_is_refused(text: str) -> None:
    """Looking such a name up raises, or asks for what the message cannot show."""
    with pytest.raises(ContradictionError, match=r"^it has .* is not a host$"):
        parse_host(text, where="it")


@pytest.mark.parametrize(
    ("text", "address"),
    [("a.b:2222", ("a.b", 2222)), ("10.0.0.1:1", ("10.0.0.1", 1)), ("[::1]:65535", ("::1", 65535))],
)
def test_an_address_is_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text, where="it") == address


@pytest.mark.parametrize(
    "text",
    ["a", "", ":", "a:", ":1", "a:0", "a:65536", "a:x", "a:-1", "a:+1", "a:1 ", "a:٣", "::1:2222",
     "[::1]", "[::1:2222", "grpc://a:1", "a:1:2", "a:" + "1" * 5000],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ContradictionError, match=r"^it has "):
        parse_address(text, where="it")
