"""Lists of twenty from a whole catalogue, as the graph models of the literature are measured.

Wang et al., "Neural Graph Collaborative Filtering" (SIGIR 2019) and those that use its files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.protocols.files import BenchmarkDataError, Codes, beside, require_folder
from benchmarks.protocols.lists import read_lists
from benchmarks.protocols.questions import CatalogueQuestion, RankingTask, cells
from benchmarks.protocols.worlds import (
    Coding,
    Rows,
    hold_out,
    joined,
    rows_per_user,
)
from product_recommender.interactions import Interactions
from product_recommender.sorted_codes import among, distinct

TEXT = (
    "Top-n: train.txt and test.txt as given; all items of the training part are ranked, those that "
    "the user has in training left out, ties by one order drawn from the seed before any score is "
    "seen. Recall, NDCG (ideal list cut at 20) and F1 (of each user) at 20, averaged over the "
    "users with test items; no times are used. Settings and the number of epochs are chosen by "
    "NDCG@20 on a random tenth (at least one) of the training items of each user with three or "
    "more; then trained again on all training purchases."
)
K = 20
HELD_OUT_SHARE = 0.1
FEWEST_ITEMS = 3
MOST_VALIDATION_QUESTIONS = 20_000


@dataclass(frozen=True)
class TopNFiles:
    """What both files hold, in raw codes, repeats left out.

    Attributes
    ----------
    name
        Of the data set: its folder.
    train, test
        Purchases.
    n_users, n_items
        Raw codes.
    paths
        The files.
    counts
        Users, items, interactions and oddities.
    """

    name: str
    train: Rows
    test: Rows
    n_users: int
    n_items: int
    paths: tuple[Path, ...]
    counts: dict[str, int]


def read(data: Path, name: str | None) -> TopNFiles:
    """Read ``train.txt`` and ``test.txt``, gzipped or not.

    Parameters
    ----------
    data
        The folder.
    name
        Where the folder holds several data sets: ``NAME.train.txt`` and ``NAME.test.txt``.

    Raises
    ------
    BenchmarkDataError
        If a file is missing, empty or malformed.
    """
    require_folder(data)
    train_path, test_path = _both(data, name)
    users, items = Codes(), Codes()
    train_users, train_items, empty = read_lists(train_path, users, items)
    # A user of a line without items has no training purchase, whatever their code.
    known_users = len(distinct(train_users))
    known_items = len(items)
    test_users, test_items, empty_test = read_lists(test_path, users, items)
    train, train_repeats = Rows.implicit(train_users, train_items).without_repeats()
    test, test_repeats = Rows.implicit(test_users, test_items).without_repeats()
    owned = distinct(train.users * len(items) + train.items)
    counts = {
        "users": known_users,
        "items": known_items,
        "training interactions": len(train),
        "test interactions": len(test),
        "test questions": len(distinct(test.users)),
        "users without training items": empty,
        "users without test items (not asked)": empty_test,
        "repeated rows (counted once)": train_repeats + test_repeats,
        "test users without training purchase": int(
            (~among(distinct(test.users), distinct(train.users))).sum()
        ),
        "test items without training purchase (misses)": int((test.items >= known_items).sum()),
        "test items that the user has in training (misses)": int(
            among(test.users * len(items) + test.items, owned).sum()
        ),
    }
    paths = (train_path, test_path)
    label = name or data.resolve().name
    return TopNFiles(label, train, test, len(users), len(items), paths, counts)


def _both(data: Path, name: str | None) -> tuple[Path, Path]:
    prefix = "" if name is None else f"{name}."
    found = {part: beside(data, f"{prefix}{part}.txt") for part in ("train", "test")}
    if found["train"] is not None and found["test"] is not None:
        return found["train"], found["test"]
    missing = [f"{prefix}{part}.txt" for part, path in found.items() if path is None]
    names = sorted(
        path.name.removesuffix(".gz").removesuffix(".train.txt")
        for path in data.iterdir()
        if path.name.removesuffix(".gz").endswith(".train.txt")
    )
    hint = f"; it holds {', '.join(names)}, say which one with --name" if names else ""
    raise BenchmarkDataError(
        f"{data} lacks {' and '.join(missing)} (or the same with .gz at the end); the protocol "
        f"topn needs train.txt and test.txt{hint}"
    )


def task(files: TopNFiles, seed: int = 0) -> RankingTask:
    """Put a tenth of the training purchases aside and set both questions.

    Parameters
    ----------
    files
        As read.
    seed
        Decides which.
    """
    rows = files.train
    counts = rows_per_user(rows)
    share = np.maximum(np.rint(HELD_OUT_SHARE * counts), 1).astype(np.int64)
    aside = hold_out(rows, np.where(counts >= FEWEST_ITEMS, share, 0), seed)
    kept, held_out = rows.take(~aside), rows.take(aside)
    coding = Coding.of([kept, held_out, files.test], files.n_users, files.n_items)
    train = coding.interactions(kept, 1)
    n_users, n_items = int(coding.n_users[-1]), int(coding.n_items[-1])
    shape = (n_users, n_items)

    def question(
        targets_of: Interactions, history: Interactions, known_items: int
    ) -> CatalogueQuestion:
        targets = cells(targets_of.users, targets_of.items, shape)
        users = np.flatnonzero(np.diff(targets.indptr))
        return CatalogueQuestion(
            users=users,
            targets=targets[users],
            seen=cells(history.users, history.items, shape)[users],
            n_items=known_items,
            lengths=(K,),
            wanted=("recall", "ndcg", "f1"),
        )

    full, validation, chosen_by = train, None, None
    if len(held_out):
        validation = coding.interactions(held_out, 1)
        full = joined(train, validation, coding.n_users[1], coding.n_items[1])
        chosen_by = question(validation, train, train.n_items)
        chosen_by = chosen_by.sample(MOST_VALIDATION_QUESTIONS, seed)
    asked = question(coding.interactions(files.test, 2), full, full.n_items)
    return RankingTask(
        train, validation, chosen_by, full, None, asked, f"ndcg@{K}", dict(files.counts)
    )
