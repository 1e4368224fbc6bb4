"""Complements of planted baskets: the counts are written down, the rest is worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import gammaincinv
from tests.related.products_on_shelves import SETTINGS, catalogue_of, likeness_of

from product_recommender.related.complements import COLUMNS, complementary_products

BASKETS = [(0, 1)] * 10 + [(2, 3)] * 10


def of(table: pd.DataFrame, product: str) -> pd.DataFrame:
    return table[table["product_id"] == product].reset_index(drop=True)


def test_lift_score_and_counts_by_hand() -> None:
    catalogue = catalogue_of(BASKETS, 4)
    table = complementary_products(catalogue, likeness_of(catalogue), SETTINGS)
    assert tuple(table.columns) == COLUMNS
    assert table[["product_id", "related_product_id"]].to_numpy().tolist() == [
        ["p0", "p1"],
        ["p1", "p0"],
        ["p2", "p3"],
        ["p3", "p2"],
    ]
    row = table.iloc[0]
    # sum d (d - 1) = 40; (sum d)^2 - sum n^2 = 1600 - 400: rate 1/30, expected 10 * 10 / 30.
    assert row["evidence"] == "co_purchase"
    assert (row["customers"], row["bought_both"]) == (10, 10)
    assert row["expected_customers"] == pytest.approx(10 / 3)
    assert row["lift"] == pytest.approx((10 + 1) / (10 / 3 + 1))
    assert row["lift_low"] == pytest.approx(gammaincinv(11, 0.1) / (10 / 3 + 1))
    assert row["score"] == pytest.approx(row["lift"] * 0.25)  # a quarter of the purchases
    assert np.isnan(row["text_similarity"])


def test_pairs_that_chance_explains_are_left_out() -> None:
    # Every pair of three products equally often: nothing is bought together more than by chance.
    baskets = [(0, 1), (0, 2), (1, 2)] * 20
    catalogue = catalogue_of(baskets, 3)
    assert complementary_products(catalogue, likeness_of(catalogue), SETTINGS).empty


@pytest.mark.parametrize(("seen", "listed"), [(1, False), (2, True)])
def test_the_floor_of_customers(seen: int, listed: bool) -> None:
    baskets = [(0, 1)] * seen + [(2, 3)] * 60
    catalogue = catalogue_of(baskets, 4)
    settings = SETTINGS.model_copy(update={"min_lift": 1.0, "confidence": 0.6})
    table = complementary_products(catalogue, likeness_of(catalogue), settings)
    assert ("p0" in set(table["product_id"])) == listed


def test_a_lift_that_is_sure_but_small_is_left_out() -> None:
    catalogue = catalogue_of(BASKETS, 4)
    strict = SETTINGS.model_copy(update={"min_lift": 2.0})  # the bound above is about 1.6
    assert complementary_products(catalogue, likeness_of(catalogue), strict).empty


def test_substitutes_and_variants_are_no_complements() -> None:
    texts = [(1, 0), (1, 0.1), (1, 0), (0, 1)]
    catalogue = catalogue_of(BASKETS, 4)
    table = complementary_products(catalogue, likeness_of(catalogue, text=texts), SETTINGS)
    assert set(table["product_id"]) == {"p2", "p3"}  # p0 and p1 read alike
    # On different shelves they may be alike.
    apart = catalogue_of(BASKETS, 4, shelves=[0, 1, 0, 1])
    table = complementary_products(apart, likeness_of(apart, text=texts), SETTINGS)
    assert of(table, "p0")["related_product_id"].tolist()[0] == "p1"
    # Variants never are.
    variants = catalogue_of(BASKETS, 4, parents=[0, 0, 2, 3])
    table = complementary_products(variants, likeness_of(variants), SETTINGS)
    assert set(table["product_id"]) == {"p2", "p3"}


@pytest.mark.parametrize("modality", ["text", "image"])
def test_buyers_of_like_products_stand_in(modality: str) -> None:
    # p4 is like p0 and was bought once, alone: the buyers of p0 speak for p1.
    baskets = [*BASKETS, (4,)]
    contents = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, -1, 1), (1, 0.1, 0)]
    catalogue = catalogue_of(baskets, 5)
    likeness = likeness_of(catalogue, **{modality: contents})  # type: ignore[arg-type]
    row = of(complementary_products(catalogue, likeness, SETTINGS), "p4").iloc[0]
    assert (row["related_product_id"], row["evidence"]) == ("p1", modality)
    assert (row["customers"], row["bought_both"]) == (10, 0)
    # p0 itself is not given as a complement of p4: it reads (looks) like it.
    table = complementary_products(catalogue, likeness, SETTINGS)
    assert "p0" not in of(table, "p4")["related_product_id"].tolist()
    nobody = SETTINGS.model_copy(update={"standing_in": 0})
    assert of(complementary_products(catalogue, likeness, nobody), "p4").empty


def test_a_customer_of_several_like_products_counts_once() -> None:
    baskets = [(0, 4, 1)] * 10 + [(2, 3)] * 10
    contents = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, -1, 1), (1, 0.1, 0)]
    catalogue = catalogue_of(baskets, 5)
    likeness = likeness_of(catalogue, text=contents)
    table = complementary_products(catalogue, likeness, SETTINGS)
    assert of(table, "p0").loc[0, ["related_product_id", "customers"]].tolist() == ["p1", 10]


def test_shelves_that_go_together_stand_last() -> None:
    # Shelf 0 (p0, p1, p6) and shelf 1 (p2, p3) share 12 customers; p6 was bought once, alone.
    baskets = [(0, 2)] * 6 + [(1, 3)] * 6 + [(4, 5)] * 12 + [(6,)]
    shelves = [0, 0, 1, 1, 2, 3, 0]
    catalogue = catalogue_of(baskets, 7, shelves=shelves)
    table = complementary_products(catalogue, likeness_of(catalogue), SETTINGS)
    rows = of(table, "p6")
    assert rows["evidence"].tolist() == ["category_pair"] * 2
    assert rows["related_product_id"].tolist() == ["p2", "p3"]
    assert rows["customers"].tolist() == [12, 12]
    # 24 customers of two shelves each; 48^2 - 4 * 12^2 = 1728: rate 48/1728, expected 144 * it.
    assert rows["expected_customers"].to_numpy() == pytest.approx(4.0)
    first = of(table, "p0")
    assert first["evidence"].tolist() == ["co_purchase", "category_pair"]
    assert first["related_product_id"].tolist() == ["p2", "p3"]


def test_lists_have_their_length_and_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    from product_recommender.related import complements

    rng = np.random.default_rng(0)
    halves = [rng.choice(10, 4, replace=False) + 10 * side for side in (0, 1) for _ in range(80)]
    catalogue = catalogue_of([tuple(half.tolist()) for half in halves], 20)
    settings = SETTINGS.model_copy(update={"list_length": 3})
    whole = complementary_products(catalogue, likeness_of(catalogue), settings)
    assert whole.groupby("product_id").size().max() == 3
    same_half = [
        int(a[1:]) // 10 == int(b[1:]) // 10
        for a, b in whole[["product_id", "related_product_id"]].to_numpy()
    ]
    assert all(same_half)
    monkeypatch.setattr(complements, "_BLOCK_CELLS", 60)
    in_blocks = complementary_products(catalogue, likeness_of(catalogue), settings)
    pd.testing.assert_frame_equal(whole, in_blocks)


@pytest.mark.parametrize("baskets", [[], [(0,)], [(0,), (1,), (2,)], [(0, 1, 2)]])
def test_too_little_to_count_is_an_empty_table(baskets: list[tuple[int, ...]]) -> None:
    catalogue = catalogue_of(baskets, 3)
    table = complementary_products(catalogue, likeness_of(catalogue), SETTINGS)
    assert table.empty
    assert tuple(table.columns) == COLUMNS
