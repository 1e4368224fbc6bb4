"""Bad input for every model in the registry: a clear answer or a clear error.

Models that are added to the registry are tested here without a change; their settings are those of
the tiny world (`conf/test`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from tests.recommenders.planted_tastes import World, planted_world

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import NotTrainedError, Recommender
from product_recommender.recommenders.registry import (
    MODELS,
    load_recommender,
    recommender_class,
)
from product_recommender.recommenders.training import TrainingConfig, TrainingDivergedError
from product_recommender.recommenders.tuning import merged

CONF = Path(__file__).resolve().parents[2] / "conf"
K = 5
BOUGHT_EVERYTHING, LISTED_ONLY = 7, 5
"""A customer of the world below, and how many of its products have no purchase."""

EVERY_MODEL = pytest.mark.parametrize("name", MODELS)


def settings_of(name: str, **changes: Any) -> dict[str, Any]:
    """The model's block in `conf/base`, as `conf/test` shortens it, computed on the CPU."""
    blocks: dict[str, Any] = {}
    for environment in ("base", "test"):
        content = yaml.safe_load((CONF / environment / "parameters_modeling.yml").read_text())
        blocks = merged(blocks, content["modeling"]["models"].get(name) or {})
    return merged(blocks, changes)


def make(name: str, **changes: Any) -> Recommender:
    cls = recommender_class(name)
    return cls(cls.Config(**settings_of(name, **changes)))


def training_fields(name: str) -> list[str]:
    """Settings of the shared training loop that a model has, by name."""
    fields = recommender_class(name).Config.model_fields
    return [
        key
        for key, field in fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, TrainingConfig)
    ]


NETWORKS = [name for name in MODELS if training_fields(name)]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tiny batches on a busy machine are fastest on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def world() -> World:
    """60 customers, 30 products with purchases and five more that are only listed."""
    made = planted_world(n_users=60, n_items=30, purchases_per_user=10, n_segments=2)
    rest = np.setdiff1d(np.arange(30), made.train.items[made.train.users == BOUGHT_EVERYTHING])
    n = len(rest)
    more = replace(
        made.train,
        users=np.full(n, BOUGHT_EVERYTHING, np.int32),
        items=rest.astype(np.int32),
        stars=np.full(n, 3, np.float32),
        days=np.full(n, 17_000, np.int32),
    )
    features = np.pad(made.train.item_features, ((0, LISTED_ONLY), (0, 0)))
    categories = np.zeros(30 + LISTED_ONLY, np.int16)

    def listed(part: Interactions) -> Interactions:
        return replace(part, item_categories=categories, item_features=features)

    parts = (made.train.concatenate(more), made.validation, made.test)
    return World(*(listed(part) for part in parts), made.logits, made.stars)


@pytest.fixture(scope="module")
def fitted(world: World) -> Callable[[str], Recommender]:
    """The trained model of a name, trained when it is first asked for."""
    models: dict[str, Recommender] = {}

    def get(name: str) -> Recommender:
        if name not in models:
            models[name] = make(name).fit(world.train, world.validation)
        return models[name]

    return get


def check_lists(items: np.ndarray, scores: np.ndarray, n_items: int) -> None:
    """Best first, no repeats, -1 with -inf at the end and nowhere else, no NaN."""
    assert items.shape == scores.shape
    assert items.dtype == np.int32
    assert scores.dtype == np.float32
    assert not np.isnan(scores).any()
    np.testing.assert_array_equal(items == -1, np.isneginf(scores))
    assert np.all((items >= -1) & (items < n_items))
    assert np.all(scores[:, :-1] >= scores[:, 1:])
    for row in items:
        real = row[row >= 0]
        assert len(np.unique(real)) == len(real)


# ---------------------------------------------------------------- questions


@EVERY_MODEL
def test_customers_never_seen_get_full_lists(name, world, fitted) -> None:
    model, n_users = fitted(name), world.train.n_users
    strangers = np.array([-1, n_users, 2_000_000_000])
    items, scores = model.recommend(strangers, K)
    check_lists(items, scores, world.train.n_items)
    assert items.shape == (3, K)
    assert (items >= 0).all()
    assert not model.is_known(strangers).any()
    if model.uses_fallback(strangers).all():
        # Nothing tells them apart, so the same list for all; a number may be all that `random` has.
        np.testing.assert_array_equal(items[0], items[1])
        np.testing.assert_array_equal(items[0], items[2])
    assert np.isfinite(model.score(strangers)).all()


