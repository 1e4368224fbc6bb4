"""What the lists beside products say about a customer's own products and the recommended ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import ibis
import numpy as np
import pandas as pd

from product_recommender.answers.catalog import Catalog


class Alike(NamedTuple):
    """An own product that is like the item; similarities are None where unknown."""

    own: int
    text_similarity: float | None
    image_similarity: float | None


class SurePair(NamedTuple):
    """An own product that is bought with the item more often than chance gives."""

    own: int
    lift: float


@dataclass(frozen=True)
class ListedPairs:
    """Rows of `similar_products` and `complementary_products` between two sets of products.

    Attributes
    ----------
    similar
        Item -> own products, most alike first.
    bought_together
        Item -> own products, the surest first.
    """

    similar: Mapping[int, list[Alike]]
    bought_together: Mapping[int, list[SurePair]]


NO_PAIRS = ListedPairs({}, {})
"""No list beside a product says anything."""


def listed_pairs(
    catalog: Catalog, own: np.ndarray, items: np.ndarray, product_ids: np.ndarray
) -> ListedPairs:
    """Look the pairs up, in either direction.

    Parameters
    ----------
    catalog
        May lack the two tables: then nothing is found.
    own, items
        int: codes of the customer's products and of the recommended ones.
    product_ids
        Object array: id of every code.
    """
    similar = _between(
        catalog,
        "similar_products",
        ["score", "text_similarity", "image_similarity"],
        own,
        items,
        product_ids,
    )
    together = _between(
        catalog,
        "complementary_products",
        ["evidence", "lift", "lift_low"],
        own,
        items,
        product_ids,
    )
    together = together[together["evidence"] == "co_purchase"]
    alike: dict[int, list[Alike]] = {}
    similar = similar.sort_values(["score", "own"], ascending=[False, True])
    for row in similar.to_dict("records"):
        parts = (_number(row[f"{part}_similarity"]) for part in ("text", "image"))
        alike.setdefault(int(row["item"]), []).append(Alike(int(row["own"]), *parts))
    sure: dict[int, list[SurePair]] = {}
    together = together.sort_values(["lift_low", "own"], ascending=[False, True])
    for row in together.to_dict("records"):
        sure.setdefault(int(row["item"]), []).append(SurePair(int(row["own"]), float(row["lift"])))
    return ListedPairs(alike, sure)


def _number(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(value)


def _between(
    catalog: Catalog,
    name: str,
    columns: list[str],
    own: np.ndarray,
    items: np.ndarray,
    product_ids: np.ndarray,
) -> pd.DataFrame:
    empty = pd.DataFrame(columns=["own", "item", *columns])
    if not len(own) or not len(items) or not catalog.exists(name):
        return empty
    table: ibis.Table = catalog.load(name)
    codes = {str(product_ids[code]): int(code) for code in (*own, *items)}
    ids = list(codes)
    rows = (
        table.filter(table["product_id"].isin(ids), table["related_product_id"].isin(ids))
        .select("product_id", "related_product_id", *columns)
        .to_pandas()
    )
    one, two = (rows[c].map(codes).astype(int) for c in ("product_id", "related_product_id"))
    is_own, is_item = set(own.tolist()), set(items.tolist())
    found = []
    for first, second in ((one, two), (two, one)):
        here = first.isin(is_own) & second.isin(is_item) & (first != second)
        found.append(rows[here].assign(own=first[here], item=second[here])[list(empty)])
    return pd.concat(found, ignore_index=True) if found else empty
