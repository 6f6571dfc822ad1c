from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1 import contrib
from tests.contrib.running import run

v1 = tf.compat.v1
opt = contrib.opt

START = [[1.0, -2.0], [0.5, 3.0], [-1.0, 0.25]]
TARGET = [[0.5, -0.5], [1.0, 2.0], [-3.0, 0.5]]
# The rows that the sparse loss of a step is about; some twice.
ROWS = [[0, 2, 0], [0, 1, 0], [0, 2, 2]]


def falling(step: Any) -> Any:
    return 1.0 / (1.0 + tf.cast(step, tf.float32))


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "AdamWOptimizer": lambda _: opt.AdamWOptimizer(0.1, 0.05),
    "MomentumWOptimizer": lambda _: opt.MomentumWOptimizer(0.1, 0.05, 0.9, use_nesterov=True),
    "extended": lambda _: opt.extend_with_decoupled_weight_decay(v1.train.AdagradOptimizer)(
        weight_decay=0.1, learning_rate=0.05
    ),
    "LazyAdamOptimizer": lambda _: opt.LazyAdamOptimizer(0.05),
    "NadamOptimizer": lambda _: opt.NadamOptimizer(0.05),
    "AdaMaxOptimizer": lambda _: opt.AdaMaxOptimizer(0.05),
    "AdamGSOptimizer": lambda step: opt.AdamGSOptimizer(step, 0.05),
    "LazyAdamGSOptimizer": lambda step: opt.LazyAdamGSOptimizer(step, 0.05),
    "AddSignOptimizer": lambda _: opt.AddSignOptimizer(0.05, 0.9),
    "AddSignOptimizer_decay": lambda _: opt.AddSignOptimizer(0.05, sign_decay_fn=falling),
    "PowerSignOptimizer": lambda _: opt.PowerSignOptimizer(0.05, base=2.0),
    "LARSOptimizer": lambda _: opt.LARSOptimizer(0.5, eeta=0.1, weight_decay=0.01),
    "LARSOptimizer_skip": lambda _: opt.LARSOptimizer(
        0.5, eeta=0.1, weight_decay=0.01, skip_list=["w"], use_nesterov=True
    ),
    "RegAdagradOptimizer": lambda _: opt.RegAdagradOptimizer(0.05),
}

