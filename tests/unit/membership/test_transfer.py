"""Files of the chief's checkpoints reach the tasks that lack them, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from entrypoint.cluster import Cluster
from entrypoint.errors import PlatformError, StoppedError
from entrypoint.membership import fetch_file, transfer
from entrypoint.signals import StopRequest
from tests.unit.membership.machines import KEY, Machines, connect, finish_normally, read_to_end

TWO = ("chief", "worker-1")
NAME = "model.ckpt-100.index"


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_PAUSE_SECONDS", 0.01)


@pytest.fixture
def checkpoints_dir(tmp_path: Path) -> Path:
    """The chief's."""
    directory = tmp_path / "checkpoints"
    directory.mkdir()
    return directory


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Where a file is to be."""
    (tmp_path / "worker").mkdir()
    return tmp_path / "worker" / NAME


class TestServed:
    """By the chief's membership process."""

    @pytest.mark.parametrize("size", [0, 1, 2**20, 2**20 + 1, 5_000_000])
    def test_a_file_of_any_size_arrives(
        self, size: int, machines: Machines, checkpoints_dir: Path, to: Path, stop: StopRequest
    ) -> None:
        content = os.urandom(size)
        (checkpoints_dir / NAME).write_bytes(content)
        to.write_bytes(b"an earlier one")
        started = machines.start_all(*TWO)
        fetch_file(started[1].cluster, NAME, to, stop=stop)
        assert to.read_bytes() == content
        assert [path.name for path in to.parent.iterdir()] == [NAME]
        finish_normally(started, started[0].members())

    @pytest.mark.parametrize("name", ["checkpoint", "step_history.json", "model.ckpt-7.meta"])
    def test_whatever_belongs_to_a_checkpoint_is_served(
        self, name: str, machines: Machines, checkpoints_dir: Path, to: Path, stop: StopRequest
    ) -> None:
        (checkpoints_dir / name).write_text(name)
        started = machines.start_all(*TWO)
        fetch_file(started[1].cluster, name, to, stop=stop)
        assert to.read_text() == name

    def test_large_files_hold_up_no_signs_of_life(
        self, machines: Machines, checkpoints_dir: Path, to: Path, stop: StopRequest
    ) -> None:
        with (checkpoints_dir / NAME).open("wb") as file:
            file.truncate(200 * 2**20)
        started = machines.start_all(*TWO, peer_timeout_seconds=1)
        with ThreadPoolExecutor() as pool:
            files = [to.with_name(f"{number}") for number in range(4)]
            cluster = started[1].cluster
            list(pool.map(lambda file: fetch_file(cluster, NAME, file, stop=stop), files))
        assert [file.stat().st_size for file in files] == [200 * 2**20] * 4
        finish_normally(started, started[0].members())

    def test_a_file_that_is_gone_is_told_from_a_failure(
        self, machines: Machines, to: Path, stop: StopRequest
    ) -> None:
        started = machines.start_all(*TWO)
        with pytest.raises(FileNotFoundError, match=f"the chief has no {NAME}"):
            fetch_file(started[1].cluster, NAME, to, stop=stop)
        assert list(to.parent.iterdir()) == []

    @pytest.mark.parametrize(
        "name",
        [
            "../secret",
            "/etc/passwd",
            "model.ckpt-/../../secret",
            "model.ckpt-1/../secret",
            "secret",
            "",
            ".",
            "..",
            "model.ckpt",
            "graph.pbtxt",
            "model.ckpt-\0",
            "model.ckpt-\u00e9",
            "model.ckpt-" + "1" * 300,
            "model.ckpt-link",
            "model.ckpt-directory",
            "model.ckpt-fifo",
        ],
    )
    def test_nothing_else_is_served(
        self, name: str, machines: Machines, checkpoints_dir: Path, to: Path, stop: StopRequest
    ) -> None:
        (checkpoints_dir.parent / "secret").write_text("secret")
        (checkpoints_dir / "secret").write_text("secret")
        (checkpoints_dir / "graph.pbtxt").write_text("secret")
        (checkpoints_dir / "model.ckpt-link").symlink_to("../secret")
        (checkpoints_dir / "model.ckpt-directory").mkdir()
        os.mkfifo(checkpoints_dir / "model.ckpt-fifo")
        started = machines.start_all(*TWO)
        with pytest.raises(PlatformError, match="it refuses: "):
            fetch_file(started[1].cluster, name, to, stop=stop)
        assert list(to.parent.iterdir()) == []
        finish_normally(started, started[0].members())

    def test_only_a_task_that_has_joined_is_served(
        self, machines: Machines, checkpoints_dir: Path, to: Path, stop: StopRequest
    ) -> None:
        (checkpoints_dir / NAME).write_text("secret")
        machines.start(TWO, "chief")
        connect(machines.port).close()
        with pytest.raises(PlatformError, match="it refuses: 'worker-1' has not joined"):
            fetch_file(machines.cluster(TWO, "worker-1"), NAME, to, stop=stop)

    @pytest.mark.parametrize("key", ["1" * 64, ""])
    def test_only_who_has_the_key_is_served(
        self, key: str, machines: Machines, checkpoints_dir: Path
    ) -> None:
        (checkpoints_dir / NAME).write_text("secret")
        started = machines.start_all(*TWO)
        fetch = {
            "type": "fetch",
            "protocol": "modelmaker-membership/1",
            "key": key,
            "task": "worker-1",
            "file": NAME,
        }
        with connect(machines.port) as stranger:
            stranger.sendall(json.dumps(fetch).encode() + b"\n")
            assert b"refused" in read_to_end(stranger)
        finish_normally(started, started[0].members())

    def test_no_more_than_two_transfers_for_each_task_run_at_once(
        self, machines: Machines, checkpoints_dir: Path, to: Path, stop: StopRequest
    ) -> None:
        with (checkpoints_dir / NAME).open("wb") as file:
            file.truncate(64 * 2**20)
        started = machines.start_all(*TWO)
        fetch = {
            "type": "fetch",
            "protocol": "modelmaker-membership/1",
            "key": KEY,
            "task": "worker-1",
            "file": NAME,
        }
        idle = [connect(machines.port) for _ in range(4)]
        for channel in idle:
            channel.sendall(json.dumps(fetch).encode() + b"\n")
            assert channel.recv(9) == b'{"size":6'
        with pytest.raises(PlatformError, match="too many transfers at once"):
            fetch_file(started[1].cluster, NAME, to, stop=stop)
        for channel in idle:
            channel.close()
        fetch_file(started[1].cluster, NAME, to, stop=stop)
        finish_normally(started, started[0].members())


