"""Matrix factorization and the NCF family on a small world with planted tastes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.recommenders.planted_tastes import World, ndcg_at_10, planted_world, rmse

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import Recommender
from product_recommender.recommenders.matrix_factorization import (
    MatrixFactorization,
    StarBiasConfig,
    star_biases,
)
from product_recommender.recommenders.ncf import (
    NCFCustom,
    NCFHybrid,
    NCFRandom,
)
from product_recommender.recommenders.ncf_negative_sampling import NCFNegativeSampling
from product_recommender.recommenders.ncf_per_segment import NCFPerSegment, segment_world
from product_recommender.recommenders.networks import NeuMF, Side
from product_recommender.recommenders.neural_inputs import principal_components, recency_weights
from product_recommender.recommenders.ridge import best_ridge
from product_recommender.recommenders.training import TrainingDivergedError

FAST = {"epochs": 30, "batch_size": 1024, "learning_rate": 0.02, "patience": 4, "device": "cpu"}
ONE_EPOCH = FAST | {"epochs": 1}
ALL = [MatrixFactorization, NCFRandom, NCFCustom, NCFHybrid, NCFNegativeSampling, NCFPerSegment]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tiny batches on a busy machine are fastest, and comparable, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def world() -> World:
    return planted_world(n_users=500, n_segments=3)


def make(cls: type[Recommender], **settings) -> Recommender:
    settings = {"training": FAST} | settings
    if cls is NCFPerSegment:
        settings = {"min_purchases": 100, "segment_epochs": 2} | settings
    return cls(cls.Config(**settings))


@pytest.fixture(scope="module")
def fitted(world: World) -> dict[type[Recommender], Recommender]:
    return {cls: make(cls).fit(world.train, world.validation) for cls in ALL}


def everyone(world: World) -> np.ndarray:
    return np.arange(world.train.n_users)


def bias_prediction(world: World, rows: Interactions) -> np.ndarray:
    mean, users, items = star_biases(world.train, StarBiasConfig())
    return np.clip(mean + users[rows.users] + items[rows.items], 1, 5)


# ---------------------------------------------------------------- what they have to find


@pytest.mark.parametrize("cls", [MatrixFactorization, NCFRandom, NCFCustom, NCFHybrid])
def test_stars_beat_the_biases(cls, world, fitted) -> None:
    test = world.test
    baseline = rmse(bias_prediction(world, test), test.stars)
    floor = rmse(np.clip(world.stars[test.users, test.items], 1, 5), test.stars)
    found = rmse(fitted[cls].predict(test.users, test.items), test.stars)
    assert baseline - found > 0.1 * (baseline - floor)


@pytest.mark.parametrize("cls", ALL[1:])
def test_rankings_beat_popularity(cls, world, fitted) -> None:
    counts = np.bincount(world.train.items, minlength=world.train.n_items).astype(float)
    popular = ndcg_at_10(np.tile(counts, (world.train.n_users, 1)), world.train, world.test)
    oracle = ndcg_at_10(world.logits, world.train, world.test)
    found = ndcg_at_10(fitted[cls].score(everyone(world)), world.train, world.test)
    assert found - popular > 0.25 * (oracle - popular)


def test_custom_lives_on_its_features(world, fitted) -> None:
    rng = np.random.default_rng(5)
    shuffled = replace(
        world.train,
        user_features=rng.permutation(world.train.user_features),
        item_features=rng.permutation(world.train.item_features),
    )
    blind = make(NCFCustom).fit(shuffled, world.validation)
    seeing = ndcg_at_10(fitted[NCFCustom].score(everyone(world)), world.train, world.test)
    assert seeing > 1.3 * ndcg_at_10(blind.score(everyone(world)), world.train, world.test)


def test_custom_rates_a_product_that_was_never_bought(world) -> None:
    # The last 40 products lose their purchases; their features stay listed.
    n = world.train.n_items - 40
    seen = world.train.take(world.train.items < n)
    train = replace(seen, n_items=n)
    model = make(NCFCustom).fit(train, replace(world.validation, n_items=n))
    users, items = np.arange(200).repeat(40), np.tile(np.arange(n, n + 40), 200)
    predicted, truth = model.predict(users, items), world.stars[users, items]
    mean, user_bias, _ = star_biases(train, StarBiasConfig())
    assert rmse(predicted, truth) < 0.95 * rmse(mean + user_bias[users], truth)


def test_purchase_probabilities_are_calibrated(world, fitted) -> None:
    model = fitted[NCFNegativeSampling]
    users = np.arange(world.train.n_users).repeat(world.train.n_items)
    items = np.tile(np.arange(world.train.n_items), world.train.n_users)
    probability = model.predict(users, items)
    bought = world.train.matrix().toarray().ravel()
    # Four sampled negatives a purchase make one pair in five a purchase; the truth is 8 %.
    assert probability.mean() == pytest.approx(bought.mean(), rel=0.25)
    likely = probability > 0.2
    assert probability[likely].mean() == pytest.approx(bought[likely].mean(), rel=0.35)


def test_popular_negatives_are_corrected_for(world) -> None:
    # Popular negatives alone would teach that popularity says nothing; the correction restores it.
    model = make(NCFNegativeSampling, negative_popularity=1.0).fit(world.train, world.validation)
    popularity = np.log1p(np.bincount(world.train.items, minlength=world.train.n_items))
    scores = model.score(everyone(world)).mean(axis=0)
    assert np.corrcoef(scores, popularity)[0, 1] > 0.6
    assert np.polyfit(popularity, scores, 1)[0] > 0.5


def test_recent_purchases_weigh_more_where_asked() -> None:
    weights = recency_weights(np.array([0, 10, 20]), 10.0)
    assert weights / weights[2] == pytest.approx([0.25, 0.5, 1.0])
    assert weights.mean() == pytest.approx(1.0)
    assert recency_weights(np.array([0, 10]), None).tolist() == [1.0, 1.0]


def test_recency_moves_the_ranking_to_what_sells_now() -> None:
    # Item 0 sold only long ago, item 1 only lately, equally often, to everybody alike.
    n = 200
    users = np.arange(2 * n, dtype=np.int32) % n
    old = np.arange(2 * n) < n
    items = np.where(old, users % 2 * 2, 1 + users % 2 * 2).astype(np.int32)
    days = np.where(old, 0, 300).astype(np.int32)
    train = Interactions(
        users, items, np.full(2 * n, 4, np.float32), days, n, 4, np.zeros(4, np.int16), ("A",)
    )
    gaps = []
    for half_life in (None, 30.0):
        model = make(NCFNegativeSampling, recency_half_life_days=half_life).fit(train)
        scores = model.score(np.arange(n)).mean(axis=0)
        gaps.append(scores[[1, 3]].mean() - scores[[0, 2]].mean())
    assert gaps[1] > gaps[0] + 0.3


# ---------------------------------------------------------------- keeping and repeating


@pytest.mark.parametrize("cls", ALL)
def test_state_round_trip_answers_the_same(cls, world, fitted, tmp_path) -> None:
    model = fitted[cls]
    model.save(tmp_path)
    again = cls.load(tmp_path)
    users = np.array([0, 1, 2, 3, 499, 10_000])
    items = np.array([5, 199, 300, -1, 7, 8])
    np.testing.assert_array_equal(model.score(users), again.score(users))
    np.testing.assert_array_equal(model.predict(users, items), again.predict(users, items))
    assert again.ranks_by == model.ranks_by
    json.dumps(model.fit_report)


@pytest.mark.parametrize("cls", ALL)
def test_same_seed_same_weights(cls, world) -> None:
    small = planted_world(60, 30, 10, n_segments=2)
    states = []
    for seed in (3, 3, 4):
        torch.manual_seed(len(states))
        model = make(cls, seed=seed, training=ONE_EPOCH).fit(small.train, small.validation)
        states.append(model.state())
    assert states[0].keys() == states[1].keys()
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key
    assert any(not torch.equal(value, states[2][key]) for key, value in states[0].items())


# ---------------------------------------------------------------- strangers and small worlds


@pytest.mark.parametrize("cls", [MatrixFactorization, NCFRandom, NCFPerSegment])
def test_strangers_get_what_is_known_of_the_other_side(cls, world, fitted) -> None:
    model, n_users, n_items = fitted[cls], world.train.n_users, world.train.n_items
    stranger = model.predict(np.full(n_items, n_users + 5), np.arange(n_items))
    counts = np.bincount(world.train.items, weights=world.train.stars, minlength=n_items)
    means = counts / np.maximum(np.bincount(world.train.items, minlength=n_items), 1)
    assert np.corrcoef(stranger, means)[0, 1] > 0.9
    nobody = model.predict(np.array([-1]), np.array([n_items + 9]))
    assert nobody[0] == pytest.approx(world.train.stars.mean(), abs=0.1)
    scores = model.score(np.array([-1, n_users]))
    np.testing.assert_array_equal(scores[0], scores[1])


def test_probabilities_of_strangers(world, fitted) -> None:
    model, n = fitted[NCFNegativeSampling], world.train.n_items
    probability = model.predict(np.full(n + 1, -1), np.arange(n + 1))
    assert np.isfinite(probability).all()
    assert np.all((probability > 0) & (probability < 1))
    popularity = np.bincount(world.train.items, minlength=n)
    assert np.corrcoef(probability[:n], popularity)[0, 1] > 0.5
    assert probability[n] <= np.median(probability)


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("shape", ["one user", "one item", "one pair", "equal stars"])
def test_tiny_worlds_do_not_crash(cls, shape) -> None:
    n_users, n_items = {"one user": (1, 5), "one item": (5, 1), "one pair": (1, 1)}.get(
        shape, (6, 4)
    )
    users, items = (a.ravel().astype(np.int32) for a in np.indices((n_users, n_items)))
    rng = np.random.default_rng(0)
    stars = np.full(len(users), 5) if shape == "equal stars" else rng.integers(1, 6, len(users))
    train = Interactions(
        users=users,
        items=items,
        stars=stars.astype(np.float32),
        days=np.zeros(len(users), np.int32),
        n_users=n_users,
        n_items=n_items,
        item_categories=np.zeros(n_items + 1, np.int16),
        categories=("A",),
        user_features=np.zeros((n_users, 3), np.float32),
        item_features=np.zeros((n_items, 2), np.float32),
        user_segments=np.zeros(n_users, np.int16),
        segments=("all", "none"),
    )
    model = make(cls, training=ONE_EPOCH).fit(train, train.take(slice(0, 0)))
    assert np.isfinite(model.score(np.arange(n_users + 1))).all()
    predicted = model.predict(users, items)
    assert np.isfinite(predicted).all()
    if shape == "equal stars" and model.predicts == "stars":
        assert predicted == pytest.approx(np.full(len(users), 5.0), abs=0.2)
    lists, _ = model.recommend(np.array([0]), 3)
    assert (lists == -1).all()  # everything has been bought


def test_divergence_is_an_error_that_names_the_model(world) -> None:
    train = replace(world.train, stars=world.train.stars.copy())
    model = make(NCFRandom, training=ONE_EPOCH | {"learning_rate": 1e30})
    with pytest.raises(TrainingDivergedError, match="ncf_random"):
        model.fit(train, world.validation)


def test_missing_features_and_segments_are_named(world) -> None:
    bare = replace(world.train, item_features=None)
    with pytest.raises(ValueError, match=r"ncf_custom.*no item_features"):
        make(NCFCustom).fit(bare)
    with pytest.raises(ValueError, match=r"ncf_hybrid.*no user_features and no item_features"):
        make(NCFHybrid).fit(replace(bare, user_features=None))
    with pytest.raises(ValueError, match="segmentation"):
        make(NCFPerSegment).fit(replace(world.train, user_segments=None))


# ---------------------------------------------------------------- ranking by stars, segments


def test_rank_by_stars_sorts_by_stars_and_says_so(world, fitted) -> None:
    model = make(NCFRandom, rank_by="stars").fit(world.train, world.validation)
    assert model.ranks_by == "predicted stars"
    assert fitted[NCFRandom].ranks_by == "purchase score (joint head)"
    items = np.arange(world.train.n_items)
    expected = model.predict(np.full(len(items), 7), items)
    scores = model.score(np.array([7]))[0]
    np.testing.assert_allclose(np.clip(scores, 1, 5), expected, atol=1e-5)


def test_scores_of_all_pairs_equal_the_network_pair_by_pair(world, fitted) -> None:
    model = fitted[NCFRandom]
    network, users = model._network, torch.arange(3)
    items = torch.arange(world.train.n_items).repeat(3, 1)
    with torch.inference_mode():
        _, logits, _ = network(users, items)
        np.testing.assert_allclose(model.score(users.numpy()), logits.numpy(), atol=1e-4)
        # Blocks over users and items do not change a number.
        side = network.item_side(network.items.all())
        whole = network.score_block(1, network.users(users), side)
        narrow = torch.cat(
            [
                network.score_block(1, network.users(users), side[i : i + 7])
                for i in range(0, len(side), 7)
            ],
            dim=1,
        )
    np.testing.assert_allclose(whole.numpy(), narrow.numpy(), atol=1e-5)


def test_the_split_first_layer_is_the_layer_of_the_joined_vector() -> None:
    torch.manual_seed(0)
    network = NeuMF(Side(4, 5, True, None), Side(6, 5, True, None), 2, 3, (7,), 0.0, torch.zeros(6))
    network.eval()
    with torch.inference_mode():
        u, i = network.users.table[1].detach(), network.items.table[2].detach()
        weight = torch.cat([network.user_layer.weight, network.item_layer.weight], dim=1)
        hidden = torch.relu(weight @ torch.cat([u[2:], i[2:]]) + network.item_layer.bias)
        expected = (network.gmf_heads[1] * u[:2] * i[:2]).sum() + network.mlp_heads[1] @ hidden
        _, logits, penalty = network(torch.tensor([1]), torch.tensor([[2]]))
    assert float(logits) == pytest.approx(float(expected), abs=1e-5)
    assert float(penalty) == pytest.approx((u @ u + i @ i).item(), abs=1e-5)


def test_segments_have_their_own_networks_and_small_ones_share(world) -> None:
    sizes = np.array([300, 180, 20]).cumsum()
    train = replace(
        world.train,
        user_segments=np.searchsorted(sizes, np.arange(500), side="right").astype(np.int16),
        segments=("big", "middle", "tiny"),
    )
    model = make(
        NCFPerSegment, min_purchases=1000, segments={"big": {"training": {"epochs": 1}}}
    ).fit(train, world.validation)
    report = model.fit_report["segments"]
    assert report["tiny"] == "global"
    assert report["big"]["epochs"] == 1
    assert report["middle"]["epochs"] == 2
    assert report["big"]["warm_started"] > 5
    keys = {key.split("/")[0] + "/" + key.split("/")[1] for key in model._state() if "/" in key}
    assert keys == {"global/network", "global/stars", "segment/0", "segment/1"}
    shared = model._networks[-1]
    tiny, big = np.arange(480, 500), np.arange(0, 300)
    np.testing.assert_allclose(model.score(tiny), shared.score(tiny), atol=1e-6)
    # With tune customers a segment may find the global network best; without, it trains to the end.
    free = NCFPerSegment(model.config).fit(train)
    assert np.abs(free.score(big) - free._networks[-1].score(big)).max() > 0.01
    mixed = np.array([499, 0, 300])
    np.testing.assert_allclose(model.score(mixed)[2], model.score(np.array([300]))[0], atol=1e-5)


def test_settings_for_an_absent_segment_are_named_and_left(world, caplog) -> None:
    make(NCFPerSegment, segments={"gone": {}}).fit(world.train)
    assert "gone" in caplog.text


def test_wrong_settings_of_a_segment_are_refused_by_name(world) -> None:
    with pytest.raises(ValueError, match=r"(?s)segment 1.*factor"):
        make(NCFPerSegment, segments={"segment 1": {"factor": 3}}).fit(world.train)


def test_a_segment_world_renumbers_its_customers(world) -> None:
    part, members = segment_world(world.train, world.train.user_segments, 1)
    assert members[:3].tolist() == [1, 4, 7]
    np.testing.assert_array_equal(members[part.users] % 3, 1)
    assert part.n_users == len(members)
    np.testing.assert_array_equal(part.user_features, world.train.user_features[members])


def test_principal_components_look_at_known_rows_only() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(50, 2))
    features = (base @ rng.normal(size=(2, 6))).astype(np.float32)
    far = np.vstack([features, 100 * rng.normal(size=(5, 6))]).astype(np.float32)
    reduced = principal_components(far, 50, 4)
    assert reduced.shape == (55, 2)  # rank 2 has two components, however many are asked for
    assert np.mean(reduced[:50] ** 2) == pytest.approx(1.0, rel=1e-4)
    from sklearn.decomposition import PCA

    expected = PCA(2).fit_transform(features)
    for column in range(2):
        assert abs(np.corrcoef(expected[:, column], reduced[:50, column])[0, 1]) > 0.999


def test_best_ridge_agrees_with_leaving_rows_out_one_by_one() -> None:
    rng = np.random.default_rng(2)
    inputs, truth = rng.normal(size=(40, 3)), np.array([1.0, -2.0, 0.5])
    target = inputs @ truth + 0.5 * rng.normal(size=40)
    learnt = np.array([0.8, -1.0, 0.0])
    weights, error = best_ridge(inputs, target, learnt)
    scale = np.diag(np.mean(inputs**2, axis=0))

    def solved(rows: np.ndarray, purchases: float, share: float) -> np.ndarray:
        x, y = inputs[rows], target[rows]
        start = share * learnt
        return start + np.linalg.solve(x.T @ x + purchases * scale, x.T @ (y - x @ start))

    everyone = np.arange(40)
    # Of what is tried, 100 purchases' worth of pull towards the whole learnt head is the loosest.
    np.testing.assert_allclose(weights, solved(everyone, 100.0, 1.0), atol=1e-6)
    left_out = [
        target[i] - inputs[i] @ solved(everyone[everyone != i], 100.0, 1.0) for i in everyone
    ]
    assert error == pytest.approx(float(np.sqrt(np.mean(np.square(left_out)))), rel=1e-6)


def test_best_ridge_falls_back_to_the_biases_where_the_head_is_noise() -> None:
    rng = np.random.default_rng(3)
    inputs, target = rng.normal(size=(300, 8)), rng.normal(size=300)
    weights, error = best_ridge(inputs, target, rng.normal(size=8))
    assert np.abs(weights).max() < 0.1
    assert error <= float(np.sqrt(np.mean(target**2))) + 1e-9
