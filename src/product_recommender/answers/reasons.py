"""What in the data speaks for a recommended product, in words that claim no more than was counted.

A network does not say why. What can be said honestly is which facts support its choice: customers
who bought both this and something that the asker owns, or plain recent popularity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import ibis
import numpy as np
import pandas as pd

RECENT_DAYS = 90
"""How far back "lately" reaches from the last day of the data."""


@dataclass(frozen=True)
class Reason:
    """The strongest fact for one product.

    Attributes
    ----------
    kind
        ``together``: other customers bought it and ``because_of``; ``popular``: sold lately;
        ``none``: neither is true, the model's score is all there is.
    count
        Customers who bought both, or purchases of the last ``RECENT_DAYS`` days.
    because_of
        Item code of the customer's own product, for ``together``.
    in_own_category
        Whether the customer has bought in the product's category before.
    """

    kind: Literal["together", "popular", "none"]
    count: int
    because_of: int | None
    in_own_category: bool


def find_reasons(
    interactions: ibis.Table,
    user: int,
    bought: np.ndarray,
    items: np.ndarray,
    item_categories: np.ndarray,
) -> list[Reason]:
    """Look for the fact that speaks most for each product.

    Of the customer's own products the one with the highest cosine of buyers is named:
    ``both / sqrt(buyers of one * buyers of the other)``, the similarity of item-kNN.

    Parameters
    ----------
    interactions
        The dataset of that name; all parts count.
    user
        The customer's code; their own purchases prove nothing and are left out. -1: nobody.
    bought
        int ``[h]``: items that the customer has bought.
    items
        int ``[k]``: items to find reasons for.
    item_categories
        Object or int array ``[n_items_listed]``: category of every item.

    Returns
    -------
    list of Reason
        One for each of ``items``.
    """
    if len(items) == 0:
        return []
    recent = _recent_purchases(interactions, items)
    own_categories = set(item_categories[bought].tolist())
    together = _bought_together(interactions, user, bought, items)
    reasons = []
    for item in items.tolist():
        own = item_categories[item] in own_categories
        if item in together:
            because_of, count = together[item]
            reasons.append(Reason("together", count, because_of, own))
        elif recent.get(item, 0):
            reasons.append(Reason("popular", recent[item], None, own))
        else:
            reasons.append(Reason("none", 0, None, own))
    return reasons


def _recent_purchases(interactions: ibis.Table, items: np.ndarray) -> dict[int, int]:
    last_day = interactions.day.max().as_scalar()
    recent = interactions.filter(
        interactions.item.isin([int(item) for item in items]),
        interactions.day > last_day - RECENT_DAYS,
    )
    counts = recent.group_by("item").aggregate(n=recent.count()).to_pandas()
    return {int(item): int(n) for item, n in zip(counts["item"], counts["n"], strict=True)}


def _bought_together(
    interactions: ibis.Table, user: int, bought: np.ndarray, items: np.ndarray
) -> dict[int, tuple[int, int]]:
    """Item -> the own product that speaks most for it, and how many customers bought both."""
    if len(bought) == 0:
        return {}
    wanted = sorted({int(item) for item in (*bought, *items)})
    pairs = (
        interactions.filter(interactions.item.isin(wanted), interactions.user != int(user))
        .select("user", "item")
        .distinct()
        .to_pandas()
    )
    buyers = pairs["item"].value_counts()
    own = pairs[pairs["item"].isin(bought)].rename(columns={"item": "own"})
    other = pairs[pairs["item"].isin(items)]
    both = own.merge(other, on="user").groupby(["item", "own"]).size().rename("n").reset_index()
    if both.empty:
        return {}
    sizes = buyers.reindex(both["item"]).to_numpy() * buyers.reindex(both["own"]).to_numpy()
    both["cosine"] = both["n"].to_numpy() / np.sqrt(sizes)
    best = both.sort_values(["cosine", "n", "own"], ascending=[False, False, True])
    best = best.drop_duplicates("item")
    return _by_item(best)


def _by_item(best: pd.DataFrame) -> dict[int, tuple[int, int]]:
    return {
        int(item): (int(own), int(n))
        for item, own, n in zip(best["item"], best["own"], best["n"], strict=True)
    }
