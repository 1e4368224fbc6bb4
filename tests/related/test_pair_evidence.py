"""Chance, lift and how sure it is, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from tests.related.products_on_shelves import purchase_rows

from product_recommender.related.pair_evidence import (
    least_lift,
    pair_rate,
    shrunk_lift,
    with_several,
)

# Three customers with two products each; the last one, with one, says nothing about pairs.
BASKETS = [(0, 1), (0, 1), (0, 2), (2,)]


def test_customers_with_one_product_are_left_out() -> None:
    several = with_several(purchase_rows(BASKETS, 3))
    assert several.toarray().tolist() == [[1, 1, 0], [1, 1, 0], [1, 0, 1]]


def test_chance_gives_as_many_pairs_as_there_are() -> None:
    several = with_several(purchase_rows(BASKETS, 3))
    # sum d (d - 1) = 6; (sum d)^2 = 36; buyers 3, 2, 1: 9 + 4 + 1 = 14.
    rate = pair_rate(several)
    assert rate == pytest.approx(6 / 22)
    buyers = np.array([3, 2, 1])
    expected = rate * np.outer(buyers, buyers)
    assert expected.sum() - np.trace(expected) == pytest.approx(6)
    assert expected[0, 1] == pytest.approx(18 / 11)


def test_nobody_with_two_products_means_no_pairs() -> None:
    assert pair_rate(with_several(purchase_rows([(0,), (1,)], 2))) == 0.0
    assert pair_rate(purchase_rows([], 3)) == 0.0


def test_lift_is_drawn_towards_one() -> None:
    counts, expected = np.array([5, 0, 500]), np.array([1.0, 1.0, 100.0])
    assert shrunk_lift(counts, expected, 1.0) == pytest.approx([6 / 2, 1 / 2, 501 / 101])
    # One customer by luck: expected .01, seen 1. Raw lift 100, believed just below 2.
    assert shrunk_lift(np.array([1]), np.array([0.01]), 1.0) == pytest.approx([2 / 1.01])


def test_bound_of_the_lift_in_closed_form() -> None:
    # Gamma(1, rate r) is exponential: its quantile at 1 - confidence is -log(confidence) / r.
    found = least_lift(np.array([0, 0]), np.array([1.0, 3.0]), 1.0, 0.9)
    assert found == pytest.approx([-np.log(0.9) / 2, -np.log(0.9) / 4])


def test_bound_agrees_with_draws() -> None:
    draws = np.random.default_rng(0).gamma(7 + 1.5, 1 / (2.0 + 1.5), size=400_000)
    bound = least_lift(np.array([7]), np.array([2.0]), 1.5, 0.95)[0]
    assert bound == pytest.approx(np.quantile(draws, 0.05), rel=0.01)


def test_more_customers_make_the_same_ratio_surer() -> None:
    counts = np.array([3, 30, 300])
    bounds = least_lift(counts, counts / 3.0, 1.0, 0.9)
    assert (np.diff(bounds) > 0).all()
    assert bounds[0] < 1.2 < bounds[1] < bounds[2] < 3.0
