"""Write docs/contrib.md from what each package of `tf.contrib` says of itself.

python -m tests.contrib.table > docs/contrib.md

`symbols-1.15.json` lists the public names of every package of `tf.contrib` in TensorFlow 1.15.5.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from entrypoint import estimator

SYMBOLS: dict[str, list[str]] = {
    package: names.split()
    for package, names in json.loads(
        Path(__file__).with_name("symbols-1.15.json").read_text(encoding="utf-8")
    ).items()
}
CONTRIB = "entrypoint.tensorflow1.contrib"
SOURCES = {
    "tensorflow": "TensorFlow",
    "tensorflow_estimator": "tensorflow-estimator",
    "tf_keras": "tf-keras",
    "tf_slim": "tf-slim",
    "entrypoint": "this project",
}

HEAD = """\
# tf.contrib: what is supplied

Written by `make docs` from the packages themselves; a test keeps it so. A package is loaded when
your code first names it. A symbol that is not supplied raises an error that names it, your line and
what to use instead, when your module is imported or where the symbol is used first.

Its old private paths lead there too (`tensorflow.contrib.layers.python.layers.layers`).
Names and shapes of variables are those of TensorFlow 1.15, so its checkpoints load.

| package | of TensorFlow 1.15's public symbols | beyond them |
|---|---|---|
"""

MISSING_PACKAGES = """
## Packages that are not supplied

| package | why, and what to use |
|---|---|
"""


def packages() -> dict[str, ModuleType]:
    """Return the packages that are supplied, by name."""
    contrib = importlib.import_module(CONTRIB)
    return {name: importlib.import_module(f"{CONTRIB}.{name}") for name in contrib.__all__}


def source_of(value: Any) -> str:
    """Return whose a symbol is, by the module that defines it."""
    module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    if not isinstance(module, str):
        module = type(value).__module__
    return SOURCES.get(module.partition(".")[0], "Python")


def table() -> str:
    """Return the whole page."""
    supplied = packages()
    contrib = importlib.import_module(CONTRIB)
    return "".join(
        [
            HEAD,
            *(_overview(name, package) for name, package in supplied.items()),
            *(_section(name, package) for name, package in supplied.items()),
            MISSING_PACKAGES,
            *(
                f"| `{name}` | {_cell(why)} |\n"
                for name, why in sorted(contrib.NOT_SUPPLIED.items())
            ),
        ]
    )


def _overview(name: str, package: ModuleType) -> str:
    old = SYMBOLS.get(name, [])
    there = set(package.__all__) & set(old)
    beyond = len(set(package.__all__) - set(old))
    count = f"all {len(old)}" if len(there) == len(old) else f"{len(there)} of {len(old)}"
    return f"| [`{name}`](#tfcontrib{name}) | {count} | {beyond or ''} |\n"


def _section(name: str, package: ModuleType) -> str:
    by_source: dict[str, list[str]] = {}
    for symbol in sorted(package.__all__, key=str.lower):
        by_source.setdefault(source_of(getattr(package, symbol)), []).append(f"`{symbol}`")
    lines = [f"\n## tf.contrib.{name}\n", "| from | symbols |", "|---|---|"]
    lines += [f"| {source} | {', '.join(by_source[source])} |" for source in sorted(by_source)]
    if package.NOT_SUPPLIED:
        lines += ["", "| not supplied | why, and what to use |", "|---|---|"]
        lines += [
            f"| `{symbol}` | {_cell(why)} |"
            for symbol, why in sorted(
                package.NOT_SUPPLIED.items(), key=lambda item: item[0].lower()
            )
        ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    estimator.revive()
    estimator.behave_like_tensorflow1()
    sys.stdout.write(table())


if __name__ == "__main__":
    main()
