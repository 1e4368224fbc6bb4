"""How popular each item was of late, at any moment: what a network's item biases are moved by.

In data whose fashions change, what sells now says more of the next purchase than what sold ever.
A fixed bias learns the average of the past. These trends are counted from purchases before the
moment of asking alone, in training as well as in answers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from product_recommender.recommenders.neural_inputs import log_popularity

PERIODS = 64
"""Moments at which training looks at the trends: the table is ``PERIODS`` x items x trends."""


def trend_days(days: np.ndarray) -> np.ndarray:
    """First days of at most ``PERIODS`` periods with about equally many purchases in each.

    Parameters
    ----------
    days
        int ``[n]``, not empty: the days of purchases.

    Returns
    -------
    numpy.ndarray
        int64, ascending, no day twice; the first is the first day.
    """
    places = np.linspace(0, len(days) - 1, PERIODS, endpoint=False).astype(np.int64)
    return np.unique(np.sort(days)[places]).astype(np.int64)


def decayed_counts(
    items: np.ndarray,
    days: np.ndarray,
    moments: np.ndarray,
    half_lives: tuple[float, ...],
    n_items: int,
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Purchases of each item before some moments, older ones counting less.

    Parameters
    ----------
    items, days, moments, half_lives, n_items
        As of ``trends_before``.

    Yields
    ------
    row, column : int
        Number of the moment and of the half-life.
    counts : numpy.ndarray
        float64 ``[n_items]``.
    """
    order = np.argsort(days, kind="stable")
    items, days = items[order], days[order].astype(np.float64)
    edges = np.searchsorted(days, moments, side="left")
    for column, half_life in enumerate(half_lives):
        counts, first, before = np.zeros(n_items), 0, float(moments[0])
        for row, (moment, last) in enumerate(zip(moments, edges, strict=True)):
            weights = np.exp2(-(moment - days[first:last]) / half_life)
            counts = counts * np.exp2(-(moment - before) / half_life)
            counts += np.bincount(items[first:last], weights, minlength=n_items)
            yield row, column, counts
            first, before = int(last), float(moment)


def trends_before(
    items: np.ndarray,
    days: np.ndarray,
    moments: np.ndarray,
    half_lives: tuple[float, ...],
    n_items: int,
) -> np.ndarray:
    """Log of the purchases of each item before some moments, older ones counting less.

    Parameters
    ----------
    items, days
        int ``[n]``: purchases.
    moments
        int ``[m]`` days, ascending; purchases of that day or later are not counted.
    half_lives
        Ages at which a purchase counts half, in days.
    n_items
        Number of items.

    Returns
    -------
    numpy.ndarray
        float32 ``[m, n_items, len(half_lives)]``, relative to the mean of the items.
    """
    trends = np.empty((len(moments), n_items, len(half_lives)), dtype=np.float32)
    for row, column, counts in decayed_counts(items, days, moments, half_lives, n_items):
        trends[row, :, column] = log_popularity(counts)
    return trends
