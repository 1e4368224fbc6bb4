"""A small shop as catalog tables, with models trained on it: what ensemble and evaluation need."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import ibis
import numpy as np
import pandas as pd

from product_recommender.interactions import Interactions
from product_recommender.model_inputs import interaction_arrays, rows_like, training_interactions
from product_recommender.pipelines.modeling.nodes import predict_ratings, recommend_at_cuts
from product_recommender.pipelines.modeling.parameters import ModelingSettings
from product_recommender.recommenders.registry import recommender_class

FIRST_DAY = np.datetime64("2015-01-01")
PARTS = ("train", "validation", "test")


@dataclass
class Shop:
    """Tables by dataset name, and models by name."""

    interactions: ibis.Table
    customer_ids: ibis.Table
    product_ids: ibis.Table
    customer_segments: ibis.Table
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    weights: dict[str, dict[str, Any]] = field(default_factory=dict)
    recommendations: dict[str, ibis.Table] = field(default_factory=dict)
    predictions: dict[str, ibis.Table] = field(default_factory=dict)

    def parts(self, *names: str) -> list[Any]:
        """Inputs of a node: all configs, then all weights, and so on."""
        return [item for name in names for item in getattr(self, name).values()]


def shop_of(purchases: pd.DataFrame, segments: dict[int, str], categories: list[str]) -> Shop:
    """Tables from rows of ``user, item, stars, day, part`` with ``part`` 0, 1 (tune), 1.5, 2.

    Codes must be ordered by first appearance, as the contract says. A product is on sale from its
    first purchase.
    """
    n_users, n_items = int(purchases["user"].max()) + 1, len(categories)
    training = purchases[purchases["part"] == 0]
    first = purchases.groupby("item")["day"].min().reindex(range(n_items), fill_value=0)
    customer = [f"customer {user:03}" for user in range(n_users)]
    part = purchases["part"].to_numpy()
    earlier = purchases.groupby(["user", "item"])["part"].transform("min").to_numpy()
    interactions = pd.DataFrame(
        {
            "user": purchases["user"].astype(np.int32),
            "item": purchases["item"].astype(np.int32),
            "star_rating": purchases["stars"].astype(np.int8),
            "day": purchases["day"].astype(np.int32),
            "split": np.array(PARTS, dtype=object)[part.astype(int)],
            "validation_part": [{1.0: "tune", 1.5: "blend"}.get(p) for p in part],
            "is_repeat": earlier.astype(int) < part.astype(int),
            "verified_purchase": True,
        }
    )
    customer_ids = pd.DataFrame(
        {
            "customer_id": customer,
            "user": np.arange(n_users, dtype=np.int32),
            "in_training": np.isin(np.arange(n_users), training["user"]),
        }
    )
    product_ids = pd.DataFrame(
        {
            "product_id": [f"product {item:03}" for item in range(n_items)],
            "item": np.arange(n_items, dtype=np.int32),
            "in_training": np.isin(np.arange(n_items), training["item"]),
            "product_category": categories,
            "first_review_date": pd.to_datetime(first.to_numpy(), unit="D").date,
        }
    )
    of_customer = pd.DataFrame(
        {
            "customer_id": customer,
            "segment": [segments.get(user, "New") for user in range(n_users)],
        }
    )
    return Shop(
        *(ibis.memtable(frame) for frame in (interactions, customer_ids, product_ids, of_customer))
    )


def world_of(shop: Shop) -> tuple[Any, Interactions]:
    """All interactions as arrays, and the training world."""
    arrays = interaction_arrays(shop.interactions, shop.customer_ids, shop.product_ids)
    customers = shop.customer_ids.filter(shop.customer_ids["in_training"]).select("customer_id")
    products = shop.product_ids.select("product_id", "product_category")
    world = training_interactions(
        arrays, shop.customer_ids, shop.product_ids, customers, products, shop.customer_segments
    )
    return arrays, world


def train(shop: Shop, *names: str, list_length: int = 10) -> Shop:
    """Train these models and let them answer, as the modeling pipeline does."""
    settings = ModelingSettings(list_length=list_length)
    arrays, world = world_of(shop)
    tables = (shop.interactions, shop.customer_ids, shop.product_ids)
    for name in names:
        model_class = recommender_class(name)
        model = model_class(model_class.Config()).fit(
            world, rows_like(world, arrays, arrays.in_tune & ~arrays.is_repeat)
        )
        config = {
            "model": name,
            "parameters": model.config.model_dump(mode="json"),
            "refit_parameters": None,
            "refit_on_validation": False,
            "predicts": model.predicts,
            "ranks_by": model.ranks_by,
            "seed": 0,
            "trials": 0,
            "seconds": 0.1,
            "fit_report": {},
        }
        state = model.state()
        shop.configs[name], shop.weights[name] = config, state
        lists = recommend_at_cuts(state, config, *tables, settings)
        shop.recommendations[name] = ibis.memtable(lists)
        shop.predictions[name] = ibis.memtable(predict_ratings(state, config, *tables))
    return shop


def random_shop(
    n_users: int = 300, n_items: int = 40, n_new: int = 120, seed: int = 0, taste: float = 2.5
) -> Shop:
    """Customers of two tastes buy from two categories; a third of them appear after training."""
    rng = np.random.default_rng(seed)
    categories = ["Furniture" if item % 2 else "Electronics" for item in range(n_items)]
    category = np.arange(n_items) % 2
    popularity = rng.normal(size=n_items)
    quality = rng.normal(scale=0.6, size=n_items)
    rows = []
    for user in range(n_users + n_new):
        liking = taste * (category == user % 2)
        keys = liking + popularity + rng.gumbel(size=n_items)
        bought = np.argsort(-keys)[:8]
        parts = [0, 0, 0, 0, 0] if user < n_users else []
        parts += [1.0 if user % 3 == 0 else 1.5, 2.0, 2.0]
        for item, part in zip(bought, parts, strict=False):
            stars = np.clip(round(3.6 + quality[item] + 0.5 * rng.normal()), 1, 5)
            rows.append(
                (user, item, stars, 17_000 + int(100 * part) + int(rng.integers(0, 50)), part)
            )
    purchases = pd.DataFrame(rows, columns=["user", "item", "stars", "day", "part"])
    trained = purchases[purchases["part"] == 0]["item"].unique()
    order = {item: code for code, item in enumerate(sorted(trained))}
    purchases = purchases[purchases["item"].isin(order)]
    purchases = purchases.assign(item=purchases["item"].map(order))
    segments = {user: "Even" if user % 2 == 0 else "Odd" for user in range(n_users)}
    return shop_of(purchases, segments, [categories[item] for item in order])
