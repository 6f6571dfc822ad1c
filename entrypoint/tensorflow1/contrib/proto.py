"""`tf.contrib.proto`: protocol buffers from and to tensors, from `tf.io`."""

from __future__ import annotations

import tensorflow as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

decode_proto = tf.io.decode_proto
encode_proto = tf.io.encode_proto

__all__ = ["decode_proto", "encode_proto"]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
