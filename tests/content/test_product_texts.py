"""Product texts: the order of the parts, what they are made of, and that no later review speaks."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from product_recommender.content.product_texts import product_texts
from product_recommender.content.settings import TextSettings

COLUMNS = ("product_title", "brand", "category_path", "features", "description")


def products(**described: dict[str, str | None]) -> ibis.Table:
    rows = [
        {"product_id": key} | {name: values.get(name) for name in COLUMNS}
        for key, values in described.items()
    ]
    schema = pa.schema([(name, pa.string()) for name in ("product_id", *COLUMNS)])
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema))


def review(product: str, split: str, day: int, headline: str, body: str, who: str = "c") -> Any:
    return {
        "product_id": product,
        "split": split,
        "customer_id": who,
        "review_date": date(2020, 1, day),
        "review_headline": headline,
        "review_body": body,
    }


def texts(listed: ibis.Table, reviews: list[Any] | None = None, **settings: Any) -> pd.DataFrame:
    table = None if reviews is None else ibis.memtable(pd.DataFrame(reviews))
    found = product_texts(listed, table, TextSettings(**settings)).to_pandas()
    return found.set_index("product_id")


def test_parts_stand_in_a_fixed_order_and_clean() -> None:
    found = texts(
        products(
            a={
                "product_title": "  Oak \n table ",
                "description": "Very\tstable.",
                "features": "four legs\nsolid oak",
                "brand": "Acme",
                "category_path": "Home > Tables",
            }
        )
    ).loc["a"]
    expected = "Oak table. Acme. Home > Tables. four legs solid oak. Very\N{SPACE}stable."
    assert found["text"] == expected
    assert found["source"] == "metadata"
    assert found["content_hash"] == hashlib.sha256(expected.encode()).hexdigest()


@pytest.mark.parametrize(
    ("given", "text", "source"),
    [
        ({"product_title": "Lamp"}, "Lamp", "title"),
        ({"product_title": "Lamp", "brand": " \u00a0\n"}, "Lamp", "title"),
        ({"brand": "Acme"}, "Acme", "metadata"),
        ({"product_title": "a"}, "", "none"),  # the id, where nobody gave a title
        ({}, "", "none"),
        ({"product_title": " \t\x0b\u2028"}, "", "none"),
    ],
)
def test_the_source_says_what_there_was(given: dict[str, str], text: str, source: str) -> None:
    found = texts(products(a=given)).loc["a"]
    assert (found["text"], found["source"]) == (text, source)


def test_a_text_is_cut_at_characters_and_not_at_bytes() -> None:
    found = texts(products(a={"product_title": "é" * 80}), max_characters=50).loc["a"]
    assert found["text"] == "é" * 50
    assert found["content_hash"] == hashlib.sha256(("é" * 50).encode()).hexdigest()


def test_training_reviews_speak_for_products_without_metadata_only() -> None:
    listed = products(a={"product_title": "Lamp"}, b={"product_title": "Sofa", "brand": "Acme"})
    said = [
        review("a", "train", 3, "Too dark", "I sit in the\ndark."),
        review("a", "train", 1, "Bright", ""),
        review("a", "validation", 4, "LATER", "LATER"),
        review("a", "test", 5, "LATER", "LATER"),
        review("b", "train", 1, "Soft", "So soft."),
    ]
    found = texts(listed, said)
    assert found.loc["a", "text"] == "Lamp. Bright. Too dark. I sit in the dark."
    assert found["source"].to_dict() == {"a": "training_reviews", "b": "metadata"}
    assert "soft" not in found.loc["b", "text"].lower()
    assert texts(listed).loc["a", "text"] == "Lamp"


def test_later_reviews_change_nothing() -> None:
    listed = products(a={"product_title": "Lamp"})
    train = [review("a", "train", 1, "Bright", "Yes.")]
    later = [review("a", part, 9, "awful", "no") for part in ("validation", "test")]
    assert texts(listed, train).equals(texts(listed, train + later))


def test_reviews_are_few_short_and_in_the_order_of_time() -> None:
    said = [review("a", "train", day, f"h{day}", "x" * 500, f"c{day}") for day in (5, 2, 4, 3)]
    found = texts(
        products(a={"product_title": "Lamp"}), said, reviews_per_product=3, review_characters=10
    ).loc["a", "text"]
    assert found == "Lamp. h2. h3. h4. " + ". ".join(["x" * 10] * 3)
