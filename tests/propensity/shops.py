"""Purchases of a made-up shop: two kinds of customers, each with a category of their own."""

from __future__ import annotations

import numpy as np

from product_recommender.propensity.purchase_log import PurchaseLog

FIRST_DAY = 16000


def rhythmic_shop(n_users: int = 400, n_days: int = 720, seed: int = 0) -> PurchaseLog:
    """Half of the customers buy every 60 days, the others six times in a month and never again.

    Everybody keeps to one category. Of the first kind, those who have not bought for a month are
    due; of the second, they are gone. Recency and frequency, each with one weight for all, cannot
    tell.
    """
    rng = np.random.default_rng(seed)
    users, days, categories = [], [], []
    for user in range(n_users):
        if user % 2:
            own = np.arange(rng.integers(0, 60), n_days, 60) + rng.integers(-3, 4)
        else:
            own = rng.integers(0, n_days - 30) + np.sort(rng.integers(0, 30, size=6))
        own = np.clip(own, 0, n_days - 1)
        users.append(np.full(len(own), user))
        days.append(own + FIRST_DAY)
        categories.append(np.full(len(own), user // 2 % 3))
    who = np.concatenate(users)
    stars = rng.integers(1, 6, size=len(who))
    return PurchaseLog.of(
        who, np.concatenate(categories), np.concatenate(days), stars, n_users, n_categories=3
    )
