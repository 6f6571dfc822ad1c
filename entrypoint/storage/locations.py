"""Which inputs and outputs of a job are s3:// URIs, as its environment names them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields

from entrypoint.errors import UsageError
from entrypoint.storage.uris import S3Uri, parse_uri

# By the fields of Locations.
VARIABLES = {
    "code": "MODELMAKER_CODE_URI",
    "parameters": "MODELMAKER_PARAMETERS_URI",
    "dataset": "MODELMAKER_DATASET_URI",
    "checkpoints": "MODELMAKER_CHECKPOINT_URI",
    "model": "MODELMAKER_MODEL_URI",
    "output": "MODELMAKER_OUTPUT_URI",
}

_INPUTS = ("code", "parameters", "dataset")
# All that is below them is fetched.
_FETCHED_WHOLE = ("code", "dataset")


@dataclass(frozen=True, kw_only=True)
class Locations:
    """Where inputs come from and outputs go, None where the mount is used.

    Attributes:
        code: a prefix with the user's modules, or an archive of them.
        parameters: an object with parameters.json.
        dataset: a prefix whose objects are the dataset.
        checkpoints: a prefix that checkpoints are published below and resumed from.
        model: a prefix that the SavedModel's version directory is published below.
        output: a prefix for what the job says of itself.
    """

    code: S3Uri | None = None
    parameters: S3Uri | None = None
    dataset: S3Uri | None = None
    checkpoints: S3Uri | None = None
    model: S3Uri | None = None
    output: S3Uri | None = None

    def __bool__(self) -> bool:
        """Tell whether anything is an s3:// URI."""
        return any(getattr(self, one.name) for one in fields(self))


def read_locations(environment: Mapping[str, str]) -> Locations:
    """Read the URIs out of an environment.

    Raises:
        UsageError: one of them is no s3:// URI, or two of them get in each other's way.
    """
    given = {
        name: parse_uri(environment[variable], name=variable)
        for name, variable in VARIABLES.items()
        if environment.get(variable)
    }
    for one, other in itertools.combinations(given, 2):
        if _collide(given, one, other):
            raise UsageError(
                f"{VARIABLES[one]}={given[one]} and {VARIABLES[other]}={given[other]} would mix"
                " what belongs to both",
                hint="give each a prefix of its own",
            )
    return Locations(**given)


def _collide(given: Mapping[str, S3Uri], one: str, other: str) -> bool:
    """Tell whether one of two places would get what the other has to do with."""
    if one in _INPUTS and other in _INPUTS:
        return False
    a, b = given[one], given[other]
    if a.bucket != b.bucket:
        return False
    if one in _FETCHED_WHOLE:
        nested = (a.directory_prefix, b.directory_prefix)
        return nested[0].startswith(nested[1]) or nested[1].startswith(nested[0])
    return a.key == b.key
