"""Deal a dataset out to the workers, and mark where each worker's share ends.

An Estimator under a strategy makes its iterator with `Strategy.make_input_fn_iterator`, which
leaves both to the input function (tensorflow/python/distribute/v1/input_lib.py,
InputFunctionIterator). Both are done here on the dataset that the input function returned, in the
graph that it was built in.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2
from tensorflow.python.data.ops import optional_ops
from tensorflow.python.data.util import structure, traverse
from tensorflow.python.distribute import input_ops
from tensorflow.python.framework import tensor_util
from tensorflow.python.ops import gen_optional_ops

logger = logging.getLogger(__name__)

Policy = tf.data.experimental.AutoShardPolicy


def _operations(*names: str) -> re.Pattern[str]:
    """Match dataset operations in all their versions."""
    return re.compile(rf"(Experimental)?({'|'.join(names)})Dataset(V\d+)?")


# What comes of a row does not depend on rows of other files, batches aside. `take`, `skip`, `zip`,
# `enumerate` and `window`, for instance, mean something else on a part of the rows.
ROW_WISE = _operations(
    *("AssertCardinality", "Batch", "Cache", "Filter", "Map", "MapAndBatch", "Options"),
    *("PaddedBatch", "ParallelBatch", "ParallelMap", "ParseExample", "Prefetch", "Repeat"),
    *("Shuffle", "ShuffleAndRepeat", "Unbatch"),
)
EXPANDING = _operations(
    *("FlatMap", "Interleave", "ParallelInterleave", "LegacyParallelInterleave")
)
READING = _operations("FixedLengthRecord", "TextLine", "TFRecord")
# What may be done to file names without making them fewer.
NAMING = _operations("Cache", "Map", "Options", "ParallelMap", "Prefetch", "Repeat", "Shuffle")
SHUFFLING = _operations("Shuffle", "ShuffleAndRepeat")


def shard(dataset: Any, *, workers: int, index: int) -> Any:
    """Return one worker's share of a dataset: each row of a pass goes to exactly one worker.

    Every worker has to build the same dataset, in a graph of the same seed, from the same files.

    - Where at least as many files as workers are read, each worker reads files of its own, in
      TensorFlow's way (tensorflow/core/grappler/optimizers/data/auto_shard.cc, policy AUTO).
    - Elsewhere each worker makes all elements and takes every `workers`-th, mostly a batch. For
      this their order is made the same on all workers: `deterministic=False` is overruled, and an
      unseeded shuffle is seeded where the graph has no seed. An order that comes from Python, or
      from inside an interleave's function, is the user's to keep the same.

    AUTO alone would not do. It fails at run time when there are fewer files than workers; it keeps
    `take` and `skip` above a share of the files, so that rows are too many or missing; and it deals
    out twice when the first of several datasets is read from files and a later one is not. Which
    files are read is therefore found out from the graph; names it cannot count do not count.

    The dataset's own `experimental_distribute.auto_shard_policy` wins: OFF leaves the dataset
    alone, FILE and HINT do what TensorFlow does, DATA takes every `workers`-th element. A dataset
    that was sharded by hand is dealt out once more unless its policy is OFF: an input function may
    use `Dataset.shard` to set rows apart as well. A worker for which there is no element gets an
    empty dataset.

    Args:
        dataset: what the input function returned; of either TensorFlow's class.
        workers: how many machines take part.
        index: which of them this one is, from 0.
    """
    with warnings.catch_warnings():
        # Options are read as long as Python keeps them: there is no other way in a graph.
        warnings.filterwarnings("ignore", "To make it possible to preserve tf.data options")
        policy = dataset.options().experimental_distribute.auto_shard_policy
        # A hint in the graph has to be replaced for one worker as well.
        if policy == Policy.OFF or (workers == 1 and policy != Policy.HINT):
            return dataset
        by_file = policy == Policy.AUTO and _count_files(dataset) >= workers
        if by_file or policy in {Policy.FILE, Policy.HINT}:
            return input_ops.auto_shard_dataset(dataset, workers, index)
    logger.info(
        "each worker makes all elements of the dataset and takes one of every %d; to have each"
        " read only its own files, give at least that many",
        workers,
    )
    for operation in traverse.obtain_all_variant_tensor_ops(dataset):
        _keep_order(operation)
    options = tf.data.Options()
    options.deterministic = True
    return dataset.with_options(options).shard(workers, index)


def mark_ends(dataset: Any, *, replicas: int) -> Any:
    """Return a dataset of (element, is_last): whether this machine can go on after this element.

    `is_last` is a scalar bool, true when there is no element `replicas` places further on. A step
    is this machine's last whole one when it is true of any of the step's elements: where some are
    left over, it is not true of all. Elements that never make a whole step stay. `replicas`
    elements are read ahead and held, no more.

    Endless datasets are read ahead as well. Nothing tells them in a graph, where a cardinality is a
    tensor; and `repeat()` says infinite and ends all the same after a pass without rows, as when a
    generator can be read only once (tensorflow/core/kernels/data/repeat_dataset_op.cc).

    Args:
        dataset: the worker's share.
        replicas: how many consecutive elements a step of this machine takes.
    """
    spec = dataset.element_spec
    none, has_value = gen_optional_ops.optional_none, gen_optional_ops.optional_has_value

    def hold(*parts: Any) -> Any:
        # `map` passes a tuple's parts one by one, and no other structure's.
        element = parts if type(spec) is tuple else parts[0]
        return gen_optional_ops.optional_from_value(structure.to_tensor_list(spec, element))

    def move_on(held: tuple[Any, ...], incoming: Any) -> Any:
        return (*held[1:], incoming), (held[0], tf.logical_not(has_value(incoming)))

    def release(held: Any, is_last: Any) -> Any:
        return optional_ops._OptionalImpl(held, spec).get_value(), is_last

    plain = tf.autograph.experimental.do_not_convert
    after_the_end = tf.data.Dataset.range(replicas).map(plain(lambda _: none()))
    marked = dataset.map(plain(hold)).concatenate(after_the_end)
    marked = marked.scan(tuple(none() for _ in range(replicas)), plain(move_on))
    return marked.skip(replicas).map(plain(release))


def _count_files(dataset: Any) -> int:
    """Return how many files TensorFlow can deal out, 0 where it cannot or there is no telling."""
    operation = dataset._variant_tensor.op
    while ROW_WISE.fullmatch(operation.type):
        # A cache in a file holds all rows for whoever opens it next.
        if operation.type.startswith("Cache") and _constant(operation.inputs[1]) != b"":
            return 0
        operation = operation.inputs[0].op
    if not EXPANDING.fullmatch(operation.type):
        return 0
    if not _reads_argument(operation.get_attr("f").name, operation.graph):
        return 0
    operation = operation.inputs[0].op
    while NAMING.fullmatch(operation.type):
        operation = operation.inputs[0].op
    return _count_names(operation.inputs[0]) if operation.type == "TensorSliceDataset" else 0


def _count_names(names: Any) -> int:
    """Return how many file names a tensor holds, those that match patterns included."""
    if names.shape.rank is None:
        return 0
    count = tf.compat.dimension_value(names.shape[0])
    if count is not None:
        return int(count)
    source = names.op
    while source.type == "Identity":
        source = source.inputs[0].op
    patterns = _constant(source.inputs[0]) if source.type == "MatchingFiles" else None
    if patterns is None:
        return 0
    patterns = [patterns] if isinstance(patterns, bytes) else list(patterns)
    return len(tf.io.gfile.glob(patterns))


def _reads_argument(function: str, graph: Any) -> bool:
    """Return whether a function of the graph makes a dataset of the file that it is given."""
    nodes = {node.name: node for node in graph._get_function(function).cached_definition.node_def}
    return any(
        READING.fullmatch(node.op)
        or (EXPANDING.fullmatch(node.op) and _reads_argument(node.attr["f"].func.name, graph))
        for node in nodes.values()
        if node.input and _comes_from_argument(node.input[0], nodes)
    )


def _comes_from_argument(value: str, nodes: Mapping[str, Any]) -> bool:
    """Return whether a value in a function depends on its element, not only on what it captured."""
    pending, seen = [value], set()
    while pending:
        name = pending.pop().split(":")[0]
        if name in seen or name.startswith("^"):
            continue
        seen.add(name)
        if name in nodes:
            pending.extend(nodes[name].input)
        elif name.startswith("args_"):
            return True
    return False


def _keep_order(operation: Any) -> None:
    """Have a dataset's operation, in a graph that has not run yet, make the same order anywhere."""
    attributes = operation.node_def.attr
    if attributes["deterministic"].s == b"false":
        operation._set_attr("deterministic", attr_value_pb2.AttrValue(s=b"true"))
    if attributes["sloppy"].b:
        operation._set_attr("sloppy", attr_value_pb2.AttrValue(b=False))
    # Two seeds of 0 stand for another order each time (tensorflow/python/data/util/random_seed.py).
    if SHUFFLING.fullmatch(operation.type) and not any(
        _constant(seed) != 0 for seed in operation.inputs[2:4]
    ):
        operation._update_input(2, tf.constant(1, tf.int64))


def _constant(tensor: Any) -> Any:
    """Return the value of a constant, None of what is computed."""
    value = tensor_util.constant_value(tensor)
    return value.item() if value is not None and value.ndim == 0 else value
