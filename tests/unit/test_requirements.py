"""Real installations with pip, from wheels made here, so that no network is needed."""

from __future__ import annotations

import importlib
import logging
import sys
import tempfile
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from entrypoint.errors import UserCodeInvalidError
from entrypoint.requirements import install_requirements
from entrypoint.signals import StopRequest
from entrypoint.user_source import UserSource

Install = Callable[[str], tuple[Path, ...]]


@pytest.fixture
def code_dir(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    return tmp_path / "code"


@pytest.fixture
def install(code_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Write requirements.txt and install it; this process's path is as before afterwards."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # What pip is told when no wheels are there: an index that has nothing.
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "index").as_uri())
    monkeypatch.setenv("PIP_RETRIES", "0")

    def install(text: str) -> tuple[Path, ...]:
        (code_dir / "requirements.txt").write_text(text, encoding="utf-8")
        return install_requirements(UserSource(module="model", code_dir=code_dir), StopRequest())

    return install


def make_wheel(directory: Path, name: str, requires: str = "") -> None:
    """Write the least that pip takes for a wheel: version 1.0 of one module."""
    directory.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(directory / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "ANSWER = 42\n")
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def answer(name: str) -> int:
    """Import a module that was installed and take its word."""
    importlib.invalidate_caches()
    try:
        answer: int = importlib.import_module(name).ANSWER
    finally:
        sys.modules.pop(name, None)
    return answer


def refusal(call: Callable[[], object]) -> UserCodeInvalidError:
    with pytest.raises(UserCodeInvalidError) as caught:
        call()
    assert caught.value.code == 20
    return caught.value


def test_without_a_requirements_file_nothing_happens(code_dir: Path) -> None:
    assert install_requirements(UserSource(module="model", code_dir=code_dir), StopRequest()) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment\n\n   \n",
        "\ufeffnumpy\n",
        "numpy>=1  # any\n",
        "NumPy [extra] ; python_version > '3'\n",
        "surely-absent; python_version < '3'\n",
        "numpy \\\n  >= 1\n",
    ],
)
def test_what_the_image_has_or_needs_not_is_not_installed(
    text: str, install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    assert install(text) == ()
    assert caplog.records == []


@pytest.mark.parametrize(
    "name", ["tensorflow", "tensorflow-gpu", "tensorflow_cpu", "tf-nightly", "TensorFlow"]
)
def test_tensorflow_is_provided_under_all_its_names_and_said_to_be(
    name: str, install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    assert install(f"{name}==1.15.0\n") == ()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"asks for {name}==1.15.0; tensorflow 2.21.0 is there" in record.getMessage()


def test_another_version_than_the_images_is_said_to_be_left_out(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    assert install("numpy==1.0\n") == ()
    (record,) = caplog.records
    assert record.getMessage() == (
        f"requirements.txt asks for numpy==1.0; numpy {version('numpy')} is there and is used"
    )


def test_wheels_beside_the_code_are_installed_with_what_they_need(
    install: Install, code_dir: Path
) -> None:
    make_wheel(code_dir / "wheels", "user_first", requires="user_second")
    make_wheel(code_dir, "user_second")
    (code_dir / "more.txt").write_text("user_second==1.0\n")
    (directory,) = install("user_first  # ours\n--requirement=more.txt\nnumpy\n")
    assert not directory.is_relative_to(code_dir)
    assert (answer("user_first"), answer("user_second")) == (42, 42)


def test_a_relative_path_is_relative_to_the_code(install: Install, code_dir: Path) -> None:
    make_wheel(code_dir / "wheels", "user_third")
    install("./wheels/user_third-1.0-py3-none-any.whl\n")
    assert answer("user_third") == 42


def test_a_wheel_cannot_change_what_the_image_has(
    install: Install, code_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constraint holds pip to the image's versions.

    Without it pip removes what the image has, so what it has here is made for this test alone.
    """
    image_dir = tmp_path / "image"
    info_dir = image_dir / "image_package-2.0.dist-info"
    info_dir.mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: image_package\nVersion: 2.0\n"
    (info_dir / "METADATA").write_text(metadata)
    (info_dir / "RECORD").write_text("image_package-2.0.dist-info/METADATA,,\n")
    monkeypatch.syspath_prepend(image_dir)
    monkeypatch.setenv("PYTHONPATH", str(image_dir))
    make_wheel(code_dir, "image_package")
    make_wheel(code_dir, "user_fourth", requires="image_package==1.0")
    error = refusal(lambda: install("user_fourth\n"))
    assert f"pip cannot install {code_dir}/requirements.txt" in error.message
    assert version("image_package") == "2.0"


def test_wheels_that_lack_something_fail_with_what_was_tried(
    install: Install, code_dir: Path
) -> None:
    make_wheel(code_dir / "wheels", "user_fifth")
    error = refusal(lambda: install("surely-absent==3\n"))
    assert f"from the wheels in {code_dir}/wheels alone: " in error.message
    assert "surely-absent==3" in error.message
    assert "none is looked for elsewhere" in error.hint


def test_an_index_without_it_fails_with_what_was_tried(install: Install) -> None:
    error = refusal(lambda: install("surely-absent==3\n"))
    assert "from the package index: " in error.message
    assert "surely-absent==3" in error.message
    assert "put wheels" in error.hint


def test_a_file_that_is_no_text_is_refused(code_dir: Path) -> None:
    (code_dir / "requirements.txt").write_text("numpy", encoding="utf-16")
    source = UserSource(module="model", code_dir=code_dir)
    error = refusal(lambda: install_requirements(source, StopRequest()))
    assert error.message.startswith(f"cannot read {code_dir}/requirements.txt: ")
