"""Two dimensions of many."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from product_recommender.content.maps import neighbour_map, principal_plane, sample_rows


def test_the_plane_is_that_of_scikit_learn() -> None:
    points = np.random.default_rng(0).normal(size=(40, 6)) * [5, 3, 1, 1, 1, 1]
    plane, shares = principal_plane(points)
    reference = PCA(2).fit(points)
    expected = reference.transform(points)
    assert np.allclose(np.abs(plane), np.abs(expected))
    assert np.allclose(shares, reference.explained_variance_ratio_)
    assert np.allclose(principal_plane(points[::-1])[0][::-1], plane)


@pytest.mark.parametrize("shape", [(0, 0), (1, 4), (3, 1), (5, 3)])
def test_few_or_equal_points_have_a_place_too(shape: tuple[int, int]) -> None:
    plane, shares = principal_plane(np.ones(shape))
    assert plane.shape == (shape[0], 2)
    assert np.isfinite(plane).all()
    assert shares == [0, 0]
    assert neighbour_map(np.ones(shape), 30, 0).shape == (shape[0], 2)


def test_groups_stay_together_in_the_neighbour_map() -> None:
    draw = np.random.default_rng(0)
    centres = np.repeat(draw.normal(size=(3, 20)) * 5, 12, axis=0)
    vectors = centres + draw.normal(size=centres.shape) * 0.3
    placed = neighbour_map(vectors, 10, seed=1)
    away = np.linalg.norm(placed[:, None] - placed[None], axis=2) + np.eye(36) * 1e9
    assert (away.argmin(axis=1) // 12 == np.arange(36) // 12).all()
    assert np.array_equal(placed, neighbour_map(vectors, 10, seed=1))


def test_a_sample_has_no_repetitions_and_follows_its_seed() -> None:
    assert sample_rows(5, 10, 0).tolist() == [0, 1, 2, 3, 4]
    rows = sample_rows(1000, 50, 3)
    assert len(set(rows.tolist())) == 50
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(rows, sample_rows(1000, 50, 3))
    assert not np.array_equal(rows, sample_rows(1000, 50, 4))
