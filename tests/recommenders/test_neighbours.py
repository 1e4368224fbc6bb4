"""The sparse matrix of nearest neighbours, against dense arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from product_recommender.recommenders import neighbours
from product_recommender.recommenders.histories import Histories
from product_recommender.recommenders.neighbours import (
    bought_in_order,
    bought_together,
    top_neighbours,
)


def purchases(n_users=80, n_items=30, seed=0) -> scipy.sparse.csr_matrix:
    matrix = scipy.sparse.random(n_users, n_items, 0.15, random_state=seed, format="csr")
    return matrix.astype(np.float32)


def dense_similarity(matrix, source, target, shrinkage):
    full = matrix.toarray().astype(np.float64)
    similar = full.T @ full / (np.outer(source, target) + shrinkage)
    np.fill_diagonal(similar, 0.0)
    return similar


@pytest.mark.parametrize("block_cells", [1, 70, 1 << 22])
def test_all_neighbours_are_the_dense_similarity_whatever_the_block(monkeypatch, block_cells):
    monkeypatch.setattr(neighbours, "BLOCK_CELLS", block_cells)
    matrix = purchases()
    rng = np.random.default_rng(0)
    source, target = rng.uniform(1, 2, 30), rng.uniform(1, 2, 30)
    found = top_neighbours(bought_together(matrix), source, target, 0.7, 30)
    np.testing.assert_allclose(
        found.toarray(), dense_similarity(matrix, source, target, 0.7), rtol=1e-5
    )


def test_each_item_keeps_its_largest():
    matrix = purchases()
    ones = np.ones(30)
    found = top_neighbours(bought_together(matrix), ones, ones, 0.0, 4).toarray().T
    similar = dense_similarity(matrix, ones, ones, 0.0)
    for row, expected in zip(found, similar, strict=True):
        kept = np.flatnonzero(row)
        assert len(kept) == min(4, np.count_nonzero(expected))
        np.testing.assert_allclose(np.sort(row)[-4:], np.sort(expected)[-4:], rtol=1e-5)


def test_of_equal_neighbours_the_first_stay():
    everything = scipy.sparse.csr_matrix(np.full((5, 5), 2.0, dtype=np.float32))
    found = top_neighbours([everything], np.ones(5), np.ones(5), 0.0, 2).toarray().T
    np.testing.assert_array_equal(np.flatnonzero(found[0]), [1, 2])
    np.testing.assert_array_equal(np.flatnonzero(found[1]), [0, 2])
    assert set(found[found > 0]) == {2.0}


def test_what_came_after_by_hand():
    """Customer 0: item 0 on day 0, 1 on day 10, 2 on day 10 as well; customer 1: 1, then 0."""
    histories = Histories.of(
        np.array([0, 0, 0, 1, 1]),
        np.array([0, 1, 2, 1, 0]),
        np.array([0, 10, 10, 5, 25]),
        n_users=2,
        n_items=3,
        seed=0,
    )
    found = bought_in_order(histories, histories.matrix(3), 10.0, 0.2, window=50).toarray()
    day_10, day_20 = 0.5, 0.25  # ten days apart count half
    expected = [
        [0, day_10 + 0.2 * day_20, day_10],
        [0.2 * day_10 + day_20, 0, 0.6],
        [0.2 * day_10, 0.6, 0],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_weights_of_purchases_multiply_and_the_window_cuts():
    histories = Histories.of(
        np.zeros(3, int), np.array([0, 1, 2]), np.arange(3), n_users=1, n_items=3, seed=0
    )
    weights = scipy.sparse.csr_matrix(np.float32([[2, 3, 5]]))
    near = bought_in_order(histories, weights, None, 0.0, window=1).toarray()
    np.testing.assert_allclose(near, [[0, 6, 0], [0, 0, 15], [0, 0, 0]])
    wide = bought_in_order(histories, weights, None, 0.0, window=2).toarray()
    np.testing.assert_allclose(wide, [[0, 6, 10], [0, 0, 15], [0, 0, 0]])


def test_without_order_and_time_it_is_the_product():
    rng = np.random.default_rng(0)
    pairs = rng.choice(20 * 9, 70, replace=False)
    histories = Histories.of(pairs // 9, pairs % 9, rng.integers(0, 5, 70), 20, 9, seed=0)
    matrix = histories.matrix(9)
    found = bought_in_order(histories, matrix, None, 1.0, window=50).toarray()
    expected = (matrix.T @ matrix).toarray()
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