@EVERY_MODEL
def test_products_never_seen_rank_below_all_others(name, world, fitted) -> None:
    model, n_items = fitted(name), world.train.n_items
    candidates = np.array([n_items + LISTED_ONLY + 1000, 3, n_items, 0, n_items + 1])
    users = np.array([0, 1, world.train.n_users + 3])
    items, scores = model.recommend(users, 5, exclude_seen=False, candidates=candidates)
    check_lists(items, scores, n_items + LISTED_ONLY + 1001)
    for row in items:
        assert set(row[:2]) == {0, 3}
        assert set(row[2:]) == set(candidates) - {0, 3}
    only_new, _ = model.recommend(users, 2, candidates=np.array([n_items, n_items + 2]))
    assert all(set(row) == {n_items, n_items + 2} for row in only_new)


@EVERY_MODEL
def test_a_product_without_a_code_is_refused_with_a_reason(name, fitted) -> None:
    with pytest.raises(ValueError, match=rf"{name}: candidates hold -1; .*leave it out"):
        fitted(name).recommend(np.array([0]), K, candidates=np.array([3, -1]))


@EVERY_MODEL
def test_a_customer_who_bought_everything_gets_an_empty_list(name, world, fitted) -> None:
    items, scores = fitted(name).recommend(np.array([BOUGHT_EVERYTHING, 0]), K)
    check_lists(items, scores, world.train.n_items)
    assert (items[0] == -1).all()
    assert (items[1] >= 0).all()
    again, _ = fitted(name).recommend(np.array([BOUGHT_EVERYTHING]), K, exclude_seen=False)
    assert (again >= 0).all()


@EVERY_MODEL
def test_more_is_asked_for_than_there_is(name, world, fitted) -> None:
    n_items = world.train.n_items
    items, scores = fitted(name).recommend(np.array([0, 1, -1]), 1_000_000_000)
    assert items.shape == (3, n_items)
    check_lists(items, scores, n_items)
    for row, user in enumerate((0, 1)):
        bought = set(world.train.items[world.train.users == user])
        assert set(items[row][items[row] >= 0]) == set(range(n_items)) - bought
    assert set(items[2]) == set(range(n_items))
    with pytest.raises(ValueError, match=rf"{name}: k is 0"):
        fitted(name).recommend(np.array([0]), 0)


@EVERY_MODEL
def test_an_empty_request_has_an_empty_answer(name, world, fitted) -> None:
    model = fitted(name)
    nobody = np.array([], dtype=np.int64)
    items, scores = model.recommend(nobody, K)
    assert items.shape == scores.shape == (0, K)
    assert model.score(nobody).shape == (0, world.train.n_items)
    assert model.is_known(nobody).shape == (0,)
    assert model.uses_fallback(nobody).shape == (0,)
    items, _ = model.recommend(np.array([0, 1]), K, candidates=np.array([], dtype=np.int64))
    assert items.shape == (2, 0)
    if model.predicts:
        assert model.predict(nobody, nobody).shape == (0,)


@EVERY_MODEL
def test_a_customer_asked_for_twice_gets_one_answer(name, world, fitted) -> None:
    users = np.array([4, 4, world.train.n_users, 9, 4, world.train.n_users])
    items, scores = fitted(name).recommend(users, K)
    for first, other in ((0, 1), (0, 4), (2, 5)):
        np.testing.assert_array_equal(items[first], items[other])
        np.testing.assert_allclose(scores[first], scores[other], rtol=1e-5, atol=1e-6)
    alone, _ = fitted(name).recommend(np.array([9]), K)
    np.testing.assert_array_equal(alone[0], items[3])


@EVERY_MODEL
def test_predictions_for_anyone_and_anything_are_in_range(name, world, fitted) -> None:
    model, n_users, n_items = fitted(name), world.train.n_users, world.train.n_items
    users = np.array([0, BOUGHT_EVERYTHING, -1, n_users, 2_000_000_000, 0, 0, -1])
    items = np.array([0, 3, 0, 3, 1, n_items, 2_000_000_000, -1])
    if model.predicts is None:
        with pytest.raises(NotImplementedError, match=f"{name} ranks products"):
            model.predict(users, items)
        return
    low, high = (1, 5) if model.predicts == "stars" else (0, 1)
    predicted = model.predict(users, items)
    assert predicted.dtype == np.float32
    assert predicted.shape == users.shape
    assert np.all((predicted >= low) & (predicted <= high))


# ---------------------------------------------------------------- worlds


