"""Whether complements come true, on purchases that were written down."""

from __future__ import annotations

import numpy as np
import pytest
from tests.related.products_on_shelves import (
    SETTINGS,
    catalogue_of,
    likeness_of,
    purchase_rows,
)

from product_recommender.related.complements import complementary_pairs
from product_recommender.related.temporal_check import LaterPurchases, check_complements

# 0 goes with 1, and 2 with 3; 4 is what most people buy, beside anything.
BEFORE = [(0, 1)] * 10 + [(2, 3)] * 10 + [(4,)] * 40


def checked(later: list[tuple[int, ...]], before: list[tuple[int, ...]]) -> dict[str, dict]:
    """`BEFORE` teaches; ``before`` are further customers who come back and buy ``later``."""
    baskets = [*BEFORE, *before]
    catalogue = catalogue_of(baskets, 5)
    likeness = likeness_of(catalogue)
    found = complementary_pairs(catalogue, likeness, SETTINGS)
    after = purchase_rows([()] * len(BEFORE) + later, 5)
    questions = LaterPurchases.of(catalogue, likeness, 1.0, after)
    return check_complements(found, catalogue, likeness, 1.0, questions, 200, 0.95, 0)


def test_pairs_of_earlier_and_later_purchases() -> None:
    catalogue = catalogue_of([(0, 1), (2,), (3,)], 5)
    after = purchase_rows([(2, 4), (), (3, 0)], 5)
    pairs = LaterPurchases.of(catalogue, likeness_of(catalogue), 1.0, after)
    # p4 was not sold before; p3 after p3 is no pair of two.
    assert np.stack([pairs.users, pairs.before, pairs.after], axis=1).tolist() == [
        [0, 0, 2],
        [0, 1, 2],
        [2, 3, 0],
    ]


def test_complements_that_come_true_beat_chance_popularity_and_exchange() -> None:
    result = checked(later=[(1,)] * 8 + [(3,)] * 8, before=[(0,)] * 8 + [(2,)] * 8)["all"]
    assert (result["customers"], result["pairs"]) == (16, 16)
    assert result["hit_rate"]["value"] == 1.0
    # Each list holds one of the four other products; what sells most is p4, which nobody buys.
    assert result["chance"]["value"] == pytest.approx(1 / 4)
    assert result["popular"]["value"] == 0.0
    # Half of what all buy later is p1, half p3.
    assert result["exchanged"]["value"] == pytest.approx(1 / 2)
    for other in ("popular", "exchanged", "chance"):
        assert result[f"over_{other}"]["verdict"] == "better"
        assert result[f"over_{other}"]["ci_low"] > 0


def test_what_sells_anyway_is_no_merit() -> None:
    # Everybody buys p4 next: the best seller hits, the complements do not.
    result = checked(later=[(4,)] * 16, before=[(0,)] * 8 + [(2,)] * 8)["all"]
    assert result["hit_rate"]["value"] == 0.0
    assert result["popular"]["value"] == 1.0
    assert result["over_popular"]["verdict"] == "worse"


def test_purchases_that_do_not_depend_on_the_past_show_no_difference() -> None:
    before = [(0,)] * 8 + [(2,)] * 8
    result = checked(later=([(1,)] * 4 + [(3,)] * 4) * 2, before=before)["all"]
    assert result["hit_rate"]["value"] == pytest.approx(0.5)
    assert result["over_exchanged"]["difference"] == pytest.approx(0.0)
    assert result["over_exchanged"]["verdict"] == "no difference shown"


def test_a_customer_counts_once_however_many_questions_they_put() -> None:
    # One customer with two hits of four, one with none of one.
    result = checked(later=[(1, 3), (3,)], before=[(0, 2), (0,)])["all"]
    assert (result["customers"], result["pairs"]) == (2, 5)
    assert result["hit_rate"]["value"] == pytest.approx((2 / 4 + 0) / 2)


def test_nobody_who_came_back_is_nothing_to_measure() -> None:
    result = checked(later=[], before=[])
    assert set(result) == {"all", "co_purchase"}
    assert "hit_rate" not in result["all"]
    assert result["all"]["customers"] == 0
