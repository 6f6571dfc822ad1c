"""Many small objects and a large one, down and up: the job's transfers beside `aws s3 cp`.

python -m tests.benchmarks.storage [--objects N] [--object-bytes N] [--large-bytes N] [--rounds N]

Both move the same objects from and to rclone's server on this machine, in turns, each into a new
place; every file that comes of it is compared with its original outside the measured time. Ours is
a process of its own that does what the storage process of a job does, with the checks it always
makes; the AWS CLI has its default configuration. Server and client share the machine's cores, so
that only ratios mean something. Processor seconds are user and system with all child processes.
Memory is the highest sum of PSS over the processes, looked at ten times a second: RSS would count
what forked processes share once for each. Linux only, as PSS is.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from entrypoint.settings import Settings
from entrypoint.storage import s3
from entrypoint.storage.dataset import fetch_dataset
from entrypoint.storage.items import Parcel
from entrypoint.storage.lanes import Lanes
from entrypoint.storage.transfers import Transfers
from entrypoint.storage.uris import parse_uri
from tests.jobs import PROJECT_DIR
from tests.s3.servers import RcloneServer

AWS = PROJECT_DIR / ".venv-awscli" / "bin" / "aws"
BUCKET = "bench"
DIRECTIONS = ("download", "upload")
# Beside the large object, to see whether memory grows with an object's size.
LESSER_BYTES = 200_000_000
BLOCK_BYTES = 1024 * 1024
LOOK_SECONDS = 0.1
SHARED_MEMORY = Path("/dev/shm")

# Makes the command of direction, source and target.
Side = Callable[[str, str, str], list[str]]


@dataclass(frozen=True)
class Shape:
    """What is moved: so many files of so many bytes."""

    name: str
    count: int
    size: int

    def __str__(self) -> str:
        is_large = self.size >= 1_000_000
        size = f"{self.size / 1e6:,.0f} MB" if is_large else f"{self.size / 1024:,.0f} KiB"
        return f"{self.count:,} x {size}"


@dataclass(frozen=True)
class Run:
    """What one side took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def main() -> None:
    """Run both sides in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=2000)
    parser.add_argument("--object-bytes", type=int, default=16384)
    parser.add_argument("--large-bytes", type=int, default=2_000_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not AWS.exists():
        raise SystemExit(f"{AWS} is not there; `make bench-storage` installs it")
    small = Shape("small", options.objects, options.object_bytes)
    large = Shape("large", 1, options.large_bytes)
    lesser = Shape("lesser", 1, LESSER_BYTES)
    # The originals are the server's own files; it stores each upload beside them.
    stored = sum(one.count * max(one.size, 4096) for one in (small, large, lesser)) + large.size
    has_room = SHARED_MEMORY.exists() and stored < available_memory() / 2
    above_dir = SHARED_MEMORY if has_room else Path(tempfile.gettempdir())
    with RcloneServer(above_dir=above_dir) as server, tempfile.TemporaryDirectory() as directory:
        print(
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python"
            f" {platform.python_version()}, {version_of(AWS)};"
            f" the server's files in {above_dir}, the downloaded ones in {tempfile.gettempdir()}"
        )
        bench = Bench(server, Path(directory), [small, large, lesser])
        print(
            f"{'':<18} {'':<9} {'seconds':^26} {'processor seconds':^19} {'memory, MB':^15}\n"
            f"{'objects':<18} {'':<9} {'ours':>8} {'aws':>8} {'ours/aws':>8}"
            f" {'ours':>9} {'aws':>9} {'ours':>7} {'aws':>7}   load"
        )
        for shape in (small, large):
            for direction in DIRECTIONS:
                bench.show(shape, direction, options.rounds)
        print("memory of one object alone, to compare with the large one's:")
        for direction in DIRECTIONS:
            bench.show(lesser, direction, 1)


class Bench:
    """The originals, and where both sides move them from and to.

    Args:
        server: runs, and holds nothing yet.
        directory: for what is downloaded.
        shapes: all that will be moved.
    """

    def __init__(self, server: RcloneServer, directory: Path, shapes: list[Shape]) -> None:
        self._directory = directory
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **server.environment,
        }
        self._stored_dir = server.data_dir / BUCKET
        self._digests = {shape: make(self._stored_dir / shape.name, shape) for shape in shapes}
        # The server reads what it has not made itself once, for its MD5.
        for page in server.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            assert page["Contents"]

    def show(self, shape: Shape, direction: str, rounds: int) -> None:
        """Measure one shape in one direction, and print a line of the table."""
        ours, aws, loads = [], [], []
        for number in range(rounds):
            ours.append(self._run(_ours, shape, direction, f"ours-{number}"))
            aws.append(self._run(_aws, shape, direction, f"aws-{number}"))
            loads.append(os.getloadavg()[0])
        ratio = statistics.median(a.seconds / b.seconds for a, b in zip(ours, aws, strict=True))
        sides = (ours, aws)
        seconds = [statistics.median(run.seconds for run in side) for side in sides]
        cpu = [statistics.median(run.cpu_seconds for run in side) for side in sides]
        memory = [max(run.peak_bytes for run in side) / 1e6 for side in sides]
        print(
            f"{shape!s:<18} {direction:<9} {seconds[0]:>8.2f} {seconds[1]:>8.2f} {ratio:>8.2f}"
            f" {cpu[0]:>9.2f} {cpu[1]:>9.2f} {memory[0]:>7.0f} {memory[1]:>7.0f}"
            f"   {statistics.mean(loads):.1f}",
            flush=True,
        )

    def _run(self, side: Side, shape: Shape, direction: str, name: str) -> Run:
        """Have one side move everything, and make sure of every byte of it."""
        if direction == "download":
            source, target = f"s3://{BUCKET}/{shape.name}", str(self._directory / name)
            made_dir = Path(target)
        else:
            source, target = str(self._stored_dir / shape.name), f"s3://{BUCKET}/{direction}/{name}"
            made_dir = self._stored_dir / direction / name
        try:
            run = measure(side(direction, source, target), self._environment)
            if digests_of(made_dir) != self._digests[shape]:
                raise SystemExit(f"{name}: the {direction} of {shape} is not what it was made of")
        finally:
            # The server does not notice; nothing asks for these objects again.
            shutil.rmtree(made_dir, ignore_errors=True)
        return run


def _ours(direction: str, source: str, target: str) -> list[str]:
    call = "import sys; from tests.benchmarks import storage; storage.move(*sys.argv[1:])"
    return [sys.executable, "-c", call, direction, source, target]


def _aws(_direction: str, source: str, target: str) -> list[str]:
    return [str(AWS), "s3", "cp", "--recursive", source, target]


def move(direction: str, source: str, target: str) -> None:
    """Move files as the storage process of a job does; what is measured as ours."""
    settings = Settings(root_dir=Path())
    lanes = Lanes(timeout_seconds=settings.storage_timeout_seconds)
    transfers = Transfers(
        s3.connect(timeout_seconds=settings.storage_timeout_seconds),
        lanes,
        ending=threading.Event(),
        log_seconds=10.0,
        retry_seconds=settings.storage_retry_seconds,
    )
    if direction == "download":
        fetch_dataset(transfers, parse_uri(source, name="source"), Path(target))
    else:
        uri, files = parse_uri(target, name="target"), sorted(Path(source).iterdir())
        transfers.upload([Parcel(file, uri.child(file.name)) for file in files], what="files")
    lanes._pool.shutdown()  # the job's live as long as it does


def measure(command: list[str], environment: dict[str, str]) -> Run:
    """Run a command to its end."""
    with tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=PROJECT_DIR, env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )
        with watched(process.pid) as peaks:
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            print(errors.read().decode(errors="replace"), file=sys.stderr)
            raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return Run(seconds, used.ru_utime + used.ru_stime, max(peaks))


@contextlib.contextmanager
def watched(process_id: int) -> Iterator[list[int]]:
    """Note the memory of a process and its descendants again and again, in bytes."""
    noted, ended = [0], threading.Event()

    def note() -> None:
        while not ended.wait(LOOK_SECONDS):
            noted.append(sum(pss_of(one) for one in family_of(process_id)))

    thread = threading.Thread(target=note)
    thread.start()
    try:
        yield noted
    finally:
        ended.set()
        thread.join()


def family_of(process_id: int) -> Iterator[int]:
    """Give a process and all its descendants, as far as they are there."""
    yield process_id
    for children in Path(f"/proc/{process_id}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has ended just now
            for child in children.read_text().split():
                yield from family_of(int(child))


def pss_of(process_id: int) -> int:
    """Return a process's share of the memory it uses, in bytes; 0 once it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def available_memory() -> int:
    """Return how many bytes may be kept in memory, shared memory included."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    (available,) = (line for line in lines if line.startswith("MemAvailable:"))
    return min(int(available.split()[1]) * 1024, shutil.disk_usage(SHARED_MEMORY).free)


def make(directory: Path, shape: Shape) -> dict[str, tuple[int, str]]:
    """Write files that nothing can compress; return what `digests_of` will say of them."""
    directory.mkdir(parents=True)
    for number in range(shape.count):
        with (directory / f"part-{number:05}").open("wb") as file:
            for start in range(0, shape.size, BLOCK_BYTES):
                file.write(os.urandom(min(BLOCK_BYTES, shape.size - start)))
    return digests_of(directory)


def digests_of(directory: Path) -> dict[str, tuple[int, str]]:
    """Return size and SHA-256 of every file below a directory, hidden ones too."""
    found = {}
    for path in directory.rglob("*"):
        if path.is_file():
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    digest.update(block)
            found[str(path.relative_to(directory))] = (path.stat().st_size, digest.hexdigest())
    return found


def version_of(aws: Path) -> str:
    """Return what the AWS CLI says that it is: "aws-cli/1.46.3"."""
    told = subprocess.run([aws, "--version"], capture_output=True, text=True, check=True)
    return (told.stdout or told.stderr).split()[0]


if __name__ == "__main__":
    main()
