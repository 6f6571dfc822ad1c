"""The command line: `python -m entrypoint [train|check|schema|version]`."""

from __future__ import annotations

import signal

if __name__ == "__main__":
    # A container's first process loses every signal that it neither handles nor blocks. Held back
    # from here on, a stop waits for the supervisor, which lets it through once it can obey.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))

import argparse
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import entrypoint
from entrypoint import job, supervisor
from entrypoint.cluster import resolve_cluster
from entrypoint.errors import JobError, UsageError
from entrypoint.parameters import schema
from entrypoint.settings import read_early_settings, read_settings
from entrypoint.user_source import with_submitted_code

VERBS = {
    "train": "train the model and export it (the default)",
    "check": "do everything short of training: parameters, dataset, code, graphs",
    "schema": "print the JSON Schema of the parameters",
    "version": "print the versions of this job image and of TensorFlow",
}


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run one verb and return the exit code."""
    verb = _parse(arguments)
    if verb == "schema":
        print(json.dumps(schema(), indent=2, ensure_ascii=False))
        return 0
    if verb == "version":
        print(_versions())
        return 0
    settings = with_submitted_code(read_settings(environment))
    cluster = resolve_cluster(settings)
    if verb == "check":
        return supervisor.run(job.check, settings, cluster, joins=False).code
    return supervisor.run(job.train, settings, cluster).code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"use one of: {', '.join(VERBS)}")


def _parse(arguments: Sequence[str]) -> str:
    verbs = "\n".join(f"  {verb:<8} {meaning}" for verb, meaning in VERBS.items())
    parser = _Parser(
        prog="entrypoint",
        description=f"{entrypoint.__doc__}\n\nverbs:\n{verbs}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", nargs="?", default="train", choices=VERBS, metavar="VERB")
    verb: str = parser.parse_args(arguments).verb
    return verb


def _versions() -> str:
    lines = [
        f"modelmaker-tensorflow {entrypoint.__version__}",
        f"python {platform.python_version()}",
    ]
    for name in ("tensorflow", "tensorflow-cpu", "tf-keras", "tensorflow-estimator"):
        try:
            lines.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return "\n".join(lines)


def _run() -> int:
    try:
        return main(sys.argv[1:], os.environ)
    except JobError as error:
        return supervisor.fail_early(error, read_early_settings(os.environ)).code


if __name__ == "__main__":
    sys.exit(_run())
