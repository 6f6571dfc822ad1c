from __future__ import annotations

from typing import Any

import pytest

from entrypoint.dataset import find_dataset, is_dealt_out
from entrypoint.errors import DatasetError
from entrypoint.settings import Settings, read_settings
from tests.jobs import JobRoot

FILE_MODE = {"TrainingInputMode": "File"}
SHARDED = {"TrainingInputMode": "File", "S3DistributionType": "ShardedByS3Key"}
REPLICATED = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
PIPE_MODE = {"TrainingInputMode": "Pipe"}


def refusal(settings: Settings) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        find_dataset(settings)
    assert caught.value.code == 11
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("name", ["a.txt", ".hidden", "channel/a.txt"])
def test_without_channels_it_is_the_directory_itself(
    name: str, root: JobRoot, settings: Settings
) -> None:
    root.write(f"input/data/{name}", "")
    assert find_dataset(settings) == settings.data_dir


def test_a_single_channel_is_the_dataset(root: JobRoot, settings: Settings) -> None:
    root.write("input/data/training/a.txt", "").write("input/data/other/b.txt", "")
    root.write_config("inputdataconfig", {"training": FILE_MODE})
    assert find_dataset(settings) == settings.data_dir / "training"


def test_several_channels_lie_in_the_dataset(root: JobRoot, settings: Settings) -> None:
    root.write("input/data/train/a.txt", "").write("input/data/eval/b.txt", "")
    root.write_config("inputdataconfig", {"train": FILE_MODE, "eval": FILE_MODE})
    assert find_dataset(settings) == settings.data_dir


def test_no_channel_is_like_no_file(root: JobRoot, settings: Settings) -> None:
    root.write("input/data/a.txt", "").write_config("inputdataconfig", {})
    assert find_dataset(settings) == settings.data_dir


@pytest.mark.parametrize(
    "channels", [{"train": PIPE_MODE}, {"train": PIPE_MODE, "eval": FILE_MODE}]
)
def test_the_fifos_of_a_pipe_channel_lie_in_the_dataset(
    channels: dict[str, Any], root: JobRoot, settings: Settings
) -> None:
    root.write("input/data/train_0", "")
    root.write_config("inputdataconfig", channels)
    assert find_dataset(settings) == settings.data_dir


def test_a_missing_dataset_is_named_with_where_to_mount_it(settings: Settings) -> None:
    error = refusal(settings)
    assert error.message == f"no dataset: {settings.data_dir} does not exist"
    assert error.hint == f"mount the dataset at {settings.data_dir}, or set MODELMAKER_DATASET_URI"


def test_a_missing_channel_is_named(root: JobRoot, settings: Settings) -> None:
    root.write("input/data/other/a.txt", "")
    root.write_config("inputdataconfig", {"train": FILE_MODE})
    assert refusal(settings).message == f"no dataset: {settings.data_dir}/train does not exist"


def test_an_empty_dataset_is_refused(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True)
    assert refusal(settings).message == f"the dataset {settings.data_dir} is empty"


def test_a_dataset_that_is_a_file_is_refused(root: JobRoot, settings: Settings) -> None:
    root.write("input/data", "rows")
    assert refusal(settings).message == f"the dataset {settings.data_dir} is not a directory"


def test_a_dataset_that_cannot_be_read_is_refused(settings: Settings) -> None:
    """Permissions stop no root user, so the reason here is a link that leads to itself."""
    settings.data_dir.parent.mkdir()
    settings.data_dir.symlink_to(settings.data_dir)
    error = refusal(settings)
    assert error.message.startswith(f"cannot read the dataset {settings.data_dir}: ")
    assert error.hint.startswith("make it readable for uid ")


@pytest.mark.parametrize("name", ["", ".", "..", "../code", "a/b", "/etc", ".hidden", "a\0b"])
def test_a_channel_name_cannot_lead_elsewhere(name: str, root: JobRoot, settings: Settings) -> None:
    root.write("input/data/a.txt", "").write("code/model.py", "")
    root.write_config("inputdataconfig", {name: FILE_MODE})
    assert f"names a channel {name!r}" in refusal(settings).message


def test_a_channel_name_that_is_too_long_is_refused(root: JobRoot, settings: Settings) -> None:
    root.write_config("inputdataconfig", {"a" * 5000: FILE_MODE})
    assert "File name too long" in refusal(settings).message


@pytest.mark.parametrize("content", ["[]", "{", "null"])
def test_a_broken_inputdataconfig_is_refused_by_its_name(
    content: str, root: JobRoot, settings: Settings
) -> None:
    root.write("input/config/inputdataconfig.json", content)
    assert refusal(settings).message.startswith(f"{settings.config_dir}/inputdataconfig.json ")


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ({}, False),
        ({"training": REPLICATED}, False),
        ({"training": FILE_MODE, "eval": SHARDED}, False),
        ({"train": REPLICATED, "a": SHARDED}, False),
        ({"a": SHARDED, "b": REPLICATED}, False),
        ({"training": "text"}, False),
        ({"training": SHARDED}, True),
        ({"train": SHARDED, "eval": REPLICATED}, True),
        ({"a": SHARDED, "b": SHARDED}, True),
    ],
)
def test_sagemaker_tells_whether_it_has_dealt_the_training_data_out(
    channels: dict[str, Any], expected: bool, root: JobRoot, settings: Settings
) -> None:
    root.write_config("inputdataconfig", channels)
    assert is_dealt_out(settings) is expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"MODELMAKER_DATASET_URI": "s3://b0b/x"}, False),
        ({"MODELMAKER_DATASET_URI": "s3://b0b/x", "MODELMAKER_DATASET_SHARD": "all"}, False),
        ({"MODELMAKER_DATASET_URI": "s3://b0b/x", "MODELMAKER_DATASET_SHARD": "by-key"}, True),
    ],
)
def test_objects_shared_out_by_key_are_dealt_out(
    environment: dict[str, str], expected: bool, root: JobRoot
) -> None:
    settings = read_settings({"MODELMAKER_ROOT": str(root.path), **environment})
    assert is_dealt_out(settings) is expected
