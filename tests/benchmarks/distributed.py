"""Examples per second on 1, 2 and 4 machines of one core each: the job beside a bare script.

python -m tests.benchmarks.distributed [--steps N] [--rounds N] [--workers N ...]

Both train the same model with the same strategy, in turns, every task pinned to a core of its own.
Membership's own cost is measured as the processor time of its processes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.jobs import PROJECT_DIR

CODE = PROJECT_DIR / "tests" / "user_code" / "small_images.py"
WARM_UP_SHARE = 0.4
BATCH_SIZE = 64


def main() -> None:
    """Run both sides in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    print(
        "workers   ours, examples/s   bare, examples/s   ours / bare   membership, share of a core"
    )
    for workers in options.workers:
        if workers > len(cores):
            print(f"{workers:>7}   not run: this machine has {len(cores)} cores")
            continue
        ours, bare, shares = [], [], []
        for _ in range(options.rounds):
            speed, share = run_ours(workers, options.steps, cores)
            ours.append(speed)
            shares.append(share)
            bare.append(run_bare(workers, options.steps, cores))
        ratio = statistics.median(o / b for o, b in zip(ours, bare, strict=True))
        membership = f"{statistics.median(shares):.2%}" if workers > 1 else "none runs"
        print(
            f"{workers:>7}   {statistics.median(ours):>16,.0f}   {statistics.median(bare):>16,.0f}"
            f"   {ratio:>11.3f}   {membership:>26}",
            flush=True,
        )


def run_ours(workers: int, steps: int, cores: list[int]) -> tuple[float, float]:
    """Train as the job; return examples per second and what membership takes of a core."""
    ports = free_ports(2 * workers + 1)
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports[1 : workers + 1])
    with tempfile.TemporaryDirectory() as directory:
        roots = [Path(directory) / str(index) for index in range(workers)]
        for root in roots:
            (root / "input" / "data").mkdir(parents=True)
            (root / "input" / "data" / "none").touch()
            (root / "code").mkdir()
            (root / "code" / "small_images.py").write_bytes(CODE.read_bytes())
            parameters = {
                "train_max_steps": steps * workers,
                "log_step_count_steps": max(steps // 20, 1),
                "eval_steps": 1,
                "batch_size": BATCH_SIZE,
            }
            (root / "input" / "parameters.json").write_text(json.dumps(parameters))
        environments = [
            {
                "MODELMAKER_ROOT": str(root),
                "MODELMAKER_PORT": str(ports[0]),
                **({"MODELMAKER_HOSTS": hosts} if workers > 1 else {}),
                **({"MODELMAKER_HOST_INDEX": str(index)} if workers > 1 else {}),
            }
            for index, root in enumerate(roots)
        ]
        command = [sys.executable, "-m", "entrypoint", "train"]
        with started(command, environments, cores) as processes:
            begin, seconds = time.monotonic(), 0.0
            while processes[0].poll() is None:
                # A process that has ended tells nothing, so the last look is the one that counts.
                used = sum(membership_seconds(process.pid) for process in processes)
                seconds = max(used, seconds)
                time.sleep(0.5)
            wall = time.monotonic() - begin
            for process in processes:
                if process.wait():
                    raise SystemExit(f"a task of ours ended with {process.returncode}")
        lines = (roots[0] / "output" / "data" / "metrics.jsonl").read_text().splitlines()
    marks = [json.loads(line) for line in lines]
    marks = [(mark["global_step"], mark["time"]) for mark in marks if mark["event"] == "progress"]
    first = next(mark for mark in marks if mark[0] >= WARM_UP_SHARE * steps)
    return (
        (marks[-1][0] - first[0]) * BATCH_SIZE * workers / (at(marks[-1][1]) - at(first[1])),
        seconds / wall / workers,
    )


def run_bare(workers: int, steps: int, cores: list[int]) -> float:
    """Train with the bare script; return examples per second."""
    ports = free_ports(workers)
    addresses = [f"127.0.0.1:{port}" for port in ports]
    cluster = {"chief": addresses[:1], **({"worker": addresses[1:]} if workers > 1 else {})}
    with tempfile.TemporaryDirectory() as directory:
        environments = [
            {
                "TF_CONFIG": json.dumps(
                    {
                        "cluster": cluster,
                        "task": {
                            "type": "worker" if index else "chief",
                            "index": max(index - 1, 0),
                        },
                    }
                ),
                "TF_USE_LEGACY_KERAS": "1",
                "TF_CPP_MIN_LOG_LEVEL": "3",
            }
            for index in range(workers)
        ]
        measured_from = str(round(WARM_UP_SHARE * steps))
        command = [sys.executable, "-m", "tests.benchmarks.bare", directory, str(steps)]
        with started([*command, measured_from, str(BATCH_SIZE)], environments, cores) as processes:
            outputs = [process.communicate()[0] for process in processes]
    return float(json.loads(outputs[0].splitlines()[-1])["examples_per_second"])


@contextlib.contextmanager
def started(
    command: list[str], environments: list[dict[str, str]], cores: list[int]
) -> Iterator[list[subprocess.Popen[str]]]:
    """Start one task an environment, each on a core of its own; none survives."""
    processes = []
    try:
        for environment, core in zip(environments, cores, strict=False):
            pinned = [sys.executable, "-c", _PINNED, str(core), *command]
            log = subprocess.DEVNULL if "MODELMAKER_ROOT" in environment else subprocess.PIPE
            processes.append(
                subprocess.Popen(
                    pinned,
                    cwd=PROJECT_DIR,
                    env={**os.environ, **environment},
                    stdout=log,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


_PINNED = """\
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.execv(sys.argv[2], sys.argv[2:])
"""


def membership_seconds(supervisor: int) -> float:
    """Return the processor time of the membership process of a task; 0 while there is none.

    It is the child of the supervisor that has not loaded TensorFlow.
    """
    for child in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if "tensorflow" not in Path(f"/proc/{child}/maps").read_text():
                # The fields after the name, which may hold blanks: 11 and 12 are user and system.
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def at(text: str) -> float:
    """Return the seconds of a time of the log."""
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


if __name__ == "__main__":
    main()
