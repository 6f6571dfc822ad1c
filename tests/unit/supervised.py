"""Run a small job under the real supervisor, in a process of its own, without TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import IO, Any

from tests.jobs import PROJECT_DIR, Finished, RunningJob

SCRIPT = """\
import logging, os, pathlib, signal, subprocess, sys, threading, time
from entrypoint import errors, supervisor
from entrypoint.settings import Settings

def job(settings, stop, place):
{body}
    return "done"

settings = Settings(root_dir=pathlib.Path(sys.argv[1]), log_level=sys.argv[2])
sys.exit(supervisor.run(job, settings).code)
"""


def start(
    body: str,
    root_dir: Path,
    *,
    level: str = "INFO",
    stdout: int | IO[str] = subprocess.PIPE,
    stderr: int | IO[str] = subprocess.STDOUT,
    **environment: str,
) -> subprocess.Popen[str]:
    """Start a job whose function has this body; `stop` and the usual modules are at hand."""
    indented = textwrap.indent(textwrap.dedent(body), "    ")
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(body=indented), str(root_dir), level],
        cwd=PROJECT_DIR,
        env={**os.environ, **environment},
        stdout=stdout,
        stderr=stderr,
        text=True,
    )


def running(body: str, root_dir: Path, **options: Any) -> RunningJob:
    """Start such a job, to read its log while it goes on."""
    return RunningJob(start(body, root_dir, **options), timeout_seconds=20)


def finished(body: str, root_dir: Path, **options: Any) -> Finished:
    """Run such a job to its end; everything it prints, anywhere, has to be JSON lines."""
    return running(body, root_dir, **options).finish()
