"""S3 as the storage tests have it: the proxy changes nothing but what it is told to."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.s3.endpoint import Endpoint
from tests.s3.proxy import NO_ANSWER, WRONG_ETAG, Fault, FaultProxy, Kind
from tests.s3.servers import MotoServer

DATA = bytes(range(256)) * 4000
MIB = 1024 * 1024
# No test waits longer for a byte.
TIMEOUT_SECONDS = 20
CLIENTS = 20
# moto wants to see somebody, and believes anybody.
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request"


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


@pytest.fixture
def proxy(server: MotoServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def direct(server: MotoServer) -> Any:
    """A client that asks the server itself."""
    return server.client()


@pytest.fixture
def bucket(direct: Any) -> str:
    """A bucket of the test's own that holds DATA under the key "data"."""
    name = f"test-{uuid.uuid4()}"
    direct.create_bucket(Bucket=name)
    direct.put_object(Bucket=name, Key="data", Body=DATA)
    return name


class Answer:
    """What an HTTP client sees of an answer: all of it, or as much as came."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers: Message = response.headers
        self.body = b""
        self.error: Exception | None = None
        try:
            while piece := response.read1(65536):
                self.body += piece
        except OSError as error:
            self.error = error
        response.close()

    @property
    def length(self) -> int:
        return int(self.headers["Content-Length"])

    @property
    def code(self) -> str | None:
        """The code of S3's error."""
        return ET.fromstring(self.body).findtext("Code")


@contextlib.contextmanager
def connected(
    endpoint: Endpoint, timeout_seconds: float = TIMEOUT_SECONDS
) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=timeout_seconds)
    with contextlib.closing(connection):
        yield connection


def ask(
    endpoint: Endpoint,
    path: str,
    method: str = "GET",
    *,
    body: bytes | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    **fields: str,
) -> Answer:
    """Send one request without any S3 client, and read what comes."""
    with connected(endpoint, timeout_seconds) as connection:
        connection.request(method, path, body, fields | {"Authorization": AUTHORIZATION})
        return Answer(connection.getresponse())


def stored(direct: Any, bucket: str) -> dict[str, int]:
    """Return the keys of a bucket with their sizes, as the server has them."""
    listed = direct.list_objects_v2(Bucket=bucket)
    return {item["Key"]: item["Size"] for item in listed.get("Contents", [])}


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


# Without a rule


def use_all(client: Any, bucket: str, name: str) -> None:
    """Do what a job does with S3, with content of its own, and find every answer right."""
    of = {"Bucket": bucket, "Key": f"{name} ü/b+c"}
    data = name.encode() + DATA
    assert client.put_object(**of, Body=data)["ETag"] == etag(data)
    got = client.get_object(**of)
    assert (got["Body"].read(), got["ETag"]) == (data, etag(data))
    ranged = client.get_object(**of, Range="bytes=1000-1999", IfMatch=etag(data))
    assert ranged["Body"].read() == data[1000:2000]
    assert ranged["ContentRange"] == f"bytes 1000-1999/{len(data)}"
    assert client.head_object(**of)["ContentLength"] == len(data)
    client.delete_object(**of)
    with pytest.raises(client.exceptions.ClientError, match="404"):
        client.head_object(**of)


def test_clients_at_the_same_time_get_what_is_theirs(proxy: FaultProxy, bucket: str) -> None:
    client = proxy.client(max_pool_connections=CLIENTS)
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda number: use_all(client, bucket, f"{number}"), range(CLIENTS)))
    statuses = [request.status for request in proxy.requests]
    assert {status: statuses.count(status) for status in set(statuses)} == {
        200: 3 * CLIENTS,
        206: CLIENTS,
        204: CLIENTS,
        404: CLIENTS,
    }
    assert not proxy.injected


