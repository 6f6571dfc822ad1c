"""What user code does wrong while it runs: code 21, with the user's own file and line."""

from __future__ import annotations

import pytest

from tests.jobs import USER_CODE_DIR, JobRoot

LINE = (USER_CODE_DIR / "line.py").read_text(encoding="utf-8")


def number_of(source: str, text: str) -> int:
    """The number of the line that holds the text."""
    return next(n for n, line in enumerate(source.splitlines(), 1) if text in line)


def broken(old: str, new: str) -> str:
    assert old in LINE
    return LINE.replace(old, new)


@pytest.mark.parametrize(
    ("function", "source"),
    [
        ("model_fn", broken("    loss = tf.losses", "    oops = undefined\n    loss = tf.losses")),
        (
            "train_input_fn",
            broken('    return rows(path, params, params.get("rows"))', "    oops = 1 / 0"),
        ),
        (
            "eval_input_fn",
            broken(
                '    return rows(path, params, params.get("eval_rows", 64))', "    oops = [][1]"
            ),
        ),
        (
            "serving_input_receiver_fn",
            broken("    x = tf.placeholder", "    oops = {}['x']\n    x = tf.placeholder"),
        ),
    ],
)
def test_a_function_that_raises_is_named_with_its_line(
    job: JobRoot, function: str, source: str
) -> None:
    job.write_code(line=source)
    finished = job.run()
    assert finished.code == 21
    assert finished.last["code"] == 21
    assert f"{function} raised" in finished.last["message"]
    assert (
        f"code/line.py, line {number_of(source, 'oops')} in {function}" in finished.last["message"]
    )
    assert job.failure.startswith(f"{function} raised")
    assert finished.events("traceback") == []


def test_an_error_while_tracing_a_map_function_names_its_line(job: JobRoot) -> None:
    source = broken(
        "    return dataset.batch(",
        "    dataset = dataset.map(lambda x, y: (x, tf.reshape(y, [7, 7])))  # oops\n"
        "    return dataset.batch(",
    )
    finished = job.write_code(line=source).run()
    assert finished.code == 21
    assert f"code/line.py, line {number_of(source, 'oops')}" in finished.last["message"]


def test_an_operation_that_fails_at_run_time_names_the_line_that_made_it(job: JobRoot) -> None:
    source = broken(
        "    loss = tf.losses.mean_squared_error(labels, prediction)",
        "    bad = tf.gather([1.0, 2.0], tf.cast(labels[0, 0] * 0, tf.int32) + 9)  # oops\n"
        "    loss = tf.losses.mean_squared_error(labels, prediction) + bad",
    )
    finished = job.write_code(line=source).run()
    assert finished.code == 21
    assert f"code/line.py, line {number_of(source, 'oops')} in model_fn" in finished.last["message"]


def test_a_generator_that_raises_names_its_line(job: JobRoot) -> None:
    source = broken("            number += 1", "            number += 1 + undefined  # oops")
    finished = job.write_code(line=source).run()
    assert finished.code == 21
    assert f"code/line.py, line {number_of(source, 'oops')}" in finished.last["message"]
    assert "undefined" in finished.last["message"]


def test_a_missing_file_of_the_dataset_is_a_dataset_error_that_names_it(job: JobRoot) -> None:
    source = broken(
        '    return rows(path, params, params.get("rows"))',
        '    lines = tf.data.TextLineDataset(os.path.join(path, "train.csv"))\n'
        '    return lines.map(lambda line: ({"x": tf.ones([1])}, tf.ones([1]))).batch(4)',
    )
    finished = job.write_code(line=source).run()
    assert finished.code == 11
    assert f"{job.path}/input/data/train.csv; No such file" in finished.last["message"]
    assert "Detected at node" not in finished.last["message"]


