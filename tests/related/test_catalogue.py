"""Shelves, price bands, variants and believed stars, by hand."""

from __future__ import annotations

import datetime

import ibis
import numpy as np
import pandas as pd
import pytest

from product_recommender.model_inputs import TRAIN, InteractionArrays
from product_recommender.related.catalogue import Catalogue, believed_stars, price_bands
from product_recommender.related.settings import RelatedSettings


def test_price_bands_are_quartiles_and_ties_share_one() -> None:
    prices = np.array([10, 20, 20, 40, np.nan, 7, 0.0])
    categories = np.array([0, 0, 0, 0, 0, 1, 0])
    # Cheaper in the category: 0, 1, 1, 3 of 4. Alone in a category: the lowest. 0 is no price.
    assert price_bands(prices, categories).tolist() == [0, 1, 1, 3, -1, 0, -1]


def test_few_ratings_are_not_believed() -> None:
    items, stars = np.array([0, 0, 1]), np.array([5.0, 3.0, 5.0])
    means, variances, counts = believed_stars(items, stars, np.array([0, 0, 0]), 1.0)
    # Category mean 13/3. Within product 0: 1 + 1 over 3 ratings - 2 products = 2.
    assert means == pytest.approx([(8 + 13 / 3) / 3, (5 + 13 / 3) / 2, 13 / 3])
    assert variances == pytest.approx([2 / 3, 2 / 2, 2 / 1])
    assert counts.tolist() == [2, 1, 0]


def test_one_five_is_surely_better_than_nothing() -> None:
    items = np.array([0] * 100 + [1])
    stars = np.array([4.0, 5.0] * 50 + [5.0])
    means, variances, _ = believed_stars(items, stars, np.array([0, 0]), 5.0)
    assert means[1] > means[0]
    assert means[1] - means[0] < 1.28 * np.sqrt(variances.sum())  # not sure at 90 %


def test_without_ratings_nothing_breaks() -> None:
    none = np.zeros(0, dtype=int)
    means, variances, counts = believed_stars(none, none.astype(float), np.array([0, 1]), 5.0)
    assert np.isnan(means).all()
    assert variances.tolist() == [0, 0]
    assert counts.tolist() == [0, 0]


def arrays_of(rows: list[tuple[int, int, int]], n_users: int, n_items: int) -> InteractionArrays:
    users, items, days = (np.array(column, dtype=np.int32) for column in zip(*rows, strict=True))
    n = len(rows)
    return InteractionArrays(
        users=users,
        items=items,
        stars=np.full(n, 4.0, np.float32),
        days=days,
        parts=np.full(n, TRAIN, np.int8),
        in_tune=np.zeros(n, bool),
        in_blend=np.zeros(n, bool),
        is_repeat=np.zeros(n, bool),
        n_users=n_users,
        n_items=n_items,
        n_users_listed=n_users,
        n_items_listed=n_items,
    )


def read(products: pd.DataFrame, **settings: float) -> Catalogue:
    n = len(products)
    ids = pd.DataFrame(
        {
            "product_id": products["product_id"],
            "item": range(n),
            "in_training": True,
            "product_category": products.pop("product_category"),
            "first_review_date": datetime.date(2015, 1, 1),
        }
    )
    rows = [(0, 0, 0), (0, 0, 10), (1, 1, 10)]
    texts = {"product_parent": "str", "product_title": "str"}
    return Catalogue.read(
        arrays_of(rows, 2, n),
        ibis.memtable(ids),
        ibis.memtable(products.astype(texts)),
        RelatedSettings(half_life_days=10.0, **settings),
    )


def products(**columns: object) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "product_id": list("abcd"),
            "product_parent": ["1", "1", "2", None],
            "product_title": ["Desk", "Small desk", "A  chair", "a chair"],
            "product_category": "Furniture",
            "list_price": [10.0, None, -1.0, 5.0],
        }
    )
    return frame.assign(**columns)


def test_variants_share_a_parent_or_a_title() -> None:
    parents = read(products()).parents
    assert parents[0] == parents[1]
    assert parents[2] == parents[3]
    assert parents[0] != parents[2]


def test_recent_purchases_count_more() -> None:
    # Ten days old: one half. Product a: 1.5 of 2.5.
    assert read(products()).shares == pytest.approx([1.5 / 2.5, 1 / 2.5, 0, 0])


def test_prices_that_are_none_are_unknown() -> None:
    assert np.isnan(read(products()).prices).tolist() == [False, True, True, False]


def test_shelves_are_as_deep_as_there_are_products() -> None:
    paths = ["Home > Seats > Chairs", "Home > Seats > Sofas", "Home > Tables", None]
    found = read(products(category_path=paths), min_shelf_products=2)
    named = [found.shelf_names[shelf] for shelf in found.shelves]
    assert named == ["Furniture: Home > Seats"] * 2 + ["Furniture: Home", "Furniture"]
    assert [members.tolist() for members in found.by_shelf()] == [[3], [2], [0, 1]]


def test_without_paths_a_shelf_is_a_category() -> None:
    found = read(products(product_category=["Light", "Seat", "Light", None]))
    assert found.shelf_names == ("Light", "Seat", "Unknown")
    assert found.shelves.tolist() == [0, 1, 0, 2]
