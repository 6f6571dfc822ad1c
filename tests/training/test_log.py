"""The log of a real training."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

from tests.jobs import PROJECT_DIR, USER_CODE_DIR, JobRoot

LINE = (USER_CODE_DIR / "line.py").read_text(encoding="utf-8")


def test_every_line_is_a_record_with_the_same_leading_fields(job: JobRoot) -> None:
    source = LINE.replace(
        "def model_fn(",
        'import logging\nprint("printed")\nlogging.getLogger("mine").warning("said %s", 1)\n\n'
        "def model_fn(",
    )
    finished = job.write_code(line=source).run(MODELMAKER_JOB_NAME="night-run")
    assert finished.code == 0
    for record in finished.records:
        assert list(record)[:3] == ["time", "level", "event"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["time"])
        assert record["job"] == "night-run"
        assert record["task"] == "chief"
        assert "message" in record
    assert "printed" in [r["message"] for r in finished.events("output")]
    assert finished.event("mine")["message"] == "said 1"
    # TensorFlow's own log comes the same way; people scrape figures out of these lines.
    assert any(
        re.match(r"loss = [\d.e-]+, step = \d+", r["message"])
        for r in finished.events("tensorflow")
    )
    assert finished.last["event"] == "done"
    assert finished.last["code"] == 0


def test_the_start_line_says_what_will_run(job: JobRoot) -> None:
    start = job.write_parameters(train_max_steps=3, rate=0.5).run().event("start")
    assert start["tensorflow"] == "2.21.0"
    assert start["gpus"] == []
    assert start["strategy"] == "none"
    assert start["parameters"]["keep_checkpoint_max"] == 5
    assert start["not_default"] == {"train_max_steps": 3}
    assert start["own_parameters"] == {"rate": 0.5}


def test_progress_and_evaluation_are_also_in_the_metrics_file(job: JobRoot) -> None:
    finished = job.write_parameters(train_max_steps=6, log_step_count_steps=2).run()
    metrics = [r for r in job.metrics if r["event"] == "progress"]
    assert [r["global_step"] for r in metrics] == [2, 4, 6]
    (evaluation,) = [r for r in job.metrics if r["event"] == "evaluation"]
    assert set(evaluation["metrics"]) == {"loss", "error"}
    assert evaluation["metrics"] == finished.event("evaluation")["metrics"]
    assert job.report["evaluation"] == evaluation["metrics"]


def test_event_files_are_in_the_output_and_not_among_the_checkpoints(job: JobRoot) -> None:
    assert job.run().code == 0
    tensorboard = job.path / "output" / "data" / "tensorboard"
    assert list(tensorboard.glob("events.out.tfevents.*"))
    assert list((tensorboard / "eval").glob("events.out.tfevents.*"))
    assert list((job.path / "checkpoints").rglob("events.out.*")) == []


def test_no_secret_is_logged(job: JobRoot) -> None:
    source = LINE.replace("def model_fn(", 'print("password=hunter2hunter2")\n\ndef model_fn(')
    job.write_code(line=source)
    job.write_parameters(
        train_max_steps=2, api_key="k-123456789", store="s3://AKIAABCDEFGHIJKLMNOP:zzzz@bucket/x"
    )
    finished = job.run(AWS_SECRET_ACCESS_KEY="wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY")
    assert finished.code == 0
    for secret in ("hunter2", "k-123456789", "AKIAABCDEFGHIJKLMNOP", "wJalrXUtn"):
        assert secret not in finished.output
    # The functions get what was given.
    assert finished.event("start")["own_parameters"]["api_key"] == "***"


def test_a_terminal_gets_the_readable_form_with_a_progress_bar(job: JobRoot) -> None:
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "entrypoint"],
        cwd=PROJECT_DIR,
        env={**os.environ, "MODELMAKER_ROOT": str(job.path), "COLUMNS": "100", "TERM": "xterm"},
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    output = b""
    while True:
        try:
            data = os.read(main, 4096)
        except OSError:  # The other end is closed.
            break
        if not data:
            break
        output += data
    os.close(main)
    assert process.wait() == 0
    text = output.decode()
    assert "█" in text
    assert "100%  step 20/20" in text
    assert "\r\x1b[K" in text
    assert '"event"' not in text
    assert "done in" in text.splitlines()[-1]
