"""Install what the user's requirements.txt asks for, beside what the image has."""

from __future__ import annotations

import importlib.metadata
import logging
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from entrypoint.errors import UserCodeInvalidError
from entrypoint.signals import StopRequest
from entrypoint.user_source import UserSource

logger = logging.getLogger(__name__)

# Every name under which TensorFlow itself is published; the image has one of them.
_TENSORFLOW_NAMES = {
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-gpu",
    "tensorflow-intel",
    "tensorflow-estimator",
    "tf-estimator",
    "tf-estimator-nightly",
    "tf-nightly",
}
_INCLUDE = re.compile(r"(?P<option>-r|-c|--requirement|--constraint)[ =]*(?P<file>.+)")


def install_requirements(source: UserSource, stop: StopRequest) -> tuple[Path, ...]:
    """Install the user's requirements into a directory of their own and put it on the path.

    What the image already has is left as it is, whatever version is asked for: TensorFlow and its
    own dependencies cannot be changed under a job. The log says where versions differ. Wheels
    beside the code are used alone where there are any, so that no network is needed.

    Returns:
        The directories that packages were installed into, none if there was nothing to install.

    Raises:
        UserCodeInvalidError: pip could not install them; says what was tried and pip's reason.
        StoppedError: a stop was requested meanwhile.
    """
    file = source.requirements_file
    lines = list(_missing(file)) if file.is_file() else []
    if not lines:
        return ()
    work_dir = Path(tempfile.mkdtemp(prefix="modelmaker-requirements-"))
    wheel_dirs = sorted({wheel.parent for wheel in source.code_dir.rglob("*.whl")})
    logger.info(
        "installing %s%s",
        ", ".join(lines),
        " from the wheels beside the code" if wheel_dirs else "",
        extra={"event": "requirements", "requirements": lines},
    )
    # The working directory is what relative paths in a requirements file are relative to.
    command = _pip_command(lines, work_dir, wheel_dirs)
    returncode, stderr = _run_pip(command, source.code_dir, stop)
    if returncode != 0:
        reasons = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
        tried = f"the wheels in {', '.join(map(str, wheel_dirs))} alone"
        raise UserCodeInvalidError(
            f"pip cannot install {file} from {tried if wheel_dirs else 'the package index'}:"
            f" {' '.join(reasons[:4]) or stderr[-500:]}",
            hint="correct the file, or put wheels of everything it needs beside it"
            + (" (none is looked for elsewhere)" if wheel_dirs else " if the job has no network"),
        )
    site_dirs = tuple(sorted((work_dir / "prefix").rglob("site-packages")))
    sys.path[1:1] = map(str, site_dirs)
    return site_dirs


def _pip_command(lines: list[str], work_dir: Path, wheel_dirs: list[Path]) -> list[str]:
    """Write what pip reads into the work directory and return the command that installs it there.

    Args:
        lines: the requirements to install.
        work_dir: an empty directory; the packages go to `prefix` in it.
        wheel_dirs: where wheels are; if there are any, nothing is looked for elsewhere.
    """
    wanted, provided = work_dir / "requirements.txt", work_dir / "provided.txt"
    wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
    # Keeps pip from replacing what the image has.
    provided.write_text("".join(f"{n}=={v}\n" for n, v in _installed().items()), encoding="utf-8")
    options = ["--no-input", "--no-cache-dir", "--disable-pip-version-check"]
    options += ["--no-warn-script-location", "--prefix", str(work_dir / "prefix")]
    options += [f"--find-links={wheel_dir}" for wheel_dir in wheel_dirs]
    options += ["--no-index"] if wheel_dirs else []
    files = ["--requirement", str(wanted), "--constraint", str(provided)]
    return [sys.executable, "-m", "pip", "install", *options, *files]


def _run_pip(command: list[str], work_dir: Path, stop: StopRequest) -> tuple[int, str]:
    """Run pip and return its exit code and what it says; a stop request ends it.

    Raises:
        StoppedError: a stop was requested.
    """
    with subprocess.Popen(
        command, cwd=work_dir, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as pip:
        while True:
            try:
                _, stderr = pip.communicate(timeout=0.2)
            except subprocess.TimeoutExpired:
                if stop.signal_number is not None:
                    pip.kill()  # it may be waiting for an index that never answers
            else:
                stop.raise_if_requested("installing requirements")
                return pip.returncode, stderr


def _installed() -> dict[str, str]:
    """Return the distributions of the image: canonical name to version."""
    return {
        canonicalize_name(distribution.name): distribution.version
        for distribution in importlib.metadata.distributions()
        if distribution.name  # an interrupted installation leaves directories without metadata
    }


def _missing(file: Path) -> Iterator[str]:
    """Yield the lines of a requirements file that ask for what the image does not have.

    Raises:
        UserCodeInvalidError: the file cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserCodeInvalidError(
            f"cannot read {file}: {error}", hint="it must be UTF-8 text that the job may read"
        ) from error
    installed = _installed()
    for raw in text.replace("\\\n", " ").splitlines():
        line = raw.split(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        include = _INCLUDE.match(line)
        if include:
            # These are relative to the file they stand in, and that file is rewritten elsewhere.
            yield f"{include['option']} {file.parent / include['file']}"
            continue
        try:
            requirement = Requirement(line.split(" --hash")[0])
        except InvalidRequirement:
            yield line
            continue
        if not _is_provided(requirement, installed):
            yield line


def _is_provided(requirement: Requirement, installed: dict[str, str]) -> bool:
    name = canonicalize_name(requirement.name)
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    if name in _TENSORFLOW_NAMES:
        version = installed.get("tensorflow") or installed.get("tensorflow-cpu")
    else:
        version = installed.get(name)
    if version is None:
        return False
    if not requirement.specifier.contains(version, prereleases=True):
        logger.warning(
            "requirements.txt asks for %s; %s %s is there and is used",
            requirement,
            "tensorflow" if name in _TENSORFLOW_NAMES else name,
            version,
            extra={"event": "requirement_provided"},
        )
    return True
