"""A session that takes long to close does not hold up a job that has to end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.jobs import PROJECT_DIR


def test_closing_a_session_is_waited_for_a_moment_only() -> None:
    script = Path(__file__).parent / "close_sessions.py"
    finished = subprocess.run(
        [sys.executable, str(script)],
        env={"PYTHONPATH": str(PROJECT_DIR), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    # The pipeline lets go after 20 seconds; the job is to have gone on long before.
    assert 1 <= float(finished.stdout) < 10
