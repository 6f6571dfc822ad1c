"""Runs inside the image, as a program of its own: prints what is installed there, as JSON."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import default_environment

OURS = Path("/opt/modelmaker")


def walk() -> Iterator[tuple[Path, os.stat_result]]:
    """Yield everything in the image, and nothing of what the engine mounts over it."""
    device = Path("/").stat().st_dev
    for directory, names, files in os.walk("/"):
        parent = Path(directory)
        for name in (*names, *files):
            yield parent / name, (parent / name).lstat()
        names[:] = [name for name in names if (parent / name).lstat().st_dev == device]


def is_compiled(source: Path) -> bool:
    """Tell whether Python uses a module's compiled file without looking at its source."""
    compiled = Path(importlib.util.cache_from_source(str(source)))
    # PEP 552: bit 0 says that it goes by a hash, bit 1 that the hash is to be checked.
    return compiled.is_file() and compiled.read_bytes()[4:8] == b"\x01\0\0\0"


def look() -> dict[str, object]:
    found: dict[str, list[str]] = {"setuid": [], "writable": [], "uncompiled": [], "private": []}
    for path, status in walk():
        mode = status.st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            found["setuid"].append(str(path))
        if mode & stat.S_IWOTH and not stat.S_ISLNK(mode) and not stat.S_ISCHR(mode):
            found["writable"].append(str(path))
        if path.is_relative_to(OURS):
            if not mode & stat.S_IROTH:
                found["private"].append(str(path))
            if path.suffix == ".py" and path.parent.name != "bin" and not is_compiled(path):
                found["uncompiled"].append(str(path))
    return {
        **found,
        "environment": default_environment(),
        "top": sorted(entry.name for entry in OURS.iterdir()),
        "distributions": {
            distribution.name: [distribution.version, distribution.requires or []]
            for distribution in importlib.metadata.distributions()
        },
    }


print(json.dumps(look()))
