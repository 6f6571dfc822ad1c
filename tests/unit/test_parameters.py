from __future__ import annotations

import copy
import json
import logging
from typing import Any

import pytest

from entrypoint.errors import ContradictionError, ParametersError
from entrypoint.parameters import load_parameters, read_hyperparameters, sagemaker_program
from entrypoint.settings import Settings, read_settings
from tests.jobs import JobRoot

INTEGERS: dict[str, int | None] = {
    "save_checkpoints_steps": None,
    "save_checkpoints_secs": 600,
    "keep_checkpoint_max": 5,
    "log_step_count_steps": 100,
    "train_max_steps": 10000,
    "eval_steps": 100,
    "eval_start_delay_secs": 120,
    "eval_throttle_secs": 600,
}
DEFAULTS: dict[str, int | str | None] = {**INTEGERS, "distribution_strategy": "auto"}
STRATEGIES = ["auto", "none", "mirrored", "multi_worker_mirrored", "parameter_server"]
ABSENT = "absent"
# The switches of SageMaker's SDK.
SERVERS = "sagemaker_parameter_server_enabled"
WORKERS = "sagemaker_multi_worker_mirrored_strategy_enabled"


def violations(settings: Settings) -> list[str]:
    """What the parameters are refused for, one a line."""
    with pytest.raises(ParametersError) as caught:
        load_parameters(settings)
    assert caught.value.code == 10
    assert "schema" in caught.value.hint
    return caught.value.message.split("\n")


def write_hyperparameters(root: JobRoot, **hyperparameters: Any) -> None:
    root.write_config("hyperparameters", hyperparameters)


# Defaults


def test_no_files_mean_all_defaults(settings: Settings) -> None:
    parameters = load_parameters(settings)
    assert parameters.for_user() == DEFAULTS
    assert parameters.changed == {}
    assert parameters.own_names == []


def test_an_empty_object_means_all_defaults(root: JobRoot, settings: Settings) -> None:
    root.write_parameters()
    assert load_parameters(settings).for_user() == DEFAULTS


@pytest.mark.parametrize(
    ("name", "value"),
    [*((name, 7) for name in INTEGERS), *(("distribution_strategy", s) for s in STRATEGIES[1:])],
)
def test_every_documented_parameter_can_be_given(
    name: str, value: Any, root: JobRoot, settings: Settings
) -> None:
    root.write_parameters(**{name: value})
    parameters = load_parameters(settings)
    assert getattr(parameters, name) == parameters.for_user()[name] == value
    assert parameters.changed[name] == value
    assert parameters.own_names == []


def test_a_value_equal_to_the_default_is_not_changed(root: JobRoot, settings: Settings) -> None:
    root.write_parameters(eval_steps=100, distribution_strategy="auto")
    assert load_parameters(settings).changed == {}


@pytest.mark.parametrize(
    "name", ["keep_checkpoint_max", "train_max_steps", "eval_steps", "save_checkpoints_secs"]
)
def test_null_is_kept_where_it_means_something(
    name: str, root: JobRoot, settings: Settings
) -> None:
    root.write_parameters(**{name: None})
    parameters = load_parameters(settings)
    assert getattr(parameters, name) is None
    assert parameters.changed == {name: None}


def test_an_integer_may_be_written_as_1_0_and_arrives_as_int(
    root: JobRoot, settings: Settings
) -> None:
    root.write("input/parameters.json", '{"train_max_steps": 1.0, "eval_steps": 2e2, "rate": 1.0}')
    given = load_parameters(settings).for_user()
    assert (given["train_max_steps"], type(given["train_max_steps"])) == (1, int)
    assert (given["eval_steps"], type(given["eval_steps"])) == (200, int)
    assert type(given["rate"]) is float


# The exclusion of the two save_checkpoints parameters


@pytest.mark.parametrize(
    ("steps", "secs", "expected"),
    [
        (ABSENT, ABSENT, (None, 600)),
        (ABSENT, 30, (None, 30)),
        (ABSENT, None, (None, None)),
        (50, ABSENT, (50, None)),
        (50, None, (50, None)),
        (None, ABSENT, (None, None)),
        (None, 30, (None, 30)),
        (None, None, (None, None)),
    ],
)
def test_one_of_the_two_excludes_the_default_of_the_other(
    steps: Any, secs: Any, expected: tuple[Any, Any], root: JobRoot, settings: Settings
) -> None:
    given = {"save_checkpoints_steps": steps, "save_checkpoints_secs": secs}
    root.write_parameters(**{name: value for name, value in given.items() if value != ABSENT})
    parameters = load_parameters(settings)
    assert (parameters.save_checkpoints_steps, parameters.save_checkpoints_secs) == expected
    for name, value in zip(given, expected, strict=True):
        assert parameters.for_user()[name] == value


