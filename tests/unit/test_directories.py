from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrypoint.directories import (
    MODEL_MANIFEST,
    inspect_directories,
    list_versions,
    prepare_directories,
)
from entrypoint.errors import ContradictionError, ExportError
from entrypoint.settings import Settings

WRITTEN = ["checkpoints", "model", "output", "output/data", "output/data/tensorboard"]


def refusal(settings: Settings) -> str:
    with pytest.raises(ContradictionError) as caught:
        prepare_directories(settings)
    assert caught.value.code == 30
    assert f"uid {os.getuid()}" in caught.value.hint
    return caught.value.message


def test_everything_the_job_writes_to_is_created(settings: Settings) -> None:
    prepare_directories(settings)
    found = [str(path.relative_to(settings.root_dir)) for path in settings.root_dir.rglob("*")]
    assert sorted(found) == WRITTEN, "and no file is left there"


def test_what_is_there_is_left_as_it_is(settings: Settings) -> None:
    settings.checkpoints_dir.mkdir()
    (settings.checkpoints_dir / "checkpoint").write_text("kept")
    prepare_directories(settings)
    assert (settings.checkpoints_dir / "checkpoint").read_text() == "kept"


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_where_a_directory_belongs_is_refused(name: str, settings: Settings) -> None:
    """Permissions stop no root user; a file in the way stops everybody."""
    path = settings.root_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    assert refusal(settings).startswith(f"cannot write to {path}")


def test_a_directory_that_takes_no_files_is_refused(tmp_path: Path) -> None:
    """The kernel's own filesystems refuse new files, to root too."""
    (tmp_path / "checkpoints").symlink_to("/proc/self")
    message = refusal(Settings(root_dir=tmp_path))
    assert message.startswith(f"cannot write to {tmp_path}/checkpoints as uid {os.getuid()}: ")


def test_a_model_of_somebody_else_is_refused_and_kept(settings: Settings) -> None:
    foreign = settings.model_dir / "7"
    foreign.mkdir(parents=True)
    (foreign / "saved_model.pb").write_text("theirs")
    with pytest.raises(ExportError) as caught:
        inspect_directories(settings)
    assert caught.value.code == 40
    assert caught.value.message.startswith(f"{foreign} is not a model of this job")
    assert (foreign / "saved_model.pb").read_text() == "theirs"


def test_a_model_of_this_job_is_accepted(settings: Settings) -> None:
    manifest = settings.model_dir / "7" / MODEL_MANIFEST
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    inspect_directories(settings)


def test_what_no_model_server_takes_for_a_version_is_no_model(settings: Settings) -> None:
    for name in ("lost+found", "best", "1.5", "²", "v1"):
        (settings.model_dir / name).mkdir(parents=True)
    (settings.model_dir / "8").write_text("a file")
    inspect_directories(settings)
    assert list_versions(settings.model_dir) == []


def test_versions_are_sorted_as_numbers(tmp_path: Path) -> None:
    for name in ("10", "9", "100", "0010"):
        (tmp_path / name).mkdir()
    names = [version.name for version in list_versions(tmp_path)]
    assert (names[0], sorted(names[1:3]), names[3]) == ("9", ["0010", "10"], "100")


def test_looking_writes_nothing(settings: Settings) -> None:
    before = sorted(settings.root_dir.rglob("*"))
    inspect_directories(settings)
    assert sorted(settings.root_dir.rglob("*")) == before
