"""The READMEs say what the schema, the errors and the command line say."""

from __future__ import annotations

import json
import re

import pytest

from entrypoint import errors
from entrypoint.__main__ import VERBS
from entrypoint.errors import JobError
from entrypoint.outcome import BUG_CODE
from entrypoint.parameters import describe_rules, documented_parameters
from tests.jobs import PROJECT_DIR

READMES = ("README.md", "README.zh-CN.md")


def rows(readme: str) -> list[list[str]]:
    """Every table row of a README as its cells."""
    lines = (PROJECT_DIR / readme).read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]


def test_the_parameters_table_is_the_schema() -> None:
    expected = []
    for name, rules in documented_parameters().items():
        or_null = " or null" if "null" in rules["type"] else ""
        is_choice = "enum" in rules
        value = describe_rules(rules) if is_choice else f"integer from {rules['minimum']}{or_null}"
        expected.append(
            [f"`{name}`", value, f"`{json.dumps(rules['default'])}`", rules["description"]]
        )
    text = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")
    table = text.partition("<!-- parameters:")[2].partition("<!-- end of parameters")[0]
    given = [
        [c.strip() for c in line.strip("|").split("|")]
        for line in table.splitlines()
        if "`" in line
    ]
    assert given == expected


def test_the_chinese_table_has_the_same_names_rules_and_defaults() -> None:
    found = {row[0]: row[1:3] for row in rows("README.zh-CN.md") if len(row) == 4}
    for name, rules in documented_parameters().items():
        value, default = found[f"`{name}`"]
        assert default == f"`{json.dumps(rules['default'])}`"
        if "enum" in rules:
            assert value == f"{'、'.join(rules['enum'])} 之一"
            continue
        assert value.startswith(f"≥ {rules['minimum']} 的整数")
        assert value.endswith("或 null") == ("null" in rules["type"])


@pytest.mark.parametrize("readme", READMES)
def test_every_exit_code_is_explained(readme: str) -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, JobError)]
    # A stop's code is its signal's: a property, no number of the class.
    codes = {kind.code for kind in kinds if isinstance(getattr(kind, "code", None), int)}
    explained = {
        int(code)
        for row in rows(readme)
        for code in re.findall(r"\d+", row[0])
        if re.fullmatch(r"\d+([,、] ?\d+)*", row[0])
    }
    assert explained == codes | {0, BUG_CODE, 143, 130}


@pytest.mark.parametrize("readme", READMES)
def test_every_verb_and_variable_is_explained(readme: str) -> None:
    first_cells = {name for row in rows(readme) for name in re.findall(r"^`\w+`", row[0])}
    assert {f"`{verb}`" for verb in VERBS} <= first_cells
    settings = (PROJECT_DIR / "entrypoint" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'"(MODELMAKER_\w+)"', settings))
    assert {f"`{name}`" for name in read} == {
        c for c in first_cells if c.startswith("`MODELMAKER_")
    }


def test_both_readmes_have_the_same_commands() -> None:
    blocks = []
    for readme in READMES:
        text = (PROJECT_DIR / readme).read_text(encoding="utf-8")
        # Without comments, which are translated.
        code = re.findall(r"```\w+\n(.*?)```", text, re.DOTALL)
        blocks.append([re.sub(r" *#.*", "", block) for block in code])
    assert blocks[0] == blocks[1]