def test_a_connection_serves_many_requests(proxy: FaultProxy, bucket: str) -> None:
    """Though the server closes its own after each."""
    with connected(proxy) as connection:
        for method, body in (("PUT", DATA), ("GET", None), ("HEAD", None), ("DELETE", None)):
            connection.request(
                method, f"/{bucket}/a", body, headers={"Authorization": AUTHORIZATION}
            )
            answer = Answer(connection.getresponse())
            assert answer.body == (DATA if method == "GET" else b"")
            assert connection.sock is not None


def test_an_upload_in_three_parts_is_one_object(proxy: FaultProxy, bucket: str) -> None:
    client = proxy.client()
    of = {"Bucket": bucket, "Key": "large"}
    contents = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"rest"]
    upload = client.create_multipart_upload(**of)["UploadId"]
    parts = []
    for number, content in enumerate(contents, start=1):
        part = client.upload_part(**of, UploadId=upload, PartNumber=number, Body=content)
        assert part["ETag"] == etag(content)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    client.complete_multipart_upload(**of, UploadId=upload, MultipartUpload={"Parts": parts})
    into = io.BytesIO()
    client.download_fileobj(bucket, "large", into)
    assert into.getvalue() == b"".join(contents)


def test_a_list_of_1500_keys_is_whole(server: MotoServer, proxy: FaultProxy, bucket: str) -> None:
    names = [f"many/{number:04}" for number in range(1500)]

    def put(name: str) -> None:
        assert ask(server, f"/{bucket}/{name}", "PUT", body=b"").status == 200

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, names))
    client = proxy.client()
    pages = list(client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="many/"))
    assert [item["Key"] for page in pages for item in page["Contents"]] == names
    assert len(pages) == 2
    assert len(proxy.requests) == 2


def test_an_answer_is_that_of_the_server(
    server: MotoServer, proxy: FaultProxy, bucket: str
) -> None:
    without, through = (ask(way, f"/{bucket}/data") for way in (server, proxy))
    assert (through.status, through.body) == (without.status, without.body) == (200, DATA)
    own = {"date", "connection", "x-amzn-requestid"}
    of_without, of_through = (
        [(name, value) for name, value in answer.headers.items() if name.lower() not in own]
        for answer in (without, through)
    )
    assert of_through == of_without


@pytest.mark.parametrize("waits", [False, True], ids=["plain", "Expect: 100-continue"])
def test_an_upload_in_chunks_with_a_trailer_is_understood(
    waits: bool, server: MotoServer, proxy: FaultProxy, bucket: str
) -> None:
    """As the SDKs send what they do not know the checksum of beforehand."""
    inner = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    head = (
        f"PUT /{bucket}/hello HTTP/1.1\r\nHost: h\r\nAuthorization: {AUTHORIZATION}\r\n"
        "Content-Encoding: aws-chunked\r\nx-amz-decoded-content-length: 5\r\n"
        "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n"
        "x-amz-trailer: x-amz-checksum-crc32\r\nTransfer-Encoding: chunked\r\n"
    )
    with dialled(proxy) as channel:
        channel.sendall(f"{head}{'Expect: 100-continue' if waits else 'X: y'}\r\n\r\n".encode())
        if waits:
            assert channel.recv(4096).startswith(b"HTTP/1.1 100 ")
        channel.sendall(b"%x\r\n%b\r\n" % (10, inner[:10]))
        channel.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner) - 10, inner[10:]))
        response = http.client.HTTPResponse(channel)
        response.begin()
        assert response.status == 200
    assert ask(server, f"/{bucket}/hello").body == b"hello"


@contextlib.contextmanager
def dialled(endpoint: Endpoint) -> Iterator[socket.socket]:
    place = ("127.0.0.1", endpoint.port)
    with socket.create_connection(place, timeout=TIMEOUT_SECONDS) as channel:
        yield channel


