from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1.contrib import layers
from tests.contrib.fixed_weights import run_fixed, variables, wave
from tests.contrib.running import run

v1 = tf.compat.v1
# In a job, the revival of tf.estimator silences this advice.
pytestmark = pytest.mark.filterwarnings("ignore:`(tf.layers|layer).*is deprecated:UserWarning")


def _double_and_add_one(_: Any) -> tuple[Any, Any]:
    return 2 * tf.ones([1, 1, 1, 3]), tf.ones([1, 1, 1, 3])


# What is built, its variables in the order of their making, and the first numbers of its output,
# as TensorFlow 1.15.5 computes.
LAYERS: list[tuple[Callable[[], Any], dict[str, list[int]], list[float]]] = [
    (
        lambda: layers.conv2d(wave(2, 6, 6, 3), 4, 3),
        {"Conv/weights": [3, 3, 3, 4], "Conv/biases": [4]},
        [4.08176, 6.13129, 3.01063, 1.76526, 4.87723, 4.93757],
    ),
    (
        lambda: layers.conv2d(wave(2, 6, 6, 3), 4, 3, rate=2, padding="VALID"),
        {"Conv/weights": [3, 3, 3, 4], "Conv/biases": [4]},
        [12.51075, 11.23189, 8.34881, 10.37061, 1.511, 1.86998],
    ),
    (
        lambda: layers.conv2d(wave(2, 6, 6, 3), 4, 3, normalizer_fn=layers.batch_norm),
        {
            "Conv/weights": [3, 3, 3, 4],
            "Conv/BatchNorm/beta": [4],
            "Conv/BatchNorm/moving_mean": [4],
            "Conv/BatchNorm/moving_variance": [4],
        },
        [0.0, 0.85048, 0.0, 0.0, 0.34024, 0.24057],
    ),
    (
        lambda: layers.conv1d(wave(2, 8, 3), 4, 3),
        {"Conv/weights": [3, 3, 4], "Conv/biases": [4]},
        [3.17995, 2.04182, 0.57076, 2.08797, 3.74515, 4.00684],
    ),
    (
        lambda: layers.conv3d(wave(1, 4, 4, 4, 3), 2, 3),
        {"Conv/weights": [3, 3, 3, 3, 2], "Conv/biases": [2]},
        [7.68452, 7.85592, 11.50688, 10.80692, 9.38992, 9.19159],
    ),
    (
        lambda: layers.conv2d_transpose(wave(2, 6, 6, 3), 4, 3, 2),
        {"Conv2d_transpose/weights": [3, 3, 4, 3], "Conv2d_transpose/biases": [4]},
        [3.06809, 2.28955, 1.30848, 2.04428, 3.11308, 2.976],
    ),
    (
        lambda: layers.conv3d_transpose(wave(1, 3, 3, 3, 2), 2, 3, 2),
        {"Conv3d_transpose/weights": [3, 3, 3, 2, 2], "Conv3d_transpose/biases": [2]},
        [2.97334, 1.93373, 3.14939, 1.82465, 2.86569, 1.84888],
    ),
    (
        lambda: layers.conv2d_in_plane(wave(2, 6, 6, 3), 3),
        {"ConvInPlane/weights": [3, 3, 1, 1], "ConvInPlane/biases": [3]},
        [2.9415, 2.34578, 1.16011, 2.02291, 2.16074, 2.02737],
    ),
    (
        lambda: layers.separable_conv2d(wave(2, 6, 6, 3), 4, 3, 2),
        {
            "SeparableConv2d/depthwise_weights": [3, 3, 3, 2],
            "SeparableConv2d/pointwise_weights": [1, 1, 6, 4],
            "SeparableConv2d/biases": [4],
        },
        [7.64851, 3.76619, 3.88607, 7.7375, 11.11515, 5.98802],
    ),
    (
        lambda: layers.separable_conv2d(
            wave(2, 6, 6, 3), None, 3, 2, normalizer_fn=layers.batch_norm
        ),
        {
            "SeparableConv2d/depthwise_weights": [3, 3, 3, 2],
            "SeparableConv2d/BatchNorm/beta": [6],
            "SeparableConv2d/BatchNorm/moving_mean": [6],
            "SeparableConv2d/BatchNorm/moving_variance": [6],
        },
        [0.0, 0.0, 0.0, 0.0, 0.32001, 0.0],
    ),
    (
        lambda: layers.fully_connected(wave(2, 5), 3),
        {"fully_connected/weights": [5, 3], "fully_connected/biases": [3]},
        [1.57366, 2.79778, 1.70692, 2.93663, 2.80977, 3.116],
    ),
    (
        lambda: layers.fully_connected(wave(2, 4, 5), 3),
        {"fully_connected/weights": [5, 3], "fully_connected/biases": [3]},
        [1.57366, 2.79778, 1.70692, 2.93663, 2.80977, 3.116],
    ),
    (
        lambda: layers.fully_connected(wave(4, 5), 3, normalizer_fn=layers.layer_norm),
        {
            "fully_connected/weights": [5, 3],
            "fully_connected/LayerNorm/beta": [3],
            "fully_connected/LayerNorm/gamma": [3],
        },
        [0.0, 1.55595, 0.46794, 0.23277, 0.68001, 0.90783],
    ),
    (
        lambda: layers.legacy_fully_connected(wave(2, 5), 3),
        {"fully_connected/weights": [5, 3], "fully_connected/bias": [3]},
        [1.57366, 2.79778, 1.70692, 2.93663, 2.80977, 3.116],
    ),
    (
        lambda: layers.layer_norm(wave(2, 6, 6, 3)),
        {"LayerNorm/beta": [3], "LayerNorm/gamma": [3]},
        [2.50851, 2.17177, 0.56296, -0.78073, -0.00631, 0.57048],
    ),
    (
        lambda: layers.layer_norm(wave(2, 6, 4), begin_norm_axis=2, begin_params_axis=-1),
        {"LayerNorm/beta": [4], "LayerNorm/gamma": [4]},
        [2.24582, 1.97867, 0.51916, -0.64535, -0.90004, 0.82567],
    ),
    (
        lambda: layers.group_norm(wave(2, 2, 2, 32), groups=8),
        {"GroupNorm/beta": [32], "GroupNorm/gamma": [32]},
        [2.34091, 2.03377, 0.51967, -0.67407, -0.50966, 1.03928],
    ),
    (
        lambda: layers.instance_norm(wave(2, 3, 3, 4)),
        {"InstanceNorm/beta": [4], "InstanceNorm/gamma": [4]},
        [2.36669, 2.1845, 0.53795, -0.5006, -0.64715, 0.89156],
    ),
    (
        lambda: layers.bias_add(wave(2, 6, 6, 3)),
        {"BiasAdd/biases": [3]},
        [1.8, 2.03096, 0.81319, 0.46715, 0.9681, 0.82467],
    ),
    (
        lambda: layers.spatial_softmax(wave(2, 6, 6, 3)),
        {"spatial_softmax/temperature": []},
        [-0.00278, 0.0, -0.00884, -0.00185, 0.01227, -0.01053],
    ),
    (
        lambda: layers.gdn(wave(2, 6, 6, 3)),
        {"gdn/reparam_beta": [3], "gdn/reparam_gamma": [3, 3]},
        [0.645, 0.38544, 0.14841, -0.35865, -0.23198, 0.20332],
    ),
    (
        lambda: layers.stack(wave(2, 5), layers.fully_connected, [3, 4]),
        {
            "Stack/fully_connected_1/weights": [5, 3],
            "Stack/fully_connected_1/biases": [3],
            "Stack/fully_connected_2/weights": [3, 4],
            "Stack/fully_connected_2/biases": [4],
        },
        [7.35891, 2.66197, 4.73972, 8.90124, 10.28522, 3.81847],
    ),
    (
        lambda: layers.repeat(wave(2, 6, 6, 3), 2, layers.conv2d, 4, [3, 3], scope="c"),
        {
            "c/c_1/weights": [3, 3, 3, 4],
            "c/c_1/biases": [4],
            "c/c_2/weights": [3, 3, 4, 4],
            "c/c_2/biases": [4],
        },
        [65.95899, 87.60612, 69.86805, 52.79183, 102.8401, 113.23386],
    ),
    (
        lambda: layers.max_pool2d(wave(2, 6, 6, 3), 2),
        {},
        [1.0, 0.73513, 0.76222, 0.771, 0.9999, 0.72585],
    ),
    (
        lambda: layers.avg_pool2d(wave(2, 6, 6, 3), 2),
        {},
        [0.33732, 0.32246, 0.2906, 0.32442, 0.3373, 0.32196],
    ),
    (
        lambda: layers.max_pool3d(wave(1, 4, 4, 4, 2), 2),
        {},
        [1.0, 0.99753, 0.9996, 0.9999, 0.99368, 0.99516],
    ),
    (
        lambda: layers.avg_pool3d(wave(1, 4, 4, 4, 2), 2),
        {},
        [0.40125, 0.35894, 0.21146, 0.28365, 0.26876, 0.20503],
    ),
    (
        lambda: layers.softmax(wave(2, 6, 6, 3)),
        {},
        [0.45644, 0.35023, 0.19333, 0.2755, 0.27691, 0.44759],
    ),
    (
        lambda: layers.maxout(wave(2, 6, 6, 3), 3),
        {},
        [1.0, 0.73513, 0.14096, -0.33285, -0.32773, 0.15244],
    ),
    (
        lambda: layers.unit_norm(wave(2, 5), 1),
        {},
        [0.74985, 0.55124, 0.1057, -0.24959, -0.24575, 0.10468],
    ),
    (
        lambda: layers.flatten(wave(2, 6, 6, 3)),
        {},
        [1.0, 0.73513, 0.14096, -0.33285, -0.32773, 0.15244],
    ),
    (
        lambda: layers.images_to_sequence(wave(2, 6, 6, 3)),
        {},
        [1.0, 0.73513, 0.14096, -0.31696, 0.17553, 0.76222],
    ),
    (
        lambda: layers.sequence_to_images(wave(8, 16, 3), 8),
        {},
        [1.0, 0.73513, 0.14096, 0.79651, 0.99516, 0.66773],
    ),
    (
        lambda: layers.elu(wave(2, 5), 3),
        {"fully_connected/weights": [5, 3], "fully_connected/biases": [3]},
        [1.57366, 2.79778, 1.70692, 2.93663, 2.80977, 3.116],
    ),
    (
        lambda: layers.relu6(wave(2, 5), 3),
        {"fully_connected/weights": [5, 3], "fully_connected/biases": [3]},
        [1.57366, 2.79778, 1.70692, 2.93663, 2.80977, 3.116],
    ),
    (
        lambda: layers.linear(wave(2, 5), 3),
        {"fully_connected/weights": [5, 3], "fully_connected/biases": [3]},
        [1.57366, 2.79778, 1.70692, 2.93663, 2.80977, 3.116],
    ),
    (
        lambda: layers.batch_norm(wave(2, 3, 4, 5), data_format="NCHW", fused=False),
        {"BatchNorm/beta": [3], "BatchNorm/moving_mean": [3], "BatchNorm/moving_variance": [3]},
        [2.21203, 1.67366, 0.46597, -0.49708, -0.48667, 0.48932],
    ),
    (
        lambda: layers.batch_norm(wave(4, 5), decay=0.5),
        {"BatchNorm/beta": [5], "BatchNorm/moving_mean": [5], "BatchNorm/moving_variance": [5]},
        [1.99419, 2.22116, 0.46635, -0.67582, -0.14582, 0.35436],
    ),
    (
        lambda: layers.batch_norm(wave(2, 6, 6, 3), batch_weights=tf.constant([1.0, 3.0])),
        {"BatchNorm/beta": [3], "BatchNorm/moving_mean": [3], "BatchNorm/moving_variance": [3]},
        [2.22311, 2.1892, 0.34832, -0.4487, 0.04351, 0.3716],
    ),
    (
        lambda: layers.batch_norm(wave(2, 6, 6, 3), renorm=True, decay=0.9),
        {
            "BatchNorm/beta": [3],
            "BatchNorm/moving_mean": [3],
            "BatchNorm/moving_variance": [3],
            "BatchNorm/moving_stddev": [3],
            "BatchNorm/renorm_mean": [3],
            "BatchNorm/renorm_stddev": [3],
        },
        [2.60447, 1.50579, -0.23089, -1.5537, 0.44551, -0.22153],
    ),
    (
        lambda: layers.batch_norm(wave(2, 6, 6, 3), zero_debias_moving_mean=True, fused=False),
        {
            "BatchNorm/beta": [3],
            "BatchNorm/moving_mean": [3],
            "BatchNorm/moving_variance": [3],
            "BatchNorm/BatchNorm/moving_mean/biased": [3],
            "BatchNorm/BatchNorm/moving_mean/local_step": [],
        },
        [2.2031, 2.17769, 0.35356, -0.46828, 0.03105, 0.37684],
    ),
    (
        lambda: layers.batch_norm(wave(2, 6, 6, 3), adjustment=_double_and_add_one),
        {"BatchNorm/beta": [3], "BatchNorm/moving_mean": [3], "BatchNorm/moving_variance": [3]},
        [4.6062, 4.05955, 1.0349, -0.73656, -0.23373, 1.08145],
    ),
]


