"""A world small enough to work out by hand: five customers, five products, three parts.

Days are counted from 1970-01-01; training ends on day 20, validation on day 30.
"""

from __future__ import annotations

import datetime

import ibis
import pandas as pd

EPOCH = datetime.date(1970, 1, 1)

# customer, product, stars, day, split, half, repeat
PURCHASES = [
    ("anna", "lamp", 5, 10, "train", None, False),
    ("anna", "sofa", 4, 20, "train", None, False),
    ("bert", "lamp", 2, 15, "train", None, False),
    ("anna", "desk", 5, 25, "validation", "tune", False),
    ("bert", "sofa", 3, 28, "validation", "blend", False),
    ("bert", "lamp", 1, 29, "validation", "blend", True),
    ("cleo", "desk", 4, 30, "validation", "blend", False),
    ("anna", "vase", 5, 40, "test", None, False),
    ("bert", "desk", 2, 41, "test", None, False),
    ("dora", "lamp", 3, 42, "test", None, False),
    ("anna", "lamp", 1, 43, "test", None, True),
    ("emil", "rug", 4, 44, "test", None, False),
]
CUSTOMERS = ["anna", "bert", "cleo", "dora", "emil"]
PRODUCTS = ["lamp", "sofa", "desk", "rug", "vase"]
CATEGORIES = {"lamp": "Light", "sofa": "Seat", "desk": "Table", "rug": "Floor", "vase": "Light"}
N_USERS, N_ITEMS = 2, 2


def small_world() -> dict[str, ibis.Table]:
    """Tables of layers 04 and 05 by dataset name."""
    first_day: dict[str, int] = {}
    for _, product, _, day, *_ in PURCHASES:
        first_day[product] = min(day, first_day.get(product, day))
    interactions = pd.DataFrame(
        [
            (CUSTOMERS.index(c), PRODUCTS.index(p), stars, day, split, half, repeat, True)
            for c, p, stars, day, split, half, repeat in PURCHASES
        ],
        columns=[
            "user",
            "item",
            "star_rating",
            "day",
            "split",
            "validation_part",
            "is_repeat",
            "verified_purchase",
        ],
    )
    return {
        "interactions": ibis.memtable(interactions),
        "customer_ids": ibis.memtable(
            pd.DataFrame(
                {
                    "customer_id": CUSTOMERS,
                    "user": range(5),
                    "in_training": [user < N_USERS for user in range(5)],
                }
            )
        ),
        "product_ids": ibis.memtable(
            pd.DataFrame(
                {
                    "product_id": PRODUCTS,
                    "item": range(5),
                    "in_training": [item < N_ITEMS for item in range(5)],
                    "product_category": [CATEGORIES[product] for product in PRODUCTS],
                    "first_review_date": [
                        EPOCH + datetime.timedelta(days=first_day[product]) for product in PRODUCTS
                    ],
                }
            )
        ),
        "customer_features": ibis.memtable(
            pd.DataFrame(
                {
                    "customer_id": ["anna", "bert"],
                    "purchase_count": [2, 1],
                    "star_mean": [4.5, 2.0],
                    "value_mean": [100.0, None],
                    "top_category": ["Light", "Light"],
                }
            )
        ),
        "product_features": ibis.memtable(
            pd.DataFrame(
                {
                    "product_id": ["lamp", "sofa"],
                    "product_category": ["Light", "Seat"],
                    "popularity": [2, 1],
                    "price_band": ["low", "high"],
                }
            )
        ),
        "customer_segments": ibis.memtable(
            pd.DataFrame(
                {
                    "customer_id": CUSTOMERS,
                    "cluster": [0, 1, -1, -1, -1],
                    "segment": ["Happy", "Critical", "New", "New", "New"],
                }
            )
        ),
    }
