"""The two filters of the graph, against dense arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from product_recommender.recommenders.graph_filter import (
    GraphFilter,
    GraphFilterConfig,
    smooth_patterns,
)
from recommenders.test_item_to_item import interactions


def world(n_users=50, n_items=20, n=260, seed=0):
    pairs = np.random.default_rng(seed).choice(n_users * n_items, n, replace=False)
    return interactions(pairs // n_items, pairs % n_items, n_users, n_items)


def scores(train, **settings):
    config = GraphFilterConfig(popularity_weight=0.0, **settings)
    return GraphFilter(config).fit(train).score(np.arange(train.n_users)).astype(np.float64)


def degrees(train):
    X = train.matrix().toarray().astype(np.float64)
    return X, X.sum(axis=1), X.sum(axis=0)


def near(train, user_normalisation, asymmetry):
    X, by_user, by_item = degrees(train)
    graph = X.T @ (X / by_user[:, None] ** user_normalisation)
    graph /= np.outer(by_item**asymmetry, by_item ** (1 - asymmetry))
    np.fill_diagonal(graph, 0)
    return X @ graph


def smooth(train, rank, power):
    X, by_user, by_item = degrees(train)
    normal = X / np.sqrt(np.outer(by_user, by_item))
    _, _, right = np.linalg.svd(normal, full_matrices=False)
    return ((X / by_item**power) @ right[:rank].T @ right[:rank]) * by_item**power


def one_at_best(scores):
    return scores / scores.max(axis=1).mean()


@pytest.mark.parametrize("rank", [1, 6, 19, 20, 300])
def test_both_parts_come_to_the_same_spread_and_their_weights(rank):
    train = world()
    first, second = near(train, 0.7, 0.6), smooth(train, rank, 0.4)
    expected = one_at_best(0.75 * first / first.std() + 0.25 * second / second.std())
    found = scores(
        train,
        low_pass_weight=0.25,
        low_pass_rank=rank,
        low_pass_popularity=0.4,
        user_normalisation=0.7,
        asymmetry=0.6,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_one_part_alone():
    train = world()
    first = near(train, 0.5, 0.5)
    found = scores(train, low_pass_weight=0.0, user_normalisation=0.5, asymmetry=0.5)
    np.testing.assert_allclose(found, one_at_best(first), rtol=1e-4, atol=1e-4)
    second = smooth(train, 3, 0.5)
    found = scores(train, low_pass_weight=1.0, low_pass_rank=3, low_pass_popularity=0.5)
    np.testing.assert_allclose(found, one_at_best(second), rtol=1e-3, atol=1e-3)


def test_the_smoothest_pattern_is_the_root_of_the_sales():
    """In a connected graph the largest singular value is 1, its vector the root of the degrees."""
    train = world()
    _, by_user, by_item = degrees(train)
    pattern = smooth_patterns(train.matrix(), by_user, by_item, 1, seed=0)[:, 0]
    root = np.sqrt(by_item / by_item.sum())
    assert abs(pattern @ root) == pytest.approx(1.0, abs=1e-6)


def test_separate_worlds_stay_separate():
    """Customers of items 0 and 1 never bought 2 or 3: with two patterns no score crosses."""
    users = [0, 0, 1, 1, 2, 3, 3, 4, 4, 5]
    items = [0, 1, 0, 1, 0, 2, 3, 2, 3, 2]
    found = scores(interactions(users, items, 6, 4), low_pass_rank=2)
    assert found[2, 1] > 0.1
    np.testing.assert_allclose(found[2, 2:], 0.0, atol=1e-5)
