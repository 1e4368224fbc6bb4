"""Batched ridge regressions against one at a time."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from product_recommender.recommenders import least_squares
from product_recommender.recommenders.least_squares import batches, solve_rows


@pytest.mark.parametrize("batch_cells", [1, 300, 1 << 22])
def test_each_row_is_its_ridge_regression(monkeypatch, batch_cells):
    """Rows from empty to three times the factors: both ways of solving, and none."""
    monkeypatch.setattr(least_squares, "BATCH_CELLS", batch_cells)
    rng = np.random.default_rng(0)
    lengths = [0, 1, 2, 5, 6, 7, 12, 18, 0, 1, 17]
    weights = np.zeros((len(lengths), 20))
    for row, length in enumerate(lengths):
        weights[row, rng.choice(20, length, replace=False)] = rng.uniform(0.2, 1.0, length)
    others = rng.normal(size=(20, 6))
    common = 0.3 * others.T @ others
    penalty = rng.uniform(0.1, 2.0, len(lengths))
    found = solve_rows(
        scipy.sparse.csr_matrix(weights.astype(np.float32)),
        others.astype(np.float32),
        common.astype(np.float32),
        penalty.astype(np.float32),
    )
    for row, weight in enumerate(weights):
        system = common + others.T @ (weight[:, None] * others) + penalty[row] * np.eye(6)
        expected = np.linalg.solve(system, others.T @ weight)
        np.testing.assert_allclose(found[row], expected, rtol=1e-3, atol=1e-5)


def test_a_common_part_of_low_rank_is_no_problem():
    weights = scipy.sparse.csr_matrix(np.float32([[1, 0], [1, 1]]))
    others = np.float32([[1, 0, 0], [0, 1, 0]])
    found = solve_rows(weights, others, np.zeros((3, 3), np.float32), np.float32([1, 1]))
    np.testing.assert_allclose(found, [[0.5, 0, 0], [0.5, 0.5, 0]], atol=1e-6)


def test_batches_hold_every_row_that_is_not_empty_once(monkeypatch):
    monkeypatch.setattr(least_squares, "BATCH_CELLS", 50)
    lengths = np.array([0, 3, 9, 1, 0, 2, 4, 4, 30, 5])
    parts = list(batches(lengths, 4))
    assert sorted(np.concatenate(parts)) == [1, 2, 3, 5, 6, 7, 8, 9]
    for rows in parts:
        assert len({bool(lengths[row] >= 4) for row in rows}) == 1
        assert len(rows) == 1 or len(rows) * lengths[rows].max() * 4 <= 50
