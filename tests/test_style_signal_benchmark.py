"""What the measurement of the style signal counts."""

from __future__ import annotations

import numpy as np
from benchmarks.style_signal import brand_and_kind, directions, share_explained

from product_recommender.synthesis.products import make_products
from product_recommender.synthesis.settings import WorldSettings


def test_the_share_explained_is_that_of_the_signal_and_zero_for_noise() -> None:
    rng = np.random.default_rng(0)
    source = rng.standard_normal((2_000, 5))
    signal, noise = source @ [1.0, -1.0, 0.5, 0.0, 0.0], rng.standard_normal(2_000)
    values = signal + 1.5 * noise  # variances 2.25 and 2.25: half of it can be known
    alone = np.arange(2_000)
    assert abs(share_explained(source, values, alone) - 0.5) < 0.04
    assert abs(share_explained(source, noise, alone)) < 0.01


def test_variants_of_one_product_do_not_explain_each_other() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(200), 2)
    values = rng.standard_normal(200)[groups]
    source = np.eye(200)[groups]  # knows nothing but which product it is
    assert share_explained(source, values, np.arange(400)) > 0.3
    assert share_explained(source, values, groups) < 0.02


def test_brand_and_kind_are_one_column_each_by_category() -> None:
    products = make_products(WorldSettings(n_products=500))
    known = brand_and_kind(products)
    pairs = np.unique(np.column_stack([products.categories, products.brands]), axis=0)
    kinds = np.unique(np.column_stack([products.categories, products.kinds]), axis=0)
    assert known.shape == (500, len(pairs) + len(kinds))
    np.testing.assert_array_equal((known > 0).sum(axis=1), 2)
    same = (products.categories == products.categories[0]) & (products.brands == products.brands[0])
    column = int(np.flatnonzero(known[0])[0])
    np.testing.assert_array_equal(known[:, column] > 0, same)


def test_directions_are_centred_uncorrelated_and_keep_the_variance() -> None:
    rng = np.random.default_rng(0)
    found = directions(rng.standard_normal((400, 40)) @ rng.standard_normal((40, 40)) + 3.0)
    assert found.shape == (400, 40)
    covariance = found.T @ found / 400
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-9)
    assert abs(found.std() - 1.0) < 1e-9
