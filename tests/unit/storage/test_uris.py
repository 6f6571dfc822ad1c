from __future__ import annotations

import pytest

from entrypoint.errors import UsageError
from entrypoint.storage.uris import S3Uri, parse_uri

NAME = "MODELMAKER_DATASET_URI"
ACCESS_POINT = "arn:aws:s3:us-west-2:123456789012:accesspoint/reader"
OUTPOST = "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01ac5d28a6a232904/accesspoint/ap"


def refusal(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse_uri(text, name=NAME)
    assert caught.value.code == 2
    assert caught.value.message.startswith(NAME)
    assert caught.value.hint
    caught.value.message.encode()
    return caught.value


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("s3://b/data", S3Uri("b", "data")),
        ("s3://bucket.of.mine/a/b.tar.gz", S3Uri("bucket.of.mine", "a/b.tar.gz")),
        ("s3://b/data/", S3Uri("b", "data", is_directory=True)),
        ("s3://b", S3Uri("b", "", is_directory=True)),
        ("s3://b/", S3Uri("b", "", is_directory=True)),
        ("s3://Old_Bucket/x", S3Uri("Old_Bucket", "x")),
        (f"s3://{'b' * 255}/x", S3Uri("b" * 255, "x")),
        ("s3://ap-abcdefgh12345-s3alias/x", S3Uri("ap-abcdefgh12345-s3alias", "x")),
        (f"s3://{ACCESS_POINT}/a/b", S3Uri(ACCESS_POINT, "a/b")),
        (f"s3://{ACCESS_POINT}", S3Uri(ACCESS_POINT, "", is_directory=True)),
        (f"s3://{OUTPOST}/a", S3Uri(OUTPOST, "a")),
        (
            "s3://arn:aws-cn:s3:cn-north-1:123456789012:accesspoint:reader/a",
            S3Uri("arn:aws-cn:s3:cn-north-1:123456789012:accesspoint:reader", "a"),
        ),
        ("s3://b/a?b=c#d", S3Uri("b", "a?b=c#d")),
        ("s3://b/100%25 of it", S3Uri("b", "100%25 of it")),
        ("s3://b/数据/é", S3Uri("b", "数据/é")),
        ("s3://b/a//b", S3Uri("b", "a//b")),
        ("s3://b/a@b:c", S3Uri("b", "a@b:c")),
        ("s3://b/..a/b..", S3Uri("b", "..a/b..")),
        (f"s3://b/{'é' * 512}", S3Uri("b", "é" * 512)),
    ],
)
def test_a_uri_is_a_bucket_and_a_key_as_they_are_written(text: str, uri: S3Uri) -> None:
    assert parse_uri(text, name=NAME) == uri


@pytest.mark.parametrize(
    "text", ["s3://b/data", "s3://b/data/", "s3://b/", "s3://b/a//", f"s3://{ACCESS_POINT}/a?b"]
)
def test_a_uri_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_uri(text, name=NAME)) == text


@pytest.mark.parametrize(
    ("text", "child", "prefix"),
    [
        ("s3://b", "s3://b/x/y", ""),
        ("s3://b/data", "s3://b/data/x/y", "data/"),
        ("s3://b/data/", "s3://b/data/x/y", "data/"),
        ("s3://b/data//", "s3://b/data//x/y", "data//"),
    ],
)
def test_a_child_lies_one_slash_below(text: str, child: str, prefix: str) -> None:
    uri = parse_uri(text, name=NAME)
    assert str(uri.child("x/y")) == child
    assert uri.directory_prefix == prefix


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("/data", "is no URI"),
        ("b/data", "is no URI"),
        (" s3://b/data", "is no URI"),
        ("https://b.s3.amazonaws.com/data", "has the scheme https, not s3"),
        ("s3a://b/data", "has the scheme s3a, not s3"),
        ("S3://b/data", "has the scheme S3, not s3"),
        ("file:///data", "has the scheme file, not s3"),
        ("s3:/b/data", "two slashes"),
    ],
)
def test_another_scheme_is_named(text: str, said: str) -> None:
    error = refusal(text)
    assert said in error.message
    assert error.hint == f"set {NAME}=s3://BUCKET/PATH, or leave it out"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s3://", "names no bucket"),
        ("s3:///data", "names no bucket"),
        ("s3://a bucket/data", "'a bucket' is no bucket's name"),
        ("s3://b\n", "'b\\n' is no bucket's name"),
        ("s3://b?x/data", "'b?x' is no bucket's name"),
        (f"s3://{'b' * 256}/data", "is no bucket's name"),
        ("s3://bücket/data", "is no bucket's name"),
        ("s3://b\udcff/data", "is no bucket's name"),
        ("s3://host:9000/data", "no ':'"),
        ("s3://arn:aws:s3:::b/data", "an ARN that is no access point's"),
        (f"s3://{ACCESS_POINT}_/data", "an ARN that is no access point's"),
    ],
)
def test_what_is_no_bucket_is_named(text: str, said: str) -> None:
    assert said in refusal(text).message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s3://b//data", "begins with a slash"),
        ("s3://b/\x00", "'\\x00' has a control character"),
        ("s3://b/data\n", "'data\\n' has a control character"),
        ("s3://b/a\x85", "control character"),
        ("s3://b/a\udcff", "'a\\udcff' is not UTF-8 text"),
        (f"s3://b/{'é' * 512}a", "the key has 1,025 bytes; S3 allows 1,024"),
        ("s3://b/a/../c", "has a part '..'"),
        ("s3://b/./c", "has a part '.'"),
    ],
)
def test_what_is_no_key_is_named(text: str, said: str) -> None:
    error = refusal(text)
    assert said in error.message
    assert error.hint.startswith("write s3://b/")


def test_a_doubled_slash_is_shown_without_it() -> None:
    assert refusal("s3://b///data/x").hint == "write s3://b/data/x"


@pytest.mark.parametrize(
    "text",
    [
        "s3://ID:SECRET@b/data",
        "s3://ID:SEC/SECRET@b/data",
        "s3://SECRET@b/data",
        "s3://ID:SECRET",
        "https://b.s3.amazonaws.com/data?X-Amz-Signature=SECRET",
        "SECRET",
        "s3:ID:SECRET@b",
    ],
)
def test_what_may_be_a_secret_is_not_quoted(text: str) -> None:
    error = refusal(text)
    assert "SEC" not in error.message.replace("AWS_SECRET_ACCESS_KEY", "")
    assert "SEC" not in error.hint.replace("AWS_SECRET_ACCESS_KEY", "")
