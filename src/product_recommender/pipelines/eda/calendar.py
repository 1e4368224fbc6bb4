"""Spikes from counts per day: small tables, in pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd

from product_recommender.pipelines.eda.parameters import SpikeRule

NORMAL_CONSISTENCY = 1.4826
"""Median absolute deviation times this estimates the standard deviation of normal data."""


def weekly_reviews(daily: pd.DataFrame, rule: SpikeRule) -> pd.DataFrame:
    """Count reviews per week (Monday to Sunday) and mark spikes.

    Parameters
    ----------
    daily
        ``day``, ``reviews``; every day.
    rule
        When a week is a spike. Weeks that the data covers only in part are never spikes and are
        left out of the rolling median.

    Returns
    -------
    pandas.DataFrame
        ``week`` (ISO date of its Monday), ``reviews``, ``days`` (1 to 7, covered by the data),
        ``rolling_median`` (null with fewer than three whole weeks in the window),
        ``robust_z`` (null there and in part weeks), ``is_spike``.
    """
    monday = daily["day"] - pd.to_timedelta(daily["day"].dt.day_of_week, unit="D")
    table = (
        daily.assign(week=monday)
        .groupby("week")
        .agg(reviews=("reviews", "sum"), days=("day", "size"))
        .reset_index()
    )
    whole = table["reviews"].where(table["days"] == 7).astype(float)
    window = whole.rolling(rule.window_weeks, center=True, min_periods=3)
    median = window.median()
    deviation = window.apply(_median_absolute_deviation, raw=True)
    scale = np.maximum(NORMAL_CONSISTENCY * deviation, np.sqrt(median.clip(lower=1.0)))
    table["rolling_median"] = median
    table["robust_z"] = (whole - median) / scale
    table["is_spike"] = (table["robust_z"] >= rule.threshold) & (
        whole - median >= rule.minimum_excess
    )
    table["week"] = table["week"].dt.strftime("%Y-%m-%d")
    return table


def _median_absolute_deviation(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(np.abs(known - np.median(known))))
