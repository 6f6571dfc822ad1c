from __future__ import annotations

import random

import pytest

from entrypoint.errors import ContradictionError
from entrypoint.storage.keys import Listed, Placed, nearby, place, share
from entrypoint.storage.uris import parse_uri

ETAG = '"d41d8cd98f00b204e9800998ecf8427e"'


def listed(*keys: str, size: int = 1, storage_class: str | None = None) -> list[Listed]:
    return [Listed(key, size, ETAG, storage_class) for key in keys]


def placed(items: list[Listed], uri: str) -> dict[str, str]:
    found = place(items, parse_uri(uri, name="MODELMAKER_DATASET_URI"))
    return {item.listed.key: str(item.path) for item in found}


def refusal(items: list[Listed], uri: str = "s3://b/data") -> ContradictionError:
    with pytest.raises(ContradictionError) as caught:
        placed(items, uri)
    assert caught.value.code == 30
    assert uri in caught.value.message
    caught.value.message.encode()
    return caught.value


@pytest.mark.parametrize(
    ("uri", "paths"),
    [
        ("s3://b/data", {"data/a": "a", "data/x/b": "x/b"}),
        ("s3://b/data/", {"data/a": "a", "data/x/b": "x/b"}),
        ("s3://b/data/x", {"data/x/b": "b"}),
        ("s3://b/data/a", {"data/a": "a"}),
        ("s3://b/data/a/", {}),
        ("s3://b/dat", {}),
        ("s3://b/data2/a", {"data2/a": "a"}),
        (
            "s3://b",
            {"data/a": "data/a", "data/x/b": "data/x/b", "data2/a": "data2/a", "top": "top"},
        ),
        ("s3://b/nothing", {}),
    ],
)
def test_what_is_below_a_uri_is_divided_at_slashes(uri: str, paths: dict[str, str]) -> None:
    assert placed(listed("data/a", "data/x/b", "data2/a", "top"), uri) == paths


def test_files_come_in_the_order_of_their_keys() -> None:
    items = listed("data/b", "data/a/z", "data/😀", "data/一")
    assert list(placed(items, "s3://b/data").values()) == ["a/z", "b", "一", "😀"]


def test_a_directory_comes_before_an_object_of_the_same_name() -> None:
    items = listed("data", "data/a")
    assert placed(items, "s3://b/data") == {"data/a": "a"}
    assert placed(items[:1], "s3://b/data") == {"data": "data"}
    assert placed(items[:1], "s3://b/data/") == {}


def test_empty_directory_markers_are_left_out() -> None:
    markers = listed("data/", "data/x/", size=0)
    assert placed([*markers, *listed("data/x/a")], "s3://b/data") == {"data/x/a": "x/a"}
    assert placed([*markers, *listed("data")], "s3://b/data") == {"data": "data"}
    assert placed(markers, "s3://b/data") == {}


def test_a_directory_marker_with_content_is_refused() -> None:
    error = refusal(listed("data/x/", size=1234))
    assert "'data/x/'" in error.message
    assert "1,234 bytes" in error.message


def test_an_empty_object_is_a_file() -> None:
    assert placed(listed("data/empty", size=0), "s3://b/data") == {"data/empty": "empty"}


@pytest.mark.parametrize(
    ("below", "said"),
    [
        ("../x", "'.' and '..' are no names"),
        ("a/../../x", "'.' and '..' are no names"),
        ("..", "'.' and '..' are no names"),
        ("./x", "'.' and '..' are no names"),
        ("a/.", "'.' and '..' are no names"),
        ("/x", "a slash stands at its start or beside another"),
        ("/etc/passwd", "a slash stands at its start or beside another"),
        ("a//b", "a slash stands at its start or beside another"),
        ("a\0b", "control character"),
        ("a\nb", "control character"),
        ("a/\x1b[31m", "control character"),
        ("\x7f", "control character"),
        ("\x9b", "control character"),
        ("\udcff", "not UTF-8"),
        ("a/" + "é" * 128, "256 bytes, and 255 is the most"),
        (".modelmaker-download/x", "the job's own directory"),
        (".modelmaker-download", "the job's own directory"),
    ],
)
def test_a_key_that_is_no_safe_file_is_refused_by_its_name(below: str, said: str) -> None:
    key = f"data/{below}"
    error = refusal(listed("data/good", key))
    assert f"the key {key!r} " in error.message
    assert said in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("key", "uri"),
    [
        ("../x", "s3://b"),
        ("/x", "s3://b"),
        ("a/..", "s3://b"),
        (".modelmaker-download/a", "s3://b"),
    ],
)
def test_a_whole_bucket_is_no_safer(key: str, uri: str) -> None:
    assert f"the key {key!r} " in refusal(listed(key), f"{uri}/").message