@pytest.mark.parametrize(("build", "expected_variables", "expected_output"), LAYERS)
def test_a_layer_has_the_variables_and_results_of_tensorflow_1(
    build: Callable[[], Any], expected_variables: dict[str, list[int]], expected_output: list[float]
) -> None:
    output = build()
    assert list(variables().items()) == list(expected_variables.items())
    computed = np.ravel(run_fixed(output))[: len(expected_output)]
    np.testing.assert_allclose(computed, expected_output, rtol=2e-4, atol=2e-5)
    model = [variable.op.name for variable in v1.get_collection("model_variables")]
    outside = {"fully_connected/bias", "gdn/reparam_beta"} & set(expected_variables)
    assert model == ([] if outside else list(expected_variables))


@pytest.mark.parametrize("fused", [None, True, False])
@pytest.mark.parametrize("updates", ["update_ops", None, "mine"])
@pytest.mark.parametrize("training", [True, False, "placeholder"])
def test_batch_norm_is_the_formula_and_moves_its_averages(
    fused: bool | None, updates: str | None, training: bool | str
) -> None:
    is_training: Any = training
    if training == "placeholder":
        is_training = v1.placeholder_with_default(True, [])
    batch = wave(2, 6, 6, 3)
    output = layers.batch_norm(
        batch,
        decay=0.75,
        scale=True,
        fused=fused,
        updates_collections=updates,
        is_training=is_training,
        param_initializers={"gamma": tf.constant_initializer(2.0)},
    )
    assert set(variables()) == {
        f"BatchNorm/{name}" for name in ("beta", "gamma", "moving_mean", "moving_variance")
    }
    update_ops = v1.get_collection(updates) if updates else []
    assert len(update_ops) == (2 if updates and training else 0)
    mean, variance = (
        v1.get_collection("model_variables", f"BatchNorm/moving_{name}")[0]
        for name in ("mean", "variance")
    )
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        images = session.run(batch)
        normalized, *_ = session.run([output, *update_ops])
        moved_mean, moved_variance = session.run([mean, variance])
    axes = (0, 1, 2)
    true_mean, true_variance = images.mean(axes), images.var(axes)
    if not training:
        np.testing.assert_allclose(normalized, 2 * images / np.sqrt(1.001), rtol=1e-4)
        assert not moved_mean.any()
        return
    expected = 2 * (images - true_mean) / np.sqrt(true_variance + 0.001)
    np.testing.assert_allclose(normalized, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(moved_mean, 0.25 * true_mean, rtol=1e-3)
    # The fused kernel estimates the variance of the population from that of the sample.
    np.testing.assert_allclose(moved_variance, 0.75 + 0.25 * true_variance, rtol=1e-2)


def test_batch_norm_in_evaluation_uses_the_averages() -> None:
    is_training = v1.placeholder_with_default(True, [])
    output = layers.batch_norm(wave(4, 5), is_training=is_training)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        training, evaluation = (session.run(output, {is_training: way}) for way in (True, False))
        inputs = session.run(wave(4, 5))
    np.testing.assert_allclose(evaluation, inputs / np.sqrt(1.001), rtol=1e-4)
    assert not np.allclose(training, evaluation)


def test_a_layer_that_is_reused_makes_no_variables() -> None:
    for reuse in (None, True):
        with v1.variable_scope("model", reuse=reuse):
            layers.conv2d(wave(2, 6, 6, 3), 4, 3, scope="c", normalizer_fn=layers.batch_norm)
    assert list(variables()) == [
        "model/c/weights",
        "model/c/BatchNorm/beta",
        "model/c/BatchNorm/moving_mean",
        "model/c/BatchNorm/moving_variance",
    ]


def test_partitioned_layers_keep_the_averages_whole() -> None:
    with v1.variable_scope("m", partitioner=v1.fixed_size_partitioner(2)):
        output = layers.fully_connected(wave(2, 6), 4, normalizer_fn=layers.batch_norm)
    assert variables() == {
        "m/fully_connected/weights/part_0": [3, 4],
        "m/fully_connected/weights/part_1": [3, 4],
        "m/fully_connected/BatchNorm/beta/part_0": [2],
        "m/fully_connected/BatchNorm/beta/part_1": [2],
        "m/fully_connected/BatchNorm/moving_mean": [4],
        "m/fully_connected/BatchNorm/moving_variance": [4],
    }
    # as TensorFlow 1.15.5 computes
    np.testing.assert_allclose(run_fixed(output)[0], [0.25818, 0.0, 0.0891, 0.0], atol=2e-5)


def test_every_variable_is_in_the_collections_that_are_asked_for() -> None:
    layers.conv2d(
        wave(2, 6, 6, 3),
        4,
        3,
        normalizer_fn=layers.batch_norm,
        normalizer_params={"variables_collections": {"moving_mean": ["means"]}},
        variables_collections={"weights": ["kernels"]},
        weights_regularizer=layers.l2_regularizer(0.01),
        outputs_collections="outputs",
    )

    def named(collection: str) -> list[str]:
        return [value.op.name for value in v1.get_collection(collection)]

    assert named("means") == ["Conv/BatchNorm/moving_mean"]
    assert named("kernels") == ["Conv/weights"]
    assert named("outputs") == ["Conv/Relu"]
    assert len(named("regularization_losses")) == 1
    assert named("model_variables") == list(variables())


def test_gradients_of_gdn_are_those_of_tensorflow_1() -> None:
    loss = layers.gdn(wave(2, 6, 6, 3))
    beta, gamma = run_fixed(tf.gradients(loss, v1.trainable_variables()))
    # as TensorFlow 1.15.5 computes
    np.testing.assert_allclose(beta, [-3.67499, -2.22082, -2.87639], rtol=1e-4)
    np.testing.assert_allclose(gamma[0], [-7.08741, -1.85319, -0.29313], rtol=1e-4)


def test_gradients_of_a_reversible_block_are_those_of_tensorflow_1() -> None:
    def side(inputs: Any) -> Any:
        return layers.fully_connected(inputs, 6)

    with v1.variable_scope("s", use_resource=True):
        sides = layers.rev_block(wave(2, 6), wave(2, 6), side, side, num_layers=2)
    names = v1.trainable_variables()
    computed = run_fixed([sides[0], *tf.gradients(sides[0] + sides[1], names)])
    # as TensorFlow 1.15.5 computes
    np.testing.assert_allclose(computed[0][0, :3], [55.92379, 59.0793, 64.66049], rtol=1e-4)
    np.testing.assert_allclose(computed[1][0, :3], [250.80418, 276.28442, 219.11732], rtol=1e-4)
    assert names[2].op.name == "s/revblock/revlayer_0/g/fully_connected/weights"


def test_recompute_grad_gives_the_same_gradients() -> None:
    def side(inputs: Any) -> Any:
        return layers.fully_connected(inputs, 6)

    gradients = []
    for function in (side, layers.recompute_grad(side)):
        with tf.Graph().as_default():
            with v1.variable_scope("s", use_resource=True):
                output = function(wave(2, 4))
            gradients.append(run_fixed(tf.gradients(output, v1.trainable_variables())))
    assert len(gradients[0]) == 2
    for plain, recomputed in zip(*gradients, strict=True):
        np.testing.assert_allclose(plain, recomputed)


def test_scale_gradient_leaves_the_value() -> None:
    inputs = wave(2, 3)
    output = layers.scale_gradient(inputs, 0.5)
    given, value, gradient = run([inputs, output, tf.gradients(output, inputs)[0]])
    np.testing.assert_array_equal(value, given)
    np.testing.assert_array_equal(gradient, np.full((2, 3), 0.5))


def test_dropout_drops_and_scales_only_in_training() -> None:
    ones = tf.ones([1000])
    kept, all_of_it = run([layers.dropout(ones, 0.8), layers.dropout(ones, is_training=False)])
    assert set(kept) == {0.0, 1.25}
    assert 700 < np.count_nonzero(kept) < 900
    np.testing.assert_array_equal(all_of_it, np.ones(1000))


def test_one_hot_and_sparse() -> None:
    one_hot, sparse = run(
        [
            layers.one_hot_encoding(tf.constant([1, 2]), 4),
            layers.dense_to_sparse(tf.constant([[1, 0], [2, 3]])),
        ]
    )
    np.testing.assert_array_equal(one_hot, np.eye(4)[[1, 2]])
    np.testing.assert_array_equal(sparse.indices, [[0, 0], [1, 0], [1, 1]])
    np.testing.assert_array_equal(sparse.values, [1, 2, 3])


def test_regularizers() -> None:
    weights = tf.constant([1.0, -2.0])
    computed = run(
        [
            layers.l1_regularizer(0.1)(weights),
            layers.l2_regularizer(0.1)(weights),
            layers.l1_l2_regularizer(0.1, 0.2)(weights),
            layers.sum_regularizer([layers.l1_regularizer(0.1), layers.l2_regularizer(0.1)])(
                weights
            ),
            layers.apply_regularization(layers.l1_regularizer(0.5), [weights, 2 * weights]),
        ]
    )
    np.testing.assert_allclose(computed, [0.3, 0.25, 0.3 + 0.5, 0.3 + 0.25, 4.5], rtol=1e-6)
    assert layers.l1_regularizer(0.0)(weights) is None
    assert len(v1.get_collection("regularization_losses")) == 1


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (layers.xavier_initializer(), 2 / (300 + 200)),
        (layers.xavier_initializer(uniform=False), 2 / (300 + 200)),
        (layers.xavier_initializer_conv2d(), 2 / (300 + 200)),
        (layers.variance_scaling_initializer(), 2 / 300),
        (layers.variance_scaling_initializer(1.0, "FAN_OUT", uniform=True), 1 / 200),
        (layers.variance_scaling_initializer(3.0, "FAN_AVG"), 3 / 250),
    ],
)
def test_initializers_have_the_variance_of_their_formula(
    initializer: Callable[..., Any], variance: float
) -> None:
    numbers = run(initializer([300, 200]))
    assert numbers.mean() == pytest.approx(0, abs=0.002)
    assert numbers.var() == pytest.approx(variance, rel=0.03)


