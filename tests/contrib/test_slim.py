from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.fixed_weights import run_fixed, variables, wave
from tests.contrib.running import run

v1 = tf.compat.v1
slim = contrib.slim
nets = slim.nets
# In a job, the revival of tf.estimator silences this advice.
pytestmark = pytest.mark.filterwarnings("ignore:`(tf.layers|layer).*is deprecated:UserWarning")

# The network, its arg_scope, image size, and as TensorFlow 1.15.5 has them: number of variables,
# digest of their names and shapes in order, number of update ops and of regularization losses,
# name of the logits, number of end points.
NETS: list[tuple[Callable[..., Any], Callable[[], Any], int, int, str, int, int, str, int]] = [
    (
        nets.alexnet.alexnet_v2,
        nets.alexnet.alexnet_v2_arg_scope,
        224,
        16,
        "f58b370fe658f596",
        0,
        8,
        "alexnet_v2/fc8/squeezed",
        11,
    ),
    (
        nets.overfeat.overfeat,
        nets.overfeat.overfeat_arg_scope,
        231,
        16,
        "a03559520aefa377",
        0,
        8,
        "overfeat/fc8/squeezed",
        11,
    ),
    (
        nets.vgg.vgg_a,
        nets.vgg.vgg_arg_scope,
        224,
        22,
        "cf7e66b470b46320",
        0,
        11,
        "vgg_a/fc8/squeezed",
        16,
    ),
    (
        nets.vgg.vgg_16,
        nets.vgg.vgg_arg_scope,
        224,
        32,
        "a69be48ffac4b749",
        0,
        16,
        "vgg_16/fc8/squeezed",
        21,
    ),
    (
        nets.vgg.vgg_19,
        nets.vgg.vgg_arg_scope,
        224,
        38,
        "684b772ffaadad42",
        0,
        19,
        "vgg_19/fc8/squeezed",
        24,
    ),
    (
        nets.inception.inception_v1,
        nets.inception.inception_v1_arg_scope,
        224,
        230,
        "fe9759fa637052fe",
        114,
        58,
        "InceptionV1/Logits/SpatialSqueeze",
        18,
    ),
    (
        nets.inception.inception_v2,
        nets.inception.inception_v2_arg_scope,
        224,
        277,
        "c35f308a7296d493",
        136,
        69,
        "InceptionV2/Logits/SpatialSqueeze",
        17,
    ),
    (
        nets.inception.inception_v3,
        nets.inception.inception_v3_arg_scope,
        299,
        388,
        "8b35f0f76d87d520",
        192,
        98,
        "InceptionV3/Logits/SpatialSqueeze",
        22,
    ),
    (
        nets.resnet_v1.resnet_v1_50,
        nets.resnet_v1.resnet_arg_scope,
        224,
        267,
        "50c6f1b2d37b7b2c",
        106,
        54,
        "resnet_v1_50/logits/BiasAdd",
        75,
    ),
    (
        nets.resnet_v2.resnet_v2_50,
        nets.resnet_v2.resnet_arg_scope,
        224,
        272,
        "d65174be8e00c5a4",
        98,
        54,
        "resnet_v2_50/logits/BiasAdd",
        75,
    ),
]


@pytest.mark.parametrize("net", NETS, ids=lambda net: net[0].__name__)
def test_a_net_has_the_variables_of_tensorflow_1(net: Any) -> None:
    build, arg_scope, size, count, digest, updates, losses, logits_name, end_point_count = net
    classes = 10 if "resnet" in build.__name__ else 1000
    with slim.arg_scope(arg_scope()):
        logits, end_points = build(v1.placeholder(tf.float32, [2, size, size, 3]), classes)
    listed = "\n".join(f"{name} {shape}" for name, shape in variables().items())
    assert (len(variables()), hashlib.sha256(listed.encode()).hexdigest()[:16]) == (count, digest)
    assert [v.op.name for v in slim.get_model_variables()] == list(variables())
    assert len(v1.get_collection("update_ops")) == updates
    assert len(v1.get_collection("regularization_losses")) == losses
    assert (logits.op.name, len(end_points)) == (logits_name, end_point_count)
    assert logits.shape[-1] == classes


