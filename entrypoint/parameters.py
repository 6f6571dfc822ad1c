"""Load, decode and validate the parameters, and fill in the defaults."""

from __future__ import annotations

import copy
import functools
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jsonschema

from entrypoint import json_files
from entrypoint.errors import ContradictionError, ParametersError
from entrypoint.settings import Settings

logger = logging.getLogger(__name__)

DistributionStrategy = Literal[
    "auto", "none", "mirrored", "multi_worker_mirrored", "parameter_server"
]

SCHEMA_FILE = Path(__file__).parents[1] / "schema" / "parameters.schema.json"

MAX_SHOWN_CHARACTERS = 100

# Names that SageMaker's SDK and tuner add to the hyperparameters; they are not the user's.
_INJECTED_PREFIXES = ("sagemaker_", "_tuning")

# As these the SDK passes on `distribution=` of its TensorFlow estimator, read by
# aws/sagemaker-tensorflow-training-toolkit (src/sagemaker_tensorflow_container/training.py).
_SAGEMAKER_SWITCHES: dict[str, DistributionStrategy] = {
    "sagemaker_parameter_server_enabled": "parameter_server",
    "sagemaker_multi_worker_mirrored_strategy_enabled": "multi_worker_mirrored",
}


class UserParameters(dict[str, Any]):
    """A dict whose items can be read and set as attributes too.

    Code that was written for `tf.contrib.training.HParams` says `params.batch_size`.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"params has no {name!r}; it has {', '.join(self)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The documented parameters, validated, and everything the user's functions are given.

    The fields of the same names are documented in `schema/parameters.schema.json`; None stands
    for null.

    Attributes:
        changed: the documented parameters whose value is not the default.
    """

    save_checkpoints_steps: int | None
    save_checkpoints_secs: int | None
    keep_checkpoint_max: int | None
    log_step_count_steps: int
    train_max_steps: int | None
    eval_steps: int | None
    eval_start_delay_secs: int
    eval_throttle_secs: int
    distribution_strategy: DistributionStrategy
    changed: Mapping[str, int | str | None]
    _for_user: Mapping[str, Any]

    def for_user(self) -> UserParameters:
        """Return a fresh dict: the documented parameters and the user's own.

        Every caller gets its own deep copy, so one user function cannot change it for another.
        """
        return UserParameters(copy.deepcopy(dict(self._for_user)))

    @property
    def own_names(self) -> list[str]:
        """The names that are the user's own, sorted."""
        return sorted(set(self._for_user) - set(documented_parameters()))


