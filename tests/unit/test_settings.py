from __future__ import annotations

import dataclasses
import socket
from pathlib import Path

import pytest

from entrypoint.errors import UsageError
from entrypoint.settings import JOB_NAME_VARIABLES, Settings, read_settings
from entrypoint.storage.locations import VARIABLES


def test_an_empty_environment_gives_the_defaults() -> None:
    host = socket.gethostname()
    assert read_settings({}) == Settings(root_dir=Path("/opt/ml"), job_name=host)


def test_a_variable_of_ours_that_means_nothing_is_noted() -> None:
    environment = {"MODELMAKER_MODUL": "x", "MODELMAKER_MODULE": "y", "MODEL": "z"}
    assert read_settings(environment).unknown_variables == ("MODELMAKER_MODUL",)


def test_every_path_of_the_contract_hangs_off_the_root() -> None:
    settings = read_settings({"MODELMAKER_ROOT": "/r"})
    assert {
        name: str(getattr(settings, name))
        for name in dir(settings)
        if name.endswith(("_dir", "_file"))
    } == {
        "root_dir": "/r",
        "code_dir": "/r/code",
        "parameters_file": "/r/input/parameters.json",
        "config_dir": "/r/input/config",
        "data_dir": "/r/input/data",
        "checkpoints_dir": "/r/checkpoints",
        "model_dir": "/r/model",
        "output_dir": "/r/output",
        "failure_file": "/r/output/failure",
        "metrics_file": "/r/output/data/metrics.jsonl",
        "tensorboard_dir": "/r/output/data/tensorboard",
        "report_file": "/r/output/data/report.json",
    }


def test_a_relative_root_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings({"MODELMAKER_ROOT": "./run"}).root_dir == tmp_path / "run"


@pytest.mark.parametrize(
    "name",
    [
        "MODELMAKER_ROOT",
        "MODELMAKER_MODULE",
        "MODELMAKER_LOG_FORMAT",
        "MODELMAKER_LOG_LEVEL",
        "MODELMAKER_REQUIRE_GPU",
        "MODELMAKER_JOB_NAME",
    ],
)
def test_an_empty_variable_is_like_none(name: str) -> None:
    assert read_settings({name: ""}) == read_settings({})


@pytest.mark.parametrize(("given", "required"), [("1", True), ("0", False)])
def test_a_gpu_is_insisted_on_or_waived(given: str, required: bool) -> None:
    assert read_settings({"MODELMAKER_REQUIRE_GPU": given}).require_gpu is required


def test_switches_are_read_in_any_case() -> None:
    settings = read_settings({"MODELMAKER_LOG_FORMAT": "Text", "MODELMAKER_LOG_LEVEL": "Debug"})
    assert (settings.log_format, settings.log_level) == ("text", "DEBUG")
    assert read_settings({"MODELMAKER_LOG_FORMAT": "json"}).log_format == "json"


def test_all_meaningless_values_are_named_at_once() -> None:
    environment = {
        "MODELMAKER_LOG_FORMAT": "xml",
        "MODELMAKER_LOG_LEVEL": "loud",
        "MODELMAKER_REQUIRE_GPU": "yes",
    }
    with pytest.raises(UsageError) as caught:
        read_settings(environment)
    assert caught.value.message == (
        "MODELMAKER_LOG_FORMAT='xml' is not one of json, text;"
        " MODELMAKER_LOG_LEVEL='loud' is not one of debug, info, warning, error;"
        " MODELMAKER_REQUIRE_GPU='yes' is not one of 0, 1"
    )


def test_the_first_name_that_is_set_names_the_job() -> None:
    environment: dict[str, str] = {}
    assert read_settings(environment).job_name == socket.gethostname()
    for name in reversed(JOB_NAME_VARIABLES):
        environment[name] = f"from {name}"
        assert read_settings(environment).job_name == f"from {name}"


def test_only_the_variables_that_describe_a_cluster_are_kept() -> None:
    cluster = {
        "TF_CONFIG": "{}",
        "CLUSTER_SPEC": "{}",
        "AWS_BATCH_JOB_NUM_NODES": "1",
        "SLURM_STEP_NUM_TASKS": "1",
        "JOB_COMPLETION_INDEX": "0",
        "MODELMAKER_HOSTS": "a,b",
    }
    others = {
        "SLURM_CONF": "/etc/slurm.conf",
        "AWS_SECRET_ACCESS_KEY": "s",
        "PATH": "/bin",
        "TF_CONFIGURATION": "x",
    }
    assert read_settings({**cluster, **others}).cluster_environment == cluster


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_settings({}).module = "other"  # type: ignore[misc]  # that is what is tested


def test_shares_by_key_need_a_dataset_with_keys() -> None:
    with pytest.raises(UsageError, match="by-key is given without MODELMAKER_DATASET_URI"):
        read_settings({"MODELMAKER_DATASET_SHARD": "by-key"})


def test_every_location_is_read_from_its_variable() -> None:
    environment = {variable: f"s3://bucket/{name}" for name, variable in VARIABLES.items()}
    locations = read_settings(environment).locations
    assert {name: str(getattr(locations, name)) for name in VARIABLES} == {
        name: f"s3://bucket/{name}" for name in VARIABLES
    }
    assert locations
    assert not read_settings({}).locations


def test_a_location_of_another_kind_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="MODELMAKER_MODEL_URI has the scheme gs, not s3"):
        read_settings({"MODELMAKER_MODEL_URI": "gs://bucket/model"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"DATASET": "s3://bucket/a"}, {"OUTPUT": "s3://bucket/a"}),
        ({"DATASET": "s3://bucket/a"}, {"CHECKPOINT": "s3://bucket/a/b"}),
        ({"DATASET": "s3://bucket/a/data"}, {"OUTPUT": "s3://bucket/a"}),
        ({"CODE": "s3://bucket/a"}, {"MODEL": "s3://bucket/a/b/"}),
        ({"CODE": "s3://bucket/a"}, {"MODEL": "s3://bucket"}),
        ({"MODEL": "s3://bucket/a"}, {"OUTPUT": "s3://bucket/a/"}),
    ],
)
def test_locations_that_would_mix_are_refused_with_both_names(
    one: dict[str, str], other: dict[str, str]
) -> None:
    environment = {f"MODELMAKER_{name}_URI": uri for name, uri in (one | other).items()}
    with pytest.raises(UsageError) as caught:
        read_settings(environment)
    for name in environment:
        assert f"{name}=" in caught.value.message


@pytest.mark.parametrize(
    "environment",
    [
        {"CODE": "s3://bucket/a", "DATASET": "s3://bucket/a/b"},
        {"DATASET": "s3://bucket/a", "OUTPUT": "s3://bucket/ab"},
        {"DATASET": "s3://bucket/a", "OUTPUT": "s3://other/a"},
        {"PARAMETERS": "s3://bucket/a/p.json", "OUTPUT": "s3://bucket/a"},
        {"OUTPUT": "s3://bucket/a", "CHECKPOINT": "s3://bucket/a/b"},
    ],
)
def test_locations_beside_each_other_are_not(environment: dict[str, str]) -> None:
    assert read_settings(
        {f"MODELMAKER_{name}_URI": uri for name, uri in environment.items()}
    ).locations
