"""Substitutes and up-sells of products whose likeness is written down."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.related.products_on_shelves import SETTINGS, catalogue_of, likeness_of

from product_recommender.related.likeness import first_of_each, nearest, purchase_profiles, ranks
from product_recommender.related.settings import RelatedSettings
from product_recommender.related.similar import (
    SIMILAR_COLUMNS,
    UPSELL_COLUMNS,
    similar_products,
    upsell_products,
)


def listed(table: pd.DataFrame, product: str) -> list[str]:
    return table.loc[table["product_id"] == product, "related_product_id"].tolist()


def test_the_most_alike_of_the_shelf_and_no_variant() -> None:
    # p0 is close to p1, closer to its variant p2, and to p3 on another shelf; p4 is opposite.
    texts = [(1, 0), (1, 0.5), (1, 0.01), (1, 0), (-1, 0)]
    catalogue = catalogue_of([], 5, shelves=[0, 0, 0, 1, 0], parents=[0, 1, 0, 3, 4])
    table = similar_products(catalogue, likeness_of(catalogue, text=texts), SETTINGS)
    assert tuple(table.columns) == SIMILAR_COLUMNS
    assert listed(table, "p0") == ["p1"]
    assert listed(table, "p4") == []
    row = table[table["product_id"] == "p0"].iloc[0]
    assert row["score"] == pytest.approx(1 / np.sqrt(1.25))
    assert row["text_similarity"] == pytest.approx(1 / np.sqrt(1.25))
    assert np.isnan(row["image_similarity"])
    assert np.isnan(row["bought_alike"])
    assert row["customers"] == 0


def test_of_several_variants_only_the_best_is_listed() -> None:
    texts = [(1, 0), (1, 0.1), (1, 0.2), (1, 0.3)]
    catalogue = catalogue_of([], 4, parents=[0, 1, 1, 2])
    table = similar_products(catalogue, likeness_of(catalogue, text=texts), SETTINGS)
    assert listed(table, "p0") == ["p1", "p3"]


def test_parts_are_weighed_by_what_is_known_of_the_product() -> None:
    texts = [(1, 0), (0.6, 0.8), (0.6, 0.8)]
    images = [(1, 0), (1, 0), None]
    catalogue = catalogue_of([], 3)
    settings = SETTINGS.model_copy(update={"text_weight": 1.0, "image_weight": 3.0})
    likeness = likeness_of(catalogue, text=texts, image=images, settings=settings)
    scores = likeness.scores(np.array([0, 2]), np.arange(3))
    # p0 has both: (.6 + 3 * 1) / 4 with p1, and .6 / 4 with p2, whose picture is unknown.
    assert scores[0, 1:] == pytest.approx([3.6 / 4, 0.6 / 4])
    # Of p2 only the text is known.
    assert scores[1, :2] == pytest.approx([0.6, 1.0])
    assert likeness.of_content(np.array([0, 0]), np.array([1, 2])) == pytest.approx([0.9, 0.6])


def test_substitutes_are_bought_beside_the_same_things() -> None:
    # p0 and p1 are never bought together, but both with p2; p3 and p4 with one another.
    baskets = [(0, 2)] * 4 + [(1, 2)] * 4 + [(3, 4)] * 4
    catalogue = catalogue_of(baskets, 5)
    profiles = purchase_profiles(catalogue.purchases, 1.0, 10)
    assert profiles.toarray()[0].tolist() == pytest.approx([0, 0, 1, 0, 0])
    table = similar_products(catalogue, likeness_of(catalogue), SETTINGS)
    assert listed(table, "p0") == ["p1"]
    assert listed(table, "p3") == []
    assert table.loc[0, "bought_alike"] == pytest.approx(1.0)
    assert table.loc[0, "customers"] == 0


def test_a_profile_is_as_long_as_allowed() -> None:
    baskets = [(0, 1)] * 9 + [(0, 2)] * 6 + [(0, 3)] * 3 + [(4, 5)] * 20
    shortest = purchase_profiles(catalogue_of(baskets, 6).purchases, 1.0, 1)
    assert np.diff(shortest.indptr).max() == 1
    # Lifts of p0: p1 has the most pairs, in the same proportion to what is expected.
    assert shortest[0].indices.tolist() == [1]


def test_nothing_known_is_nothing_listed() -> None:
    catalogue = catalogue_of([(0,), (1,)], 3)
    assert similar_products(catalogue, likeness_of(catalogue), SETTINGS).empty
    empty = catalogue_of([], 3)
    assert upsell_products(empty, likeness_of(empty), SETTINGS).empty


UPSELL = RelatedSettings(alike_weight=0.0, min_similarity=0.5)


def upsells(**changes: object) -> list[str]:
    """Of p0: p1 is the better one of the next band; the others miss one condition each."""
    given: dict[str, object] = {
        # Bands of eight: two products each.
        "prices": [10, 11, 20, 21, 24, 24.5, 60, 61],
        "stars": [4.0, 4.0, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5],
        "parents": list(range(8)),
    } | changes
    catalogue = catalogue_of([], 8, **given)  # type: ignore[arg-type]
    alike = [(1, 0), (0, 1), (1, 0.1), (1, 0.2), (1, 0.1), (1, 0.1), (1, 0.1), (1, 0.1)]
    table = upsell_products(catalogue, likeness_of(catalogue, text=alike), UPSELL)
    assert tuple(table.columns) == UPSELL_COLUMNS
    assert (table["related_list_price"] > table["list_price"]).all()
    return listed(table, "p0")


def test_an_upsell_is_better_alike_and_one_band_up() -> None:
    assert upsells() == ["p2", "p3"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # p2 is no better, or better by less than is sure: .1 against 1.28 * sqrt(.02) = .18.
        ({"stars": [4.0, 4.0, 4.0, 4.5, 4.5, 4.5, 4.5, 4.5]}, ["p3"]),
        ({"stars": [4.0, 4.0, 4.1, 4.5, 4.5, 4.5, 4.5, 4.5]}, ["p3"]),
        # Variants of the product itself, and of one another.
        ({"parents": [0, 1, 0, 3, 4, 5, 6, 7]}, ["p3"]),
        ({"parents": [0, 1, 2, 2, 4, 5, 6, 7]}, ["p2"]),
        # More than 2.5 times as dear.
        ({"prices": [8, 8.1, 19.9, 20.1, 24, 24.5, 60, 61]}, ["p2"]),
        # Without prices there is no band.
        ({"prices": [np.nan] * 8}, []),
        # So many doubts that .5 stars are not sure.
        ({"doubt": 1.0}, []),
    ],
)
def test_what_misses_one_condition_is_left_out(
    changes: dict[str, object], expected: list[str]
) -> None:
    assert upsells(**changes) == expected


def test_the_chance_of_being_better_is_shown() -> None:
    catalogue = catalogue_of([], 4, prices=[1, 2, 3, 4], stars=[4.0, 4.2, 4.2, 4.2], doubt=0.005)
    table = upsell_products(catalogue, likeness_of(catalogue, text=[(1, 0)] * 4), UPSELL)
    row = table.iloc[0]
    # (4.2 - 4) / sqrt(.01) = 2 standard deviations.
    assert row["chance_better"] == pytest.approx(0.97725, abs=1e-5)
    assert (row["price_band"], row["related_price_band"]) == ("low", "mid")


def test_nearest_is_the_same_in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from product_recommender.related import likeness

    rng = np.random.default_rng(0)
    points = rng.standard_normal((40, 3))

    def scores(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return points[rows] @ points[columns].T

    def others(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return rows[:, None] != columns

    everything = np.arange(40)
    whole = nearest(everything, everything, scores, 5, 0.0, others)
    monkeypatch.setattr(likeness, "BLOCK_CELLS", 100)
    in_blocks = nearest(everything, everything, scores, 5, 0.0, others)
    for one, two in zip(whole, in_blocks, strict=True):
        assert np.array_equal(one, two)
    products = points @ points.T
    np.fill_diagonal(products, -np.inf)
    expected = np.argsort(-products[7], kind="stable")[:5]
    assert whole[1][whole[0] == 7].tolist() == [i for i in expected if products[7, i] >= 0]


def test_ranks_and_first_ones() -> None:
    assert ranks(np.array([3, 3, 3, 5, 9, 9])).tolist() == [1, 2, 3, 1, 1, 2]
    assert ranks(np.zeros(0, dtype=int)).tolist() == []
    firsts = first_of_each(np.array([1, 1, 2, 1]), np.array([7, 8, 7, 7]))
    assert firsts.tolist() == [0, 1, 2]
    assert first_of_each(np.zeros(0, int), np.zeros(0, int)).tolist() == []


def test_weights_that_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="Give at least one of them a weight"):
        RelatedSettings(text_weight=0, image_weight=0, alike_weight=0)
