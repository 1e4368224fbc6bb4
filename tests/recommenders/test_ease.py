"""The closed form of EASE against an optimiser, by hand, and at its limits."""

from __future__ import annotations

import numpy as np
import pytest

from product_recommender.recommenders import ease
from product_recommender.recommenders.ease import (
    EASE,
    EASEConfig,
    autoencoder_weights,
    gram_matrix,
    normalised,
)
from recommenders.test_item_to_item import interactions


def world(n_users=50, n_items=14, n=220, seed=0):
    pairs = np.random.default_rng(seed).choice(n_users * n_items, n, replace=False)
    return interactions(pairs // n_items, pairs % n_items, n_users, n_items)


def learnt(train, **settings) -> np.ndarray:
    model = EASE(EASEConfig(popularity_weight=0.0, user_normalisation=0.0, **settings)).fit(train)
    return model.state()["weights"].numpy().astype(np.float64)


def test_two_items_by_hand():
    """Gram [[3, 2], [2, 2]] plus l2 of 1: B_01 = G_01 / (G_00 + 1), B_10 = G_01 / (G_11 + 1)."""
    train = interactions([0, 0, 1, 1, 2], [0, 1, 0, 1, 0], 3, 2)
    np.testing.assert_allclose(learnt(train, l2=1.0), [[0, 2 / 4], [2 / 3, 0]], rtol=1e-6)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_each_column_is_the_ridge_regression_on_the_other_items(dropout):
    train = world()
    X = train.matrix().toarray().astype(np.float64)
    weights = learnt(train, l2=3.0, dropout=dropout)
    penalty = 3.0 + dropout / (1 - dropout) * X.sum(axis=0)
    for item in range(X.shape[1]):
        others = np.arange(X.shape[1]) != item
        A = X[:, others]
        expected = np.linalg.solve(A.T @ A + np.diag(penalty[others]), A.T @ X[:, item])
        np.testing.assert_allclose(weights[others, item], expected, rtol=1e-4, atol=1e-6)
        assert weights[item, item] == 0


def test_the_relaxed_diagonal_is_the_constrained_optimum():
    """A column whose free optimum explains itself by less than the bound is the free optimum."""
    X = world().matrix().toarray().astype(np.float64)
    penalty = np.full(14, 20.0)
    free = np.linalg.solve(X.T @ X + np.diag(penalty), X.T @ X)
    own = np.diag(free)
    bound = float(np.median(own))
    weights = autoencoder_weights(np.asfortranarray(X.T @ X), penalty, bound)
    for item in range(14):
        others = np.arange(14) != item
        if own[item] <= bound:
            expected = free[others, item]
        else:  # fix the item's own weight at the bound, solve for the rest
            A = X[:, others]
            rest = X[:, item] * (1 - bound)
            expected = np.linalg.solve(A.T @ A + np.diag(penalty[others]), A.T @ rest)
        np.testing.assert_allclose(weights[others, item], expected, rtol=1e-4, atol=1e-6)
    assert (own <= bound).any()
    assert (own > bound).any()


def test_single_precision_in_stripes_gives_the_same(monkeypatch):
    train = world()
    double = learnt(train, l2=5.0)
    monkeypatch.setattr(ease, "DOUBLE_PRECISION_ITEMS", 0)
    monkeypatch.setattr(ease, "STRIPE", 4)
    np.testing.assert_allclose(learnt(train, l2=5.0), double, rtol=1e-3, atol=1e-5)


def test_the_gram_matrix_counts_pairs(monkeypatch):
    monkeypatch.setattr(ease, "STRIPE", 5)
    matrix = world().matrix()
    gram = gram_matrix(matrix, np.float64)
    np.testing.assert_array_equal(gram, (matrix.T @ matrix).toarray())
    assert gram.flags.f_contiguous


def test_normalising_customers_keeps_the_sum_of_squares():
    """Customers with 1 and 4 purchases, exponent 1: each weighs alike in all, 5 in sum."""
    train = interactions([0, 1, 1, 1, 1], [0, 0, 1, 2, 3], 2, 4)
    rows = normalised(train.matrix(), 1.0).power(2).sum(axis=1)
    np.testing.assert_allclose(np.asarray(rows).ravel(), [2.5, 2.5], rtol=1e-6)
    assert (normalised(train.matrix(), 0.0) != train.matrix()).nnz == 0


def test_too_many_products_are_refused_with_a_way_out():
    with pytest.raises(ValueError, match=r"14 products need 230,\d{3} bytes.*item_knn"):
        EASE(EASEConfig(memory_limit_gb=1e-4)).fit(world())


def test_a_matrix_that_cannot_be_inverted_is_an_error():
    gram = np.asfortranarray(np.ones((3, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="l2"):
        autoencoder_weights(gram, np.full(3, 1e-12), 0.0)
