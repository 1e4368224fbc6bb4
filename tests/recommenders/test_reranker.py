"""The two stages of the reranker: counted by hand, solved another way, learnt from planted data."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import optuna
import pytest
from tests.recommenders.planted_tastes import ndcg_at_10, planted_world

from product_recommender.interactions import Interactions
from product_recommender.recommenders.histories import Histories
from product_recommender.recommenders.registry import load_recommender
from product_recommender.recommenders.reranker import Reranker, RerankerConfig
from product_recommender.recommenders.reranking_features import (
    feature_names,
    item_facts,
    propose,
)
from product_recommender.recommenders.reranking_lists import hold_out
from product_recommender.recommenders.reranking_signals import (
    SignalConfig,
    Signals,
    decayed,
    ease_weights,
)

SHORT = {"epochs": 2, "batch_size": 32}
COUNTED = SignalConfig(shrinkage=0.0, popularity_power=0.5, window=2, gap_decay=0.5)


def purchases(rows, n_users, n_items, categories=None):
    """Rows of (user, item, day)."""
    users, items, days = zip(*rows, strict=True)
    return Interactions(
        users=np.int32(users),
        items=np.int32(items),
        stars=np.full(len(users), 5, dtype=np.float32),
        days=np.int32(days),
        n_users=n_users,
        n_items=n_items,
        item_categories=np.int16(categories or [0] * n_items),
        categories=("a", "b"),
    )


# Three customers: 0 -> 1 -> 2, 0 -> 1, 1 -> 0.
SMALL = purchases(
    [(0, 0, 1), (0, 1, 2), (0, 2, 3), (1, 0, 1), (1, 1, 5), (2, 1, 1), (2, 0, 2)], 3, 4
)


def histories_of(train, seed=0):
    return Histories.of(train.users, train.items, train.days, train.n_users, train.n_items, seed)


def signals_of(train, config=COUNTED, is_ordered=True):
    return Signals.fit(train, histories_of(train), config, is_ordered)


# ---------------------------------------------------------------- first stage


def test_together_is_the_cosine_of_buyers():
    together = signals_of(SMALL).together.toarray()
    # Buyers: item 0 and 1 three each, item 2 one. All three bought 0 and 1; one 0 and 2.
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 3 / 3
    expected[0, 2] = expected[2, 0] = expected[1, 2] = expected[2, 1] = 1 / np.sqrt(3)
    np.testing.assert_allclose(together, expected, rtol=1e-6)


def test_next_has_a_direction_and_fades_with_the_gap():
    following = signals_of(SMALL).following.toarray()
    # 0 then 1: customers 0 and 1. 1 then 0: customer 2. 1 then 2 at once, 0 then 2 one in between.
    assert following[0, 1] == pytest.approx(2 / 3)
    assert following[1, 0] == pytest.approx(1 / 3)
    assert following[1, 2] == pytest.approx(1 / np.sqrt(3))
    assert following[0, 2] == pytest.approx(0.5 / np.sqrt(3))
    assert following[2].sum() == 0


def test_only_the_nearest_neighbours_are_kept():
    full = signals_of(SMALL).together
    few = signals_of(SMALL, COUNTED.model_copy(update={"neighbours": 1})).together
    assert full.nnz == 6
    assert np.diff(few.indptr).tolist() == [1, 1, 1, 0]
    assert few[0, 1] == full[0, 1]


def test_ease_solves_each_product_s_regression():
    rng = np.random.default_rng(0)
    import scipy.sparse

    x = (rng.random((40, 6)) < 0.3).astype(np.float32)
    weights = ease_weights(scipy.sparse.csr_matrix(x), 2.0)
    for item in range(6):
        others = np.delete(np.arange(6), item)
        ridge = np.linalg.solve(
            x[:, others].T @ x[:, others] + 2.0 * np.eye(5), x[:, others].T @ x[:, item]
        )
        np.testing.assert_allclose(weights[others, item], ridge, atol=1e-5)
        assert weights[item, item] == 0


def test_the_latest_purchase_weighs_most():
    weights = decayed(histories_of(SMALL), 4, 0.5).toarray()
    np.testing.assert_allclose(weights[0], [0.25, 0.5, 1.0, 0.0])
    np.testing.assert_allclose(weights[2], [1.0, 0.5, 0.0, 0.0])


def test_without_an_order_nothing_depends_on_one():
    plain = signals_of(SMALL, is_ordered=False)
    assert plain.names == ("popular", "together", "ease")
    without_ease = signals_of(SMALL, COUNTED.model_copy(update={"ease_items": 3}))
    assert "ease" not in without_ease.names


def test_popular_leans_to_the_customer_s_categories():
    train = purchases([(0, 0, 1), (1, 1, 1), (2, 1, 1), (3, 1, 1)], 4, 2, [0, 1])
    signals = signals_of(train, SignalConfig(smoothing=1.0, half_life_days=10.0))
    scores = dict(zip(signals.names, signals.scores(histories_of(train)), strict=True))["popular"]
    # Shares .25 and .75; customer 0 owns one of the first: (1 + .25) / 2 / .25, .75 / 2 / .75.
    np.testing.assert_allclose(scores[0], [1 * 2.5, 3 * 0.5], rtol=1e-6)


# ---------------------------------------------------------------- candidates


def test_candidates_are_new_to_their_customer_and_named_once():
    world = planted_world(n_users=80, n_items=60)
    histories = histories_of(world.train)
    signals = signals_of(world.train)
    found = propose(signals, item_facts(world.train), histories, per_signal=7, today=17_200)
    owned = histories.matrix(60).toarray()
    for row in range(80):
        items = found.items[row][found.is_real[row]]
        assert 7 <= len(items) == len(set(items.tolist()))
        assert owned[row, items].sum() == 0
    assert found.features.shape == (*found.items.shape, len(feature_names(signals)))
    assert np.isfinite(found.features).all()
    assert not found.features[~found.is_real].any()


def test_features_do_not_depend_on_who_else_is_asked():
    world = planted_world(n_users=50, n_items=40)
    histories, signals = histories_of(world.train), signals_of(world.train)
    facts = item_facts(world.train)
    together = propose(signals, facts, histories, 5, 17_200)
    alone = propose(signals, facts, histories.take(np.array([7])), 5, 17_200)
    np.testing.assert_array_equal(together.items[7], alone.items[0])
    np.testing.assert_allclose(together.features[7], alone.features[0], atol=1e-6)


def test_facts_of_products_by_hand():
    train = purchases([(0, 0, 0), (1, 0, 30), (2, 1, 30), (0, 2, 30)], 3, 3)
    facts = item_facts(train)
    # Item 0: two purchases, the older 30 days back; items 1 and 2 are alike, sold today only.
    np.testing.assert_array_equal(facts[1], facts[2])
    assert facts[0, 0] > facts[1, 0]  # purchases
    assert facts[0, 4] > facts[1, 4]  # age
    assert facts[0, 3] < facts[1, 3]  # trend: the fast half-life has forgotten more of item 0
    np.testing.assert_allclose(facts.mean(axis=0), 0, atol=1e-6)


# ---------------------------------------------------------------- what is held out


def test_held_out_by_time_a_day_stays_on_one_side():
    train = purchases(
        [(u, i, day) for u, (i, day) in enumerate([(0, 1)] * 6 + [(1, 2)] * 4)], 10, 2
    )
    early, late, _ = hold_out(train, "time", 0.2, 0, is_ordered=True)
    assert (len(early), len(late)) == (6, 4)
    assert early.days.max() < late.days.min()


def test_held_out_last_and_random_leave_everybody_something():
    rows = [(0, i, i) for i in range(10)] + [(1, 0, 5), (1, 1, 7), (2, 3, 1)]
    train = purchases(rows, 3, 10)
    early, late, _ = hold_out(train, "last", 0.2, 0, is_ordered=True)
    assert list(zip(late.users.tolist(), late.items.tolist(), strict=True)) == [(0, 9), (1, 1)]
    assert len(early) + len(late) == len(train)
    early, late, _ = hold_out(train, "random", 0.3, 0, is_ordered=True)
    assert np.bincount(late.users, minlength=3).tolist() == [3, 1, 0]
    assert np.bincount(early.users, minlength=3).tolist() == [7, 1, 1]


def test_time_without_days_means_random():
    train = purchases([(u, i, 0) for u in range(4) for i in range(5)], 4, 5)
    _, late, how = hold_out(train, "time", 0.2, 0, is_ordered=False)
    assert np.bincount(late.users, minlength=4).tolist() == [1, 1, 1, 1]
    assert "random" in how


def test_what_is_ranked_was_not_known_to_the_first_stage():
    """Features of the lists to learn from stay the same whatever the customers bought later."""
    world = planted_world(n_users=60, n_items=50)
    config = RerankerConfig(negatives=1000, proposals=20, training=SHORT)
    model = Reranker(config)
    model.n_users, model.n_items = 60, 50
    early, late, _ = hold_out(world.train, "time", 0.2, 0, is_ordered=True)
    other = replace(late, items=((late.items + 7) % 50).astype(np.int32))
    lists, changed = (model._lists_to_learn_from(early, later, True) for later in (late, other))

    def by_pair(found):
        return {
            (int(user), int(item)): found.candidates.features[row, column]
            for row, user in enumerate(found.customers)
            for column, item in enumerate(found.candidates.items[row])
            if found.candidates.is_real[row, column]
        }

    a, b = by_pair(lists), by_pair(changed)
    shared = a.keys() & b.keys()
    assert len(shared) > 500
    for pair in shared:
        np.testing.assert_array_equal(a[pair], b[pair])
    targets = late.matrix()
    assert lists.is_target.any(axis=1).all()
    for row, user in enumerate(lists.customers):
        asked = lists.candidates.items[row][lists.is_target[row]]
        assert targets[user, asked].sum() == len(asked)


# ---------------------------------------------------------------- the model


@pytest.fixture(scope="module")
def learnt():
    world = planted_world(n_users=600, n_items=200, seed=1)
    train = replace(
        world.train, days=np.where(world.train.days >= 0, 0, 0).astype(np.int32)
    )  # planted purchases have no order
    config = RerankerConfig(holdout_share=0.2, training={"epochs": 12, "batch_size": 64})
    model = Reranker(config).fit(train, world.validation)
    return world, train, model


def test_it_learns_more_than_the_signals_say(learnt):
    world, train, model = learnt
    untrained = Reranker(
        model.config.model_copy(
            update={"training": model.config.training.model_copy(update={"epochs": 0})}
        )
    ).fit(train)
    everyone = np.arange(600)
    oracle = ndcg_at_10(world.logits, train, world.test)
    first_stage, both = (
        ndcg_at_10(m.score(everyone), train, world.test) for m in (untrained, model)
    )
    popular = ndcg_at_10(
        np.tile(np.bincount(train.items, minlength=200), (600, 1)).astype(float), train, world.test
    )
    assert first_stage > 1.2 * popular
    assert both >= first_stage
    assert both > popular + 0.4 * (oracle - popular)
    assert model.fit_report["validation"][model.fit_report["best_epoch"]] == max(
        model.fit_report["validation"]
    )


def test_rebuilt_from_what_the_catalog_keeps_it_answers_the_same(learnt):
    _, _, model = learnt
    json.dumps(model.fit_report)
    config = json.loads(
        json.dumps({"model": "reranker", "parameters": model.config.model_dump(mode="json")})
    )
    again = load_recommender(model.state(), config)
    asked = np.array([3, 0, 599, 600, -1])
    np.testing.assert_array_equal(model.score(asked), again.score(asked))


def test_same_seed_same_weights():
    world = planted_world(n_users=60, n_items=40)
    config = RerankerConfig(training=SHORT, seed=3)
    a, b = (Reranker(config).fit(world.train, world.validation).state() for _ in range(2))
    for key in a:
        np.testing.assert_array_equal(a[key].numpy(), b[key].numpy(), err_msg=key)


def test_everything_is_ordered_candidates_first(learnt):
    _, train, model = learnt
    few = Reranker(model.config.model_copy(update={"proposals": 5}))
    few.fit(train)
    user = np.array([11])
    found = few._propose(few._histories.take(user))
    candidates = found.items[0][found.is_real[0]]
    rest = np.setdiff1d(np.arange(200), candidates)
    scores = few.score(user)[0]
    assert len(rest) > 100
    assert scores[candidates].min() > scores[rest].max()
    order = rest[np.argsort(-scores[rest], kind="stable")]
    np.testing.assert_array_equal(order, rest[np.argsort(-found.base[0][rest], kind="stable")])


def test_it_follows_purchases_of_customers_it_never_saw(learnt):
    _, train, model = learnt
    asked = np.array([600])
    assert model.uses_fallback(asked)[0]
    config = model.config.model_dump()
    copy = Reranker.from_state(model.state(), config)
    users = np.append(train.users, [600, 600])
    items = np.append(train.items, train.items[train.users == 5][:2])
    followed = copy.follow(users, items, np.zeros(len(users), dtype=np.int32))
    assert not followed.uses_fallback(asked)[0]
    answer, _ = followed.recommend(asked, 10)
    assert not set(answer[0].tolist()) & set(items[-2:].tolist())
    assert np.ptp(followed.score(asked)[0]) > 0


def test_one_purchase_is_enough():
    for rows, n_users, n_items in (([(0, 0, 5)], 1, 1), ([(0, 0, 5), (1, 1, 6)], 2, 3)):
        model = Reranker(RerankerConfig(training=SHORT)).fit(purchases(rows, n_users, n_items))
        assert model.fit_report["lists"] == 0
        assert np.isfinite(model.score(np.arange(n_users + 1))).all()
        again = Reranker.from_state(model.state(), model.config.model_dump())
        np.testing.assert_array_equal(again.score(np.array([0])), model.score(np.array([0])))


def test_what_tuning_suggests_is_a_valid_configuration():
    study = optuna.create_study()
    for _ in range(5):
        RerankerConfig(**Reranker.search_space(study.ask()))
