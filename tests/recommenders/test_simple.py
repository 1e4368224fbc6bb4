"""Chance, popularity and averages."""

from __future__ import annotations

import json

import numpy as np
import optuna
import pytest
from pydantic import ValidationError

from product_recommender.interactions import Interactions
from product_recommender.recommenders.bias import Bias, BiasConfig
from product_recommender.recommenders.popularity import (
    Popularity,
    RecentPopularity,
    RecentPopularityConfig,
)
from product_recommender.recommenders.random import Random, RandomConfig
from product_recommender.recommenders.registry import load_recommender

SIMPLE = [Random, Popularity, RecentPopularity, Bias]


def world(n_users=60, n_items=25, n=300, seed=0):
    rng = np.random.default_rng(seed)
    pairs = rng.choice(n_users * n_items, n, replace=False)
    return Interactions(
        users=(pairs // n_items).astype(np.int32),
        items=(pairs % n_items).astype(np.int32),
        stars=rng.integers(1, 6, n).astype(np.float32),
        days=rng.integers(18_000, 18_400, n).astype(np.int32),
        n_users=n_users,
        n_items=n_items,
        item_categories=(np.arange(n_items + 3) % 3).astype(np.int16),
        categories=("Electronics", "Furniture", "Software"),
    )


def purchases(rows, n_users, n_items, categories):
    """Rows of (user, item, stars, day)."""
    users, items, stars, days = zip(*rows, strict=True)
    return Interactions(
        users=np.int32(users),
        items=np.int32(items),
        stars=np.float32(stars),
        days=np.int32(days),
        n_users=n_users,
        n_items=n_items,
        item_categories=np.int16(categories),
        categories=("a", "b"),
    )


@pytest.mark.parametrize("model", SIMPLE)
def test_rebuilt_from_what_the_catalog_keeps_it_answers_exactly_the_same(model):
    train = world()
    fitted = model().fit(train)
    json.dumps(fitted.fit_report)
    config = json.loads(
        json.dumps({"model": fitted.name, "parameters": fitted.config.model_dump(mode="json")})
    )
    again = load_recommender(fitted.state(), config)
    assert type(again) is model
    asked = np.array([3, 0, 59, 60, 1000, -1])
    np.testing.assert_array_equal(fitted.score(asked), again.score(asked))
    candidates = np.arange(28)
    for a, b in zip(
        fitted.recommend(asked, 9, candidates=candidates),
        again.recommend(asked, 9, candidates=candidates),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    if fitted.predicts:
        items = np.array([0, 24, 27, 3, 500, -1])
        np.testing.assert_array_equal(fitted.predict(asked, items), again.predict(asked, items))


@pytest.mark.parametrize("model", SIMPLE)
def test_one_purchase_is_enough(model):
    train = purchases([(0, 0, 5, 17_000)], 1, 1, [0])
    fitted = model().fit(train)
    assert np.isfinite(fitted.score(np.array([0, 5]))).all()
    items, _ = fitted.recommend(np.array([0, 5]), 3)
    np.testing.assert_array_equal(items, [[-1], [0]])


@pytest.mark.parametrize("model", SIMPLE)
def test_what_tuning_suggests_is_a_valid_configuration(model):
    study = optuna.create_study()
    for _ in range(5):
        model.Config(**model.search_space(study.ask()))
    assert bool(model.search_space(study.ask())) == (model in (RecentPopularity, Bias))


@pytest.mark.parametrize("model", SIMPLE)
def test_unknown_settings_are_refused(model):
    with pytest.raises(ValidationError, match="no_such_setting"):
        model.Config(no_such_setting=1)


# ---------------------------------------------------------------- random


def test_random_scores_do_not_depend_on_the_block():
    model = Random().fit(world())
    users = np.array([5, 0, 59, 200, -1])
    whole = model.score(users)
    for row, user in enumerate(users):
        np.testing.assert_array_equal(model.score(np.array([user]))[0], whole[row])


def test_random_scores_look_like_chance():
    train = purchases([(0, i, 3, 17_000) for i in range(400)], 500, 400, [0] * 400)
    scores = Random(RandomConfig(seed=1)).fit(train).score(np.arange(500))
    assert scores.min() >= 0
    assert scores.max() < 1
    cells = np.histogram(scores, bins=20, range=(0, 1))[0]
    expected = scores.size / 20
    assert ((cells - expected) ** 2 / expected).sum() < 45  # chi-square, 19 degrees: p < .001
    for axis in (0, 1):  # neighbours in either direction know nothing of each other
        a, b = np.split(np.diff(scores, axis=axis).ravel()[: scores.size // 4 * 2], 2)
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.02
    between_users = np.corrcoef(scores)[np.triu_indices(500, 1)]
    assert between_users.std() == pytest.approx(1 / np.sqrt(400), rel=0.1)
    between_items = np.corrcoef(scores.T)[np.triu_indices(400, 1)]
    assert between_items.std() == pytest.approx(1 / np.sqrt(500), rel=0.1)
    other = Random(RandomConfig(seed=2)).fit(train).score(np.arange(500))
    assert abs(np.corrcoef(scores.ravel(), other.ravel())[0, 1]) < 0.01


def test_random_reaches_strangers_and_every_item_alike():
    model = Random().fit(world(n_items=20))
    strangers = np.arange(1000, 5000)
    items, _ = model.recommend(strangers, 2)
    shown = np.bincount(items.ravel(), minlength=20)
    # binomial(4000, 0.1): mean 400, standard deviation 19
    assert shown.min() > 320
    assert shown.max() < 480
    assert not model.uses_fallback(strangers).any()


def test_random_knows_the_hash_it_was_written_with():
    # lowbias32 of 0, 1 and -1, worked out with Python's whole numbers
    import torch

    from product_recommender.recommenders.random import _mixed

    def lowbias32(x: int) -> int:
        x &= 0xFFFFFFFF
        x ^= x >> 16
        x = x * 0x7FEB352D & 0xFFFFFFFF
        x ^= x >> 15
        x = x * 0x846CA68B & 0xFFFFFFFF
        return x ^ x >> 16

    values = [0, 1, -1, 12345, -(2**31), 2**31 - 1]
    found = _mixed(torch.tensor(values, dtype=torch.int32)).tolist()
    assert [f & 0xFFFFFFFF for f in found] == [lowbias32(v) for v in values]


# ---------------------------------------------------------------- popularity


def test_popularity_is_the_same_for_everyone():
    train = purchases(
        [(0, 1, 5, 0), (1, 1, 5, 0), (2, 1, 1, 0), (0, 2, 5, 9), (1, 2, 5, 9), (2, 0, 5, 9)],
        3,
        4,
        [0] * 4,
    )
    model = Popularity().fit(train)
    np.testing.assert_array_equal(model.score(np.array([0, 2, 99, -1])), [[1, 3, 2, 0]] * 4)
    items, scores = model.recommend(np.array([0, 99]), 2)
    np.testing.assert_array_equal(items, [[0, 3], [1, 2]])
    np.testing.assert_array_equal(scores, [[1, 0], [3, 2]])


def test_popularity_is_quick():
    import time

    rng = np.random.default_rng(0)
    n_users, n_items, n = 20_000, 3_000, 60_000
    train = Interactions(
        users=rng.integers(0, n_users, n).astype(np.int32),
        items=(rng.random(n) ** 3 * n_items).astype(np.int32),
        stars=np.full(n, 4, np.float32),
        days=np.zeros(n, np.int32),
        n_users=n_users,
        n_items=n_items,
        item_categories=np.zeros(n_items, np.int16),
        categories=("a",),
    )
    model = Popularity().fit(train)
    start = time.process_time()
    items, _ = model.recommend(np.arange(n_users), 10)
    assert time.process_time() - start < 3
    assert (items >= 0).all()


# ---------------------------------------------------------------- recent popularity


RECENT = [
    # user 0 buys a and a, user 1 buys b, user 2 buys a and b
    (0, 0, 5, 100),
    (0, 1, 5, 70),
    (1, 2, 5, 100),
    (2, 0, 5, 100),
    (2, 3, 5, 40),
]


def recent(**settings):
    config = RecentPopularityConfig(half_life_days=30.0, fallback_half_life_days=30.0, **settings)
    return RecentPopularity(config).fit(purchases(RECENT, 3, 4, [0, 0, 1, 1]))


def test_recent_popularity_by_hand():
    scores = recent(smoothing=1.0).score(np.array([0, 1, 2, 50]))
    popularity = np.array([2, 0.5, 1, 0.25])  # half-lives: 0, 1, 0, 2
    # shares: a 3/5, b 2/5. User 0: (2 + .6) / 3 / .6 for a, .4 / 3 / .4 for b, and so on.
    affinity = np.array(
        [
            [2.6 / 3 / 0.6, 0.4 / 3 / 0.4],
            [0.6 / 2 / 0.6, 1.4 / 2 / 0.4],
            [1.6 / 3 / 0.6, 1.4 / 3 / 0.4],
            [1, 1],
        ]
    )
    np.testing.assert_allclose(scores, affinity[:, [0, 0, 1, 1]] * popularity, rtol=1e-6)


def test_exponent_and_smoothing_govern_the_lean_to_own_categories():
    everyone = recent(exponent=0.0).score(np.array([0, 1, 50]))
    np.testing.assert_allclose(everyone, [[2, 0.5, 1, 0.25]] * 3, rtol=1e-6)
    once, twice = (recent(exponent=e).score(np.array([0]))[0] for e in (1.0, 2.0))
    popularity = np.array([2, 0.5, 1, 0.25])
    np.testing.assert_allclose(twice / popularity, (once / popularity) ** 2, rtol=1e-5)
    drowned = recent(smoothing=1e9).score(np.array([0]))[0]
    np.testing.assert_allclose(drowned, popularity, rtol=1e-6)


def test_a_category_that_nobody_bought_from_divides_by_nothing():
    train = purchases([(0, 0, 5, 100), (1, 0, 4, 90)], 3, 2, [0, 1])
    model = RecentPopularity().fit(train)
    scores = model.score(np.array([0, 2]))  # user 2 belongs to training without a purchase
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[:, 1], 0)


def test_blocks_do_not_change_recent_popularity():
    model = RecentPopularity().fit(world())
    whole = model.score(np.arange(60))
    np.testing.assert_array_equal(
        np.concatenate([model.score(np.arange(s, s + 7)) for s in range(0, 56, 7)]), whole[:56]
    )


# ---------------------------------------------------------------- bias


def ridge(train, reg_user, reg_item):
    """The same minimum from the normal equations."""
    n = len(train)
    design = np.zeros((n, train.n_users + train.n_items))
    design[np.arange(n), train.users] = 1
    design[np.arange(n), train.n_users + train.items] = 1
    penalty = np.diag(np.r_[np.full(train.n_users, reg_user), np.full(train.n_items, reg_item)])
    centred = train.stars.astype(float) - train.stars.mean(dtype=float)
    solution = np.linalg.solve(design.T @ design + penalty, design.T @ centred)
    return solution[: train.n_users], solution[train.n_users :]


@pytest.mark.parametrize("regularisation", [(0.5, 2.0), (10.0, 10.0)])
def test_bias_is_the_ridge_solution(regularisation):
    train = world()
    config = BiasConfig(
        user_regularisation=regularisation[0], item_regularisation=regularisation[1], tolerance=1e-9
    )
    model = Bias(config).fit(train)
    of_user, of_item = ridge(train, *regularisation)
    mean = train.stars.mean(dtype=float)
    expected = mean + of_user[:, None] + of_item[None]
    np.testing.assert_allclose(model.score(np.arange(60)), expected, atol=1e-5)
    users, items = np.repeat(np.arange(60), 25), np.tile(np.arange(25), 60)
    np.testing.assert_allclose(
        model.predict(users, items), np.clip(expected.ravel(), 1, 5), atol=1e-5
    )
    assert model.fit_report["converged"]
    assert model.predicts == "stars"


def test_bias_of_strangers_by_hand():
    # mean 3; the only user effect is damped away, so item and category effects are plain means
    train = purchases(
        [(0, 0, 5, 0), (1, 0, 5, 0), (2, 1, 2, 0), (3, 1, 0.5, 0), (0, 2, 2.5, 0)],
        4,
        3,
        [0, 0, 1, 0, 1],  # products 3 and 4 are listed, but were not sold in training
    )
    config = BiasConfig(user_regularisation=1e12, item_regularisation=1.0)
    model = Bias(config).fit(train)
    # item 0: (2 + 2) / (2 + 1); category a: (2 + 2 - 1 - 2.5) / (4 + 1); category b: -.5 / (1 + 1)
    found = model.predict(np.array([9, 9, -1, 0, 9]), np.array([0, 3, 4, 77, -1]))
    np.testing.assert_allclose(found, [3 + 4 / 3, 3.1, 2.75, 3, 3], atol=1e-6)
    assert found.dtype == np.float32


def test_predictions_stay_between_one_and_five_stars():
    rows = [(u, i, 5 if u < 5 else 1, 0) for u in range(10) for i in range(3)]
    config = BiasConfig(user_regularisation=0.0, item_regularisation=0.0)
    model = Bias(config).fit(purchases([*rows, (0, 3, 5, 0), (9, 4, 1, 0)], 10, 5, [0] * 5))
    found = model.predict(np.repeat(np.arange(10), 5), np.tile(np.arange(5), 10))
    assert found.min() >= 1
    assert found.max() <= 5


def test_all_stars_equal_leave_no_bias():
    train = purchases([(u, i, 4, 0) for u in range(3) for i in range(2)], 3, 2, [0, 1])
    found = Bias().fit(train).predict(np.array([0, 7]), np.array([1, 9]))
    np.testing.assert_array_equal(found, [4, 4])


def test_stopped_early_it_says_that_it_has_not_converged():
    report = Bias(BiasConfig(max_iterations=1)).fit(world()).fit_report
    assert report["iterations"] == 1
    assert report["converged"] is False


# ---------------------------------------------------------------- interactions


def test_item_categories_must_have_names():
    with pytest.raises(ValueError, match="codes from 0 to 2, but there are 2 categories"):
        purchases([(0, 0, 5, 0)], 1, 1, [0, 2])
    with pytest.raises(ValueError, match="codes from -1 to 0"):
        purchases([(0, 0, 5, 0)], 1, 1, [0, -1])
    with pytest.raises(ValueError, match="fewer than the 3 training products"):
        purchases([(0, 0, 5, 0)], 1, 3, [0, 1])


def test_the_matrix_counts_a_repeat_once_and_no_strangers():
    rows = purchases(
        [(0, 1, 5, 0), (0, 1, 4, 1), (0, 0, 4, 1), (9, 0, 5, 2), (1, 7, 5, 2)], 2, 2, [0] * 8
    )
    np.testing.assert_array_equal(rows.matrix().toarray(), [[1, 1], [0, 0]])
    assert len(rows.known()) == 3


def test_take_and_concatenate_keep_the_world():
    train = world()
    parts = train.take(train.users < 30).concatenate(train.take(train.users >= 30))
    assert (parts.n_users, parts.n_items, len(parts)) == (60, 25, 300)
    np.testing.assert_array_equal(np.sort(parts.users), np.sort(train.users))
    np.testing.assert_array_equal(parts.matrix().toarray(), train.matrix().toarray())