def test_both_of_the_two_are_refused_with_both_values(root: JobRoot, settings: Settings) -> None:
    root.write_parameters(save_checkpoints_steps=50, save_checkpoints_secs=30)
    (violation,) = violations(settings)
    assert violation == (
        "save_checkpoints_steps is 50 and save_checkpoints_secs is 30; save_checkpoints_steps and"
        " save_checkpoints_secs exclude each other; leave one out or make it null"
    )


def test_one_of_the_two_in_each_file_is_refused_too(root: JobRoot, settings: Settings) -> None:
    write_hyperparameters(root, save_checkpoints_steps="50")
    root.write_parameters(save_checkpoints_secs=30)
    (violation,) = violations(settings)
    assert "exclude each other" in violation


# What is refused, and how it is said


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("value", ["x", True, False, 1.5, -1, 2**63, [1], {"a": 1}], ids=json.dumps)
def test_a_wrong_value_is_refused_with_name_value_rule_and_fix(
    name: str, value: Any, root: JobRoot, settings: Settings
) -> None:
    root.write_parameters(**{name: value})
    (violation,) = violations(settings)
    assert violation.startswith(f"{name} is {json.dumps(value)}; it must be an integer from ")
    assert violation.endswith(f"; leave it out for the default, {json.dumps(DEFAULTS[name])}")


@pytest.mark.parametrize(
    "name", ["save_checkpoints_steps", "log_step_count_steps", "train_max_steps", "eval_steps"]
)
def test_zero_is_refused_where_it_means_nothing(
    name: str, root: JobRoot, settings: Settings
) -> None:
    root.write_parameters(**{name: 0})
    (violation,) = violations(settings)
    assert violation.startswith(f"{name} is 0; it must be an integer from 1 to ")


@pytest.mark.parametrize(
    "name", ["log_step_count_steps", "eval_start_delay_secs", "eval_throttle_secs"]
)
def test_null_is_refused_where_it_means_nothing(
    name: str, root: JobRoot, settings: Settings
) -> None:
    root.write_parameters(**{name: None})
    (violation,) = violations(settings)
    assert violation.startswith(f"{name} is null; it must be ")
    assert "or null" not in violation


def test_a_number_in_quotes_is_told_to_lose_them(root: JobRoot, settings: Settings) -> None:
    root.write_parameters(train_max_steps="20", eval_steps="0", keep_checkpoint_max="²")
    by_name = {violation.split()[0]: violation for violation in violations(settings)}
    assert by_name["train_max_steps"].endswith("write it without quotes: 20")
    assert "quotes" not in by_name["eval_steps"], "0 without quotes is refused just as well"
    assert "quotes" not in by_name["keep_checkpoint_max"]


@pytest.mark.parametrize(
    "value", ["", "gpu", "strategy", "smdistributed", None, True, 0, ["mirrored"]], ids=json.dumps
)
def test_another_strategy_is_refused_with_name_value_rule_and_fix(
    value: Any, root: JobRoot, settings: Settings
) -> None:
    root.write_parameters(distribution_strategy=value)
    (violation,) = violations(settings)
    assert violation == (
        f"distribution_strategy is {json.dumps(value)}; it must be one of {', '.join(STRATEGIES)};"
        ' leave it out for the default, "auto"'
    )


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("Mirrored", "mirrored"),
        (" mirrored", "mirrored"),
        ('"mirrored"', "mirrored"),
        ("mirored", "mirrored"),
        ("MirroredStrategy", "mirrored"),
        ("tf.distribute.MirroredStrategy", None),
        ("AUTO", "auto"),
        ("None", "none"),
        ("multi-worker-mirrored", "multi_worker_mirrored"),
        ("MultiWorkerMirroredStrategy", "multi_worker_mirrored"),
        ("parameter server", "parameter_server"),
        ("ParameterServerStrategyV1", None),
        ("parameter_servers", "parameter_server"),
    ],
)
def test_a_strategy_spelt_almost_right_is_told_the_right_spelling(
    value: str, meant: str | None, root: JobRoot, settings: Settings
) -> None:
    root.write_parameters(distribution_strategy=value)
    (violation,) = violations(settings)
    assert violation.startswith(f"distribution_strategy is {json.dumps(value)}; it must be one of ")
    told = f'write it "{meant}"' if meant else 'leave it out for the default, "auto"'
    assert violation.endswith(f"; {told}")


