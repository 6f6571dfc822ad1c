"""The READMEs say what the schema, the errors and the command line say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from entrypoint import errors, settings
from entrypoint.__main__ import VERBS
from entrypoint.cluster.resolution import NOBODY, SOURCES
from entrypoint.errors import JobError
from entrypoint.outcome import BUG_CODE
from entrypoint.parameters import describe_rules, documented_parameters
from entrypoint.step_history import StepHistory, Stretch
from tests.jobs import PROJECT_DIR

READMES = ("README.md", "README.zh-CN.md")


def read(readme: str) -> str:
    """The text of a README."""
    return (PROJECT_DIR / readme).read_text(encoding="utf-8")


def blocks(readme: str, language: str) -> list[str]:
    """Every block of code of a README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", read(readme), re.DOTALL | re.MULTILINE)


def rows(readme: str) -> list[list[str]]:
    """Every table row of a README as its cells."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in read(readme).splitlines()
        if line[:1] == "|"
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
    table = (
        read("README.md").partition("<!-- parameters:")[2].partition("<!-- end of parameters")[0]
    )
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


def error_codes() -> set[int]:
    """The exit code of every type of error that has one code."""
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, JobError)]
    # A stop's code is its signal's: a property, no number of the class.
    return {kind.code for kind in kinds if isinstance(getattr(kind, "code", None), int)}


@pytest.mark.parametrize("readme", READMES)
def test_every_exit_code_is_explained(readme: str) -> None:
    explained = {
        int(code)
        for row in rows(readme)
        for code in re.findall(r"\d+", row[0])
        if re.fullmatch(r"\d+([,、] ?\d+)*", row[0])
    }
    assert explained == error_codes() | {0, BUG_CODE, 143, 130}


@pytest.mark.parametrize("readme", READMES)
def test_kubernetes_gives_up_at_every_code_that_is_not_to_be_retried(readme: str) -> None:
    given = [json.loads(values) for values in re.findall(r"values: (\[.*?\])", read(readme))]
    assert given
    assert all(set(codes) == {c for c in error_codes() if c < 128} | {BUG_CODE} for codes in given)


@pytest.mark.parametrize("readme", READMES)
def test_every_verb_and_variable_is_explained(readme: str) -> None:
    first_cells = {name for row in rows(readme) for name in re.findall(r"^`\w+`", row[0])}
    assert {f"`{verb}`" for verb in VERBS} <= first_cells
    assert {f"`{name}`" for name in settings.VARIABLES} == {
        c for c in first_cells if c.startswith("`MODELMAKER_")
    }


@pytest.mark.parametrize("readme", READMES)
def test_the_defaults_of_variables_are_those_of_the_settings(readme: str) -> None:
    meanings = {row[0]: row[1] for row in rows(readme) if len(row) == 2}
    for name, default in (
        ("MODELMAKER_PORT", settings.DEFAULT_PORT),
        ("MODELMAKER_START_SECONDS", settings.DEFAULT_START_SECONDS),
        ("MODELMAKER_PEER_TIMEOUT_SECONDS", settings.DEFAULT_PEER_TIMEOUT_SECONDS),
    ):
        assert f"`{default:g}`" in meanings[f"`{name}`"]
        if name != "MODELMAKER_PORT":
            assert re.search(rf"`{name}`\W+{default:g}\b", read(readme))


@pytest.mark.parametrize("readme", READMES)
def test_the_ports_are_the_membership_and_the_two_after_it(readme: str) -> None:
    ports = [row[0] for row in rows(readme) if re.fullmatch(r"`\d{4}`", row[0])]
    assert ports == [f"`{settings.DEFAULT_PORT + n}`" for n in range(3)]


@pytest.mark.parametrize("readme", READMES)
def test_schedulers_are_listed_in_the_order_in_which_they_are_asked(readme: str) -> None:
    table = rows(readme)
    start = next(n for n, row in enumerate(table) if "`MODELMAKER_SCHEDULER`" in row[0] and row[2:])
    listed = table[start + 2 : start + 2 + len(SOURCES)]
    assert [row[0] for row in listed] == [f"`{source.name}`" for source in SOURCES]
    for row, source in zip(listed, SOURCES, strict=True):
        assert set(source.described_by.split(" or ")) <= set(re.findall(r"`(.*?)`", row[1]))
    assert {source.name for source in SOURCES} | {NOBODY} == set(settings.SCHEDULERS)


@pytest.mark.parametrize("readme", READMES)
def test_the_worked_example_of_steps_is_right(readme: str) -> None:
    eight_cards = StepHistory((Stretch(start=0, cards=8),))
    (example,) = blocks(readme, "text")
    assert f"step {eight_cards.last_step(10000)}/1250 ({eight_cards.total(1250)} over" in example


@pytest.mark.parametrize("readme", READMES)
def test_json_examples_are_json(readme: str) -> None:
    examples = [json.loads(block) for block in blocks(readme, "json")]
    assert len(examples) == 2


@pytest.mark.parametrize("readme", READMES)
def test_kubernetes_examples_start_as_many_pods_as_they_say(readme: str) -> None:
    documents = [d for block in blocks(readme, "yaml") for d in yaml.safe_load_all(block)]
    indexed = [job for job in map(job_of, documents) if job.get("completionMode") == "Indexed"]
    assert len(indexed) == 2
    for job in indexed:
        (container,) = job["template"]["spec"]["containers"]
        count = {"name": "MODELMAKER_HOST_COUNT", "value": str(job["completions"])}
        assert count in container["env"]
        assert job["completions"] == job["parallelism"]


def job_of(document: dict[str, Any]) -> dict[str, Any]:
    """The specification of the Job that a document of Kubernetes is or holds; empty without one."""
    spec: dict[str, Any] = document.get("spec", {})
    if document.get("kind") == "JobSet":
        spec = spec["replicatedJobs"][0]["template"]["spec"]
    return spec


@pytest.mark.parametrize("readme", READMES)
def test_every_link_into_a_readme_leads_to_a_heading(readme: str) -> None:
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"```.*?```", "", read(readme), flags=re.DOTALL), re.MULTILINE
    )
    # As GitHub makes anchors of headings: https://docs.github.com, "Section links".
    anchors = {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
    links = set(re.findall(r"\]\(#(.*?)\)", read(readme)))
    assert links
    assert links <= anchors


def test_both_readmes_have_the_same_sections_and_tables() -> None:
    shapes = []
    for readme in READMES:
        text = re.sub(r"```.*?```", "", read(readme), flags=re.DOTALL)
        levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]
        shapes.append((levels, [len(row) for row in rows(readme)]))
    assert shapes[0] == shapes[1]


def test_both_readmes_have_the_same_commands() -> None:
    # Without comments, which are translated.
    code = [[re.sub(r" *#.*", "", block) for block in blocks(readme, r"\w+")] for readme in READMES]
    assert code[0] == code[1]
