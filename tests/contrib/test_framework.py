from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from entrypoint.tensorflow1.contrib import framework
from tests.contrib.running import run

v1 = tf.compat.v1


def _plain(a: int, b: int = 1, c: int = 2) -> tuple[int, int, int]:
    return a, b, c


_layer = framework.add_arg_scope(_plain)


def test_arg_scope_gives_defaults() -> None:
    with framework.arg_scope([_layer], b=5) as scope:
        assert (_layer(0), _layer(0, b=6)) == ((0, 5, 2), (0, 6, 2))
        with framework.arg_scope([_layer], c=9):
            assert _layer(0) == (0, 5, 9)
        assert list(framework.current_arg_scope().values()) == [{"b": 5}]
    assert _layer(0) == (0, 1, 2)
    with framework.arg_scope(scope):
        assert _layer(1) == (1, 5, 2)
    assert framework.has_arg_scope(_layer)
    assert framework.arg_scoped_arguments(_layer) == ("b", "c")
    with pytest.raises(ValueError, match="not decorated"), framework.arg_scope([run], b=1):
        pass


def test_the_global_step_is_tensorflow_1s() -> None:
    assert framework.get_global_step() is None
    step = framework.create_global_step()
    assert (step.op.name, step.dtype.base_dtype) == ("global_step", tf.int64)
    assert framework.get_global_step() is framework.get_or_create_global_step() is step
    assert v1.get_collection("global_step") == [step]
    assert framework.assert_or_get_global_step(None) is step
    with pytest.raises(ValueError, match="already exists"):
        framework.create_global_step()


def test_variables_are_found_by_kind_name_and_scope() -> None:
    framework.local_variable(tf.zeros([2]), name="local")
    framework.model_variable("m/model", [3], regularizer=tf.nn.l2_loss)
    framework.variable("m/plain", [2])
    framework.global_variable(tf.zeros([2]), name="global")

    def names(variables: Any) -> list[str]:
        return [variable.op.name for variable in variables]

    assert names(framework.get_variables()) == ["m/model", "m/plain", "global"]
    assert names(framework.get_model_variables()) == ["m/model"]
    assert names(framework.get_local_variables()) == ["local"]
    assert names(framework.get_trainable_variables()) == ["m/model", "m/plain"]
    assert names(framework.get_variables("m", suffix="plain")) == ["m/plain"]
    assert names(framework.get_variables_by_suffix("model")) == ["m/model"]
    assert names(framework.get_variables_by_name("plain")) == ["m/plain"]
    assert names(framework.get_variables_to_restore(exclude=["m"])) == ["global"]
    assert names(framework.filter_variables(v1.global_variables(), ["plain"])) == ["m/plain"]
    model = framework.get_unique_variable("m/model")
    assert framework.get_variable_full_name(model) == "m/model"
    assert len(v1.get_collection("regularization_losses")) == 1
    assert framework.VariableDeviceChooser(num_tasks=2)(model.op) == "/job:ps/task:0/device:CPU:0"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    with tf.Graph().as_default():
        v1.get_variable("s/v", initializer=[[4.0], [5.0]])
        v1.get_variable("w", initializer=[1.0, 2.0, 3.0])
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            v1.train.Saver().save(session, str(tmp_path / "model"))
    (tmp_path / "old").write_text("x\ny\n")
    (tmp_path / "new").write_text("y\nz\nx\n")
    return tmp_path


def test_checkpoints_are_read(checkpoint: Path) -> None:
    assert framework.list_variables(str(checkpoint)) == [("s/v", [2, 1]), ("w", [3])]
    np.testing.assert_array_equal(framework.load_variable(str(checkpoint), "s/v:0"), [[4], [5]])
    assert framework.load_checkpoint(str(checkpoint)).has_tensor("w")
    with pytest.raises(ValueError, match="checkpoint"):
        framework.load_checkpoint(str(checkpoint / ".."))


def test_variables_start_from_a_checkpoint(checkpoint: Path) -> None:
    with v1.variable_scope("other"):
        v = v1.get_variable("v", [2, 1])
    w = v1.get_variable("w2", [3])
    framework.init_from_checkpoint(str(checkpoint), {"s/": "other/", "w": w})
    values = run([v, w])
    np.testing.assert_array_equal(values[0], [[4], [5]])
    np.testing.assert_array_equal(values[1], [1, 2, 3])
    with pytest.raises(ValueError, match="not found"):
        framework.init_from_checkpoint(str(checkpoint), {"nothing": w})