def test_a_net_computes_and_has_gradients() -> None:
    with slim.arg_scope(nets.resnet_v1.resnet_arg_scope()):
        logits, _ = nets.resnet_v1.resnet_v1(
            wave(2, 33, 33, 3),
            [nets.resnet_v1.resnet_v1_block("block1", 4, 2, 2)],
            num_classes=3,
            scope="small",
        )
    gradients = tf.gradients(logits, v1.trainable_variables())
    assert None not in gradients
    assert np.isfinite(run(logits)).all()


def test_inception_v3_takes_its_arguments_in_tensorflow_1s_order() -> None:
    images = v1.placeholder(tf.float32, [1, 299, 299, 3])
    with slim.arg_scope(nets.inception.inception_v3_arg_scope()):
        logits, end_points = nets.inception.inception_v3(
            images, 11, False, 0.8, 16, 0.1, slim.softmax, True, None, "Tenth"
        )
    assert logits.op.name == "Tenth/Logits/SpatialSqueeze"
    assert "AuxLogits" in end_points
    assert nets.inception_v3.inception_v3.default_image_size == 299


def test_arg_scope_applies_to_slims_layers() -> None:
    with slim.arg_scope([slim.conv2d, slim.fully_connected], activation_fn=None):
        output = slim.fully_connected(slim.flatten(slim.conv2d(wave(1, 2, 2, 1), 1, 1)), 1)
    assert output.op.type == "BiasAdd"
    # `slim.layers` is a module of the same functions.
    assert slim.layers.conv2d is slim.conv2d


def test_slim_has_other_packages_of_contrib() -> None:
    assert slim.losses is contrib.losses
    assert slim.metrics is contrib.metrics
    with pytest.raises(AttributeError, match=r"use tensorflow\.python\.ops\.math_ops"):
        slim.math_ops  # noqa: B018 (it raises)


def _write_images(path: Path) -> list[Any]:
    """Write four labelled images and return their pixels."""
    images = [np.full((2, 3, 3), index * 20, np.uint8) for index in range(4)]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for index, image in enumerate(images):
            example = tf.train.Example()
            feature = example.features.feature
            feature["image/encoded"].bytes_list.value.append(run(tf.io.encode_png(image)))
            feature["image/format"].bytes_list.value.append(b"png")
            feature["label"].int64_list.value.append(index)
            for side in ("ymin", "xmin", "ymax", "xmax"):
                feature[f"box/{side}"].float_list.value.extend([0.25 * index, 0.5])
            writer.write(example.SerializeToString())
    return images


def _dataset(path: Path) -> Any:
    decoder = slim.tfexample_decoder
    return slim.dataset.Dataset(
        data_sources=str(path),
        reader=v1.TFRecordReader,
        decoder=decoder.TFExampleDecoder(
            {
                "image/encoded": tf.io.FixedLenFeature([], tf.string),
                "image/format": tf.io.FixedLenFeature([], tf.string, "png"),
                "label": tf.io.FixedLenFeature([], tf.int64),
                "box/ymin": tf.io.VarLenFeature(tf.float32),
                "box/xmin": tf.io.VarLenFeature(tf.float32),
                "box/ymax": tf.io.VarLenFeature(tf.float32),
                "box/xmax": tf.io.VarLenFeature(tf.float32),
            },
            {
                "image": decoder.Image(shape=[2, 3, 3], channels=3),
                "label": decoder.Tensor("label", shape=[]),
                "boxes": decoder.BoundingBox(["ymin", "xmin", "ymax", "xmax"], "box/"),
            },
        ),
        num_samples=4,
        items_to_descriptions={"image": "", "label": "", "boxes": ""},
    )


