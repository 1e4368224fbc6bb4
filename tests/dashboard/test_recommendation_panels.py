"""Recommendations: reasons as `kedro recommend` finds them, samples, lists by group, chances."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboard.small_shop import SmallShop, shop_of
from product_recommender.answers.catalog import HeldDatasets
from product_recommender.answers.product import LISTS
from product_recommender.answers.sample_sentences import sentences_of_lists
from product_recommender.dashboard.encoding import decode_cube
from product_recommender.dashboard.lookup import lookup, sample_customers
from product_recommender.dashboard.panels import Shelf
from product_recommender.dashboard.recommendations import recommendations
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop, open_shop


def ask(small: SmallShop, shop: Shop, **settings: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    chosen = DashboardSettings(**settings)
    shelf = Shelf(shop, 80)
    ids = small.tables.customer_ids, small.tables.product_ids
    panels, cubes = recommendations(shop, small.answers, *ids, shelf, chosen)
    panels["lookup"] = lookup(shop, small.tables, small.answers, shelf, chosen)
    panels["shelf"] = shelf.encode()
    return panels, cubes


def test_each_sentence_is_held_once_and_is_that_of_the_command(
    small: SmallShop, shop: Shop
) -> None:
    panels, _ = ask(small, shop, lookup_customers=40)
    found = panels["lookup"]["customers"]
    reasons = panels["lookup"]["reasons"]
    assert len(set(reasons)) == len(reasons)
    catalog = HeldDatasets(
        {name: getattr(small.tables, name) for name in ("interactions", "product_ids", "products")}
        | {name: getattr(small.answers, name) for name in LISTS}
    )
    users = small.tables.customer_ids.to_pandas().set_index("customer_id")["user"]
    items = {of: code for code, of in enumerate(small.products["product_id"])}
    ids = panels["shelf"]["ids"]
    rows = found["recommendations"]
    who = np.repeat([users[of] for of in found["columns"]["id"]], rows["lengths"])
    listed = [items[ids[of]] for of in rows["columns"]["product"]]
    expected = sentences_of_lists(catalog, pd.DataFrame({"user": who, "item": listed}))
    assert [reasons[of] for of in rows["columns"]["reason"]] == expected
    assert {text.split()[0] for text in expected} >= {"Because", "Similar"}


def test_what_stands_beside_a_product_is_shown_with_its_evidence(
    small: SmallShop, shop: Shop
) -> None:
    panels, _ = ask(small, shop, lookup_products=6)
    found, ids = panels["lookup"]["products"], panels["shelf"]["ids"]
    reasons, every = panels["lookup"]["reasons"], small.products["product_id"].tolist()
    asked = [ids[of] for of in found["columns"]["product"]]
    similar, together, upsell = (found["beside"][name] for name in LISTS)
    for table, ahead in ((similar, 1), (together, 2)):
        assert table["lengths"] == [1] * 6
        shown = [ids[of] for of in table["columns"]["product"]]
        assert shown == [every[(every.index(of) + ahead) % len(every)] for of in asked]
    assert {reasons[of] for of in together["columns"]["reason"]} == {
        "4 customers bought both, 2.0 times as many as by chance."
    }
    assert all(
        reasons[of].startswith("Alike: words 50 %, bought beside 25 %")
        for of in similar["columns"]["reason"]
    )
    # No step up at all: each product says why, the unpriced ones that they have no price.
    assert upsell["lengths"] == [0] * 6
    price = small.products.set_index("product_id")["list_price"]
    assert [reasons[of] == "Its price is unknown." for of in upsell["nothing"]] == [
        bool(price.isna()[of]) for of in asked
    ]


def test_the_sample_is_the_most_active_and_a_draw_by_hash(small: SmallShop, shop: Shop) -> None:
    sample = sample_customers(shop, small.tables.customer_ids, 40)
    assert sample["customer_id"].tolist() == sorted(set(sample["customer_id"]))
    assert len(sample) == 40
    counts = small.reviews["customer_id"].value_counts().reset_index()
    counts = counts.sort_values(["count", "customer_id"], ascending=[False, True])
    active = counts["customer_id"].head(20).tolist()
    hashed = sorted(counts["customer_id"], key=lambda of: hashlib.md5(of.encode()).hexdigest())
    drawn = [of for of in hashed[:40] if of not in active][:20]
    assert sorted([*active, *drawn]) == sample["customer_id"].tolist()


def test_a_looked_up_customer_shows_their_own_rows(small: SmallShop, shop: Shop) -> None:
    panels, _ = ask(small, shop, lookup_customers=30, lookup_products=5)
    found, ids = panels["lookup"]["customers"], panels["shelf"]["ids"]
    served = small.answers.recommendations.to_pandas()
    for number, customer in enumerate(found["columns"]["id"]):
        own = small.reviews[small.reviews["customer_id"] == customer]
        assert found["columns"]["orders"][number] == len(own)
        for part, expected in (
            ("purchases", set(own["product_id"])),
            ("recommendations", set(served.loc[served["customer_id"] == customer, "product_id"])),
        ):
            begin = sum(found[part]["lengths"][:number])
            end = begin + found[part]["lengths"][number]
            shown = {ids[of] for of in found[part]["columns"]["product"][begin:end]}
            assert shown <= expected
            assert len(shown) == min(len(expected), 8 if part == "purchases" else 10) or (
                part == "purchases" and len(own) > len(expected)
            )
    chances = found["chances"]
    assert chances["lengths"] == [3] * 30
    assert chances["columns"]["probability"][:3] == [0.3, 0.2, 0.1]


def test_products_are_those_with_most_orders_and_know_their_partners(
    small: SmallShop, shop: Shop
) -> None:
    panels, _ = ask(small, shop, lookup_products=4)
    found, ids = panels["lookup"]["products"], panels["shelf"]["ids"]
    counts = small.reviews.groupby("product_id").size()
    top = sorted(counts.index, key=lambda of: (-counts[of], of))[:4]
    assert [ids[of] for of in found["columns"]["product"]] == top
    assert found["columns"]["orders"] == [counts[of] for of in top]
    buyers = small.reviews.groupby("product_id")["customer_id"].agg(set)
    cosine = {
        other: len(buyers[top[0]] & buyers[other]) / np.sqrt(len(buyers[other]))
        for other in buyers.index
        if other != top[0] and len(buyers[top[0]] & buyers[other]) > 1
    }
    partners = found["together"]["columns"]["product"][: found["together"]["lengths"][0]]
    best = sorted(cosine.values(), reverse=True)[:5]
    np.testing.assert_allclose([cosine[ids[of]] for of in partners], best)


def test_places_and_chances_are_counted_by_group(small: SmallShop, shop: Shop) -> None:
    panels, cubes = ask(small, shop)
    shape = tuple(shop.controls.shape[axis] for axis in (3, 1, 2))
    places = decode_cube(cubes["recommended_places"], shape)
    served = small.answers.recommendations.to_pandas().merge(small.segments, on="customer_id")
    served = served.merge(small.products, on="product_id")
    assert places[0, 0, 0] == len(served)
    persona, category = shop.controls.personas[0], shop.controls.categories[2]
    mask = (served["segment"] == persona) & (served["product_category"] == category)
    assert places[4, 3, 0] == mask.sum()
    assert places[0, 0, shop.controls.unpriced] == served["list_price"].isna().sum()

    expected = decode_cube(cubes["propensity_expected"], shape[:2])
    assert np.isnan(expected[:, 0]).all()
    of_category = 0.1 * (sorted(shop.controls.categories).index(category) + 1)
    assert expected[0, 3] == pytest.approx(of_category * len(small.segments), rel=1e-5)

    table = panels["coverage"]["table"]["columns"]
    assert table["customer_type"][0] == 0
    assert table["products"][0] == served["product_id"].nunique()
    each = served.groupby("customer_id")["product_category"].nunique()
    assert table["categories_per_list"][0] == pytest.approx(each.mean(), rel=1e-5)
    top = served["product_id"].value_counts().head(10).sum() / len(served)
    assert table["top_share"][0] == pytest.approx(top, rel=1e-5)


def test_the_leaderboard_keeps_its_order_intervals_and_verdicts(
    small: SmallShop, shop: Shop
) -> None:
    panels, _ = ask(small, shop)
    board = panels["leaderboard"]
    assert board["served"] == ["popularity"]
    assert board["list_length"] == 10
    columns = board["table"]["columns"]
    assert columns["model"] == ["popularity", "random"]
    assert columns["ndcg"] == [0.2, 0.01]
    assert columns["ndcg_low"] == [0.1, 0]
    assert columns["coverage"] == [0.5, None]
    assert columns["verdict"] == [None, "worse than popularity"]


def test_chances_of_a_category_under_other_are_added() -> None:
    rows = [("ann", "a", 5, "2015-08-31"), ("ann", "a", 5, "2015-08-30")]
    rows += [("bob", "b", 5, "2015-08-31"), ("bob", "c", 5, "2015-08-31")]
    small = shop_of(rows, {of: {"category": of.upper()} for of in "abc"})
    settings = DashboardSettings(max_categories=1)
    shop = open_shop(small.tables, settings)
    ids = small.tables.customer_ids, small.tables.product_ids
    _, cubes = recommendations(shop, small.answers, *ids, Shelf(shop, 80), settings)
    expected = decode_cube(cubes["propensity_expected"], (shop.controls.shape[3], 3))
    # Two customers: 0.1 each in A; 0.2 and 0.3 each in B and C, together Other.
    np.testing.assert_allclose(expected[0, 1:], [0.2, 1.0])
