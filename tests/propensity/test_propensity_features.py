"""Features by hand, and the proof that they cannot see the future."""

from __future__ import annotations

import numpy as np
import pytest

from product_recommender.propensity.features import FEATURES, feature_matrix
from product_recommender.propensity.purchase_log import PurchaseLog


def features_of(log: PurchaseLog, user: int, category: int, day: int) -> dict[str, float]:
    row = feature_matrix(log, *(np.array([code]) for code in (user, category, day)), 30)[0]
    return dict(zip(FEATURES, map(float, row), strict=True))


@pytest.fixture(scope="module")
def log() -> PurchaseLog:
    # Customer 0: category 0 on days 100 and 140, category 1 on day 160. Customer 1: day 120.
    users, categories = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    days, stars = np.array([100, 140, 160, 120]), np.array([5.0, 4.0, 1.0, 3.0])
    return PurchaseLog.of(users, categories, days, stars, n_users=2, n_categories=2)


def test_customer_by_hand(log: PurchaseLog) -> None:
    found = features_of(log, 0, 0, 170)
    assert found["customer_purchases"] == pytest.approx(np.log(4))
    assert found["customer_recency"] == pytest.approx(np.log(11))
    assert found["customer_tenure"] == pytest.approx(np.log(71))
    assert found["customer_rate"] == pytest.approx(np.log(3 / 100))
    assert found["customer_purchases_1_period"] == pytest.approx(np.log(2))  # day 160; 140 is out
    assert found["customer_purchases_3_periods"] == pytest.approx(np.log(4))
    # Gaps of 40 and 20 days: 30 on average, 10 either side.
    assert found["customer_overdue"] == pytest.approx(np.log(11) - np.log(1 + 60 / 2))
    assert found["customer_irregularity"] == pytest.approx(10 / 31)
    assert found["customer_star_mean"] == pytest.approx((10 + 3 * 4) / 6)


def test_customer_and_category_by_hand(log: PurchaseLog) -> None:
    own, other = features_of(log, 0, 0, 170), features_of(log, 1, 0, 170)
    assert own["pair_purchases"] == pytest.approx(np.log(3))
    assert own["pair_recency"] == pytest.approx(np.log(31))
    assert own["pair_is_latest"] == 0.0
    assert features_of(log, 0, 1, 170)["pair_is_latest"] == 1.0
    # Half of all purchases are in the category: a share of (2 + 2 x 1/2) / (3 + 2).
    assert own["pair_share"] == pytest.approx(np.log(0.6))
    assert other["pair_purchases"] == 0.0
    assert other["pair_recency"] == pytest.approx(np.log(1 + 50 + 365))


def test_category_by_hand(log: PurchaseLog) -> None:
    found = features_of(log, 0, 0, 170)
    assert found["category_rate"] == pytest.approx(np.log(1 / 2))  # day 140 is out by a day
    assert features_of(log, 0, 0, 169)["category_rate"] == pytest.approx(np.log((1 + 1) / 2))
    assert found["category_trend"] == pytest.approx(np.log((0 + 10) / (2 / 3 + 10)))
    assert found["category_season"] == 0.0  # there is no year behind day 170


def test_one_purchase_has_no_rhythm(log: PurchaseLog) -> None:
    found = features_of(log, 1, 1, 130)
    assert found["customer_overdue"] == 0.0
    assert found["customer_irregularity"] == 1.0


def test_what_happens_later_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    n, n_users, day = 2000, 40, 16400
    users, categories = rng.integers(0, n_users, n), rng.integers(0, 4, n)
    days, stars = rng.integers(16000, 16800, n), rng.integers(1, 6, n).astype(float)
    whole = PurchaseLog.of(users, categories, days, stars, n_users, 4)
    until = days <= day
    cut = PurchaseLog.of(users[until], categories[until], days[until], stars[until], n_users, 4)
    other = PurchaseLog.of(
        np.where(until, users, 0),
        np.where(until, categories, 3),
        np.where(until, days, 17500),
        np.where(until, stars, 1.0),
        n_users,
        4,
    )
    known = cut.known(day)
    asked = np.repeat(known, 4), np.tile(np.arange(4), len(known))
    at = np.full(len(asked[0]), day)
    found = feature_matrix(whole, *asked, at, 30)
    np.testing.assert_array_equal(found, feature_matrix(cut, *asked, at, 30))
    np.testing.assert_array_equal(found, feature_matrix(other, *asked, at, 30))
    assert np.isfinite(found).all()


def test_strangers_are_refused(log: PurchaseLog) -> None:
    with pytest.raises(ValueError, match="1 customers have no purchase by the day"):
        feature_matrix(log, np.array([1]), np.array([0]), np.array([119]), 30)
