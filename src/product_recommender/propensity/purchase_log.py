"""Purchases in an order that answers "what was known on that day?" for many questions at once.

A question is a triple of a customer, a category and a day. Purchases lie sorted by customer and
day, and once more by customer, category and day, as single integer keys: how many purchases
somebody had made by a day is one binary search. The same questions, asked of any day, give the
features of training, of evaluation and of serving; nothing after the day can be seen, because
nothing after it is ever looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class PurchaseLog:
    """All purchases, indexed for questions as of any day.

    Attributes
    ----------
    n_users, n_categories
        Codes run from 0 to these, exclusive.
    first_day, last_day
        Days (since 1970-01-01) of the first and last purchase.
    start
        int64 ``[n_users + 1]``: where each customer's purchases begin.
    days
        int64 ``[n]``, sorted by customer, then day.
    categories
        int64 ``[n]``, in the same order.
    """

    n_users: int
    n_categories: int
    first_day: int
    last_day: int
    start: np.ndarray
    days: np.ndarray
    categories: np.ndarray
    _user_keys: np.ndarray
    _pair_keys: np.ndarray
    _star_sums: np.ndarray
    _squared_gaps: np.ndarray
    _category_sales: np.ndarray
    _newcomers: np.ndarray

    @classmethod
    def of(
        cls,
        users: np.ndarray,
        categories: np.ndarray,
        days: np.ndarray,
        stars: np.ndarray,
        n_users: int,
        n_categories: int,
    ) -> Self:
        """Sort and index purchases.

        Parameters
        ----------
        users, categories
            int ``[n]`` codes, below ``n_users`` and ``n_categories``.
        days
            int ``[n]``, days since 1970-01-01.
        stars
            float ``[n]``, 1 to 5.
        n_users, n_categories
            Sizes.

        Raises
        ------
        ValueError
            If there is no purchase, lengths differ or a code is out of bounds.
        """
        users, categories, days = (
            np.asarray(values, dtype=np.int64) for values in (users, categories, days)
        )
        if not len(users) == len(categories) == len(days) == len(stars):
            raise ValueError("users, categories, days and stars differ in length")
        if len(users) == 0:
            raise ValueError("there is no purchase to learn or answer from")
        for name, codes, size in (("user", users, n_users), ("category", categories, n_categories)):
            if codes.min() < 0 or codes.max() >= size:
                raise ValueError(f"{name} codes must lie between 0 and {size - 1}")
        order = np.lexsort((categories, days, users))
        users, categories, days = users[order], categories[order], days[order]
        stars = np.asarray(stars, dtype=np.float64)[order]
        first_day, last_day = int(days.min()), int(days.max())
        span = last_day - first_day + 2
        counts = np.bincount(users, minlength=n_users)
        start = np.concatenate([[0], np.cumsum(counts)])
        gaps = np.diff(days, prepend=days[:1]).astype(np.float64)
        gaps[start[:-1][counts > 0]] = 0.0
        sales = np.zeros((n_categories, span), dtype=np.int64)
        np.add.at(sales, (categories, days - first_day + 1), 1)
        first_days = days[start[:-1][counts > 0]] - first_day + 1
        return cls(
            n_users=n_users,
            n_categories=n_categories,
            first_day=first_day,
            last_day=last_day,
            start=start,
            days=days,
            categories=categories,
            _user_keys=users * span + days - first_day,
            _pair_keys=np.sort((users * n_categories + categories) * span + days - first_day),
            _star_sums=np.concatenate([[0.0], np.cumsum(stars)]),
            _squared_gaps=np.concatenate([[0.0], np.cumsum(gaps**2)]),
            _category_sales=np.cumsum(sales, axis=1),
            _newcomers=np.cumsum(np.bincount(first_days, minlength=span)),
        )

    @property
    def _span(self) -> int:
        return self._category_sales.shape[1]

    def position(self, users: np.ndarray, day: np.ndarray | int) -> np.ndarray:
        """Where the purchases after the end of a day begin: int64, into ``days``.

        Parameters
        ----------
        users
            int64 ``[n]``.
        day
            One day for all, or int64 ``[n]``. Purchases of the day itself lie before the position.
        """
        offset = np.clip(np.asarray(day) - self.first_day + 1, 0, self._span)
        return np.searchsorted(self._user_keys, users * self._span + offset)

    def purchases(self, users: np.ndarray, day: np.ndarray | int) -> np.ndarray:
        """Purchases of each customer up to and including a day: int64 ``[n]``."""
        counts: np.ndarray = self.position(users, day) - self.start[users]
        return counts

    def pair_position(
        self, users: np.ndarray, categories: np.ndarray, day: np.ndarray | int
    ) -> np.ndarray:
        """As ``position``, among the purchases sorted by customer, category and day."""
        offset = np.clip(np.asarray(day) - self.first_day + 1, 0, self._span)
        pairs = users * self.n_categories + categories
        return np.searchsorted(self._pair_keys, pairs * self._span + offset)

    def pair_days(self, positions: np.ndarray) -> np.ndarray:
        """Days of the purchases at positions of ``pair_position``: int64."""
        days: np.ndarray = self._pair_keys[positions] % self._span + self.first_day
        return days

    def star_sum(self, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Sum of stars between positions (of ``position``): float64."""
        total: np.ndarray = self._star_sums[end] - self._star_sums[begin]
        return total

    def squared_gap_sum(self, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Sum of squared days between consecutive purchases of one customer: float64."""
        total: np.ndarray = self._squared_gaps[end] - self._squared_gaps[begin]
        return total

    def sales(self, categories: np.ndarray, after: np.ndarray, until: np.ndarray) -> np.ndarray:
        """Purchases in each category in the days ``(after, until]``: int64 ``[n]``."""
        begin, end = (
            np.clip(day - self.first_day + 1, 0, self._span - 1) for day in (after, until)
        )
        total: np.ndarray = (
            self._category_sales[categories, end] - self._category_sales[categories, begin]
        )
        return total

    def sales_of_all(self, until: np.ndarray) -> np.ndarray:
        """Purchases in all categories up to and including each day: int64 ``[n]``."""
        by_day = self._category_sales.sum(axis=0)
        total: np.ndarray = by_day[np.clip(until - self.first_day + 1, 0, self._span - 1)]
        return total

    def customers_by(self, day: np.ndarray) -> np.ndarray:
        """How many customers had bought anything by the end of each day: int64 ``[n]``."""
        known: np.ndarray = self._newcomers[np.clip(day - self.first_day + 1, 0, self._span - 1)]
        return known

    def known(self, day: int) -> np.ndarray:
        """Customers with a purchase up to and including a day: int64, ascending."""
        has_any = np.diff(self.start) > 0
        first = np.full(self.n_users, np.iinfo(np.int64).max)
        first[has_any] = self.days[self.start[:-1][has_any]]
        return np.flatnonzero(first <= day)

    def bought(
        self, users: np.ndarray, categories: np.ndarray, after: np.ndarray | int, until: int
    ) -> np.ndarray:
        """Whether each customer bought in each category in the days ``(after, until]``: bool."""
        result: np.ndarray = self.pair_position(users, categories, until) > self.pair_position(
            users, categories, after
        )
        return result

    def pairs_bought(self, after: int, until: int) -> np.ndarray:
        """Customers and categories with a purchase in the days ``(after, until]``.

        Returns
        -------
        numpy.ndarray
            int64 ``user * n_categories + category``, ascending, each once.
        """
        rows = np.flatnonzero((self.days > after) & (self.days <= until))
        users = np.searchsorted(self.start, rows, side="right") - 1
        return np.unique(users * self.n_categories + self.categories[rows])