def test_a_data_provider_reads_decodes_and_queues(tmp_path: Path) -> None:
    images = _write_images(tmp_path / "images")
    provider = slim.dataset_data_provider.DatasetDataProvider(
        _dataset(tmp_path / "images"), shuffle=False, num_epochs=1
    )
    assert provider.num_samples() == 4
    image, label, boxes = provider.get(["image", "label", "boxes"])
    boxes = tf.ensure_shape(boxes, [2, 4])
    queue = slim.prefetch_queue.prefetch_queue([image, label, boxes], capacity=2)
    fetched = queue.dequeue()
    with v1.Session() as session:
        session.run([v1.global_variables_initializer(), v1.local_variables_initializer()])
        with slim.queues.QueueRunners(session):
            records = [session.run(fetched) for _ in range(4)]
            with pytest.raises(tf.errors.OutOfRangeError):
                session.run(fetched)
    for index, (pixels, number, corners) in enumerate(records):
        np.testing.assert_array_equal(pixels, images[index])
        assert number == index
        np.testing.assert_array_equal(corners, [[0.25 * index] * 4, [0.5] * 4])


def _regression() -> Any:
    """Return the mean squared error of a layer that is to learn a sum."""
    inputs = tf.constant(np.random.default_rng(0).normal(size=(32, 4)), tf.float32)
    net = slim.fully_connected(inputs, 8, normalizer_fn=slim.batch_norm)
    outputs = slim.fully_connected(net, 1, activation_fn=None)
    return v1.losses.mean_squared_error(tf.reduce_sum(inputs, 1, keepdims=True), outputs)


def _train(steps: int, logdir: str | None) -> Any:
    """Train in a graph of its own and return the last loss."""
    with tf.Graph().as_default():
        v1.set_random_seed(1)
        _regression()
        train_op = slim.learning.create_train_op(
            v1.losses.get_total_loss(), v1.train.AdamOptimizer(0.05), clip_gradient_norm=1.0
        )
        return slim.learning.train(
            train_op, logdir, number_of_steps=steps, save_summaries_secs=None
        )


# The supervisor closes its writer before it saves the last checkpoint, as in TensorFlow 1.
@pytest.mark.filterwarnings("ignore:Attempting to use a closed FileWriter:UserWarning")
def test_slim_trains_and_evaluates(tmp_path: Path) -> None:
    first, last = _train(1, None), _train(100, str(tmp_path))
    assert last < first / 2
    mean, update = v1.metrics.mean(_regression())
    evaluated = slim.evaluation.evaluate_once(
        "",
        tf.train.latest_checkpoint(str(tmp_path)),
        str(tmp_path / "evaluation"),
        num_evals=2,
        eval_op=update,
        final_op=mean,
    )
    assert evaluated == pytest.approx(last, rel=0.2)


def test_gradients_are_multiplied() -> None:
    a = v1.get_variable("a", initializer=3.0)
    b = v1.get_variable("b", initializer=3.0)
    v1.train.create_global_step()
    train_op = slim.learning.create_train_op(
        a + b, v1.train.GradientDescentOptimizer(1.0), gradient_multipliers={a: 2.0}
    )
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        session.run(train_op)
        assert session.run([a, b, v1.train.get_global_step()]) == [1.0, 2.0, 1]


def test_summaries_and_the_model_are_described(capsys: pytest.CaptureFixture[str]) -> None:
    output = slim.conv2d(wave(1, 2, 2, 1), 2, 1, scope="c")
    slim.summaries.add_histogram_summary(output)
    slim.summaries.add_scalar_summary(tf.reduce_sum(output), "total")
    slim.summaries.add_zero_fraction_summary(output)
    slim.summarize_variables()
    assert len(v1.get_collection("summaries")) == 5
    assert run(v1.summary.merge_all())
    sizes = slim.model_analyzer.analyze_vars(v1.trainable_variables(), print_info=True)
    assert sizes == (4, 16)
    assert "c/weights:0" in capsys.readouterr().out


def test_what_only_slim_has_computes() -> None:
    pooled = slim.pool(wave(1, 2, 2, 1), 2, "AVG")
    np.testing.assert_allclose(run_fixed(pooled).ravel(), run(tf.reduce_mean(wave(1, 2, 2, 1))))
    np.testing.assert_array_equal(
        run(slim.bucketize(tf.constant([-1.0, 0.2, 9.0]), [0.0, 1.0])), [0, 1, 2]
    )
    clip = slim.adaptive_clipping_fn(static_max_norm=0.5, report_summary=False)
    [(clipped, _)] = clip([(tf.constant([3.0, 4.0]), None)])
    np.testing.assert_allclose(run(clipped), [0.3, 0.4], rtol=1e-5)
