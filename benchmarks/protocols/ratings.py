"""Stars of pairs, by five-fold cross-validation over random rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.protocols.files import (
    BenchmarkDataError,
    Codes,
    Lines,
    codes_of,
    columns,
    is_header,
    number_in,
    only_file,
)
from benchmarks.protocols.worlds import Coding, Rows, joined
from product_recommender.interactions import Interactions

TEXT = (
    "Ratings: five-fold cross-validation over random rows, folds drawn by the seed; RMSE and MAE "
    "over all rows, each predicted once, in the units of the file. Settings and the number of "
    "epochs are chosen by RMSE on a random tenth of each fold's own training rows; then trained "
    "again on all of them. Users and items that a fold's training part lacks are predicted too."
)
FOLDS = 5
HELD_OUT_SHARE = 0.1
LOWEST, HIGHEST = 1.0, 5.0
EXAMPLE = "user, item, rating, timestamp"
SECONDS_SINCE = 1e8
"""Timestamps above are seconds since 1970 (this is 1973), below they are days or mere numbers."""
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class RatingsFile:
    """What the file holds, in raw codes.

    Attributes
    ----------
    name
        Of the data set.
    rows
        Ratings in the units of the file, the last one of each user and item.
    n_users, n_items
        Raw codes.
    paths
        The file.
    counts
        Users, items, ratings and oddities.
    """

    name: str
    rows: Rows
    n_users: int
    n_items: int
    paths: tuple[Path, ...]
    counts: dict[str, int]


@dataclass(frozen=True)
class RatingFold:
    """One fold, ready for models that predict 1 to 5 stars.

    Attributes
    ----------
    train, validation
        What settings are tried on; ratings mapped to 1 to 5.
    full
        Both together.
    test
        What is predicted; ratings mapped like the others.
    rows
        int64: the place of each test row in the file's rows.
    unit
        What one star is in the units of the file.
    """

    train: Interactions
    validation: Interactions | None
    full: Interactions
    test: Interactions
    rows: np.ndarray
    unit: float


def read(data: Path, name: str | None) -> RatingsFile:
    """Read the one tab-separated file of a folder.

    Parameters
    ----------
    data
        The folder, or the file.
    name
        Which file, where the folder holds several.

    Raises
    ------
    BenchmarkDataError
        If the file is missing, empty or malformed, or holds too few ratings to be divided.
    """
    path = only_file(data, name, "one tab-separated file of user, item, rating, timestamp")
    lines = Lines(path)
    users, items = Codes(), Codes()
    user_codes, item_codes = array("q"), array("q")
    stars, times = array("d"), array("d")
    for number, fields in columns(lines, 3, EXAMPLE):
        if number == 1 and is_header(fields):
            continue
        stars.append(number_in(lines, number, fields[2], "rating"))
        times.append(number_in(lines, number, fields[3], "timestamp") if len(fields) > 3 else 0.0)
        user_codes.append(users[fields[0]])
        item_codes.append(items[fields[1]])
    if len(stars) < 2 * FOLDS:
        raise BenchmarkDataError(
            f"{path}: {len(stars)} ratings are too few for {FOLDS}-fold cross-validation"
        )
    rows = Rows(
        codes_of(user_codes), codes_of(item_codes), np.asarray(stars), _days(np.asarray(times))
    )
    rows, repeats = rows.without_repeats()
    if len(rows) < 2 * FOLDS or rows.stars.min() == rows.stars.max():
        raise BenchmarkDataError(
            f"{path}: {len(rows)} different pairs with {len(np.unique(rows.stars))} different "
            "rating(s): there is nothing to predict"
        )
    counts = {
        "users": len(users),
        "items": len(items),
        "ratings": len(rows),
        "repeated ratings of a pair (the last line counts)": repeats,
    }
    return RatingsFile(path.name.split(".")[0], rows, len(users), len(items), (path,), counts)


def _days(times: np.ndarray) -> np.ndarray:
    """int32 days; seconds and milliseconds since 1970 become days, small numbers stay."""
    largest = np.abs(times).max(initial=0.0)
    if largest >= SECONDS_SINCE * 1000:
        times = times / 1000
    if largest >= SECONDS_SINCE:
        times = times // SECONDS_PER_DAY
    limits = np.iinfo(np.int32)
    return np.clip(times, limits.min, limits.max).astype(np.int32)


def folds(file: RatingsFile, seed: int) -> Iterator[RatingFold]:
    """The five folds of one seed; a tenth of each one's training rows is put aside.

    Ratings are mapped to 1 to 5 by the range of the training rows, because that is what models of
    this project predict.

    Parameters
    ----------
    file
        As read.
    seed
        Decides on the folds and on what is put aside.
    """
    rows = file.rows
    shuffled = np.random.default_rng(seed).permutation(len(rows))
    fold_of = np.empty(len(rows), dtype=np.int64)
    fold_of[shuffled] = np.arange(len(rows)) % FOLDS
    for number in range(FOLDS):
        test = np.flatnonzero(fold_of == number)
        rest = np.flatnonzero(fold_of != number)
        rng = np.random.default_rng([seed, number])
        aside = rng.permutation(len(rest)) < int(HELD_OUT_SHARE * len(rest))
        low, high = float(rows.stars[rest].min()), float(rows.stars[rest].max())
        unit = (high - low) / (HIGHEST - LOWEST) or 1.0
        scaled = Rows(rows.users, rows.items, LOWEST + (rows.stars - low) / unit, rows.days)
        parts = [scaled.take(rest[~aside]), scaled.take(rest[aside]), scaled.take(test)]
        coding = Coding.of(parts, file.n_users, file.n_items)
        train = coding.interactions(parts[0], 1)
        validation = coding.interactions(parts[1], 1) if aside.any() else None
        full = train
        if validation is not None:
            full = joined(train, validation, coding.n_users[1], coding.n_items[1])
        yield RatingFold(train, validation, full, coding.interactions(parts[2], 2), test, unit)
