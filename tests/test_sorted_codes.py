"""Distinct codes and membership, against numpy's own."""

from __future__ import annotations

import numpy as np
import pytest

from product_recommender.sorted_codes import among, distinct


@pytest.mark.parametrize("size", [0, 1, 500])
def test_as_numpy_says(size: int) -> None:
    rng = np.random.default_rng(size)
    values, asked = rng.integers(-3, 200, size), rng.integers(-5, 210, (7, 9))
    np.testing.assert_array_equal(distinct(values), np.unique(values))
    np.testing.assert_array_equal(among(asked, distinct(values)), np.isin(asked, values))
