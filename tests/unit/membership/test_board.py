"""The board itself."""

from __future__ import annotations

from entrypoint.membership.board import Board
from entrypoint.membership.protocol import Post


def post(topic: str, value: int, task: str = "chief") -> Post:
    return Post(task=task, topic=topic, value=value)


def test_a_late_reader_sees_what_holds_now_in_the_order_in_which_it_was_posted() -> None:
    board = Board()
    for each in (post("a", 1), post("b", 2), post("a", 3, "worker-1"), post("a", 4)):
        board.put(each)
    seen: list[Post] = []
    board.add_reader(seen.append)
    assert seen == [post("b", 2), post("a", 3, "worker-1"), post("a", 4)]
    board.put(post("c", 5))
    assert seen[3:] == [post("c", 5)]


def test_a_reader_that_was_removed_sees_nothing_more() -> None:
    board = Board()
    seen: list[Post] = []
    board.add_reader(seen.append)
    board.remove_reader(seen.append)
    board.remove_reader(seen.append)
    board.put(post("a", 1))
    assert seen == []


def test_what_was_posted_is_a_copy() -> None:
    board = Board()
    board.put(post("a", 1))
    before = board.posted("a")
    board.put(post("a", 2))
    assert (before, board.posted("a"), board.posted("b")) == ({"chief": 1}, {"chief": 2}, {})
