"""Trends: days without an order count, seasons and forecasts are found per category."""

from __future__ import annotations

import datetime

import numpy as np

from dashboard.small_shop import LAST_DAY, random_shop, shop_of
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import open_shop
from product_recommender.dashboard.trends import daily_orders, trends
from product_recommender.seasonality import seasonality


def test_every_day_counts_by_category() -> None:
    small = shop_of(
        [
            ("ann", "bear", 5, "2015-08-28"),
            ("bob", "bear", 5, "2015-08-28"),
            ("bob", "spade", 5, "2015-08-31"),
        ],
        {"spade": {"category": "Garden"}},
    )
    daily = daily_orders(open_shop(small.tables, DashboardSettings()))
    assert [days["reviews"].tolist() for days in daily] == [
        [2, 0, 0, 1],
        [2, 0, 0, 0],
        [0, 0, 0, 1],
    ]
    assert daily[0]["day"].iloc[-1].date() == LAST_DAY


def test_seasons_and_forecasts_of_a_busy_category() -> None:
    rows = [
        ("c", "bear", 5, (LAST_DAY - datetime.timedelta(days=day)).isoformat())
        for day in range(700)
        for _ in range(3 if day % 7 == 0 else 1)  # Mondays
    ]
    rows += [("c", "spade", 5, "2014-01-01")]
    small = shop_of(rows, {"spade": {"category": "Garden"}})
    shop = open_shop(small.tables, DashboardSettings())
    daily = daily_orders(shop)
    panels, found = trends(shop, daily, DashboardSettings(forecast_weeks=4))
    weekdays = panels["weekdays"]
    assert weekdays["labels"] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert weekdays["index"][1][:2] == [round(3 * 7 / 9, 4), round(7 / 9, 4)]
    expected = seasonality(daily[1], 24)
    months = expected.loc[expected["kind"] == "month", "index"].to_numpy()
    np.testing.assert_allclose(panels["months"]["index"][1], months, atol=1e-4)
    assert panels["months"]["growth_removed"] == [False, False, False]
    forecast = panels["forecast"]
    assert forecast["labels"][0] == "2015-09-01"
    assert forecast["history_labels"][-1] == "2015-08-25"
    assert forecast["history"][1][-1] == 9
    assert forecast["forecasts"][1]["expected"] == [9, 9, 9, 9]
    assert forecast["forecasts"][2] is None  # nothing sold lately
    assert found[2] is None


def test_year_on_year_reads_the_series_of_all_the_data() -> None:
    small = random_shop()
    shop = open_shop(small.tables, DashboardSettings())
    panels, _ = trends(shop, daily_orders(shop), DashboardSettings())
    assert shop.controls.periods[panels["year_on_year"]["series_period"]].id == "all"
    assert panels["year_on_year"]["unit"].endswith("a month")