# The optimizer's class and whether gradients are sparse: every variable after three steps, and the
# names of the slots. As TensorFlow 1.15.5 computes; for sparse gradients of decaying weights it
# computes something else each time, because it does not wait for the gradient.
EXPECTED: dict[tuple[str, bool], tuple[dict[str, Any], list[str]]] = {
    ("AdamWOptimizer", False): (
        {
            "w": [[0.594232, -1.323233], [0.229419, 2.051947], [-0.593704, 0.047482]],
            "beta1_power": 0.6561,
            "beta2_power": 0.996006,
            "w/AdamW": [[0.364521, -0.607521], [0.378512, 1.257013], [-1.042006, 0.182271]],
            "w/AdamW_1": [[0.005543, 0.015396], [0.00592, 0.065343], [0.044577, 0.001386]],
        },
        ["m", "v"],
    ),
    ("MomentumWOptimizer", False): (
        {
            "w": [[0.250634, -0.670639], [-0.12874, 0.58253], [0.596222, -0.06437]],
            "w/MomentumW": [[3.348287, -5.490312], [3.483537, 11.251125], [-9.3796, 1.741769]],
        },
        ["momentum"],
    ),
    ("extended", False): (
        {
            "w": [[0.633786, -1.361982], [0.267587, 2.089118], [-0.629615, 0.09059]],
            "w/Adagrad": [[5.695467, 15.584251], [6.074568, 65.655281], [44.840492, 1.519094]],
        },
        ["accumulator"],
    ),
    ("LazyAdamOptimizer", False): (
        {
            "w": [[0.850191, -1.850107], [0.350191, 2.850051], [-0.850064, 0.100452]],
            "beta1_power": 0.6561,
            "beta2_power": 0.996006,
            "w/Adam": [[0.392005, -0.663003], [0.392005, 1.340502], [-1.069502, 0.188762]],
            "w/Adam_1": [[0.006306, 0.017994], [0.006306, 0.073437], [0.046764, 0.001474]],
        },
        ["m", "v"],
    ),
    ("LazyAdamOptimizer", True): (
        {
            "w": [[0.853282, -1.853127], [0.462793, 2.962793], [-0.908514, 0.158266]],
            "beta1_power": 0.6561,
            "beta2_power": 0.996006,
            "w/Adam": [[0.644005, -1.086003], [0.15, 0.5], [-1.15, 0.2075]],
            "w/Adam_1": [[0.019343, 0.054695], [0.00225, 0.025], [0.078393, 0.002522]],
        },
        ["m", "v"],
    ),
    ("NadamOptimizer", False): (
        {
            "w": [[0.772488, -1.771537], [0.272488, 2.770868], [-0.771032, 0.025189]],
            "beta1_power": 0.6561,
            "beta2_power": 0.996006,
            "w/Adam": [[0.381416, -0.652375], [0.381416, 1.329846], [-1.058854, 0.178278]],
            "w/Adam_1": [[0.005999, 0.017464], [0.005999, 0.072351], [0.045901, 0.001333]],
        },
        ["m", "v"],
    ),
    ("NadamOptimizer", True): (
        {
            "w": [[0.782896, -1.781961], [0.429307, 2.929307], [-0.840358, 0.090749]],
            "beta1_power": 0.6561,
            "beta2_power": 0.996006,
            "w/Adam": [[0.629366, -1.071326], [0.135, 0.45], [-1.105, 0.19175]],
            "w/Adam_1": [[0.018651, 0.053511], [0.002248, 0.024975], [0.076963, 0.002277]],
        },
        ["m", "v"],
    ),
    ("AdaMaxOptimizer", False): (
        {
            "w": [[0.852505, -1.851445], [0.352505, 2.850649], [-0.850848, 0.105138]],
            "beta1_power": 0.6561,
            "w/AdaMax": [[0.392083, -0.663048], [0.392083, 1.340522], [-1.069528, 0.188921]],
            "w/AdaMax_1": [[1.497002, 2.495002], [1.497002, 4.990005], [3.992004, 0.748501]],
        },
        ["m", "v"],
    ),
    ("AdaMaxOptimizer", True): (
        {
            "w": [[0.861137, -1.860321], [0.473684, 2.973684], [-0.923142, 0.172654]],
            "beta1_power": 0.6561,
            "w/AdaMax": [[0.644083, -1.086048], [0.15, 0.5], [-1.15, 0.2075]],
            "w/AdaMax_1": [[2.994003, 4.990005], [1.5, 5.0], [7.9, 1.4]],
        },
        ["m", "v"],
    ),
    ("AdamGSOptimizer", False): (
        {
            "w": [[0.850191, -1.850107], [0.350191, 2.85005], [-0.850064, 0.100451]],
            "w/Adam": [[0.392005, -0.663003], [0.392005, 1.340502], [-1.069502, 0.188762]],
            "w/Adam_1": [[0.006306, 0.017994], [0.006306, 0.073437], [0.046764, 0.001474]],
        },
        ["m", "v"],
    ),
    ("AdamGSOptimizer", True): (
        {
            "w": [[0.853282, -1.853126], [0.434032, 2.934032], [-0.876276, 0.125964]],
            "w/Adam": [[0.644005, -1.086003], [0.135, 0.45], [-1.1073, 0.19405]],
            "w/Adam_1": [[0.019343, 0.054695], [0.002248, 0.024975], [0.077323, 0.002338]],
        },
        ["m", "v"],
    ),
    ("LazyAdamGSOptimizer", False): (
        {
            "w": [[0.850191, -1.850107], [0.350191, 2.85005], [-0.850064, 0.100451]],
            "w/Adam": [[0.392005, -0.663003], [0.392005, 1.340502], [-1.069502, 0.188762]],
            "w/Adam_1": [[0.006306, 0.017994], [0.006306, 0.073437], [0.046764, 0.001474]],
        },
        ["m", "v"],
    ),
    ("LazyAdamGSOptimizer", True): (
        {
            "w": [[0.853282, -1.853126], [0.462793, 2.962793], [-0.908514, 0.158265]],
            "w/Adam": [[0.644005, -1.086003], [0.15, 0.5], [-1.15, 0.2075]],
            "w/Adam_1": [[0.019343, 0.054695], [0.00225, 0.025], [0.078393, 0.002522]],
        },
        ["m", "v"],
    ),
    ("AddSignOptimizer", False): (
        {
            "w": [[0.611826, -1.353044], [0.111826, 1.706088], [0.035129, 0.055913]],
            "w/AddSignOptimizer": [
                [0.366529, -0.610881],
                [0.366529, 1.221763],
                [-0.97741, 0.183264],
            ],
        },
        ["m"],
    ),
    ("AddSignOptimizer", True): (
        {
            "w": [[0.390656, -0.984426], [0.3575, 2.525], [0.0678, 0.049788]],
            "w/AddSignOptimizer": [[0.560115, -0.933525], [0.135, 0.45], [-1.048, 0.1965]],
        },
        ["m"],
    ),
    ("AddSignOptimizer_decay", False): (
        {
            "w": [[0.6655, -1.4425], [0.1655, 1.885], [-0.108, 0.08275]],
            "w/AddSignOptimizer": [[0.367875, -0.613125], [0.367875, 1.22625], [-0.981, 0.183938]],
        },
        ["m"],
    ),
    ("AddSignOptimizer_decay", True): (
        {
            "w": [[0.452, -1.086667], [0.3875, 2.625], [-0.12, 0.085]],
            "w/AddSignOptimizer": [[0.561, -0.935], [0.135, 0.45], [-1.044, 0.19575]],
        },
        ["m"],
    ),
    ("PowerSignOptimizer", False): (
        {
            "w": [[0.5935, -1.3225], [0.0935, 1.645], [0.084, 0.04675]],
            "w/PowerSignOptimizer": [[0.3645, -0.6075], [0.3645, 1.215], [-0.972, 0.18225]],
        },
        ["m"],
    ),
    ("PowerSignOptimizer", True): (
        {
            "w": [[0.364, -0.94], [0.35, 2.5], [0.12, 0.04]],
            "w/PowerSignOptimizer": [[0.555, -0.925], [0.135, 0.45], [-1.044, 0.19575]],
        },
        ["m"],
    ),
    ("LARSOptimizer", False): (
        {
            "w": [[0.781033, -1.634572], [0.281758, 2.270595], [-0.418506, 0.140879]],
            "w/LARSOptimizer": [[0.103038, -0.171958], [0.102697, 0.343234], [-0.273632, 0.051349]],
        },
        ["momentum"],
    ),
    ("LARSOptimizer", True): (
        {
            "w": [[-2.39, 3.65], [-0.25, 0.5], [4.8, -0.8375]],
            "w/LARSOptimizer": [[1.08, -1.8], [1.5, 5.0], [-7.6, 1.425]],
        },
        ["momentum"],
    ),
    ("LARSOptimizer_skip", False): (
        {
            "w": [[-1.107312, 1.512188], [-1.607312, -4.024375], [4.6195, -0.803656]],
            "w/LARSOptimizer": [[0.339375, -0.565625], [0.339375, 1.13125], [-0.905, 0.169687]],
        },
        ["momentum"],
    ),
    ("LARSOptimizer_skip", True): (
        {
            "w": [[-0.5, 0.5], [-0.925, -1.75], [4.8, -0.8375]],
            "w/LARSOptimizer": [[0.0, 0.0], [1.5, 5.0], [-4.0, 0.75]],
        },
        ["momentum"],
    ),
    ("RegAdagradOptimizer", False): (
        {
            "w": [[0.888839, -1.887219], [0.388839, 2.886344], [-0.886534, 0.144759]],
            "w/RegAdagrad": [[6.462668, 18.189259], [6.462668, 73.7603], [47.031563, 1.608552]],
        },
        ["accumulator"],
    ),
    ("RegAdagradOptimizer", True): (
        {
            "w": [[0.899599, -1.898847], [0.451075, 2.9501], [-0.905576, 0.160641]],
            "w/RegAdagrad": [[19.517176, 54.944847], [2.35, 25.1], [78.5149, 2.644558]],
        },
        ["accumulator"],
    ),
}


