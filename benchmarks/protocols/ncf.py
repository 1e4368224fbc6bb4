"""The protocol of the NCF paper: one purchase left out, ranked among 99 sampled others.

He et al., "Neural Collaborative Filtering" (WWW 2017). A sampled metric: it reproduces published
tables and says little about lists made from a whole catalogue (Krichene and Rendle, KDD 2020).
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.protocols.files import (
    BenchmarkDataError,
    Codes,
    Lines,
    beside,
    codes_of,
    columns,
    is_header,
    require_folder,
    shown,
)
from benchmarks.protocols.questions import CandidateQuestion, RankingTask
from benchmarks.protocols.worlds import (
    Coding,
    Rows,
    hold_out,
    joined,
    rows_per_user,
)
from product_recommender.sorted_codes import among, distinct

TEXT = (
    "NCF: one purchase of each user left out by the files, ranked among its listed negatives "
    "(those equal to the test item and repeats left out), HR@10 and NDCG@10, ties by expectation; "
    "no times are used. Settings and the number of epochs are chosen on one random training "
    "purchase of each user with two or more, ranked by NDCG@10 among 99 items drawn from those the "
    "user does not have; then trained again on all training purchases."
)
SUFFIXES = (".train.rating", ".test.rating", ".test.negative")
NEGATIVES = 99
"""Items drawn for each validation purchase."""

MOST_VALIDATION_QUESTIONS = 20_000
"""Validation purchases that are ranked, at most: more would cost time and decide nothing."""


@dataclass(frozen=True)
class NcfFiles:
    """What the three files of a data set hold, in raw codes.

    Attributes
    ----------
    name
        Of the data set.
    train
        Training purchases, repeats left out.
    test_users, test_items
        int64 ``[t]``: what was left out.
    negative_rows, negative_items
        int64 ``[n]``: the listed negatives, by row of the test.
    n_users, n_items
        Raw codes.
    paths
        The files.
    counts
        Users, items, interactions and oddities.
    """

    name: str
    train: Rows
    test_users: np.ndarray
    test_items: np.ndarray
    negative_rows: np.ndarray
    negative_items: np.ndarray
    n_users: int
    n_items: int
    paths: tuple[Path, ...]
    counts: dict[str, int]


def read(data: Path, name: str | None) -> NcfFiles:
    """Read ``NAME.train.rating``, ``NAME.test.rating`` and ``NAME.test.negative``, gzipped or not.

    Parameters
    ----------
    data
        The folder.
    name
        NAME, where the folder holds several.

    Raises
    ------
    BenchmarkDataError
        If a file is missing, empty or malformed.
    """
    require_folder(data)
    name = name or _only_name(data)
    found = {suffix: beside(data, name + suffix) for suffix in SUFFIXES}
    missing = [name + suffix for suffix, path in found.items() if path is None]
    if missing:
        raise BenchmarkDataError(
            f"{data} lacks {' and '.join(missing)} (or the same with .gz at the end); the protocol "
            f"ncf needs {', '.join(name + suffix for suffix in SUFFIXES)}"
        )
    train_path, test_path, negative_path = (path for path in found.values() if path is not None)
    users, items = Codes(), Codes()
    train_users, train_items = _ratings(train_path, users, items)
    known_users, known_items = len(users), len(items)
    test_users, test_items, keys = _test(test_path, users, items)
    negative_rows, negative_items = _negatives(negative_path, keys, items)
    train, repeats = Rows.implicit(train_users, train_items).without_repeats()
    pairs = distinct(train.users * len(items) + train.items)
    own = negative_items == test_items[negative_rows]
    candidates = distinct(negative_rows * len(items) + negative_items)
    in_training = among(test_users[negative_rows] * len(items) + negative_items, pairs)
    counts = {
        "users": known_users,
        "items": known_items,
        "training interactions": len(train),
        "test questions": len(test_users),
        "repeated training rows (counted once)": repeats,
        "negatives equal to the test item (left out)": int(own.sum()),
        "negatives listed twice (counted once)": len(negative_items) - len(candidates),
        "negatives that the user has in training": int(in_training.sum()),
        "test items without training purchase (misses)": int((test_items >= known_items).sum()),
        "test users without training purchase": int((test_users >= known_users).sum()),
        "test items that the user has in training": int(
            among(test_users * len(items) + test_items, pairs).sum()
        ),
    }
    return NcfFiles(
        name,
        train,
        test_users,
        test_items,
        negative_rows,
        negative_items,
        len(users),
        len(items),
        (train_path, test_path, negative_path),
        counts,
    )


def _only_name(data: Path) -> str:
    files = [path.name.removesuffix(".gz") for path in data.iterdir()]
    names = sorted(
        {
            file.removesuffix(suffix)
            for file in files
            for suffix in SUFFIXES
            if file.endswith(suffix) and file != suffix
        }
    )
    if len(names) == 1:
        return names[0]
    if names:
        raise BenchmarkDataError(
            f"{data} holds several data sets: {', '.join(names)}. Say which one with --name"
        )
    raise BenchmarkDataError(
        f"{data} holds no data set of the protocol ncf: needed are NAME.train.rating, "
        "NAME.test.rating and NAME.test.negative (or the same with .gz at the end)"
    )


def _ratings(path: Path, users: Codes, items: Codes) -> tuple[np.ndarray, np.ndarray]:
    user_codes, item_codes = array("q"), array("q")
    example = "user, item, rating, timestamp"
    for number, fields in columns(Lines(path), 2, example):
        if number == 1 and is_header(fields):
            continue
        user_codes.append(users[fields[0]])
        item_codes.append(items[fields[1]])
    if not user_codes:
        raise BenchmarkDataError(f"{path}: there is a header and nothing else; fetch it again")
    return codes_of(user_codes), codes_of(item_codes)


def _test(
    path: Path, users: Codes, items: Codes
) -> tuple[np.ndarray, np.ndarray, dict[bytes, int]]:
    """Codes of the test rows, and for the key of each in the negatives its row."""
    user_codes, item_codes = array("q"), array("q")
    keys: dict[bytes, int] = {}
    lines = Lines(path)
    for number, fields in columns(lines, 2, "user, item, rating, timestamp"):
        if number == 1 and is_header(fields):
            continue
        key = b"(" + fields[0] + b"," + fields[1] + b")"
        if key in keys:
            lines.fail(number, f"the pair {shown(key)} stands here twice; remove one of the lines")
        keys[key] = len(user_codes)
        user_codes.append(users[fields[0]])
        item_codes.append(items[fields[1]])
    if not keys:
        raise BenchmarkDataError(f"{path}: there is a header and nothing else; fetch it again")
    return codes_of(user_codes), codes_of(item_codes), keys


def _negatives(path: Path, keys: dict[bytes, int], items: Codes) -> tuple[np.ndarray, np.ndarray]:
    """Row in the test and item of every listed negative.

    Lines are found by their pair, not by their number, and the pair is looked up as it stands: ids
    may hold commas and brackets.
    """
    lines = Lines(path)
    rows, codes = array("q"), array("q")
    open_keys = dict(keys)
    for number, line in lines:
        fields = [field.strip() for field in line.split(b"\t")]
        key = fields[0].replace(b", ", b",") if fields[0] not in keys else fields[0]
        if key not in keys:
            lines.fail(
                number,
                f"{shown(fields[0])} is no pair of the test file; a line is (user,item) and then "
                "the negatives, separated by tabs",
            )
        if open_keys.pop(key, None) is None:
            lines.fail(number, f"a second line for {shown(key)}; remove one of them")
        negatives = [field for field in fields[1:] if field]
        if not negatives:
            lines.fail(number, f"no negatives follow {shown(key)}; separate them by tabs")
        row = keys[key]
        for token in negatives:
            rows.append(row)
            codes.append(items[token])
    if open_keys:
        raise BenchmarkDataError(
            f"{path}: {len(open_keys)} test rows have no line of negatives, the first one is "
            f"{shown(next(iter(open_keys)))}; fetch the file again"
        )
    return codes_of(rows), codes_of(codes)


def task(files: NcfFiles, seed: int = 0) -> RankingTask:
    """Put one purchase of each user aside and set both questions.

    Parameters
    ----------
    files
        As read.
    seed
        Decides which purchase, and the items that it is ranked among.
    """
    rows = files.train
    counts = rows_per_user(rows)
    aside = hold_out(rows, np.where(counts >= 2, 1, 0), seed)
    kept, held_out = rows.take(~aside), rows.take(aside)
    if len(held_out) == 0:
        kept = rows
    test = Rows.implicit(files.test_users, files.test_items)
    coding = Coding.of([kept, held_out, test], files.n_users, files.n_items)
    train = coding.interactions(kept, 1)
    validation = coding.interactions(held_out, 1) if len(held_out) else None
    full = train
    chosen_by = None
    if validation is not None:
        full = joined(train, validation, coding.n_users[1], coding.n_items[1])
        chosen_by = _validation_question(rows, held_out, coding, files.n_items, seed)
    asked = CandidateQuestion(
        users=coding.user_codes[files.test_users],
        items=_candidates(files, coding),
        n_items=full.n_items,
    )
    return RankingTask(
        train, validation, chosen_by, full, None, asked, "ndcg@10", dict(files.counts)
    )


def _candidates(files: NcfFiles, coding: Coding) -> np.ndarray:
    """The test items and their negatives, each once, as a rectangle."""
    kept = files.negative_items != files.test_items[files.negative_rows]
    cells = distinct(files.negative_rows[kept] * files.n_items + files.negative_items[kept])
    row, item = cells // files.n_items, cells % files.n_items
    return rectangle(coding.item_codes[files.test_items], row, coding.item_codes[item])


def rectangle(targets: np.ndarray, row: np.ndarray, item: np.ndarray) -> np.ndarray:
    """int64 ``[n, 1 + most others]``: each target, its others, -1 after them; rows ascending."""
    lengths = np.bincount(row, minlength=len(targets))
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    table = np.full((len(targets), 1 + int(lengths.max(initial=0))), -1, dtype=np.int64)
    table[:, 0] = targets
    table[row, 1 + place] = item
    return table


def _validation_question(
    rows: Rows, held_out: Rows, coding: Coding, n_raw_items: int, seed: int
) -> CandidateQuestion:
    """Purchases put aside, each among items that its user does not have, drawn uniformly."""
    rng = np.random.default_rng([seed, 1])
    if len(held_out) > MOST_VALIDATION_QUESTIONS:
        chosen = rng.choice(len(held_out), size=MOST_VALIDATION_QUESTIONS, replace=False)
        held_out = held_out.take(np.sort(chosen))
    items = distinct(rows.items)
    owned = distinct(rows.users * n_raw_items + rows.items)
    # More than needed, because what the user has falls away.
    drawn = items[rng.integers(0, len(items), size=(len(held_out), 3 * NEGATIVES))]
    fresh = ~among(held_out.users[:, None] * n_raw_items + drawn, owned)
    fresh &= np.cumsum(fresh, axis=1) <= NEGATIVES
    row = np.broadcast_to(np.arange(len(held_out))[:, None], drawn.shape)[fresh]
    cells = distinct(row * n_raw_items + drawn[fresh])
    row, item = cells // n_raw_items, cells % n_raw_items
    return CandidateQuestion(
        users=coding.user_codes[held_out.users],
        items=rectangle(coding.item_codes[held_out.items], row, coding.item_codes[item]),
        n_items=coding.n_items[0],
    )
