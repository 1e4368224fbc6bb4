"""Market trends: seasons, year on year, and what the next weeks may bring."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from product_recommender.dashboard.cells import as_numbers, marginals
from product_recommender.dashboard.controls import iso
from product_recommender.dashboard.encoding import plain_numbers
from product_recommender.dashboard.forecast import Forecast, forecast
from product_recommender.dashboard.panels import ORDERS, PERIOD, PRICE, TYPE, Json, missing, panel
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop
from product_recommender.seasonality import seasonality

GROWTH_MONTHS = 24
"""Complete months from which growth is removed by a 12-month average."""

HISTORY_WEEKS = 52
"""Weeks drawn before the forecast."""


def trends(
    shop: Shop, daily: list[pd.DataFrame], settings: DashboardSettings
) -> tuple[Json, list[Forecast | None]]:
    """The panels of the trend analysis.

    Parameters
    ----------
    shop
        The orders.
    daily
        As counted by ``daily_orders``.
    settings
        Settings of the dashboard.

    Returns
    -------
    panels : dict
        The panels.
    forecasts : list
        One for each category, "all" first; None where the history is too short.
    """
    seasons = [seasonality(days, GROWTH_MONTHS) for days in daily]
    step = shop.controls.periods[-1].step
    ahead, forecasts = _forecasts(shop, daily, settings)
    return {
        "months": _season_panel("month", "Months of the year", seasons),
        "weekdays": _season_panel("weekday", "Days of the week", seasons),
        "year_on_year": panel(
            "Year on year",
            f"{ORDERS} a {step}",
            f"Every {step} of all the data, one line for each year.",
            [PERIOD],
            series={"orders": "orders"},
            series_period=len(shop.controls.periods) - 1,
        ),
        "forecast": ahead,
    }, forecasts


def daily_orders(shop: Shop) -> list[pd.DataFrame]:
    """Orders of every day, days without one included, by category.

    Returns
    -------
    list of pandas.DataFrame
        For each position of the category control: ``day`` (datetime64), ``reviews``.
    """
    rows = marginals(shop.orders.select("day", "category"), ["category"])
    counts = as_numbers(rows.group_by("category", "day").aggregate(n=rows.count()).to_pandas())
    window = shop.controls.periods[-1].window
    days = np.arange(window.first, window.last + 1)
    dates = pd.to_datetime(days, unit="D")
    tables = []
    for category in range(shop.controls.shape[1]):
        own = counts[counts["category"] == category]
        filled = np.zeros(len(days), dtype=np.int64)
        filled[own["day"].to_numpy() - window.first] = own["n"].to_numpy()
        tables.append(pd.DataFrame({"day": dates, "reviews": filled}))
    return tables


def _season_panel(kind: str, title: str, seasons: list[pd.DataFrame]) -> Json:
    own = [table[table["kind"] == kind] for table in seasons]
    if own[0]["index"].isna().all():
        whole = "month" if kind == "month" else "week"
        return missing(title, "index", f"The data do not hold a complete {whole}.")
    notes = {
        "month": "Orders a day in this month over an average day of the twelve months around it "
        f"(with fewer than {GROWTH_MONTHS} complete months: of all months, growth not removed); "
        "1 is an average month. Band: lowest and highest year.",
        "weekday": "Orders on this day over an average day of complete weeks; 1 is an average "
        "day. Band: lowest and highest year.",
    }
    return panel(
        title,
        "index, 1 is average",
        notes[kind],
        [PERIOD, PRICE, TYPE],
        axes=["category"],
        labels=own[0]["name"].tolist(),
        growth_removed=[bool((table["trend"] == "moving_average").any()) for table in own]
        if kind == "month"
        else None,
        **{
            column: [plain_numbers(table[column].to_numpy(), 4) for table in own]
            for column in ("index", "low", "high")
        },
    )


def _forecasts(
    shop: Shop, daily: list[pd.DataFrame], settings: DashboardSettings
) -> tuple[Json, list[Forecast | None]]:
    title, unit = "Forecast", f"{ORDERS} a week"
    # Weeks end with the last day of the data, so that the newest one is whole.
    n_weeks = len(daily[0]) // 7
    weeks = [
        days["reviews"].to_numpy()[len(days) - 7 * n_weeks :].reshape(n_weeks, 7).sum(axis=1)
        for days in daily
    ]
    found = [forecast(of, settings.forecast_weeks, settings.forecast_level) for of in weeks]
    if found[0] is None:
        return missing(
            title, unit, f"{n_weeks} whole weeks are too few to forecast and to check it."
        ), found
    last = shop.controls.periods[-1].window.last
    shown = min(HISTORY_WEEKS, n_weeks)
    return panel(
        title,
        unit,
        "Chosen for each category among four simple methods by their error on past weeks; the "
        "error shown is that on newer weeks, which had no part in the choice. The interval is made "
        f"of past errors and meant to hold {settings.forecast_level:.0%} of weeks.",
        [PERIOD, PRICE, TYPE],
        axes=["category"],
        history_labels=[iso(last - 7 * (shown - week) + 1) for week in range(shown)],
        labels=[iso(last + 7 * week + 1) for week in range(settings.forecast_weeks)],
        history=[plain_numbers(of[-shown:]) for of in weeks],
        forecasts=[None if of is None else _encode_forecast(of) for of in found],
        why="Too few weeks, or no order lately, in this category.",
    ), found


def _encode_forecast(of: Forecast) -> dict[str, Any]:
    return {
        "method": of.method,
        **{name: plain_numbers(getattr(of, name), 1) for name in ("expected", "low", "high")},
        "backtest": {
            "error": plain_numbers([of.error], 4)[0],
            "naive_error": plain_numbers([of.naive_error], 4)[0],
            "coverage": round(of.coverage, 4),
            "questions": of.questions,
        },
    }