def gradient_of(w: Any, target: Any) -> Any:
    """Return the gradient of `w * target + w * w / 2`."""
    return w + target


def train(optimizer: Callable[[Any], Any], *, sparse: bool, resource: bool) -> tuple[Any, Any]:
    """Return every variable by name after three steps, and the optimizer."""
    with v1.variable_scope("", use_resource=resource):
        w = v1.get_variable("w", initializer=START)
        step = v1.train.get_or_create_global_step()
    target = tf.constant(TARGET)
    values = w
    if sparse:
        rows = tf.gather(tf.constant(ROWS), tf.cast(step, tf.int32))
        values, target = tf.gather(w, rows), tf.gather(target, rows)
    made = optimizer(step)
    train_op = made.minimize(tf.reduce_sum(values * target + values * values / 2), step)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        for _ in range(3):
            session.run(train_op)
        variables = [var for var in v1.global_variables() if var is not step]
        return {var.op.name: session.run(var) for var in variables}, made


@pytest.mark.parametrize("resource", [False, True])
@pytest.mark.parametrize(("name", "sparse"), EXPECTED)
def test_optimizer_is_tensorflow_1s(name: str, sparse: bool, resource: bool) -> None:
    found, optimizer = train(OPTIMIZERS[name], sparse=sparse, resource=resource)
    expected, slots = EXPECTED[name, sparse]
    assert set(found) == set(expected)
    for variable, value in expected.items():
        np.testing.assert_allclose(found[variable], value, rtol=3e-6, atol=3e-6)
    assert sorted(optimizer.get_slot_names()) == slots
    assert isinstance(optimizer, v1.train.Optimizer)


