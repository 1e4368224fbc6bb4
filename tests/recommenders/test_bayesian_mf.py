"""Bayesian matrix factorization on planted tastes, on sparse worlds, and for strangers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import optuna
import pytest
import torch
from tests.recommenders.planted_tastes import World, planted_world, rmse

from product_recommender.interactions import Interactions
from product_recommender.recommenders.bayesian_mf import BayesianMF, BayesianMFConfig
from product_recommender.recommenders.bias import Bias
from product_recommender.recommenders.matrix_factorization import purchase_directions
from product_recommender.recommenders.training import TrainingDivergedError


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Small matrices on a busy machine are fastest on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def world() -> World:
    return planted_world(n_users=500)


@pytest.fixture(scope="module")
def fitted(world: World) -> BayesianMF:
    return BayesianMF(BayesianMFConfig(factors=6, device="cpu")).fit(world.train)


def floor_and_bias(world: World) -> tuple[float, float]:
    test = world.test
    floor = rmse(np.clip(world.stars[test.users, test.items], 1, 5), test.stars)
    return floor, rmse(Bias().fit(world.train).predict(test.users, test.items), test.stars)


def test_it_closes_a_good_part_of_the_gap_between_the_biases_and_the_truth(world, fitted) -> None:
    floor, baseline = floor_and_bias(world)
    found = rmse(fitted.predict(world.test.users, world.test.items), world.test.stars)
    assert baseline - found > 0.2 * (baseline - floor)


def test_it_finds_the_noise(world, fitted) -> None:
    # What the planted truth leaves unexplained: noise and rounding, less what clipping takes away.
    assert fitted.fit_report["noise"] == pytest.approx(floor_and_bias(world)[0], abs=0.06)
    assert len(fitted.fit_report["training_rmse"]) == 72


def test_who_bought_what_helps(world, fitted) -> None:
    blind = BayesianMF(BayesianMFConfig(factors=6, purchase_features=0, device="cpu"))
    pairs = world.test.users, world.test.items
    without = rmse(blind.fit(world.train).predict(*pairs), world.test.stars)
    assert rmse(fitted.predict(*pairs), world.test.stars) < 0.98 * without


def test_nothing_to_find_is_no_worse_than_the_biases() -> None:
    rng = np.random.default_rng(0)
    world = planted_world(n_users=600, n_items=80, purchases_per_user=5, star_taste=0.0)
    shuffled = replace(world.train, stars=rng.permutation(world.train.stars))
    model = BayesianMF(BayesianMFConfig(device="cpu")).fit(shuffled)
    predicted = model.predict(world.test.users, world.test.items)
    assert predicted.std() < 0.25
    assert predicted.mean() == pytest.approx(shuffled.stars.mean(), abs=0.1)


def test_one_rating_each_is_enough_for_the_products() -> None:
    # No customer rated twice, so customers tell nothing: a product's mean, shrunk, is the answer.
    rng = np.random.default_rng(1)
    n, n_items = 3000, 30
    items = rng.integers(0, n_items, n).astype(np.int32)
    quality = rng.normal(size=n_items)
    stars = np.clip(np.rint(3.5 + 0.6 * quality[items] + 0.8 * rng.normal(size=n)), 1, 5)
    train = Interactions(
        np.arange(n, dtype=np.int32), items, stars.astype(np.float32), np.zeros(n, np.int32),
        n, n_items, np.zeros(n_items, np.int16), ("A",),
    )  # fmt: skip
    model = BayesianMF(BayesianMFConfig(factors=4, device="cpu")).fit(train)
    means = np.bincount(items, weights=stars) / np.bincount(items)
    predicted = model.predict(np.full(n_items, -1), np.arange(n_items))
    np.testing.assert_allclose(predicted, means, atol=0.15)


def test_strangers_get_what_is_known_of_the_other_side(world, fitted) -> None:
    n_users, n_items = world.train.n_users, world.train.n_items
    stranger = fitted.predict(np.full(n_items, n_users + 5), np.arange(n_items))
    means = np.bincount(world.train.items, weights=world.train.stars, minlength=n_items)
    means /= np.maximum(np.bincount(world.train.items, minlength=n_items), 1)
    assert np.corrcoef(stranger, means)[0, 1] > 0.9
    # An average product, not an average purchase: what is liked is bought.
    nobody = fitted.predict(np.array([-1]), np.array([n_items + 9]))
    assert world.stars.mean() < nobody[0] < world.train.stars.mean()


def test_a_product_without_a_purchase_is_judged_by_its_category() -> None:
    rng = np.random.default_rng(3)
    n, n_items = 4000, 60
    categories = np.concatenate([np.arange(n_items) % 2, [0, 1]]).astype(np.int16)
    users, items = rng.integers(0, 400, n), rng.integers(0, n_items, n)
    stars = np.clip(np.rint(2.5 + 1.5 * categories[items] + 0.5 * rng.normal(size=n)), 1, 5)
    train = Interactions(
        users.astype(np.int32), items.astype(np.int32), stars.astype(np.float32),
        np.zeros(n, np.int32), 400, n_items, categories, ("bad", "good"),
    )  # fmt: skip
    model = BayesianMF(BayesianMFConfig(factors=2, device="cpu")).fit(train)
    bad, good, unlisted = model.predict(np.full(3, -1), np.array([60, 61, 62]))
    assert bad == pytest.approx(2.5, abs=0.3)
    assert good == pytest.approx(4.0, abs=0.3)
    assert bad < unlisted < good


def test_scores_are_the_predictions_before_clipping(world, fitted) -> None:
    users = np.array([0, 7, 499])
    scores = fitted.score(users)
    items = np.arange(world.train.n_items)
    for row, user in enumerate(users):
        predicted = fitted.predict(np.full(len(items), user), items)
        np.testing.assert_allclose(np.clip(scores[row], 1, 5), predicted, atol=1e-5)


def test_stars_that_are_no_numbers_are_divergence(world) -> None:
    broken = replace(world.train, stars=world.train.stars.copy())
    broken.stars[5] = np.nan
    with pytest.raises(TrainingDivergedError, match=r"bayesian_mf.*sweep 1 .*prior_variance"):
        BayesianMF(BayesianMFConfig(device="cpu")).fit(broken)


def test_what_tuning_suggests_is_a_valid_configuration() -> None:
    study = optuna.create_study()
    for _ in range(5):
        BayesianMFConfig(**BayesianMF.search_space(study.ask()))


def test_purchase_directions_agree_with_a_dense_decomposition() -> None:
    train = planted_world(n_users=40, n_items=15, purchases_per_user=5).train
    left, values, right = purchase_directions(train, 4, seed=0)
    dense = train.matrix().toarray().astype(float)
    dense /= np.sqrt(dense.sum(axis=1, keepdims=True) + 1) * np.sqrt(dense.sum(axis=0) + 1)
    u, s, vt = np.linalg.svd(dense)
    np.testing.assert_allclose(values, s[:4], atol=1e-10)
    np.testing.assert_allclose(left * values @ right.T, u[:, :4] * s[:4] @ vt[:4], atol=1e-8)
    assert purchase_directions(train, 99, seed=0)[1].shape == (14,)


def test_everybody_gives_the_same_stars(world) -> None:
    same = replace(world.train, stars=np.full(len(world.train), 4, np.float32))
    model = BayesianMF(BayesianMFConfig(burn_in=2, sweeps=4, device="cpu")).fit(same)
    np.testing.assert_allclose(model.predict(same.users, same.items), 4.0, atol=0.2)


def test_settings_beyond_all_measure_are_divergence_with_a_way_out(world) -> None:
    with pytest.raises(TrainingDivergedError, match="lower prior_variance or factors"):
        BayesianMF(BayesianMFConfig(prior_variance=1e30, device="cpu")).fit(world.train)
