"""Operations on whole graphs, and Python functions in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf
from tensorflow.python.util import nest

v1 = tf.compat.v1


def get_placeholders(graph: Any) -> list[Any]:
    """Return the tensors of all placeholders of a graph.

    Raises:
        TypeError: it is no graph.
    """
    if not isinstance(graph, tf.Graph):
        raise TypeError(f"Input graph needs to be a Graph: {graph}")
    return [op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder"]


def fuse_op(
    graph_def: Any,
    input_nodes: list[str],
    output_nodes: list[str],
    output_dtypes: list[int],
    output_quantized: bool,
    op_name: str,
    op_type: str,
) -> Any:
    """Return a graph in which one custom operation stands for what is between some nodes.

    Args:
        graph_def: a `GraphDef`.
        input_nodes: names of the last nodes before it.
        output_nodes: names of nodes with one input; each gets one output of the new operation.
        output_dtypes: the type of each output.
        output_quantized: whether the outputs are quantized.
        op_name: the new node's name.
        op_type: the new node's operation.

    Raises:
        TypeError: an argument has another type, or the part between the nodes has other inputs.
        ValueError: a node is not in the graph.
    """
    _check_fuse_arguments(graph_def, input_nodes, output_nodes)
    nodes = {node.name: node for node in graph_def.node}
    for name in [*input_nodes, *output_nodes]:
        if name not in nodes:
            raise ValueError(f"{name} is not in graph")
    inputs = {name: [_node_name(i) for i in node.input] for name, node in nodes.items()}
    before = _reachable(input_nodes, inputs)
    through = _reachable(output_nodes, inputs)
    for name in through - before - set(output_nodes):
        for source in inputs[name]:
            if source in before and source not in input_nodes:
                raise TypeError(f"Node {name} uses input {source} not in input_nodes.")

    fused = v1.GraphDef(library=graph_def.library, versions=graph_def.versions)
    fused.node.extend(node for node in graph_def.node if node.name in before)
    new_node = fused.node.add(name=op_name, op=op_type, input=input_nodes)
    new_node.attr["_output_types"].list.type[:] = output_dtypes
    new_node.attr["_output_quantized"].b = output_quantized
    for index, name in enumerate(output_nodes):
        output = fused.node.add()
        output.CopyFrom(nodes[name])
        output.input[:] = [f"{op_name}:{index}" if index else op_name]
    fused.node.extend(node for node in graph_def.node if node.name not in through | before)
    return fused


def _check_fuse_arguments(graph_def: Any, input_nodes: Any, output_nodes: Any) -> None:
    if not isinstance(graph_def, v1.GraphDef):
        raise TypeError("graph_def is no GraphDef; give what graph.as_graph_def() returns")
    if isinstance(input_nodes, str):
        raise TypeError("input_nodes is no list; give the names of the nodes in one")
    if isinstance(output_nodes, str):
        raise TypeError("output_nodes is no list; give the names of the nodes in one")


def _node_name(input_name: str) -> str:
    return input_name.removeprefix("^").partition(":")[0]


def _reachable(names: Iterable[str], inputs: dict[str, list[str]]) -> set[str]:
    """Return the nodes that some nodes depend on, with these."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(inputs[name])
    return found


def py_func(
    func: Callable[..., Any],
    args: Any = (),
    kwargs: dict[str, Any] | None = None,
    output_types: Any = None,
    output_shapes: Any = None,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """Call a Python function on arrays when the graph runs; `tf.py_func` with nested results.

    Args:
        func: takes arrays where `args` and `kwargs` have tensors.
        args: list or tuple, perhaps nested, of tensors.
        kwargs: tensors by argument name.
        output_types: nested structure of the types that `func` returns, or a function of the
            same arguments that returns it.
        output_shapes: the like of shapes; None leaves them unknown.
        stateful: whether the function may return something else the next time.
        name: the operation's name.

    Raises:
        TypeError: `args` is no list or `kwargs` is no dict.
    """
    if not isinstance(args, (list, tuple)):
        raise TypeError(f"args must be list and not {type(args)}. args: {args}")
    if not isinstance(kwargs, (dict, type(None))):
        raise TypeError(f"kwargs must be dict and not {type(kwargs)}. kwargs: {kwargs}")
    given = (args, kwargs or {})
    if callable(output_types) and not isinstance(output_types, tf.DType):
        output_types = output_types(*given[0], **given[1])
    if callable(output_shapes):
        output_shapes = output_shapes(*given[0], **given[1])

    def call(*arrays: Any) -> list[Any]:
        positional, named = nest.pack_sequence_as(given, arrays)
        result = func(*positional, **named)
        nest.assert_shallow_structure(output_types, result)
        return list(nest.flatten(result))

    tensors = v1.py_func(
        call, nest.flatten(given), nest.flatten(output_types), stateful=stateful, name=name
    )
    if output_shapes is not None:
        shapes = nest.map_structure_up_to(output_types, tf.TensorShape, output_shapes)
        for tensor, shape in zip(tensors, nest.flatten(shapes), strict=True):
            tensor.set_shape(shape)
    return nest.pack_sequence_as(output_types, tensors)
