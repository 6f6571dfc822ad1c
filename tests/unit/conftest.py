from __future__ import annotations

import pytest

from entrypoint.settings import Settings
from tests.jobs import JobRoot


@pytest.fixture
def settings(root: JobRoot) -> Settings:
    """The settings of a job in the test's own root."""
    return Settings(root_dir=root.path)