def test_variables_are_assigned_from_a_checkpoint_and_from_values(checkpoint: Path) -> None:
    w, missing = (v1.get_variable(name, [3]) for name in ("w", "missing"))
    path = str(checkpoint / "model")
    assign, feed = framework.assign_from_checkpoint(path, [w])
    with v1.Session() as session:
        session.run(assign, feed)
        np.testing.assert_array_equal(session.run(w), [1, 2, 3])
        framework.assign_from_values_fn({"w": np.array([7.0, 8.0, 9.0])})(session)
        np.testing.assert_array_equal(session.run(w), [7, 8, 9])
        restore = framework.assign_from_checkpoint_fn(path, [w, missing], ignore_missing_vars=True)
        restore(session)
        np.testing.assert_array_equal(session.run(w), [1, 2, 3])
    with pytest.raises(ValueError, match="missing"):
        framework.assign_from_checkpoint(path, [w, missing])


def test_rows_of_a_checkpoint_are_remapped_to_new_vocabularies(checkpoint: Path) -> None:
    path, old, new = (str(checkpoint / name) for name in ("model", "old", "new"))
    initializers = {
        "bias": framework.load_linear_multiclass_bias_initializer(path, "s/v", 3, old, new),
        "slot": framework.load_variable_slot_initializer(
            path, "s/v", None, 3, 1, old, new, initializer=v1.ones_initializer()
        ),
        "embedding": framework.load_embedding_initializer(
            path, "s/v", 3, 1, old, new, initializer=v1.ones_initializer()
        ),
    }
    values = run(
        {
            name: v1.get_variable(name, [3, 1], initializer=initializer)
            for name, initializer in initializers.items()
        }
    )
    # y was the second row, z is new, x was the first.
    np.testing.assert_array_equal(values["bias"], [[5], [0], [4]])
    np.testing.assert_array_equal(values["slot"], [[5], [1], [4]])
    np.testing.assert_array_equal(values["embedding"], [[5], [1], [4]])


def test_zero_initializer_only_initializes() -> None:
    variable = v1.get_variable("v", initializer=[1.0, 2.0])
    zeros = framework.zero_initializer(variable)
    with v1.Session() as session:
        np.testing.assert_array_equal(session.run(zeros), [0, 0])
        np.testing.assert_array_equal(session.run(variable), [0, 0])
        with pytest.raises(tf.errors.InvalidArgumentError, match="already initialized"):
            session.run(zeros)


def test_reduce_sum_n() -> None:
    assert run(framework.reduce_sum_n([tf.constant([1.0, 2.0]), tf.constant(3.0)])) == 6
    with pytest.raises(ValueError, match="No tensors"):
        framework.reduce_sum_n([])


@pytest.mark.parametrize("static", [True, False])
def test_the_last_dimension_of_either_side_is_squeezed(static: bool) -> None:
    def tensor(values: Any) -> Any:
        constant = tf.constant(values)
        return constant if static else v1.placeholder_with_default(constant, None)

    for predictions, labels in (([[1], [2]], [1, 2]), ([1, 2], [[1], [2]])):
        squeezed = run(framework.remove_squeezable_dimensions(tensor(predictions), tensor(labels)))
        np.testing.assert_array_equal(squeezed, [[1, 2], [1, 2]])
    with pytest.raises(ValueError, match="Can not squeeze"):
        framework.remove_squeezable_dimensions(tf.constant([[1, 2]]), tf.constant([1, 2]))


def test_a_known_shape_is_checked_at_once() -> None:
    tensor = tf.ones([2, 3])
    assert framework.with_shape([2, 3], tensor) is tensor
    assert framework.with_same_shape(tf.zeros([2, 3]), tensor) is tensor
    assert framework.with_shape([], tf.ones([1])).shape == []
    for wrong in ([3, 2], [6], [1.0, 2.0], [[2, 3]], tf.constant([2, 3], tf.int64)):
        with pytest.raises(ValueError, match="Invalid"):
            framework.with_shape(wrong, tensor)
    with pytest.raises(ValueError, match="Invalid shape"):
        framework.with_same_shape(tf.zeros([3]), tensor)


@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize(
    ("expected", "fits"), [([1, 2], True), ([2, 2], False), ([2], False), ([1, 2, 1], False)]
)
def test_an_unknown_shape_is_checked_when_it_runs(
    expected: list[int], fits: bool, dynamic: bool
) -> None:
    tensor = v1.placeholder_with_default([[1.0, 2.0]], None)
    checked = framework.with_shape(tf.constant(expected) if dynamic else expected, tensor)
    if not dynamic:
        assert checked.shape == expected
    if fits:
        np.testing.assert_array_equal(run(checked), [[1, 2]])
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="Wrong shape"):
            run(checked)


