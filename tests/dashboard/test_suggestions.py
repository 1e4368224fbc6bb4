"""Suggestions: each rule speaks where its numbers reach the threshold, and only there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboard.small_shop import shop_of
from product_recommender.dashboard.cells import TAIL_SHARES
from product_recommender.dashboard.forecast import Forecast
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop, open_shop
from product_recommender.dashboard.suggestions import Numbers, suggest

SETTINGS = DashboardSettings()
MONTH, EVER, TOYS = 1, 4, 1


@pytest.fixture(scope="module")
def shop(engine: Any) -> Shop:
    """Names only: the numbers are made up by each test."""
    rows = [("ann", "<b>bear</b>", 5, "2015-08-31"), ("bob", "<b>bear</b>", 5, "2015-08-30")]
    rows += [("bob", "spade", 5, "2013-01-01")]
    products = {
        "<b>bear</b>": {"category": "Toys", "list_price": 10.0, "title": "<b>bear</b>"},
        "spade": {"category": "Garden", "list_price": 1.0},
    }
    segments = {"ann": "Power Buyers", "bob": "Casual"}
    return open_shop(shop_of(rows, products, segments).tables, SETTINGS)


def numbers_of(shop: Shop, **given: Any) -> Numbers:
    """Quiet numbers: no rule has anything to say."""
    shape = shop.controls.shape
    plain = {
        "orders": np.full(shape, 100.0),
        "previous_orders": np.full(shape, 100.0),
        "customers": np.full(shape, 100.0),
        "priced_orders": np.full(shape, 100.0),
        "revenue_cents": np.full(shape, 1000.0),
        "products": np.full(shape, 100.0),
        "star_counts": np.tile([0.0, 0, 0, 50, 50], (*shape, 1)),
        "frequency": np.tile([50.0, 50, 0, 0, 0, 0], (*shape, 1)),
        "long_tail": np.tile([1.0, 5, 10, 20, 30, 50, 75], (*shape, 1)),
    }
    cubes = {name: given.pop(name, values) for name, values in plain.items()}
    columns = ["window", "category", "price_band", "customer_type", "item", "orders", "stars_sum"]
    return Numbers(
        cubes=cubes,
        best=given.pop("best", pd.DataFrame(columns=columns, dtype=np.int64)),
        cover=given.pop("cover", pd.DataFrame(columns=["item", "category", "cover_days"])),
        forecasts=given.pop("forecasts", [None] * shape[1]),
        recent_weeks=given.pop("recent_weeks", np.full(shape[1], 10.0)),
    )


def said(shop: Shop, numbers: Numbers) -> dict[tuple[int, int], list[tuple[str, str, str]]]:
    """Rule, tone and text of what is suggested at each period and category."""
    encoded = suggest(shop, numbers, SETTINGS)["list"]
    rows = iter(zip(*(encoded["columns"][name] for name in ("rule", "tone", "text")), strict=True))
    shape = shop.controls.shape[:2]
    found = {}
    for number, length in enumerate(encoded["lengths"]):
        here = [next(rows) for _ in range(length)]
        if here:
            cell = np.unravel_index(number, shape)
            found[int(cell[0]), int(cell[1])] = here
    assert next(rows, None) is None
    return found


def changed(values: np.ndarray, cell: tuple[int, ...], to: Any) -> np.ndarray:
    copy = values.copy()
    copy[cell] = to
    return copy


def test_quiet_numbers_suggest_nothing(shop: Shop) -> None:
    assert said(shop, numbers_of(shop)) == {}


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (150, 100, [("change of orders", "good")]),
        (60, 100, [("change of orders", "warn")]),
        (115, 100, []),  # too small a change
        (40, 30, []),  # a third more, but one and a bit standard errors
        (90, 29, []),  # too few before
        (90, np.nan, []),  # the period before is not inside the data
    ],
)
def test_change_of_orders(
    shop: Shop, now: float, before: float, expected: list[tuple[str, str]]
) -> None:
    plain = numbers_of(shop).cubes
    cell = (MONTH, TOYS, 0, 0)
    numbers = numbers_of(
        shop,
        orders=changed(plain["orders"], cell, now),
        priced_orders=changed(plain["priced_orders"], cell, now),
        previous_orders=changed(plain["previous_orders"], cell, before),
        long_tail=changed(plain["long_tail"], cell, 0),
    )
    found = said(shop, numbers)
    assert [(rule, tone) for rule, tone, _ in found.get((MONTH, TOYS), [])] == expected
    assert set(found) <= {(MONTH, TOYS)}


def test_low_stars_compare_with_the_other_categories(shop: Shop) -> None:
    plain = numbers_of(shop).cubes["star_counts"]
    everything = changed(plain, (MONTH, 0, 0, 0), [50, 0, 0, 50, 100])
    numbers = numbers_of(
        shop, star_counts=changed(everything, (MONTH, TOYS, 0, 0), [50, 0, 0, 0, 50])
    )
    found = said(shop, numbers)
    ((rule, tone, text),) = found[MONTH, TOYS]
    assert (rule, tone) == ("low stars", "warn")
    assert text.startswith("Toys: 3.00 stars on average, 4.50 in the other categories")


def test_a_badly_rated_best_seller_is_named_as_it_is(shop: Shop) -> None:
    item = shop.products["product_id"].tolist().index("<b>bear</b>")
    rows = [
        (MONTH, TOYS, 0, 0, item, 30, 90),
        (EVER, TOYS, 0, 0, item, 30, 91),  # 3.03 stars
        (EVER, TOYS, 0, 0, item, 29, 40),  # too few orders
        (EVER, TOYS, 0, 1, item, 99, 99),  # new customers only: another cell
    ]
    columns = numbers_of(shop).best.columns
    found = said(shop, numbers_of(shop, best=pd.DataFrame(rows, columns=columns)))
    assert set(found) == {(MONTH, TOYS)}
    assert "“<b>bear</b>” is rated 3.00 stars from 30 orders" in found[MONTH, TOYS][0][2]


def test_short_stock_names_the_shortest(shop: Shop) -> None:
    cover = pd.DataFrame({"item": [1, 0], "category": [2, 1], "cover_days": [4.0, 30.0]})
    found = said(shop, numbers_of(shop, cover=cover))
    garden = shop.controls.categories.index("Garden") + 1
    assert set(found) == {(period, at) for period in range(5) for at in (0, garden)}
    assert "stock of 1 product covers fewer than 30 days" in found[0, 0][0][2]
    assert "“Title of spade” with 4 days" in found[0, 0][0][2]


def test_one_order_is_spoken_of_for_all_time_only(shop: Shop) -> None:
    frequency = np.tile([70.0, 30, 0, 0, 0, 0], (*shop.controls.shape, 1))
    found = said(shop, numbers_of(shop, frequency=frequency))
    assert set(found) == {(EVER, category) for category in range(shop.controls.shape[1])}
    assert "70% of 100 customers have ordered once" in found[EVER, 0][0][2]


def test_a_head_that_carries_the_orders(shop: Shop) -> None:
    tail = numbers_of(shop).cubes["long_tail"]
    at = (MONTH, 0, 0, 0, TAIL_SHARES.index(0.1))
    assert said(shop, numbers_of(shop, long_tail=changed(tail, at, 49))) == {}
    found = said(shop, numbers_of(shop, long_tail=changed(tail, at, 50)))
    assert "carry 50% of the orders" in found[MONTH, 0][0][2]


def test_unknown_prices(shop: Shop) -> None:
    priced = numbers_of(shop).cubes["priced_orders"]
    some = said(shop, numbers_of(shop, priced_orders=changed(priced, (MONTH, 0, 0, 0), 80)))
    assert "20% of the orders is not known, so revenue is too low" in some[MONTH, 0][0][2]
    none = said(shop, numbers_of(shop, priced_orders=changed(priced, (MONTH, 0, 0, 0), 0)))
    assert "revenue is unknown" in none[MONTH, 0][0][2]


def test_a_valuable_persona(shop: Shop) -> None:
    plain = numbers_of(shop).cubes
    persona = 4 + shop.controls.personas.index("Power Buyers")
    numbers = numbers_of(
        shop,
        customers=changed(plain["customers"], (MONTH, 0, 0, persona), 20),
        revenue_cents=changed(plain["revenue_cents"], (MONTH, 0, 0, persona), 400),
    )
    ((_, tone, text),) = said(shop, numbers)[MONTH, 0]
    assert tone == "good"
    assert "Power Buyers are 20% of the active customers and 40% of estimated revenue" in text


@pytest.mark.parametrize(
    ("low", "high", "tone"), [(11.0, 20.0, "good"), (2.0, 9.0, "warn"), (8.0, 12.0, None)]
)
def test_a_forecast_that_leaves_the_present_level(
    shop: Shop, low: float, high: float, tone: str | None
) -> None:
    ends = (np.full(4, (low + high) / 2), np.full(4, low), np.full(4, high))
    ahead = Forecast("a method", *ends, 0.1, 0.2, 0.8, 30)
    found = said(shop, numbers_of(shop, forecasts=[ahead, None, None]))
    assert set(found) == (set() if tone is None else {(period, 0) for period in range(5)})
    if tone is not None:
        assert found[0, 0][0][:2] == ("forecast leaves the present level", tone)
