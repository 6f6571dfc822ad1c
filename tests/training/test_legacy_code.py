"""What code of TensorFlow 1's time does beside naming symbols, seen in whole jobs."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.jobs import USER_CODE_DIR, JobRoot

LINE = (USER_CODE_DIR / "line.py").read_text(encoding="utf-8")


def with_head(job: JobRoot, head: str) -> JobRoot:
    return job.write_code(line=LINE.replace("import os\n", head + "import os\n", 1))


def test_flags_are_defined_and_read_as_under_tf_app(job: JobRoot) -> None:
    head = """\
import tensorflow as tf
tf.app.flags.DEFINE_integer("units", 3, "how many")
tf.flags.DEFINE_string("name", "first", "what")
FLAGS = tf.app.flags.FLAGS
assert FLAGS.units == 3 and FLAGS.name == "first"
"""
    finished = with_head(job, head).run("check")
    assert finished.code == 0, finished.last


FLAGS = """\
import tensorflow as tf
tf.app.flags.DEFINE_integer("units", 3, "how many")
tf.flags.DEFINE_string("name", "first", "what")
tf.app.flags.DEFINE_bool("deep", False, "whether")
tf.app.flags.DEFINE_list("sizes", [], "how large")
from absl import flags
flags.DEFINE_float("rate", 0.5, "how fast")
flags.mark_flag_as_required("name")
FLAGS = tf.app.flags.FLAGS
"""


def test_parameters_set_the_flags_of_their_names(job: JobRoot) -> None:
    source = FLAGS + LINE.replace(
        "    prediction = ",
        "    found = FLAGS.units, FLAGS.name, FLAGS.deep, FLAGS.sizes, FLAGS.rate\n"
        "    assert found == (5, 'second', True, ['1', '2'], 0.25), found\n"
        "    prediction = ",
    )
    job.write_code(line=source)
    job.write_parameters(units=5, name="second", deep=True, sizes=[1, 2], rate=0.25, verbosity="a")
    finished = job.run("check")
    assert finished.code == 0, finished.last
    assert finished.event("flags")["set"] == ["units", "name", "deep", "sizes", "rate"]


def test_absl_flags_can_be_read_without_a_parameter_of_their_names(job: JobRoot) -> None:
    head = "from absl import flags\nflags.DEFINE_float('rate', 0.5, 'how fast')\n"
    source = LINE.replace(
        "    prediction = ", "    assert flags.FLAGS.rate == 0.5\n    prediction = "
    )
    finished = job.write_code(line=head + source).run("check")
    assert finished.code == 0, finished.last


def test_a_required_flag_without_a_value_is_a_missing_parameter(job: JobRoot) -> None:
    source = FLAGS.replace('"first", "what"', 'None, "what"') + LINE
    finished = job.write_code(line=source).run("check")
    assert finished.code == 10
    assert "--name" in finished.last["message"]


def test_a_value_that_a_flag_does_not_take_is_a_mistake_in_the_parameters(job: JobRoot) -> None:
    job.write_code(line=FLAGS + LINE).write_parameters(units="many", rate="fast")
    finished = job.run("check")
    assert finished.code == 10
    assert "flag --units=many" in finished.last["message"]
    assert "flag --rate=fast" in finished.last["message"]


def test_absl_and_argparse_flags_find_no_arguments(job: JobRoot) -> None:
    head = """\
import argparse
from absl import flags
flags.DEFINE_float("rate", 0.5, "how fast")
parser = argparse.ArgumentParser()
parser.add_argument("--size", type=int, default=4)
assert parser.parse_args().size == 4
"""
    finished = with_head(job, head).run("check")
    assert finished.code == 0, finished.last


def test_relative_paths_lead_to_files_beside_the_module(job: JobRoot) -> None:
    head = "open('written.txt', 'w').write(open('words.txt').read())\n"
    finished = with_head(job, head).write("code/words.txt", "a").run("check")
    assert finished.code == 0, finished.last
    assert not (job.path / "code" / "written.txt").exists()


def test_graph_mode_and_the_control_flow_of_tensorflow_1(job: JobRoot) -> None:
    head = """\
import tensorflow as tf
assert not tf.executing_eagerly()
with tf.Graph().as_default():
    variable = tf.get_variable("v", [2], use_resource=False)
    assert "VariableV2" == variable.op.type, variable.op.type
    assert variable.shape[0].value == 2
    total = tf.while_loop(lambda i: i < 3, lambda i: i + 1, [tf.constant(0)])
    assert any(op.type == "Enter" for op in tf.get_default_graph().get_operations())
    assert (variable == variable) is True
