"""What stands beside one product: substitutes, complements, up-sells."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np

from product_recommender.answers.attributes import Described, InCommon, common_ground
from product_recommender.answers.catalog import Catalog, require
from product_recommender.answers.described import Shelf
from product_recommender.answers.safe_text import safe
from product_recommender.answers.sentences import spoken_attributes
from product_recommender.days import date_of
from product_recommender.wording import counted

LISTS = ("similar_products", "complementary_products", "upsell_products")
HEADINGS = {
    "similar_products": ("Similar", "nothing on its shelf is like it"),
    "complementary_products": (
        "Goes with it",
        "nothing is bought with it more often than chance gives, as far as can be counted",
    ),
    "upsell_products": (
        "A step up",
        "nothing like it in the next price band is surely better liked",
    ),
}
"""Name of a list -> how it is headed, and why it may be empty."""

TABLES = ("product_ids", "products", "interactions", "data_quality_report", *LISTS)

NEAR_IDS, NEAR_TITLES = 3, 2
"""How many ids that look alike, and titles that hold the text, are offered for an unknown one."""


@dataclass(frozen=True)
class Beside:
    """One product beside another.

    Attributes
    ----------
    product_id
        Which.
    described
        What is known of it.
    score
        As in the table.
    evidence
        The row of the table: counts, similarities, stars, prices; None where unknown.
    common
        What it shares with the product asked about.
    sentence
        Why it stands there, in one sentence.
    """

    product_id: str
    described: Described
    score: float
    evidence: dict[str, Any]
    common: InCommon
    sentence: str


@dataclass(frozen=True)
class ProductAnswer:
    """What is known of a product and listed beside it.

    Attributes
    ----------
    product_id
        As asked.
    described
        What the tables say.
    purchases, stars
        How often it was bought, and the mean of its stars; None where it was not.
    data, as_of
        Label of the data, and their last day.
    lists
        Name of the table -> products, best first.
    """

    product_id: str
    described: Described
    purchases: int
    stars: float | None
    data: str
    as_of: datetime.date
    lists: dict[str, list[Beside]]


def answer_for_product(catalog: Catalog, product_id: str, k: int, run: str) -> ProductAnswer:
    """Gather what stands beside a product.

    Parameters
    ----------
    catalog
        The catalog of a run.
    product_id
        Which product.
    k
        Products wanted of each list, at least 1.
    run
        How this environment is run, for messages.

    Raises
    ------
    NotMadeYetError
        If the lists were not made.
    ValueError
        If there is no such product, with near ones.
    """
    require(catalog, TABLES, f"{run} --pipelines=related_products", "A product's page")
    ids: ibis.Table = catalog.load("product_ids")
    own = ids.filter(ids["product_id"] == product_id).select("item").to_pyarrow()
    if not len(own):
        raise ValueError(_unknown(catalog, product_id))
    item = int(own["item"][0].as_py())
    rows = {name: rows_beside(catalog.load(name), [product_id], k) for name in LISTS}
    near = sorted({str(row["related_product_id"]) for found in rows.values() for row in found})
    coded = ids.filter(ids["product_id"].isin(near)).select("product_id", "item").to_pyarrow()
    codes = {str(row["product_id"]): int(row["item"]) for row in coded.to_pylist()}
    shelf = Shelf.of(catalog, np.array([item, *codes.values()], dtype=int))
    described = shelf.described[item]
    common = common_ground(
        catalog.load("products"), shelf.described, {(item, code) for code in codes.values()}
    )
    interactions: ibis.Table = catalog.load("interactions")
    bought = interactions.filter(interactions["item"] == item)
    stars = bought["star_rating"].mean().to_pyarrow().as_py()
    last_day = int(interactions["day"].max().to_pyarrow().as_py())
    return ProductAnswer(
        product_id=product_id,
        described=described,
        purchases=int(bought.count().to_pyarrow().as_py()),
        stars=None if stars is None else float(stars),
        data=str(catalog.load("data_quality_report")["data"]["label"]),
        as_of=date_of(last_day),
        lists={
            name: [
                _beside(name, row, shelf.described[code], common[item, code])
                for row in found
                for code in [codes[str(row["related_product_id"])]]
            ]
            for name, found in rows.items()
        },
    )


def rows_beside(table: ibis.Table, product_ids: Sequence[str], k: int) -> list[dict[str, Any]]:
    """The first rows of a list beside some products.

    Parameters
    ----------
    table
        One of `LISTS`.
    product_ids
        Which products.
    k
        Rows wanted of each, at most.
    """
    own = table.filter(table["product_id"].isin(sorted(product_ids)), table["rank"] <= k)
    rows: list[dict[str, Any]] = own.order_by("product_id", "rank").to_pyarrow().to_pylist()
    return rows


def _beside(name: str, row: dict[str, Any], other: Described, common: InCommon) -> Beside:
    kept = ("product_id", "related_product_id", "rank", "score")
    return Beside(
        product_id=str(row["related_product_id"]),
        described=other,
        score=float(row["score"]),
        evidence={key: value for key, value in row.items() if key not in kept},
        common=common,
        sentence=beside_sentence(name, row, common),
    )


def beside_sentence(name: str, row: dict[str, Any], common: InCommon) -> str:
    """Why a product stands in a list beside another.

    Parameters
    ----------
    name
        One of `LISTS`.
    row
        Of that table.
    common
        What the two products share.
    """
    return _SENTENCES[name](row, common)


def nothing_beside(name: str, price: float | None) -> str:
    """Why a product has no row in a list.

    Parameters
    ----------
    name
        One of `LISTS`.
    price
        Of the product; None where unknown.
    """
    unpriced = name == "upsell_products" and price is None
    return "its price is unknown" if unpriced else HEADINGS[name][1]


def _similar(row: dict[str, Any], common: InCommon) -> str:
    parts = []
    for word, column in (("words", "text_similarity"), ("looks", "image_similarity")):
        if row[column] is not None:
            parts.append(f"{word} {max(float(row[column]), 0.0):.0%}".replace("%", " %"))
    if row["bought_alike"]:
        parts.append(f"bought beside {float(row['bought_alike']):.0%}".replace("%", " %"))
    alike = "Alike: " + ", ".join(parts) if parts else ""
    shared = spoken_attributes(common)
    return "; ".join(part for part in (alike, shared) if part) + "."


def _complementary(row: dict[str, Any], common: InCommon) -> str:
    both = counted(int(row["customers"]), "customer")
    lift = f"{float(row['lift']):.1f} times as many as by chance"
    sentence = {
        "co_purchase": f"{both} bought both, {lift}.",
        "text": f"{both} bought this and something that reads like it, {lift}.",
        "image": f"{both} bought this and something that looks like it, {lift}.",
        "category_pair": f"{both} buy from both shelves, {lift}; this sells most there.",
    }[str(row["evidence"])]
    return sentence


def _upsell(row: dict[str, Any], common: InCommon) -> str:
    shared = spoken_attributes(common)
    return (
        f"★ {float(row['related_stars']):.2f} ({counted(int(row['related_ratings']), 'rating')}) "
        f"against ★ {float(row['stars']):.2f} ({int(row['ratings'])}), "
        f"{float(row['chance_better']):.0%} sure; ".replace("%", " %")
        + f"{float(row['related_list_price']):,.2f} instead of {float(row['list_price']):,.2f} "
        f"({row['related_price_band']} instead of {row['price_band']})"
        + (f"; {shared}." if shared else ".")
    )


_SENTENCES = {
    "similar_products": _similar,
    "complementary_products": _complementary,
    "upsell_products": _upsell,
}


def _unknown(catalog: Catalog, product_id: str) -> str:
    """One line that says so, with ids that look alike and titles that hold the text."""
    shown = safe(product_id, 60)
    products: ibis.Table = catalog.load("products")
    named = products.select("product_id", title=products["product_title"].fill_null(""))
    distance = named["product_id"].levenshtein(shown)
    near = named.mutate(distance=distance).order_by("distance", "product_id").limit(NEAR_IDS)
    most = max(2, len(shown) // 3)
    found = [row for row in near.to_pyarrow().to_pylist() if row["distance"] <= most]
    if len(shown) >= 3:
        held = named.filter(named["title"].lower().contains(shown.lower()))
        found += held.order_by("product_id").limit(NEAR_TITLES).to_pyarrow().to_pylist()
    offered = {str(row["product_id"]): str(row["title"]) for row in found}
    hint = ", ".join(
        f"{safe(near_id, 40)} ({safe(title, 40)})" for near_id, title in offered.items()
    )
    return f"There is no product {shown!r}." + (f" Did you mean {hint}?" if hint else "")