@pytest.mark.parametrize("resource", [False, True])
def test_only_rows_of_a_sparse_gradient_decay(resource: bool) -> None:
    """Adam's sparse update moves every row, and its gradient is of the rows before they decay."""
    found, _ = train(OPTIMIZERS["AdamWOptimizer"], sparse=True, resource=resource)
    w, target = np.array(START), np.array(TARGET)
    m, v = np.zeros_like(w), np.zeros_like(w)
    for step, rows in enumerate(ROWS, start=1):
        gradient = np.zeros_like(w)
        np.add.at(gradient, rows, gradient_of(w, target)[rows])
        w[np.unique(rows)] *= 1 - 0.1
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        w -= 0.05 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step) * m / (np.sqrt(v) + 1e-8)
    np.testing.assert_allclose(found["w"], w, rtol=1e-5)
    np.testing.assert_allclose(found["w/AdamW"], m, rtol=1e-5)


@pytest.mark.parametrize("resource", [False, True])
def test_decay_is_before_the_update_by_the_gradient_of_the_undecayed(resource: bool) -> None:
    """Loshchilov & Hutter, algorithm 2 with the decay in place of its lambda."""
    found, _ = train(OPTIMIZERS["MomentumWOptimizer"], sparse=True, resource=resource)
    w, target = np.array(START), np.array(TARGET)
    momentum = np.zeros_like(w)
    for rows in ROWS:
        gradient = np.zeros_like(w)
        np.add.at(gradient, rows, gradient_of(w, target)[rows])
        touched = np.unique(rows)
        w[touched] *= 1 - 0.1
        momentum[touched] = 0.9 * momentum[touched] + gradient[touched]
        w[touched] -= 0.05 * (gradient + 0.9 * momentum)[touched]
    np.testing.assert_allclose(found["w"], w, rtol=1e-5)


