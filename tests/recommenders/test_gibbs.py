"""The conditional draws of the Gibbs sampler against closed forms and other implementations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from product_recommender.recommenders import gibbs
from product_recommender.recommenders.gibbs import (
    MeanProduct,
    VectorPrior,
    draw_vectors,
    rating_blocks,
    shared_variance,
)

CPU = torch.device("cpu")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_blocks_hold_every_rating_once_and_little_padding(monkeypatch) -> None:
    monkeypatch.setattr(gibbs, "BLOCK_NUMBERS", 400)
    rng = np.random.default_rng(0)
    counts = np.concatenate([[0, 0], rng.integers(1, 40, 60)])
    rows = rng.permutation(np.repeat(np.arange(62), counts))
    others, stars = rng.integers(0, 50, len(rows)), rng.normal(size=len(rows)).astype(np.float32)
    blocks = rating_blocks(rows, others, stars, 62, 50, 3, CPU)
    found = []
    for block in blocks:
        present = block.present.bool()
        lengths = block.present.sum(dim=1)
        assert lengths.max() == block.others.shape[1]
        assert lengths.max() <= max(lengths.min() + 1, gibbs.PADDING * lengths.min())
        assert block.others.numel() * 3 <= 400 or len(block.rows) == 1
        assert (block.others[~present] == 50).all()
        assert (block.stars[~present] == 0).all()
        row = block.rows[:, None].expand_as(block.others)
        found += list(
            zip(
                row[present].tolist(),
                block.others[present].tolist(),
                block.stars[present].tolist(),
                strict=True,
            )
        )
    expected = zip(rows.tolist(), others.tolist(), stars.tolist(), strict=True)
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("n_ratings", [0, 1, 2, 4])
def test_vectors_are_drawn_from_the_posterior(n_ratings: int) -> None:
    # 20,000 rows with the same ratings: their draws must have the posterior's mean and covariance.
    # Three factors, so that 1 and 2 ratings take the one way of drawing and 4 the other.
    n, length, noise_precision = 20_000, 3, 2.0
    rng = np.random.default_rng(n_ratings)
    others, offsets = rng.normal(size=(4, length)), rng.normal(size=4)
    stars = rng.normal(size=n_ratings)
    precision = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 1.5]])
    mean = np.array([0.5, -1.0, 2.0])
    row, column = np.repeat(np.arange(n), n_ratings), np.tile(np.arange(n_ratings), n)
    blocks = rating_blocks(row, column, np.tile(stars, n), n, 4, length, CPU)
    drawn = draw_vectors(
        blocks,
        torch.tensor(np.vstack([others, np.zeros(length)]), dtype=torch.float32),
        torch.tensor(np.append(offsets, 0.0), dtype=torch.float32),
        torch.tensor(np.tile(mean, (n, 1)), dtype=torch.float32),
        torch.tensor(precision, dtype=torch.float32),
        noise_precision,
        generator(),
    ).numpy()
    design = others[:n_ratings]
    posterior = precision + noise_precision * design.T @ design
    covariance = np.linalg.inv(posterior)
    pull = precision @ mean + noise_precision * design.T @ (stars - offsets[:n_ratings])
    np.testing.assert_allclose(drawn.mean(axis=0), covariance @ pull, atol=0.03)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.03)


@pytest.mark.parametrize("length", [4, 12])
def test_padding_is_no_rating(length: int) -> None:
    # Seven ratings beside eight, of the first factors one each, almost without noise: every rated
    # factor is the rating, and the eighth of the shorter row stays at its prior.
    rows, others = np.repeat([0, 1], [7, 8]), np.concatenate([np.arange(7), np.arange(8)])
    others %= length
    blocks = rating_blocks(rows, others, np.full(15, 3.0), 2, length, length, CPU)
    assert [block.others.shape for block in blocks] == [(2, 8)]
    table = torch.cat([torch.eye(length), torch.zeros(1, length)])
    arguments = (torch.zeros(length + 1), torch.full((2, length), -5.0), 1e4 * torch.eye(length))
    drawn = draw_vectors(blocks, table, *arguments, 1e8, generator()).numpy()
    np.testing.assert_allclose(drawn[:, : min(7, length)], 3.0, atol=0.02)
    if length > 8:
        assert drawn[1, 7] == pytest.approx(3.0, abs=0.02)
        np.testing.assert_allclose([drawn[0, 7], *drawn[:, 8]], -5.0, atol=0.05)


def test_the_prior_finds_what_the_vectors_were_made_with() -> None:
    rng = np.random.default_rng(0)
    n, covariance = 5_000, np.array([[1.0, 0.4], [0.4, 0.5]])
    features = rng.normal(size=(n, 3))
    loadings = np.array([[1.0, 0.0], [0.0, -2.0], [0.0, 0.0]])
    prior_mean = np.array([3.0, -1.0])
    vectors = prior_mean + features @ loadings
    vectors += rng.multivariate_normal([0, 0], covariance, n)
    prior = VectorPrior(torch.tensor(features, dtype=torch.float32), np.array([0.1, 0.1]), rng)
    means, precisions = [], []
    for _ in range(60):
        prior.draw(torch.tensor(vectors, dtype=torch.float32))
        means.append(prior.means(torch.eye(3)).numpy())
        precisions.append(prior.precision)
    np.testing.assert_allclose(np.mean(means[10:], axis=0), loadings + prior_mean, atol=0.05)
    np.testing.assert_allclose(
        np.mean(precisions[10:], axis=0), np.linalg.inv(covariance), rtol=0.06, atol=0.05
    )
    # Each draw is one of a posterior with known width: sd of a mean is sd / sqrt(n).
    assert np.std(means[10:], axis=0).max() < 5 * np.sqrt(1.0 / n)
    assert np.std(means[10:], axis=0).min() > 0.2 * np.sqrt(0.5 / n)


def test_wishart_draws_agree_with_scipy() -> None:
    scale = np.array([[2.0, 0.3], [0.3, 0.5]])
    rng = np.random.default_rng(0)
    ours = np.array([gibbs._wishart(scale, 7, rng) for _ in range(20_000)])
    theirs = scipy.stats.wishart(df=7, scale=np.linalg.inv(scale)).rvs(20_000, random_state=1)
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), rtol=0.03)
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.05)


def test_shared_variance_by_hand_and_on_average() -> None:
    # Pairs: (1, -1) in group 0 counts twice, and so do three pairs of group 1.
    values, groups = np.array([1.0, -1.0, 1.0, 2.0, 3.0]), np.array([0, 0, 1, 1, 1])
    assert shared_variance(values, groups, 3) == pytest.approx((-1 + 2 + 3 + 6) / 4)
    assert shared_variance(np.array([1.0, 2.0]), np.array([0, 1]), 2) == 0.0
    rng = np.random.default_rng(0)
    groups = np.arange(40_000) % 10_000
    values = 0.7 * rng.normal(size=10_000)[groups] + rng.normal(size=40_000)
    assert shared_variance(values, groups, 10_000) == pytest.approx(0.49, abs=0.02)


def test_mean_product_is_exact_where_the_rank_suffices() -> None:
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(30, 2)), rng.normal(size=(20, 2))) for _ in range(4)]
    mean = MeanProduct(8)
    for left, right in pairs:
        mean.add(*(torch.tensor(t, dtype=torch.float32) for t in (left, right)))
    left, right = mean.tables()
    expected = np.mean([a @ b.T for a, b in pairs], axis=0)
    np.testing.assert_allclose((left @ right.T).numpy(), expected, atol=1e-4)
    assert left.shape == (30, 8)
    assert mean.lost < 1e-6


def test_mean_product_cuts_off_the_least_that_can_be_cut_off() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(30, 5)), rng.normal(size=(20, 5))
    mean = MeanProduct(2)
    mean.add(*(torch.tensor(t, dtype=torch.float32) for t in (left, right)))
    kept = mean.tables()[0] @ mean.tables()[1].T
    u, s, vt = np.linalg.svd(left @ right.T)
    np.testing.assert_allclose(kept.numpy(), u[:, :2] * s[:2] @ vt[:2], atol=1e-3)
    assert mean.lost == pytest.approx(float(np.sum(s[2:5] ** 2) / np.sum(s**2)), rel=1e-3)


def test_mean_product_of_zeros_stays_finite() -> None:
    mean = MeanProduct(3)
    with pytest.raises(ValueError, match="nothing was added"):
        mean.tables()
    for _ in range(2):
        mean.add(torch.zeros(4, 2), torch.zeros(3, 2))
    assert all(torch.isfinite(table).all() for table in mean.tables())
