"""Histories in order of time, and models that are told of purchases instead of trained on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import NotTrainedError, Recommender, RecommenderConfig
from product_recommender.recommenders.ensemble import BlendConfig, BlendedRecommender
from product_recommender.recommenders.histories import Histories, HistoryRecommender
from product_recommender.recommenders.popularity import Popularity

if TYPE_CHECKING:
    from torch import Tensor


class NextNumber(HistoryRecommender):
    """Recommends the item whose code follows that of the last purchase."""

    name = "next_number"
    Config = RecommenderConfig
    ranks_by = "the number after the last"

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        self.heard = self._histories.lengths.sum()

    def _score_histories(self, histories: Histories) -> Tensor:
        last, _ = histories.last(1)
        return -((torch.arange(self.n_items)[None] - torch.from_numpy(last) - 1).abs()).float()

    def _state(self) -> dict[str, Tensor]:
        return {}

    def _load_state(self, state: dict[str, Tensor]) -> None:
        assert state == {}, "the histories are the base's business"


def purchases(rows: list[tuple[int, int, int]], n_users: int, n_items: int) -> Interactions:
    users, items, days = (np.array(column, dtype=np.int32) for column in zip(*rows, strict=True))
    return Interactions(
        users=users,
        items=items,
        stars=np.full(len(rows), 5, dtype=np.float32),
        days=days,
        n_users=n_users,
        n_items=n_items,
        item_categories=np.zeros(n_items, dtype=np.int16),
        categories=("all",),
    )


TRAIN = purchases([(0, 3, 20), (0, 1, 10), (2, 0, 5), (2, 2, 7), (2, 1, 9)], n_users=3, n_items=6)


def histories(seed: int = 0) -> Histories:
    return Histories.of(TRAIN.users, TRAIN.items, TRAIN.days, 3, 6, seed)


def test_each_history_is_in_the_order_of_time() -> None:
    h = histories()
    assert h.lengths.tolist() == [2, 0, 3]
    assert h.items.tolist() == [1, 3, 0, 2, 1]
    assert h.days.tolist() == [10, 20, 5, 7, 9]


def test_codes_outside_the_universe_are_left_out() -> None:
    h = Histories.of([0, -1, 7, 0], [1, 1, 1, 9], [1, 2, 3, 4], n_users=2, n_items=3, seed=0)
    assert (h.lengths.tolist(), h.items.tolist()) == ([1, 0], [1])


def test_the_order_within_a_day_is_the_seed_s_and_not_that_of_the_rows() -> None:
    users, items, days = np.zeros(30, dtype=int), np.arange(30), np.full(30, 8)
    one = Histories.of(users, items, days, 1, 30, seed=1)
    shuffled = np.random.default_rng(0).permutation(30)
    again = Histories.of(users[shuffled], items[shuffled], days, 1, 30, seed=1)
    other = Histories.of(users, items, days, 1, 30, seed=2)
    np.testing.assert_array_equal(one.items, again.items)
    assert not np.array_equal(one.items, other.items)
    assert not np.array_equal(one.items, np.arange(30))


def test_take_gives_rows_in_the_order_asked_and_empty_ones_for_strangers() -> None:
    taken = histories().take(np.array([2, -1, 0, 2, 99, 1]))
    assert taken.lengths.tolist() == [3, 0, 2, 3, 0, 0]
    assert taken.items.tolist() == [0, 2, 1, 1, 3, 0, 2, 1]
    assert taken.days.tolist() == [5, 7, 9, 10, 20, 5, 7, 9]


def test_last_is_a_rectangle_with_the_newest_on_the_right() -> None:
    items, days = histories().last(2)
    assert items.tolist() == [[1, 3], [-1, -1], [2, 1]]
    assert days.tolist() == [[10, 20], [0, 0], [7, 9]]


def test_the_matrix_counts_a_repeat_once() -> None:
    h = Histories.of([0, 0, 1], [2, 2, 0], [1, 5, 1], 2, 3, 0)
    assert h.matrix(3).toarray().tolist() == [[0, 0, 1], [1, 0, 0]]
    assert h.items.tolist() == [2, 2, 0], "the repeat stays in the sequence"


def test_a_customer_is_known_by_having_bought_something() -> None:
    model = NextNumber().fit(TRAIN)
    assert model.is_known(np.array([0, 1, 2, 3, -1])).tolist() == [True, False, True, False, False]
    items, _ = model.recommend(np.array([0, 2]), 1)
    assert items.ravel().tolist() == [4, 3], "1 and 2 are bought already"


def test_follow_tells_of_newer_purchases_and_of_new_customers() -> None:
    model = NextNumber().fit(TRAIN)
    users = np.append(TRAIN.users, [0, 5, 5])
    items = np.append(TRAIN.items, [0, 4, 17])  # item 17 was never trained on
    days = np.append(TRAIN.days, [30, 30, 31])
    told = model.follow(users, items, days)
    assert told.is_known(np.array([0, 1, 5, 6])).tolist() == [True, False, True, False]
    lists, _ = told.recommend(np.array([0, 5]), 2)
    assert lists.tolist() == [[2, 4], [5, 3]]
    before, _ = model.recommend(np.array([0]), 1)
    assert before.tolist() == [[4]], "the model that was asked to follow stays as it was"
    assert not model.is_known(np.array([5]))[0]


def test_a_model_with_embeddings_stays_as_it_is() -> None:
    model = Popularity().fit(TRAIN)
    assert model.follow(np.array([9]), np.array([1]), np.array([50])) is model


def test_following_needs_a_trained_model() -> None:
    for untrained in (NextNumber(), Popularity()):
        with pytest.raises(NotTrainedError, match="call fit"):
            untrained.follow(np.array([0]), np.array([0]), np.array([0]))


def test_histories_survive_the_state() -> None:
    model = NextNumber().fit(TRAIN).follow(np.array([4]), np.array([2]), np.array([3]))
    again = NextNumber.from_state(model.state(), model.config.model_dump())
    assert again.is_known(np.array([0, 4])).tolist() == [False, True]
    assert again.recommend(np.array([4]), 1)[0].tolist() == [[3]]


class Always(Recommender):
    """Knows the training customers and tells everyone to buy item 5."""

    name = "always"
    Config = RecommenderConfig
    ranks_by = "decree"

    def _fit(self, train: Interactions, validation: Interactions | None) -> None: ...

    def _score(self, users: Tensor) -> Tensor:
        scores = torch.zeros(len(users), self.n_items)
        scores[:, 5] = 1.0
        return scores

    def _state(self) -> dict[str, Tensor]:
        return {}

    def _load_state(self, state: dict[str, Tensor]) -> None: ...


def blend(weight: float) -> BlendedRecommender:
    weights = {"next_number": weight, "always": 1 - weight}
    config = BlendConfig(
        members={"next_number": {}, "always": {}}, weights={"overall": weights, "New": weights}
    )
    members = {"next_number": NextNumber().fit(TRAIN), "always": Always().fit(TRAIN)}
    return BlendedRecommender.of_members(members, config, np.array(["overall"] * 3, dtype=object))


def test_a_blend_answers_newcomers_by_the_members_that_know_them() -> None:
    newcomer = np.array([7])
    told = blend(0.4).follow(newcomer, np.array([2]), np.array([40]))
    assert not blend(0.4).is_known(newcomer)[0]
    assert told.is_known(newcomer)[0]
    assert told.recommend(newcomer, 1)[0].tolist() == [[3]], "`always` has never heard of them"


def test_a_blend_without_such_a_member_answers_newcomers_as_strangers() -> None:
    newcomer = np.array([7])
    told = blend(0.0).follow(newcomer, np.array([2]), np.array([40]))
    assert not told.is_known(newcomer)[0]


def test_newcomers_and_training_customers_in_one_block() -> None:
    users = np.append(TRAIN.users, [7])
    told = blend(0.4).follow(users, np.append(TRAIN.items, [2]), np.append(TRAIN.days, [40]))
    lists, _ = told.recommend(np.array([0, 7, 2]), 1)
    alone = [told.recommend(np.array([user]), 1)[0][0, 0] for user in (0, 7, 2)]
    assert lists.ravel().tolist() == alone == [5, 3, 5]
