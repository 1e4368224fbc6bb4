"""The multimodal model: each modality alone, new products, explanations, keeping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from product_recommender.interactions import Interactions, ItemContent
from product_recommender.recommenders import multimodal_explaining as explaining
from product_recommender.recommenders.multimodal import Multimodal, MultimodalConfig
from product_recommender.recommenders.multimodal_network import Hidden
from product_recommender.recommenders.next_purchases import next_purchase_log_likelihood

N_USERS, N_ITEMS, N_NEW, DAYS = 150, 40, 12, 600
"""Customers, training products, products without a sale, days of purchases."""


@dataclass(frozen=True)
class Shop:
    """Customers buy products of their style and kind; text shows the kind, pictures the style."""

    train: Interactions
    wish: np.ndarray
    """float ``[users, products]``: how much each customer wants each product, new ones too."""
    stars: np.ndarray
    """float ``[users, products]``: expected stars."""


def make_shop(seed: int = 0, purchases: int = 8) -> Shop:
    rng = np.random.default_rng(seed)
    n = N_ITEMS + N_NEW
    style, kind = rng.normal(size=(n, 3)), np.eye(4)[rng.integers(4, size=n)]
    taste, need = rng.normal(size=(N_USERS, 3)), rng.normal(size=(N_USERS, 4))
    wish = 1.2 * taste @ style.T + 1.5 * need @ kind.T
    keys = wish[:, :N_ITEMS] + rng.gumbel(size=(N_USERS, N_ITEMS))
    items = rng.permuted(np.argsort(-keys, axis=1)[:, :purchases], axis=1)
    days = 17_000 + np.sort(rng.integers(DAYS, size=(N_USERS, purchases)), axis=1)
    liking = 3.5 + wish / 4 + 0.7 * style[:, 0]
    stars = np.clip(np.rint(np.take_along_axis(liking, items, 1)), 1, 5)
    text = kind @ rng.normal(size=(4, 10)) + 0.1 * rng.normal(size=(n, 10))
    image = style @ rng.normal(size=(3, 16)) + 0.1 * rng.normal(size=(n, 16))
    everything = np.ones(n, dtype=bool)
    return Shop(
        Interactions(
            users=np.repeat(np.arange(N_USERS, dtype=np.int32), purchases),
            items=items.ravel().astype(np.int32),
            stars=stars.ravel().astype(np.float32),
            days=days.ravel().astype(np.int32),
            n_users=N_USERS,
            n_items=N_ITEMS,
            item_categories=np.zeros(n, np.int16),
            categories=("All",),
            contents={
                "text": ItemContent(text.astype(np.float32), everything, "planted"),
                "image": ItemContent(image.astype(np.float32), everything, "planted"),
            },
        ),
        wish,
        np.clip(liking, 1, 5),
    )


def make(**settings: Any) -> Multimodal:
    training = {
        "epochs": 25,
        "batch_size": 128,
        "learning_rate": 0.01,
        "averaging": 0.9,
        "device": "cpu",
    }
    quick = {"width": 8, "dropout": 0.1, "explained_customers": 0}
    return Multimodal(MultimodalConfig(**(quick | {"training": training} | settings)))


def agreement(scores: np.ndarray, wish: np.ndarray, hidden: np.ndarray | None = None) -> float:
    """Mean over customers of how often the more wanted of two products scores higher."""
    found = []
    for row in range(len(scores)):
        kept = np.ones(len(wish[row]), bool) if hidden is None else ~hidden[row]
        mine, wanted = scores[row][kept], wish[row][kept]
        higher = np.sign(mine[:, None] - mine) * np.sign(wanted[:, None] - wanted)
        found.append(0.5 + 0.5 * higher[np.triu_indices(len(mine), 1)].mean())
    return float(np.mean(found))


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop()


@pytest.fixture(scope="module")
def fitted(shop: Shop) -> Multimodal:
    return make(explained_customers=80).fit(shop.train)


EVERYONE = np.arange(N_USERS)


# ---------------------------------------------------------------- what it knows


def test_it_ranks_by_tastes_and_each_modality_helps(shop: Shop, fitted: Multimodal) -> None:
    both = agreement(fitted.score(EVERYONE), shop.wish)
    assert both > 0.68
    alone = {}
    for name in ("text", "image"):
        model = make(modalities=(name, "time")).fit(shop.train)
        assert model.n_items_scored == N_ITEMS + N_NEW
        alone[name] = agreement(model.score(EVERYONE), shop.wish)
        assert alone[name] > 0.55
    assert both > sum(alone.values()) / 2


def test_new_products_are_ranked_by_content(shop: Shop, fitted: Multimodal) -> None:
    new = np.arange(N_ITEMS, N_ITEMS + N_NEW)
    assert agreement(fitted.score(EVERYONE, new), shop.wish[:, new]) > 0.65
    # On one scale with the others: neither all above them nor all below.
    items, _ = fitted.recommend(EVERYONE, 10, candidates=np.arange(N_ITEMS + N_NEW))
    share = float((items >= N_ITEMS).mean())
    fair = N_NEW / (N_NEW + N_ITEMS - 8)
    assert 0.3 * fair < share < 2.0 * fair
    # A product that is not listed at all ranks below every other.
    last, _ = fitted.recommend(EVERYONE, 3, exclude_seen=False, candidates=np.array([999, 0, 50]))
    assert (last[:, 2] == 999).all()


def test_without_ids_as_well_as_with_any_one_modality_hidden(shop: Shop, fitted: Multimodal):
    """Products lose one modality after training; the ranking stays sensible."""
    network, nobody = fitted._network, torch.zeros(N_ITEMS + N_NEW, dtype=torch.bool)
    everybody = ~nobody
    histories = fitted._histories.take(EVERYONE)
    asked = fitted._questions(histories, np.full(N_USERS, -1))
    for lost in ("ids", "text", "image"):
        hidden = Hidden(
            ids=everybody if lost == "ids" else nobody,
            sales=nobody,
            contents={name: everybody if lost == name else nobody for name in ("text", "image")},
        )
        with torch.inference_mode():
            view = network.view(hidden=hidden)
            scores = network.agreement(view, *network.read(view, asked))
        assert agreement(scores.numpy(), shop.wish) > 0.57, lost


def test_a_product_without_any_modality_is_scored_by_its_sales_alone(fitted: Multimodal) -> None:
    network = fitted._network
    nothing = torch.ones(network.n, dtype=torch.bool)
    hidden = Hidden(ids=nothing, sales=nothing, contents={"text": nothing, "image": nothing})
    with torch.inference_mode():
        view = network.view(hidden=hidden)
        states, gates = network.read(
            view, fitted._questions(fitted._histories.take(np.array([0])), np.array([-1]))
        )
        assert torch.equal(network.agreement(view, states, gates), torch.zeros(1, network.n))


def test_without_contents_it_is_a_model_of_ids_and_says_so(shop: Shop) -> None:
    bare = make(training={"epochs": 2, "device": "cpu"}).fit(replace(shop.train, contents={}))
    assert bare.n_items_scored == N_ITEMS
    assert bare.fit_report["modalities"] == ["ids", "time"]
    assert bare.fit_report["left_out"] == {
        "text": "0 of 40 training products have it",
        "image": "0 of 40 training products have it",
    }
    with pytest.raises(ValueError, match=r"nothing to tell products apart by: .*text: 0 of 40"):
        make(modalities=("text", "time")).fit(replace(shop.train, contents={}))


def test_purchases_of_a_single_day_leave_time_out(shop: Shop) -> None:
    one_day = replace(shop.train, days=np.full_like(shop.train.days, 17_000))
    model = make(training={"epochs": 1, "device": "cpu"}).fit(one_day)
    assert model.fit_report["left_out"] == {"time": "all purchases are of one day"}
    assert not model._network.has_time


@pytest.mark.parametrize(
    ("modalities", "message"),
    [(("time",), "time alone"), (("ids", "ids"), "twice"), ((), "at least 1")],
)
def test_modalities_that_make_no_sense_are_refused(modalities, message) -> None:
    with pytest.raises(ValidationError, match=message):
        MultimodalConfig(modalities=modalities)


# ---------------------------------------------------------------- time


def test_what_sells_now_comes_first_for_strangers() -> None:
    """Half of the products sold in the first year, the others in the second, none of them more."""
    rng = np.random.default_rng(0)
    n = 2000
    days = np.sort(rng.integers(720, size=n))
    items = rng.integers(10, size=n) + 10 * (days >= 360)
    world = Interactions(
        users=np.arange(n, dtype=np.int32),
        items=items.astype(np.int32),
        stars=np.full(n, 4, np.float32),
        days=(17_000 + days).astype(np.int32),
        n_users=n,
        n_items=20,
        item_categories=np.zeros(20, np.int16),
        categories=("All",),
    )
    stranger = np.array([n + 5])
    timely = make(training={"epochs": 0, "device": "cpu"}).fit(world)
    assert set(timely.recommend(stranger, 10)[0][0]) == set(range(10, 20))
    assert not timely.uses_fallback(stranger).any()
    # Without time there is no difference between the halves.
    timeless = make(modalities=("ids",), training={"epochs": 0, "device": "cpu"}).fit(world)
    gap = timeless.score(stranger)[0].reshape(2, 10).mean(axis=1)
    assert abs(gap[0] - gap[1]) < 0.2 * abs(np.subtract(*timely.score(stranger)[0][[5, 15]]))


# ---------------------------------------------------------------- being told


def test_customers_and_products_that_are_new_since_training(shop: Shop, fitted: Multimodal) -> None:
    newcomer, new = N_USERS + 3, N_ITEMS + 2
    train = shop.train
    users = np.append(train.users, [newcomer, newcomer])
    items = np.append(train.items, [new, 0])
    days = np.append(train.days, [17_700, 17_700])
    told = fitted.follow(users, items, days)
    assert told.is_known(np.array([newcomer, N_USERS + 4])).tolist() == [True, False]
    assert not fitted.is_known(np.array([newcomer])).any()
    listed = told.recommend(np.array([newcomer]), 60, candidates=np.arange(N_ITEMS + N_NEW))[0]
    assert not {new, 0} & set(listed[0].tolist())
    # What the newcomer bought says more than that nobody knows them.
    assert not np.allclose(told.score(np.array([newcomer])), told.score(np.array([-1])))
    # A first sale makes a new product one that sells.
    many = fitted.follow(
        np.append(users, np.arange(1000, 1100)),
        np.append(items, np.full(100, new)),
        np.append(days, np.full(100, 17_700)),
    )
    rank = [list(np.argsort(-m.score(np.array([-1]))[0])).index(new) for m in (fitted, many)]
    assert rank[1] < 3 < 10 < rank[0]


# ---------------------------------------------------------------- stars


def test_stars_are_no_worse_than_averages_and_known_for_new_products(shop: Shop) -> None:
    from product_recommender.recommenders.bias import Bias

    model = make(training={"epochs": 0, "device": "cpu"}).fit(shop.train)
    users = np.repeat(EVERYONE, N_ITEMS + N_NEW)
    items = np.tile(np.arange(N_ITEMS + N_NEW), N_USERS)
    averages = Bias().fit(shop.train)

    def error(model: Any, kept: np.ndarray) -> float:
        left = model.predict(users[kept], items[kept]) - shop.stars.ravel()[kept]
        return float(np.sqrt(np.mean(left**2)))

    assert error(model, items < N_ITEMS) < 0.995 * error(averages, items < N_ITEMS)
    assert error(model, items >= N_ITEMS) < 0.95 * error(averages, items >= N_ITEMS)


# ---------------------------------------------------------------- explanations


def test_an_explanation_adds_up_to_the_score(fitted: Multimodal) -> None:
    explainer = explaining.Explainer(fitted)
    for user, item in ((3, 1), (9, N_ITEMS + 4), (N_USERS + 7, 2)):
        scores = fitted.score(np.array([user]))[0].astype(np.float64)
        lifts, _, _ = explainer.parts(user, item)
        assert set(lifts) == {"ids", "text", "image", "time"}
        assert sum(lifts.values()) == pytest.approx(scores[item] - scores.mean(), abs=1e-4)


def test_what_is_explained_to_a_shopper(shop: Shop, fitted: Multimodal) -> None:
    bought = set(shop.train.items[shop.train.users == 5].tolist())
    explanation = fitted.explain(5, N_ITEMS + 1)
    assert explanation is not None
    assert sum(explanation.modality_weights.values()) == pytest.approx(1)
    assert min(explanation.modality_weights.values()) >= 0
    items, shares = zip(*explanation.history, strict=True)
    assert set(items) <= bought
    assert list(shares) == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0
    assert explanation.uses_attention
    stranger = fitted.explain(N_USERS + 50, 0)
    assert stranger is not None
    assert stranger.history == []
    assert fitted.explain(5, N_ITEMS + N_NEW) is None
    assert fitted.explain(5, -1) is None


def test_the_purchases_that_are_named_are_those_that_count(fitted: Multimodal) -> None:
    found = fitted.fit_report["explanation_check"]
    assert found["customers"] == 80
    assert found["passed"]
    assert 0 < found["low"] < found["difference"] < found["high"]
    assert found["fall_without_named"] > found["fall_without_random"]


def test_explanations_that_name_the_wrong_purchases_fail(
    fitted: Multimodal, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = explaining.Explainer.parts

    def reversed_parts(self: Any, user: int, item: int) -> Any:
        lifts, purchases, of_purchases = honest(self, user, item)
        return lifts, purchases, -of_purchases

    monkeypatch.setattr(explaining.Explainer, "parts", reversed_parts)
    found = explaining.check_explanations(fitted, 80)
    assert not found["passed"]
    assert found["high"] < 0


def test_untested_explanations_do_not_count(shop: Shop) -> None:
    model = make(training={"epochs": 1, "device": "cpu"}).fit(shop.train)
    assert model.fit_report["explanation_check"] == {"customers": 0, "passed": False}
    explanation = model.explain(0, 1)
    assert explanation is not None
    assert not explanation.uses_attention


# ---------------------------------------------------------------- keeping and size


def test_rebuilt_it_scores_and_explains_the_same(fitted: Multimodal) -> None:
    parameters = fitted.config.model_dump(mode="json")
    again = Multimodal.from_state(fitted.state(), parameters)
    assert again.n_items_scored == N_ITEMS + N_NEW
    np.testing.assert_array_equal(again.score(EVERYONE), fitted.score(EVERYONE))
    pairs = EVERYONE[:50], np.arange(50)
    np.testing.assert_array_equal(again.predict(*pairs), fitted.predict(*pairs))
    assert again.explain(4, 45) == fitted.explain(4, 45)
    without_time = make(modalities=("text",), training={"epochs": 1, "device": "cpu"})
    without_time.fit(make_shop().train)
    other = Multimodal.from_state(without_time.state(), without_time.config.model_dump(mode="json"))
    np.testing.assert_array_equal(other.score(EVERYONE), without_time.score(EVERYONE))


def test_drawn_products_lead_to_the_same_ranking(shop: Shop, fitted: Multimodal) -> None:
    drawn = make(all_items_up_to=0, negatives=60).fit(shop.train)
    found = agreement(drawn.score(EVERYONE), shop.wish)
    assert found > agreement(fitted.score(EVERYONE), shop.wish) - 0.04


# ---------------------------------------------------------------- early stopping


def test_the_likelihood_of_what_came_next_is_that_of_what_was_not_bought_yet(
    fitted: Multimodal, shop: Shop
) -> None:
    bought = shop.train.items[shop.train.users == 0]
    new = int(np.setdiff1d(np.arange(N_ITEMS), bought)[0])
    rows = shop.train.take(np.zeros(2, dtype=np.int64))
    asked = replace(rows, items=np.array([new, bought[0]], dtype=np.int32))
    scores = fitted.score(np.array([0]))[0, :N_ITEMS].astype(np.float64)
    left = np.delete(scores, bought)
    expected = scores[new] - np.log(np.exp(left).sum())
    assert next_purchase_log_likelihood(fitted, asked) == pytest.approx(expected, abs=1e-5)
    # A customer who owns everything, and nobody at all, say nothing.
    everything = fitted.follow(np.zeros(N_ITEMS, int), np.arange(N_ITEMS), np.full(N_ITEMS, 17_600))
    assert next_purchase_log_likelihood(everything, asked) == 0.0
