from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from entrypoint.metrics import MetricsFile


def test_an_event_goes_into_the_file_and_into_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    MetricsFile(tmp_path / "metrics.jsonl").record(
        "progress", "step 5", global_step=5, loss=float("nan")
    )
    record = json.loads((tmp_path / "metrics.jsonl").read_text())
    assert record.pop("time")
    assert record == {"event": "progress", "global_step": 5, "loss": "nan"}
    (logged,) = caplog.records
    assert logged.getMessage() == "step 5"
    assert (vars(logged)["event"], vars(logged)["global_step"]) == ("progress", 5)


def test_a_resumed_job_continues_the_file(tmp_path: Path) -> None:
    for step in (1, 2):
        MetricsFile(tmp_path / "metrics.jsonl").record("progress", "at a step", global_step=step)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["global_step"] for line in lines] == [1, 2]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "absent" / "metrics.jsonl"
    with pytest.raises(FileNotFoundError) as caught:
        MetricsFile(file).record("progress", "at a step")
    assert caught.value.filename == str(file)


def test_a_full_disk_is_named_with_the_file() -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        MetricsFile(Path("/dev/full")).record("progress", "at a step")
    assert caught.value.filename == "/dev/full"
