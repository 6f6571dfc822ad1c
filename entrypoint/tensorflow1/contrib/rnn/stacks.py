"""Stacks of bidirectional layers, each of which sees both directions of the one below."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.rnn.cell import v1


def stack_bidirectional_rnn(
    cells_fw: list[Any],
    cells_bw: list[Any],
    inputs: list[Any],
    initial_states_fw: list[Any] | None = None,
    initial_states_bw: list[Any] | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Run layers of static bidirectional networks (arXiv:1303.5778).

    Args:
        cells_fw: a cell for each layer.
        cells_bw: a cell for each layer.
        inputs: a list of [batch, size], one for each step.
        initial_states_fw: a state for each layer.
        initial_states_bw: a state for each layer.
        dtype: of the states if they are not given.
        sequence_length: [batch].
        scope: of the variables.

    Returns:
        The outputs, a list of [batch, both output sizes], and the final states of both directions,
        one for each layer.
    """
    states_fw, states_bw = [], []
    layers = _layers(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    with v1.variable_scope(scope or "stack_bidirectional_rnn"):
        for number, (cell_fw, cell_bw, initial_fw, initial_bw) in enumerate(layers):
            with v1.variable_scope(f"cell_{number}") as layer_scope:
                inputs, state_fw, state_bw = v1.nn.static_bidirectional_rnn(
                    cell_fw,
                    cell_bw,
                    inputs,
                    initial_state_fw=initial_fw,
                    initial_state_bw=initial_bw,
                    sequence_length=sequence_length,
                    dtype=dtype,
                    scope=layer_scope,
                )
            states_fw.append(state_fw)
            states_bw.append(state_bw)
    return inputs, tuple(states_fw), tuple(states_bw)


def stack_bidirectional_dynamic_rnn(
    cells_fw: list[Any],
    cells_bw: list[Any],
    inputs: Any,
    initial_states_fw: list[Any] | None = None,
    initial_states_bw: list[Any] | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    parallel_iterations: int | None = None,
    time_major: bool = False,
    scope: Any = None,
    swap_memory: bool = False,
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Run layers of dynamic bidirectional networks (arXiv:1303.5778).

    Args:
        cells_fw: a cell for each layer.
        cells_bw: a cell for each layer.
        inputs: [batch, time, size], or [time, batch, size] if `time_major`.
        initial_states_fw: a state for each layer.
        initial_states_bw: a state for each layer.
        dtype: of the states if they are not given.
        sequence_length: [batch].
        parallel_iterations: as of `dynamic_rnn`.
        time_major: the layout of inputs and outputs.
        scope: of the variables.
        swap_memory: as of `dynamic_rnn`.

    Returns:
        The outputs, [batch, time, both output sizes], and the final states of both directions, one
        for each layer.
    """
    states_fw, states_bw = [], []
    layers = _layers(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    with v1.variable_scope(scope or "stack_bidirectional_rnn"):
        for number, (cell_fw, cell_bw, initial_fw, initial_bw) in enumerate(layers):
            with v1.variable_scope(f"cell_{number}"):
                outputs, (state_fw, state_bw) = v1.nn.bidirectional_dynamic_rnn(
                    cell_fw,
                    cell_bw,
                    inputs,
                    initial_state_fw=initial_fw,
                    initial_state_bw=initial_bw,
                    sequence_length=sequence_length,
                    parallel_iterations=parallel_iterations,
                    dtype=dtype,
                    swap_memory=swap_memory,
                    time_major=time_major,
                )
            inputs = tf.concat(outputs, 2)
            states_fw.append(state_fw)
            states_bw.append(state_bw)
    return inputs, tuple(states_fw), tuple(states_bw)


def _layers(
    cells_fw: Any, cells_bw: Any, states_fw: Any, states_bw: Any
) -> list[tuple[Any, Any, Any, Any]]:
    """Return cells and initial states by layer.

    Raises:
        ValueError: they are not lists of one length, one entry for each layer.
    """
    if not cells_fw or not isinstance(cells_fw, list):
        raise ValueError("cells_fw must be a list of cells, one for each layer")
    depth = len(cells_fw)
    columns = []
    for name, given in (
        ("cells_fw", cells_fw),
        ("cells_bw", cells_bw),
        ("initial_states_fw", states_fw),
        ("initial_states_bw", states_bw),
    ):
        if given is None and name.startswith("initial"):
            columns.append([None] * depth)
        elif isinstance(given, list) and len(given) == depth:
            columns.append(given)
        else:
            raise ValueError(f"{name} must be a list of {depth}, one for each layer")
    return list(zip(*columns, strict=True))
