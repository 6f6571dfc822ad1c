from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1
losses = contrib.losses

PREDICTIONS = [[0.2, 0.7, 0.4], [0.9, 0.1, 0.3], [0.5, 0.6, 0.8]]
LABELS = [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]
WEIGHTS = [1.0, 0.0, 2.0]
EMBEDDINGS = [[0.6, 0.8], [0.5, 0.7], [-0.3, 0.9], [0.1, -0.9], [0.8, -0.2], [-0.6, -0.6]]
CLASSES = [0, 0, 1, 1, 2, 2]


def sets_of_labels() -> list[Any]:
    """Return the label sets {0}, {0, 1} and {1}."""
    return [
        tf.SparseTensor([[label] for label in labels], tf.ones([len(labels)], tf.int64), [2])
        for labels in ([0], [0, 1], [1])
    ]


CASES: dict[str, Callable[[Any], Any]] = {
    "absolute_difference": lambda x: losses.absolute_difference(
        x, tf.constant(LABELS), tf.constant(WEIGHTS)
    ),
    "compute_weighted_loss": lambda x: losses.compute_weighted_loss(x, tf.constant(WEIGHTS)),
    "cosine_distance": lambda x: losses.cosine_distance(
        x, tf.constant(LABELS), 1, tf.constant(WEIGHTS)
    ),
    "hinge_loss": lambda x: tf.reduce_sum(losses.hinge_loss(x, tf.constant(LABELS))),
    "log_loss": lambda x: losses.log_loss(x, tf.constant(LABELS), tf.constant(WEIGHTS)),
    "mean_pairwise_squared_error": lambda x: losses.mean_pairwise_squared_error(
        x, tf.constant(LABELS), tf.constant(WEIGHTS)
    ),
    "mean_squared_error": lambda x: losses.mean_squared_error(
        x, tf.constant(LABELS), tf.constant(WEIGHTS)
    ),
    "sigmoid_cross_entropy": lambda x: losses.sigmoid_cross_entropy(
        x, tf.constant(LABELS), tf.constant(WEIGHTS), label_smoothing=0.1
    ),
    "softmax_cross_entropy": lambda x: losses.softmax_cross_entropy(
        x, tf.constant(LABELS), tf.constant(WEIGHTS), label_smoothing=0.1
    ),
    "sparse_softmax_cross_entropy": lambda x: losses.sparse_softmax_cross_entropy(
        x, tf.constant([0, 2, 1]), tf.constant(WEIGHTS)
    ),
    "contrastive_loss": lambda x: losses.metric_learning.contrastive_loss(
        tf.constant([1, 0, 1]), x[:3], x[3:], 2.0
    ),
    "lifted_struct_loss": lambda x: losses.metric_learning.lifted_struct_loss(CLASSES, x),
    "npairs_loss": lambda x: losses.metric_learning.npairs_loss(
        tf.constant([0, 1, 1]), x[:3], x[3:]
    ),
    "npairs_loss_multilabel": lambda x: losses.metric_learning.npairs_loss_multilabel(
        sets_of_labels(), x[:3], x[3:]
    ),
    "triplet_semihard_loss": lambda x: losses.metric_learning.triplet_semihard_loss(
        CLASSES, x, 0.5
    ),
}

