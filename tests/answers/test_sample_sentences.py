"""The sentences of many customers and products are those that the command gives to one."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from tests.answers.shelf import BOUGHT, PRODUCTS, Shelf
from tests.answers.test_product import tables
from tests.answers.test_reasons import similar, together

from product_recommender.answers.catalog import HeldDatasets
from product_recommender.answers.customer import answer_for
from product_recommender.answers.product import LISTS, answer_for_product, nothing_beside
from product_recommender.answers.sample_sentences import (
    purchases_to_name,
    sentences_beside,
    sentences_of_lists,
)

RUN = "kedro run"


def served_lists() -> ibis.Table:
    """Everybody is recommended the three first products that they have not bought."""
    rows = []
    for customer in sorted({row[0] for row in BOUGHT}):
        own = {row[1] for row in BOUGHT if row[0] == customer}
        for rank, product in enumerate([p for p in PRODUCTS if p not in own][:3], start=1):
            rows.append((customer, rank, product, 1.0 / rank, False, "popularity"))
    columns = ["customer_id", "rank", "product_id", "score", "is_fallback", "model"]
    return ibis.memtable(pd.DataFrame(rows, columns=columns))


@pytest.mark.parametrize("with_lists", [True, False])
def test_sentences_of_lists_are_those_of_the_command(with_lists: bool) -> None:
    changes: dict[str, Any] = {"recommendations": served_lists()}
    if with_lists:
        changes |= {
            "products": tables()["products"],
            "similar_products": similar(("p2", "p1", 0.6), ("p5", "p4", 0.4), ("p3", "p2", 0.1)),
            "complementary_products": together(
                ("p1", "p3", "co_purchase", 1.5), ("p1", "p4", "text", 3.0)
            ),
        }
    shelf = Shelf(**changes)
    listed = changes["recommendations"].inner_join(shelf.load("customer_ids"), "customer_id")
    listed = listed.inner_join(shelf.load("product_ids"), "product_id")
    frame = listed.select("customer_id", "user", "item", "rank").to_pandas()
    frame = frame.sort_values(["rank", "customer_id"]).reset_index(drop=True)
    frame["sentence"] = sentences_of_lists(shelf, frame)
    kinds = set()
    for customer, rows in frame.groupby("customer_id"):
        answer = answer_for(shelf, str(customer), len(rows), None, RUN)
        assert rows["sentence"].tolist() == [one.sentence for one in answer.suggestions]
        kinds |= {one.reason.kind for one in answer.suggestions}
    assert kinds == {"together", "popular", "none"} | ({"similar"} if with_lists else set())


def test_nothing_listed_says_nothing() -> None:
    assert sentences_of_lists(Shelf(), pd.DataFrame({"user": [], "item": []})) == []


def test_the_disliked_is_named_only_where_there_is_nothing_else() -> None:
    history = pd.DataFrame(
        [(7, 1, 5), (7, 2, 2), (7, 1, 4), (3, 9, 1), (3, 8, 2), (3, 9, 1)],
        columns=["user", "item", "star_rating"],
    )
    named = purchases_to_name(history)
    assert named.to_numpy().tolist() == [[3, 8], [3, 9], [7, 1]]
    assert list(named) == ["user", "own"]


def test_sentences_beside_products_are_those_of_the_command() -> None:
    shelf = Shelf(**tables())
    found = sentences_beside(shelf, ["p2", "p1", "p6"], 2)
    ids = shelf.load("product_ids").to_pandas().set_index("item")["product_id"]
    for product in ("p1", "p2", "p6"):
        answer = answer_for_product(shelf, product, 2, RUN)
        for name in LISTS:
            rows = found[(found["list"] == name) & (found["product_id"] == product)]
            expected = [(one.product_id, one.sentence) for one in answer.lists[name]]
            assert list(zip(ids[rows["item"]], rows["sentence"], strict=True)) == expected
    # One similar product, two of the four complements, one step up, all beside p1.
    assert found["product_id"].tolist() == ["p1"] * 4
    assert found["rank"].tolist() == [1, 1, 2, 1]


def test_empty_lists_say_nothing_and_why() -> None:
    empty = {name: table.filter(ibis.literal(False)) for name, table in tables().items()}
    catalog = HeldDatasets(tables() | {name: empty[name] for name in LISTS} | base())
    assert sentences_beside(catalog, ["p1"], 5).empty
    assert nothing_beside("upsell_products", None) == "its price is unknown"
    assert "surely better liked" in nothing_beside("upsell_products", 3.0)
    assert "by chance" not in nothing_beside("similar_products", None)


def base() -> dict[str, Any]:
    return {"product_ids": Shelf().load("product_ids")}


def test_held_datasets_are_a_catalog() -> None:
    held = HeldDatasets({"numbers": np.arange(3)})
    assert held.exists("numbers")
    assert not held.exists("letters")
    assert held.load("numbers").sum() == 3
