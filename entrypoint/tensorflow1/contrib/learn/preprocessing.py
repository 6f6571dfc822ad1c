"""`tf.contrib.learn.preprocessing`: words and categories to numbers, in Python and NumPy."""

from __future__ import annotations

import collections
import math
import pickle
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

__all__ = [
    "ByteProcessor",
    "CategoricalProcessor",
    "CategoricalVocabulary",
    "VocabularyProcessor",
    "tokenizer",
]

# Runs of capitals, one word of CamelCase, or a word with its apostrophes and hyphens.
TOKENIZER_RE = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z]+(?=[A-Z])|[\'\w\-]+", re.UNICODE)
_OLD_MODULES = "tensorflow.contrib.learn.python.learn.preprocessing"


def tokenizer(iterator: Iterable[str]) -> Iterator[list[str]]:
    """Yield the words of each text."""
    for value in iterator:
        yield TOKENIZER_RE.findall(value)


class CategoricalVocabulary:
    """Numbers of categories, in the order they come; 0 is the unknown one.

    Args:
        unknown_token: its name.
        support_reverse: remember names, for `reverse`.
    """

    def __init__(
        self,
        unknown_token: str = "<UNK>",  # noqa: S107 (a word, no password)
        support_reverse: bool = True,
    ) -> None:
        self._unknown_token = unknown_token
        self._support_reverse = support_reverse
        self._mapping: dict[Any, int] = {unknown_token: 0}
        self._reverse_mapping: list[Any] = [unknown_token]
        self._freq: dict[Any, int] = collections.defaultdict(int)
        self._freeze = False

    def __len__(self) -> int:
        return len(self._mapping)

    def freeze(self, freeze: bool = True) -> None:
        """Let new categories be unknown from now on."""
        self._freeze = freeze

    def get(self, category: Any) -> int:
        """Return the number of a category, a new one if it is new."""
        if category not in self._mapping:
            if self._freeze:
                return 0
            self._mapping[category] = len(self._mapping)
            if self._support_reverse:
                self._reverse_mapping.append(category)
        return self._mapping[category]

    def add(self, category: Any, count: int = 1) -> None:
        """Count a category."""
        if self.get(category) > 0:
            self._freq[category] += count

    def trim(self, min_frequency: int, max_frequency: int = -1) -> None:
        """Keep categories counted more than `min_frequency` times, the most frequent first.

        Args:
            min_frequency: the count that is not enough.
            max_frequency: the count that is too much, -1 for none.
        """
        # Of equal counts the earlier name comes first.
        by_name = sorted(self._freq.items(), key=lambda item: (isinstance(item[0], str), item[0]))
        kept = [
            (category, count)
            for category, count in sorted(by_name, key=lambda item: item[1], reverse=True)
            if count > min_frequency and not 0 < max_frequency <= count
        ]
        names = [self._unknown_token, *(category for category, _ in kept)]
        self._mapping = {name: number for number, name in enumerate(names)}
        self._reverse_mapping = names if self._support_reverse else [self._unknown_token]
        self._freq = collections.defaultdict(int, kept)

    def reverse(self, class_id: int) -> Any:
        """Return the category of a number.

        Raises:
            ValueError: names are not remembered.
        """
        if not self._support_reverse:
            raise ValueError(
                "This vocabulary wasn't initialized with support_reverse to support reverse()"
                " function."
            )
        return self._reverse_mapping[class_id]


class VocabularyProcessor:
    """Texts as rows of word numbers, cut or padded with 0 to one length.

    Args:
        max_document_length: the length.
        min_frequency: words that come no more often are unknown.
        vocabulary: the vocabulary to add to.
        tokenizer_fn: yields the words of each text.

    Attributes:
        vocabulary_: the vocabulary.
    """

    def __init__(
        self,
        max_document_length: int,
        min_frequency: int = 0,
        vocabulary: CategoricalVocabulary | None = None,
        tokenizer_fn: Callable[[Iterable[str]], Iterable[Any]] | None = None,
    ) -> None:
        self.max_document_length = max_document_length
        self.min_frequency = min_frequency
        self.vocabulary_ = vocabulary or CategoricalVocabulary()
        self._tokenizer = tokenizer_fn or tokenizer

    def fit(self, raw_documents: Iterable[str], unused_y: Any = None) -> VocabularyProcessor:
        """Learn the words, then let no more in. Returns self."""
        for tokens in self._tokenizer(raw_documents):
            for token in tokens:
                self.vocabulary_.add(token)
        if self.min_frequency > 0:
            self.vocabulary_.trim(self.min_frequency)
        self.vocabulary_.freeze()
        return self

    def fit_transform(self, raw_documents: Iterable[str], unused_y: Any = None) -> Iterator[Any]:
        """Learn the words and return the rows."""
        self.fit(raw_documents)
        return self.transform(raw_documents)

    def transform(self, raw_documents: Iterable[str]) -> Iterator[Any]:
        """Yield an int64 [max_document_length] for each text."""
        for tokens in self._tokenizer(raw_documents):
            row = np.zeros(self.max_document_length, np.int64)
            for index, token in enumerate(tokens):
                if index >= self.max_document_length:
                    break
                row[index] = self.vocabulary_.get(token)
            yield row

    def reverse(self, documents: Iterable[Iterable[int]]) -> Iterator[str]:
        """Yield the words of each row."""
        for row in documents:
            yield " ".join(self.vocabulary_.reverse(number) for number in row)

    def save(self, filename: str) -> None:
        """Write this processor to a file, with its tokenizer by name."""
        with tf.gfile.Open(filename, "wb") as file:
            file.write(pickle.dumps(self))

    @classmethod
    def restore(cls, filename: str) -> VocabularyProcessor:
        """Read a processor that `save` wrote, here or under TensorFlow 1."""
        with tf.gfile.Open(filename, "rb") as file:
            processor: VocabularyProcessor = _Unpickler(file).load()
        return processor


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return super().find_class(__name__ if module.startswith(_OLD_MODULES) else module, name)


class ByteProcessor:
    """Texts as rows of UTF-8 bytes, cut or padded with 0 to one length."""

    def __init__(self, max_document_length: int) -> None:
        self.max_document_length = max_document_length

    def fit(self, x: Any) -> None:
        """Do nothing; bytes need no learning."""

    def fit_transform(self, x: Iterable[str | bytes]) -> Iterator[Any]:
        """Return the rows."""
        return self.transform(x)

    def transform(self, x: Iterable[str | bytes]) -> Iterator[Any]:
        """Yield a uint8 [max_document_length] for each text."""
        for document in x:
            content = document.encode() if isinstance(document, str) else document
            row = np.frombuffer(content[: self.max_document_length], dtype=np.uint8)
            yield np.pad(row, (0, self.max_document_length - len(row)))

    def reverse(self, x: Iterable[Any]) -> Iterator[str]:
        """Yield the text of each row, empty where a character is cut."""
        for row in x:
            try:
                yield np.trim_zeros(np.asarray(row).astype(np.uint8), trim="b").tobytes().decode()
            except UnicodeDecodeError:
                yield ""


class CategoricalProcessor:
    """Rows of categories as rows of numbers; NaN is unknown.

    Args:
        min_frequency: categories that come no more often are unknown.
        share: one vocabulary for all columns.
        vocabularies: one for each column, to add to.
    """

    def __init__(
        self, min_frequency: int = 0, share: bool = False, vocabularies: Any = None
    ) -> None:
        self.min_frequency = min_frequency
        self.share = share
        self.vocabularies_ = vocabularies

    def freeze(self, freeze: bool = True) -> None:
        """Let new categories be unknown from now on."""
        for vocabulary in self.vocabularies_:
            vocabulary.freeze(freeze)

    def fit(self, x: Iterable[Any], unused_y: Any = None) -> CategoricalProcessor:
        """Learn the categories of each column. Returns self."""
        for row in x:
            if self.vocabularies_ is None:
                shared = CategoricalVocabulary()
                self.vocabularies_ = [
                    shared if self.share else CategoricalVocabulary() for _ in row
                ]
            for vocabulary, value in zip(self.vocabularies_, row, strict=True):
                if not _is_nan(value):
                    vocabulary.add(value)
        if self.min_frequency > 0:
            for vocabulary in {id(each): each for each in self.vocabularies_}.values():
                vocabulary.trim(self.min_frequency)
        self.freeze()
        return self

    def fit_transform(self, x: Iterable[Any], unused_y: Any = None) -> Iterator[Any]:
        """Learn the categories and return the rows."""
        self.fit(x)
        return self.transform(x)

    def transform(self, x: Iterable[Any]) -> Iterator[Any]:
        """Yield an int64 row for each row."""
        self.freeze()
        for row in x:
            numbers = [
                0 if _is_nan(value) else vocabulary.get(value)
                for vocabulary, value in zip(self.vocabularies_, row, strict=True)
            ]
            yield np.array(numbers, dtype=np.int64)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
