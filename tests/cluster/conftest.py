from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MakeDirectory = Callable[[str], Path]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> MakeDirectory:
    """Make directories that stay for all tests of a module."""
    return tmp_path_factory.mktemp