def test_summaries_have_the_names_of_tensorflow_1() -> None:
    output = layers.conv2d(wave(2, 6, 6, 3), 4, 3)
    layers.summarize_activation(output)
    layers.summarize_tensors([output])
    layers.summarize_collection("trainable_variables")
    names = {summary.name for summary in v1.get_collection("summaries")}
    assert names == {
        "Conv/Relu/activation:0",
        "Conv/Relu/zeros:0",
        "Conv/Relu_summary:0",
        "Conv/biases_summary:0",
        "Conv/weights_summary:0",
    }
    assert run(v1.summary.merge_all())


# The slots of each optimizer for the weights, as TensorFlow 1.15.5 names them.
SLOTS = {
    "Adagrad": ["Adagrad"],
    "Adam": ["Adam", "Adam_1"],
    "Ftrl": ["Ftrl", "Ftrl_1"],
    "Momentum": ["Momentum"],
    "RMSProp": ["RMSProp", "RMSProp_1"],
    "SGD": [],
}


@pytest.mark.parametrize("optimizer", sorted(layers.OPTIMIZER_CLS_NAMES))
def test_optimize_loss_trains(optimizer: str) -> None:
    step = v1.train.get_or_create_global_step()
    weights = v1.get_variable("w", initializer=tf.constant([4.0, -2.0]))
    loss = tf.reduce_sum(weights**2)
    train = layers.optimize_loss(loss, step, 0.1, optimizer, summaries=layers.OPTIMIZER_SUMMARIES)
    slots = [name for name in variables() if "/w/" in name]
    assert slots == [f"OptimizeLoss/w/{slot}" for slot in SLOTS[optimizer]]
    assert "OptimizeLoss/learning_rate" in variables()
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        losses = [session.run(train) for _ in range(5)]
        assert session.run(step) == 5
    assert losses[-1] < losses[0]