def test_a_long_value_is_shown_shortened(root: JobRoot, settings: Settings) -> None:
    root.write_parameters(train_max_steps="x" * 100_000)
    (violation,) = violations(settings)
    assert len(violation) < 300
    assert "xxx…" in violation


def test_all_violations_are_reported_at_once(root: JobRoot, settings: Settings) -> None:
    write_hyperparameters(root, **{SERVERS: "true", WORKERS: "yes"})
    root.write_parameters(**dict.fromkeys(DEFAULTS, -1))
    found = violations(settings)
    assert {violation.split()[0] for violation in found} == {*DEFAULTS, WORKERS}
    assert len(found) == len(DEFAULTS) + 2, "the exclusion and the switch are two more"


@pytest.mark.parametrize("name", ["parameters.json", "config/hyperparameters.json"])
def test_a_broken_file_is_named_with_its_problem(
    name: str, root: JobRoot, settings: Settings
) -> None:
    root.write(f"input/{name}", "[1]")
    with pytest.raises(ParametersError) as caught:
        load_parameters(settings)
    assert caught.value.message == (
        f"{root.path}/input/{name} holds a JSON array, not an object {{...}}"
    )
    assert caught.value.hint


# SageMaker's hyperparameters


@pytest.mark.parametrize(
    ("sent", "decoded"),
    [
        ("20", 20),
        ('"20"', "20"),
        ('"train.py"', "train.py"),
        ("train.py", "train.py"),
        ("true", True),
        ("null", None),
        ("0.5", 0.5),
        ("[1, 2]", [1, 2]),
        ('{"units": 10}', {"units": 10}),
        ("s3://bucket/key", "s3://bucket/key"),
        ("", ""),
        ("NaN", "NaN"),
        ("1e400", "1e400"),
        ("'single'", "'single'"),
        ("[" * 5000, "[" * 5000),
        ("9" * 5000, "9" * 5000),
        (30, 30),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_hyperparameters_are_decoded_from_json_or_kept_as_text(
    sent: Any, decoded: Any, root: JobRoot, settings: Settings
) -> None:
    write_hyperparameters(root, value=sent)
    assert read_hyperparameters(settings) == {"value": decoded}


def test_names_that_sagemaker_injects_are_removed(root: JobRoot, settings: Settings) -> None:
    write_hyperparameters(
        root,
        sagemaker_program='"train.py"',
        sagemaker_region='"eu-west-1"',
        _tuning_objective_metric="loss",
        units="10",
    )
    assert load_parameters(settings).own_names == ["units"]


def test_a_hyperparameter_is_validated_like_a_parameter(root: JobRoot, settings: Settings) -> None:
    write_hyperparameters(root, train_max_steps="many", eval_steps="7")
    (violation,) = violations(settings)
    assert violation.startswith('train_max_steps is "many";')


def test_parameters_json_wins_name_by_name(root: JobRoot, settings: Settings) -> None:
    write_hyperparameters(root, train_max_steps="20", eval_steps="7", units="10")
    root.write_parameters(train_max_steps=30, units=11)
    given = load_parameters(settings).for_user()
    assert (given["train_max_steps"], given["eval_steps"], given["units"]) == (30, 7, 11)


def test_a_wrong_hyperparameter_that_parameters_json_replaces_is_not_refused(
    root: JobRoot, settings: Settings
) -> None:
    write_hyperparameters(root, train_max_steps="many")
    root.write_parameters(train_max_steps=30)
    assert load_parameters(settings).train_max_steps == 30


@pytest.mark.parametrize(
    ("sent", "program"),
    [('"train.py"', "train.py"), ("train.py", "train.py"), ('""', None), ("5", None)],
)
def test_the_sagemaker_program_is_decoded_like_any_value(
    sent: str, program: str | None, root: JobRoot, settings: Settings
) -> None:
    write_hyperparameters(root, sagemaker_program=sent)
    assert sagemaker_program(settings) == program


def test_without_hyperparameters_there_is_no_sagemaker_program(settings: Settings) -> None:
    assert sagemaker_program(settings) is None


# The strategy that SageMaker's SDK switches on


@pytest.mark.parametrize("on", ["true", True, " true "])
@pytest.mark.parametrize(
    ("switch", "strategy"), [(SERVERS, "parameter_server"), (WORKERS, "multi_worker_mirrored")]
)
def test_a_switch_of_sagemaker_that_is_on_is_the_strategy(
    switch: str, strategy: str, on: Any, root: JobRoot, settings: Settings
) -> None:
    write_hyperparameters(root, **{switch: on})
    parameters = load_parameters(settings)
    assert parameters.distribution_strategy == strategy
    assert parameters.for_user() == {**DEFAULTS, "distribution_strategy": strategy}
    assert parameters.changed == {"distribution_strategy": strategy}
    assert parameters.own_names == []


@pytest.mark.parametrize("off", ["false", False])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_switches_of_sagemaker_that_are_off_change_nothing(
    strategy: str, off: Any, root: JobRoot, settings: Settings
) -> None:
    write_hyperparameters(root, **{SERVERS: off, WORKERS: off})
    assert load_parameters(settings).changed == {}
    root.write_parameters(distribution_strategy=strategy)
    assert load_parameters(settings).distribution_strategy == strategy


def test_one_switch_of_sagemaker_may_be_on_while_the_other_is_off(
    root: JobRoot, settings: Settings
) -> None:
    write_hyperparameters(root, **{SERVERS: "true", WORKERS: "false"})
    assert load_parameters(settings).distribution_strategy == "parameter_server"


def test_two_switches_of_sagemaker_are_refused_with_both_names(
    root: JobRoot, settings: Settings
) -> None:
    write_hyperparameters(root, **{SERVERS: "true", WORKERS: "true"})
    (violation,) = violations(settings)
    assert violation == (
        f"{SERVERS} and {WORKERS} are both true; a job has one strategy; make one of them false"
    )


@pytest.mark.parametrize("switch", [SERVERS, WORKERS])
@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("yes", '"yes"'),
        ("True", '"True"'),
        ('"true"', '"true"'),
        ("", '""'),
        ("1", "1"),
        (0, "0"),
        ("null", "null"),
        ('{"enabled": true}', '{"enabled": true}'),
    ],
)
def test_a_switch_of_sagemaker_that_is_no_boolean_is_refused(
    switch: str, sent: Any, shown: str, root: JobRoot, settings: Settings
) -> None:
    write_hyperparameters(root, **{switch: sent})
    (violation,) = violations(settings)
    assert violation == f"{switch} is {shown}; it must be true or false; leave it out for false"


