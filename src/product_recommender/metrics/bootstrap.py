"""Intervals and comparisons by resampling users.

Users are the unit that is drawn, because the purchases of one user hang together. All functions
draw with replacement as many users as there are, ``n_resamples`` times, and read percentiles of
what the draws give (Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13).

Most metrics take few distinct values: NDCG@10 of customers with one purchase has eleven. Users
with equal values are interchangeable, so how often each *value* is drawn is multinomial; drawing
that is the same bootstrap at a fraction of the cost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_BLOCK_COUNTS = 1 << 22
_DENSE_FRACTION = 20
"""Draw values instead of users where there are this many times fewer of them."""


NO_DIFFERENCE = "no difference shown"


class PairedDifference(NamedTuple):
    """How much larger one metric is than another on the same users."""

    difference: float
    low: float
    high: float
    p_value: float


def bootstrap_interval(
    values: np.ndarray, n_resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of a mean over users.

    Parameters
    ----------
    values
        float ``[n]``: the metric of each user.
    n_resamples
        Number of draws.
    seed
        Seed of the draws.
    level
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If there are no users, a value is NaN, or a setting is out of bounds.
    """
    values = _columns(values)
    sums = _resampled_sums(values, n_resamples, seed)
    return _interval(sums[:, 0] / len(values), level)


