"""Which requests go wrong, and how: rules that are counted."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal[
    "reset",
    "truncate",
    "short",
    "corrupt",
    "stall",
    "lost_answer",
    "wrong_etag",
    "slow_down",
    "internal_error",
    "denied",
    "skew",
    "redirect",
]


@dataclass(frozen=True)
class Fault:
    """A rule: what goes wrong with a request that matches.

    `reset`, `stall` and `corrupt` act on the body of the request where it has one, and on that of
    the answer otherwise; `truncate` and `short` act on that of the answer. A body of an answer is
    only touched when the status is 200 or 206.

    - `reset`: the body ends with a TCP reset.
    - `truncate`: the connection closes in the body, in good order.
    - `short`: the body ends early and Content-Length says so: HTTP sees nothing wrong. A
      Content-Range stays.
    - `corrupt`: up to 16 bytes are inverted; nothing else is.
    - `stall`: nothing more comes for `seconds`, with the connection open; then the rest.
    - `lost_answer`: the server has done what it was asked for; instead of its answer, a reset.
    - `wrong_etag`: the answer's ETag is that of something else. The body is right.
    - `slow_down`, `internal_error`, `denied`, `skew`, `redirect`: S3's answers 503 SlowDown, 500
      InternalError, 403 AccessDenied, 403 RequestTimeTooSkewed, 301 PermanentRedirect; the server
      never sees the request.

    Attributes:
        kind: what goes wrong.
        method: the HTTP method to match; None matches all.
        key: what "/bucket/key" has to contain, percent-decoded.
        query: what the query string has to contain, as it is sent.
        times: how many requests; None means all.
        after_bytes: how much of the body is still right; None means half of it, or nothing where
            the length is not known. A body that is not longer is left alone.
        seconds: how long a stall lasts.
        region: where a redirect says the bucket is.
        probability: the share of the matching requests.
    """

    kind: Kind
    method: str | None = field(default=None, kw_only=True)
    key: str = field(default="", kw_only=True)
    query: str = field(default="", kw_only=True)
    times: int | None = field(default=1, kw_only=True)
    after_bytes: int | None = field(default=None, kw_only=True)
    seconds: float = field(default=60.0, kw_only=True)
    region: str = field(default="eu-central-1", kw_only=True)
    probability: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"no kind of fault is {self.kind!r}")

    def matches(self, method: str, path: str, query: str) -> bool:
        """Tell whether a request is one of those meant."""
        return self.method in {None, method} and self.key in path and self.query in query

    def position_in(self, length: int | None) -> int | None:
        """Return after how many bytes of a body of that length it acts; None if it cannot.

        Args:
            length: in bytes; None where it is not known beforehand.
        """
        if length is None:
            return self.after_bytes or 0
        position = length // 2 if self.after_bytes is None else self.after_bytes
        return position if position < length else None


@dataclass
class _Rule:
    fault: Fault
    left: int | None


class ChosenFault:
    """A fault that a request is to meet, and may yet escape: its body may be too small."""

    def __init__(self, fault: Fault, rules: Rules, rule: _Rule) -> None:
        self.fault = fault
        self.kind = fault.kind
        self._is_settled = False
        self._rules = rules
        self._rule = rule

    def happens(self) -> None:
        """Count it, once. To be called before the client can see anything of it."""
        if not self._is_settled:
            self._is_settled = True
            self._rules.count(self.fault)

    def give_back(self) -> None:
        """Leave it to the next request, unless it has happened."""
        if not self._is_settled:
            self._is_settled = True
            self._rules.give_back(self._rule)


class Rules:
    """The rules of a proxy, for many threads.

    Args:
        faults: the rules; the first that matches a request is the one that counts.
        seed: what the draws of a `probability` begin with.
    """

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self._changed = threading.Condition()
        self._random = random.Random(seed)
        self._rules: list[_Rule] = []
        self._injected: Counter[Kind] = Counter()
        self.replace(faults)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Put these rules in the place of all there are, none of them used yet."""
        with self._changed:
            self._rules = [_Rule(fault, fault.times) for fault in faults]

    @property
    def faults(self) -> list[Fault]:
        """The rules that have not been used up."""
        with self._changed:
            return [rule.fault for rule in self._rules if rule.left != 0]

    @property
    def injected(self) -> Counter[Kind]:
        """How many faults of each kind have happened."""
        with self._changed:
            return self._injected.copy()

    def choose(self, method: str, path: str, query: str) -> ChosenFault | None:
        """Take the fault of a new request from the rules, if there is one."""
        with self._changed:
            for rule in self._rules:
                fault = rule.fault
                if rule.left == 0 or not fault.matches(method, path, query):
                    continue
                if fault.probability < 1.0 and self._random.random() >= fault.probability:
                    continue
                if rule.left is not None:
                    rule.left -= 1
                return ChosenFault(fault, self, rule)
        return None

    def count(self, fault: Fault) -> None:
        """Count a fault that happens."""
        with self._changed:
            self._injected[fault.kind] += 1
            self._changed.notify_all()

    def give_back(self, rule: _Rule) -> None:
        """Undo `choose` for a fault that could not happen."""
        with self._changed:
            if rule.left is not None:
                rule.left += 1

    def forget(self) -> None:
        """Begin counting again."""
        with self._changed:
            self._injected.clear()

    def wait_for(self, kind: Kind, times: int, timeout_seconds: float) -> None:
        """Wait until a fault has happened that often.

        Raises:
            TimeoutError: it has not, in that time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._injected[kind] >= times, timeout_seconds):
                raise TimeoutError(f"{kind}: {self._injected[kind]} of {times} have happened")
