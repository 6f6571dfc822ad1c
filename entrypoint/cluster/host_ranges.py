"""Expand lists of hosts as Slurm writes them: "n[1-3,7,09-11],gpu[01-02]-rack[1-2]".

The order is Slurm's own, that of `scontrol show hostnames`: as written, and where a name has
several brackets the leftmost changes slowest. A range counts from its first number to its last,
padded with zeros to the width of the first. (https://slurm.schedmd.com/scontrol.html, "show
hostlist"; SchedMD/slurm, src/common/hostlist.c.)
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from entrypoint.cluster.addresses import MAX_HOST_CHARACTERS
from entrypoint.cluster.checks import MAX_DIGITS, MAX_TASKS, contradiction, shown

_PIECE = re.compile(r"\[([^\[\]]*)\]|([^\[\]]+)")
_RANGE = re.compile(rf"(\d{{1,{MAX_DIGITS}}})(?:-(\d{{1,{MAX_DIGITS}}}))?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class _Range:
    """Numbers from first to last, written with at least so many digits."""

    first: int
    last: int
    width: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[str]:
        return (f"{number:0{self.width}d}" for number in range(self.first, self.last + 1))

    @property
    def longest(self) -> int:
        return max(self.width, len(str(self.last)))


@dataclass(frozen=True, kw_only=True)
class _Literal:
    """A part of a name that stands outside of brackets."""

    text: str

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        yield self.text

    @property
    def longest(self) -> int:
        return len(self.text)


def split_outside_brackets(text: str, separators: str) -> list[str]:
    """Split a text at each of the separators that is not inside brackets."""
    pieces: list[str] = []
    depth = start = 0
    for position, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if character in separators and depth <= 0:
            pieces.append(text[start:position])
            start = position + 1
    return [*pieces, text[start:]]


def expand(text: str, *, where: str) -> list[str]:
    """Return the hosts that a list names.

    Raises:
        ContradictionError: it is no such list, or names more than MAX_TASKS hosts; that is found
            out before any of them is made.
    """
    hosts: list[str] = []
    for item in split_outside_brackets(text, ","):
        hosts += expand_item(item, where=where, at_most=MAX_TASKS - len(hosts))
    return hosts


def expand_item(item: str, *, where: str, at_most: int = MAX_TASKS) -> Iterator[str]:
    """Return the hosts that one entry of such a list names, however many brackets it has.

    Raises:
        ContradictionError: see `expand`.
    """
    pieces: list[Sequence[_Range | _Literal]] = []
    end = 0
    for match in _PIECE.finditer(item):
        if match.start() != end:
            break
        ranges, literal = match.groups()
        pieces.append(
            [_Literal(text=literal)] if ranges is None else _parse_ranges(ranges, item, where)
        )
        end = match.end()
    if not item or end != len(item):
        raise contradiction(f"{where} has {shown(item)}, which is not a host or a range of hosts")
    if sum(max(part.longest for part in piece) for piece in pieces) > MAX_HOST_CHARACTERS:
        raise contradiction(f"{where} has {shown(item)}, which is too long for a host")
    if math.prod(sum(map(len, piece)) for piece in pieces) > at_most:
        raise contradiction(f"{where} names more than {MAX_TASKS} hosts")
    choices = [itertools.chain.from_iterable(piece) for piece in pieces]
    return map("".join, itertools.product(*choices))


def _parse_ranges(text: str, item: str, where: str) -> list[_Range]:
    ranges = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise contradiction(f"{where} has {shown(item)}, in which {shown(part)} is no range")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise contradiction(f"{where} has {shown(item)}, in which {part} counts down")
        ranges.append(_Range(first=first, last=last, width=len(match[1])))
    return ranges
