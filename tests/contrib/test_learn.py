"""`tf.contrib.learn`."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1 import contrib


def _input_fn() -> Any:
    return tf.data.Dataset.from_tensors(({"x": [1.0, 2.0]}, [3.0, 3.0])).repeat()


def _short_input_fn() -> Any:
    return _input_fn().take(3)


def _model_fn(features: Any, labels: Any, mode: str) -> Any:
    """Move w from 4 towards 0, halving it with each step."""
    weight = tf.get_variable("w", initializer=4.0)
    predictions = {"y": features["x"] * weight}
    if mode == contrib.learn.ModeKeys.INFER:
        return tf.estimator.EstimatorSpec(mode, predictions=predictions)
    loss = weight**2
    train_op = tf.train.GradientDescentOptimizer(0.25).minimize(loss, tf.train.get_global_step())
    metrics = {"w": tf.metrics.mean(weight), "label": tf.metrics.mean(labels)}
    return tf.estimator.EstimatorSpec(
        mode, predictions=predictions, loss=loss, train_op=train_op, eval_metric_ops=metrics
    )


def _estimator(config: Any) -> Any:
    return tf.estimator.Estimator(_model_fn, config=config)


def _config(directory: Path, **kwargs: Any) -> Any:
    return contrib.learn.RunConfig(model_dir=str(directory), **kwargs)


def _experiment(directory: Path, config: Any = None, **kwargs: Any) -> Any:
    config = config or _config(directory, save_checkpoints_steps=2)
    arguments = {
        "train_input_fn": _input_fn,
        "eval_input_fn": _short_input_fn,
        "train_steps": 6,
        "eval_steps": None,
        "eval_delay_secs": 0,
        "continuous_eval_throttle_secs": 0,
        "check_interval_secs": 0,
    }
    return contrib.learn.Experiment(_estimator(config), **{**arguments, **kwargs})


def _evaluated(directory: Path, name: str = "eval") -> list[int]:
    """Return the steps at which metrics were written."""
    return sorted(
        {
            event.step
            for file in (directory / name).glob("events*")
            for event in tf.train.summary_iterator(str(file))
            if any(value.tag == "w" for value in event.summary.value)
        }
    )


def test_train_and_evaluate(tmp_path: Path) -> None:
    metrics, exports = _experiment(tmp_path).train_and_evaluate()
    assert metrics["global_step"] == 6
    assert metrics["w"] == pytest.approx(4 / 2**6)
    assert exports == []
    assert _evaluated(tmp_path) == [2, 4, 6]


@pytest.mark.parametrize(("frequency", "steps"), [(0, [6]), (3, [4, 6]), (None, [2, 4, 6])])
def test_evaluations_are_no_more_frequent_than_asked_for(
    tmp_path: Path, frequency: int | None, steps: list[int]
) -> None:
    _experiment(tmp_path, min_eval_frequency=frequency).train_and_evaluate()
    assert _evaluated(tmp_path) == steps


def test_local_run_has_a_frequency_of_its_own(tmp_path: Path) -> None:
    _experiment(tmp_path, local_eval_frequency=4).local_run()
    assert _evaluated(tmp_path) == [4, 6]


def test_train_and_evaluate_apart(tmp_path: Path) -> None:
    experiment = _experiment(tmp_path)
    assert experiment.train() is experiment.estimator
    assert experiment.evaluate()["w"] == pytest.approx(4 / 2**6)
    assert _evaluated(tmp_path, "eval_one_pass") == [6]
    assert (experiment.train_steps, experiment.eval_steps) == (6, None)
    # The steps are the last one to reach, not how many to add.
    experiment.train()
    assert experiment.evaluate()["global_step"] == 6


def _serving_input_fn() -> Any:
    features = {"x": tf.placeholder(tf.float32, [None])}
    return tf.estimator.export.ServingInputReceiver(features, features)


def test_export_strategies_write_into_directories_of_their_names(tmp_path: Path) -> None:
    seen = []

    def export_fn(estimator: Any, path: str, checkpoint_path: Any, eval_result: Any) -> str:
        seen.append((path, checkpoint_path, eval_result["global_step"]))
        return "exported"

    strategies = [
        contrib.learn.make_export_strategy(_serving_input_fn),
        contrib.learn.ExportStrategy("own", export_fn),
    ]
    _, (servo, own) = _experiment(tmp_path, export_strategies=strategies).train_and_evaluate()
    assert own == "exported"
    assert seen == [(str(tmp_path / "export" / "own"), None, 6)]
    assert Path(servo.decode()).parent == tmp_path / "export" / "Servo"
    with tf.Graph().as_default(), tf.Session() as session:
        signature = tf.saved_model.load(session, ["serve"], servo.decode()).signature_def[
            "serving_default"
        ]
        fed = {signature.inputs["x"].name: [32.0]}
        assert session.run(signature.outputs["y"].name, fed) == [32.0 * 4 / 2**6]


def test_checkpoint_and_export_exports_each_checkpoint(tmp_path: Path) -> None:
    steps = []

    def export_fn(estimator: Any, path: str, checkpoint_path: Any, eval_result: Any) -> None:
        steps.append(eval_result["global_step"])

    _experiment(
        tmp_path,
        export_strategies=contrib.learn.ExportStrategy("own", export_fn),
        checkpoint_and_export=True,
    ).train_and_evaluate()
    assert steps == [2, 4, 6, 6]


def test_export_strategy_passes_what_the_function_takes() -> None:
    strategy = contrib.learn.ExportStrategy("s", lambda estimator, path: (estimator, path))
    assert strategy.export(1, "p", "c", "r") == (1, "p")

    def export_fn(estimator: Any, path: str, eval_result: Any) -> None: ...

    wrong = contrib.learn.ExportStrategy("s", export_fn)
    with pytest.raises(ValueError, match="checkpoint_path"):
        wrong.export(1, "p")
    experiment_strategies = contrib.learn.ExportStrategy("s", print, True)
    assert experiment_strategies.strip_default_attrs


def test_old_exports_are_deleted(tmp_path: Path) -> None:
    for name in ("1500000001", "1500000002", "1500000003", "other"):
        (tmp_path / name).mkdir()
    utils = contrib.learn.utils.saved_model_export_utils
    utils.garbage_collect_exports(str(tmp_path), 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1500000002", "1500000003", "other"]
    assert utils.get_most_recent_export(str(tmp_path)).export_version == 1500000003


def test_input_fn_ops_are_served(tmp_path: Path) -> None:
    spec = {"x": tf.FixedLenFeature([], tf.float32)}
    serving = contrib.learn.build_parsing_serving_input_fn(spec)
    strategy = contrib.learn.make_export_strategy(serving)
    experiment = _experiment(tmp_path, export_strategies=strategy, train_steps=1)
    _, (exported,) = experiment.train_and_evaluate()
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.append(3.0)
    with tf.Graph().as_default(), tf.Session() as session:
        signature = tf.saved_model.load(session, ["serve"], exported.decode()).signature_def[
            "serving_default"
        ]
        fed = {signature.inputs["examples"].name: [example.SerializeToString()]}
        assert session.run(signature.outputs["y"].name, fed) == [6.0]


def test_continuous_train_and_eval(tmp_path: Path) -> None:
    steps = []

    def predicate_fn(metrics: Any, checkpoint_path: Any) -> bool:
        steps.append(metrics and metrics["global_step"])
        assert (metrics is None) == (checkpoint_path is None)
        return True

    experiment = _experiment(tmp_path, train_steps_per_iteration=3)
    metrics, _ = experiment.continuous_train_and_eval(predicate_fn)
    assert (metrics["global_step"], steps) == (6, [None, 3, 6])


def test_continuous_eval_stops_with_the_training_or_when_told(tmp_path: Path) -> None:
    experiment = _experiment(tmp_path)
    experiment.train()
    experiment.continuous_eval()
    assert _evaluated(tmp_path, "eval_continuous") == [6]
    endless = _experiment(tmp_path, train_steps=None, eval_steps=1)
    endless.continuous_eval_on_train_data(continuous_eval_predicate_fn=lambda metrics: not metrics)
    assert _evaluated(tmp_path, "eval_continuous_on_train_data") == [6]


def test_a_test_is_one_step(tmp_path: Path) -> None:
    assert _experiment(tmp_path).test()["global_step"] == 1


def test_hooks_and_strategies_can_be_changed(tmp_path: Path) -> None:
    strategy = contrib.learn.make_export_strategy(_serving_input_fn)
    experiment = _experiment(tmp_path, export_strategies=strategy)
    assert experiment.reset_export_strategies() == (strategy,)
    experiment.extend_train_hooks([tf.train.StopAtStepHook(last_step=2)])
    assert experiment.train_and_evaluate()[0]["global_step"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        {"eval_metrics": {}},
        {"export_strategies": ["x"]},
        {"train_steps_per_iteration": 0.5},
    ],
)
def test_experiment_checks_its_arguments(tmp_path: Path, arguments: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        _experiment(tmp_path, **arguments)


def test_experiment_wants_an_estimator() -> None:
    with pytest.raises(ValueError, match=r"tf\.estimator\.Estimator, not int"):
        contrib.learn.Experiment(3, _input_fn, _input_fn)


def _join(monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    """Make this process a task of a cluster."""
    cluster = {"chief": ["a:1"], "worker": ["b:1"], "ps": ["c:1"]}
    tf_config = {"cluster": cluster, "task": {"type": task, "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(tf_config))


@pytest.mark.parametrize(
    ("task_and_schedule", "method"),
    [
        ("worker train", "run_worker"),
        ("chief train", "run_chief"),
        ("ps run_std_server", "run_ps"),
        ("worker train_and_evaluate", "run"),
    ],
)
def test_a_task_of_a_cluster_does_its_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task_and_schedule: str, method: str
) -> None:
    from tensorflow_estimator.python.estimator import training

    called: list[Any] = []

    def record(executor: Any) -> None:
        called.append(executor)

    monkeypatch.setattr(training._TrainingExecutor, method, record)
    task, schedule = task_and_schedule.split()
    _join(monkeypatch, task)
    strategy = contrib.learn.make_export_strategy(_serving_input_fn)
    experiment = _experiment(tmp_path, _config(tmp_path), export_strategies=strategy)
    getattr(experiment, schedule)()
    (executor,) = called
    assert executor._train_spec.max_steps == 6
    assert [exporter.name for exporter in executor._eval_spec.exporters] == ["Servo"]


def test_learn_runner_runs_the_schedule(tmp_path: Path) -> None:
    run = contrib.learn.learn_runner.run
    hparams = contrib.training.HParams(steps=2)

    def experiment_fn(run_config: Any, hparams: Any) -> Any:
        return _experiment(tmp_path, run_config, train_steps=hparams.steps)

    metrics, _ = run(experiment_fn, run_config=_config(tmp_path), hparams=hparams)
    assert metrics["global_step"] == 2
    trained = run(experiment_fn, run_config=_config(tmp_path), hparams=hparams, schedule="train")
    assert trained.model_dir == str(tmp_path)
    by_directory = run(lambda output_dir: _experiment(Path(output_dir)), str(tmp_path / "other"))
    assert by_directory[0]["global_step"] == 6


def _no_experiment(run_config: Any, hparams: Any) -> None: ...


def test_learn_runner_checks_what_it_is_given(tmp_path: Path) -> None:
    run = contrib.learn.learn_runner.run
    config = _config(tmp_path)

    def experiment_fn(run_config: Any, hparams: Any) -> Any:
        return _experiment(tmp_path, run_config)

    def other_fn(run_config: Any, hparams: Any) -> Any:
        return _experiment(tmp_path, _config(tmp_path / "other"))

    for error, arguments in (
        (ValueError, {}),
        (ValueError, {"output_dir": "x", "run_config": config}),
        (ValueError, {"run_config": contrib.learn.RunConfig()}),
        (ValueError, {"run_config": tf.estimator.RunConfig(model_dir="x")}),
        (ValueError, {"run_config": config, "schedule": "fly"}),
    ):
        with pytest.raises(error):
            run(experiment_fn, **arguments)
    with pytest.raises(RuntimeError, match="another RunConfig"):
        run(other_fn, run_config=config)
    with pytest.raises(TypeError, match="got <class 'NoneType'>"):
        run(_no_experiment, run_config=config)


def test_run_config_is_that_of_estimator(tmp_path: Path) -> None:
    config = _config(tmp_path)
    assert (config.save_checkpoints_secs, config.save_checkpoints_steps) == (600, None)
    assert config.session_config is None
    assert (config.task_id, config.is_chief, config.environment) == (0, True, "local")
    by_steps = _config(tmp_path, save_checkpoints_steps=7, keep_checkpoint_max=2, tf_random_seed=3)
    assert (by_steps.save_checkpoints_secs, by_steps.save_checkpoints_steps) == (None, 7)
    assert (by_steps.keep_checkpoint_max, by_steps.tf_random_seed) == (2, 3)
    assert _config(tmp_path, save_checkpoints_secs=30).save_checkpoints_secs == 30
    fraction = _config(tmp_path, gpu_memory_fraction=0.5, num_cores=2).session_config
    assert fraction.gpu_options.per_process_gpu_memory_fraction == 0.5
    assert fraction.intra_op_parallelism_threads == 2


def test_run_config_of_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _join(monkeypatch, "worker")
    config = _config(tmp_path)
    assert (config.task_type, config.num_ps_replicas, config.environment) == ("worker", 1, "cloud")
    assert config.master == "grpc://b:1"
    assert _config(tmp_path, master="grpc://d:1").master == "grpc://d:1"
    assert config.uid() == config.replace(save_summary_steps=3).uid()
    assert config.uid() != _config(tmp_path / "other").uid()
    assert config.uid(["model_dir"]) == _config(tmp_path / "other").uid(["model_dir"])


def test_csv_files(tmp_path: Path) -> None:
    base = contrib.learn.datasets.base
    (tmp_path / "h.csv").write_text("2,3,a,b\n1.5,2,3,0\n4,5,6,1\n")
    (tmp_path / "n.csv").write_text("1,1.5,2\n0,3,4\n1,5,6\n")
    data, target = base.load_csv_with_header(str(tmp_path / "h.csv"), np.int32, np.float32)
    np.testing.assert_array_equal(data, [[1.5, 2, 3], [4, 5, 6]])
    assert (data.dtype, target.dtype, target.tolist()) == (np.float32, np.int32, [0, 1])
    plain = base.load_csv_without_header(
        str(tmp_path / "n.csv"), target_dtype=np.int64, features_dtype=np.float64, target_column=0
    )
    np.testing.assert_array_equal(plain.data, [[1.5, 2], [3, 4], [5, 6]])
    assert plain.target.tolist() == [1, 0, 1]
    base.shrink_csv(str(tmp_path / "n.csv"), 2)
    assert (tmp_path / "n_small.csv").read_text().split() == ["1,1.5,2", "1,5,6"]


def test_maybe_download(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("content")
    base = contrib.learn.datasets.base
    got = base.maybe_download("f", str(tmp_path / "new"), source.as_uri())
    assert Path(got).read_text() == "content"
    source.write_text("changed")
    assert Path(base.maybe_download("f", str(tmp_path / "new"), source.as_uri())) == Path(got)
    assert Path(got).read_text() == "content"
    missing = (tmp_path / "missing").as_uri()
    with pytest.raises(FileNotFoundError, match=r"g does not exist, and file:.*put the file there"):
        base.maybe_download("g", str(tmp_path / "new"), missing)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["f"]


def _write_mnist(directory: Path, name: str, count: int) -> None:
    pixels = np.arange(count * 6, dtype=np.uint8)
    sizes = b"".join(size.to_bytes(4, "big") for size in (2051, count, 2, 3))
    images = gzip.compress(sizes + pixels.tobytes())
    (directory / f"{name}-images-idx3-ubyte.gz").write_bytes(images)
    sizes = b"".join(size.to_bytes(4, "big") for size in (2049, count))
    labels = gzip.compress(sizes + bytes(range(count)))
    (directory / f"{name}-labels-idx1-ubyte.gz").write_bytes(labels)


def test_mnist_is_read_from_its_files(tmp_path: Path) -> None:
    _write_mnist(tmp_path, "train", 5)
    _write_mnist(tmp_path, "t10k", 3)
    mnist = contrib.learn.datasets.mnist
    data = mnist.read_data_sets(str(tmp_path), one_hot=True, validation_size=2)
    assert [part.num_examples for part in data] == [3, 2, 3]
    assert data.validation.images.dtype == np.float32
    np.testing.assert_allclose(data.validation.images, np.arange(12).reshape(2, 6) / 255, rtol=1e-6)
    np.testing.assert_array_equal(data.train.labels, np.eye(10)[[2, 3, 4]])
    raw = mnist.read_data_sets(
        str(tmp_path), dtype=tf.uint8, reshape=False, validation_size=0, seed=1
    )
    assert (raw.train.images.shape, raw.train.images.dtype) == ((5, 2, 3, 1), np.uint8)
    assert raw.train.labels.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="between 0 and 5"):
        mnist.read_data_sets(str(tmp_path))
    with (
        (tmp_path / "t10k-labels-idx1-ubyte.gz").open("rb") as file,
        pytest.raises(ValueError, match="Invalid magic number 2049 in MNIST image file"),
    ):
        mnist.extract_images(file)


def test_mnist_batches_go_round() -> None:
    mnist = contrib.learn.datasets.mnist
    images = np.arange(28).reshape(7, 2, 2, 1).astype(np.uint8)
    labels = np.arange(7).astype(np.uint8)
    data = mnist.DataSet(images, labels, seed=3)
    # as TensorFlow 1.15.5 computes
    expected = [[4, 6, 5], [3, 1, 0], [2, 2, 1], [6, 5, 3], [0, 4, 4]]
    batches = [data.next_batch(3) for _ in range(5)]
    assert [batch[1].tolist() for batch in batches] == expected
    for batch_images, batch_labels in batches:
        np.testing.assert_allclose(batch_images[:, 0] * 255, batch_labels * 4.0, rtol=1e-5)
    assert data.epochs_completed == 2
    ordered = mnist.DataSet(images, labels)
    assert ordered.next_batch(5, shuffle=False)[1].tolist() == [0, 1, 2, 3, 4]
    assert ordered.next_batch(5, shuffle=False)[1].tolist() == [5, 6, 0, 1, 2]


def test_fake_mnist() -> None:
    data = contrib.learn.datasets.mnist.read_data_sets("", fake_data=True, one_hot=True)
    images, labels = data.train.next_batch(2, fake_data=True)
    assert (data.train.num_examples, len(images[0]), labels[1][:2]) == (10000, 784, [1, 0])


_TEXTS = ["the cat sat on the mat", "a CamelCase ABCd dog's re-run, the cat", "on a mat: a"]


def test_vocabulary_processor() -> None:
    preprocessing = contrib.learn.preprocessing
    processor = preprocessing.VocabularyProcessor(8)
    rows = [row.tolist() for row in processor.fit_transform(_TEXTS)]
    # as TensorFlow 1.15.5 computes
    assert rows == [
        [1, 2, 3, 4, 1, 5, 0, 0],
        [6, 7, 8, 9, 10, 11, 12, 1],
        [4, 6, 5, 6, 0, 0, 0, 0],
    ]
    assert next(processor.transform(["the zebra mat"])).tolist() == [1, 0, 5, 0, 0, 0, 0, 0]
    assert list(preprocessing.tokenizer(_TEXTS))[1] == [
        *("a", "Camel", "Case", "AB", "Cd", "dog's", "re-run", "the", "cat")
    ]


def test_vocabulary_is_trimmed_and_sorted_by_frequency(tmp_path: Path) -> None:
    processor = contrib.learn.preprocessing.VocabularyProcessor(5, min_frequency=1)
    rows = [row.tolist() for row in processor.fit_transform(_TEXTS)]
    # as TensorFlow 1.15.5 computes
    assert rows == [[2, 3, 0, 5, 2], [1, 0, 0, 0, 0], [5, 1, 4, 1, 0]]
    assert list(processor.reverse([[1, 2, 3, 0]])) == ["a the cat <UNK>"]
    assert len(processor.vocabulary_) == 6
    processor.save(str(tmp_path / "vocabulary"))
    restored = contrib.learn.preprocessing.VocabularyProcessor.restore(str(tmp_path / "vocabulary"))
    assert [row.tolist() for row in restored.transform(_TEXTS)] == rows


# The file that TensorFlow 1.15.5 wrote for the processor of the last test.
_SAVED_BY_TENSORFLOW1 = base64.b64decode(
    "gANjdGVuc29yZmxvdy5jb250cmliLmxlYXJuLnB5dGhvbi5sZWFybi5wcmVwcm9jZXNzaW5nLnRleHQKVm9jYWJ1"
    "bGFyeVByb2Nlc3NvcgpxACmBcQF9cQIoWBMAAABtYXhfZG9jdW1lbnRfbGVuZ3RocQNLBVgNAAAAbWluX2ZyZXF1"
    "ZW5jeXEESwFYCwAAAHZvY2FidWxhcnlfcQVjdGVuc29yZmxvdy5jb250cmliLmxlYXJuLnB5dGhvbi5sZWFybi5w"
    "cmVwcm9jZXNzaW5nLmNhdGVnb3JpY2FsX3ZvY2FidWxhcnkKQ2F0ZWdvcmljYWxWb2NhYnVsYXJ5CnEGKYFxB31x"
    "CChYDgAAAF91bmtub3duX3Rva2VucQlYBQAAADxVTks+cQpYCAAAAF9tYXBwaW5ncQt9cQwoaApLAFgBAAAAYXEN"
    "SwFYAwAAAHRoZXEOSwJYAwAAAGNhdHEPSwNYAwAAAG1hdHEQSwRYAgAAAG9ucRFLBXVYEAAAAF9zdXBwb3J0X3Jl"
    "dmVyc2VxEohYEAAAAF9yZXZlcnNlX21hcHBpbmdxE11xFChoCmgNaA5oD2gQaBFlWAUAAABfZnJlcXEVfXEWKGgN"
    "SwNoDksDaA9LAmgQSwJoEUsCdVgHAAAAX2ZyZWV6ZXEXiHViWAoAAABfdG9rZW5pemVycRhjdGVuc29yZmxvdy5j"
    "b250cmliLmxlYXJuLnB5dGhvbi5sZWFybi5wcmVwcm9jZXNzaW5nLnRleHQKdG9rZW5pemVyCnEZdWIu"
)


def test_a_vocabulary_saved_by_tensorflow1_is_restored(tmp_path: Path) -> None:
    (tmp_path / "vocabulary").write_bytes(_SAVED_BY_TENSORFLOW1)
    restored = contrib.learn.preprocessing.VocabularyProcessor.restore(str(tmp_path / "vocabulary"))
    rows = [row.tolist() for row in restored.transform(_TEXTS)]
    assert rows == [[2, 3, 0, 5, 2], [1, 0, 0, 0, 0], [5, 1, 4, 1, 0]]


def test_vocabulary_without_names_cannot_be_reversed() -> None:
    vocabulary = contrib.learn.preprocessing.CategoricalVocabulary(support_reverse=False)
    assert [vocabulary.get(word) for word in "aba"] == [1, 2, 1]
    with pytest.raises(ValueError, match="support_reverse"):
        vocabulary.reverse(1)


def test_byte_processor() -> None:
    processor = contrib.learn.preprocessing.ByteProcessor(4)
    rows = list(processor.fit_transform(["aé", "abcdef", "abcé"]))
    assert [row.tolist() for row in rows] == [
        [97, 195, 169, 0],
        [97, 98, 99, 100],
        [97, 98, 99, 195],
    ]
    assert list(processor.reverse(rows)) == ["aé", "abcd", ""]


def test_categorical_processor() -> None:
    processor = contrib.learn.preprocessing.CategoricalProcessor(min_frequency=1)
    rows = [
        row.tolist() for row in processor.fit_transform([["a", "x"], ["b", "x"], ["a", np.nan]])
    ]
    # as TensorFlow 1.15.5 computes
    assert rows == [[1, 1], [0, 1], [1, 0]]
    shared = contrib.learn.preprocessing.CategoricalProcessor(share=True)
    assert [row.tolist() for row in shared.fit_transform([["a", "b"], ["b", "a"]])] == [
        [1, 2],
        [2, 1],
    ]


def test_numpy_input_fn_gives_one_epoch(tmp_path: Path) -> None:
    array = np.arange(3, dtype=np.float32)
    input_fn = contrib.learn.io.numpy_input_fn({"x": array}, array, batch_size=2)
    estimator = _estimator(_config(tmp_path))
    estimator.train(input_fn, steps=1)
    labels = estimator.evaluate(input_fn)["label"]
    # Over batches of 2 and 1: the mean of all three.
    assert labels == 1.0


def test_arrays_pass_as_they_are() -> None:
    array = np.arange(3)
    assert contrib.learn.extract_pandas_data(array) is array
    assert contrib.learn.extract_pandas_matrix(array) is array
    assert contrib.learn.extract_pandas_labels(array) is array


def test_monitors_are_hooks(tmp_path: Path) -> None:
    stop = contrib.learn.monitors.StopAtStep(num_steps=2)
    printer = contrib.learn.monitors.PrintTensor(["w"], every_n=1)
    hooks = contrib.learn.monitors.replace_monitors_with_hooks([stop, printer], None)
    estimator = _estimator(_config(tmp_path))
    estimator.train(_input_fn, hooks=hooks)
    assert estimator.get_variable_value("global_step") == 2


def test_modes() -> None:
    modes = contrib.learn.ModeKeys
    assert (modes.TRAIN, modes.EVAL, modes.INFER) == (
        tf.estimator.ModeKeys.TRAIN,
        tf.estimator.ModeKeys.EVAL,
        tf.estimator.ModeKeys.PREDICT,
    )
    modes.validate("infer")
    with pytest.raises(ValueError, match="predict"):
        modes.validate("predict")


def test_old_estimators_name_the_new_ones() -> None:
    with pytest.raises(AttributeError, match=r"use tf\.estimator\.DNNClassifier, whose columns"):
        _ = contrib.learn.DNNClassifier
