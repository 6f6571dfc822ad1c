from __future__ import annotations

import pytest

from entrypoint.cluster.host_ranges import expand
from entrypoint.errors import ContradictionError


def names(stem: str, first: int, last: int) -> list[str]:
    return [f"{stem}{number}" for number in range(first, last + 1)]


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("localhost", ["localhost"]),
        ("n2,n10,login", ["n2", "n10", "login"]),
        ("n[2-11]", names("n", 2, 11)),
        ("n[7,3,5]", ["n7", "n3", "n5"]),
        ("n[09-11]", ["n09", "n10", "n11"]),
        ("n[0008]", ["n0008"]),
        ("n[1-3,7,09-11]", ["n1", "n2", "n3", "n7", "n09", "n10", "n11"]),
        ("n[1-2]-ib", ["n1-ib", "n2-ib"]),
        ("[1-2]", ["1", "2"]),
        ("rack[1-2]n[01-02]", ["rack1n01", "rack1n02", "rack2n01", "rack2n02"]),
        (
            "n[1-2],gpu[01-02]-rack[1-2]",
            ["n1", "n2", "gpu01-rack1", "gpu01-rack2", "gpu02-rack1", "gpu02-rack2"],
        ),
    ],
)
def test_a_list_expands_in_the_order_of_slurm(text: str, hosts: list[str]) -> None:
    assert expand(text, where="it") == hosts


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'', which is not a host or a range"),
        ("a,,b", "'', which is not a host or a range"),
        ("a,", "'', which is not a host or a range"),
        ("n[1-2", "which is not a host or a range"),
        ("n1-2]", "which is not a host or a range"),
        ("n[[1]]", "which is not a host or a range"),
        ("n[]", "'' is no range"),
        ("n[1,]", "'' is no range"),
        ("n[a-b]", "'a-b' is no range"),
        ("n[1-2-3]", "'1-2-3' is no range"),
        ("n[²]", "is no range"),
        ("n[1-1234567890]", "is no range"),
        ("n[3-1]", "3-1 counts down"),
        ("n" * 254, "too long for a host"),
        ("n" * 250 + "[1-1000]", "too long for a host"),
    ],
)
def test_a_list_that_is_none_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ContradictionError) as caught:
        expand(text, where="LIST")
    assert caught.value.message.startswith("LIST has ")
    assert problem in caught.value.message


def test_as_many_hosts_as_are_allowed_expand() -> None:
    assert len(expand("n[1-99999],last", where="it")) == 100_000


@pytest.mark.parametrize(
    "text",
    [
        "n[1-100001]",
        "n[1-99999],m[1-2]",
        "n[1-999999999]",
        "[1-999999999]" * 20,
        "n[" + "1-999999999," * 9000 + "1]",
        ",".join(["n[1-60000]"] * 10_000),
    ],
)
def test_more_hosts_are_refused_without_making_them(text: str) -> None:
    """Making them would take more memory than any machine has."""
    with pytest.raises(ContradictionError, match="more than 100000 hosts"):
        expand(text, where="LIST")
