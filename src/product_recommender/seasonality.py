"""Seasonal indices of months and weekdays from counts per day, growth removed."""

from __future__ import annotations

import numpy as np
import pandas as pd

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

MINIMUM_REVIEWS = 30
"""Reviews in an average month from which a year shows in the range of its seasons."""


def seasonality(daily: pd.DataFrame, minimum_months: int) -> pd.DataFrame:
    """Seasonal index of the twelve months and the seven weekdays; 1 is an average day.

    Months: reviews per day of complete months over the centred 12-month average around each (ratio
    to moving average), so neither growth nor the length of a month shows; a month's index is the
    sum of its rates over the sum of those averages, so years count by their volume, and the
    indices are scaled to mean 1. With too few months the average of all is the reference.
    Weekdays: reviews on that weekday over an average day, in complete weeks; growth within a week
    does not matter, and every weekday has as many days.

    Parameters
    ----------
    daily
        ``day``, ``reviews``; every day.
    minimum_months
        Complete months from which growth is removed.

    Returns
    -------
    pandas.DataFrame
        ``kind`` (``month``, ``weekday``), ``position`` (1 ..), ``name``, ``index`` (null where the
        data does not cover it), ``low``, ``high`` (lowest and highest year with at least
        ``MINIMUM_REVIEWS`` a month; null with fewer than two), ``periods`` (months or weeks behind
        it), ``trend`` (``moving_average``, ``constant``; null for weekdays).
    """
    return pd.concat(
        [_month_index(daily, minimum_months), _weekday_index(daily)], ignore_index=True
    )


def _month_index(daily: pd.DataFrame, minimum_months: int) -> pd.DataFrame:
    by_month = daily.groupby(daily["day"].dt.to_period("M"))["reviews"].agg(["sum", "size"])
    periods = pd.PeriodIndex(by_month.index)
    rate = (by_month["sum"] / by_month["size"]).where(by_month["size"] == periods.days_in_month)
    removes_growth = int(rate.notna().sum()) >= minimum_months
    if removes_growth:
        # 2x12 average: half of the first and the last of 13 months, so that it centres on a month.
        weights = np.array([0.5, *[1.0] * 11, 0.5]) / 12
        trend = rate.rolling(13, center=True).apply(lambda values: values @ weights, raw=True)
    else:
        trend = pd.Series(rate.mean(), index=rate.index)
    known = rate.notna() & (trend > 0)
    months = pd.DataFrame(
        {
            "position": periods.month[known.to_numpy()],
            "observed": rate[known].to_numpy(),
            "expected": trend[known].to_numpy(),
        }
    )
    months["steady"] = months["expected"] * 30 >= MINIMUM_REVIEWS
    table = _summarise(months, "month", MONTHS)
    level = table["index"].mean()
    for column in ("index", "low", "high"):
        table[column] = table[column] / (level if level > 0 else np.nan)
    table["trend"] = "moving_average" if removes_growth else "constant"
    return table


def _weekday_index(daily: pd.DataFrame) -> pd.DataFrame:
    monday = daily["day"] - pd.to_timedelta(daily["day"].dt.day_of_week, unit="D")
    days = daily.assign(monday=monday, position=daily["day"].dt.day_of_week + 1)
    days = days[days.groupby("monday")["day"].transform("size") == 7]
    years = days.groupby([days["monday"].dt.year, "position"])["reviews"].agg(["sum", "size"])
    years.index.names = ["year", "position"]
    total = years.groupby("year")["sum"].transform("sum")
    parts = pd.DataFrame(
        {
            "position": years.index.get_level_values("position"),
            "observed": years["sum"].to_numpy(),
            "expected": total.to_numpy() / 7,
        }
    )
    # A year with less than half of its weeks would show one season's weekdays.
    parts["steady"] = ((years["size"] >= 26) & (total >= 12 * MINIMUM_REVIEWS)).to_numpy()
    table = _summarise(parts, "weekday", WEEKDAYS)
    table["periods"] = len(days) // 7
    table["trend"] = None
    return table


def _summarise(parts: pd.DataFrame, kind: str, names: tuple[str, ...]) -> pd.DataFrame:
    """Index of each position: all that was observed over all that was expected."""
    rows = []
    for position, name in enumerate(names, start=1):
        part = parts[parts["position"] == position]
        expected = float(part["expected"].sum())
        steady = part[part["steady"]]
        ratios = steady["observed"] / steady["expected"]
        rows.append(
            {
                "kind": kind,
                "position": position,
                "name": name,
                "index": float(part["observed"].sum()) / expected if expected > 0 else np.nan,
                "low": float(ratios.min()) if len(ratios) > 1 else np.nan,
                "high": float(ratios.max()) if len(ratios) > 1 else np.nan,
                "periods": len(part),
            }
        )
    return pd.DataFrame(rows)
