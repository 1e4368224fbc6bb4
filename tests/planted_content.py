"""A small world whose pictures show what customers like, for the measurements of content."""

from __future__ import annotations

import datetime

import ibis
import numpy as np
import pandas as pd
from benchmarks.content_worlds import ContentWorld, Shelf

from product_recommender.evaluation_cuts import make_cut
from product_recommender.interactions import Interactions, ItemContent
from product_recommender.model_inputs import (
    TEST,
    TRAIN,
    VALIDATION,
    InteractionArrays,
    rows_like,
)

EPOCH = datetime.date(1970, 1, 1)
N_CATEGORIES = 3
FIRST_DAY = {TRAIN: 0, VALIDATION: 100, TEST: 200}


def content_world(
    n_users: int = 150, n_items: int = 60, n_new: int = 6, seed: int = 0, taste: float = 2.0
) -> ContentWorld:
    """Customers buy six products in training, one in validation and one in the test.

    The image is the product's style, which customers have a taste for; the text is noise. The last
    ``n_new`` products are first sold in validation.
    """
    rng = np.random.default_rng(seed)
    tastes, styles = rng.normal(size=(n_users, 3)), rng.normal(size=(n_items, 3))
    liking = taste * tastes @ styles.T / np.sqrt(3) + 0.5 * rng.normal(size=n_items)
    keys = liking + rng.gumbel(size=liking.shape)
    is_new = np.arange(n_items) >= n_items - n_new
    rows = []
    for user in range(n_users):
        order = np.argsort(-keys[user])
        old = [item for item in order if not is_new[item]][:6]
        later = [item for item in order if item not in old][:2]
        parts = [TRAIN] * 6 + [VALIDATION, TEST]
        for item, part in zip([*old, *later], parts, strict=True):
            rows.append((user, item, FIRST_DAY[part] + int(rng.integers(0, 90)), part))
    # Somebody buys every new product in validation, so that all are on sale by the test.
    rows += [(0, item, 150, VALIDATION) for item in np.flatnonzero(is_new)]
    frame = pd.DataFrame(rows, columns=["user", "item", "day", "part"])
    frame = frame.drop_duplicates(["user", "item"], keep="first").sort_values(["user", "item"])
    users, items, days, parts = (frame[name].to_numpy() for name in frame)
    in_tune = (parts == VALIDATION) & (users % 2 == 0)
    arrays = InteractionArrays(
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        stars=np.full(len(frame), 4, dtype=np.float32),
        days=days.astype(np.int32),
        parts=parts.astype(np.int8),
        in_tune=in_tune,
        in_blend=(parts == VALIDATION) & ~in_tune,
        is_repeat=np.zeros(len(frame), dtype=bool),
        n_users=n_users,
        n_items=n_items - n_new,
        n_users_listed=n_users,
        n_items_listed=n_items,
    )
    assert len(np.unique(items[parts == TRAIN])) == arrays.n_items, "every old product is trained"
    first = frame.groupby("item")["day"].min()
    product_ids = ibis.memtable(
        pd.DataFrame(
            {
                "item": first.index,
                "first_review_date": [EPOCH + datetime.timedelta(days=int(d)) for d in first],
            }
        )
    )
    known = np.ones(n_items, dtype=bool)
    noise = rng.normal(size=(n_items, 5)).astype(np.float32)
    everything = Interactions(
        users=arrays.users,
        items=arrays.items,
        stars=arrays.stars,
        days=arrays.days,
        n_users=n_users,
        n_items=arrays.n_items,
        item_categories=(np.arange(n_items) % N_CATEGORIES).astype(np.int16),
        categories=("A", "B", "C"),
        contents={
            "text": ItemContent(noise, known, "noise"),
            "image": ItemContent(styles.astype(np.float32), known, "style"),
        },
    )
    return ContentWorld(
        name="planted",
        label="generated data, planted",
        sha256=f"{seed:064x}",
        train=everything.take(arrays.parts == TRAIN),
        tune=rows_like(everything, arrays, arrays.in_tune),
        arrays=arrays,
        cut=make_cut(arrays, product_ids, "test"),
        shelf=Shelf(np.arange(n_items) % 7, np.arange(n_items) % 4),
        settings={},
    )
