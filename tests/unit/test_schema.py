"""The JSON Schema of the parameters, as data: what it documents, accepts and refuses."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_args

import jsonschema
import pytest

from entrypoint.parameters import (
    SCHEMA_FILE,
    DistributionStrategy,
    Parameters,
    describe_rules,
    documented_parameters,
    is_within_one_edit,
)

INT64_MAX = 2**63 - 1
INT32_MAX = 2**31 - 1

# name: (default, minimum, maximum, may be null)
INTEGERS: dict[str, tuple[int | None, int, int, bool]] = {
    "save_checkpoints_steps": (None, 1, INT64_MAX, True),
    "save_checkpoints_secs": (600, 1, INT64_MAX, True),
    "keep_checkpoint_max": (5, 0, INT32_MAX, True),
    "log_step_count_steps": (100, 1, INT64_MAX, False),
    "train_max_steps": (10000, 1, INT64_MAX, True),
    "eval_steps": (100, 1, INT64_MAX, True),
    "eval_start_delay_secs": (120, 0, INT64_MAX, False),
    "eval_throttle_secs": (600, 0, INT64_MAX, False),
}
# name: (default, the values it may have)
CHOICES: dict[str, tuple[str, list[str]]] = {
    "distribution_strategy": (
        "auto",
        ["auto", "none", "mirrored", "multi_worker_mirrored", "parameter_server"],
    ),
}
DOCUMENTED = [*INTEGERS, *CHOICES]
ACCEPTED: list[dict[str, Any]] = [
    {},
    {"train_max_steps": 1},
    {"train_max_steps": 5.0},
    {"keep_checkpoint_max": 0},
    {"save_checkpoints_steps": 10},
    {"save_checkpoints_secs": 10},
    {"save_checkpoints_steps": 10, "save_checkpoints_secs": None},
    {"save_checkpoints_steps": None, "save_checkpoints_secs": 10},
    {"save_checkpoints_steps": None, "save_checkpoints_secs": None},
    {"distribution_strategy": "mirrored"},
    {"learning_rate": 0.1, "layers": [1, {"units": 2}], "name": "a", "flag": True, "none": None},
]
REFUSED: list[dict[str, Any]] = [
    {"save_checkpoints_steps": 10, "save_checkpoints_secs": 10},
    {"train_max_steps": "10"},
    {"train_max_steps": True},
    {"train_max_steps": 1.5},
    {"train_max_steps": [1]},
    {"train_max_steps": {}},
    {"train_max_steps": float(2**63)},
    {"distribution_strategy": "Mirrored"},
    {"distribution_strategy": " mirrored"},
    {"distribution_strategy": ""},
    {"distribution_strategy": None},
    {"distribution_strategy": True},
    {"distribution_strategy": 1},
    {"distribution_strategy": ["mirrored"]},
]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The file itself, read without any code of the job."""
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema)


def test_the_file_is_a_valid_schema_of_its_draft(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_it_documents_exactly_these_parameters_in_this_order() -> None:
    assert list(documented_parameters()) == DOCUMENTED


def test_integers_have_these_defaults_and_bounds() -> None:
    found = {
        name: (rules["default"], rules["minimum"], rules["maximum"], "null" in rules["type"])
        for name, rules in documented_parameters().items()
        if "integer" in rules["type"]
    }
    assert found == INTEGERS


def test_choices_have_these_defaults_and_values() -> None:
    found = {
        name: (rules["default"], rules["enum"])
        for name, rules in documented_parameters().items()
        if rules["type"] == "string"
    }
    assert found == CHOICES


def test_the_type_of_a_strategy_is_what_the_schema_lets_through() -> None:
    assert (
        list(get_args(DistributionStrategy))
        == (documented_parameters()["distribution_strategy"]["enum"])
    )


def test_every_choice_is_explained_in_the_description() -> None:
    for name, (_, choices) in CHOICES.items():
        description = documented_parameters()[name]["description"]
        assert [choice for choice in choices if f" {choice}: " in description] == choices


def test_every_parameter_has_a_description_in_a_sentence() -> None:
    for rules in documented_parameters().values():
        assert rules["description"].endswith(".")


def test_every_parameter_is_a_field_of_parameters() -> None:
    own = {"changed", "_for_user"}
    assert {field.name for field in fields(Parameters)} - own == set(DOCUMENTED)


@pytest.mark.parametrize("parameters", ACCEPTED, ids=json.dumps)
def test_it_accepts(parameters: dict[str, Any], validator: jsonschema.Draft202012Validator) -> None:
    assert validator.is_valid(parameters)


@pytest.mark.parametrize("parameters", REFUSED, ids=json.dumps)
def test_it_refuses(parameters: dict[str, Any], validator: jsonschema.Draft202012Validator) -> None:
    assert not validator.is_valid(parameters)


@pytest.mark.parametrize("name", INTEGERS)
def test_every_bound_is_where_it_is_documented(
    name: str, validator: jsonschema.Draft202012Validator
) -> None:
    _, minimum, maximum, nullable = INTEGERS[name]
    assert validator.is_valid({name: minimum})
    assert validator.is_valid({name: maximum})
    assert not validator.is_valid({name: minimum - 1})
    assert not validator.is_valid({name: maximum + 1})
    assert validator.is_valid({name: None}) is nullable


def test_rules_are_put_into_words() -> None:
    rules = documented_parameters()
    assert describe_rules(rules["keep_checkpoint_max"]) == (
        "an integer from 0 to 2147483647, or null"
    )
    assert describe_rules(rules["log_step_count_steps"]) == (
        "an integer from 1 to 9223372036854775807"
    )
    assert describe_rules(rules["distribution_strategy"]) == (
        "one of auto, none, mirrored, multi_worker_mirrored, parameter_server"
    )


@pytest.mark.parametrize(
    ("left", "right", "near"),
    [
        ("steps", "steps", True),
        ("step", "steps", True),
        ("stteps", "steps", True),
        ("stfps", "steps", True),
        ("setps", "steps", True),
        ("s", "", True),
        ("", "", True),
        ("ste", "steps", False),
        ("stepsxx", "steps", False),
        ("spets", "steps", False),
        ("tsesp", "steps", False),
    ],
)
def test_one_edit_is_a_letter_added_dropped_replaced_or_swapped(
    left: str, right: str, near: bool
) -> None:
    assert is_within_one_edit(left, right) is near
    assert is_within_one_edit(right, left) is near


def test_no_documented_name_is_one_edit_away_from_another() -> None:
    """Otherwise a correct name would be taken for a misspelling."""
    for i, name in enumerate(DOCUMENTED):
        assert not any(is_within_one_edit(name, other) for other in DOCUMENTED[i + 1 :])