@pytest.mark.parametrize("strategy", ["none", "mirrored", "multi_worker_mirrored"])
@pytest.mark.parametrize("in_file", [True, False])
def test_a_switch_of_sagemaker_beside_another_strategy_is_refused(
    strategy: str, in_file: bool, root: JobRoot, settings: Settings
) -> None:
    given = {"distribution_strategy": strategy}
    write_hyperparameters(root, **{SERVERS: "true"}, **({} if in_file else given))
    root.write_parameters(**(given if in_file else {}))
    (violation,) = violations(settings)
    assert violation == (
        f'distribution_strategy is "{strategy}" and {SERVERS} is true, which means'
        ' "parameter_server"; leave one of them out'
    )


@pytest.mark.parametrize("strategy", ["auto", "parameter_server"])
def test_a_switch_of_sagemaker_beside_auto_or_the_same_strategy_is_the_strategy(
    strategy: str, root: JobRoot, settings: Settings
) -> None:
    write_hyperparameters(root, **{SERVERS: "true"})
    root.write_parameters(distribution_strategy=strategy)
    assert load_parameters(settings).distribution_strategy == "parameter_server"


@pytest.mark.parametrize("strategy", ["Mirrored", ["mirrored"], None])
def test_a_switch_of_sagemaker_adds_nothing_to_a_strategy_that_is_refused(
    strategy: Any, root: JobRoot, settings: Settings
) -> None:
    write_hyperparameters(root, **{SERVERS: "true"})
    root.write_parameters(distribution_strategy=strategy)
    (violation,) = violations(settings)
    assert violation.startswith(f"distribution_strategy is {json.dumps(strategy)}; it must be ")


def test_a_switch_of_sagemaker_in_parameters_json_is_the_users_own(
    root: JobRoot, settings: Settings
) -> None:
    root.write_parameters(**{SERVERS: True})
    parameters = load_parameters(settings)
    assert parameters.distribution_strategy == "auto"
    assert parameters.own_names == [SERVERS]


# The user's own parameters


def test_own_parameters_pass_through_with_nested_values(root: JobRoot, settings: Settings) -> None:
    own = {
        "layers": [{"units": 10, "dropout": 0.4}, None],
        "名字": "数字",
        "train": {"a": {"b": []}},
    }
    root.write_parameters(**own)
    parameters = load_parameters(settings)
    assert parameters.for_user() == {**DEFAULTS, **own}
    assert parameters.own_names == sorted(own)


