"""Texts and vectors that know later reviews, and those that belong to something else."""

from __future__ import annotations

from datetime import date
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from product_recommender.content.pictures import PICTURE_SCHEMA
from product_recommender.content.product_texts import product_texts
from product_recommender.content.settings import ContentParameters, TextSettings
from product_recommender.content.vectors import embedding_table
from product_recommender.leakage.content import check_content
from product_recommender.leakage.findings import findings_table
from product_recommender.leakage.reviews import Cuts

CUTS = Cuts(date(2020, 1, 10), date(2020, 1, 20))
TITLES = ("product_title", "brand", "category_path", "features", "description", "image")
SETTINGS = ContentParameters(
    text=TextSettings(training_reviews=True, reviews_per_product=2, review_characters=12)
)
Tables = dict[str, ibis.Table]


def reviews(split_of_all: str | None = None) -> ibis.Table:
    rows = [
        ("a", "c1", 3, "Bright  lamp", "I like it very much."),
        ("a", "c2", 2, "", "Ok\u00a0then"),
        ("a", "c3", 9, "Third of three", "x"),
        ("a", "c4", 15, "Broke after a week", "validation"),
        ("b", "c1", 4, "Soft", "y"),
        ("d", "c5", 25, "Only later", "test"),
    ]
    frame = pd.DataFrame(
        [
            {
                "product_id": product,
                "customer_id": customer,
                "review_date": date(2020, 1, day),
                "review_headline": headline,
                "review_body": body,
                "star_rating": 5,
                "helpful_votes": 0,
                "total_votes": 0,
                "split": split_of_all
                or ("train" if day <= 10 else "validation" if day <= 20 else "test"),
            }
            for product, customer, day, headline, body in rows
        ]
    )
    return ibis.memtable(frame)


def products() -> ibis.Table:
    rows = [
        {"product_id": "a", "product_title": "Lamp", "image": "a.png"},
        {"product_id": "b", "product_title": "Sofa", "brand": "Acme", "image": "b.png"},
        {"product_id": "c", "product_title": "c"},
        {"product_id": "d", "product_title": "d"},
    ]
    schema = pa.schema([(name, pa.string()) for name in ("product_id", *TITLES)])
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema))


def embeddings_of(hashes: dict[str, str]) -> ibis.Table:
    vectors = {key: [1.0, 2.0] for key in hashes.values()}
    return ibis.memtable(embedding_table(list(hashes), list(hashes.values()), "m", vectors))  # type: ignore[arg-type]


def tables(seen: ibis.Table | None = None) -> Tables:
    texts = product_texts(products(), reviews() if seen is None else seen, SETTINGS.text)
    table = texts.to_pyarrow()
    hashes = {
        row["product_id"]: row["content_hash"]
        for row in table.to_pylist()
        if row["source"] != "none"
    }
    looked_at = [
        {"product_id": "a", "path": "a.png", "status": "ok", "content_hash": "k"},
        {"product_id": "b", "path": "b.png", "status": "missing"},
    ]
    return {
        "product_texts": ibis.memtable(table),
        "text_embeddings": embeddings_of(hashes),
        "product_images": ibis.memtable(pa.Table.from_pylist(looked_at, schema=PICTURE_SCHEMA)),
        "image_embeddings": embeddings_of({"a": "k"}),
    }


def check(found: Tables, settings: ContentParameters = SETTINGS) -> pd.DataFrame:
    return findings_table(
        check_content(reviews(), products(), **found, cuts=CUTS, settings=settings)
    )


def leaking(report: pd.DataFrame) -> dict[str, str]:
    wrong = report[report["outcome"] != "clean"]
    return dict(zip(wrong["dataset"], wrong["detail"], strict=True))


def test_what_the_pipeline_makes_is_clean() -> None:
    report = check(tables())
    assert leaking(report) == {}
    assert set(report["dataset"]) == set(tables())
    said = tables()["product_texts"].to_pandas().set_index("product_id")["text"]
    assert said["a"] == "Lamp. Bright lamp. Ok then. I like it ve"


def test_texts_of_later_reviews_are_found() -> None:
    careless = tables(reviews(split_of_all="train"))
    told = leaking(check(careless))
    assert set(told) == {"product_texts", "text_embeddings"}
    assert "product d" in told["product_texts"] or "product_id d" in told["product_texts"]


def test_reviews_that_nobody_asked_for_are_found() -> None:
    settings = ContentParameters(text=TextSettings(training_reviews=False))
    assert "product_texts" in leaking(check(tables(), settings))


def replaced(name: str, **columns: Any) -> Tables:
    found = tables()
    return found | {name: found[name].mutate(**columns)}


@pytest.mark.parametrize(
    ("name", "columns", "detail"),
    [
        ("text_embeddings", {"content_hash": ibis.literal("of another text")}, "content_hash"),
        ("image_embeddings", {"content_hash": ibis.literal("of another image")}, "content_hash"),
        ("image_embeddings", {"star_mean": ibis.literal(4.2)}, "column star_mean"),
        ("product_texts", {"sold_later": ibis.literal(7)}, "column sold_later"),
        ("product_images", {"path": ibis.literal("../a.png")}, "path"),
    ],
)
def test_what_does_not_belong_is_named(name: str, columns: dict[str, Any], detail: str) -> None:
    told = leaking(check(replaced(name, **columns)))
    assert set(told) == {name}
    assert detail in told[name]


def test_a_vector_without_a_text_is_found() -> None:
    found = tables()
    found["text_embeddings"] = embeddings_of({"a": "h", "c": "of a product that says nothing"})
    assert "text_embeddings" in leaking(check(found))


def test_no_images_are_nothing_to_compare_and_no_leak() -> None:
    found = tables() | {
        "product_images": ibis.memtable(PICTURE_SCHEMA.empty_table()),
        "image_embeddings": embeddings_of({}),
    }
    bare = products().mutate(image=ibis.null("string"))
    report = findings_table(check_content(reviews(), bare, **found, cuts=CUTS, settings=SETTINGS))
    assert leaking(report) == {}
