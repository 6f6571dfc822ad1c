"""`tf.contrib.lookup`: tables from keys to values, most of which are in `tf.lookup` now."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.ops import lookup_ops
from tensorflow.python.ops.lookup_ops import (
    DenseHashTable as MutableDenseHashTable,
)
from tensorflow.python.ops.lookup_ops import (
    FastHashSpec,
    HasherSpec,
    IdTableWithHashBuckets,
    InitializableLookupTableBase,
    KeyValueTensorInitializer,
    LookupInterface,
    MutableHashTable,
    StrongHashSpec,
    TableInitializerBase,
    TextFileIdTableInitializer,
    TextFileIndex,
    TextFileInitializer,
    TextFileStringTableInitializer,
    index_table_from_file,
    index_to_string_table_from_file,
)

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "FastHashSpec",
    "HashTable",
    "HasherSpec",
    "IdTableWithHashBuckets",
    "InitializableLookupTableBase",
    "KeyValueTensorInitializer",
    "LookupInterface",
    "MutableDenseHashTable",
    "MutableHashTable",
    "StrongHashSpec",
    "TableInitializerBase",
    "TextFileIdTableInitializer",
    "TextFileIndex",
    "TextFileInitializer",
    "TextFileStringTableInitializer",
    "index_table_from_file",
    "index_table_from_tensor",
    "index_to_string",
    "index_to_string_table_from_file",
    "index_to_string_table_from_tensor",
    "string_to_index",
    "string_to_index_table_from_file",
    "string_to_index_table_from_tensor",
]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


class HashTable(lookup_ops.HashTable):
    """A table that does not change after its initializer has run.

    Args:
        initializer: keys and values.
        default_value: the value of every other key.
        shared_name: tables of one session that have this name are one table.
        name: of the operation.
    """

    def __init__(
        self,
        initializer: Any,
        default_value: Any,
        shared_name: str | None = None,
        name: str | None = None,
    ) -> None:
        self._given_shared_name = shared_name
        super().__init__(initializer, default_value, name)

    def _create_resource(self) -> Any:
        if self._given_shared_name:
            self._shared_name = self._given_shared_name
        return super()._create_resource()


def index_table_from_tensor(
    mapping: Any,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: Any = FastHashSpec,
    dtype: Any = tf.string,
    name: str | None = None,
) -> Any:
    """Return the table from an element of `mapping` to its index.

    Args:
        mapping: a vector of different keys.
        num_oov_buckets: buckets, numbered after the keys, for what is not in `mapping`.
        default_value: the index of what is not in `mapping` if there are no buckets.
        hasher_spec: how what is not in `mapping` is put into buckets.
        dtype: of the keys: string or an integer.
        name: of the operation.

    Raises:
        ValueError: there is no mapping.
    """
    if mapping is None:
        raise ValueError("mapping is None; give a tensor of strings")
    return lookup_ops.index_table_from_tensor(
        mapping, num_oov_buckets, default_value, hasher_spec, dtype, name
    )


def index_to_string_table_from_tensor(
    mapping: Any, default_value: Any = "UNK", name: str | None = None
) -> Any:
    """Return the table from an index to the element of `mapping`.

    Raises:
        ValueError: there is no mapping.
    """
    if mapping is None:
        raise ValueError("mapping is None; give a tensor of strings")
    return lookup_ops.index_to_string_table_from_tensor(mapping, default_value, name)


def string_to_index(
    tensor: Any, mapping: Any, default_value: int = -1, name: str | None = None
) -> Any:
    """Return the indices in `mapping` of the strings of a tensor."""
    table = index_table_from_tensor(mapping, default_value=default_value, name=name)
    return table.lookup(tensor)


def index_to_string(
    tensor: Any, mapping: Any, default_value: Any = "UNK", name: str | None = None
) -> Any:
    """Return the strings of `mapping` at the indices of a tensor."""
    return index_to_string_table_from_tensor(mapping, default_value, name).lookup(tensor)


def string_to_index_table_from_file(
    vocabulary_file: Any = None,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    hasher_spec: Any = FastHashSpec,
    name: str | None = None,
) -> Any:
    """Return the table from a line of a file to its number."""
    return index_table_from_file(
        vocabulary_file, num_oov_buckets, vocab_size, default_value, hasher_spec, name=name
    )


def string_to_index_table_from_tensor(
    mapping: Any,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: Any = FastHashSpec,
    name: str | None = None,
) -> Any:
    """Return the table from a string of `mapping` to its index.

    Raises:
        ValueError: `mapping` holds no strings.
    """
    with tf.name_scope(name or "string_to_index") as scope:
        strings = tf.convert_to_tensor(mapping)
    if strings.dtype.base_dtype != tf.string:
        raise ValueError(f"mapping must hold strings, not {strings.dtype.name}")
    return index_table_from_tensor(strings, num_oov_buckets, default_value, hasher_spec, name=scope)