@pytest.mark.parametrize("function", ["eval_input_fn", "serving_input_receiver_fn"])
def test_what_only_the_end_of_a_training_needs_is_tried_before_it_begins(
    job: JobRoot, function: str
) -> None:
    source = f"{LINE}\n\ndef {function}(*_arguments):\n    raise KeyError('boom')\n"
    finished = job.write_code(line=source).run()
    assert finished.code == 21
    assert f"{function} raised KeyError: 'boom'" in finished.last["message"]
    assert finished.events("progress") == []
    assert job.checkpoint_steps == []


def test_an_evaluation_that_fails_is_named_as_one(job: JobRoot) -> None:
    source = broken(
        '    return rows(path, params, params.get("eval_rows", 64))',
        '    data = rows(path, params, params.get("eval_rows", 64))\n'
        "    return data.map(lambda x, y: (x, tf.gather(y, [99], axis=0)))",
    )
    finished = job.write_code(line=source).run()
    assert finished.code == 21
    assert finished.last["message"].startswith("evaluation raised InvalidArgumentError")


def test_the_users_own_frames_are_shown_where_there_are_several(job: JobRoot) -> None:
    source = broken(
        "    loss = tf.losses.mean_squared_error(labels, prediction)",
        "    loss = loss_of(labels, prediction)",
    )
    source += "\n\ndef loss_of(labels, prediction):\n    return tf.losses.nothing(labels)\n"
    finished = job.write_code(line=source).run()
    shown = "\n".join(finished.event("user_traceback")["traceback"])
    assert shown.count("File ") == 2
    assert "in model_fn" in shown
    assert "in loss_of" in shown


def test_sys_exit_in_user_code_is_a_failure(job: JobRoot) -> None:
    source = broken("    loss = tf.losses", "    raise SystemExit(0)\n    loss = tf.losses")
    finished = job.write_code(line=source).run()
    assert finished.code == 21
    assert "sys.exit(0)" in finished.last["message"]


@pytest.mark.parametrize(
    ("value", "step", "said"),
    [
        ("nan", 13, "the loss became nan at step 13"),
        ("inf", 13, "the loss became inf at step 13"),
        ("nan", 15, "a variable became NaN or infinite at step 15"),
    ],
)
def test_a_loss_that_is_no_number_stops_the_job_and_keeps_the_checkpoint_before(
    job: JobRoot, value: str, step: int, said: str
) -> None:
    source = broken(
        "    seconds = params",
        f"    is_bad = tf.equal(tf.train.get_or_create_global_step(), {step - 1})\n"
        f'    loss *= tf.where(is_bad, tf.constant(float("{value}")), tf.constant(1.0))\n'
        "    seconds = params",
    )
    job.write_code(line=source).write_parameters(
        train_max_steps=40, save_checkpoints_steps=5, learning_rate=0.01
    )
    finished = job.run()
    assert finished.code == 21
    assert finished.last["message"] == said
    assert job.checkpoint_steps == [0, 5, 10]
    assert job.versions == []


def test_an_input_function_that_returns_nothing_is_told_what_to_return(job: JobRoot) -> None:
    source = broken(
        '    return rows(path, params, params.get("rows"))', "    rows(path, params, 1)"
    )
    finished = job.write_code(line=source).run()
    assert finished.code == 21
    assert "train_input_fn returned None" in finished.last["message"]
    assert "tf.data.Dataset" in finished.last["hint"]


def test_a_dataset_without_a_batch_is_a_dataset_error(job: JobRoot) -> None:
    job.write_parameters(rows=0)
    finished = job.run()
    assert finished.code == 11
    assert "no batch" in finished.last["message"]


def test_predictions_without_a_signature_are_named_as_what_is_wrong(job: JobRoot) -> None:
    source = broken('export_outputs={"serving_default": outputs}', "export_outputs={}")
    finished = job.write_code(line=source).run()
    assert finished.code in (21, 40)
    assert "export_outputs" in finished.last["message"] + finished.last["hint"]
