"""From raw codes of a file to the codes that recommenders are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.protocols.lists import places
from product_recommender.interactions import Interactions

POSITIVE_STARS = 5.0
"""What an implicit purchase counts as for models that ask for stars."""


@dataclass(frozen=True)
class Rows:
    """Events of a file as aligned arrays.

    Attributes
    ----------
    users, items
        int64 ``[n]``: raw codes, in the order in which the file first names them.
    stars
        float32 ``[n]``.
    days
        int32 ``[n]``; zeros where the protocol knows no time.
    """

    users: np.ndarray
    items: np.ndarray
    stars: np.ndarray
    days: np.ndarray

    def __len__(self) -> int:
        return len(self.users)

    @classmethod
    def implicit(cls, users: np.ndarray, items: np.ndarray, days: np.ndarray | None = None) -> Rows:
        """Events that say nothing but that they happened."""
        days = np.zeros(len(users), dtype=np.int32) if days is None else days.astype(np.int32)
        return cls(users, items, np.full(len(users), POSITIVE_STARS, dtype=np.float32), days)

    def take(self, rows: np.ndarray) -> Rows:
        """Only these rows (a boolean mask or an index array)."""
        return Rows(self.users[rows], self.items[rows], self.stars[rows], self.days[rows])

    def without_repeats(self) -> tuple[Rows, int]:
        """The last row of each user and item, in the order of the file, and how many fell away."""
        backwards = (self.users * (self.items.max(initial=0) + 1) + self.items)[::-1]
        _, first = np.unique(backwards, return_index=True)
        kept = np.sort(len(self) - 1 - first)
        return self.take(kept), len(self) - len(kept)


@dataclass(frozen=True)
class Coding:
    """Raw codes renumbered by first appearance in a sequence of parts.

    The users and items of the first part are a prefix of all codes, those of the first two parts
    together a longer one, and so on. A model is sized by the prefix of what it is trained on, so
    that no code can tell it what comes later.

    Attributes
    ----------
    user_codes, item_codes
        int64 ``[raw users]`` and ``[raw items]``: the new code of each raw one, or the number of
        all codes for those that no part names.
    n_users, n_items
        Length of the prefix after each part.
    """

    user_codes: np.ndarray
    item_codes: np.ndarray
    n_users: tuple[int, ...]
    n_items: tuple[int, ...]

    @classmethod
    def of(cls, parts: Sequence[Rows], raw_users: int, raw_items: int) -> Coding:
        """Number the users and items of these parts."""
        user_codes, n_users = _by_appearance([part.users for part in parts], raw_users)
        item_codes, n_items = _by_appearance([part.items for part in parts], raw_items)
        return cls(user_codes, item_codes, n_users, n_items)

    def interactions(self, rows: Rows, parts: int) -> Interactions:
        """These rows as interactions of the world that the first ``parts`` parts make up."""
        return Interactions(
            users=self.user_codes[rows.users].astype(np.int32),
            items=self.item_codes[rows.items].astype(np.int32),
            stars=rows.stars.astype(np.float32),
            days=rows.days.astype(np.int32),
            n_users=self.n_users[parts - 1],
            n_items=self.n_items[parts - 1],
            item_categories=np.zeros(self.n_items[-1], dtype=np.int16),
            categories=("all",),
        )


def _by_appearance(parts: Sequence[np.ndarray], n_raw: int) -> tuple[np.ndarray, tuple[int, ...]]:
    codes = np.full(n_raw, -1, dtype=np.int64)
    sizes = []
    known = 0
    for part in parts:
        values, first = np.unique(part, return_index=True)
        new = codes[values] < 0
        fresh = values[new][np.argsort(first[new], kind="stable")]
        codes[fresh] = known + np.arange(len(fresh))
        known += len(fresh)
        sizes.append(known)
    codes[codes < 0] = known
    return codes, tuple(sizes)


def joined(first: Interactions, second: Interactions, n_users: int, n_items: int) -> Interactions:
    """Both parts as one training part of this size."""
    return replace(first.concatenate(second), n_users=n_users, n_items=n_items)


def hold_out(rows: Rows, counts: np.ndarray, seed: int) -> np.ndarray:
    """Which rows to put aside: so many of each user, at random.

    Parameters
    ----------
    rows
        All rows.
    counts
        int ``[n]``, by row: how many rows of its user are put aside.
    seed
        Decides which.

    Returns
    -------
    numpy.ndarray
        bool ``[n]``.
    """
    order = np.lexsort((np.random.default_rng(seed).random(len(rows)), rows.users))
    place, _ = places(rows.users[order])
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[order] = place < counts[order]
    return chosen


def rows_per_user(rows: Rows) -> np.ndarray:
    """int64 ``[n]``: how many rows the user of each row has."""
    counts: np.ndarray = np.bincount(rows.users)[rows.users]
    return counts
