"""Next item after a sequence: the last one is the test, the one before it the validation.

Kang and McAuley, "Self-Attentive Sequential Recommendation" (ICDM 2018), with full ranking.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.protocols.files import BenchmarkDataError, Codes, only_file
from benchmarks.protocols.lists import grouped_by_user, places, read_lists
from benchmarks.protocols.questions import CatalogueQuestion, RankingTask, cells
from benchmarks.protocols.worlds import Coding, Rows
from product_recommender.interactions import Interactions
from product_recommender.sorted_codes import among, distinct

TEXT = (
    "Sequential, leave one out: each user's last item is the test, the one before it the "
    "validation, the rest training; users with fewer than three items are for training only. "
    "Ranked are all items of the training part, those of the user's history left out; ties by one "
    "order drawn from the seed before any score is seen. HR and NDCG at 5, 10, 20. Settings and "
    "the number of epochs are chosen by NDCG@10 on the validation item; the same model, not "
    "trained again, is then told the validation item and asked for the test item. An item without "
    "training purchase is a miss, and so is a test item that stands in the history already. The "
    "place in the sequence stands for the day."
)
LENGTHS = (5, 10, 20)
FEWEST_ITEMS = 3
MOST_VALIDATION_QUESTIONS = 20_000


@dataclass(frozen=True)
class SequenceFile:
    """What the file holds, in raw codes, each user's events together and in time order.

    Attributes
    ----------
    name
        Of the data set.
    users, items
        int64 ``[n]``.
    n_users, n_items
        Raw codes.
    paths
        The file.
    counts
        Users, items, interactions and oddities.
    """

    name: str
    users: np.ndarray
    items: np.ndarray
    n_users: int
    n_items: int
    paths: tuple[Path, ...]
    counts: dict[str, int]


def read(data: Path, name: str | None) -> SequenceFile:
    """Read the one text file of a folder.

    Parameters
    ----------
    data
        The folder, or the file.
    name
        Which file, where the folder holds several.

    Raises
    ------
    BenchmarkDataError
        If the file is missing, empty or malformed, or no user has three items.
    """
    path = only_file(data, name, "one text file of `user item item ...` or `user item` lines")
    users, items = Codes(), Codes()
    user_codes, item_codes, empty = read_lists(path, users, items)
    user_codes, item_codes = grouped_by_user(user_codes, item_codes)
    place, length = places(user_codes)
    askable = length >= FEWEST_ITEMS
    if not askable.any():
        raise BenchmarkDataError(
            f"{path}: no user has {FEWEST_ITEMS} items or more, so nobody can be asked: the last "
            "item is for the test, the one before it for validation, the rest for training"
        )
    pairs = user_codes * len(items) + item_codes
    _, first = np.unique(pairs, return_index=True)
    is_repeat = np.ones(len(pairs), dtype=bool)
    is_repeat[first] = False
    is_test = askable & (place == length - 1)
    in_training = distinct(item_codes[~askable | (place < length - 2)])
    counts = {
        "users": len(users) - empty,
        "items": len(items),
        "interactions": len(user_codes),
        "test questions": int(is_test.sum()),
        "users with fewer than three items (training only)": int(((place == 0) & ~askable).sum()),
        "users without items": empty,
        "repeated items of a user": int(is_repeat.sum()),
        "test items that stand in the history (misses)": int((is_repeat & is_test).sum()),
        "test items without training purchase (misses)": int(
            (~among(item_codes[is_test], in_training)).sum()
        ),
    }
    file_name = path.name.split(".")[0]
    return SequenceFile(file_name, user_codes, item_codes, len(users), len(items), (path,), counts)


def task(file: SequenceFile, seed: int = 0) -> RankingTask:
    """Divide the sequences and set both questions.

    Parameters
    ----------
    file
        As read.
    seed
        Decides which users are asked on validation, where there are very many.
    """
    place, length = places(file.users)
    rows = Rows.implicit(file.users, file.items, place)
    askable = length >= FEWEST_ITEMS
    is_test = askable & (place == length - 1)
    is_validation = askable & (place == length - 2)
    parts = [rows.take(~is_test & ~is_validation), rows.take(is_validation), rows.take(is_test)]
    coding = Coding.of(parts, file.n_users, file.n_items)
    train = coding.interactions(parts[0], 1)
    validation, test = (coding.interactions(part, 1) for part in parts[1:])
    followed = train.concatenate(validation)
    shape = (int(coding.n_users[-1]), int(coding.n_items[-1]))

    def question(targets_of: Interactions, history: Interactions) -> CatalogueQuestion:
        n = len(targets_of)
        return CatalogueQuestion(
            users=targets_of.users.astype(np.int64),
            targets=cells(np.arange(n), targets_of.items, (n, shape[1])),
            seen=cells(history.users, history.items, shape)[targets_of.users],
            n_items=train.n_items,
            lengths=LENGTHS,
            wanted=("hit_rate", "ndcg"),
        )

    chosen_by = question(validation, train).sample(MOST_VALIDATION_QUESTIONS, seed)
    asked = question(test, followed)
    return RankingTask(
        train, validation, chosen_by, train, followed, asked, "ndcg@10", dict(file.counts)
    )