@functools.cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of the parameters (draft 2020-12)."""
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded


def documented_parameters() -> dict[str, dict[str, Any]]:
    """Return the schema of each documented parameter by name, in the order of the schema."""
    properties: dict[str, dict[str, Any]] = schema()["properties"]
    return properties


def load_parameters(settings: Settings, fetched: str | None = None) -> Parameters:
    """Read the parameters and SageMaker's hyperparameters into validated Parameters.

    The parameters are parameters.json, or MODELMAKER_PARAMETERS, or an object in the storage; a
    name in the hyperparameters too has the value of the parameters. Without any, all have their
    defaults. Where distribution_strategy is left out, or is auto, a strategy that SageMaker's SDK
    switches on is its value.

    Args:
        settings: where they are.
        fetched: the text of the object that MODELMAKER_PARAMETERS_URI names.

    Raises:
        ContradictionError: they are given in more than one way.
        ParametersError: they cannot be read, or values break the schema; all of them are named.
    """
    given = {**read_hyperparameters(settings), **_read_parameters(settings, fetched)}
    for name in given:
        meant = _documented_name_like(name)
        if meant:
            logger.warning(
                "parameter %r is passed to your code as your own; did you mean %r?",
                name,
                meant,
                extra={"event": "parameter_name", "parameter": name, "documented": meant},
            )
    switches = _read_switches(settings)
    violations = [*_violations(given), *_switch_violations(switches, given)]
    if violations:
        raise ParametersError(
            "\n".join(violations), hint="`docker run IMAGE schema` prints every parameter's rules"
        )
    for name in _on(switches):
        given["distribution_strategy"] = _SAGEMAKER_SWITCHES[name]
    return _fill(given)


def _read_parameters(settings: Settings, fetched: str | None) -> dict[str, Any]:
    file, uri = settings.parameters_file, settings.locations.parameters
    given = [
        name
        for name, is_given in (
            (str(file), os.path.lexists(file)),
            ("MODELMAKER_PARAMETERS", settings.parameters_text is not None),
            (f"MODELMAKER_PARAMETERS_URI={uri}", uri is not None),
        )
        if is_given
    ]
    if len(given) > 1:
        raise ContradictionError(
            f"the parameters are given as {' and as '.join(given)}", hint="leave all but one out"
        )
    hint = "correct the parameters; see `docker run IMAGE schema`"
    text = settings.parameters_text if fetched is None else fetched
    if text is None:
        return _read(file, hint)
    try:
        return json_files.parse_object(text.encode("utf-8", "surrogateescape"))
    except json_files.JsonFileError as error:
        raise ParametersError(f"{given[0]} {error}", hint=hint) from error


def read_hyperparameters(settings: Settings) -> dict[str, Any]:
    """Read SageMaker's hyperparameters.json, decoded and without the names SageMaker injects.

    SageMaker sends every value as a string. Its Python SDK JSON-encodes what it sends, the raw
    API does not: a value that is not JSON is kept as the string it is.

    Raises:
        ParametersError: the file is there and cannot be used.
    """
    return {
        name: _decode(value)
        for name, value in _read_raw_hyperparameters(settings).items()
        if not name.startswith(_INJECTED_PREFIXES)
    }


def sagemaker_program(settings: Settings) -> str | None:
    """Return the script that SageMaker's SDK names as the user's program, if it names one.

    Raises:
        ParametersError: hyperparameters.json is there and cannot be used.
    """
    program = _decode(_read_raw_hyperparameters(settings).get("sagemaker_program"))
    return program if isinstance(program, str) and program else None


def sagemaker_submit_directory(settings: Settings) -> str | None:
    """Return where SageMaker's SDK says it has put the user's code: a URI, or a directory.

    Raises:
        ParametersError: hyperparameters.json is there and cannot be used.
    """
    directory = _decode(_read_raw_hyperparameters(settings).get("sagemaker_submit_directory"))
    return directory if isinstance(directory, str) and directory else None


def _read_switches(settings: Settings) -> dict[str, Any]:
    """Read those of SageMaker's switches that hyperparameters.json holds, decoded."""
    raw = _read_raw_hyperparameters(settings)
    return {name: _decode(raw[name]) for name in _SAGEMAKER_SWITCHES if name in raw}


def _on(switches: Mapping[str, Any]) -> list[str]:
    return [name for name, value in switches.items() if value is True]


def _read_raw_hyperparameters(settings: Settings) -> dict[str, Any]:
    hint = "the file is SageMaker's own; check the job's hyperparameters"
    return _read(settings.config_dir / "hyperparameters.json", hint)


def _read(file: Path, hint: str) -> dict[str, Any]:
    try:
        return json_files.read_object(file)
    except FileNotFoundError:
        return {}
    except json_files.JsonFileError as error:
        raise ParametersError(f"{file} {error}", hint=hint) from error