def test_optimize_loss_clips_multiplies_and_decays() -> None:
    step = v1.train.get_or_create_global_step()
    a, b = (v1.get_variable(name, initializer=tf.constant([3.0])) for name in "ab")
    train = layers.optimize_loss(
        2 * a[0] + 2 * b[0],
        step,
        0.5,
        "SGD",
        gradient_multipliers={"a:0": 4.0},
        clip_gradients=1.0,
        learning_rate_decay_fn=lambda rate, now: rate / (1 + tf.cast(now, tf.float32)),
    )
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        session.run(train)
        moved = [3 - value[0] for value in session.run([a, b])]
        session.run(train)
        moved_less = [3 - value[0] for value in session.run([a, b])]
    direction = np.array([8.0, 2.0]) / np.sqrt(8.0**2 + 2.0**2)
    np.testing.assert_allclose(moved, 0.5 * direction, rtol=1e-5)
    np.testing.assert_allclose(moved_less, 0.75 * direction, rtol=1e-5)


def test_optimize_loss_runs_the_updates_of_batch_norm() -> None:
    output = layers.fully_connected(wave(8, 4), 2, normalizer_fn=layers.batch_norm)
    step = v1.train.get_or_create_global_step()
    train = layers.optimize_loss(tf.reduce_sum(output), step, 0.1, "SGD")
    mean = v1.get_collection("model_variables", "fully_connected/BatchNorm/moving_mean")[0]
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        session.run(train)
        assert session.run(mean).any()