Answer = Callable[[socket.socket], None]
CONTENT = b"0123456789" * 1000


def whole(channel: socket.socket, content: bytes = CONTENT) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    channel.sendall(json.dumps({"size": len(content)}).encode() + b"\n" + content)
    channel.sendall(json.dumps({"sha256": digest}).encode() + b"\n")


def cut(channel: socket.socket) -> None:
    channel.sendall(json.dumps({"size": len(CONTENT)}).encode() + b"\n" + CONTENT[:500])


def corrupted(channel: socket.socket) -> None:
    whole(channel, CONTENT[:500] + b"x" + CONTENT[501:])


def garbage(channel: socket.socket) -> None:
    channel.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def endless_line(channel: socket.socket) -> None:
    channel.sendall(b"x" * 200_000)


def no_size(channel: socket.socket) -> None:
    channel.sendall(b'{"size": -1}\n')


def nothing(channel: socket.socket) -> None:
    pass


@pytest.fixture
def chief() -> Iterator[Callable[..., Cluster]]:
    """A chief that gives one answer after the other, and what it is for a worker."""
    server = socket.create_server(("127.0.0.1", 0))
    threads = []

    def serve(answers: tuple[Answer, ...]) -> None:
        for answer in answers:
            channel, _ = server.accept()
            with channel:
                channel.recv(65536)
                try:
                    answer(channel)
                except ConnectionError:
                    continue

    def start(*answers: Answer) -> Cluster:
        thread = threading.Thread(target=serve, args=(answers,), daemon=True)
        thread.start()
        threads.append(thread)
        machines = Machines(Path())
        machines.port = server.getsockname()[1]
        return machines.cluster(TWO, "worker-1")

    yield start
    server.close()


class TestBroken:
    """Transfers that do not go well."""

    @pytest.mark.parametrize("broken", [cut, corrupted, garbage, endless_line, no_size, nothing])
    def test_a_broken_transfer_is_tried_again(
        self, broken: Answer, chief: Callable[..., Cluster], to: Path, stop: StopRequest
    ) -> None:
        fetch_file(chief(broken, broken, whole), NAME, to, stop=stop)
        assert to.read_bytes() == CONTENT

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            (cut, "the connection closed before the end"),
            (corrupted, "SHA-256 differs"),
            (garbage, "the answer is not JSON"),
            (no_size, "the answer gives no size"),
        ],
    )
    def test_after_three_times_it_is_a_failure_and_what_was_there_stays(
        self,
        broken: Answer,
        reason: str,
        chief: Callable[..., Cluster],
        to: Path,
        stop: StopRequest,
    ) -> None:
        to.write_bytes(b"an earlier one")
        with pytest.raises(PlatformError, match=reason) as caught:
            fetch_file(chief(broken, broken, broken, whole), NAME, to, stop=stop)
        assert caught.value.message.startswith(f"{NAME} cannot be fetched from the chief (127.0.")
        assert to.read_bytes() == b"an earlier one"
        assert [path.name for path in to.parent.iterdir()] == [NAME]

    def test_a_chief_that_is_not_there_is_a_failure(
        self, machines: Machines, to: Path, stop: StopRequest
    ) -> None:
        with pytest.raises(PlatformError, match="refused"):
            fetch_file(machines.cluster(TWO, "worker-1"), NAME, to, stop=stop)

    def test_a_transfer_that_stalls_is_broken(
        self,
        chief: Callable[..., Cluster],
        to: Path,
        stop: StopRequest,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(transfer, "STALL_SECONDS", 0.3)
        monkeypatch.setattr(transfer, "ATTEMPTS", 1)
        released = threading.Event()

        def stall(channel: socket.socket) -> None:
            channel.sendall(b'{"size": 10}\nabc')
            released.wait(10)

        with pytest.raises(PlatformError, match=r"nothing came for 0.3 s"):
            fetch_file(chief(stall), NAME, to, stop=stop)
        released.set()

    def test_a_stop_request_ends_a_transfer(self, chief: Callable[..., Cluster], to: Path) -> None:
        stop = StopRequest()
        released = threading.Event()

        def stall(channel: socket.socket) -> None:
            channel.sendall(b'{"size": 10}\nabc')
            stop.signal_number = 15
            released.wait(10)

        with pytest.raises(StoppedError, match=f"while fetching {NAME} from the chief"):
            fetch_file(chief(stall), NAME, to, stop=stop)
        released.set()
        assert list(to.parent.iterdir()) == []

    def test_a_full_disk_is_no_broken_transfer(
        self, chief: Callable[..., Cluster], to: Path, stop: StopRequest
    ) -> None:
        to.with_name(f"{NAME}.incoming").symlink_to("/dev/full")
        with pytest.raises(OSError) as caught:
            fetch_file(chief(whole), NAME, to, stop=stop)
        assert caught.value.errno == errno.ENOSPC
        assert list(to.parent.iterdir()) == []
