"""The messages of the membership: one JSON object a line, UTF-8, each of bounded size.

Nothing that comes in is trusted: a line is one of these messages, with all of its fields and their
types, or a `ProtocolError`. Fields that are not known are ignored.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from types import NoneType
from typing import Any, ClassVar

from entrypoint import json_files

PROTOCOL = "modelmaker-membership/1"
# One line with its newline. A post of all tasks' addresses fits for about a thousand tasks.
MAX_MESSAGE_BYTES = 64 * 1024
# A reason of failure, shortened so that the message that carries it fits whatever is in it.
MAX_TEXT_CHARACTERS = 4096


class ProtocolError(ValueError):
    """Why a line is no message, or a message does not make a line."""


@dataclass(frozen=True, kw_only=True)
class Hello:
    """The first line of a task that wants to join.

    Attributes:
        key: the key of the job's cluster.
        task: its name.
        host: where the others reach it, None if it does not know.
        port: where TensorFlow's server of this task listens.
        chief_host: by which host name it reached the chief.
        incarnation: a word that no other process has.
    """

    KIND: ClassVar[str] = "hello"
    protocol: str = PROTOCOL
    key: str
    task: str
    host: str | None
    port: int
    chief_host: str
    incarnation: str


@dataclass(frozen=True, kw_only=True)
class Welcome:
    """The hub's answer to a hello.

    Attributes:
        joined: how many of the cluster's tasks are there now, the chief included.
        tasks: how many there are to be.
        peer_timeout_seconds: after how long a silence the hub gives a task up.
    """

    KIND: ClassVar[str] = "welcome"
    joined: int
    tasks: int
    peer_timeout_seconds: float


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The hub's other answer; the connection is closed after it."""

    KIND: ClassVar[str] = "refused"
    reason: str


@dataclass(frozen=True, kw_only=True)
class Attach:
    """A local process asks for the board, and for what is posted from then on."""

    KIND: ClassVar[str] = "attach"


@dataclass(frozen=True, kw_only=True)
class Post:
    """A value on the board; it takes the place of an earlier one of that task and topic."""

    KIND: ClassVar[str] = "post"
    task: str
    topic: str
    value: Any = None


@dataclass(frozen=True, kw_only=True)
class Ping:
    """A sign of life."""

    KIND: ClassVar[str] = "ping"


@dataclass(frozen=True, kw_only=True)
class Leave:
    """A task has ended: 0 for success, else an exit code with its message and hint."""

    KIND: ClassVar[str] = "leave"
    task: str
    code: int
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Lost:
    """The hub has given the job up: a task is lost, or never came."""

    KIND: ClassVar[str] = "lost"
    message: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """The first line of a connection that asks for a file in the chief's checkpoints directory."""

    KIND: ClassVar[str] = "fetch"
    protocol: str = PROTOCOL
    key: str
    task: str
    file: str


Message = Hello | Welcome | Refused | Attach | Post | Ping | Leave | Lost | Fetch

_CLASSES: dict[Any, type[Message]] = {
    kind.KIND: kind for kind in (Hello, Welcome, Refused, Attach, Post, Ping, Leave, Lost, Fetch)
}
# By how a field is annotated above; True and False are no numbers here.
_TYPES: dict[Any, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, NoneType),
    "int": (int,),
    "float": (int, float),
}


def encode(message: Message) -> bytes:
    """Return the line, with its newline.

    Raises:
        ProtocolError: the message is larger than MAX_MESSAGE_BYTES, or not JSON.
    """
    return encode_object({"type": message.KIND, **vars(message)})


def decode(line: bytes) -> Message:
    """Return the message that a line is.

    Raises:
        ProtocolError: it is none, in words that continue "what it sent".
    """
    fields = decode_object(line)
    kind = fields.pop("type", None)
    if not isinstance(kind, str) or kind not in _CLASSES:
        raise ProtocolError("has no type that is known")
    message_class = _CLASSES[kind]
    known: dict[str, Any] = {}
    for field in dataclasses.fields(message_class):
        if field.name in fields:
            value = known[field.name] = fields[field.name]
            types = _TYPES.get(field.type)
            if types and (not isinstance(value, types) or isinstance(value, bool)):
                raise ProtocolError(f"is a {kind} whose {field.name} is of a wrong type")
        elif field.default is dataclasses.MISSING:
            raise ProtocolError(f"is a {kind} without {field.name}")
    return message_class(**known)


def encode_object(fields: dict[str, Any]) -> bytes:
    """Return the line of any JSON object, with its newline.

    Raises:
        ProtocolError: the line is longer than MAX_MESSAGE_BYTES, or the fields are not JSON.
    """
    try:
        text = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        line = text.encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"is not JSON: {error}") from error
    if len(line) > MAX_MESSAGE_BYTES:
        raise ProtocolError(f"has {len(line)} bytes, of at most {MAX_MESSAGE_BYTES}")
    return line


def decode_object(line: bytes) -> dict[str, Any]:
    """Return the JSON object that a line is.

    Raises:
        ProtocolError: it is none.
    """
    if len(line) > MAX_MESSAGE_BYTES:
        raise ProtocolError(f"is longer than {MAX_MESSAGE_BYTES} bytes")
    try:
        return json_files.parse_object(line)
    except json_files.JsonFileError as error:
        raise ProtocolError(str(error)) from error


def clip(text: str) -> str:
    """Return a text that fits into a message: not too long, and without half characters."""
    return text[:MAX_TEXT_CHARACTERS].encode("utf-8", "replace").decode()
