"""`tf.contrib.legacy_seq2seq`: sequence models unrolled over lists of tensors, one per step.

TensorFlow removed all of it in 2.0; this is a small implementation on the operators that remain.
"""

from __future__ import annotations

from entrypoint.tensorflow1.contrib.legacy_seq2seq.decoders import (
    attention_decoder,
    embedding_attention_decoder,
    embedding_rnn_decoder,
    rnn_decoder,
)
from entrypoint.tensorflow1.contrib.legacy_seq2seq.losses import (
    model_with_buckets,
    sequence_loss,
    sequence_loss_by_example,
)
from entrypoint.tensorflow1.contrib.legacy_seq2seq.models import (
    basic_rnn_seq2seq,
    embedding_attention_seq2seq,
    embedding_rnn_seq2seq,
    embedding_tied_rnn_seq2seq,
    one2many_rnn_seq2seq,
    tied_rnn_seq2seq,
)
from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "attention_decoder",
    "basic_rnn_seq2seq",
    "embedding_attention_decoder",
    "embedding_attention_seq2seq",
    "embedding_rnn_decoder",
    "embedding_rnn_seq2seq",
    "embedding_tied_rnn_seq2seq",
    "model_with_buckets",
    "one2many_rnn_seq2seq",
    "rnn_decoder",
    "sequence_loss",
    "sequence_loss_by_example",
    "tied_rnn_seq2seq",
]
NOT_SUPPLIED: dict[str, str] = {}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
