"""Customers: cohorts, recency and frequency, attributes, personas: by hand and by pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboard.small_shop import SmallShop, random_shop, shop_of
from product_recommender.dashboard.customers import customers
from product_recommender.dashboard.encoding import decode_cube
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop, open_shop, premium_threshold


def panels_of(small: SmallShop, **settings: Any) -> tuple[Shop, dict[str, Any], dict[str, Any]]:
    chosen = DashboardSettings(**settings)
    shop = open_shop(small.tables, chosen)
    tables = small.tables
    return shop, *customers(shop, tables.customers, tables.customer_ids, small.profiles, chosen)


@pytest.fixture(scope="module")
def random_panels(engine: Any) -> tuple[SmallShop, Shop, dict[str, Any], dict[str, Any]]:
    small = random_shop()
    return small, *panels_of(small)


def test_cohorts_by_hand() -> None:
    small = shop_of(
        [
            ("ann", "bear", 5, "2015-06-30"),
            ("ann", "bear", 5, "2015-07-01"),  # a day later, but a month later
            ("ann", "ball", 5, "2015-07-02"),  # counts once in July
            ("bob", "bear", 5, "2015-06-02"),
            ("bob", "bear", 5, "2015-08-30"),
            ("eve", "spade", 5, "2015-08-31"),
        ],
        {"spade": {"category": "Garden"}},
    )
    shop, panels, cubes = panels_of(small, cohort_months=2)
    assert "not complete" not in panels["retention"]["note"]  # the data end with August
    n_types = shop.controls.shape[3]
    two = decode_cube(cubes["cohorts"], (3, n_types, 2, 2))
    assert cubes["cohorts"]["labels"]["cohort"] == ["2015-07", "2015-08"]
    np.testing.assert_array_equal(two[0, 0], [[0, 0], [1, np.nan]])
    shop, panels, cubes = panels_of(small, cohort_months=12)
    cohorts = decode_cube(cubes["cohorts"], (3, n_types, 3, 3))
    unknown = np.nan
    np.testing.assert_array_equal(
        cohorts[0, 0], [[2, 1, 1], [0, 0, unknown], [1, unknown, unknown]]
    )
    np.testing.assert_array_equal(cohorts[1, 0, 0], [2, 1, 1])  # Toys
    np.testing.assert_array_equal(cohorts[2, 0, :, 0], [0, 0, 1])  # Garden
    np.testing.assert_array_equal(cohorts[0, 1, :, 0], [0, 0, 1])  # one order: eve


def test_recency_and_frequency_count_every_customer_once(
    random_panels: tuple[SmallShop, Shop, dict[str, Any], dict[str, Any]],
) -> None:
    small, shop, _, cubes = random_panels
    cube = cubes["recency_frequency"]
    shape = (*shop.controls.shape[1:], *(len(labels) for labels in cube["labels"].values()))
    found = decode_cube(cube, shape)
    toys = small.products.set_index("product_id")["product_category"]
    name = shop.controls.categories[0]
    rows = small.reviews[small.reviews["product_id"].map(toys) == name]
    each = rows.groupby("customer_id")["day"].agg(["size", "max"])
    since = small.reviews["day"].max() - each["max"]
    recency = pd.cut(since, [-1, 30, 90, 180, 365, 730, np.inf], labels=False)
    frequency = pd.cut(each["size"], [0, 1, 2, 3, 4, 9, np.inf], labels=False)
    expected = np.zeros((6, 6))
    np.add.at(expected, (recency, frequency), 1)
    np.testing.assert_array_equal(found[1, 0, 0], expected)
    assert found[0, 0, 0].sum() == small.reviews["customer_id"].nunique()


def test_attributes_count_distinct_customers_and_who_is_not_given(
    random_panels: tuple[SmallShop, Shop, dict[str, Any], dict[str, Any]],
) -> None:
    small, shop, panels, cubes = random_panels
    cube = cubes["customers_by_age_group"]
    labels = cube["labels"]["age_group_value"]
    assert labels == ["18-24", "25-34", "Not given"]
    found = decode_cube(cube, (*shop.controls.shape, 3))
    listed = small.customers.set_index("customer_id")["age_group"]
    recent = small.reviews[small.reviews["day"] > small.reviews["day"].max() - 90]
    ages = pd.Series(recent["customer_id"].unique()).map(listed).fillna("Not given")
    assert found[2, 0, 0, 0].tolist() == [sum(ages == label) for label in labels]
    assert cubes["customers_by_is_prime"]["labels"]["is_prime_value"] == ["No", "Yes", "Not given"]
    assert [one["label"] for one in panels["attributes"]["attributes"]] == [
        "Age group",
        "Region",
        "Prime member",
    ]


def test_without_a_customers_table_the_panel_says_so() -> None:
    _, panels, cubes = panels_of(shop_of([("ann", "bear", 5, "2015-08-31")]))
    assert panels["attributes"]["available"] is False
    assert "customers table" in panels["attributes"]["why"]
    assert not [name for name in cubes if name.startswith("customers_by")]


def test_profiles_stand_at_the_positions_of_their_customer_types() -> None:
    small = shop_of(
        [
            ("ann", "bear", 5, "2015-08-31"),
            ("bob", "bear", 5, "2015-08-30"),
            ("eve", "bear", 5, "2015-08-29"),
        ],
        segments={"ann": "New", "bob": "Casual", "eve": "Casual"},
    )
    small.profiles["value_sum_mean"] = np.nan
    shop, panels, _ = panels_of(small)
    assert shop.controls.personas == ("Casual", "New")
    profile = panels["personas"]["profile"]["columns"]
    assert profile["customer_type"] == [4, 5]
    assert profile["customers"] == [2, 1]
    # What is unknown for all is left out instead of shown as nothing.
    assert "value_sum_mean" not in profile


@pytest.mark.parametrize(
    ("values", "counts", "share", "expected"),
    [
        ([1, 2, 5, 9], [6, 2, 1, 1], 0.1, (9, 0.1)),
        ([1, 2, 5, 9], [6, 2, 1, 1], 0.2, (5, 0.2)),
        ([1, 2, 5, 9], [6, 2, 1, 1], 0.3, (5, 0.2)),  # with the ties at 2 it were 40 %
        ([1, 9], [5, 5], 0.1, (10, 0.0)),
    ],
)
def test_premium_never_exceeds_its_share(
    values: list[int], counts: list[int], share: float, expected: tuple[int, float]
) -> None:
    assert premium_threshold(np.array(values), np.array(counts), share) == expected


def test_without_prices_premium_goes_by_orders_and_says_so() -> None:
    rows = [(f"c{number}", "bear", 5, "2015-08-30") for number in range(20)]
    shop = open_shop(shop_of([*rows, ("c7", "bear", 4, "2015-08-31")]).tables, DashboardSettings())
    assert "number of orders (no price is known)" in shop.controls.premium_note
    assert shop.controls.premium_label == "Premium (top 5 %)"
    premium = shop.customers.filter(shop.customers.is_premium).to_pandas()
    assert premium["orders"].tolist() == [2]