# Loss and gradient as TensorFlow 1.15.5 computes them.
EXPECTED: dict[str, tuple[float, Any]] = {
    "absolute_difference": (
        0.516667,
        [
            [0.16666999459266663, -0.16666999459266663, 0.16666999459266663],
            [-0.0, 0.0, -0.0],
            [0.3333300054073334, -0.3333300054073334, -0.3333300054073334],
        ],
    ),
    "compute_weighted_loss": (
        0.85,
        [
            [0.16666999459266663, 0.16666999459266663, 0.16666999459266663],
            [0.0, 0.0, 0.0],
            [0.3333300054073334, 0.3333300054073334, 0.3333300054073334],
        ],
    ),
    "cosine_distance": (-0.25, [[-0.0, -0.5, -0.0], [-0.0, -0.0, -0.0], [-0.0, -1.0, -1.0]]),
    "hinge_loss": (6.9, [[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0], [1.0, -1.0, -1.0]]),
    "log_loss": (
        0.657479,
        [
            [0.20833000540733337, -0.23810000717639923, 0.2777799963951111],
            [0.0, 0.0, 0.0],
            [0.666670024394989, -0.5555599927902222, -0.4166699945926666],
        ],
    ),
    "mean_pairwise_squared_error": (
        0.768889,
        [
            [0.13333000242710114, -0.5333300232887268, 0.4000000059604645],
            [-0.0, 0.0, -0.0],
            [1.42221999168396, -0.9777799844741821, -0.44444000720977783],
        ],
    ),
    "mean_squared_error": (
        0.198333,
        [
            [0.0666700005531311, -0.10000000149011612, 0.13333000242710114],
            [-0.0, 0.0, -0.0],
            [0.3333300054073334, -0.26666998863220215, -0.13333000242710114],
        ],
    ),
    "sigmoid_cross_entropy": (
        0.962445,
        [
            [0.08331000059843063, -0.04696999862790108, 0.09144999831914902],
            [0.0, 0.0, 0.0],
            [0.19081999361515045, -0.10145000368356705, -0.08668000251054764],
        ],
    ),
    "softmax_cross_entropy": (
        2.422322,
        [
            [0.11253000050783157, -0.2536599934101105, 0.1411300003528595],
            [-0.0, 0.0, -0.0],
            [0.25609999895095825, -0.6134600043296814, -0.542639970779419],
        ],
    ),
    "sparse_softmax_cross_entropy": (
        1.816474,
        [
            [-0.37081000208854675, 0.2130099982023239, 0.15780000388622284],
            [0.0, 0.0, -0.0],
            [0.28942999243736267, -0.6801300048828125, 0.39068999886512756],
        ],
    ),
    "contrastive_loss": (
        2.195089,
        [
            [0.3333300054073334, 1.13332998752594],
            [0.22164000570774078, -0.6649100184440613],
            [0.20000000298023224, 1.0],
            [-0.3333300054073334, -1.13332998752594],
            [-0.22164000570774078, 0.6649100184440613],
            [-0.20000000298023224, -1.0],
        ],
    ),
    "lifted_struct_loss": (
        4.818254,
        [
            [0.08395999670028687, 0.012889999896287918],
            [-0.8348900079727173, -0.9107400178909302],
            [0.4882799983024597, 0.7477099895477295],
            [0.18379999697208405, -0.5075100064277649],
            [0.5141400098800659, 0.7374299764633179],
            [-0.4352799952030182, -0.07979000359773636],
        ],
    ),
    "npairs_loss": (
        1.186116,
        [
            [0.09504999965429306, 0.15699000656604767],
            [0.08083000034093857, -0.016540000215172768],
            [-0.005410000216215849, -0.04148999974131584],
            [-0.13987000286579132, -0.07946000248193741],
            [0.14080999791622162, 0.13064000010490417],
            [-0.0008500000112690032, -0.051739998161792755],
        ],
    ),
    "npairs_loss_multilabel": (
        1.011116,
        [
            [-0.021609999239444733, 0.04033000022172928],
            [0.02250000089406967, 0.008460000157356262],
            [-0.005410000216215849, -0.04148999974131584],
            [-0.08152999728918076, -0.004459999967366457],
            [0.0408100001513958, -0.0027000000700354576],
            [0.04081999883055687, 0.0065899998880922794],
        ],
    ),
    "triplet_semihard_loss": (
        0.453333,
        [
            [-0.16666999459266663, -0.5666700005531311],
            [0.0, 0.0],
            [0.36667001247406006, -0.033330000936985016],
            [0.4333299994468689, -0.6333299875259399],
            [0.20000000298023224, 1.0],
            [-0.833329975605011, 0.23332999646663666],
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_loss_and_gradient_are_tensorflow_1s(name: str) -> None:
    is_of_embeddings = hasattr(losses.metric_learning, name)
    x = tf.constant(EMBEDDINGS if is_of_embeddings else PREDICTIONS)
    loss = CASES[name](x)
    found, gradient = run([loss, v1.gradients(loss, x)[0]])
    expected, expected_gradient = EXPECTED[name]
    assert found == pytest.approx(expected, abs=2e-6)
    np.testing.assert_allclose(gradient, expected_gradient, atol=2e-5)
    collected = [] if is_of_embeddings or name == "hinge_loss" else [loss]
    assert losses.get_losses() == collected


def test_every_loss_is_a_case() -> None:
    untested = {*losses.__all__, *losses.metric_learning.__all__} - set(CASES)
    assert untested == {
        "add_loss",
        "cluster_loss",
        "get_losses",
        "get_regularization_losses",
        "get_total_loss",
        "metric_learning",
    }


def test_losses_are_collected_and_summed() -> None:
    with tf.name_scope("scope"):
        losses.add_loss(tf.constant(2.0))
    losses.add_loss(tf.constant(3.0))
    losses.add_loss(tf.constant(100.0), loss_collection="others")
    v1.add_to_collection(v1.GraphKeys.REGULARIZATION_LOSSES, tf.constant(10.0))
    assert len(losses.get_losses()) == 2
    assert len(losses.get_losses("scope")) == 1
    assert len(losses.get_regularization_losses()) == 1
    assert run(losses.get_total_loss()) == 15.0
    assert run(losses.get_total_loss(add_regularization_losses=False)) == 5.0


def test_predictions_come_first() -> None:
    """tf.losses takes labels first, and would compute 16 of these."""
    loss = losses.log_loss(tf.constant([0.2]), tf.constant([1.0]))
    assert run(loss) == pytest.approx(-np.log(0.2), abs=1e-5)


@pytest.mark.parametrize("margin_type", ["nmi", "ami", "ari", "vmeasure"])
def test_cluster_loss_is_zero_for_clusters_far_apart(margin_type: str) -> None:
    """Oh Song et al., "Deep Metric Learning via Facility Location": a hinge loss of scores."""

    def loss(embeddings: Any) -> Any:
        return losses.metric_learning.cluster_loss(
            tf.constant(CLASSES, tf.int64), embeddings, 1.0, margin_type=margin_type
        )

    centres = np.repeat([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]], 2, axis=0)
    spread = np.tile([[0.1, 0.0], [-0.1, 0.0]], (3, 1))
    apart = tf.constant(centres + spread, tf.float32)
    mixed = tf.constant(EMBEDDINGS)
    losses_found = run([loss(apart), loss(mixed)])
    assert losses_found[0] == pytest.approx(0.0, abs=1e-5)
    assert losses_found[1] > 0.5
    assert np.abs(run(v1.gradients(loss(mixed), mixed)[0])).max() > 0