def test_the_users_parameters_are_items_and_attributes(root: JobRoot, settings: Settings) -> None:
    root.write_parameters(rate=0.5, items=3)
    params = load_parameters(settings).for_user()
    assert isinstance(params, dict)
    assert params["rate"] == params.rate == 0.5
    assert params.train_max_steps == 10000
    assert callable(params.items), "a dict's own methods stay"
    params.rate = 0.25
    assert params["rate"] == 0.25
    assert copy.deepcopy(params).rate == 0.25
    assert json.loads(json.dumps(params))["rate"] == 0.25
    assert not hasattr(params, "absent")
    with pytest.raises(AttributeError, match=r"params has no 'absent'; it has .*rate"):
        _ = params.absent


def test_every_function_gets_a_copy_of_its_own(root: JobRoot, settings: Settings) -> None:
    root.write_parameters(layers=[{"units": 10}])
    parameters = load_parameters(settings)
    first = parameters.for_user()
    first["layers"][0]["units"] = 99
    first["train_max_steps"] = 1
    assert type(first["layers"][0]) is dict
    assert parameters.for_user() == {**DEFAULTS, "layers": [{"units": 10}]}


def test_values_nested_as_deep_as_is_allowed_can_be_copied(
    root: JobRoot, settings: Settings
) -> None:
    deep = '{"own": ' + "[" * 98 + "]" * 98 + "}"
    root.write("input/parameters.json", deep)
    assert load_parameters(settings).for_user()["own"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("train_max_step", "train_max_steps"),
        ("train-max-steps", "train_max_steps"),
        ("Eval_Steps", "eval_steps"),
        ("eval_setps", "eval_steps"),
        ("distribution-strategy", "distribution_strategy"),
    ],
)
def test_a_name_one_edit_from_a_documented_one_gets_a_warning(
    given: str, meant: str, root: JobRoot, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    root.write_parameters(**{given: 5})
    assert load_parameters(settings).own_names == [given]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"parameter {given!r} is passed to your code as your own; did you mean {meant!r}?"
    )


def test_other_names_get_no_warning(
    root: JobRoot, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    root.write_parameters(eval_steps=5, eval_batches=6, steps=7, train_steps=8)
    load_parameters(settings)
    assert caplog.records == []


# Other ways to give them


def test_the_variable_is_the_parameters(root: JobRoot) -> None:
    settings = read_settings(
        {"MODELMAKER_ROOT": str(root.path), "MODELMAKER_PARAMETERS": '{"eval_steps": 3, "own": []}'}
    )
    parameters = load_parameters(settings)
    assert (parameters.eval_steps, parameters.own_names) == (3, ["own"])


def test_what_was_fetched_is_the_parameters(root: JobRoot) -> None:
    settings = read_settings(
        {"MODELMAKER_ROOT": str(root.path), "MODELMAKER_PARAMETERS_URI": "s3://bucket/p.json"}
    )
    assert load_parameters(settings, '{"eval_steps": 3}').eval_steps == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "MODELMAKER_PARAMETERS holds a JSON array, not an object {...}"),
        ("{", "MODELMAKER_PARAMETERS is not JSON: "),
        ("\udcff", "MODELMAKER_PARAMETERS is not UTF-8 text (byte 0)"),
        ('{"eval_steps": 1, "eval_steps": 2}', "MODELMAKER_PARAMETERS names 'eval_steps' twice"),
    ],
)
def test_a_variable_that_is_no_object_is_named(text: str, said: str, root: JobRoot) -> None:
    settings = read_settings({"MODELMAKER_ROOT": str(root.path), "MODELMAKER_PARAMETERS": text})
    assert violations(settings)[0].startswith(said)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"MODELMAKER_PARAMETERS": "{}"}, "{file} and as MODELMAKER_PARAMETERS"),
        (
            {"MODELMAKER_PARAMETERS_URI": "s3://bucket/p"},
            "{file} and as MODELMAKER_PARAMETERS_URI=s3://bucket/p",
        ),
    ],
)
def test_parameters_given_twice_are_a_contradiction_that_names_both(
    environment: dict[str, str], named: str, root: JobRoot
) -> None:
    settings = read_settings({"MODELMAKER_ROOT": str(root.path), **environment})
    root.write_parameters(eval_steps=1)
    with pytest.raises(ContradictionError) as caught:
        load_parameters(settings, "{}")
    file = settings.parameters_file
    assert caught.value.message == f"the parameters are given as {named.format(file=file)}"
