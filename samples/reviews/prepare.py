"""Write product reviews and whether their writers were content, one review a line.

    python -m samples.reviews.prepare DIRECTORY

Made from phrases, so that counting good and bad words does not get far: "not bad at all", "anything
but great", "never fails"; what stands after "but" is what the writer means; some of the text says
nothing; and a few of the stars are given by mistake.
"""

# ruff: noqa: SIM905 - long lists of words are read best as text

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

TRAIN_REVIEWS = 4000
EVAL_REVIEWS = 800
MISTAKES = 0.02
# This share of the sentences speaks well of the product.
CONTENT = 0.57

ASPECTS = "battery|camera|case|charger|display|keyboard|manual|price|sound|strap|support".split("|")
GOOD = "brilliant|excellent|fine|good|great|lovely|perfect|reliable|solid".split("|")
BAD = "awful|bad|cheap|disappointing|dreadful|poor|shaky|terrible|useless".split("|")
WORKS = "holds up|impresses|works".split("|")
FAILS = "breaks|fails|lets you down|overheats".split("|")
VERY = "|really |very |quite |so ".split("|")
NOT = "not|hardly|anything but|far from|never".split("|")
CONTENT_VERDICTS = "would buy it again|my family loves it|worth every cent|no regrets".split("|")
SORRY_VERDICTS = "sent it back|would not buy it again|not worth a cent|i regret it".split("|")
FILLERS = (
    "arrived on a {day}|bought it for my {person}|it is the {colour} one|i use it every {day}"
    "|this is my second one|my {person} has the {colour} one|ordered it last {day}"
).split("|")
BLANKS = {
    "day": "monday|tuesday|friday|weekend|morning".split("|"),
    "person": "sister|father|neighbour|boss|daughter".split("|"),
    "colour": "red|blue|black|white|silver".split("|"),
}
ENDS = (".", ".", ".", "!", "!!", "...")


class Reviewer:
    """Writes one review after the other."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random

    def review(self) -> tuple[int, str]:
        """Return 1 for content or 0, and what was written."""
        content = self._chance(CONTENT)
        # The rest of a review is in keeping with its writer's mood most of the time.
        parts = [self._opinion(content=content) for _ in range(self._random.integers(1, 3))]
        parts += [self._filler() for _ in range(self._random.integers(0, 3))]
        self._random.shuffle(parts)
        if self._chance(0.2):
            parts.append(self._pick(CONTENT_VERDICTS if content else SORRY_VERDICTS))
        text = " ".join(self._sentence(part) for part in parts)
        return int(content != self._chance(MISTAKES)), text

    def _opinion(self, *, content: bool) -> str:
        if self._chance(0.4):
            joint = self._pick((" but ", ", but ", ", yet "))
            return self._judgement(content=not content) + joint + self._judgement(content=content)
        return self._judgement(content=content)

    def _judgement(self, *, content: bool) -> str:
        aspect = f"the {self._pick(ASPECTS)}"
        turned = self._chance(0.5)
        if self._chance(0.3):
            return (
                f"{aspect}{' never' if turned else ''} {self._pick(self._verbs(content, turned))}"
            )
        word = self._pick(GOOD if content != turned else BAD)
        return f"{aspect} is {self._pick(NOT) + ' ' if turned else self._pick(VERY)}{word}"

    def _filler(self) -> str:
        blanks = {name: self._pick(words) for name, words in BLANKS.items()}
        return self._pick(FILLERS).format(**blanks)

    def _sentence(self, words: str) -> str:
        if self._chance(0.7):
            words = words[0].upper() + words[1:]
        if self._chance(0.05):
            words = words.upper()
        return words + self._pick(ENDS)

    def _chance(self, probability: float) -> bool:
        return bool(self._random.random() < probability)

    def _pick(self, texts: Sequence[str]) -> str:
        return texts[int(self._random.integers(len(texts)))]

    @staticmethod
    def _verbs(content: bool, turned: bool) -> Sequence[str]:  # noqa: FBT001 - two of a kind
        return WORKS if content != turned else FAILS


def main(arguments: list[str] | None = None) -> None:
    """Write train.tsv and eval.tsv into the directory that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m samples.reviews.prepare", description=__doc__)
    parser.add_argument("directory", type=Path, help="where train.tsv and eval.tsv go")
    directory = parser.parse_args(arguments).directory
    directory.mkdir(parents=True, exist_ok=True)
    reviewer = Reviewer(np.random.default_rng(5))
    for name, count in (("train.tsv", TRAIN_REVIEWS), ("eval.tsv", EVAL_REVIEWS)):
        reviews = (reviewer.review() for _ in range(count))
        lines = "".join(f"{content}\t{text}\n" for content, text in reviews)
        (directory / name).write_text(lines, encoding="utf-8")
    print(
        f"{directory} now holds {TRAIN_REVIEWS:,} reviews to train on and {EVAL_REVIEWS} held out"
    )


if __name__ == "__main__":
    main()