def test_a_partial_shape_is_checked() -> None:
    tensor = v1.placeholder_with_default([[1.0, 2.0]], None)
    assert run(framework.with_shape(tf.TensorShape([None, 2]), tensor)).shape == (1, 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Wrong shape"):
        run(framework.with_shape(tf.TensorShape([None, 3]), tensor))


def test_scalars_are_checked() -> None:
    assert run(framework.assert_scalar_int(tf.constant(3))) == 3
    for wrong in (3.0, [3]):
        with pytest.raises(ValueError, match=r"integer|scalar"):
            framework.assert_scalar_int(tf.constant(wrong))


def test_py_func_takes_and_gives_nested_structures() -> None:
    result = framework.py_func(
        lambda a, b: {"sum": a + b, "difference": [a - b]},
        [tf.constant([3.0])],
        {"b": tf.constant([1.0])},
        {"sum": tf.float32, "difference": [tf.float32]},
        {"sum": [1], "difference": [[1]]},
    )
    assert result["sum"].shape == [1]
    computed = run(result)
    assert (computed["sum"], computed["difference"][0]) == (4, 2)
    assert run(framework.py_func(lambda a: a * 2, [tf.constant(3.0)], None, tf.float32)) == 6
    typed = framework.py_func(lambda a: a, [tf.constant(3)], None, lambda a: a.dtype)
    assert typed.dtype == tf.int32
    with pytest.raises(TypeError, match="args must be list"):
        framework.py_func(lambda a: a, tf.constant(1.0), None, tf.float32)


def test_a_subgraph_is_fused() -> None:
    tensor = v1.placeholder(tf.float32, [], name="a")
    for name, function in (("b", tf.identity), ("d", tf.square), ("e", tf.sqrt)):
        tensor = function(tensor, name=name)
    tf.identity(tf.identity(tensor, name="g"), name="h")
    graph = v1.get_default_graph()
    assert framework.get_placeholders(graph) == [graph.get_tensor_by_name("a:0")]
    fused = framework.fuse_op(graph.as_graph_def(), ["b"], ["g"], [1], True, "fused", "Fused")
    # as TensorFlow 1.15.5 fuses
    assert [(node.name, node.op, list(node.input)) for node in fused.node] == [
        ("a", "Placeholder", []),
        ("b", "Identity", ["a"]),
        ("fused", "Fused", ["b"]),
        ("g", "Identity", ["fused"]),
        ("h", "Identity", ["g"]),
    ]
    assert fused.node[2].attr["_output_quantized"].b
    assert list(fused.node[2].attr["_output_types"].list.type) == [1]
    with pytest.raises(ValueError, match="not in graph"):
        framework.fuse_op(graph.as_graph_def(), ["none"], ["g"], [1], True, "f", "F")


def test_a_fused_subgraph_has_no_other_inputs() -> None:
    a = v1.placeholder(tf.float32, [], name="a")
    b = tf.identity(a, name="b")
    tf.identity(tf.add(a, b, name="sum"), name="out")
    graph_def = v1.get_default_graph().as_graph_def()
    with pytest.raises(TypeError, match="sum uses input a"):
        framework.fuse_op(graph_def, ["b"], ["out"], [1], False, "f", "F")


def test_sorting_and_conditions() -> None:
    numbers = tf.constant([3, 1, 2])
    np.testing.assert_array_equal(run(framework.sort(numbers)), [1, 2, 3])
    descending = framework.argsort(numbers, direction="DESCENDING")
    np.testing.assert_array_equal(run(descending), [0, 2, 1])
    assert framework.smart_cond(True, lambda: "yes", lambda: "no") == "yes"
    assert framework.smart_constant_value(tf.constant(False)) == 0
    placeholder = v1.placeholder_with_default(False, [])
    assert framework.smart_constant_value(placeholder) is None
    case = framework.smart_case([(False, lambda: "a"), (True, lambda: "b")])
    assert case == "b"


def test_names_scopes_and_kinds() -> None:
    with v1.name_scope("p"), v1.name_scope("q"):
        assert framework.get_name_scope() == "p/q"
    assert framework.prepend_name_scope("a", "b") == "b/a"
    assert framework.strip_name_scope("b/a", "b") == "a"
    assert framework.is_tensor(tf.constant(1))
    assert framework.is_tensor(tf.SparseTensor([[0]], [1], [1]))
    assert not framework.is_tensor(1)
    tensor = tf.constant(1)
    assert framework.get_graph_from_inputs([tensor]) is tensor.graph


def test_convolutional_orthogonal_kernels_keep_the_norm() -> None:
    kernel = run(framework.convolutional_delta_orthogonal()([3, 3, 2, 4]))
    np.testing.assert_allclose(kernel[1, 1] @ kernel[1, 1].T, np.eye(2), atol=1e-5)
    assert np.count_nonzero(kernel) == 8


def test_nest_has_tensorflow_1s_names() -> None:
    nest = framework.nest
    assert nest.is_sequence([1])
    assert not nest.is_sequence(1)
    assert nest.flatten({"b": 3, "a": [1, 2]}) == [1, 2, 3]
    doubled: Callable[[int], int] = lambda number: 2 * number  # noqa: E731 (a test's)
    assert nest.map_structure(doubled, {"a": (1, 2)}) == {"a": (2, 4)}
    with pytest.raises(AttributeError, match=r"tf\.contrib\.framework\.nest\.flat"):
        nest.flat  # noqa: B018 (it raises)
