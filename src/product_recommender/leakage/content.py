"""Product texts a second time, and embeddings by their hashes: content knows no later review.

Titles and metadata are known when a product goes on sale. What reviewers wrote is known when they
wrote it: only texts of training reviews may describe a product, and only where that was asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from product_recommender.content.settings import ContentParameters, TextSettings
from product_recommender.leakage.comparison import compare_tables, unknown_columns
from product_recommender.leakage.findings import Finding
from product_recommender.leakage.reviews import Cuts

DETAILS = ("brand", "category_path", "features", "description")
TEXT_COLUMNS = ("product_id", "text", "source", "content_hash")
IMAGE_COLUMNS = ("product_id", "path", "status", "content_hash", "width", "height")
EMBEDDING_COLUMNS = ("product_id", "content_hash", "model", "vector")
PRODUCTS_AT_ONCE = 20_000


def check_content(
    reviews: ibis.Table,
    products: ibis.Table,
    product_texts: ibis.Table,
    text_embeddings: ibis.Table,
    product_images: ibis.Table,
    image_embeddings: ibis.Table,
    cuts: Cuts,
    settings: ContentParameters,
) -> list[Finding]:
    """Texts follow from metadata and training reviews, vectors belong to those texts and images.

    Parameters
    ----------
    reviews, products, product_texts, text_embeddings, product_images, image_embeddings
        The datasets of those names.
    cuts
        The two days.
    settings
        Whether training reviews may speak, and how much.

    Returns
    -------
    list of Finding
        Where nobody names an image there is nothing to compare, and no row claims that there was.
    """
    texts = _expected_texts(products, cuts.training(reviews), settings.text)
    described = texts.filter(texts.source != "none").select("product_id", "content_hash")
    named = products.filter(products.image.fill_null("") != "")
    expected_paths = named.select("product_id", path=named.image)
    pictures = product_images.filter(product_images.status == "ok")
    findings = compare_tables(
        product_texts,
        texts,
        ["product_id"],
        dict.fromkeys(("text", "source", "content_hash"), "target_text"),
        "target_text",
        "product_texts",
        "metadata and texts of training reviews",
    )
    findings += _compared(
        text_embeddings, described, "content_hash", "text_embeddings", "product texts"
    )
    findings += _compared(product_images, expected_paths, "path", "product_images", "products")
    findings += _compared(
        image_embeddings,
        pictures.select("product_id", "content_hash"),
        "content_hash",
        "image_embeddings",
        "images that are pictures",
    )
    tables: tuple[tuple[ibis.Table, tuple[str, ...], str], ...] = (
        (product_texts, TEXT_COLUMNS, "product_texts"),
        (product_images, IMAGE_COLUMNS, "product_images"),
        (text_embeddings, EMBEDDING_COLUMNS, "text_embeddings"),
        (image_embeddings, EMBEDDING_COLUMNS, "image_embeddings"),
    )
    later = cuts.later(reviews)
    return findings + [unknown_columns(*table, later) for table in tables]


def _compared(
    found: ibis.Table, expected: ibis.Table, column: str, dataset: str, source: str
) -> list[Finding]:
    """Compare one column by product; nothing, where both tables are empty."""
    if _count(found) == 0 and _count(expected) == 0:
        return []
    leaks = {column: "target_text"}
    return compare_tables(found, expected, ["product_id"], leaks, "target_text", dataset, source)


def _expected_texts(
    products: ibis.Table, training: ibis.Table, settings: TextSettings
) -> ibis.Table:
    """`product_texts` worked out in Python, product by product: no code of the pipeline is used."""
    columns = ["product_id", "product_title", *DETAILS]
    rows = products.select(*columns).order_by("product_id").to_pyarrow().to_pylist()
    silent = {
        row["product_id"] for row in rows if not any(_one_line(row[name]) for name in DETAILS)
    }
    said = _said(training, silent, settings) if settings.training_reviews else {}
    return ibis.memtable(
        pa.Table.from_pylist(
            [_expected_text(row, said.get(row["product_id"], ""), settings) for row in rows],
            schema=pa.schema([(name, pa.string()) for name in TEXT_COLUMNS]),
        )
    )


def _expected_text(row: dict[str, Any], said: str, settings: TextSettings) -> dict[str, str]:
    titled = row["product_title"] != row["product_id"]
    title = _one_line(row["product_title"]) if titled else ""
    details = _sentences(_one_line(row[name]) for name in DETAILS)
    text = _sentences([title, details or said])[: settings.max_characters].strip()
    source = "none"
    for name, speaks in (("metadata", details), ("training_reviews", said), ("title", title)):
        if speaks:
            source = name
            break
    key = hashlib.sha256(text.encode()).hexdigest()
    return {
        "product_id": row["product_id"],
        "text": text,
        "source": source,
        "content_hash": key,
    }


def _said(training: ibis.Table, silent: set[str], settings: TextSettings) -> dict[str, str]:
    """What training reviews say of products that say nothing of themselves."""
    reviews = training.select(
        "product_id", "review_date", "customer_id", "review_headline", "review_body"
    )
    of_product: dict[str, list[tuple[Any, str, str, str]]] = defaultdict(list)
    for batch in reviews.to_pyarrow().to_batches(max_chunksize=PRODUCTS_AT_ONCE):
        for row in batch.to_pylist():
            if row["product_id"] in silent:
                body = _one_line(row["review_body"])[: settings.review_characters].strip()
                of_product[row["product_id"]].append(
                    (
                        row["review_date"],
                        row["customer_id"],
                        _one_line(row["review_headline"]),
                        body,
                    )
                )
    said = {}
    for product, rows in of_product.items():
        first = sorted(rows)[: settings.reviews_per_product]
        said[product] = _sentences([*(r[2] for r in first), *(r[3] for r in first)])
    return said


def _one_line(text: str | None) -> str:
    return re.sub("[ \t\n\f\r\x0b\u00a0\u2028\u2029\u3000]+", " ", text or "").strip(" ")


def _sentences(parts: Any) -> str:
    return ". ".join(part for part in parts if part)


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())
