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


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Say why tests are left out, which pytest only counts."""
    left_out = [item for item in items if item.get_closest_marker("campaign")]
    if left_out:
        reporter = left_out[0].config.pluginmanager.get_plugin("terminalreporter")
        if reporter:
            reporter.write_line(f"{len(left_out)} long tests left out; `make campaign` runs them")
