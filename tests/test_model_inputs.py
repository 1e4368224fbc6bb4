"""From tables to arrays: sizes, parts, features, and what stays out."""

from __future__ import annotations

from dataclasses import replace

import ibis
import numpy as np
import pyarrow as pa
import pytest

from product_recommender.interactions import Interactions, ItemContent
from product_recommender.model_inputs import (
    TRAIN,
    InteractionArrays,
    interaction_arrays,
    item_content,
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


# ---------------------------------------------------------------- contents


def embeddings(rows: list[tuple[str, str, list[float] | None]]) -> ibis.Table:
    schema = pa.schema(
        {"product_id": pa.string(), "model": pa.string(), "vector": pa.list_(pa.float32())}
    )
    named = [dict(zip(schema.names, row, strict=True)) for row in rows]
    return ibis.memtable(pa.Table.from_pylist(named, schema=schema))


def test_contents_lie_in_the_order_of_the_codes(tables: Tables, arrays: InteractionArrays) -> None:
    text = embeddings([("vase", "m", [5.0, 6.0]), ("sofa", "m", [3.0, 4.0]), ("cat", "m", [9, 9])])
    names = ("customer_ids", "product_ids", "customer_features", "product_features")
    train = training_interactions(
        arrays,
        *(tables[name] for name in names),
        tables["customer_segments"],
        text,
        embeddings([]),
    )
    assert set(train.contents) == {"text", "image"}
    found = train.contents["text"]
    assert found.known.tolist() == [False, True, False, False, True]
    assert found.vectors.tolist() == [[0, 0], [3, 4], [0, 0], [0, 0], [5, 6]]
    assert found.vectors.dtype == np.float32
    assert (found.model, found.width) == ("m", 2)
    nothing = train.contents["image"]
    assert (nothing.vectors.shape, nothing.known.any(), nothing.model) == ((5, 0), False, "")
    assert rows_like(train, arrays, arrays.in_tune).contents is train.contents


def test_without_embeddings_there_are_no_contents(train: Interactions) -> None:
    assert train.contents == {}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("lamp", "a", [1.0]), ("sofa", "b", [1.0])], r"mixes the vectors .*\(a, b\)"),
        ([("lamp", "a", [1.0]), ("sofa", "a", [1.0, 2.0])], r"different lengths \(1, 2\)"),
        ([("lamp", "a", [])], r"different lengths \(0\) or empty"),
        ([("lamp", "a", [float("nan")])], "not finite"),
        ([("lamp", "a", [1.0]), ("lamp", "a", [1.0])], "two vectors of one product"),
    ],
)
def test_damaged_embeddings_are_refused_by_name(
    tables: Tables, rows: list[tuple[str, str, list[float]]], message: str
) -> None:
    with pytest.raises(ValueError, match=f"text_embeddings.*{message}.*kedro run --pipelines"):
        item_content(embeddings(rows), tables["product_ids"], "text_embeddings")


def test_contents_of_another_catalogue_are_refused(train: Interactions) -> None:
    other = ItemContent(np.zeros((4, 2), np.float32), np.zeros(4, bool), "m")
    with pytest.raises(ValueError, match="4 rows for 5 listed products"):
        replace(train, contents={"text": other})
    with pytest.raises(ValueError, match="do not fit 3 products"):
        ItemContent(np.zeros((4, 2), np.float32), np.zeros(3, bool), "m")
    with pytest.raises(ValueError, match="item 1 is not finite"):
        ItemContent(np.array([[0], [np.inf]], np.float32), np.ones(2, bool), "m")
