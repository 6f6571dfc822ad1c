"""The messages of TensorFlow's `boosted_trees.proto`, which its package no longer brings.

Fields that are not read or written here are kept as they are when a message is read and written.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import (  # type: ignore[import-untyped] # has no types of its own
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)

PACKAGE = "modelmaker.boosted_trees"
# Message -> field -> number and type; a message's name for a message, "*" for any number of it.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "TreeEnsemble": {
        "trees": (1, "Tree*"),
        "tree_weights": (2, "float*"),
        "tree_metadata": (3, "TreeMetadata*"),
        "growing_metadata": (4, "GrowingMetadata"),
    },
    "Tree": {"nodes": (1, "Node*")},
    "Node": {
        "leaf": (1, "Leaf"),
        "bucketized_split": (2, "BucketizedSplit"),
        "categorical_split": (3, "bytes"),
        "metadata": (777, "NodeMetadata"),
    },
    "NodeMetadata": {"gain": (1, "float"), "original_leaf": (2, "Leaf")},
    "Leaf": {"vector": (1, "Vector"), "scalar": (3, "float")},
    "Vector": {"value": (1, "float*")},
    "BucketizedSplit": {
        "feature_id": (1, "int32"),
        "threshold": (2, "int32"),
        "left_id": (3, "int32"),
        "right_id": (4, "int32"),
        "dimension_id": (5, "int32"),
    },
    "TreeMetadata": {"num_layers_grown": (2, "int32"), "is_finalized": (3, "bool")},
    "GrowingMetadata": {
        "num_trees_attempted": (1, "int64"),
        "num_layers_attempted": (2, "int64"),
        "last_layer_node_start": (3, "int32"),
        "last_layer_node_end": (4, "int32"),
    },
}
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "float": _Field.TYPE_FLOAT,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
}


def _describe() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="modelmaker/boosted_trees.proto", package=PACKAGE, syntax="proto3"
    )
    for message, fields in _MESSAGES.items():
        description = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            field = description.field.add(name=name, number=number)
            field.label = _Field.LABEL_REPEATED if kind.endswith("*") else _Field.LABEL_OPTIONAL
            type_name = kind.removesuffix("*")
            if type_name in _SCALARS:
                field.type = _SCALARS[type_name]
            else:
                field.type = _Field.TYPE_MESSAGE
                field.type_name = f".{PACKAGE}.{type_name}"
    return file


_FILE = _describe()
# How operators that read messages take a description.
DESCRIPTOR_SOURCE = b"bytes://" + descriptor_pb2.FileDescriptorSet(file=[_FILE]).SerializeToString()
_pool = descriptor_pool.DescriptorPool()
_pool.Add(_FILE)

TreeEnsemble: Any = message_factory.GetMessageClass(
    _pool.FindMessageTypeByName(f"{PACKAGE}.TreeEnsemble")
)