@contextlib.contextmanager
def between() -> Iterator[tuple[socket.socket, Callable[[], socket.socket]]]:
    """A connection to a proxy, and what takes the proxy's connection to the server."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        FaultProxy(f"http://127.0.0.1:{listener.getsockname()[1]}") as proxy,
        dialled(proxy) as client,
        contextlib.ExitStack() as stack,
    ):
        listener.settimeout(TIMEOUT_SECONDS)

        def accepted() -> socket.socket:
            channel = stack.enter_context(listener.accept()[0])
            channel.settimeout(TIMEOUT_SECONDS)
            return channel

        yield client, accepted


def read_exactly(channel: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = channel.recv(count - len(data))
        assert piece, f"the connection ends after {data!r}"
        data += piece
    return data


def test_requests_and_answers_stream_as_they_are_sent() -> None:
    """Nothing waits for the rest, be it in chunks or not; the Host field stays."""
    request = b"PUT /b/k?a=%20 HTTP/1.1\r\nHost: elsewhere:1\r\nContent-Length: 8\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with between() as (client, accepted):
        client.sendall(request + b"firs")
        upstream = accepted()
        assert read_exactly(upstream, len(request) + 4) == request + b"firs"
        client.sendall(b"last")
        assert read_exactly(upstream, 4) == b"last"
        upstream.sendall(answer + b"3\r\none\r\n")
        assert read_exactly(client, len(answer) + 8) == answer + b"3\r\none\r\n"
        end = b"3\r\ntwo\r\n0\r\nx-sum: 1\r\n\r\n"
        upstream.sendall(end)
        assert read_exactly(client, len(end)) == end


def test_an_answer_may_come_before_the_body_has_ended() -> None:
    request = b"PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n"
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n"
    with between() as (client, accepted):
        client.sendall(request + b"firs")
        upstream = accepted()
        read_exactly(upstream, len(request) + 4)
        upstream.sendall(answer + b"\r\nno")
        # Only with the next of the body does the proxy look at what the server says.
        client.sendall(b"t")
        expected = answer + b"Connection: close\r\n\r\nno"
        assert read_exactly(client, len(expected)) == expected
        assert client.recv(1) == b"", "what is left of the body has no place any more"


def test_a_client_that_goes_leaves_no_half_object() -> None:
    """Its going reaches the server as a reset, which nobody takes for the end of a body."""
    request = b"PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"
    with between() as (client, accepted):
        client.sendall(request)
        upstream = accepted()
        read_exactly(upstream, len(request))
        client.close()
        with pytest.raises(ConnectionResetError):
            upstream.recv(1)


# One fault at a time


def test_a_download_is_reset_in_its_middle(proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("reset", after_bytes=100_000)]
    answer = ask(proxy, f"/{bucket}/data")
    assert (answer.status, answer.length) == (200, len(DATA))
    assert answer.body == DATA[:100_000]
    assert isinstance(answer.error, ConnectionResetError)
    assert proxy.injected == {"reset": 1}
    assert ask(proxy, f"/{bucket}/data").body == DATA, "once, as the rule says"


def test_a_reset_waits_for_a_slow_reader(proxy: FaultProxy, bucket: str) -> None:
    """What was sent before it is not lost with it."""
    proxy.faults = [Fault("reset", after_bytes=400_000)]
    with socket.socket() as channel:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        channel.settimeout(TIMEOUT_SECONDS)
        channel.connect(("127.0.0.1", proxy.port))
        head = f"GET /{bucket}/data HTTP/1.1\r\nHost: h\r\nAuthorization: {AUTHORIZATION}\r\n\r\n"
        channel.sendall(head.encode())
        proxy.wait_for("reset")
        response = http.client.HTTPResponse(channel)
        response.begin()
        assert Answer(response).body == DATA[:400_000]


def test_an_upload_is_reset_in_its_middle(direct: Any, proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("reset", method="PUT", after_bytes=100_000)]
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        ask(proxy, f"/{bucket}/new", "PUT", body=os.urandom(8 * MIB))
    assert proxy.injected == {"reset": 1}
    assert [request.status for request in proxy.requests] == [NO_ANSWER]
    assert ask(proxy, f"/{bucket}/next", "PUT", body=b"next").status == 200
    assert stored(direct, bucket) == {"data": len(DATA), "next": 4}


def test_a_truncated_body_ends_with_the_connection(proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("truncate", after_bytes=5)]
    answer = ask(proxy, f"/{bucket}/data")
    assert (answer.length, answer.body, answer.error) == (len(DATA), DATA[:5], None)
    assert proxy.injected == {"truncate": 1}


def test_a_short_body_is_good_http(proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("short", after_bytes=5)]
    with connected(proxy) as connection:
        for expected in (DATA[:5], DATA):
            connection.request("GET", f"/{bucket}/data", headers={"Authorization": AUTHORIZATION})
            answer = Answer(connection.getresponse())
            assert (answer.length, answer.body) == (len(expected), expected)
            assert answer.headers["ETag"] == etag(DATA), "which tells that it is not all"
            assert connection.sock is not None, "the connection stays"
    assert proxy.injected == {"short": 1}


def test_a_corrupt_body_differs_in_a_few_bytes(proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("corrupt", after_bytes=1000)]
    answer = ask(proxy, f"/{bucket}/data")
    inverted = bytes(byte ^ 0xFF for byte in DATA[1000:1016])
    assert answer.body == DATA[:1000] + inverted + DATA[1016:]
    assert proxy.injected == {"corrupt": 1}


def test_a_corrupt_upload_reaches_the_server_so(
    server: MotoServer, proxy: FaultProxy, bucket: str
) -> None:
    proxy.faults = [Fault("corrupt", after_bytes=2)]
    assert ask(proxy, f"/{bucket}/new", "PUT", body=b"abc").status == 200
    assert ask(server, f"/{bucket}/new").body == b"ab\x9c"


def test_a_stall_leaves_the_connection_open(proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("stall", after_bytes=1000)]
    answer = ask(proxy, f"/{bucket}/data", timeout_seconds=0.3)
    assert answer.body == DATA[:1000]
    assert isinstance(answer.error, TimeoutError)
    assert proxy.injected == {"stall": 1}


def test_a_stall_of_an_upload_keeps_the_answer_back(proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("stall", method="PUT")]
    with pytest.raises(TimeoutError):
        ask(proxy, f"/{bucket}/new", "PUT", body=b"new", timeout_seconds=0.3)
    assert proxy.injected == {"stall": 1}


def test_a_stall_has_an_end(proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("stall", seconds=0.3)]
    began = time.monotonic()
    assert ask(proxy, f"/{bucket}/data").body == DATA
    assert time.monotonic() - began >= 0.3


def test_the_proxy_ends_in_the_middle_of_a_stall(server: MotoServer, bucket: str) -> None:
    began = time.monotonic()
    with (
        FaultProxy(server.url, [Fault("stall", seconds=600)]) as proxy,
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(ask, proxy, f"/{bucket}/data")
        proxy.wait_for("stall")
        proxy.close()
        assert len(answer.result().body) == len(DATA) // 2
    assert time.monotonic() - began < TIMEOUT_SECONDS


def test_an_answer_gets_lost_after_the_deed(direct: Any, proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("lost_answer", method="PUT")]
    with pytest.raises(ConnectionResetError):
        ask(proxy, f"/{bucket}/new", "PUT", body=b"new")
    assert proxy.injected == {"lost_answer": 1}
    assert stored(direct, bucket)["new"] == 3


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_etag_may_be_wrong(method: str, proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("wrong_etag")]
    answer = ask(proxy, f"/{bucket}/data", method)
    assert answer.headers.get_all("ETag") == [WRONG_ETAG]
    assert answer.body == (DATA if method == "GET" else b"")
    assert proxy.injected == {"wrong_etag": 1}


ERRORS: list[tuple[Kind, int, str]] = [
    ("slow_down", 503, "SlowDown"),
    ("internal_error", 500, "InternalError"),
    ("denied", 403, "AccessDenied"),
    ("skew", 403, "RequestTimeTooSkewed"),
    ("redirect", 301, "PermanentRedirect"),
]


@pytest.mark.parametrize(("kind", "status", "code"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors_are_those_of_s3(
    kind: Kind, status: int, code: str, *, direct: Any, proxy: FaultProxy, bucket: str
) -> None:
    """To each method as is due, over a connection that stays; the server knows nothing of it."""
    proxy.faults = [Fault(kind, times=3, region="eu-north-1")]
    region = "eu-north-1" if kind == "redirect" else None
    with connected(proxy) as connection:
        for method, body in (("GET", None), ("HEAD", None), ("PUT", DATA)):
            connection.request(method, f"/{bucket}/new", body)
            answer = Answer(connection.getresponse())
            assert answer.status == status
            assert connection.sock is not None, "the connection stays"
            assert answer.headers["x-amz-bucket-region"] == region
            assert (answer.code if method != "HEAD" else code) == code
        connection.request("GET", f"/{bucket}/data", headers={"Authorization": AUTHORIZATION})
        assert Answer(connection.getresponse()).body == DATA
    assert proxy.injected == {kind: 3}
    assert [request.status for request in proxy.requests] == [status, status, status, 200]
    assert "new" not in stored(direct, bucket)


def test_an_error_spares_the_body_of_who_waits_for_100(proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("slow_down")]
    with dialled(proxy) as channel:
        channel.sendall(
            f"PUT /{bucket}/new HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        response = http.client.HTTPResponse(channel)
        response.begin()
        assert (response.status, response.headers["Connection"]) == (503, "close")
        assert b"SlowDown" in response.read()


def test_botocore_understands_them(proxy: FaultProxy, bucket: str) -> None:
    client = proxy.client(retries={"total_max_attempts": 1})
    of = {"Bucket": bucket, "Key": "data"}
    for kind, _, code in ERRORS[2:4]:
        proxy.faults = [Fault(kind)]
        with pytest.raises(client.exceptions.ClientError) as caught:
            client.get_object(**of)
        assert caught.value.response["Error"]["Code"] == code
    proxy.forget()
    patient = proxy.client(retries={"total_max_attempts": 4})
    proxy.faults = [Fault("slow_down"), Fault("internal_error"), Fault("lost_answer")]
    assert patient.get_object(**of)["Body"].read() == DATA
    assert [request.status for request in proxy.requests] == [503, 500, NO_ANSWER, 200]


# Which requests, and how many


def test_only_what_matches_goes_wrong(proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [
        Fault("denied", method="HEAD", times=None),
        Fault("internal_error", key="a/ü", times=None),
        Fault("slow_down", query="partNumber=2", times=None),
    ]
    asked = [
        ("HEAD", "data", 403),
        ("GET", "data", 200),
        ("GET", "a/%C3%BC", 500),
        ("GET", "data?partNumber=2", 503),
    ]
    for method, path, status in asked * 2:
        assert ask(proxy, f"/{bucket}/{path}", method).status == status
    assert proxy.injected == {"denied": 2, "internal_error": 2, "slow_down": 2}


def test_a_body_that_is_too_small_leaves_the_fault_to_the_next(
    proxy: FaultProxy, bucket: str
) -> None:
    proxy.faults = [Fault("truncate", after_bytes=1000)]
    assert ask(proxy, f"/{bucket}/data", Range="bytes=0-999").body == DATA[:1000]
    assert not proxy.injected
    assert proxy.faults
    assert ask(proxy, f"/{bucket}/data", Range="bytes=0-1000").body == DATA[:1000]
    assert proxy.injected == {"truncate": 1}
    assert not proxy.faults
    assert [request.range for request in proxy.requests] == ["bytes=0-999", "bytes=0-1000"]


def test_the_body_of_an_error_of_the_server_is_left_alone(proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("short")]
    assert ask(proxy, f"/{bucket}/missing").code == "NoSuchKey"
    assert not proxy.injected


def test_without_a_position_it_is_the_middle(proxy: FaultProxy, bucket: str) -> None:
    proxy.faults = [Fault("short", times=2)]
    assert ask(proxy, f"/{bucket}/data").body == DATA[: len(DATA) // 2]
    assert ask(proxy, f"/{bucket}/data", Range="bytes=0-0").body == b""
    assert proxy.downloaded_bytes == len(DATA) // 2


def test_rules_change_while_requests_run(proxy: FaultProxy, bucket: str) -> None:
    seen: list[int] = []
    enough = threading.Event()

    def go_on() -> None:
        while not enough.is_set():
            seen.append(ask(proxy, f"/{bucket}/data", "HEAD").status)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(go_on)
        proxy.faults = [Fault("slow_down", times=None)]
        proxy.wait_for("slow_down", times=20)
        proxy.faults = [Fault("denied", times=10)]
        proxy.wait_for("denied", times=10)
        enough.set()
    injected = proxy.injected
    assert injected == {"slow_down": seen.count(503), "denied": seen.count(403)}
    assert injected["denied"] == 10
    assert len(proxy.requests) == len(seen)


def storm(server: MotoServer, bucket: str, seed: int) -> list[int]:
    fault = Fault("slow_down", times=None, probability=0.3)
    with FaultProxy(server.url, [fault], seed=seed) as proxy:
        seen = [ask(proxy, f"/{bucket}/data", "HEAD").status for _ in range(60)]
        assert proxy.injected["slow_down"] == seen.count(503)
    return seen


def test_a_storm_can_be_had_again(server: MotoServer, bucket: str) -> None:
    first = storm(server, bucket, seed=1)
    assert storm(server, bucket, seed=1) == first
    assert storm(server, bucket, seed=2) != first
    assert 5 < first.count(503) < 35


def test_a_fault_that_does_not_happen_is_not_waited_for_for_ever(proxy: FaultProxy) -> None:
    with pytest.raises(TimeoutError, match="reset: 0 of 1 have happened"):
        proxy.wait_for("reset", timeout_seconds=0.01)


def test_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no kind of fault is 'rest'"):
        Fault("rest")  # type: ignore[arg-type]


# The server


def test_a_child_needs_nothing_but_the_environment(proxy: FaultProxy, bucket: str) -> None:
    program = "import boto3; print(boto3.client('s3').list_objects_v2(Bucket='%s')['KeyCount'])"
    printed = subprocess.run(
        [sys.executable, "-c", program % bucket],
        env=proxy.environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    assert printed.stdout == "1\n"
    assert len(proxy.requests) == 1


def test_containers_reach_a_server_of_its_own_buckets(bucket: str) -> None:
    with MotoServer("0.0.0.0") as other, FaultProxy(other.url, host="0.0.0.0") as proxy:
        for endpoint in (other, proxy):
            assert endpoint.url == f"http://127.0.0.1:{endpoint.port}"
            # Another address of this machine, as a network's gateway is.
            client = endpoint.client()
            assert client.list_buckets()["Buckets"] == []
            url = endpoint.url_at("127.0.0.2")
            with socket.create_connection(("127.0.0.2", endpoint.port), TIMEOUT_SECONDS):
                assert endpoint.environment_at(url)["AWS_ENDPOINT_URL"] == url


def test_a_server_ends_with_whoever_started_it() -> None:
    server = MotoServer()
    with server:
        process = server._process
        assert process is not None
        process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == 0, "its standard input has ended, no signal has come"
    with pytest.raises(ConnectionRefusedError):
        ask(server, "/")