@pytest.mark.parametrize(
    "below",
    [
        "..a",
        "a..",
        "...",
        "a b",
        "a\\b",
        "..\\x",
        "C:",
        "-rf",
        "~",
        "数据",
        "e\u0301",
        "a" * 255,
        "x/.modelmaker-download",
        ".modelmaker-download2",
        "%2e%2e",
        "a?b#c",
    ],
)
def test_a_name_that_only_looks_odd_is_a_file(below: str) -> None:
    assert placed(listed(f"data/{below}"), "s3://b/data") == {f"data/{below}": below}


def test_what_is_not_below_the_uri_is_not_looked_at() -> None:
    items = listed("data/a", "data2/../x", "/x", "data2/", storage_class="GLACIER")
    items[0] = listed("data/a")[0]
    assert placed(items, "s3://b/data") == {"data/a": "a"}


@pytest.mark.parametrize("keys", [("data/a", "data/a/b"), ("data/a/b/c/d", "data/a")])
def test_a_name_that_is_a_file_and_a_directory_is_refused(keys: tuple[str, str]) -> None:
    error = refusal(listed("data/a.txt", *keys))
    assert all(repr(key) in error.message for key in keys)


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_archived_objects_are_refused_with_the_first_and_their_number(storage_class: str) -> None:
    archived = listed("data/c", "data/b", "data/d", storage_class=storage_class)
    error = refusal([*listed("data/a"), *archived])
    assert "'data/b' and 2 more" in error.message
    assert storage_class in error.message
    assert "restore" in error.hint
    assert " more " not in refusal(archived[:1]).message


@pytest.mark.parametrize("storage_class", [None, "STANDARD", "GLACIER_IR", "INTELLIGENT_TIERING"])
def test_what_can_be_read_at_once_is_not_refused(storage_class: str | None) -> None:
    items = listed("data/a", storage_class=storage_class)
    assert placed(items, "s3://b/data") == {"data/a": "a"}


def test_what_is_restored_is_not_refused() -> None:
    restored = Listed("data/a", 1, ETAG, "GLACIER", is_restored=True)
    assert placed([restored], "s3://b/data") == {"data/a": "a"}


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        ("s3://b/dat", "nothing is below s3://b/dat, but there is s3://b/data/, s3://b/data2/"),
        ("s3://b/to", "nothing is below s3://b/to, but there is s3://b/top"),
        ("s3://b/top/", "nothing is below s3://b/top/, but there is s3://b/top"),
        ("s3://b/none", None),
        ("s3://b/data/x/", None),
    ],
)
def test_neighbours_are_named_where_nothing_is(uri: str, hint: str | None) -> None:
    items = listed("data/a", "data/b", "data2/c", "top")
    assert nearby(items, parse_uri(uri, name="N")) == hint


@pytest.mark.parametrize("uri", ["s3://b/data", "s3://b/data/"])
def test_an_empty_directory_is_not_its_own_neighbour(uri: str) -> None:
    items = listed("data/", "data/x/", size=0)
    assert nearby(items, parse_uri(uri, name="N")) is None
    assert nearby(listed("data2"), parse_uri("s3://b", name="N")) is None


def test_at_most_three_neighbours_are_named() -> None:
    hint = nearby(
        listed(*(f"data{number}/a" for number in range(9))), parse_uri("s3://b/d", name="N")
    )
    assert hint is not None
    assert hint.count("s3://b/data") == 3


def test_a_neighbour_that_no_terminal_should_see_is_not_named() -> None:
    assert nearby(listed("data\x1b[31m/a"), parse_uri("s3://b/dat", name="N")) is None


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
def test_shares_are_the_whole_and_nothing_twice(count: int) -> None:
    keys = [f"data/{number:03}" for number in range(20)]
    whole = place(listed(*keys), parse_uri("s3://b/data", name="N"))
    shuffled = random.Random(1).sample(whole, len(whole))
    shares = [share(shuffled, index, count) for index in range(count)]
    assert sorted(key(item) for one in shares for item in one) == keys
    assert shares == [share(whole, index, count) for index in range(count)]
    assert [key(item) for item in shares[0]] == keys[::count]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def key(item: Placed) -> str:
    return item.listed.key