"""
    finished = with_head(job, head).run("check")
    assert finished.code == 0, finished.last


def test_a_missing_symbol_of_contrib_is_named_with_its_line_and_what_to_use(job: JobRoot) -> None:
    head = "import tensorflow as tf\n\nnet = tf.contrib.quantize.create_training_graph\n"
    finished = with_head(job, head).run("check")
    assert finished.code == 20
    assert "tf.contrib.quantize" in finished.last["message"]
    assert finished.last["message"].endswith(
        "at code/line.py, line 9: net = tf.contrib.quantize.create_training_graph"
    )


def test_a_missing_symbol_that_is_imported_is_named_too(job: JobRoot) -> None:
    finished = with_head(job, "from tensorflow.contrib import quantize\n").run("check")
    assert finished.code == 20
    assert "tf.contrib.quantize is not supplied at code/line.py" in finished.last["message"]
    assert finished.last["hint"].startswith("use ")
    assert "at code/line.py, line 7" in finished.last["message"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tf.train.AdamOptimiser", "did you mean tf.train.AdamOptimizer?"),
        ("tf.plaeholder", "did you mean tf.placeholder?"),
        ("tf.contrib.layers.fully_conected", "did you mean tf.contrib.layers.fully_connected?"),
    ],
)
def test_a_misspelt_symbol_is_guessed(job: JobRoot, name: str, hint: str) -> None:
    finished = with_head(job, f"import tensorflow as tf\nx = {name}\n").run("check")
    assert finished.code == 20
    assert finished.last["hint"] == hint


def test_a_missing_symbol_in_model_fn_is_named_with_its_line(job: JobRoot) -> None:
    source = LINE.replace(
        "    loss = tf.losses.mean_squared_error(",
        "    tf.contrib.layers.no_such_layer(prediction)\n    loss = tf.losses.mean_squared_error(",
    )
    finished = job.write_code(line=source).run("check")
    assert finished.code == 21
    assert "tf.contrib.layers.no_such_layer does not exist" in finished.last["message"]
    assert "in model_fn: tf.contrib.layers.no_such_layer(prediction)" in finished.last["message"]


def test_the_log_says_which_api_was_chosen_and_why(job: JobRoot) -> None:
    record = job.run("check").event("tensorflow_api")
    assert record["api"] == "1"
    assert "it uses tf.layers.dense (code/line.py, line " in record["message"]
    assert record["message"].endswith("; MODELMAKER_TF_API=2 would choose the other")


def test_the_api_can_be_chosen(job: JobRoot) -> None:
    finished = job.run("check", MODELMAKER_TF_API="2")
    assert finished.event("tensorflow_api")["message"] == (
        "user code sees TensorFlow 2's API: MODELMAKER_TF_API says so"
    )
    assert finished.code == 21
    assert (
        "tf.layers is in TensorFlow 1's API, and this job's code sees TensorFlow 2's at code/line"
        in finished.last["message"]
    )
    assert finished.last["hint"] == "MODELMAKER_TF_API=1 chooses the other"


def test_code_for_tensorflow_2_has_its_behaviour(job: JobRoot) -> None:
    head = """\
import tensorflow as tf
assert tf.executing_eagerly() and tf.__version__ > "2" and tf.optimizers.Adam
assert tf.constant([1.0]).shape[0] == 1 and tf.compat.v1.placeholder
"""
    source = head + LINE.replace("import tensorflow as tf\n", "import tensorflow.compat.v1 as tf\n")
    finished = job.write_code(line=source).run()
    assert finished.event("tensorflow_api")["api"] == "2"
    assert finished.code == 0, finished.last


def make_wheel(directory: Path, name: str, source: str) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(directory / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", source)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.mark.parametrize(
    ("source", "check"),
    [
        ("import tensorflow as tf\nx = tf.placeholder\nversion = tf.__version__\n", "< '2'"),
        ("import tensorflow as tf\nx = tf.optimizers\nversion = tf.__version__\n", ">= '2'"),
        ("import tensorflow as tf\nversion = tf.__version__\n", ">= '2'"),
    ],
    ids=["of TensorFlow 1", "of TensorFlow 2", "of either"],
)  # fmt: skip
def test_a_required_package_sees_the_tensorflow_it_is_written_for(
    job: JobRoot, source: str, check: str
) -> None:
    make_wheel(job.path / "code", "users_metrics", source)
    job.write("code/requirements.txt", "users-metrics\n")
    head = f"import users_metrics\nassert users_metrics.version {check}, users_metrics.version\n"
    finished = with_head(job, head).run("check")
    assert finished.code == 0, finished.last


def test_contrib_is_not_loaded_by_a_job_that_does_not_use_it(job: JobRoot) -> None:
    source = LINE.replace(
        "    optimizer = tf.train",
        "    import sys\n"
        "    own = 'entrypoint.tensorflow1.contrib.'\n"
        "    loaded = [m for m in sys.modules if m.startswith(('tf_slim', own))]\n"
        "    assert loaded == [own + 'missing'], loaded\n"
        "    optimizer = tf.train",
    )
    finished = job.write_code(line=source).write_parameters(train_max_steps=2).run()
    assert finished.code == 0, finished.last
