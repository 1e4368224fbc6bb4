"""Controls: periods and their steps, price bands and their limits, ids that fit into a URL."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.small_shop import day_number
from product_recommender.dashboard.controls import (
    Controls,
    Window,
    choose_periods,
    iso,
    largest_categories,
    price_bands,
)


def test_periods_end_with_the_last_day_and_their_steps_fill_them() -> None:
    first, last = day_number("2012-01-05"), day_number("2015-08-31")
    periods = choose_periods(first, last)
    assert [period.id for period in periods] == ["7d", "30d", "90d", "365d", "all"]
    assert [iso(period.window.first) for period in periods] == [
        "2015-08-25",
        "2015-08-02",
        "2015-06-03",
        "2014-09-01",
        "2012-01-05",
    ]
    assert [iso(p.previous.first) for p in periods if p.previous] == [
        "2015-08-18",
        "2015-07-03",
        "2015-03-05",
        "2013-09-01",
    ]
    for period in periods:
        assert period.window.last == last
        assert period.starts[0] == period.window.first
        assert period.step_days().min() > 0
        assert period.step_days().sum() == last - period.window.first + 1
    assert periods[3].step_days().tolist() == [1] + [7] * 52
    assert iso(periods[4].starts[1]) == "2012-02-01"


def test_a_previous_period_that_leaves_the_data_is_none_with_a_reason() -> None:
    last = day_number("2015-08-31")
    for days, has_previous in ((14, True), (13, False)):
        week = choose_periods(last - days + 1, last)[0]
        assert (week.previous is not None) == has_previous
        assert bool(week.previous_missing) == (not has_previous)
    short = choose_periods(last - 9, last)
    # Thirty days hold all ten: then new customers are those with one order, as for "all".
    assert short[1].window == Window(last - 9, last, counts_orders=True) == short[4].window
    assert short[0].window.counts_orders is False


def test_a_history_of_many_years_is_drawn_by_quarter() -> None:
    periods = choose_periods(day_number("2000-02-10"), day_number("2015-08-31"))
    assert periods[-1].step == "quarter"
    assert [iso(day) for day in periods[-1].starts[:3]] == [
        "2000-02-10",
        "2000-04-01",
        "2000-07-01",
    ]
    assert len(periods[-1].starts) == 4 * 15 + 3


def test_price_bands_are_quartiles_with_their_limits_in_words() -> None:
    edges, labels = price_bands(np.array([100, 200, 300, 400, 500, 600, 700, 800]))
    assert edges == (200, 400, 600)
    assert labels == ("Up to $2.00", "$2.01 to $4.00", "$4.01 to $6.00", "Above $6.00")


@pytest.mark.parametrize(
    ("cents", "labels"),
    [
        ([], ()),
        ([999], ("All known prices",)),
        ([500, 500, 500, 500, 500, 500, 500, 900], ("Up to $5.00", "Above $5.00")),
    ],
)
def test_equal_prices_share_a_band(cents: list[int], labels: tuple[str, ...]) -> None:
    edges, found = price_bands(np.array(cents, dtype=np.int64))
    assert found == labels
    assert len(edges) == max(0, len(labels) - 1)


def test_small_categories_are_other() -> None:
    assert largest_categories(["a", "b", "c"], 3) == (("a", "b", "c"), 0)
    assert largest_categories(["a", "b", "c", "d"], 2) == (("a", "b", "Other"), 2)
    assert largest_categories(["Other", "b", "c"], 1) == (("Other", "Other categories"), 2)


def test_ids_are_different_slugs() -> None:
    controls = Controls(
        choose_periods(0, 30),
        ("Home & Garden", "Home, Garden", "日本"),
        0,
        (),
        (),
        ("New", "Power Buyers"),
        "Premium",
        "why",
    ).encode()
    assert [one["id"] for one in controls["categories"]] == [
        "all",
        "home-garden",
        "home-garden-2",
        "category",
    ]
    assert [one["kind"] for one in controls["customer_types"]] == [
        "all",
        "new",
        "returning",
        "premium",
        "persona",
        "persona",
    ]
    labels = [one["label"] for one in controls["customer_types"]]
    assert len(set(labels)) == len(labels)  # the persona New is not the type New
    assert [one["id"] for one in controls["price_bands"]] == ["all", "unknown"]
