"""Run tensorflow-estimator's own tests against the installed one, and compare two runs.

The tests are in no wheel. Give this a checkout of the public repository tensorflow/estimator at
its tag v2.15.0; the package under test stays the installed one, and only the test modules come
from the checkout::

    python tests/estimator_suite.py CHECKOUT --plain --out before.json     # on TensorFlow 2.15.1
    python tests/estimator_suite.py CHECKOUT --out now.json --compare before.json

Use Python 3.10 or 3.11 both times (the tests call unittest methods that 3.12 removed), with pandas,
scikit-learn and portpicker. With --tf1 the tests of TensorFlow 1's symbols run too, which are
skipped without it.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import contextlib
import functools
import importlib
import importlib.metadata
import inspect
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, TextIO

PACKAGE = "tensorflow_estimator"
OUTCOMES = ("passed", "failed", "errored", "skipped", "unfinished")
TEST_LIMIT_SECONDS = 60  # so that a test that hangs does not hide those after it
# What it means that a unittest.TestResult's method was last called for a test.
LAST_CALL = {
    "startTest": "unfinished",
    "addSuccess": "passed",
    "addExpectedFailure": "passed",
    "addFailure": "failed",
    "addUnexpectedSuccess": "failed",
    "addError": "errored",
    "addSubTest": "errored",
    "addSkip": "skipped",
}


def main() -> int:
    """Run the suite, or one module of it when started by another run of this script."""
    parser = argparse.ArgumentParser(description="Run tensorflow-estimator's own tests.")
    parser.add_argument("checkout", type=Path, help="tensorflow/estimator at tag v2.15.0")
    parser.add_argument("--plain", action="store_true", help="do not revive: for TensorFlow 2.15")
    parser.add_argument("--tf1", action="store_true", help="after tf.compat.v1.disable_v2_behavior")
    parser.add_argument("--only", default="", help="run modules whose dotted name contains this")
    parser.add_argument("--jobs", type=int, default=2, help="modules at once (default 2)")
    parser.add_argument("--limit-seconds", type=float, default=900, help="per module (default 900)")
    parser.add_argument("--logs", type=Path, help="keep each module's output in this directory")
    parser.add_argument("--out", type=Path, help="write the outcome of each unittest id, as JSON")
    parser.add_argument("--compare", type=Path, help="another run's --out; exit 1 on a difference")
    parser.add_argument("--module", help=argparse.SUPPRESS)
    parser.add_argument("--journal", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.checkout = options.checkout.resolve()
    if options.module:
        run_module(options)
        return 0

    modules = [module for module in find_modules(options.checkout) if options.only in module]
    if not modules:
        parser.error(f"no test modules in {options.checkout / PACKAGE}")
    report_package(options.checkout)
    outcomes = run_suite(modules, options)
    counts = collections.Counter(outcomes.values())
    print("\n".join(f"{outcome:>10} {counts[outcome]:6}" for outcome in OUTCOMES))
    if options.out:
        options.out.write_text(json.dumps(outcomes, indent=0, sort_keys=True) + "\n")
    if not options.compare:
        return 0
    before = json.loads(options.compare.read_text())
    return compare({k: v for k, v in before.items() if k.startswith(tuple(modules))}, outcomes)


def find_modules(checkout: Path) -> list[str]:
    """List the names of the checkout's test modules, less those for TPUs."""
    files = sorted((checkout / PACKAGE).rglob("*_test*.py"))
    names = [".".join(file.relative_to(checkout).with_suffix("").parts) for file in files]
    # optimizers_test_v2 and dnn_test_fc_v2 are tests too; dnn_testing_utils is not.
    return [name for name in names if re.search(r"_test(_\w+)?$", name) and ".tpu." not in name]


def report_package(checkout: Path) -> None:
    """Say whether the installed package is the checkout's, but for generated ``__init__`` files."""
    ours = Path(str(importlib.metadata.distribution(PACKAGE).locate_file(PACKAGE)))
    theirs = checkout / PACKAGE
    names = [file.relative_to(ours) for file in sorted(ours.rglob("*.py"))]
    both = [name for name in names if name.stem != "__init__" and (theirs / name).exists()]
    differ = [name for name in both if (ours / name).read_bytes() != (theirs / name).read_bytes()]
    print(f"{len(both)} modules installed and in the checkout, {len(differ)} differ", *differ)


