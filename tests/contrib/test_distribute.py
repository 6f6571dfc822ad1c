"""`tf.contrib.distribute` and `cluster_resolver`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow.compat.v1 as tf

from entrypoint.tensorflow1 import contrib

# TensorFlow's own code asks for the options of a dataset.
pytestmark = pytest.mark.filterwarnings("ignore:To make it possible to preserve:UserWarning")

_TWO = ["/cpu:0", "/cpu:1"]


def _model_fn(features: Any, labels: Any, mode: str) -> Any:
    weight = tf.get_variable("w", initializer=1.0)
    loss = tf.losses.mean_squared_error(labels, features["x"] * weight)
    train_op = tf.train.GradientDescentOptimizer(0.125).minimize(
        loss, tf.train.get_or_create_global_step()
    )
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def _input_fn() -> Any:
    return tf.data.Dataset.from_tensor_slices(({"x": [1.0, 3.0]}, [2.0, 2.0])).repeat().batch(1)


def _train(directory: Path, strategy: Any) -> Any:
    config = tf.estimator.RunConfig(
        train_distribute=strategy,
        session_config=tf.ConfigProto(device_count={"CPU": 2}, allow_soft_placement=True),
    )
    estimator = tf.estimator.Estimator(_model_fn, str(directory), config=config)
    estimator.train(_input_fn, steps=1)
    return estimator.get_variable_value("w")


def _gradient(x: float) -> float:
    """Return the gradient of (x w - 2)^2 at w = 1."""
    return 2 * x * (x - 2)


def test_two_replicas_take_a_batch_each_and_average(tmp_path: Path) -> None:
    weight = _train(tmp_path, contrib.distribute.MirroredStrategy(devices=_TWO))
    assert weight == pytest.approx(1 - 0.125 * (_gradient(1.0) + _gradient(3.0)) / 2)


@pytest.mark.parametrize("name", ["num_gpus", "num_gpus_per_worker"])
def test_without_gpus_there_is_one_replica(tmp_path: Path, name: str) -> None:
    strategy = contrib.distribute.MirroredStrategy(**{name: 0})
    assert strategy.num_replicas_in_sync == 1
    assert _train(tmp_path, strategy) == pytest.approx(1 - 0.125 * _gradient(1.0))


def test_num_gpus_takes_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class Device:
        def __init__(self, name: str) -> None:
            self.name = name

    names = ["/device:CPU:0", "/device:CPU:1"]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: [Device(n) for n in names])
    assert contrib.distribute.MirroredStrategy(num_gpus=2).num_replicas_in_sync == 2
    assert contrib.distribute.MirroredStrategy(num_gpus=1).num_replicas_in_sync == 1
    assert contrib.distribute.MirroredStrategy(num_gpus=8).num_replicas_in_sync == 2


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_gpus": 1, "num_gpus_per_worker": 1},
        {"devices": _TWO, "num_gpus": 1},
        {"auto_shard_dataset": True},
        {"cross_device_ops": object(), "cross_tower_ops": object()},
    ],
)
def test_mirrored_strategy_refuses(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        contrib.distribute.MirroredStrategy(**arguments)


def test_a_dataset_iterator_gives_each_replica_a_whole_batch() -> None:
    strategy = contrib.distribute.MirroredStrategy(devices=_TWO)
    with strategy.scope():
        iterator = strategy.make_dataset_iterator(tf.data.Dataset.range(8).batch(2))
        values = strategy.experimental_local_results(iterator.get_next())
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as session:
        session.run(iterator.initialize())
        assert [value.tolist() for value in session.run(values)] == [[0, 1], [2, 3]]


def test_cross_device_ops_reach_the_strategy(tmp_path: Path) -> None:
    operations = contrib.distribute.AllReduceCrossDeviceOps("hierarchical_copy", num_packs=2)
    strategy = contrib.distribute.MirroredStrategy(devices=_TWO, cross_tower_ops=operations)
    assert strategy.extended._cross_device_ops is operations
    assert (operations._all_reduce_alg, operations._num_packs) == ("hierarchical_copy", 2)


@pytest.mark.parametrize("name", ["ParameterServerStrategy", "CollectiveAllReduceStrategy"])
def test_strategies_of_clusters_train_alone(tmp_path: Path, name: str) -> None:
    strategy = getattr(contrib.distribute, name)(num_gpus_per_worker=0)
    assert strategy.num_replicas_in_sync == 1
    assert _train(tmp_path, strategy) == pytest.approx(1 - 0.125 * _gradient(1.0))


def test_one_device_strategy(tmp_path: Path) -> None:
    strategy = contrib.distribute.OneDeviceStrategy("/cpu:0")
    assert _train(tmp_path, strategy) == pytest.approx(1 - 0.125 * _gradient(1.0))


def test_a_distribute_config_is_one_of_run_config() -> None:
    strategy = contrib.distribute.MirroredStrategy(devices=_TWO)
    config = contrib.distribute.DistributeConfig(train_distribute=strategy)
    assert tf.estimator.RunConfig(experimental_distribute=config).train_distribute is strategy


def test_contexts() -> None:
    distribute = contrib.distribute
    assert not distribute.has_distribution_strategy()
    strategy = distribute.MirroredStrategy(devices=_TWO)
    with strategy.scope():
        assert distribute.get_distribution_strategy() is strategy
        assert distribute.in_cross_replica_context()
        assert distribute.get_replica_context() is None
    assert distribute.get_loss_reduction() == tf.distribute.ReduceOp.SUM


def test_monitor_runs_steps() -> None:
    class _Step(contrib.distribute.Step):
        def __call__(self) -> Any:
            return count.assign_add(1)

    strategy = contrib.distribute.OneDeviceStrategy("/cpu:0")
    count = tf.get_variable("count", initializer=0)
    step = _Step(strategy)
    with pytest.raises(ValueError, match="session"):
        contrib.distribute.Monitor(step)
    with tf.Session() as session:
        contrib.distribute.Monitor(step, session).run_steps(3)
        assert session.run(count) == 3


def test_resolvers_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    tf_config = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(tf_config))
    resolver = contrib.cluster_resolver.TFConfigClusterResolver()
    assert (resolver.task_type, resolver.task_id) == ("worker", 1)
    assert resolver.master().endswith("b:1")
    simple = contrib.cluster_resolver.SimpleClusterResolver(resolver.cluster_spec())
    union = contrib.cluster_resolver.UnionClusterResolver(simple)
    assert union.cluster_spec().as_dict() == tf_config["cluster"]


def test_a_tpu_resolver_says_what_to_do_without() -> None:
    resolver = contrib.cluster_resolver.TPUClusterResolver
    with pytest.raises(ValueError, match=r"no TPU runs here.*use_tpu=False"):
        resolver("name", zone="z", project="p")
