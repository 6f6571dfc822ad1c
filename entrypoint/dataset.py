"""Find the dataset that the input functions are given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from entrypoint import json_files
from entrypoint.errors import DatasetError
from entrypoint.settings import Settings


def find_dataset(settings: Settings) -> Path:
    """Return the dataset root, `path` of both input functions.

    That is the channel's directory when the scheduler gives exactly one channel, and the
    directory of all channels otherwise (SageMaker developer guide, "How Amazon SageMaker
    Provides Training Information").

    Raises:
        DatasetError: it is missing, unreadable or empty, or inputdataconfig.json is broken.
    """
    directory = settings.data_dir
    channels = _read_channels(settings)
    if len(channels) == 1:
        directory /= channels[0]
    hint = f"mount the dataset at {settings.data_dir}, or set MODELMAKER_DATASET_URI"
    try:
        with os.scandir(directory) as entries:
            is_empty = next(entries, None) is None
    except FileNotFoundError:
        raise DatasetError(f"no dataset: {directory} does not exist", hint=hint) from None
    except NotADirectoryError:
        raise DatasetError(f"the dataset {directory} is not a directory", hint=hint) from None
    except OSError as error:
        raise DatasetError(
            f"cannot read the dataset {directory}: {error.strerror}",
            hint=f"make it readable for uid {os.getuid()}",
        ) from error
    if is_empty:
        raise DatasetError(f"the dataset {directory} is empty", hint=hint)
    return directory


def find_channels(settings: Settings) -> dict[str, Path]:
    """Return the directory of each channel, by its name.

    The channels are those of inputdataconfig.json, without which they are the directories in the
    dataset. A dataset that is one directory of files is the channel `training`.
    """
    directory = settings.data_dir
    channels = _read_channels(settings) or sorted(
        entry.name for entry in directory.iterdir() if entry.is_dir()
    )
    return {name: directory / name for name in channels} or {"training": directory}


def is_dealt_out(settings: Settings) -> bool:
    """Tell whether each machine has its own share of the training data as files.

    So it is with MODELMAKER_DATASET_SHARD=by-key, and with SageMaker's ShardedByS3Key for the
    channel `training` or `train`, or for all channels where there is neither.

    Raises:
        DatasetError: inputdataconfig.json is broken.
    """
    if settings.locations.dataset and settings.dataset_by_key:
        return True
    channels = _read_channel_config(settings)
    training: list[str] = [name for name in ("training", "train") if name in channels]
    training = training or list(channels)
    return bool(training) and all(
        isinstance(channels[name], dict)
        and channels[name].get("S3DistributionType") == "ShardedByS3Key"
        for name in training
    )


def _read_channel_config(settings: Settings) -> dict[str, Any]:
    """Read SageMaker's inputdataconfig.json; without it there are no channels."""
    file = settings.config_dir / "inputdataconfig.json"
    try:
        return json_files.read_object(file)
    except FileNotFoundError:
        return {}
    except json_files.JsonFileError as error:
        raise DatasetError(
            f"{file} {error}", hint="the file is SageMaker's own; check the job's input channels"
        ) from error


def _read_channels(settings: Settings) -> list[str]:
    """Read the channels that are directories from SageMaker's inputdataconfig.json.

    A channel in Pipe mode is no directory but FIFOs beside the channels' directories.
    """
    file = settings.config_dir / "inputdataconfig.json"
    channels = _read_channel_config(settings)
    for name, channel in channels.items():
        if not name or name.startswith(".") or "/" in name or "\0" in name:
            raise DatasetError(
                f"{file} names a channel {name!r}, which is no directory name",
                hint="name the channel with letters, digits, '-', '_' and '.'",
            )
        if isinstance(channel, dict) and channel.get("TrainingInputMode") == "Pipe":
            return []
    return list(channels)
