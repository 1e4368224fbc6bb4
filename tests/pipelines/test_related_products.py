"""The related_products pipeline on tables: everything known, nothing known, nearly nobody."""

from __future__ import annotations

import datetime
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from product_recommender.content.vectors import embedding_table
from product_recommender.pipelines.related_products import nodes
from product_recommender.pipelines.related_products.parameters import RelatedProductsParameters
from product_recommender.pipelines.related_products.pipeline import TABLES

PARAMETERS = RelatedProductsParameters(n_resamples=100)
QUALITY = {"data": {"label": "generated data"}}
EPOCH = datetime.date(1970, 1, 1)
PAIRS = ((0, 1), (2, 3))


def embeddings(vectors: dict[str, list[float]]) -> ibis.Table:
    arrays = {f"of {product}": np.array(v, np.float32) for product, v in vectors.items()}
    return ibis.memtable(embedding_table(list(vectors), list(arrays), "by hand", arrays))


def world(
    customers: int = 40, prices: bool = True, texts: bool = True, images: bool = False
) -> dict[str, ibis.Table]:
    """Half of the customers buy products 0 and 1, half 2 and 3; in the test part, newcomers of the
    training buy the other one. Product 4 is like 0, dearer and better liked."""
    rows = []
    for user in range(customers):
        one, two = PAIRS[user % 2]
        rows.append((user, one, 3, 10, "train"))
        second = "train" if user < customers * 3 // 4 else "test"
        rows.append((user, two, 3, 20 if second == "train" else 50, second))
    rows += [(user, 4, 5, 12, "train") for user in range(0, customers, 2)]
    frame = pd.DataFrame(rows, columns=["user", "item", "star_rating", "day", "split"])
    frame = frame.assign(
        validation_part=pd.Series([None] * len(frame), dtype="str"), is_repeat=False
    )
    ids = [f"p{item}" for item in range(6)]
    products = pd.DataFrame(
        {
            "product_id": ids,
            "product_parent": ids,
            "product_title": [f"Thing {item}" for item in range(6)],
            "list_price": [10.0, 10.0, 10.0, 10.0, 20.0, np.nan] if prices else [None] * 6,
        }
    ).astype({"list_price": float})
    contents = {
        "p0": [1, 0, 0, 0],
        "p1": [0, 1, 0, 0],
        "p2": [0, 0, 1, 0],
        "p3": [0, 0, 0, 1],
        "p4": [1, 0.1, 0, 0],
        "p5": [0, 0.1, 1, 0],
    }
    coded = pd.DataFrame(
        {
            "product_id": ids,
            "item": range(6),
            "in_training": True,
            "product_category": "Things",
            "first_review_date": EPOCH,
        }
    )
    users = pd.DataFrame(
        {
            "customer_id": [f"c{user:02}" for user in range(customers)],
            "user": range(customers),
            "in_training": True,
        }
    )
    return {
        "interactions": ibis.memtable(frame),
        "customer_ids": ibis.memtable(users),
        "product_ids": ibis.memtable(coded),
        "products": ibis.memtable(products),
        "text_embeddings": embeddings(contents if texts else {}),
        "image_embeddings": embeddings(contents if images else {}),
    }


def run(tables: dict[str, ibis.Table]) -> dict[str, Any]:
    given = [tables[name] for name in TABLES]
    found: dict[str, Any] = {
        "similar": nodes.find_similar_products(*given, PARAMETERS),
        "complementary": nodes.find_complementary_products(*given, PARAMETERS),
        "upsell": nodes.find_upsell_products(*given, PARAMETERS),
    }
    lists = [ibis.memtable(table) for table in found.values()]
    report = nodes.check_related_products(*given, *lists, QUALITY, PARAMETERS)
    return found | {"report": report}


def listed(table: pd.DataFrame, product: str) -> list[str]:
    return table.loc[table["product_id"] == product, "related_product_id"].tolist()


def test_what_was_planted_is_found_and_comes_true() -> None:
    found = run(world())
    assert listed(found["similar"], "p0") == ["p4"]
    assert "p1" in listed(found["complementary"], "p0")
    assert listed(found["complementary"], "p2") == ["p3"]
    assert listed(found["upsell"], "p0") == ["p4"]
    report = found["report"]
    assert report["lists"]["upsell_products"] == {"products": 1, "rows": 1}
    assert report["evidence"]["co_purchase"] == len(
        found["complementary"].query("evidence == 'co_purchase'")
    )
    check = report["check"]["lists"]["all"]
    # Five customers of each pair come back for the other product of theirs.
    assert report["check"]["customers"] == 10
    assert check["hit_rate"]["value"] > check["chance"]["value"]
    assert check["over_exchanged"]["ci_low"] > 0


def test_lists_use_all_purchases_and_the_check_only_those_of_training() -> None:
    tables = world()
    customers = run(tables)["complementary"]
    row = customers[(customers["product_id"] == "p2") & (customers["related_product_id"] == "p3")]
    assert row["customers"].item() == 20
    frame = tables["interactions"].to_pandas()
    early = tables | {"interactions": ibis.memtable(frame.assign(split="train"))}
    assert run(early)["report"]["check"]["customers"] == 0


def test_pictures_count_like_words() -> None:
    found = run(world(texts=False, images=True))
    assert listed(found["similar"], "p0") == ["p4"]
    assert found["similar"]["text_similarity"].isna().all()
    assert found["similar"]["image_similarity"].notna().all()
    assert found["report"]["models"] == {"text": "", "image": "by hand"}


def test_without_content_lists_rest_on_purchases_and_say_so() -> None:
    found = run(world(texts=False))
    assert "p1" in listed(found["complementary"], "p0")
    assert set(found["complementary"]["evidence"]) == {"co_purchase"}
    notes = " ".join(found["report"]["left_out"])
    assert "no text embeddings" in notes
    assert "no image embeddings" in notes
    assert "rest on purchases alone" in notes


def test_without_prices_there_is_no_upsell_and_one_line_says_so() -> None:
    found = run(world(prices=False))
    assert found["upsell"].empty
    assert "no product has a price: upsell_products is empty." in found["report"]["left_out"]
    assert not found["complementary"].empty


def test_products_without_a_price_are_counted() -> None:
    notes = " ".join(run(world())["report"]["left_out"])
    assert "of 6 products 1 without a price neither get an up-sell nor are one" in notes


@pytest.mark.parametrize("customers", [1, 2])
def test_nearly_nobody_is_no_error(customers: int) -> None:
    found = run(world(customers=customers, texts=False))
    assert found["complementary"].empty
    assert found["report"]["check"]["lists"] == {}


def test_empty_tables_keep_their_columns_in_parquet(tmp_path: Any) -> None:
    from product_recommender.datasets import ParquetTableDataset

    dataset = ParquetTableDataset(
        filepath=str(tmp_path / "upsell.parquet"), connection={"backend": "duckdb"}
    )
    dataset.save(run(world(prices=False))["upsell"])
    table = dataset.load()
    assert table.count().to_pyarrow().as_py() == 0
    assert table.schema()["product_id"].is_string()
    assert table.schema()["chance_better"].is_floating()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("list_length", 0), ("min_lift", 0.5), ("confidence", 1.0), ("max_price_ratio", 1.0)],
)
def test_settings_have_bounds(setting: str, value: float) -> None:
    with pytest.raises(ValidationError, match=setting):
        RelatedProductsParameters(**{setting: value})