def test_layers_train_in_an_estimator(tmp_path: Any) -> None:
    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        training = mode == tf.estimator.ModeKeys.TRAIN
        net = layers.conv2d(
            features,
            8,
            3,
            normalizer_fn=layers.batch_norm,
            normalizer_params={"is_training": training},
            weights_regularizer=layers.l2_regularizer(1e-4),
        )
        logits = layers.fully_connected(layers.flatten(net), 1, activation_fn=None)[:, 0]
        loss = v1.losses.sigmoid_cross_entropy(labels, logits) + v1.losses.get_regularization_loss()
        train = layers.optimize_loss(loss, v1.train.get_global_step(), 0.05, "Adam")
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)

    def input_fn() -> Any:
        images = np.random.default_rng(0).normal(size=(64, 4, 4, 1)).astype("f")
        labels = (images.mean((1, 2, 3)) > 0).astype("f")
        return tf.data.Dataset.from_tensors((images, labels)).repeat()

    estimator = tf.estimator.Estimator(
        model_fn, str(tmp_path), tf.estimator.RunConfig(tf_random_seed=1)
    )
    estimator.train(input_fn, steps=1)
    before = estimator.get_variable_value("Conv/BatchNorm/moving_variance")
    estimator.train(input_fn, steps=60)
    assert estimator.evaluate(input_fn, steps=1)["loss"] < 0.5
    assert not np.allclose(estimator.get_variable_value("Conv/BatchNorm/moving_variance"), before)


