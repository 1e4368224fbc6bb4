"""A small shop as catalog tables, and the models' answers about it, made without any model."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from product_recommender.dashboard.recommendations import Answers
from product_recommender.dashboard.shop import Tables
from product_recommender.related.complements import COLUMNS as COMPLEMENT_COLUMNS
from product_recommender.related.similar import SIMILAR_COLUMNS, UPSELL_COLUMNS

EPOCH = datetime.date(1970, 1, 1)
LAST_DAY = datetime.date(2015, 8, 31)
CATEGORIES = ("Toys", "Books", "Garden")


@dataclass
class SmallShop:
    """Frames that a test may look at by itself, and the tables made of them.

    ``reviews`` has ``customer_id, product_id, star_rating, day`` (days since 1970-01-01).
    """

    reviews: pd.DataFrame
    products: pd.DataFrame
    segments: pd.DataFrame
    customers: pd.DataFrame
    tables: Tables
    answers: Answers
    profiles: pd.DataFrame
    report: dict[str, Any]


def day_number(day: str) -> int:
    """Days since 1970-01-01."""
    return (datetime.date.fromisoformat(day) - EPOCH).days


def shop_of(
    reviews: list[tuple[str, str, int, str]],
    products: dict[str, dict[str, Any]] | None = None,
    segments: dict[str, str] | None = None,
    customers: list[dict[str, Any]] | None = None,
) -> SmallShop:
    """Tables from rows of customer, product, stars, ISO day.

    Products may be given ``category``, ``list_price``, ``cost``, ``stock``, ``title``; customers a
    segment (otherwise ``Regulars``).
    """
    frame = pd.DataFrame(reviews, columns=["customer_id", "product_id", "star_rating", "date"])
    frame["day"] = [day_number(day) for day in frame.pop("date")]
    given = products or {}
    ids = sorted(frame["product_id"].unique())
    facts = pd.DataFrame(
        {
            "product_id": ids,
            "product_title": [given.get(of, {}).get("title", f"Title of {of}") for of in ids],
            "product_category": [given.get(of, {}).get("category", "Toys") for of in ids],
            **{
                name: pd.array([given.get(of, {}).get(name) for of in ids], dtype="Float64")
                for name in ("list_price", "cost", "stock")
            },
        }
    )
    names = sorted(frame["customer_id"].unique())
    persona = pd.DataFrame(
        {"customer_id": names, "segment": [(segments or {}).get(of, "Regulars") for of in names]}
    )
    attributes = pd.DataFrame(
        customers or [], columns=["customer_id", "age_group", "region", "is_prime"]
    )
    tables = _tables(frame, facts, persona, attributes)
    profiles = persona.groupby("segment").size().rename("customers").reset_index()
    profiles["share"] = profiles["customers"] / len(persona)
    profiles["purchase_count_mean"] = 1.5
    report = {"data": {"name": "hand-made", "label": "hand-made data", "generated": True}}
    return SmallShop(
        frame, facts, persona, attributes, tables, _answers(frame, facts), profiles, report
    )


def random_shop(seed: int = 3, reviews: int = 600) -> SmallShop:
    """Two and a half years of random purchases; a fifth of the products without a price."""
    rng = np.random.default_rng(seed)
    rows = [
        (
            f"c{int(rng.integers(80) ** 1.0):02}"
            if rng.random() < 0.7
            else f"d{rng.integers(400)}",
            f"p{int(30 * rng.random() ** 2):02}",
            int(rng.integers(1, 6)),
            (LAST_DAY - datetime.timedelta(days=int(900 * rng.random() ** 2))).isoformat(),
        )
        for _ in range(reviews)
    ]
    products = {}
    for number in range(30):
        price = None if number % 5 == 4 else round(float(rng.uniform(5, 90)), 2)
        products[f"p{number:02}"] = {
            "category": CATEGORIES[number % 3],
            "list_price": price,
            "cost": price and round(price * 0.6, 2) if number % 2 else None,
            "stock": int(rng.integers(0, 60)),
        }
    customers = sorted({row[0] for row in rows})
    segments = {
        name: ("New", "Casual", "Power Buyers", "Casual")[number % 4]
        for number, name in enumerate(customers)
    }
    attributes = [
        {
            "customer_id": name,
            "age_group": ("18-24", "25-34", None)[number % 3],
            "region": "South",
            "is_prime": number % 2 == 0,
        }
        for number, name in enumerate(customers[::2])
    ]
    return shop_of(rows, products, segments, attributes)


def _tables(
    reviews: pd.DataFrame, products: pd.DataFrame, segments: pd.DataFrame, customers: pd.DataFrame
) -> Tables:
    users = pd.DataFrame(
        {
            "customer_id": segments["customer_id"],
            "user": np.arange(len(segments), dtype=np.int32),
            "in_training": True,
        }
    )
    first = reviews.groupby("product_id")["day"].min().reindex(products["product_id"])
    items = pd.DataFrame(
        {
            "product_id": products["product_id"],
            "item": np.arange(len(products), dtype=np.int32),
            "in_training": True,
            "product_category": products["product_category"],
            "first_review_date": pd.to_datetime(first.to_numpy(), unit="D").date,
        }
    )
    interactions = pd.DataFrame(
        {
            "user": reviews["customer_id"].map(users.set_index("customer_id")["user"]),
            "item": reviews["product_id"].map(items.set_index("product_id")["item"]),
            "star_rating": reviews["star_rating"].astype(np.int8),
            "day": reviews["day"].astype(np.int32),
        }
    ).astype({"user": np.int32, "item": np.int32})
    schema = {
        "customer_id": "string",
        "age_group": "string",
        "region": "string",
        "is_prime": "boolean",
    }
    return Tables(
        interactions=ibis.memtable(interactions),
        customer_ids=ibis.memtable(users),
        product_ids=ibis.memtable(items),
        products=ibis.memtable(
            products,
            schema=dict.fromkeys(products.columns[:3], "string")
            | dict.fromkeys(("list_price", "cost", "stock"), "float64"),
        ),
        customers=ibis.memtable(customers, schema=schema),
        customer_segments=ibis.memtable(segments),
    )


def _answers(reviews: pd.DataFrame, products: pd.DataFrame) -> Answers:
    """Lists of the most ordered products that a customer has not bought, and made-up measures."""
    popular = reviews["product_id"].value_counts()
    popular = popular.sort_index(kind="stable").sort_values(ascending=False, kind="stable").index
    bought = reviews.groupby("customer_id")["product_id"].agg(set)
    served = [
        (customer, rank, product, 1.0 / rank, "popularity", False)
        for customer, own in bought.items()
        for rank, product in enumerate([of for of in popular if of not in own][:10], start=1)
    ]
    columns = ["customer_id", "rank", "product_id", "score", "model", "is_fallback"]
    categories = sorted(products["product_category"].unique())
    chances = [
        (customer, category, "2015-09-01/2015-09-30", 0.1 * (number + 1))
        for customer in bought.index
        for number, category in enumerate(categories)
    ]
    metrics = pd.DataFrame(
        [
            ("popularity", "test", "overall", "ndcg@10", 0.2, 0.1, 0.3, 50),
            ("random", "test", "overall", "ndcg@10", 0.01, 0.0, 0.02, 50),
            ("popularity", "test", "overall", "coverage@10", 0.5, np.nan, np.nan, 50),
        ],
        columns=["model", "split", "slice", "metric", "value", "ci_low", "ci_high", "n_users"],
    )
    verdict = {"model": "random", "metric": "ndcg@10", "verdict": "worse than popularity"}
    similar, complementary, upsell = _beside(products["product_id"].tolist())
    return Answers(
        similar_products=similar,
        complementary_products=complementary,
        upsell_products=upsell,
        recommendations=ibis.memtable(pd.DataFrame(served, columns=columns)),
        purchase_propensity=ibis.memtable(
            pd.DataFrame(chances, columns=["customer_id", "category", "period", "probability"])
        ),
        metrics=metrics,
        leaderboard=pd.DataFrame({"model": ["popularity", "random"]}),
        evaluation_report={"comparisons": [verdict]},
        propensity_report={"model": "made up", "lead_over_baseline": {}},
    )


def _beside(ids: list[str]) -> tuple[ibis.Table, ibis.Table, ibis.Table]:
    """Each product is like the next one, goes with the one after, and steps up to nothing."""
    following = [*ids[1:], ids[0]]
    similar = pd.DataFrame(
        [(a, 1, b, 0.5, 0.5, None, 0.25, 2) for a, b in zip(ids, following, strict=True)],
        columns=list(SIMILAR_COLUMNS),
    )
    together = pd.DataFrame(
        [
            (a, 1, b, 0.1, "co_purchase", 4, 2.0, 2.0, 1.5, 4, None, None)
            for a, b in zip(ids, [*following[1:], following[0]], strict=True)
        ],
        columns=list(COMPLEMENT_COLUMNS),
    )
    floats = ["text_similarity", "image_similarity"]
    upsell = dict.fromkeys(UPSELL_COLUMNS, "float64") | dict.fromkeys(
        ("product_id", "related_product_id", "price_band", "related_price_band"), "string"
    )
    return (
        ibis.memtable(similar.astype(dict.fromkeys([*floats, "bought_alike"], float))),
        ibis.memtable(together.astype(dict.fromkeys(floats, float))),
        ibis.memtable(pd.DataFrame(columns=list(UPSELL_COLUMNS)), schema=upsell),
    )
