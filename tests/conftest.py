from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs import JobRoot


@pytest.fixture
def root(tmp_path: Path) -> JobRoot:
    """An empty root: no code, no dataset."""
    return JobRoot(tmp_path)


@pytest.fixture
def job(root: JobRoot) -> JobRoot:
    """A root on which a small, fast model trains: `tests/user_code/line.py`."""
    root.write("input/data/slope.txt", "2.0").copy_code("line")
    return root.write_parameters(train_max_steps=20, eval_start_delay_secs=0)
