"""A small world with planted tastes: what the neural recommenders have to find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from product_recommender.interactions import Interactions


@dataclass(frozen=True)
class World:
    train: Interactions
    validation: Interactions
    test: Interactions
    logits: np.ndarray
    """float32 [n_users, n_items]: log purchase probability up to a constant per user."""
    stars: np.ndarray
    """float32 [n_users, n_items]: expected stars."""


def planted_world(
    n_users: int = 500,
    n_items: int = 200,
    purchases_per_user: int = 20,
    rank: int = 4,
    taste: float = 1.3,
    star_taste: float = 0.6,
    seed: int = 0,
    n_segments: int = 0,
) -> World:
    """Customers with low-rank tastes buy without replacement; the last purchases are held out.

    Of each customer's purchases the first 80 % are training, then 10 % validation and 10 % test.
    Features are noisy views of the tastes.
    """
    rng = np.random.default_rng(seed)
    user_tastes = rng.normal(size=(n_users, rank)).astype(np.float32)
    item_tastes = rng.normal(size=(n_items, rank)).astype(np.float32)
    affinity = user_tastes @ item_tastes.T / np.sqrt(rank)
    popularity = 0.8 * rng.normal(size=n_items).astype(np.float32)
    quality = 0.4 * rng.normal(size=n_items).astype(np.float32)
    mood = 0.4 * rng.normal(size=n_users).astype(np.float32)
    logits = taste * affinity + popularity
    stars = 3.9 + quality + mood[:, None] + star_taste * affinity
    keys = logits + rng.gumbel(size=logits.shape)
    items = np.argsort(-keys, axis=1)[:, :purchases_per_user]
    items = rng.permuted(items, axis=1)
    users = np.repeat(np.arange(n_users), purchases_per_user)
    flat = items.ravel()
    observed = stars[users, flat] + 0.7 * rng.normal(size=len(flat))
    day = np.tile(np.arange(purchases_per_user), n_users)
    first, second = int(0.8 * purchases_per_user), int(0.9 * purchases_per_user)
    part = np.where(day < first, 0, np.where(day < second, 1, 2))
    everything = Interactions(
        users=users.astype(np.int32),
        items=flat.astype(np.int32),
        stars=np.clip(np.rint(observed), 1, 5).astype(np.float32),
        days=(17_000 + 10 * day).astype(np.int32),
        n_users=n_users,
        n_items=n_items,
        item_categories=np.zeros(n_items, dtype=np.int16),
        categories=("Furniture",),
        user_features=_features(user_tastes, rng),
        item_features=_features(np.column_stack([item_tastes, quality]), rng),
        user_segments=(np.arange(n_users) % n_segments).astype(np.int16) if n_segments else None,
        segments=tuple(f"segment {i}" for i in range(n_segments)),
    )
    train, validation, test = (everything.take(part == p) for p in range(3))
    return World(train, validation, test, logits, stars)


def _features(tastes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mixed = tastes @ rng.normal(size=(tastes.shape[1], 8)) + 0.3 * rng.normal(size=(len(tastes), 8))
    return ((mixed - mixed.mean(axis=0)) / mixed.std(axis=0)).astype(np.float32)


def ndcg_at_10(scores: np.ndarray, train: Interactions, test: Interactions) -> float:
    """Mean NDCG@10 over users with a test purchase, training purchases left out; plain loops."""
    scores = scores.copy()
    scores[train.users, train.items] = -np.inf
    values = []
    for user in np.unique(test.users):
        target = set(test.items[test.users == user])
        best = np.argsort(-scores[user])[:10]
        gain = sum(1 / np.log2(r + 2) for r, item in enumerate(best) if item in target)
        values.append(gain / sum(1 / np.log2(r + 2) for r in range(min(10, len(target)))))
    return float(np.mean(values))


def rmse(prediction: np.ndarray, stars: np.ndarray) -> float:
    return float(np.sqrt(np.mean((prediction - stars) ** 2)))
