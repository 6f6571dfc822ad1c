"""What is a message and what is not, whoever sends it."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from entrypoint.membership import protocol
from entrypoint.membership.protocol import (
    MAX_MESSAGE_BYTES,
    Attach,
    Fetch,
    Hello,
    Leave,
    Lost,
    Message,
    Ping,
    Post,
    ProtocolError,
    Refused,
    Welcome,
    decode,
    encode,
)

HELLO = Hello(key="k", task="worker-1", host=None, port=2222, chief_host="c", incarnation="i")
MESSAGES: list[Message] = [
    HELLO,
    Welcome(joined=1, tasks=2, peer_timeout_seconds=0.5),
    Refused(reason="taken"),
    Attach(),
    Post(task="chief", topic="done"),
    Post(task="chief", topic="é", value={"a": [1, 1.5, None, True, "😀\n"]}),
    Ping(),
    Leave(task="chief", code=21, message="m", hint="h"),
    Lost(message="m", hint="h"),
    Fetch(key="k", task="ps-0", file="checkpoint"),
]

OTHERS: list[Any] = [None, True, 1, 1.5, "x", [], {}]

REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is not JSON"),
    "an array": (b"[]", "holds a JSON array"),
    "HTTP": (b"GET / HTTP/1.1\r\n", "is not JSON"),
    "no UTF-8": (b'{"type": "\xff"}', "is not UTF-8"),
    "no type": (b"{}", "has no type that is known"),
    "another type": (b'{"type": "pong"}', "has no type that is known"),
    "a type that is no text": (b'{"type": ["ping"]}', "has no type that is known"),
    "a field too few": (b'{"type": "post", "task": "a"}', "is a post without topic"),
    "a wrong type": (b'{"type": "post", "task": 1, "topic": ""}', "task is of a wrong type"),
    "a boolean for a number": (
        b'{"type": "leave", "task": "a", "code": true}',
        "is a leave whose code is of a wrong type",
    ),
    "nested too deeply": (
        b'{"type": "post", "task": "a", "topic": "a", "value": ' + b"[" * 60000,
        "is nested too deeply",
    ),
    "too long": (b'{"type": "ping"}' + b" " * MAX_MESSAGE_BYTES, "is longer than 65536 bytes"),
}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.KIND)
def test_a_message_is_one_line_and_comes_back_as_it_was(message: Message) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line) == message


@pytest.mark.parametrize("name", REFUSED)
def test_a_line_is_refused(name: str) -> None:
    line, reason = REFUSED[name]
    with pytest.raises(ProtocolError, match=reason.replace("[", r"\[")):
        decode(line)


def test_fields_of_a_later_version_are_ignored() -> None:
    assert decode(b'{"type": "ping", "load": 0.5}') == Ping()


def test_the_largest_message_is_allowed_and_one_byte_more_is_not() -> None:
    overhead = len(encode(Post(task="a", topic="b", value="")))
    value = "x" * (MAX_MESSAGE_BYTES - overhead)
    assert len(encode(Post(task="a", topic="b", value=value))) == MAX_MESSAGE_BYTES
    with pytest.raises(ProtocolError, match="has 65537 bytes, of at most 65536"):
        encode(Post(task="a", topic="b", value=value + "x"))


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1, 2}, object(), b"x", "\ud800", 10**5000],
    ids=["nan", "inf", "set", "object", "bytes", "half a character", "too many digits"],
)
def test_what_is_not_json_cannot_be_sent(value: Any) -> None:
    with pytest.raises(ProtocolError):
        encode(Post(task="a", topic="b", value=value))


def test_any_reason_of_a_failure_fits_into_a_message() -> None:
    text = protocol.clip("\x00\ud800😀" * 100_000)
    assert decode(encode(Leave(task="a", code=1, message=text, hint=text)))


def test_whatever_comes_is_a_message_or_refused_and_at_once() -> None:
    """Seeded: bytes at random, and messages of which a few bytes are changed."""
    chance = random.Random(7)
    lines = [encode(message) for message in MESSAGES]
    parts = [b"{", b"}", b'"', b"[", b"]", b":", b",", b"null", b"1e999", b"\\ud800", b"-", b"\xff"]
    start = time.monotonic()
    refused = 0
    for _ in range(5000):
        if chance.random() < 0.2:
            line = chance.randbytes(chance.randrange(200))
        else:
            line = chance.choice(lines)
            for _ in range(chance.randrange(1, 4)):
                at = chance.randrange(len(line))
                line = line[:at] + chance.choice(parts) + line[at + chance.randrange(4) :]
        try:
            message = decode(line)
        except ProtocolError:
            refused += 1
        else:
            assert decode(encode(message)) == message
    assert 1000 < refused < 5000, "some are messages still"
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.KIND)
def test_any_field_of_any_other_type_is_refused_or_taken_as_it_is(message: Message) -> None:
    fields = json.loads(encode(message))
    for name in fields:
        for value in OTHERS:
            try:
                taken = decode(json.dumps({**fields, name: value}).encode())
            except ProtocolError:
                continue
            assert vars(taken).get(name, value) == value
