"""What the multimodal model reads of products: contents, neighbours and sales, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from product_recommender.recommenders import multimodal_items
from product_recommender.recommenders.multimodal_items import (
    SHARPNESS,
    Neighbours,
    SalesReader,
    nearest_products,
    reduced_content,
)

ALL = np.ones(5, dtype=bool)
CONTENT = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0], [0.6, 0.8]], dtype=np.float32)


def test_neighbours_are_near_training_products_and_never_the_product_itself() -> None:
    near = nearest_products(CONTENT, ALL, 4, np.ones(4), k=2)
    assert [set(row) for row in near.items.tolist()] == [{1, 2}, {0, 2}, {0, 1}, {1, 2}, {1, 2}]
    np.testing.assert_allclose(near.weights.sum(axis=1), 1, rtol=1e-6)
    # Product 4: cosine 0.96 with 1 and 0.8 with 2.
    first, second = np.exp(SHARPNESS * np.array([0.96, 0.8]))
    weight = dict(zip(near.items[4].tolist(), near.weights[4].tolist(), strict=True))
    assert weight[1] == pytest.approx(first / (first + second), rel=1e-5)


def test_unknown_contents_have_no_neighbours_and_are_none() -> None:
    known = np.array([True, False, True, True, False])
    near = nearest_products(CONTENT, known, 4, np.ones(4), k=3)
    assert near.weights[[1, 4]].sum() == 0
    assert 1 not in near.items[[0, 2, 3]]
    average = near.average(np.array([10.0, 0, 20, 30]), otherwise=np.full(5, 7.0))
    assert average[1] == average[4] == 7.0
    assert 20 < average[0] < 30
    alone = np.array([True, False, False, False, True])
    assert nearest_products(CONTENT, alone, 4, np.ones(4), k=3).weights.sum() == 0


def test_the_most_popular_stand_for_a_large_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multimodal_items, "ANCHORS", 2)
    near = nearest_products(CONTENT, ALL, 4, np.array([1.0, 9, 2, 8]), k=2)
    assert set(near.items[[0, 2, 4]].ravel().tolist()) <= {1, 3}
    assert set(near.items[1].tolist()) == {3}


def test_components_are_those_of_training_products() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 6)) * [9, 3, 1, 1, 1, 1]
    vectors = vectors.astype(np.float32)
    known = np.arange(30) % 7 != 3
    reduced = reduced_content(vectors, known, 20, components=3, whitening=1.0)
    trained = reduced[:20][known[:20]]
    np.testing.assert_allclose(trained.std(axis=0), 1, rtol=1e-4)
    assert not reduced[~known].any()
    moved = vectors.copy()
    moved[25] *= 100
    again = reduced_content(moved, known, 20, components=3, whitening=1.0)
    np.testing.assert_array_equal(np.delete(again, 25, axis=0), np.delete(reduced, 25, axis=0))
    spreads = reduced_content(vectors, known, 20, components=3, whitening=0.0)[:20].std(axis=0)
    assert spreads[0] > 2 * spreads[1] > 0


def reader(**settings: object) -> SalesReader:
    given = {
        "n_items": 3,
        "categories": np.array([0, 0, 1, 0, 2]),
        "neighbours": {},
        "half_lives": (10.0,),
        "has_seasons": False,
    }
    return SalesReader(**(given | settings))  # type: ignore[arg-type]


def test_sales_fade_and_those_of_the_day_itself_do_not_count() -> None:
    items, days = np.array([0, 0, 1, 4, 0]), np.array([90, 100, 90, 95, 100])
    own, like = reader().read(items, days, np.array([95, 100]))
    # Before day 100: product 0 half a sale of day 90, product 1 the same, product 4 one of day 95.
    counts = np.array([0.5, 0.5, 0, 0, 0.5**0.5])
    expected = np.log((counts + 1) / (counts[:3] + 1).mean())
    np.testing.assert_allclose(own[1, :, 0], expected, rtol=1e-5)
    # Category 0 sold half a sale a product, category 1 nothing; nobody was trained in category 2.
    mean = np.array([0.5, 0.5, 0, 0.5, 1 / 3])
    expected = np.log((mean + 1) / (mean[:3] + 1).mean())
    np.testing.assert_allclose(like[1, :, 0], expected, rtol=1e-5, atol=1e-7)


def test_sales_of_neighbours_stand_beside_those_of_the_category() -> None:
    near = Neighbours(
        np.array([[1], [0], [0], [2], [0]], np.int32),
        np.array([[1], [1], [1], [1], [0]], np.float32),
    )
    made = reader(neighbours={"text": near}, half_lives=(np.inf,))
    assert (made.n_own, made.n_like) == (1, 2)
    _, like = made.read(np.array([0, 0, 2]), np.array([1, 2, 3]), np.array([9]))
    counts = np.array([2.0, 0, 1])
    of_near = np.append(counts[[1, 0, 0, 2]], counts.mean())  # the last has neither
    expected = np.log((of_near + 1) / (of_near[:3] + 1).mean())
    np.testing.assert_allclose(like[0, :, 1], expected, rtol=1e-5, atol=1e-7)


def test_seasons_are_those_of_earlier_years() -> None:
    made = reader(has_seasons=True)
    today = 2000
    days = np.array([today - 365, today - 365 + 21, today - 365 + 22, today - 730, today - 1])
    items = np.array([0, 0, 1, 2, 1])
    own, _ = made.read(items, days, np.array([today]))
    # The season: two sales of product 0 last year, one of product 2 the year before (half).
    counts = np.array([2, 0, 0.5, 0, 0])
    np.testing.assert_allclose(
        own[0, :, 1], np.log((counts + 1) / (counts[:3] + 1).mean()), rtol=1e-5
    )
    # Its year: also the sale of product 1 that was a day too late for the season.
    counts = np.array([2, 1, 0.5, 0, 0])
    np.testing.assert_allclose(
        own[0, :, 2], np.log((counts + 1) / (counts[:3] + 1).mean()), rtol=1e-5
    )
