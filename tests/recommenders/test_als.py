"""Alternating least squares: its optimum, the implicit package, and strangers."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from product_recommender.recommenders.als import ALS, ALSConfig, implicit_settings
from recommenders.planted_tastes import planted_world
from recommenders.test_item_to_item import interactions


def world(n_users=60, n_items=25, n=400, seed=0):
    pairs = np.random.default_rng(seed).choice(n_users * n_items, n, replace=False)
    return interactions(pairs // n_items, pairs % n_items, n_users, n_items)


def loss(users, items, X, a, user_penalty, item_penalty):
    scores = users @ items.T
    return (
        (X * (1 - scores) ** 2).sum()
        + a * (scores**2).sum()
        + (user_penalty * (users**2).sum(axis=1)).sum()
        + (item_penalty * (items**2).sum(axis=1)).sum()
    )


def users_of(model, X):
    """Customers' vectors, from the scores: they are unique, for items outnumber factors."""
    items = model.state()["items"].numpy().astype(np.float64)
    scores = model.score(np.arange(len(X))).astype(np.float64)
    return scores @ np.linalg.pinv(items.T), items


def test_no_small_step_lowers_the_loss():
    """Stationary: the gradient of the loss, penalties scaled by frequency, is zero."""
    train = world()
    X = train.matrix().toarray().astype(np.float64)
    a, penalty = 0.2, 0.02
    config = ALSConfig(
        factors=3, epochs=120, unobserved_weight=a, regularisation=penalty, popularity_weight=0.0
    )
    users, items = users_of(ALS(config).fit(train), X)
    user_penalty = penalty * (X.sum(axis=1) + a * X.shape[1])
    item_penalty = penalty * (X.sum(axis=0) + a * X.shape[0])
    scores = users @ items.T
    error = X * (scores - 1) + a * scores
    of_users = error @ items + user_penalty[:, None] * users
    of_items = error.T @ users + item_penalty[:, None] * items
    size = np.abs(error).sum(axis=1).mean()
    assert np.abs(of_users).max() < 1e-3 * size
    assert np.abs(of_items).max() < 1e-2 * size


def test_the_implicit_package_reaches_the_same_minimum():
    train = world()
    X = train.matrix().toarray().astype(np.float64)
    settings = {
        "factors": 4,
        "epochs": 80,
        "unobserved_weight": 0.3,
        "regularisation": 1.5,
        "regularisation_exponent": 0.0,
        "popularity_weight": 0.0,
    }
    losses = {}
    for solver in ("exact", "implicit"):
        model = ALS(ALSConfig(solver=solver, **settings)).fit(train)
        assert model.fit_report["solver"] == solver
        users, items = users_of(model, X)
        losses[solver] = loss(users, items, X, 0.3, 1.5, 1.5)
    nothing = X.sum()
    assert losses["exact"] < 0.9 * nothing
    assert losses["implicit"] == pytest.approx(losses["exact"], rel=2e-3)


def test_the_change_of_variables_by_hand():
    """One customer, one item, one factor: ours is (1 - s)^2 + a s^2 + l p^2 + l q^2.

    With p = q and s = p^2 the minimum is at s = (1 - l) / (1 + a); the package minimises
    c (1 - t)^2 + m (p^2 + q^2), at t = 1 - m / c, and t times the factor squared must be s.
    """
    confidence, penalty, factor = implicit_settings(0.25, 0.1)
    assert confidence == 5.0
    assert (1 - penalty / confidence) * factor**2 == pytest.approx((1 - 0.1) / 1.25)


def test_the_implicit_package_has_one_penalty_for_all():
    with pytest.raises(ValidationError, match="regularisation_exponent"):
        ALSConfig(solver="implicit")
    ALSConfig(solver="implicit", regularisation_exponent=0.0)


def test_seeds_differ_in_the_vectors_but_hardly_in_the_scores():
    train = planted_world(n_users=200, n_items=80).train
    settings = {"factors": 4, "epochs": 15, "regularisation": 0.02}
    models = [ALS(ALSConfig(seed=seed, **settings)).fit(train) for seed in (0, 1)]
    first, second = (model.state()["items"].numpy() for model in models)
    assert not np.allclose(first, second, atol=1e-3)
    scores = [model.score(np.arange(200)).ravel() for model in models]
    assert np.corrcoef(*scores)[0, 1] > 0.95