# Ids, and the numbers that their lookup gives, as TensorFlow 1.15.5 computes.
IDS = [[1, 2, 2], [0, 3, 1]]


@pytest.mark.parametrize("unique", [True, False])
def test_embed_sequence(unique: bool) -> None:
    output = layers.embed_sequence(tf.constant(IDS), 5, 3, unique=unique)
    again = layers.embed_sequence(tf.constant(IDS), scope="EmbedSequence", reuse=True)
    assert variables() == {"EmbedSequence/embeddings": [5, 3]}
    assert output.shape == [2, 3, 3]
    computed, reused = run_fixed([output, again])
    table = (np.sin(np.arange(15) * 1.7) * 0.5 + 0.8).reshape(5, 3)
    np.testing.assert_allclose(computed, table[IDS], rtol=1e-5)
    np.testing.assert_array_equal(reused, computed)
    with pytest.raises(ValueError, match="vocab size"):
        layers.embed_sequence(tf.constant(IDS))


def test_bow_encoder() -> None:
    sparse = layers.bow_encoder(tf.constant(IDS), 5, 3)
    dense = layers.bow_encoder(
        tf.constant(IDS), 5, 3, sparse_lookup=False, scope="bow_encoder", reuse=True
    )
    assert variables() == {"bow_encoder/embeddings": [5, 3]}
    table = (np.sin(np.arange(15) * 1.7) * 0.5 + 0.8).reshape(5, 3)
    computed = run_fixed([sparse, dense])
    # A zero is no word for a sparse lookup.
    np.testing.assert_allclose(computed[0][1], table[[3, 1]].mean(0), rtol=1e-5)
    np.testing.assert_allclose(computed[1], table[IDS].mean(1), rtol=1e-5)
    with pytest.raises(TypeError, match="dense"):
        layers.bow_encoder(tf.sparse.from_dense(IDS), 5, 3, sparse_lookup=False)