def bootstrap_ratio_interval(
    numerators: np.ndarray,
    denominators: np.ndarray,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of ``sum(numerators) / sum(denominators)`` over resampled users.

    For metrics that are means over purchases, such as MSE and MAE: pass each user's sum of errors
    and number of purchases.

    Parameters
    ----------
    numerators
        float ``[n]``: each user's sum.
    denominators
        float ``[n]``, all above zero: each user's count.
    n_resamples, seed, level
        As of ``bootstrap_interval``.

    Raises
    ------
    ValueError
        As of ``bootstrap_interval``; also if a denominator is not above zero.
    """
    return _interval(_resampled_ratio(numerators, denominators, n_resamples, seed), level)


def bootstrap_rmse_interval(
    squared_error_sums: np.ndarray,
    counts: np.ndarray,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of ``sqrt(sum(squared errors) / sum(counts))`` over resampled users.

    Parameters and errors as of ``bootstrap_ratio_interval``.
    """
    mean_squares = _resampled_ratio(squared_error_sums, counts, n_resamples, seed)
    return _interval(np.sqrt(mean_squares), level)


def paired_differences(
    a: np.ndarray, b: np.ndarray, n_resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> PairedDifference:
    """Mean of ``a - b`` over users, both measured on the same users.

    The p-value is two-sided: twice the smaller share of draws that fall on one side of zero, zero
    included, with one draw added to both counts so that it is never zero. The smallest possible
    value is ``2 / (n_resamples + 1)``.

    Parameters
    ----------
    a, b
        float ``[n]``, aligned by user.
    n_resamples, seed, level
        As of ``bootstrap_interval``.

    Raises
    ------
    ValueError
        If the lengths differ, and as of ``bootstrap_interval``.
    """
    a, b = _columns(a), _columns(b)
    _require_aligned(a, b)
    difference = a - b
    draws = _resampled_sums(difference, n_resamples, seed)[:, 0] / len(difference)
    return _paired(float(difference.mean()), draws, level)


def paired_rmse_differences(
    squared_error_sums_a: np.ndarray,
    squared_error_sums_b: np.ndarray,
    counts: np.ndarray,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> PairedDifference:
    """RMSE of a minus RMSE of b, both on the same purchases, users resampled.

    Parameters
    ----------
    squared_error_sums_a, squared_error_sums_b
        float ``[n]``: each user's sum of squared errors.
    counts
        float ``[n]``, all above zero: each user's number of purchases.
    n_resamples, seed, level
        As of ``bootstrap_interval``; the p-value as of ``paired_differences``.
    """
    a, b, n = _columns(squared_error_sums_a), _columns(squared_error_sums_b), _columns(counts)
    _require_aligned(a, b)
    _require_aligned(a, n)
    _require_positive(n)
    table = np.concatenate([a - b, a, b, n], axis=1)
    draws = _rmse_difference(_resampled_sums(table, n_resamples, seed))
    return _paired(float(_rmse_difference(table.sum(axis=0))), draws, level)


def _rmse_difference(sums: np.ndarray) -> np.ndarray:
    """sqrt(A / n) - sqrt(B / n) from the sums of a - b, a, b and the counts, ``[..., 4]``.

    Through the sum of differences, so that equal models differ by zero and not by rounding.
    """
    difference, a, b, n = np.moveaxis(sums, -1, 0)
    both = np.sqrt(a / n) + np.sqrt(b / n)
    return np.divide(difference / n, both, out=np.zeros_like(both), where=both > 0)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust p-values for their number (Holm, 1979).

    Controls the chance of even one false claim among all of them, under any dependence.

    Parameters
    ----------
    p_values
        float ``[m]``, each between 0 and 1.

    Returns
    -------
    numpy.ndarray
        float64 ``[m]`` in the order given: claim those below the error rate that you allow.

    Raises
    ------
    ValueError
        If a value is NaN or not between 0 and 1.
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    if not ((p_values >= 0) & (p_values <= 1)).all():
        raise ValueError(f"p-values lie between 0 and 1: {p_values.tolist()}")
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def verdict_word(
    difference: float,
    low: float,
    high: float,
    p_holm: float,
    larger_is_better: bool = True,
    alpha: float = 0.05,
) -> str:
    """What a comparison says: a difference is one if its interval and Holm's p-value agree.

    Parameters
    ----------
    difference, low, high
        As of ``PairedDifference``.
    p_holm
        As of ``holm``.
    larger_is_better
        False for errors.
    alpha
        What the p-value has to be below: what the level of the interval leaves.

    Returns
    -------
    str
        ``better``, ``worse`` or ``NO_DIFFERENCE``.
    """
    if p_holm < alpha and (low > 0 or high < 0):
        return "better" if (difference > 0) == larger_is_better else "worse"
    return NO_DIFFERENCE


def _resampled_sums(values: np.ndarray, n_resamples: int, seed: int) -> np.ndarray:
    """Column sums of each draw of rows: float64 ``[n, q]`` -> ``[n_resamples, q]``."""
    if n_resamples < 1:
        raise ValueError(f"n_resamples is {n_resamples}; draw at least once")
    n = len(values)
    distinct, occurrences = np.unique(values, axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    sums = np.empty((n_resamples, values.shape[1]))
    if len(distinct) * _DENSE_FRACTION <= n:
        block = max(1, _BLOCK_COUNTS // len(distinct))
        for start in range(0, n_resamples, block):
            size = min(block, n_resamples - start)
            drawn = rng.multinomial(n, occurrences / n, size=size)
            sums[start : start + size] = drawn.astype(np.float64) @ distinct
    else:
        columns = np.ascontiguousarray(values.T)
        for draw in range(n_resamples):
            users = rng.integers(0, n, size=n, dtype=np.uint32)
            sums[draw] = [column.take(users).sum() for column in columns]
    return sums


def _resampled_ratio(
    numerators: np.ndarray, denominators: np.ndarray, n_resamples: int, seed: int
) -> np.ndarray:
    numerators, denominators = _columns(numerators), _columns(denominators)
    _require_aligned(numerators, denominators)
    _require_positive(denominators)
    table = np.concatenate([numerators, denominators], axis=1)
    sums = _resampled_sums(table, n_resamples, seed)
    ratios: np.ndarray = sums[:, 0] / sums[:, 1]
    return ratios


def _interval(draws: np.ndarray, level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it is a share between 0 and 1, for example 0.95")
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _paired(difference: float, draws: np.ndarray, level: float) -> PairedDifference:
    low, high = _interval(draws, level)
    fewer = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    p_value = min(1.0, 2 * (fewer + 1) / (len(draws) + 1))
    return PairedDifference(difference, low, high, p_value)


def _columns(values: np.ndarray) -> np.ndarray:
    """float64 ``[n, 1]``, checked."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"one value for each user is needed, not the shape {values.shape}")
    if len(values) == 0:
        raise ValueError("there are no users to resample")
    n_missing = int(np.isnan(values).sum())
    if n_missing:
        raise ValueError(
            f"{n_missing} of {len(values)} values are NaN; leave out the users without a value"
        )
    return values[:, None]


def _require_aligned(a: np.ndarray, b: np.ndarray) -> None:
    if len(a) != len(b):
        raise ValueError(f"{len(a)} values against {len(b)}: both must be of the same users")


def _require_positive(counts: np.ndarray) -> None:
    if not (counts > 0).all():
        raise ValueError(
            f"{int((counts <= 0).sum())} users have no purchase; leave them out of the ratio"
        )
