"""The purchase loss over all products, and GMF trained alone before the MLP joins it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tests.recommenders.planted_tastes import World, ndcg_at_10, planted_world
from torch.nn.functional import softplus

from product_recommender.recommenders.all_products import AllProductsLoss, negatives_per_user
from product_recommender.recommenders.ncf_negative_sampling import NCFNegativeSampling
from product_recommender.recommenders.networks import NeuMF, Side
from product_recommender.recommenders.popularity import Popularity
from product_recommender.recommenders.stages import refit_config
from product_recommender.recommenders.training import NegativeSampler

USERS = np.array([0, 0, 1, 2, 2, 2])
ITEMS = np.array([0, 3, 1, 0, 1, 4])
WEIGHTS = np.array([0.5, 1.0, 1.0, 2.0, 1.0, 0.5])
N_USERS, N_ITEMS, NEGATIVES, L2 = 3, 6, 4, 0.3


@pytest.fixture(scope="module")
def world() -> World:
    return planted_world(n_users=300, n_segments=3)


def small_network() -> NeuMF:
    torch.manual_seed(1)
    sides = (Side(N_USERS, 5, True, None, 1.0), Side(N_ITEMS, 5, True, None, 1.0))
    return NeuMF(*sides, 3, 2, (4, 3), 0.0, torch.linspace(-1, 1, N_ITEMS))


def small_loss(l2: float = L2, exponents: tuple[float, float] = (1.0, 1.0)) -> AllProductsLoss:
    sizes, device = (N_USERS, N_ITEMS), torch.device("cpu")
    return AllProductsLoss(USERS, ITEMS, WEIGHTS, *sizes, NEGATIVES, l2, device, *exponents)


def by_hand(
    network: NeuMF, users: list[int], exponents: tuple[float, float] = (1.0, 1.0)
) -> torch.Tensor:
    """Pair by pair, as the docstring of ``AllProductsLoss`` says it."""
    bought = {(u, i): w for u, i, w in zip(USERS, ITEMS, WEIGHTS, strict=True)}
    counts = np.bincount(USERS, minlength=N_USERS)
    asked = counts ** exponents[0]
    asked = asked * NEGATIVES * 6 / asked.sum()
    drawn = asked / (N_ITEMS - counts)
    counted = counts ** (exponents[1] - 1)
    counted = counted * 6 / (counted * counts).sum()
    total = torch.zeros(())
    for u in users:
        for i in range(N_ITEMS):
            z = network(torch.tensor([u]), torch.tensor([[i]]))[1][0, 0]
            if (u, i) in bought:
                total = total + counted[u] * bought[u, i] * softplus(-z)
            else:
                total = total + counted[u] * drawn[u] * softplus(z)
        held = L2 * counted[u] * (counts[u] + asked[u]) / (1 + NEGATIVES)
        total = total + held * network.users.table[u].square().sum()
    for i in range(N_ITEMS):
        pairs = [(1 if (u, i) in bought else drawn[u]) * counted[u] for u in range(N_USERS)]
        held = L2 * sum(pairs) / (1 + NEGATIVES) * len(users) / N_USERS
        squares = network.items.table[i].square().sum() + network.item_bias[i].square()
        total = total + held * squares
    return total / (len(users) * len(USERS) / N_USERS)


@pytest.mark.parametrize("exponents", [(1.0, 1.0), (0.5, 0.25)])
@pytest.mark.parametrize("with_tower", [True, False])
@pytest.mark.parametrize("users", [[0, 1, 2], [2, 0]])
def test_loss_and_gradient_are_those_of_the_pairs(
    users: list[int], with_tower: bool, exponents: tuple[float, float]
) -> None:
    network, plain = small_network(), small_network()
    if not with_tower:
        plain.mlp_heads.data[1] = 0.0  # the loss must ignore it by itself
    found = small_loss(L2, exponents)(network, torch.tensor(users), with_tower)
    expected = by_hand(plain, users, exponents)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    found.backward()
    expected.backward()
    for name in ("users.table", "items.table", "item_bias"):
        left, right = network.get_parameter(name), plain.get_parameter(name)
        np.testing.assert_allclose(left.grad.numpy(), right.grad.numpy(), atol=1e-5)


def test_negatives_are_shared_out_by_purchases() -> None:
    counts = np.array([1, 4, 0, 9])
    np.testing.assert_allclose(negatives_per_user(counts, 2, 1.0), [2, 8, 0, 18])
    np.testing.assert_allclose(negatives_per_user(counts, 3, 0.5), [7, 14, 0, 21])
    np.testing.assert_allclose(negatives_per_user(counts, 3, 0.0), [14, 14, 0, 14])
    np.testing.assert_array_equal(negatives_per_user(np.zeros(2, int), 3, 0.5), [0, 0])


def test_it_is_the_mean_of_what_sampled_negatives_cost() -> None:
    network = small_network()
    users, items = torch.from_numpy(USERS), torch.from_numpy(ITEMS)
    sampler = NegativeSampler(users, items, N_ITEMS)
    negatives = sampler.sample(users.repeat(4000), NEGATIVES, torch.Generator().manual_seed(0))
    with torch.no_grad():
        pairs = torch.cat([items.repeat(4000).unsqueeze(1), negatives], dim=1)
        logits = network(users.repeat(4000), pairs)[1]
        positive = torch.from_numpy(WEIGHTS).repeat(4000) * softplus(-logits[:, 0])
        sampled = (positive + softplus(logits[:, 1:]).sum(dim=1)).mean()
        everything = small_loss(l2=0.0)(network, torch.arange(N_USERS))
    assert float(everything) == pytest.approx(float(sampled), rel=0.02)


def fit(world: World, **settings) -> NCFNegativeSampling:
    common = {"factors": 8, "mlp_width": 4, "layers": (8, 4), "dropout": 0.0, "l2": 0.02, "seed": 3}
    config = NCFNegativeSampling.Config(**(common | settings))
    return NCFNegativeSampling(config).fit(world.train, world.validation)


GMF = {"epochs": 12, "batch_size": 64, "learning_rate": 0.03, "schedule": "cosine", "patience": 12}


def test_gmf_alone_says_what_the_two_towers_start_from(world: World) -> None:
    model = fit(world, pretraining=GMF, training={"epochs": 0})
    report = model.fit_report["pretraining"]
    assert report["epochs"] == 12
    assert report["validation"][report["best_epoch"]] > report["validation"][0]
    assert model.fit_report["validation"][0] == max(report["validation"])
    state = model.state()
    vectors = {side: state[f"network/{side}.table"][:, :8] for side in ("users", "items")}
    bias = state["network/item_bias"] + state["network/purchase_bias"]
    expected = vectors["users"][:5] @ vectors["items"].T + bias
    np.testing.assert_allclose(model.score(np.arange(5)), expected.numpy(), atol=1e-5)
    json.dumps(model.fit_report)


@pytest.mark.parametrize("all_products", [True, False])
def test_both_ways_to_train_rank_better_than_popularity(world: World, all_products: bool) -> None:
    batch = 64 if all_products else 1024
    training = {"epochs": 12, "batch_size": batch, "learning_rate": 0.02, "patience": 6}
    model = fit(world, pretraining=GMF, training=training, all_products=all_products)
    popular = Popularity().fit(world.train)
    quality = [
        ndcg_at_10(m.score(np.arange(world.train.n_users)), world.train, world.test)
        for m in (model, popular)
    ]
    assert quality[0] > 1.2 * quality[1]
    again = NCFNegativeSampling.from_state(model.state(), model.config.model_dump(mode="json"))
    np.testing.assert_array_equal(again.score(np.arange(9)), model.score(np.arange(9)))


def test_gmf_starts_at_the_scale_asked_for_and_the_mlp_at_its_own(world: World) -> None:
    tables = [
        fit(world, gmf_scale=scale, training={"epochs": 0}).state()["network/users.table"]
        for scale in (0.1, 0.02)
    ]
    np.testing.assert_allclose(tables[1][:, :8], 0.2 * tables[0][:, :8], rtol=1e-5)
    np.testing.assert_array_equal(tables[1][:, 8:], tables[0][:, 8:])
    assert float(tables[0].std()) == pytest.approx(0.1, rel=0.1)


def test_probabilities_know_how_negatives_were_shared_out(world: World) -> None:
    # Odds that a sampled share of the negatives made too high, put right customer by customer.
    model = fit(world, all_products=True, negative_exponent=0.5, training={"epochs": 1})
    counts = np.bincount(world.train.known().users, minlength=world.train.n_users)
    drawn = negatives_per_user(counts, model.config.negatives, 0.5)
    users, items = np.array([0, 1, 2]), np.array([3, 4, 5])
    scores = model.score(users)[np.arange(3), items].astype(np.float64)
    shift = np.log(drawn / (model.n_items - counts))[users]
    expected = 1 / (1 + np.exp(-scores - shift))
    np.testing.assert_allclose(model.predict(users, items), expected, rtol=1e-4)


@pytest.mark.parametrize("exponent", ["negative_exponent", "user_exponent"])
def test_exponents_without_all_products_are_refused(exponent: str) -> None:
    with pytest.raises(ValueError, match="set all_products to true"):
        NCFNegativeSampling.Config(**{exponent: 0.5})


def test_a_refit_pretrains_as_long_as_early_stopping_kept(world: World) -> None:
    model = fit(world, pretraining=GMF, training={"epochs": 1})
    report = {"best_epoch": 1, "pretraining": {"best_epoch": 7}}
    config = refit_config(model.config, report)
    assert config.pretraining.epochs == 7
    assert config.pretraining.schedule == "cosine"
    assert config.training.epochs == 1
