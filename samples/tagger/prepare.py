"""Write sentences and the parts of speech of their words, one sentence a line.

    python -m samples.tagger.prepare DIRECTORY

A small grammar makes them. Most of its words are several parts of speech: "the watch" and "they
watch", "her play" and "sees her", "the old can can fall", "walks to the park" and "wants to park".
Which one it is follows from the words around it, never from the word. Names are seldom seen twice.
"""

# ruff: noqa: SIM905 - long lists of words are read best as text

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

TRAIN_SENTENCES = 3000
EVAL_SENTENCES = 500
# A word that the training set has this often is in the vocabulary.
LEAST_COUNT = 2

Words = list[tuple[str, str]]

# Nouns and verbs in one.
DOINGS = (
    "answer book call cook drink fish guard hammer help light march order paint park plan plant"
    " play post question row saw ship sign sleep talk test train visit walk watch water"
).split()
# Adjectives and nouns in one.
QUALITIES = "calm cold green light native novel original round secret square".split()
# Adjectives and adverbs in one.
MANNERS = "early fast hard late straight".split()
THINGS = "bridge child dog farmer garden house letter river teacher window".split()
PLAIN_QUALITIES = "big old quiet small strange".split()
PLAIN_MANNERS = "never often quickly slowly".split()
PLACES = "at behind for in near on under with".split()
MODALS = "can may might must will".split()
SYLLABLES = "ba de fi go hu ka le mi no pu ra se ti vo wu za".split()


class Speaker:
    """Says one sentence after the other; every part of one is a list of (word, tag)."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random

    def sentence(self) -> Words:
        """Return a whole sentence, full stop included."""
        if self._chance(0.2):
            words = [*self._place(), (",", "PUNCT"), *self._clause()]
        elif self._chance(0.2):
            words = [*self._subject(plural=False), self._one("says knows thinks", "VERB")]
            words += [("that", "CONJ"), *self._clause()]
        else:
            words = self._clause()
            if self._chance(0.25):
                words += [self._one("and but while", "CONJ"), *self._clause()]
        return [*words, (".", "PUNCT")]

    def _clause(self) -> Words:
        plural = self._chance(0.5)
        return [*self._subject(plural=plural), *self._predicate(plural=plural)]

    def _predicate(self, *, plural: bool) -> Words:
        doing = self._pick(DOINGS)
        if self._chance(0.3):
            verbs = [self._one(MODALS, "AUX"), (doing, "VERB")]
        elif self._chance(0.25):
            wants = ("want" if plural else "wants", "VERB")
            verbs = [wants, ("to", "PART"), (doing, "VERB")]
        else:
            verbs = [(doing if plural else _with_s(doing), "VERB")]
        end = self._random.choice(4, p=[0.5, 0.25, 0.15, 0.1])
        if end == 0:
            return verbs + self._object()
        if end == 1:
            return verbs + self._place()
        return verbs + self._manner() if end == 2 else verbs

    def _subject(self, *, plural: bool) -> Words:
        if self._chance(0.25):
            return [self._one("they we you" if plural else "he she it", "PRON")]
        return self._things(plural=plural)

    def _object(self) -> Words:
        if self._chance(0.25):
            return [self._one("her him it them us", "PRON")]
        return self._things(plural=self._chance(0.4))

    def _place(self) -> Words:
        preposition = ("to", "PREP") if self._chance(0.3) else self._one(PLACES, "PREP")
        return [preposition, *self._things(plural=self._chance(0.3))]

    def _manner(self) -> Words:
        return [self._one(MANNERS if self._chance(0.7) else PLAIN_MANNERS, "ADV")]

    def _things(self, *, plural: bool) -> Words:
        if not plural and self._chance(0.15):
            return [("".join(self._pick(SYLLABLES) for _ in range(3)).capitalize(), "NAME")]
        if plural:
            head = self._one("the these those her their two three many", "DET")
        else:
            head = self._one("a the this that her his every", "DET")
        words = [head]
        while self._chance(0.35):
            adjectives = (QUALITIES, MANNERS, PLAIN_QUALITIES)
            words.append(self._one(self._pick_list(adjectives, [0.5, 0.3, 0.2]), "ADJ"))
        nouns = (DOINGS, QUALITIES, THINGS, ("can", "will"))
        noun = self._pick(self._pick_list(nouns, [0.5, 0.15, 0.25, 0.1]))
        return [*words, (_with_s(noun) if plural else noun, "NOUN")]

    def _chance(self, probability: float) -> bool:
        return bool(self._random.random() < probability)

    def _pick_list(
        self, lists: Sequence[Sequence[str]], probabilities: list[float]
    ) -> Sequence[str]:
        return lists[int(self._random.choice(len(lists), p=probabilities))]

    def _pick(self, words: Sequence[str]) -> str:
        return words[int(self._random.integers(len(words)))]

    def _one(self, words: str | Sequence[str], tag: str) -> tuple[str, str]:
        return self._pick(words.split() if isinstance(words, str) else words), tag


def _with_s(word: str) -> str:
    return f"{word}es" if word.endswith(("ch", "sh")) else f"{word}s"


def main(arguments: list[str] | None = None) -> None:
    """Write both sets and the vocabulary into the directory that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m samples.tagger.prepare", description=__doc__)
    parser.add_argument("directory", type=Path, help="where the sentences go")
    directory = parser.parse_args(arguments).directory
    directory.mkdir(parents=True, exist_ok=True)
    speaker = Speaker(np.random.default_rng(1961))
    sentences = [speaker.sentence() for _ in range(TRAIN_SENTENCES + EVAL_SENTENCES)]
    training = sentences[:TRAIN_SENTENCES]
    counts = Counter(word for sentence in training for word, _ in sentence)
    words = [word for word, count in counts.most_common() if count >= LEAST_COUNT]
    _write(directory / "words.txt", words)
    for name, part in (("train", training), ("eval", sentences[TRAIN_SENTENCES:])):
        _write(directory / f"{name}.words.txt", (" ".join(w for w, _ in s) for s in part))
        _write(directory / f"{name}.tags.txt", (" ".join(t for _, t in s) for s in part))
    print(
        f"{directory} now holds {TRAIN_SENTENCES:,} sentences to train on, {EVAL_SENTENCES} held"
        f" out, and a vocabulary of {len(words)} words"
    )


def _write(file: Path, lines: Iterable[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
