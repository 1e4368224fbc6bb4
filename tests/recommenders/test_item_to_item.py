"""What the four models on weighted histories have in common."""

from __future__ import annotations

import json

import numpy as np
import optuna
import pytest
import torch

from product_recommender.interactions import Interactions
from product_recommender.recommenders.als import ALS
from product_recommender.recommenders.ease import EASE
from product_recommender.recommenders.graph_filter import GraphFilter
from product_recommender.recommenders.histories import Histories
from product_recommender.recommenders.item_knn import ItemKNN
from product_recommender.recommenders.item_to_item import (
    WeightedHistoryRecommender,
    weighted_matrix,
)
from product_recommender.recommenders.popularity import Popularity
from product_recommender.recommenders.registry import load_recommender
from recommenders.planted_tastes import World, ndcg_at_10, planted_world

SETTINGS = {
    ItemKNN: {"asymmetry": 0.6, "user_normalisation": 0.5},
    EASE: {"l2": 50.0},
    GraphFilter: {"low_pass_rank": 5},
    ALS: {"factors": 8, "regularisation": 0.01, "epochs": 6},
}
MODELS = list(SETTINGS)


def interactions(users, items, n_users, n_items, days=None) -> Interactions:
    return Interactions(
        users=np.asarray(users, dtype=np.int32),
        items=np.asarray(items, dtype=np.int32),
        stars=np.full(len(users), 4.0, np.float32),
        days=np.zeros(len(users), np.int32) if days is None else np.asarray(days, np.int32),
        n_users=n_users,
        n_items=n_items,
        item_categories=np.zeros(n_items, np.int16),
        categories=("Furniture",),
    )


def fitted(model_class, train, **changes) -> WeightedHistoryRecommender:
    settings = SETTINGS[model_class] | changes
    return model_class(model_class.Config(**settings)).fit(train)


@pytest.fixture(scope="module")
def world() -> World:
    return planted_world()


@pytest.mark.parametrize("model_class", MODELS)
def test_it_finds_planted_tastes_that_popularity_cannot(model_class, world):
    everyone = np.arange(world.train.n_users)
    model = fitted(model_class, world.train)
    found = ndcg_at_10(model.score(everyone), world.train, world.test)
    popular = Popularity().fit(world.train).score(everyone)
    assert found > 1.3 * ndcg_at_10(popular, world.train, world.test)


@pytest.mark.parametrize("model_class", MODELS)
def test_same_seed_same_weights_and_rebuilt_it_answers_exactly_the_same(model_class, world):
    first, second = fitted(model_class, world.train), fitted(model_class, world.train)
    for key, value in first.state().items():
        assert torch.equal(value, second.state()[key]), key
        assert value.is_contiguous()
    json.dumps(first.fit_report)
    config = json.loads(
        json.dumps({"model": first.name, "parameters": first.config.model_dump(mode="json")})
    )
    rebuilt = model_class.from_state(first.state(), config["parameters"])
    users = np.array([3, 0, 499, 500, -1])
    np.testing.assert_array_equal(first.score(users), rebuilt.score(users))


@pytest.mark.parametrize("model_class", MODELS)
def test_a_newcomer_is_answered_from_what_they_bought(model_class, world):
    """The stranger who bought what customer 7 bought gets the scores of customer 7."""
    train = world.train
    model = fitted(model_class, train)
    before = model.score(np.array([7]))
    copied = train.users == 7
    users = np.concatenate([train.users, np.full(copied.sum(), 900)])
    items = np.concatenate([train.items, train.items[copied]])
    days = np.concatenate([train.days, train.days[copied]])
    assert model.uses_fallback(np.array([900])).all()
    model = model.follow(users, items, days)
    assert not model.uses_fallback(np.array([900])).any()
    np.testing.assert_allclose(model.score(np.array([900])), before, rtol=1e-4, atol=1e-5)
    lists, _ = model.recommend(np.array([900]), 20)
    assert not np.isin(lists, train.items[copied]).any()


