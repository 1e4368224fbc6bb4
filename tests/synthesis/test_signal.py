"""What was planted is in the data, as strong as asked for, and gone at strength zero."""

from __future__ import annotations

import numpy as np
import pytest
from tests.synthesis.worlds import raw_match, world

import product_recommender.synthesis.purchases as purchases_module
from product_recommender.synthesis.settings import WorldSettings
from product_recommender.synthesis.world import World, make_world

NOISE = 0.025
"""Four standard errors of a correlation over 30,000 pairs."""


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def bought_at(made: World, values: np.ndarray) -> np.ndarray:
    return values[made.purchases.products]


def star_mean_by_product(made: World) -> tuple[np.ndarray, np.ndarray]:
    counts = np.bincount(made.purchases.products, minlength=len(made.products))
    sums = np.bincount(made.purchases.products, made.purchases.stars, len(made.products))
    often = counts >= 30
    return sums[often] / counts[often], often


def test_stars_follow_taste_quality_and_type() -> None:
    made = world()
    assert correlation(raw_match(made), made.purchases.stars) > 0.3
    means, often = star_mean_by_product(made)
    assert correlation(means, made.products.quality[often]) > 0.3


def test_at_signal_strength_zero_nothing_moves_the_stars() -> None:
    made = world(signal_strength=0.0)
    assert abs(correlation(raw_match(made), made.purchases.stars)) < NOISE
    assert abs(correlation(bought_at(made, made.products.quality), made.purchases.stars)) < NOISE
    types = made.customers.types[made.purchases.customers]
    by_type = [made.purchases.stars[types == t].mean() for t in range(4)]
    assert np.ptp(by_type) < 0.12
    counts = made.customers.review_counts
    assert np.ptp([counts[made.customers.types == t].mean() for t in range(4)]) < 3


@pytest.mark.parametrize("strength", ["match_strength", "quality_strength"])
def test_one_strength_at_zero_removes_its_own_effect_only(strength: str) -> None:
    made = world(**{strength: 0.0, "taste_strength": 0.0})
    match = correlation(raw_match(made), made.purchases.stars)
    quality = correlation(bought_at(made, made.products.quality), made.purchases.stars)
    assert (abs(match) < 2 * NOISE) == (strength == "match_strength")
    assert (abs(quality) < 2 * NOISE) == (strength == "quality_strength")


def mean_attraction(made: World) -> float:
    """Mean match of what was bought: 0 for purchases that have nothing to do with taste."""
    weights = made.settings.taste_overlap ** np.arange(made.settings.taste_dimensions)
    tastes = made.customers.tastes[made.purchases.customers]
    popularity = np.exp(made.products.log_popularity)
    centred = made.products.styles - popularity @ made.products.styles
    styles = centred[made.purchases.products]
    return float((tastes * weights * styles).sum(axis=1).mean() / np.linalg.norm(weights))


def test_purchases_follow_taste_as_strongly_as_asked() -> None:
    flat = {
        "signal_strength": 1.0,
        "trend_strength": 0.0,
        "season_strength": 0.0,
        "type_strength": 0.0,
    }
    pulls = [mean_attraction(world(**flat, taste_strength=s)) for s in (0.0, 0.7, 2.0)]
    assert abs(pulls[0]) < 0.06
    assert pulls[0] + 0.25 < pulls[1] < pulls[2] - 0.25


def test_without_signal_popularity_is_the_whole_story() -> None:
    made = world(signal_strength=0.0, n_reviews=20_000, n_customers=4_000)
    assert (made.products.launch_day <= 0).all()
    expected = 20_000 * np.exp(made.products.log_popularity)
    sold = np.bincount(made.purchases.products, minlength=300)
    # Nobody buys a product twice, which holds the largest back a little; the rest is Poisson.
    common = (expected > 20) & (expected < np.quantile(expected, 0.9))
    standard = (sold - expected)[common] / np.sqrt(expected[common])
    assert np.abs(standard).mean() < 1.2  # 0.8 for pure Poisson noise
    early = made.purchases.days < np.median(made.purchases.days)
    shares = [
        np.bincount(made.purchases.products[rows], minlength=300) / rows.sum()
        for rows in (early, ~early)
    ]
    assert correlation(*shares) > 0.95


def test_category_affinity_shows_in_the_shares_of_a_customer() -> None:
    def agreement(strength: float) -> float:
        made = world(affinity_strength=strength)
        bought = made.purchases
        category = made.products.categories[bought.products]
        own = made.customers.affinities[bought.customers, category]
        anyone = made.customers.affinities[bought.customers].mean(axis=1)
        return float((own - anyone).mean())

    assert abs(agreement(0.0)) < 0.1
    assert agreement(1.0) > 0.25


def test_trend_makes_products_rise_and_fall() -> None:
    def stability(strength: float) -> float:
        made = world(trend_strength=strength, season_strength=0.0)
        order = np.array_split(np.argsort(made.purchases.days, kind="stable"), 3)
        first, last = (np.bincount(made.purchases.products[o], minlength=300) for o in order[::2])
        return correlation(np.sqrt(first), np.sqrt(last))

    assert stability(0.0) > stability(1.0) + 0.1


def test_a_big_catalogue_is_sampled_from_pools_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = WorldSettings(n_products=300, n_customers=2_000, n_reviews=20_000)
    exact = make_world(settings)
    monkeypatch.setattr(purchases_module, "EXACT_CATALOGUE", 10)
    pooled = make_world(settings)
    assert not np.array_equal(exact.purchases.products, pooled.purchases.products)
    assert abs(mean_attraction(exact) - mean_attraction(pooled)) < 0.05
    sold = [np.bincount(w.purchases.products, minlength=300) for w in (exact, pooled)]
    assert correlation(sold[0], sold[1]) > 0.99


def test_planted_choice_probabilities_are_those_of_the_purchases() -> None:
    """First purchases against the planted probabilities: a chi-square over the products."""
    from product_recommender.synthesis.oracle import purchase_probabilities

    flat = {"trend_strength": 0.0, "season_strength": 0.0, "repeat_rate": 0.0}
    made = world(n_products=40, n_customers=20_000, n_reviews=20_000, **flat)
    truth, bought = made.preferences, made.purchases
    one = np.flatnonzero(made.customers.review_counts == 1)
    assert len(one) == 20_000  # one review each: nothing is owned yet
    chances = purchase_probabilities(
        truth.customer_vectors, truth.product_vectors, truth.product_weights(0)
    )
    expected = chances.sum(axis=0)
    observed = np.bincount(bought.products, minlength=40)
    variance = (chances * (1 - chances)).sum(axis=0)
    standard = (observed - expected) / np.sqrt(variance)
    assert np.abs(standard).max() < 4.5
    assert 0.6 < (standard**2).mean() < 1.6
    # and customer by customer: what was bought had the chance that the model gives it
    own = chances[bought.customers, bought.products]
    hoped = (chances.astype(float) ** 2).sum(axis=1)
    assert abs(own.mean() / hoped.mean() - 1) < 0.05
