"""``transformer``, ``lstm`` and ``lstm_custom``: what they learn, keep and refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from product_recommender.interactions import Interactions
from product_recommender.recommenders.lstm import LSTM, LSTMCustom
from product_recommender.recommenders.next_purchases import next_purchase_ndcg
from product_recommender.recommenders.sequence_training import SequenceRecommender
from product_recommender.recommenders.transformer import Transformer

N_ITEMS = 12
TRAINING = {"epochs": 25, "batch_size": 40, "learning_rate": 0.03, "patience": 30, "device": "cpu"}
SMALL = {"width": 16, "dropout": 0.0, "max_length": 10, "negatives": 8}
ALL: list[type[SequenceRecommender]] = [Transformer, LSTM, LSTMCustom]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make(cls: type[SequenceRecommender], **settings: Any) -> SequenceRecommender:
    training = TRAINING | settings.pop("training", {})
    components = {"feature_components": 4} if cls is LSTMCustom else {}
    return cls(cls.Config(**(SMALL | components | {"training": training} | settings)))


def purchases(
    rows: list[tuple[int, int, int]], n_users: int, n_items: int = N_ITEMS
) -> Interactions:
    """From (user, item, day)."""
    users, items, days = np.array(rows, dtype=np.int32).T
    return Interactions(
        users=users,
        items=items,
        stars=np.full(len(rows), 5.0, dtype=np.float32),
        days=days,
        n_users=n_users,
        n_items=n_items,
        item_categories=np.zeros(n_items, dtype=np.int16),
        categories=("Furniture",),
        item_features=np.eye(n_items, dtype=np.float32),
    )


def circle(n_users: int = 120, length: int = 5, seed: int = 0) -> Interactions:
    """Everybody buys item after item round a circle, from a random place on it."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(N_ITEMS, size=n_users)
    rows = [
        (u, int(starts[u] + t) % N_ITEMS, 100 + 3 * t)
        for u in range(n_users)
        for t in range(length)
    ]
    return purchases(rows, n_users)


def first_choices(model: SequenceRecommender, users: np.ndarray) -> np.ndarray:
    return model.recommend(users, 1)[0][:, 0]


@pytest.mark.parametrize("cls", ALL)
def test_the_next_item_round_a_circle_is_learnt_for_customers_never_trained_on(
    cls: type[SequenceRecommender],
) -> None:
    model = make(cls).fit(circle())
    new = np.arange(N_ITEMS)
    asked = model.follow(
        np.repeat(new + 500, 2),
        np.stack([new, (new + 1) % N_ITEMS], axis=1).ravel(),
        np.tile([200, 203], N_ITEMS),
    )
    assert first_choices(asked, new + 500).tolist() == ((new + 2) % N_ITEMS).tolist()
    assert not asked.uses_fallback(new + 500).any()
    assert model.uses_fallback(new + 500).all()  # it has not been told of them


@pytest.mark.parametrize("loss", ["sampled_softmax", "gbce", "bce"])
def test_every_loss_learns_the_circle(loss: str) -> None:
    # gbce begins slowly: its many negatives first push everything down.
    training = {"learning_rate": 0.01, "epochs": 60} if loss == "gbce" else {}
    model = make(Transformer, loss=loss, training=training).fit(circle())
    right = (circle().items.reshape(-1, 5)[:, -1] + 1) % N_ITEMS
    # The whole training history is on the circle; the next item was never in it.
    assert (first_choices(model, np.arange(120)) == right).mean() > 0.8  # chance: 1 in 7


@pytest.mark.parametrize("cls", [Transformer, LSTM])
def test_days_to_the_moment_of_asking_decide_where_they_matter(
    cls: type[SequenceRecommender],
) -> None:
    # After item 0 comes item 1 where it comes within days, item 2 where it takes most of a year.
    rows = []
    for u in range(80):
        gap, then = (2, 1) if u % 2 else (300, 2)
        rows += [(u, 0, 1000 - gap), (u, then, 1000)]
    train = purchases(rows, 80, n_items=3)
    told: dict[bool, list[int]] = {}
    for time_aware in (True, False):
        model = make(cls, time_aware=time_aware, trend_half_lives=()).fit(train)
        # Somebody's purchase on day 999 makes 1000 the day of asking.
        asked = model.follow(np.array([900, 901, 902]), np.zeros(3, int), np.array([998, 700, 999]))
        told[time_aware] = first_choices(asked, np.array([900, 901])).tolist()
    assert told[True] == [1, 2]
    assert told[False][0] == told[False][1]