def run_suite(modules: list[str], options: argparse.Namespace) -> dict[str, str]:
    """Run every test module, each in its own process, several at once."""
    with (
        tempfile.TemporaryDirectory() as work_dir,
        concurrent.futures.ThreadPoolExecutor(options.jobs) as pool,
    ):
        run = functools.partial(run_process, options=options, work_dir=Path(work_dir))
        return dict(collections.ChainMap(*pool.map(run, modules)))


def run_process(module: str, options: argparse.Namespace, work_dir: Path) -> dict[str, str]:
    """Run one test module in a process group of its own, and read what it wrote down.

    A test that was running when the process died is "unfinished"; so is the module itself when the
    process failed and no test says why.
    """
    log_file = (options.logs or work_dir).resolve() / f"{module}.log"
    log_file.parent.mkdir(parents=True, exist_ok=True)
    journal = work_dir / f"{module}.journal"
    journal.touch()
    temp_dir = work_dir / module
    temp_dir.mkdir()
    command = [sys.executable, __file__, options.checkout, "--module", module, "--journal", journal]
    began = time.monotonic()
    with log_file.open("w") as log:
        child = subprocess.Popen(
            command + ["--plain"] * options.plain + ["--tf1"] * options.tf1,
            cwd=temp_dir,
            env={**os.environ, "TEST_TMPDIR": f"{temp_dir}{os.sep}"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            ended = f"exit code {child.wait(options.limit_seconds)}"
        except subprocess.TimeoutExpired:
            ended = "time limit"
        finally:
            # The whole group: a test may have started processes that outlive it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    outcomes = dict(json.loads(line) for line in journal.read_text().splitlines())
    counts = collections.Counter(outcomes.values())
    if ended != "exit code 0" and not counts["failed"] + counts["errored"]:
        outcomes[module] = "unfinished"
    tally = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome])
    print(f"{module}: {tally}; {ended}, {time.monotonic() - began:.0f} s", flush=True)
    return outcomes


def run_module(options: argparse.Namespace) -> None:
    """Run one test module as a script, in this process, writing down how each test ends."""
    sys.argv[1:] = []  # the tests read their own flags
    if not options.plain:
        sys.path.append(str(Path(__file__).resolve().parents[1]))
        from entrypoint.estimator import revive

        revive()
    if options.tf1:
        import tensorflow as tf

        tf.compat.v1.disable_v2_behavior()
    for package in {module.rpartition(".")[0] for module in find_modules(options.checkout)}:
        # Last on the path: the checkout supplies only what the installed package lacks.
        directory = options.checkout.joinpath(*package.split("."))
        importlib.import_module(package).__path__.append(str(directory))
    # One test module calls this; Python 3.11 removed it.
    vars(inspect).setdefault("getargspec", inspect.getfullargspec)
    signal.signal(signal.SIGALRM, give_up)
    with options.journal.open("w", buffering=1) as journal:
        for method, outcome in LAST_CALL.items():
            write_down(journal, options.module, method, outcome)
        runpy.run_module(options.module, run_name="__main__", alter_sys=True)


def write_down(journal: TextIO, module: str, method: str, outcome: str) -> None:
    """Have every unittest result write a line when its ``method`` is called for a test."""
    original = getattr(unittest.TestResult, method)

    def wrapper(self: unittest.TestResult, test: unittest.TestCase, *args: Any) -> Any:
        if method == "startTest":
            signal.alarm(TEST_LIMIT_SECONDS)
        # absl appends the parameters; their repr depends on NumPy's version and on addresses.
        test_id = re.sub(r"(?s)^(__main__\.\S+) .*", r"\1", test.id()).replace("__main__", module)
        ended = outcome
        if method == "addSubTest":
            _subtest, error = args
            ended = "failed" if error and issubclass(error[0], test.failureException) else outcome
        if method != "addSubTest" or error:
            print(json.dumps([test_id, ended]), file=journal)
        return original(self, test, *args)

    setattr(unittest.TestResult, method, wrapper)


def give_up(*_: object) -> None:
    """End the test that is running, as an error."""
    raise TimeoutError(f"the test has not ended after {TEST_LIMIT_SECONDS} s")


def compare(before: dict[str, str], now: dict[str, str]) -> int:
    """Print the tests that end differently in two runs, and return the exit code."""
    tests = sorted(before | now)
    differ = [test for test in tests if before.get(test) != now.get(test)]
    for test in differ:
        print(f"{test}: {before.get(test, 'absent')} before, {now.get(test, 'absent')} now")
    print(f"{len(differ)} of {len(tests)} tests end differently")
    return min(1, len(differ))


if __name__ == "__main__":
    sys.exit(main())
