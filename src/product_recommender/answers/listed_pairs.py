"""What the lists beside products say about a customer's own products and the recommended ones."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from product_recommender.answers.catalog import Catalog


@dataclass(frozen=True)
class ListedPairs:
    """Rows of `similar_products` and `complementary_products` between two sets of products.

    Attributes
    ----------
    similar
        ``own, item, score, text_similarity, image_similarity``, most alike first.
    bought_together
        ``own, item, customers, lift``: pairs that are bought together more often than chance gives,
        the surest first.
    """

    similar: pd.DataFrame
    bought_together: pd.DataFrame


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
        ["evidence", "customers", "lift", "lift_low"],
        own,
        items,
        product_ids,
    )
    together = together[together["evidence"] == "co_purchase"]
    return ListedPairs(
        similar.sort_values(["score", "own"], ascending=[False, True]),
        together.sort_values(["lift_low", "own"], ascending=[False, True]),
    )


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