def test_customers_with_one_purchase_teach_what_sells_and_what_sells_now() -> None:
    # Item 1 sold 60 times, long ago; item 2 sold 30 times of late; item 0 to few throughout.
    rows = [(u, 1, u) for u in range(60)]
    rows += [(60 + i, 2, 1000 + i) for i in range(30)]
    rows += [(90 + i, 0, 120 * i) for i in range(8)]
    train = purchases(rows, 98, n_items=3)
    asked = np.array([97])  # bought item 0
    by_trend = make(Transformer, training={"epochs": 20}).fit(train)
    fixed = make(Transformer, training={"epochs": 20}, trend_half_lives=(), time_aware=False)
    assert first_choices(by_trend, asked).tolist() == [2]
    assert first_choices(fixed.fit(train), asked).tolist() == [1]
    recent = make(
        Transformer,
        training={"epochs": 20},
        trend_half_lives=(),
        time_aware=False,
        recency_half_life_days=60.0,
    )
    assert first_choices(recent.fit(train), asked).tolist() == [2]


def test_newer_purchases_move_the_trends_without_training() -> None:
    train = purchases([(u, 1, u) for u in range(60)] + [(60, 0, 59), (61, 2, 59)], 62, n_items=3)
    model = make(Transformer, training={"epochs": 5}, time_aware=False).fit(train)
    fashion = model.follow(
        np.arange(100, 300), np.r_[0, np.full(199, 2)], np.r_[400, np.full(199, 400)]
    )
    assert first_choices(model, np.array([60])).tolist() == [1]
    assert first_choices(fashion, np.array([100])).tolist() == [2]


def test_data_without_days_keep_the_popularity_they_were_trained_with() -> None:
    rows = [(u, 1 + (u % 10 == 0), 0) for u in range(60)] + [(60, 0, 0)]
    train = purchases(rows, 61, n_items=3)
    model = make(Transformer, training={"epochs": 10}).fit(train)
    shares = torch.from_numpy(model.score(np.array([60]))).softmax(dim=1)[0]
    # 54 of 61 first purchases are item 1; a trend counted at the moment of asking would add to it.
    assert shares[1].item() == pytest.approx(54 / 61, abs=0.08)


def test_features_say_what_a_rare_item_is_like() -> None:
    # Customers of even items buy even items; item 11 was bought once, but has odd items' features.
    rng = np.random.default_rng(0)
    rows = []
    for u in range(200):
        own = rng.permutation(np.arange(u % 2, 10, 2))[:4]
        rows += [(u, int(item), 100 + t) for t, item in enumerate(own)]
    rows += [(200, 10, 100), (201, 11, 100)]
    train = purchases(rows, 202)
    parity = np.stack([np.arange(N_ITEMS) % 2, 1 - np.arange(N_ITEMS) % 2], axis=1)
    train = replace(train, item_features=parity.astype(np.float32))
    decaying = {"epochs": 15, "weight_decay": 0.3}  # free vectors shrink where features explain
    model = make(LSTMCustom, trend_half_lives=(), training=decaying).fit(train)
    scores = model.score(np.arange(200), np.array([10, 11]))
    odd = np.arange(200) % 2 == 1
    assert ((scores[:, 1] > scores[:, 0]) == odd).mean() > 0.95


@pytest.mark.parametrize("cls", ALL)
def test_kept_and_loaded_it_answers_the_same(cls: type[SequenceRecommender], tmp_path) -> None:
    train = circle(40)
    model = make(cls, training={"epochs": 2}, temperature=0.2).fit(train)
    model.save(tmp_path)
    loaded = cls.load(tmp_path)
    users = np.array([3, 39, 77, -1])
    np.testing.assert_array_equal(loaded.score(users), model.score(users))
    assert json.loads(json.dumps(model.fit_report)) == model.fit_report
    followed = [
        m.follow(np.array([77, 77]), np.array([1, 2]), np.array([300, 301])).score(users)
        for m in (model, loaded)
    ]
    np.testing.assert_array_equal(*followed)


def test_the_same_seed_trains_the_same_model_and_another_one_another() -> None:
    train, users = circle(40), np.arange(40)
    short = {"training": {"epochs": 2}, "loss": "sampled_softmax"}
    once, again, other = (
        make(Transformer, seed=seed, **short).fit(train).score(users) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - other).max() > 1e-3


def test_early_stopping_looks_at_the_next_purchases() -> None:
    train = circle()
    ends = train.items.reshape(-1, 5)[:, -1]
    right = [(u, int(ends[u] + 1) % N_ITEMS, 130) for u in range(120)]
    model = make(Transformer, training={"epochs": 12}).fit(train, purchases(right, 120))
    scores = model.fit_report["validation"]
    assert len(scores) == 13
    assert scores[0] < 0.7
    assert max(scores) > 0.97
    # Asked for the last item that it cannot recommend, what was bought already, it scores nothing.
    bought = [(u, int(ends[u]), 130) for u in range(120)]
    assert next_purchase_ndcg(model, purchases(bought, 120)) == 0.0
    assert model.fit_report["validated_on"] == "NDCG@10 of 120 next purchases"


def test_impossible_settings_are_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="divisor of width"):
        Transformer.Config(width=10, heads=4)
    with pytest.raises(ValidationError, match="loss"):
        Transformer.Config(loss="hinge")
    with pytest.raises(ValueError, match=r"lstm_custom .* no item_features"):
        make(LSTMCustom).fit(replace(circle(10), item_features=None))
