"""What is known of a customer and a category at the end of a day.

Purchases and their stars up to that day are the only input. Votes, texts, personas and everything
else that was computed over a longer time is left out: it would know what the day does not.
"""

from __future__ import annotations

import numpy as np

from product_recommender.propensity.purchase_log import PurchaseLog

YEAR = 365

_PRIOR_PURCHASES = 2.0
"""Purchases in the category's own proportion that are added before a customer's share is taken."""
_PRIOR_STARS = 3.0
_PRIOR_SALES = 10.0

FEATURES = (
    "customer_purchases",
    "customer_recency",
    "customer_tenure",
    "customer_rate",
    "customer_purchases_1_period",
    "customer_purchases_3_periods",
    "customer_purchases_year",
    "customer_same_season_last_year",
    "customer_overdue",
    "customer_irregularity",
    "customer_star_mean",
    "pair_purchases",
    "pair_recency",
    "pair_purchases_3_periods",
    "pair_purchases_year",
    "pair_share",
    "pair_is_latest",
    "category_rate",
    "category_trend",
    "category_season",
)
"""Columns of ``feature_matrix``. Counts, days and rates are logarithms (``log1p`` of counts and
days), so that what happens twice is a step of the same size everywhere."""


def feature_matrix(
    log: PurchaseLog, users: np.ndarray, categories: np.ndarray, day: np.ndarray, period_days: int
) -> np.ndarray:
    """Features of customers and categories as of the end of a day.

    Parameters
    ----------
    log
        All purchases; those after the day are not looked at.
    users, categories, day
        int64 ``[n]``, aligned. Every customer must have a purchase by then.
    period_days
        Length of the period that is asked about; windows are multiples of it.

    Returns
    -------
    numpy.ndarray
        float32 ``[n, len(FEATURES)]``, finite.

    Raises
    ------
    ValueError
        If a customer has no purchase by the day.
    """
    begin, end = log.start[users], log.position(users, day)
    count = end - begin
    if (count == 0).any():
        raise ValueError(
            f"{int((count == 0).sum())} customers have no purchase by the day they are asked at"
        )
    recency = (day - log.days[end - 1]).astype(np.float64)
    tenure = (day - log.days[begin]).astype(np.float64)
    columns = _customer_columns(log, users, day, period_days, count, recency, tenure)
    columns["customer_star_mean"] = (log.star_sum(begin, end) + 4.0 * _PRIOR_STARS) / (
        count + _PRIOR_STARS
    )
    columns["pair_is_latest"] = (log.categories[end - 1] == categories).astype(np.float64)
    columns |= _category_columns(log, categories, day, period_days)
    columns |= _pair_columns(log, users, categories, day, period_days, count, tenure)
    return np.stack([columns[name] for name in FEATURES], axis=1).astype(np.float32)


def _customer_columns(
    log: PurchaseLog,
    users: np.ndarray,
    day: np.ndarray,
    period_days: int,
    count: np.ndarray,
    recency: np.ndarray,
    tenure: np.ndarray,
) -> dict[str, np.ndarray]:
    begin, end = log.start[users], log.position(users, day)
    mean_gap = (tenure - recency) / np.maximum(count - 1, 1)
    mean_square = log.squared_gap_sum(begin, end) / np.maximum(count - 1, 1)
    spread = np.sqrt(np.maximum(mean_square - mean_gap**2, 0.0))
    # With a single purchase nothing is known of the rhythm; then nobody is early or late.
    has_rhythm = count > 1

    def within(days: int) -> np.ndarray:
        return np.log1p(end - log.position(users, day - days))

    last_year = log.position(users, day - YEAR + period_days) - log.position(users, day - YEAR)
    return {
        "customer_purchases": np.log1p(count),
        "customer_recency": np.log1p(recency),
        "customer_tenure": np.log1p(tenure),
        "customer_rate": np.log(count / (tenure + period_days)),
        "customer_purchases_1_period": within(period_days),
        "customer_purchases_3_periods": within(3 * period_days),
        "customer_purchases_year": within(YEAR),
        "customer_same_season_last_year": np.log1p(last_year),
        "customer_overdue": np.where(has_rhythm, np.log1p(recency) - np.log1p(mean_gap), 0.0),
        "customer_irregularity": np.where(has_rhythm, spread / (mean_gap + 1.0), 1.0),
    }


def _pair_columns(
    log: PurchaseLog,
    users: np.ndarray,
    categories: np.ndarray,
    day: np.ndarray,
    period_days: int,
    count: np.ndarray,
    tenure: np.ndarray,
) -> dict[str, np.ndarray]:
    begin = log.pair_position(users, categories, np.full_like(day, log.first_day - 1))
    end = log.pair_position(users, categories, day)
    in_pair = end - begin
    # Who never bought in the category has been away from it for longer than they are customers.
    latest = log.pair_days(np.maximum(end - 1, 0))
    recency = np.where(in_pair > 0, day - latest, tenure + YEAR)
    sold = log.sales(categories, np.full_like(day, log.first_day - 1), day)
    of_all = log.sales_of_all(day)
    share = (in_pair + _PRIOR_PURCHASES * sold / of_all) / (count + _PRIOR_PURCHASES)

    def within(days: int) -> np.ndarray:
        return np.log1p(end - log.pair_position(users, categories, day - days))

    return {
        "pair_purchases": np.log1p(in_pair),
        "pair_recency": np.log1p(recency),
        "pair_purchases_3_periods": within(3 * period_days),
        "pair_purchases_year": within(YEAR),
        "pair_share": np.log(np.maximum(share, 1e-6)),
    }


def _category_columns(
    log: PurchaseLog, categories: np.ndarray, day: np.ndarray, period_days: int
) -> dict[str, np.ndarray]:
    """Rates per known customer; the trend and the season are ratios of rates."""
    recent = log.sales(categories, day - period_days, day)
    longer = log.sales(categories, day - 3 * period_days, day)
    last_year = log.sales(categories, day - YEAR, day - YEAR + period_days)
    before_that = log.sales(categories, day - YEAR - period_days, day - YEAR)
    customers = log.customers_by(day)
    # Without a whole year and a period behind it, the season is not known: a ratio of 1.
    has_year = day - YEAR - period_days >= log.first_day
    season = np.log((last_year + _PRIOR_SALES) / (before_that + _PRIOR_SALES))
    return {
        "category_rate": np.log((recent + 1.0) / customers),
        "category_trend": np.log((recent + _PRIOR_SALES) / (longer / 3 + _PRIOR_SALES)),
        "category_season": np.where(has_year, season, 0.0),
    }
