"""The oracle: built from the planted tables alone, and better than anything without the truth."""

from __future__ import annotations

import datetime
import json
from typing import NamedTuple

import numpy as np
import pytest
from tests.synthesis.worlds import world

from product_recommender.interactions import Interactions
from product_recommender.synthesis.oracle import OracleRecommender, PlantedOracle, expected_stars
from product_recommender.synthesis.planted import customers_table, products_table, world_record
from product_recommender.synthesis.world import World


class Setting(NamedTuple):
    made: World
    oracle: PlantedOracle
    model: OracleRecommender
    train: Interactions
    users: np.ndarray
    items: np.ndarray
    held_out: np.ndarray


def build_oracle(made: World) -> PlantedOracle:
    record = world_record(made.settings, made.purchases, made.thresholds)
    return PlantedOracle(
        customers_table(made.customers),
        products_table(made.settings, made.products),
        json.loads(json.dumps(record)),
    )


def codes_by_first_day(values: np.ndarray, days: np.ndarray, n: int) -> np.ndarray:
    """Row numbers in the order of their codes: first appearance; never-seen ones left out."""
    first = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(first, values, days)
    order = np.argsort(first, kind="stable")
    return order[: (first < np.iinfo(np.int64).max).sum()]


@pytest.fixture(scope="module")
def setting() -> Setting:
    made = world(repeat_rate=0.0)
    bought = made.purchases
    cut = int(np.quantile(bought.days, 0.8))
    user_rows = codes_by_first_day(bought.customers, bought.days, len(made.customers))
    item_rows = codes_by_first_day(bought.products, bought.days, len(made.products))
    user_code, item_code = np.full(len(made.customers), -1), np.full(len(made.products), -1)
    user_code[user_rows], item_code[item_rows] = (
        np.arange(len(user_rows)),
        np.arange(len(item_rows)),
    )
    users, items = user_code[bought.customers], item_code[bought.products]
    known = bought.days <= cut
    train = Interactions(
        users=users[known].astype(np.int32),
        items=items[known].astype(np.int32),
        stars=bought.stars[known].astype(np.float32),
        days=bought.days[known],
        n_users=int(users[known].max()) + 1,
        n_items=int(items[known].max()) + 1,
        item_categories=made.products.categories[item_rows].astype(np.int16),
        categories=made.settings.categories,
    )
    oracle = build_oracle(made)
    day = made.settings.first_day + datetime.timedelta(days=cut + 1)
    model = OracleRecommender.from_oracle(
        oracle, made.customers.ids[user_rows], made.products.ids[item_rows], day
    ).fit(train)
    return Setting(made, oracle, model, train, users, items, ~known)


def test_the_tables_hold_all_that_the_generator_knew(setting: Setting) -> None:
    drawn, read = setting.made.preferences, setting.oracle.preferences
    for name, values in vars(drawn).items():
        if isinstance(values, np.ndarray):
            np.testing.assert_array_equal(getattr(read, name), values, err_msg=name)
    np.testing.assert_array_equal(setting.oracle.thresholds, setting.made.thresholds)


def test_expected_stars_by_hand() -> None:
    # Mean on the third threshold, noise 1, thresholds one apart: chances of passing are
    # Phi(2), Phi(1), 1/2, Phi(-1).
    thresholds = np.array([-2.0, -1.0, 0.0, 1.0])
    stars = expected_stars(np.array([0.0]), np.array([1.0]), thresholds, (0.0, -0.6))
    assert stars[0] == pytest.approx(1 + 0.97725 + 0.84134 + 0.5 + 0.15866, abs=1e-4)
    # No noise: every review has the same stars. With half of them Vine, shifted by one: 3 and 2.
    none = np.array([1e-9])
    assert expected_stars(np.array([-0.5]), none, thresholds, (0.0, -1.0))[0] == 3
    assert expected_stars(np.array([-0.5]), none, thresholds, (0.5, -1.0))[0] == 2.5


def test_expected_stars_are_calibrated_and_better_than_means(setting: Setting) -> None:
    made, bought = setting.made, setting.made.purchases
    expected = setting.oracle.expected_stars(
        made.customers.ids[bought.customers], made.products.ids[bought.products]
    )
    order = np.array_split(np.argsort(expected), 10)
    for part in order:
        assert abs(expected[part].mean() - bought.stars[part].mean()) < 0.12
    error = np.sqrt(np.mean((expected - bought.stars) ** 2))
    user_mean = np.bincount(bought.customers, bought.stars) / np.bincount(bought.customers)
    in_sample = np.sqrt(np.mean((user_mean[bought.customers] - bought.stars) ** 2))
    assert error < in_sample - 0.05  # although those means have seen the answers