def test_a_document_without_words_has_the_embedding_of_0() -> None:
    ids = tf.SparseTensor([[0, 0]], [2], [2, 1])
    table = (np.sin(np.arange(15) * 1.7) * 0.5 + 0.8).reshape(5, 3)
    np.testing.assert_allclose(run_fixed(layers.bow_encoder(ids, 5, 3)), table[[2, 0]], rtol=1e-5)


def test_outputs_are_collected_by_name() -> None:
    layers.conv2d(wave(1, 2, 2, 1), 1, 1, scope="first", outputs_collections="outputs")
    outputs = layers.convert_collection_to_dict("outputs")
    assert {name: output.op.name for name, output in outputs.items()} == {"first": "first/Relu"}


@pytest.mark.parametrize(
    ("options", "rows"),
    [({}, [3.0, 0.0, 9.0]), ({"default_id": 2}, [3.0, 6.0, 9.0]), ({"combiner": "sum"}, [3, 0, 9])],
)
def test_a_safe_lookup_drops_negative_ids(options: dict[str, Any], rows: list[float]) -> None:
    weights = tf.reshape(tf.range(12.0), [4, 3])
    ids = tf.SparseTensor([[0, 0], [0, 1], [2, 0]], [1, -1, 3], [3, 2])
    output = run(layers.safe_embedding_lookup_sparse(weights, ids, **options))
    # as TensorFlow 1.15.5 computes
    np.testing.assert_allclose(output[:, 0], rows)
