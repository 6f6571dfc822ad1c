"""Write a survey of households as CSV: who works as what, how long, where, and who earns much.

    python -m samples.census.prepare DIRECTORY

The people are made up, with structure like a real survey's: pay rises and falls with age, education
pays late, what a job pays depends on the sector it is in, towns differ, some answers are missing.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

TRAIN_ROWS = 6000
EVAL_ROWS = 1500
# This share of the people earns much.
HIGH_SHARE = 0.27

COLUMNS = (
    "age",
    "education",
    "occupation",
    "sector",
    "hours_per_week",
    "years_in_job",
    "household",
    "town",
    "income",
)
EDUCATION = ("primary", "lower_secondary", "upper_secondary", "vocational", "bachelor", "master")
HOUSEHOLDS = ("single", "couple", "couple_with_children", "single_parent")
OCCUPATIONS = (
    "accountant",
    "cleaner",
    "clerk",
    "cook",
    "driver",
    "engineer",
    "manager",
    "nurse",
    "sales",
    "technician",
)
SECTORS = ("building", "energy", "farming", "finance", "health", "public", "retail", "transport")
TOWNS = tuple(
    f"{first}{last}"
    for first in ("Ash", "Brook", "Clay", "East", "Fern", "Green", "High", "King", "Lake", "Mill")
    for last in ("bury", "field", "ford", "ham", "ton")
)


def main(arguments: list[str] | None = None) -> None:
    """Write train.csv and eval.csv into the directory that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m samples.census.prepare", description=__doc__)
    parser.add_argument("directory", type=Path, help="where train.csv and eval.csv go")
    directory = parser.parse_args(arguments).directory
    directory.mkdir(parents=True, exist_ok=True)
    rows = make_rows(TRAIN_ROWS + EVAL_ROWS)
    for name, part in (("train.csv", rows[:TRAIN_ROWS]), ("eval.csv", rows[TRAIN_ROWS:])):
        with (directory / name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(part)
    print(f"{directory} now holds {TRAIN_ROWS:,} people to train on and {EVAL_ROWS:,} held out")


def make_rows(count: int) -> list[tuple[object, ...]]:
    """Return that many people, one tuple of COLUMNS each; None stands for a missing answer."""
    random = np.random.default_rng(1990)
    age = random.integers(18, 75, count)
    education = random.choice(len(EDUCATION), count, p=[0.08, 0.17, 0.3, 0.2, 0.16, 0.09])
    occupation = random.integers(len(OCCUPATIONS), size=count)
    sector = random.integers(len(SECTORS), size=count)
    hours = np.clip(random.normal(38, 9, count).round(), 5, 80).astype(int)
    years = (random.random(count) * np.minimum(age - 17, 30)).astype(int)
    household = random.choice(len(HOUSEHOLDS), count, p=[0.3, 0.27, 0.33, 0.1])
    # A few large towns and many small ones.
    sizes = 1 / np.arange(1, len(TOWNS) + 1)
    town = random.choice(len(TOWNS), count, p=sizes / sizes.sum())

    score = (
        random.normal(0, 0.9, len(OCCUPATIONS))[occupation]
        + random.normal(0, 0.4, len(SECTORS))[sector]
        + random.normal(0, 1.2, (len(OCCUPATIONS), len(SECTORS)))[occupation, sector]
        + random.normal(0, 0.5, len(TOWNS))[town]
        - ((age - 48) / 16.0) ** 2
        + np.where(age > 29, 0.55, 0.1) * education
        + 0.05 * (hours - 38)
        + 0.02 * years
        + random.normal(0, 0.5, count)
    )
    is_high = score > np.quantile(score, 1 - HIGH_SHARE)
    is_missing = random.random(count) < 0.1
    return [
        (
            int(age[i]),
            EDUCATION[education[i]],
            OCCUPATIONS[occupation[i]],
            SECTORS[sector[i]],
            int(hours[i]),
            None if is_missing[i] else int(years[i]),
            HOUSEHOLDS[household[i]],
            TOWNS[town[i]],
            "high" if is_high[i] else "low",
        )
        for i in range(count)
    ]


if __name__ == "__main__":
    main()