def test_purchase_scores_are_probabilities_of_what_is_on_sale(setting: Setting) -> None:
    made = setting.made
    day = made.settings.first_day
    chances = setting.oracle.purchase_scores(made.customers.ids[:50], made.products.ids, day)
    assert chances.shape == (50, 300)
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(chances[0] > 0, made.products.launch_day <= 0)
    some = setting.oracle.purchase_scores(made.customers.ids[:50], made.products.ids[7:9], day)
    np.testing.assert_array_equal(some, chances[:, 7:9])


def hit_rate(recommended: np.ndarray, targets: list[np.ndarray]) -> float:
    return float(np.mean([np.isin(r, t).any() for r, t in zip(recommended, targets, strict=True)]))


def test_the_oracle_beats_popularity_beats_random(setting: Setting) -> None:
    users = np.unique(setting.users[setting.held_out])
    of_user = setting.users[setting.held_out]
    targets = [setting.items[setting.held_out][of_user == user] for user in users]
    best, _ = setting.model.recommend(users, 10)
    counts = np.bincount(setting.train.items, minlength=setting.train.n_items)
    popular = np.tile(np.argsort(-counts)[:10], (len(users), 1))
    chance = np.random.default_rng(0).integers(0, setting.train.n_items, size=(len(users), 10))
    rates = [hit_rate(lists, targets) for lists in (best, popular, chance)]
    assert rates[0] > 1.3 * rates[1]
    assert rates[1] > 1.3 * rates[2]
    matrix = setting.train.matrix()
    for user, items in zip(users, best, strict=True):
        if user < setting.train.n_users:
            assert not np.isin(items, matrix[user].indices).any()


def test_strangers_get_their_own_truth_and_new_products_are_ranked(setting: Setting) -> None:
    model, train = setting.model, setting.train
    n_codes = len(np.unique(setting.users))
    assert train.n_users < n_codes, "the world should hold customers without training purchases"
    strangers = np.array([train.n_users, n_codes - 1])
    assert not model.uses_fallback(strangers).any()
    scores = model.score(strangers)
    assert scores.shape == (2, train.n_items)
    assert np.abs(scores[0] - scores[1]).max() > 1e-4
    everything = np.arange(train.n_items + 1)
    with_new = model.score(strangers, everything)
    np.testing.assert_array_equal(with_new[:, : train.n_items], scores)
    lists, values = model.recommend(strangers, 5, candidates=everything[::-1])
    np.testing.assert_array_equal(values, -np.sort(-with_new, axis=1)[:, :5])
    np.testing.assert_array_equal(np.take_along_axis(with_new, lists.astype(int), axis=1), values)
    assert model.uses_fallback(np.array([n_codes + 5, -1])).all()
    assert (model.recommend(np.array([-1]), 3)[0] >= 0).all()


def test_predictions_in_codes_equal_those_by_id(setting: Setting) -> None:
    made, bought = setting.made, setting.made.purchases
    by_code = setting.model.predict(setting.users[:500], setting.items[:500])
    by_id = setting.oracle.expected_stars(
        made.customers.ids[bought.customers[:500]], made.products.ids[bought.products[:500]]
    )
    np.testing.assert_allclose(by_code, by_id, rtol=1e-6)


def test_the_oracle_survives_its_state(setting: Setting) -> None:
    again = OracleRecommender.from_state(setting.model.state(), {})
    users = np.array([0, 5, setting.train.n_users])
    np.testing.assert_array_equal(again.score(users), setting.model.score(users))
    items = np.array([3, 0, 7])
    np.testing.assert_array_equal(again.predict(users, items), setting.model.predict(users, items))


def test_strangers_to_the_truth_are_named(setting: Setting) -> None:
    with pytest.raises(KeyError, match="customer 'nobody' is not in the planted truth"):
        setting.oracle.expected_stars(["nobody"], [setting.made.products.ids[0]])
    with pytest.raises(ValueError, match="item code 100000 has no planted id"):
        setting.model.predict(np.array([0]), np.array([100_000]))