@pytest.mark.parametrize("name", ["AddSignOptimizer", "PowerSignOptimizer"])
def test_signs_are_compared_in_rows_of_resource_variables_too(name: str) -> None:
    """TensorFlow 1.15 could not."""
    found, _ = train(OPTIMIZERS[name], sparse=True, resource=True)
    for variable, value in EXPECTED[name, True][0].items():
        np.testing.assert_allclose(found[variable], value, rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("by_minimize", [False, True])
def test_only_the_listed_variables_decay(by_minimize: bool) -> None:
    w, b = (v1.get_variable(name, initializer=[2.0]) for name in "wb")
    optimizer = opt.AdamWOptimizer(lambda: 0.25, learning_rate=0.0)
    loss = tf.reduce_sum(w * b)
    if by_minimize:
        train_op = optimizer.minimize(loss, decay_var_list=[w])
    else:
        gradients = optimizer.compute_gradients(loss)
        train_op = optimizer.apply_gradients(gradients, decay_var_list=[w])
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        session.run(train_op)
        assert [value.tolist() for value in session.run([w, b])] == [[1.5], [2.0]]
    with pytest.raises(ValueError, match="No gradients provided"):
        optimizer.minimize(tf.constant(1.0), var_list=[w])


def test_slots_are_left_alone_where_the_regularizer_is_applied() -> None:
    w = v1.get_variable("w", initializer=[2.0])
    optimizer = opt.RegAdagradOptimizer(1.0, initial_accumulator_value=4.0)
    with optimizer.avoid_updating_slots():
        still = optimizer.minimize(tf.reduce_sum(w))
    moving = optimizer.minimize(3 * tf.reduce_sum(w))
    accumulator = optimizer.get_slot(w, "accumulator")
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        session.run(still)
        assert session.run([w, accumulator]) == [1.5, 4.0]
        session.run(moving)
        assert session.run(accumulator) == 13.0


def test_lars_refuses_negative_hyperparameters() -> None:
    with pytest.raises(ValueError, match="momentum should be positive"):
        opt.LARSOptimizer(0.1, momentum=-1)
    with pytest.raises(ValueError, match="weight_decay should be positive"):
        opt.LARSOptimizer(0.1, weight_decay=-1)


@pytest.mark.parametrize("resource", [False, True])
@pytest.mark.parametrize("partitioned", [False, True])
def test_averages_are_saved_in_place_of_variables(
    tmp_path: Path, resource: bool, partitioned: bool
) -> None:
    partitioner = tf.compat.v1.fixed_size_partitioner(2) if partitioned else None
    with v1.variable_scope("s", use_resource=resource, partitioner=partitioner):
        w = v1.get_variable("w", [2], initializer=v1.ones_initializer())
    optimizer = opt.MovingAverageOptimizer(v1.train.GradientDescentOptimizer(1.0), 0.5)
    with pytest.raises(RuntimeError, match="Must call apply_gradients or minimize"):
        optimizer.swapping_saver()
    train_op = optimizer.minimize(tf.reduce_sum(w))
    saver, plain = optimizer.swapping_saver(), v1.train.Saver()
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        session.run(train_op)
        paths = [
            one.save(session, str(tmp_path / name)) for one, name in ((saver, "s"), (plain, "p"))
        ]
    swapped, straight = (tf.train.load_checkpoint(path) for path in paths)
    average = "s/w/ExponentialMovingAverage"
    assert set(swapped.get_variable_to_shape_map()) == {"s/w", average}
    assert swapped.get_tensor("s/w").tolist() == straight.get_tensor(average).tolist() == [0.5, 0.5]
    assert swapped.get_tensor(average).tolist() == straight.get_tensor("s/w").tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="to be saved without"):
        optimizer.swapping_saver(v1.trainable_variables())


@pytest.mark.parametrize("resource", [False, True])
def test_variables_are_clipped_after_a_step(resource: bool) -> None:
    with v1.variable_scope("", use_resource=resource):
        dense, sparse, free = (
            v1.get_variable(n, initializer=[[3.0, 4.0], [6.0, 8.0]]) for n in "dsf"
        )
    optimizer = opt.VariableClippingOptimizer(
        v1.train.GradientDescentOptimizer(0.0), {dense: [1], sparse: [1]}, 1.0
    )
    train_op = optimizer.minimize(
        tf.reduce_sum(dense + free) + tf.reduce_sum(tf.gather(sparse, [1]))
    )
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        session.run(train_op)
        found = session.run([dense, sparse, free])
    np.testing.assert_allclose(found[0], [[0.6, 0.8], [0.6, 0.8]], rtol=1e-6)
    np.testing.assert_allclose(found[1], [[3.0, 4.0], [0.6, 0.8]], rtol=1e-6)
    assert found[2].tolist() == [[3.0, 4.0], [6.0, 8.0]]


@pytest.mark.parametrize("resource", [False, True])
def test_tasks_without_gradient_do_not_move_by_momentum(resource: bool) -> None:
    with v1.variable_scope("", use_resource=resource):
        w = v1.get_variable("w", initializer=[1.0])
    scale = v1.placeholder(tf.float32, [])
    wrapped = opt.MultitaskOptimizerWrapper(v1.train.MomentumOptimizer(0.1, 0.9))
    gradients = wrapped.compute_gradients(scale * tf.reduce_sum(w))
    gradients, norm = opt.clip_gradients_by_global_norm(gradients, 0.5)
    train_op = wrapped.apply_gradients(gradients)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        found, _ = session.run([norm, train_op], {scale: 2.0})
        assert found == 2.0
        moved = session.run(w)
        assert moved == pytest.approx(1 - 0.1 * 0.5)
        session.run(train_op, {scale: 0.0})
        assert session.run(w) == moved
    with pytest.raises(TypeError, match="must be an instance"):
        opt.MultitaskOptimizerWrapper("sgd")