def _decode(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json_files.parse(value)
    except json_files.JsonFileError:
        return value


def _violations(given: Mapping[str, Any]) -> Iterator[str]:
    validator = jsonschema.Draft202012Validator(schema())
    errors = sorted(validator.iter_errors(dict(given)), key=lambda error: list(error.path))
    # A value may break several rules; it is described once, with all of them.
    for name in dict.fromkeys(str(error.path[0]) if error.path else "" for error in errors):
        yield _describe(name, given[name]) if name else _describe_exclusion(given)


def _switch_violations(switches: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with SageMaker's switches, alone and beside distribution_strategy."""
    for name, value in switches.items():
        if not isinstance(value, bool):
            yield f"{name} is {_shown(value)}; it must be true or false; leave it out for false"
    on = _on(switches)
    if len(on) > 1:
        yield f"{' and '.join(on)} are both true; a job has one strategy; make one of them false"
    strategy = given.get("distribution_strategy", "auto")
    if strategy not in documented_parameters()["distribution_strategy"]["enum"]:
        return  # the schema's own violation says so
    for name in on:
        if strategy not in ("auto", _SAGEMAKER_SWITCHES[name]):
            yield (
                f"distribution_strategy is {_shown(strategy)} and {name} is true, which means"
                f" {_shown(_SAGEMAKER_SWITCHES[name])}; leave one of them out"
            )


def _describe(name: str, value: Any) -> str:
    rules = documented_parameters()[name]
    fix = f"leave it out for the default, {json.dumps(rules['default'])}"
    if "enum" in rules:
        meant = _choice_like(value, rules["enum"])
        if meant:
            fix = f"write it {json.dumps(meant)}"
    elif isinstance(value, str) and jsonschema.Draft202012Validator(rules).is_valid(_decode(value)):
        fix = f"write it without quotes: {value}"
    return f"{name} is {_shown(value)}; it must be {describe_rules(rules)}; {fix}"


def _shown(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= MAX_SHOWN_CHARACTERS else shown[:MAX_SHOWN_CHARACTERS] + "…"


def _choice_like(value: Any, choices: Iterable[str]) -> str | None:
    """Return the choice that a value like "Mirrored" or "MirroredStrategy" seems to mean."""
    if not isinstance(value, str):
        return None
    plain = _letters(value).removesuffix("strategy")
    return next((c for c in choices if is_within_one_edit(plain, _letters(c))), None)


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.lower()))


def describe_rules(rules: Mapping[str, Any]) -> str:
    """Put what a parameter may be into words.

    "an integer from 1 to 2147483647, or null", or "one of auto, none" with all that there are.
    """
    if "enum" in rules:
        return f"one of {', '.join(rules['enum'])}"
    or_null = ", or null" if "null" in rules["type"] else ""
    return f"an integer from {rules['minimum']} to {rules['maximum']}{or_null}"


def _describe_exclusion(given: Mapping[str, Any]) -> str:
    names = schema()["not"]["required"]
    values = " and ".join(f"{name} is {json.dumps(given[name])}" for name in names)
    return f"{values}; {schema()['not']['description']}; leave one out or make it null"


def _fill(given: Mapping[str, Any]) -> Parameters:
    documented = {name: rules["default"] for name, rules in documented_parameters().items()}
    defaults = dict(documented)
    exclusive: list[str] = schema()["not"]["required"]
    if any(name in given for name in exclusive):
        # A default of one must not join, or replace, what was given for the other.
        documented.update(dict.fromkeys(exclusive))
    # JSON Schema counts 1.0 as an integer; Python's range() and TensorFlow do not.
    documented.update(
        {n: int(v) if isinstance(v, float) else v for n, v in given.items() if n in documented}
    )
    return Parameters(
        **documented,
        changed={n: v for n, v in documented.items() if v != defaults[n]},
        _for_user={**given, **documented},
    )


# What SageMaker's containers of 2018 called two of them.
_FORMER_NAMES = {"training_steps": "train_max_steps", "evaluation_steps": "eval_steps"}


def _documented_name_like(name: str) -> str | None:
    """Return the documented parameter that `name` seems to misspell, or used to name."""
    if name in _FORMER_NAMES:
        return _FORMER_NAMES[name]
    plain = name.lower().replace("-", "_")
    for documented in documented_parameters():
        if name != documented and is_within_one_edit(plain, documented):
            return documented
    return None


def is_within_one_edit(left: str, right: str) -> bool:
    """Tell whether one letter added, dropped, replaced or swapped with its neighbour is enough."""
    if abs(len(left) - len(right)) > 1:
        return False
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    a, b = left[start:], right[start:]
    swapped = a[1::-1] + a[2:]
    return b in (a, swapped) or a[1:] == b[1:] or a[1:] == b or a == b[1:]
