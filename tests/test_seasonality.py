"""Seasons found from counts per day: growth alone shows none, planted ones come back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from product_recommender.seasonality import seasonality


def daily(first: str, counts: np.ndarray) -> pd.DataFrame:
    days = pd.date_range(first, periods=len(counts), freq="D")
    return pd.DataFrame({"day": days, "reviews": counts.astype("int64")})


def test_growth_alone_has_no_seasons() -> None:
    days = pd.date_range("2010-01-01", "2013-12-31")
    counts = np.round(200 * np.exp(np.arange(len(days)) / 700))
    table = seasonality(daily("2010-01-01", counts), 24)
    np.testing.assert_allclose(table["index"], 1, atol=0.02)
    assert set(table.loc[table["kind"] == "month", "trend"]) == {"moving_average"}


def test_planted_seasons_come_back() -> None:
    days = pd.date_range("2010-01-01", "2013-12-31")
    growth = np.exp(np.arange(len(days)) / 1000)
    factor = np.where(days.month == 12, 2.0, 1.0) * np.where(days.day_of_week == 6, 0.5, 1.0)
    table = seasonality(daily("2010-01-01", np.round(500 * growth * factor)), 24)
    month = table[table["kind"] == "month"].set_index("name")["index"]
    weekday = table[table["kind"] == "weekday"].set_index("name")["index"]
    assert month["Dec"] / month["Jun"] == pytest.approx(2, rel=0.05)
    assert month.mean() == pytest.approx(1)
    assert weekday["Sun"] / weekday["Wed"] == pytest.approx(0.5, rel=0.02)
    assert weekday.mean() == pytest.approx(1)


def test_one_year_is_compared_with_its_own_average_and_says_so() -> None:
    table = seasonality(daily("2014-01-01", np.full(365, 3)), 24)
    months = table[table["kind"] == "month"]
    assert set(months["trend"]) == {"constant"}
    np.testing.assert_allclose(months["index"], 1)
    assert months["low"].isna().all()


def test_a_few_days_have_no_seasons() -> None:
    table = seasonality(daily("2014-01-01", np.ones(3)), 24)
    assert len(table) == 19
    assert table["index"].isna().all()
