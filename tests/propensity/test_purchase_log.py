"""Counting purchases as of a day: by hand, and against the slow way."""

from __future__ import annotations

import numpy as np
import pytest

from product_recommender.propensity.purchase_log import PurchaseLog

# user, category, day, stars: two customers, two categories, out of order on purpose.
PURCHASES = np.array(
    [(1, 0, 20, 3), (0, 1, 15, 5), (0, 0, 10, 4), (0, 1, 15, 1), (0, 0, 25, 2), (1, 1, 22, 5)]
)


@pytest.fixture(scope="module")
def log() -> PurchaseLog:
    users, categories, days, stars = PURCHASES.T
    return PurchaseLog.of(users, categories, days, stars, n_users=3, n_categories=2)


def test_counts_include_the_day_itself(log: PurchaseLog) -> None:
    users = np.array([0, 0, 0, 0, 1, 2])
    days = np.array([9, 10, 15, 1000, 21, 1000])
    assert log.purchases(users, days).tolist() == [0, 1, 3, 4, 1, 0]


def test_pairs_are_counted_by_themselves(log: PurchaseLog) -> None:
    assert log.bought(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), 15, 22).tolist() == [
        False,
        False,
        True,
        True,
    ]
    end = log.pair_position(np.array([0]), np.array([1]), np.array([99]))
    assert log.pair_days(end - 1).tolist() == [15]
    assert log.pairs_bought(14, 22).tolist() == [0 * 2 + 1, 1 * 2 + 0, 1 * 2 + 1]


def test_who_is_known_and_what_sold(log: PurchaseLog) -> None:
    assert log.known(9).tolist() == []
    assert log.known(19).tolist() == [0]
    assert log.known(20).tolist() == [0, 1]
    assert log.customers_by(np.array([9, 10, 20, 99])).tolist() == [0, 1, 2, 2]
    both, first = np.array([0, 1]), np.array([10, 10])
    assert log.sales(both, first - 1, np.array([22, 22])).tolist() == [2, 3]
    assert log.sales(both, first, np.array([22, 22])).tolist() == [1, 3]
    assert log.sales_of_all(np.array([5, 15, 99])).tolist() == [0, 3, 6]


def test_sums_between_positions(log: PurchaseLog) -> None:
    begin, end = log.start[[0]], log.position(np.array([0]), 15)
    assert log.star_sum(begin, end).tolist() == [10.0]  # 4 on day 10, 5 and 1 on day 15
    assert log.squared_gap_sum(begin, log.position(np.array([0]), 25)).tolist() == [5**2 + 10**2]


def test_every_count_equals_the_slow_way() -> None:
    rng = np.random.default_rng(0)
    n, n_users, n_categories = 300, 12, 3
    users, categories = rng.integers(0, n_users, n), rng.integers(0, n_categories, n)
    days = rng.integers(16000, 16040, n)
    log = PurchaseLog.of(users, categories, days, np.ones(n), n_users, n_categories)
    for user in range(n_users):
        for day in (15990, 16000, 16013, 16039, 16100):
            of_user = (users == user) & (days <= day)
            assert log.purchases(np.array([user]), day)[0] == of_user.sum()
            for category in range(n_categories):
                begin = log.pair_position(np.array([user]), np.array([category]), 15000)
                end = log.pair_position(np.array([user]), np.array([category]), day)
                assert (end - begin)[0] == (of_user & (categories == category)).sum()


def test_bad_codes_are_refused() -> None:
    one = np.array([1])
    with pytest.raises(ValueError, match="user codes must lie between 0 and 0"):
        PurchaseLog.of(one, np.array([0]), one, one, n_users=1, n_categories=1)
    with pytest.raises(ValueError, match="no purchase"):
        PurchaseLog.of(one[:0], one[:0], one[:0], one[:0], n_users=1, n_categories=1)
    with pytest.raises(ValueError, match="differ in length"):
        PurchaseLog.of(one, one, one, one[:0], n_users=2, n_categories=2)
