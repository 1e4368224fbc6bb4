"""Cells: every number of every combination of controls, against plain pandas."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboard.small_shop import SmallShop, shop_of
from product_recommender.dashboard import cells
from product_recommender.dashboard.controls import ALL, FIRST_PERSONA
from product_recommender.dashboard.encoding import decode_cube
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop, open_shop


@pytest.fixture(scope="module")
def cubes(shop: Shop) -> dict[str, Any]:
    by_customer = cells.count_customers(shop)
    by_product, _ = cells.count_products(shop, 10)
    return cells.cell_cubes(shop, by_customer, by_product)


Columns = dict[str, np.ndarray]

_TYPES = {"day": "int64", "star_rating": "int64", "cents": "float64", "cost_cents": "float64"}


def facts_of(small: SmallShop) -> Columns:
    """Reviews with what the definitions in docs/dashboard.md need, by pandas alone."""
    rows = small.reviews.merge(small.products, on="product_id").merge(
        small.segments, on="customer_id"
    )
    rows["cents"] = (rows["list_price"].astype(float) * 100).round()
    rows["cost_cents"] = (rows["cost"].astype(float) * 100).round()
    of_customer = rows.groupby("customer_id")
    rows["first"] = of_customer["day"].transform("min")
    rows["n"] = of_customer["day"].transform("size")
    rows["value"] = of_customer["cents"].transform("sum")
    value = of_customer["cents"].sum().sort_values(ascending=False)
    limits = [v for v in value.unique() if (value >= v).sum() <= 0.1 * len(value)]
    rows["premium"] = rows["value"] >= min(limits)
    prices = (small.products["list_price"].dropna().astype(float) * 100).round().sort_values()
    quartiles = [prices.iloc[int(np.ceil(q * len(prices))) - 1] for q in (0.25, 0.5, 0.75)]
    rows["band"] = [
        5 if np.isnan(of) else 1 + sum(of > limit for limit in quartiles) for of in rows["cents"]
    ]
    return {name: rows[name].to_numpy(dtype=_TYPES.get(name)) for name in rows}


def chosen(
    rows: Columns, shop: Shop, first: int, last: int, cell: tuple[int, int, int], whole: bool
) -> Columns:
    """The reviews of one combination of controls, as columns."""
    category, band, customer_type = cell
    mask = (rows["day"] >= first) & (rows["day"] <= last)
    if category:
        mask &= rows["product_category"] == shop.controls.categories[category - 1]
    if band:
        mask &= rows["band"] == band
    is_new = rows["n"] == 1 if whole else rows["first"] >= first
    if customer_type in (1, 2):
        mask &= is_new if customer_type == 1 else ~is_new
    elif customer_type == 3:
        mask &= rows["premium"]
    elif customer_type >= FIRST_PERSONA:
        mask &= rows["segment"] == shop.controls.personas[customer_type - FIRST_PERSONA]
    return {name: column[mask] for name, column in rows.items()}


def measures_of(rows: Columns) -> dict[str, float]:
    priced = ~np.isnan(rows["cents"])
    costed = priced & ~np.isnan(rows["cost_cents"])
    return {
        "orders": len(rows["day"]),
        "customers": len(set(rows["customer_id"])),
        "products": len(set(rows["product_id"])),
        "stars_sum": rows["star_rating"].sum(),
        "revenue_cents": rows["cents"][priced].sum(),
        "priced_orders": priced.sum(),
        "costed_orders": costed.sum(),
        "costed_revenue_cents": rows["cents"][costed].sum(),
        "margin_cents": (rows["cents"] - rows["cost_cents"])[costed].sum(),
    }


def test_every_cell_equals_a_query_of_its_own(
    small: SmallShop, shop: Shop, cubes: dict[str, Any]
) -> None:
    rows, controls = facts_of(small), shop.controls
    assert controls.shape == (5, 4, 6, 7)
    arrays = {name: decode_cube(cubes[name], controls.shape) for name in measures_of(rows)}
    seen = 0
    for number, period in enumerate(controls.periods):
        for cell in itertools.product(*(range(size) for size in controls.shape[1:])):
            window = period.window
            here = chosen(rows, shop, window.first, window.last, cell, number == 4)
            expected = measures_of(here)
            found = {name: array[(number, *cell)] for name, array in arrays.items()}
            assert found == expected, (period.id, cell)
            seen += len(here["day"])
    assert seen > 10_000  # the combinations were not empty


def test_previous_periods_equal_a_query_of_their_own(
    small: SmallShop, shop: Shop, cubes: dict[str, Any]
) -> None:
    rows, controls = facts_of(small), shop.controls
    arrays = {
        name: decode_cube(cubes[f"previous_{name}"], controls.shape)
        for name in ("orders", "customers", "stars_sum", "revenue_cents", "priced_orders")
    }
    for number, period in enumerate(controls.periods):
        for cell in itertools.product(*(range(size) for size in controls.shape[1:])):
            found = {name: array[(number, *cell)] for name, array in arrays.items()}
            if period.id == "all":
                assert all(np.isnan(value) for value in found.values())
                continue
            days = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}[period.id]
            last = period.window.last - days
            here = chosen(rows, shop, last - days + 1, last, cell, whole=False)
            expected = measures_of(here)
            assert found == {name: expected[name] for name in found}, (period.id, cell)


def test_new_and_returning_are_a_partition(shop: Shop, cubes: dict[str, Any]) -> None:
    customers = decode_cube(cubes["customers"], shop.controls.shape)
    np.testing.assert_array_equal(customers[..., 1] + customers[..., 2], customers[..., 0])
    np.testing.assert_array_equal(customers[..., FIRST_PERSONA:].sum(axis=-1), customers[..., 0])
    # Customers who bought in two categories count once in "all": they do not add up.
    assert customers[4, 0, 0, 0] < customers[4, 1:, 0, 0].sum()


def test_extra_axes_add_up_and_equal_pandas(
    small: SmallShop, shop: Shop, cubes: dict[str, Any]
) -> None:
    rows, shape = facts_of(small), shop.controls.shape
    orders = decode_cube(cubes["orders"], shape)
    customers = decode_cube(cubes["customers"], shape)
    stars = decode_cube(cubes["star_counts"], (*shape, 5))
    frequency = decode_cube(cubes["frequency"], (*shape, len(cells.FREQUENCIES)))
    np.testing.assert_array_equal(stars.sum(axis=-1), orders)
    np.testing.assert_array_equal(frequency.sum(axis=-1), customers)
    here = chosen(rows, shop, 0, 10**6, (2, 0, 4), whole=True)
    each = pd.Series(here["customer_id"]).value_counts()
    assert frequency[4, 2, 0, 4].tolist() == [
        sum(each == 1),
        sum(each == 2),
        sum(each == 3),
        sum(each == 4),
        sum((each >= 5) & (each <= 9)),
        sum(each >= 10),
    ]
    assert stars[4, 2, 0, 4].tolist() == [sum(here["star_rating"] == of) for of in range(1, 6)]
    catalogue = decode_cube(cubes["catalogue"], shape[1:3])
    listed = small.products["product_category"].value_counts()
    assert catalogue[1:, 0].tolist() == [listed[name] for name in shop.controls.categories]
    np.testing.assert_array_equal(catalogue[:, 1:].sum(axis=1), catalogue[:, 0])
    assert catalogue[0, 5] == small.products["list_price"].isna().sum()


def test_the_top_products_carry_what_sorting_says(
    small: SmallShop, shop: Shop, cubes: dict[str, Any]
) -> None:
    rows = facts_of(small)
    tail = decode_cube(cubes["long_tail"], (*shop.controls.shape, len(cells.TAIL_SHARES)))
    for cell in ((0, 0, 0), (1, 0, 0), (0, 2, 2)):
        here = chosen(rows, shop, 0, 10**6, cell, whole=True)
        counts = sorted(pd.Series(here["product_id"]).value_counts(), reverse=True)
        expected = [
            # Hundredths, so that ceil sees 30 % of 10 products as 3 and not as 3.0000000000000004.
            sum(counts[: -(-round(share * 100) * len(counts) // 100)])
            for share in cells.TAIL_SHARES
        ]
        assert tail[(4, *cell)].tolist() == expected


def test_series_sum_to_the_cells_and_steps_are_dates(shop: Shop, cubes: dict[str, Any]) -> None:
    written = cells.series(shop, list(cells.count_steps(shop)))
    n_types = shop.controls.shape[3]
    for number, (period, one) in enumerate(zip(shop.controls.periods, written, strict=True)):
        steps = len(one["labels"])
        assert steps == len(one["days"])
        assert sum(one["days"]) == period.window.last - period.window.first + 1
        for name in ("orders", "stars_sum", "revenue_cents", "priced_orders"):
            cube = one["cubes"][name]
            assert cube["sum_axes"] == ["category", "price_band"]
            array = decode_cube(cube, (3, 5, n_types, steps))
            whole = decode_cube(cubes[name], shop.controls.shape)[number]
            np.testing.assert_array_equal(array.sum(axis=-1), whole[1:, 1:])
            np.testing.assert_array_equal(array.sum(axis=(0, 1, 3)), whole[ALL, ALL])
    assert [one["step"] for one in written] == ["day", "day", "day", "week", "month"]
    assert written[0]["labels"][-1] == "2015-08-31"
    assert written[3]["days"][:2] == [1, 7]
    assert written[4]["labels"][-2:] == ["2015-07-01", "2015-08-01"]


def test_by_hand() -> None:
    """Three customers, two products: what a person counts."""
    small = shop_of(
        [
            ("ann", "bear", 5, "2015-08-30"),
            ("ann", "bear", 1, "2015-08-31"),
            ("bob", "bear", 4, "2015-08-31"),
            ("bob", "spade", 2, "2014-01-01"),
            ("eve", "spade", 3, "2015-07-01"),
        ],
        {
            "bear": {"category": "Toys", "list_price": 10.0, "cost": 4.0},
            "spade": {"category": "Garden"},
        },
    )
    shop = open_shop(small.tables, DashboardSettings(premium_share=0.34))
    by_product, best = cells.count_products(shop, 10)
    cubes = cells.cell_cubes(shop, cells.count_customers(shop), by_product)
    assert shop.controls.categories == ("Toys", "Garden")
    assert shop.controls.band_labels == ("All known prices",)

    def at(name: str, *cell: int) -> float:
        return float(decode_cube(cubes[name], shop.controls.shape)[cell])

    week, ever = 0, 4
    assert at("orders", week, 0, 0, 0) == 3
    assert at("customers", week, 0, 0, 0) == 2
    assert at("customers", week, 0, 0, 1) == 1  # ann's first order lies inside
    assert at("customers", week, 0, 0, 2) == 1  # bob bought before
    assert at("revenue_cents", ever, 0, 0, 0) == 3000
    assert at("margin_cents", ever, 0, 0, 0) == 1800
    assert at("priced_orders", ever, 0, 0, 0) == 3
    assert at("orders", ever, 2, 2, 0) == 2  # spades have no price
    assert at("customers", ever, 0, 0, 1) == 1  # eve ordered once
    assert at("customers", ever, 0, 0, 3) == 1  # ann: 20 dollars; a third of three customers
    assert at("previous_orders", week, 0, 0, 0) == 0
    assert np.isnan(at("previous_orders", ever, 0, 0, 0))
    assert best.iloc[0][["window", "item", "orders", "stars_sum"]].tolist() == [0, 0, 3, 10]
