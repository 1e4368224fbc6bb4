"""A catalog of a handful of purchases, worked out by hand."""

from __future__ import annotations

import datetime
from typing import Any

import ibis
import pandas as pd

DAY = 16_000  # 2013-10-22
LAST_DAY = DAY + 400
EPOCH = datetime.date(1970, 1, 1)
NASTY = "\x1b[31mRed\x1b[0m [bold]lamp[/bold]\nline two\u202eabc"

# customer, product, stars, day. p1 and p3 share buyers c2 and c3; p1 and p4 only c2.
BOUGHT = [
    ("c1", "p1", 5, DAY),
    ("c1", "p2", 3, DAY + 10),
    ("c2", "p1", 4, DAY),
    ("c2", "p3", 4, DAY + 5),
    ("c2", "p4", 4, DAY + 5),
    ("c3", "p1", 1, DAY + 1),
    ("c3", "p3", 2, DAY + 2),
    ("c4", "p4", 5, DAY + 3),
    ("c4", "p5", 5, LAST_DAY - 2),
    ("c5", "p4", 5, LAST_DAY),
]
PRODUCTS = {
    "p1": ("A desk", "Furniture"),
    "p2": (NASTY, "Furniture"),
    "p3": ("A chair", "Furniture"),
    "p4": ("A radio", "Electronics"),
    "p5": ("A lamp", "Furniture"),
    "p6": ("An old clock", "Clocks"),
}
SERVED = [  # customer, rank, product, score, is_fallback
    ("c1", 1, "p3", 0.5, False),
    ("c1", 2, "p4", 0.25, False),
    ("c1", 3, "p5", 0.125, False),
]


class Shelf:
    """Datasets by name; counts what was loaded."""

    def __init__(self, **changes: Any) -> None:
        self.datasets = {**_datasets(), **changes}
        self.loaded: list[str] = []

    def load(self, name: str) -> Any:
        self.loaded.append(name)
        return self.datasets[name]

    def exists(self, name: str) -> bool:
        return self.datasets.get(name) is not None


def _datasets() -> dict[str, Any]:
    customers = sorted({row[0] for row in BOUGHT})
    user, item = ({n: i for i, n in enumerate(names)} for names in (customers, PRODUCTS))
    interactions = pd.DataFrame(
        [
            {"user": user[c], "item": item[p], "star_rating": s, "day": d, "split": "train"}
            for c, p, s, d in BOUGHT
        ]
    ).assign(validation_part=pd.Series([None] * len(BOUGHT), dtype="str"), is_repeat=False)
    product_ids = pd.DataFrame(
        [
            {
                "product_id": p,
                "item": i,
                "in_training": p != "p6",
                "product_category": PRODUCTS[p][1],
                "first_review_date": EPOCH + datetime.timedelta(days=DAY),
            }
            for p, i in item.items()
        ]
    )
    titles = [{"product_id": p, "product_title": title} for p, (title, _) in PRODUCTS.items()]
    customer_ids = [{"customer_id": c, "user": i, "in_training": True} for c, i in user.items()]
    columns = ["customer_id", "rank", "product_id", "score", "is_fallback"]
    frames = {
        "interactions": interactions,
        "product_ids": product_ids,
        "products": pd.DataFrame(titles),
        "customer_ids": pd.DataFrame(customer_ids),
        "customer_segments": pd.DataFrame([{"customer_id": "c1", "segment": "Loyal"}]),
        "recommendations": pd.DataFrame(SERVED, columns=columns).assign(model="popularity"),
        "purchase_propensity": pd.DataFrame(
            [
                {
                    "customer_id": "c1",
                    "category": c,
                    "period": "2014-11-27/2014-12-26",
                    "probability": p,
                }
                for c, p in (("Electronics", 0.02), ("Furniture", 0.25))
            ]
        ),
    }
    return {name: ibis.memtable(frame) for name, frame in frames.items()} | {
        "data_quality_report": {"data": {"label": "generated data, 10 reviews"}},
        "ensemble.config": {"served": "popularity", "ranks_by": "blended purchase chance"},
        **popularity_kept(interactions, len(customers), len(PRODUCTS) - 1),
    }


def popularity_kept(interactions: pd.DataFrame, n_users: int, n_items: int) -> dict[str, Any]:
    """``popularity`` trained on the shelf's purchases, as the catalog keeps it."""
    import numpy as np

    from product_recommender.interactions import Interactions
    from product_recommender.recommenders.popularity import Popularity

    train = Interactions(
        users=interactions["user"].to_numpy(np.int32),
        items=interactions["item"].to_numpy(np.int32),
        stars=interactions["star_rating"].to_numpy(np.float32),
        days=interactions["day"].to_numpy(np.int32),
        n_users=n_users,
        n_items=n_items,
        item_categories=np.zeros(n_items, dtype=np.int16),
        categories=("any",),
    )
    model = Popularity().fit(train)
    config = {"model": "popularity", "parameters": {}, "ranks_by": "training purchases"}
    return {"popularity.weights": model.state(), "popularity.config": config}
