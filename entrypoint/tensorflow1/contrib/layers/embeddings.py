"""Embeddings of ids, and sequences of them."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tf_slim.layers.sparse_ops import dense_to_sparse_tensor
from tf_slim.ops.variables import model_variable

v1 = tf.compat.v1


def safe_embedding_lookup_sparse(
    embedding_weights: Any,
    sparse_ids: Any,
    sparse_weights: Any = None,
    combiner: str | None = None,
    default_id: int | None = None,
    name: str | None = None,
    partition_strategy: str = "div",
    max_norm: float | None = None,
) -> Any:
    """Combine the embeddings of each row of ids; negative ids and empty rows are allowed.

    Args:
        embedding_weights: embeddings [vocabulary, ...], or a list of their partitions.
        sparse_ids: `SparseTensor` [..., n] of ids.
        sparse_weights: one weight for each of the ids.
        combiner: "mean", which is the default, "sqrtn" or "sum".
        default_id: the id that an empty row has; None makes its embedding zero.
        name: the operation's name.
        partition_strategy: "div" or "mod".
        max_norm: longer embeddings are clipped to this length.

    Returns:
        Tensor [..., embedding dimensions].
    """
    return v1.nn.safe_embedding_lookup_sparse(
        embedding_weights,
        sparse_ids,
        sparse_weights=sparse_weights,
        combiner=combiner or "mean",
        default_id=default_id,
        name=name,
        partition_strategy=partition_strategy,
        max_norm=max_norm,
    )


def embedding_lookup_unique(
    params: Any, ids: Any, partition_strategy: str = "mod", name: str | None = None
) -> Any:
    """Return the embeddings of ids of any shape; each embedding is fetched once.

    Returns:
        Tensor [shape of ids..., embedding dimensions...].
    """
    with v1.name_scope(name, "EmbeddingLookupUnique", [params, ids]):
        ids = tf.convert_to_tensor(ids)
        unique_ids, positions = tf.unique(tf.reshape(ids, [-1]))
        unique = v1.nn.embedding_lookup(params, unique_ids, partition_strategy)
        shape = tf.concat([tf.shape(ids), tf.shape(unique)[1:]], 0)
        embeddings = tf.reshape(tf.gather(unique, positions), shape)
        embeddings.set_shape(ids.shape.concatenate(unique.shape[1:]))
        return embeddings


def bow_encoder(
    ids: Any,
    vocab_size: int,
    embed_dim: int,
    sparse_lookup: bool = True,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: Any = None,
    reuse: bool | None = None,
) -> Any:
    """Average the embeddings of the ids of each document.

    Args:
        ids: [batch, words], dense or sparse. A sparse lookup takes 0 of a dense one as no word.
        vocab_size: number of ids.
        embed_dim: size of an embedding.
        sparse_lookup: whether the lookup is sparse.
        initializer: of the variable `embeddings`.
        regularizer: of the variable `embeddings`.
        trainable: whether it is trained.
        scope: the variable scope.
        reuse: whether the variable is there already.

    Returns:
        Tensor [batch, embed_dim].

    Raises:
        ValueError: a size is missing.
        TypeError: a dense lookup is given sparse ids.
    """
    if not vocab_size or not embed_dim:
        raise ValueError("Must specify vocab size and embedding dimension")
    sparse = isinstance(ids, tf.SparseTensor)
    if sparse and not sparse_lookup:
        raise TypeError(f"ids are expected to be dense Tensor, got: {ids}")
    with v1.variable_scope(scope, "bow_encoder", [ids], reuse=reuse):
        embeddings = model_variable(
            "embeddings",
            shape=[vocab_size, embed_dim],
            initializer=initializer,
            regularizer=regularizer,
            trainable=trainable,
        )
        if not sparse_lookup:
            return tf.reduce_mean(v1.nn.embedding_lookup(embeddings, ids), axis=1)
        sparse_ids = ids if sparse else dense_to_sparse_tensor(ids)
        return safe_embedding_lookup_sparse([embeddings], sparse_ids, combiner="mean", default_id=0)


def embed_sequence(
    ids: Any,
    vocab_size: int | None = None,
    embed_dim: int | None = None,
    unique: bool = False,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: Any = None,
    reuse: bool | None = None,
) -> Any:
    """Return the embedding of each id of sequences [batch, time], as [batch, time, embed_dim].

    Args:
        ids: [batch, time].
        vocab_size: number of ids; only needed where the variable is made.
        embed_dim: size of an embedding; only needed where the variable is made.
        unique: fetch each embedding once, which is faster where many ids are alike.
        initializer: of the variable `embeddings`.
        regularizer: of the variable `embeddings`.
        trainable: whether it is trained.
        scope: the variable scope.
        reuse: whether the variable is there already.

    Raises:
        ValueError: a size is missing.
    """
    if not (reuse or (vocab_size and embed_dim)):
        raise ValueError(
            "Must specify vocab size and embedding dimension when not reusing."
            f" Got vocab_size={vocab_size} and embed_dim={embed_dim}"
        )
    known = vocab_size is not None and embed_dim is not None
    with v1.variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        embeddings = model_variable(
            "embeddings",
            shape=[vocab_size, embed_dim] if known else None,
            initializer=initializer,
            regularizer=regularizer,
            trainable=trainable,
        )
        lookup = embedding_lookup_unique if unique else v1.nn.embedding_lookup
        return lookup(embeddings, ids)
