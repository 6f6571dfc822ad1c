"""Environments as schedulers make them, one JSON file for each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entrypoint.settings import Settings

FILES = sorted((Path(__file__).parent / "environments").glob("*.json"))


@dataclass(frozen=True)
class Recorded:
    """One task's environment and the cluster that it describes.

    Attributes:
        job: the same for all tasks of one job.
        settings: what the task knows.
        expected: the cluster, with tasks as [name, role, address].
    """

    job: str
    settings: Settings
    expected: dict[str, Any]


def replay(file: Path, root: Path) -> Recorded:
    """Make what a file records true under a root."""
    recorded = json.loads(file.read_text(encoding="utf-8"))
    for name, content in recorded.get("files", {}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    settings = Settings(
        root_dir=root,
        cluster_environment=recorded["environment"],
        host_name=recorded.get("host_name", "localhost"),
    )
    return Recorded(job=recorded["job"], settings=settings, expected=recorded["expected"])
