"""Every public symbol of TensorFlow 1.15's `tf.contrib` is supplied or explained."""

from __future__ import annotations

import importlib

import pytest

from tests.contrib.table import CONTRIB, SYMBOLS, packages, table
from tests.jobs import PROJECT_DIR

PACKAGES = [*sorted(SYMBOLS)]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_supplied_or_explained(name: str) -> None:
    contrib = importlib.import_module(CONTRIB)
    assert (name in packages()) != (name in contrib.NOT_SUPPLIED)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_symbol_of_a_package_is_supplied_or_explained(name: str) -> None:
    package = packages().get(name)
    if package is None:
        return  # the package as a whole is explained
    supplied, explained = set(package.__all__), set(package.NOT_SUPPLIED)
    assert set(SYMBOLS[name]) - supplied - explained == set()
    assert supplied & explained == set()


def test_what_is_said_to_be_supplied_is_there() -> None:
    for package in packages().values():
        for symbol in package.__all__:
            assert hasattr(package, symbol), (package.__name__, symbol)


def test_what_is_explained_is_refused_with_its_explanation() -> None:
    for name, package in packages().items():
        for symbol, why in package.NOT_SUPPLIED.items():
            with pytest.raises(AttributeError) as caught:
                getattr(package, symbol)
            assert str(caught.value) == f"tf.contrib.{name}.{symbol} is not supplied; {why}"


def test_the_page_is_what_the_packages_say() -> None:
    """If not: make docs."""
    assert (PROJECT_DIR / "docs" / "contrib.md").read_text(encoding="utf-8") == table()
