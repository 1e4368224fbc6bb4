"""From tables to arrays: sizes, parts, features, and what stays out."""

from __future__ import annotations

import ibis
import numpy as np
import pytest

from product_recommender.interactions import Interactions
from product_recommender.model_inputs import (
    TRAIN,
    InteractionArrays,
    interaction_arrays,
    rows_like,
    training_interactions,
)
from small_world import small_world

Tables = dict[str, ibis.Table]


@pytest.fixture(scope="module")
def tables() -> Tables:
    return small_world()


@pytest.fixture(scope="module")
def arrays(tables: Tables) -> InteractionArrays:
    return interaction_arrays(tables["interactions"], tables["customer_ids"], tables["product_ids"])


@pytest.fixture(scope="module")
def train(tables: Tables, arrays: InteractionArrays) -> Interactions:
    features = ("customer_ids", "product_ids", "customer_features", "product_features")
    return training_interactions(
        arrays, *(tables[name] for name in features), tables["customer_segments"]
    )


def test_sizes_are_the_training_prefixes(arrays: InteractionArrays) -> None:
    assert (arrays.n_users, arrays.n_items) == (2, 2)
    assert (arrays.n_users_listed, arrays.n_items_listed) == (5, 5)
    assert len(arrays.users) == 12


def test_halves_of_validation(arrays: InteractionArrays) -> None:
    assert arrays.users[arrays.in_tune].tolist() == [0]
    assert sorted(arrays.users[arrays.in_blend].tolist()) == [1, 1, 2]


def test_training_part_knows_nothing_of_later_codes(train: Interactions) -> None:
    assert len(train) == 3
    assert train.users.max() < train.n_users == 2
    assert train.items.max() < train.n_items == 2
    assert train.user_features is not None
    assert len(train.user_features) == 2


def test_category_of_later_products_is_known(train: Interactions) -> None:
    names = [train.categories[code] for code in train.item_categories]
    assert names == ["Light", "Seat", "Table", "Floor", "Light"]


def test_outcomes_of_customers_are_no_features(train: Interactions) -> None:
    assert "purchase_count" in train.user_feature_names
    assert not [name for name in train.user_feature_names if "star" in name or "sentiment" in name]


def test_features_are_standardised_and_unknown_is_the_mean(train: Interactions) -> None:
    assert train.user_features is not None
    column = train.user_feature_names.index("purchase_count")
    assert train.user_features[:, column].tolist() == [1.0, -1.0]
    assert "value_mean" not in train.user_feature_names  # a single known value says nothing
    assert train.item_features is not None
    popularity = train.item_features[:, train.item_feature_names.index("popularity")]
    assert popularity.tolist() == [1.0, -1.0, 0.0, 0.0, 0.0]
    low = train.item_features[:, train.item_feature_names.index("price_band=low")]
    assert low.tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_segments_follow_the_codes(train: Interactions) -> None:
    assert train.user_segments is not None
    assert [train.segments[code] for code in train.user_segments] == ["Happy", "Critical"]


def test_rows_like_keeps_the_world(train: Interactions, arrays: InteractionArrays) -> None:
    tune = rows_like(train, arrays, arrays.in_tune)
    assert (tune.n_users, tune.n_items) == (2, 2)
    assert tune.items.tolist() == [2]  # a product the models do not know
    assert len(tune.known()) == 0
    again = rows_like(train, arrays, arrays.parts == TRAIN)
    assert np.array_equal(again.users, train.users)