@EVERY_MODEL
def test_a_model_that_was_not_trained_says_so(name) -> None:
    one = np.array([0])
    model = make(name)
    asked = [
        lambda: model.recommend(one, K),
        lambda: model.score(one),
        lambda: model.state(),
        lambda: model.follow(one, one, one),
    ]
    if model.predicts:
        asked.append(lambda: model.predict(one, one))
    assert not model.is_trained
    for ask in asked:
        with pytest.raises(NotTrainedError, match=rf"{name} is not trained: call fit\(\), or load"):
            ask()


@EVERY_MODEL
def test_nothing_to_learn_from_is_an_error(name, world) -> None:
    with pytest.raises(ValueError, match=f"{name}: there is no training purchase"):
        make(name).fit(world.train.take(np.arange(0)))


@EVERY_MODEL
@pytest.mark.parametrize("n_purchases", [1, 2])
def test_one_customer_and_one_product_are_a_world(name, n_purchases, world) -> None:
    train = replace(
        world.train.take(np.arange(n_purchases)),
        users=np.zeros(n_purchases, np.int32),
        items=np.zeros(n_purchases, np.int32),
        n_users=1,
        n_items=1,
        item_categories=np.zeros(1, np.int16),
        item_features=world.train.item_features[:1],
        user_features=world.train.user_features[:1],
        user_segments=world.train.user_segments[:1],
    )
    model = make(name).fit(train)
    items, scores = model.recommend(np.array([0, 1, -1]), 3)
    np.testing.assert_array_equal(items, [[-1], [0], [0]])
    check_lists(items, scores, 1)
    assert np.isfinite(model.score(np.array([0, 5]))).all()
    if model.predicts:
        assert np.isfinite(model.predict(np.array([0, 0, 5]), np.array([0, 9, 0]))).all()


@EVERY_MODEL
def test_validation_without_anyone_known_is_no_obstacle(name, world) -> None:
    none = replace(
        world.validation,
        users=world.validation.users + world.train.n_users,
        items=world.validation.items,
    )
    for validation in (none, world.validation.take(np.arange(0))):
        items, scores = make(name).fit(world.train, validation).recommend(np.array([0]), K)
        check_lists(items, scores, world.train.n_items)


# ---------------------------------------------------------------- keeping


@EVERY_MODEL
def test_rebuilt_from_what_the_catalog_keeps_it_answers_the_same(name, world, fitted) -> None:
    model = fitted(name)
    json.dumps(model.fit_report)
    config = {"model": name, "parameters": model.config.model_dump(mode="json")}
    again = load_recommender(model.state(), json.loads(json.dumps(config)))
    users = np.array([3, 0, 59, world.train.n_users, -1, BOUGHT_EVERYTHING])
    candidates = np.arange(world.train.n_items + LISTED_ONLY)
    for before, after in zip(
        model.recommend(users, 9, candidates=candidates),
        again.recommend(users, 9, candidates=candidates),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)
    if model.predicts:
        items = np.array([0, 7, 33, 2, 29, 500])
        np.testing.assert_array_equal(model.predict(users, items), again.predict(users, items))
    keys = again.state()
    assert keys.keys() == model.state().keys()
    for key, tensor in model.state().items():
        assert torch.equal(tensor, keys[key]), key


@EVERY_MODEL
def test_the_same_seed_gives_the_same_weights(name, world, fitted) -> None:
    torch.manual_seed(12345)  # what the rest of the program drew must not matter
    np.random.seed(12345)  # noqa: NPY002
    again = make(name).fit(world.train, world.validation).state()
    first = fitted(name).state()
    assert first.keys() == again.keys()
    for key, tensor in first.items():
        assert torch.equal(tensor, again[key]), key


# ---------------------------------------------------------------- divergence


def diverging(name: str) -> dict[str, Any]:
    """Settings under which no network can be trained."""
    return {
        field: {"learning_rate": 1e30, "epochs": 6, "patience": 6, "gradient_clip": None}
        for field in training_fields(name)
    }


def test_most_models_have_a_training_that_can_diverge() -> None:
    assert {"matrix_factorization", "ncf_random", "ncf_per_segment"} <= set(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("validated", [True, False])
def test_divergence_is_one_clear_error(name, validated, world) -> None:
    validation = world.validation if validated else None
    with pytest.raises(TrainingDivergedError) as error:
        make(name, **diverging(name)).fit(world.train, validation)
    message = str(error.value)
    assert "became" in message
    assert "learning_rate 1e+30" in message
    assert "Lower training.learning_rate" in message
    assert "\n" not in message
