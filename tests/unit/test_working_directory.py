"""Where user code runs: its files are there, and it may write."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from entrypoint.working_directory import working_directory


@pytest.fixture
def code_dir(tmp_path: Path) -> Path:
    (tmp_path / "code" / "nets").mkdir(parents=True)
    (tmp_path / "code" / "vocabulary.txt").write_text("a word")
    (tmp_path / "code" / "nets" / "layers.json").write_text("[]")
    return tmp_path / "code"


def test_what_lies_beside_the_module_is_there(code_dir: Path) -> None:
    with working_directory(code_dir):
        assert Path("vocabulary.txt").read_text() == "a word"
        assert Path("nets/layers.json").read_text() == "[]"


def test_new_files_do_not_land_among_the_code(code_dir: Path) -> None:
    with working_directory(code_dir):
        Path("notes.txt").write_text("x")
        Path("logs").mkdir()
        where = Path.cwd()
    assert sorted(entry.name for entry in code_dir.iterdir()) == ["nets", "vocabulary.txt"]
    assert not where.exists()


def test_the_directory_is_as_before_afterwards(code_dir: Path) -> None:
    before = Path.cwd()
    with pytest.raises(RuntimeError), working_directory(code_dir):
        raise RuntimeError
    assert Path.cwd() == before


def test_what_it_removes_is_the_links_alone(code_dir: Path) -> None:
    with working_directory(code_dir):
        pass
    assert (code_dir / "nets" / "layers.json").exists()


def test_without_a_place_for_it_the_code_directory_serves(
    code_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(code_dir / "absent"))
    with working_directory(code_dir):
        assert Path.cwd().samefile(code_dir)
