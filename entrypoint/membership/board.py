"""The bulletin board: what every task has posted on every topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from entrypoint.membership.protocol import Post

Reader = Callable[[Post], None]


class Board:
    """The same on every machine, since all posts reach all machines in the hub's order."""

    def __init__(self) -> None:
        self._posts: dict[tuple[str, str], Post] = {}
        self._values: dict[str, dict[str, Any]] = {}
        self._readers: list[Reader] = []

    def put(self, post: Post) -> None:
        """Keep a post, in place of an earlier one of the same task and topic, and hand it on."""
        # Taken out first, so that a late reader sees all posts in the order they were made.
        self._posts.pop((post.topic, post.task), None)
        self._posts[post.topic, post.task] = post
        self._values.setdefault(post.topic, {})[post.task] = post.value
        for reader in tuple(self._readers):
            reader(post)

    def add_reader(self, reader: Reader) -> None:
        """Hand the whole board to a reader, and then every post."""
        for post in self._posts.values():
            reader(post)
        self._readers.append(reader)

    def remove_reader(self, reader: Reader) -> None:
        """Hand nothing more to a reader."""
        if reader in self._readers:
            self._readers.remove(reader)

    def posted(self, topic: str) -> Mapping[str, Any]:
        """Return what was posted on a topic, by the names of the tasks."""
        return dict(self._values.get(topic, ()))