@pytest.mark.parametrize("model_class", MODELS)
def test_one_customer_one_item(model_class):
    model = fitted(model_class, interactions([0], [0], 1, 1))
    items, scores = model.recommend(np.array([0, 5]), 3, exclude_seen=False)
    assert items.tolist() == [[0], [0]]
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("model_class", MODELS)
def test_items_and_customers_without_purchases_do_no_harm(model_class):
    model = fitted(model_class, interactions([0, 0, 1, 1], [0, 1, 0, 1], 4, 5))
    assert np.isfinite(model.score(np.arange(4))).all()
    assert model.is_known(np.arange(4)).tolist() == [True, True, False, False]


@pytest.mark.parametrize("model_class", MODELS)
def test_where_the_history_says_nothing_recent_sales_decide(model_class):
    """Customer 0 bought item 0, which nobody bought with another; 3 sells lately, 2 sold once."""
    users = [0, 1, 1, 2, 2, 3, 3, 4, 4]
    items = [0, 1, 2, 1, 2, 2, 1, 3, 4]
    days = [999, 0, 0, 0, 0, 0, 0, 1000, 990]
    train = interactions(users, items, 5, 5, days)
    model = fitted(model_class, train, popularity_half_life_days=10.0, popularity_weight=0.01)
    lists, _ = model.recommend(np.array([0]), 4)
    assert lists[0, :2].tolist() == [3, 4]


@pytest.mark.parametrize("model_class", MODELS)
def test_what_tuning_suggests_is_a_valid_configuration(model_class):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        suggested = model_class.search_space(study.ask())
        assert set(suggested) <= set(model_class.Config.model_fields)
        model_class.Config(**suggested)


@pytest.mark.parametrize("model_class", MODELS)
def test_the_registry_can_load_it(model_class):
    model = fitted(model_class, interactions([0, 0, 1], [0, 1, 0], 2, 2))
    config = {"model": model.name, "parameters": model.config.model_dump(mode="json")}
    assert type(load_recommender(model.state(), config)) is model_class


@pytest.mark.parametrize("model_class", MODELS)
def test_the_order_of_the_rows_does_not_matter(model_class, world):
    shuffled = world.train.take(np.random.default_rng(1).permutation(len(world.train)))
    users = np.arange(20)
    np.testing.assert_allclose(
        fitted(model_class, shuffled).score(users),
        fitted(model_class, world.train).score(users),
        rtol=1e-4,
        atol=1e-5,
    )


def test_a_purchase_fades_with_its_age_before_the_newest():
    histories = Histories.of(
        np.array([0, 0, 0, 2, 2]),
        np.array([1, 2, 1, 0, 3]),
        np.array([0, 10, 30, 500, 500]),
        n_users=3,
        n_items=4,
        seed=0,
    )
    half = weighted_matrix(histories, 4, 10.0).toarray()
    # Customer 0: item 1 was bought again on day 30, the newest; item 2 is 20 days older.
    np.testing.assert_allclose(half, [[0, 1, 0.25, 0], [0, 0, 0, 0], [1, 0, 0, 1]])
    whole = weighted_matrix(histories, 4, None).toarray()
    np.testing.assert_array_equal(whole, [[0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]])


@pytest.mark.parametrize("model_class", MODELS)
def test_with_a_short_half_life_only_the_last_purchase_counts(model_class, world):
    train = world.train
    model = fitted(model_class, train, recency_half_life_days=0.1, popularity_weight=0.0)
    rows = np.flatnonzero(train.users == 7)
    newest = rows[np.argmax(train.days[rows])]
    faded = model.score(np.array([7]))
    told = model.follow(train.users[[newest]], train.items[[newest]], train.days[[newest]])
    alone = told.score(np.array([7]))
    if model_class is ALS:  # its penalty counts the purchases, so only the order is the same
        assert np.corrcoef(faded[0], alone[0])[0, 1] > 0.99
    else:
        np.testing.assert_allclose(faded, alone, rtol=1e-4, atol=1e-5)