@pytest.mark.parametrize("staleness", [0, 1])
def test_stale_gradients_are_counted_and_not_applied(staleness: int) -> None:
    w = v1.get_variable("w", initializer=1.0)
    step = v1.train.get_or_create_global_step()
    optimizer = opt.DropStaleGradientOptimizer(v1.train.GradientDescentOptimizer(0.5), staleness)
    gradients = optimizer.compute_gradients(w * 1.0)
    late = v1.placeholder(tf.float32, [])
    dropped = optimizer.apply_gradients([(late, w) for _ in gradients], global_step=step)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        noted = session.run(optimizer._local_step)
        session.run([v1.assign_add(step, 1)])
        counted = session.run(dropped, {late: 1.0, optimizer._local_step: noted})
        assert counted == (0.0 if staleness else 1.0)
        assert session.run(w) == (0.5 if staleness else 1.0)


@pytest.mark.parametrize("resource", [False, True])
def test_scipy_minimizes(resource: bool) -> None:
    """The closest point of a line to a point, within bounds, is known."""
    with v1.variable_scope("", use_resource=resource):
        x = v1.get_variable("x", initializer=[5.0, -3.0])
        y = v1.get_variable("y", initializer=2.0)
    loss = tf.reduce_sum(tf.square(x - [1.0, 2.0])) + tf.square(y - 3.0)
    free = opt.ScipyOptimizerInterface(loss)
    bounded = opt.ScipyOptimizerInterface(loss, var_to_bounds={y: (-np.inf, 1.0)})
    on_line = opt.ScipyOptimizerInterface(
        loss,
        var_list=[x],
        equalities=[tf.reduce_sum(x)],
        inequalities=[x[0] - 0.25],
        method="SLSQP",
    )
    losses: list[float] = []
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        free.minimize(session, fetches=[loss], loss_callback=losses.append)
        np.testing.assert_allclose(session.run(x), [1.0, 2.0], atol=1e-3)
        assert losses[0] == pytest.approx(16 + 25 + 1)
        assert losses[-1] < 1e-5
        bounded.minimize(session)
        assert session.run(y) == pytest.approx(1.0)
        on_line.minimize(session)
        np.testing.assert_allclose(session.run(x), [0.25, -0.25], atol=1e-3)
        assert session.run(y) == pytest.approx(1.0)
        with pytest.raises(ValueError, match="set automatically"):
            opt.ScipyOptimizerInterface(loss, jac=False).minimize(session)
        with pytest.raises(TypeError, match="must implement _minimize"):
            opt.ExternalOptimizerInterface(loss).minimize(session)


def test_mirrored_replicas_decay_what_is_listed() -> None:
    """A replica sees its part of the variable, and the user lists the whole."""
    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    with strategy.scope():
        w, b = (v1.get_variable(name, initializer=[2.0]) for name in "wb")
        optimizer = opt.AdamWOptimizer(0.25, learning_rate=0.0)

        def step() -> Any:
            gradients = optimizer.compute_gradients(tf.reduce_sum(w + b))
            return optimizer.apply_gradients(gradients, decay_var_list=[w])

        train_op = strategy.unwrap(strategy.run(step))
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        session.run(train_op)
        assert [value.tolist() for value in session.run([w, b])] == [[1.5], [2.0]]


def test_an_estimator_trains_with_adamw(tmp_path: Path) -> None:
    from tensorflow_estimator._api.v1 import estimator

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        w = v1.get_variable("w", [1, 1], initializer=v1.zeros_initializer())
        loss = tf.reduce_mean(tf.square(features @ w - labels))
        step = v1.train.get_global_step()
        train_op = opt.AdamWOptimizer(1e-4, 0.1).minimize(loss, step)
        return estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    def input_fn() -> Any:
        x = np.array([[1.0], [2.0]], np.float32)
        return v1.data.Dataset.from_tensors((x, 3 * x)).repeat()

    trained = estimator.Estimator(model_fn, str(tmp_path)).train(input_fn, steps=200)
    assert trained.get_variable_value("w") == pytest.approx(3.0, abs=0.1)
    assert set(trained.get_variable_names()) == {
        "w",
        "w/AdamW",
        "w/AdamW_1",
        "beta1_power",
        "beta2_power",
        "global_step",
    }


def test_optimizers_for_copies_are_explained() -> None:
    with pytest.raises(AttributeError, match="use a distribution strategy"):
        _ = opt.ElasticAverageOptimizer
    assert run(tf.constant(1)) == 1
