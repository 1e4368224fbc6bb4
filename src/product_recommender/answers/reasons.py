"""What speaks for a recommended product, in words that claim no more than was counted.

Most models do not say why; what can be said honestly is which facts support their choice: customers
who bought both this and something that the asker owns, how alike the two are, or plain recent
popularity. A model that can say which purchases mattered, and was shown to mean it, is asked first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import ibis
import numpy as np
import pandas as pd

from product_recommender.answers.listed_pairs import ListedPairs
from product_recommender.recommenders.explanation import Explanation

RECENT_DAYS = 90
"""How far back "lately" reaches from the last day of the data."""

ENOUGH_CUSTOMERS = 3
"""With fewer in common, likeness says more about a pair."""


@dataclass(frozen=True)
class Reason:
    """The strongest fact for one product.

    Attributes
    ----------
    kind
        ``model``: the model's own answer rests on ``because_of`` more than on other purchases;
        ``together``: other customers bought it and ``because_of``; ``similar``: it stands in the
        list of products most like ``because_of``; ``popular``: sold lately; ``none``: none of this
        is true, the model's score is all there is.
    count
        Other customers who bought both, or, without ``because_of``, purchases of the last
        ``RECENT_DAYS`` days.
    because_of
        Item code of the customer's own product, for the first three kinds.
    in_own_category
        Whether the customer has bought in the product's category before.
    lift
        How many times more often than by chance the two are bought together, where that is sure.
    text_similarity, image_similarity
        How alike their texts and pictures are, for ``similar``; None where unknown.
    """

    kind: Literal["model", "together", "similar", "popular", "none"]
    count: int
    because_of: int | None
    in_own_category: bool
    lift: float | None = None
    text_similarity: float | None = None
    image_similarity: float | None = None


def find_reasons(
    interactions: ibis.Table,
    user: int,
    bought: np.ndarray,
    items: np.ndarray,
    item_categories: np.ndarray,
    pairs: ListedPairs | None = None,
    explanations: Mapping[int, Explanation] | None = None,
) -> list[Reason]:
    """Look for the fact that speaks most for each product.

    In this order: the purchase that the model itself names, where its naming was shown to be true;
    a pair that is surely bought together more often than chance gives; a pair that several others
    bought; a pair of products that are alike; a pair that anybody else bought; recent popularity.
    Of several own products that others bought too, one of the item's own category goes first, which
    is easier to understand, and among these the one with the highest cosine of buyers,
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
    pairs
        What the lists beside products say; None where there are none.
    explanations
        What the model says of some of ``items``, by item code.

    Returns
    -------
    list of Reason
        One for each of ``items``.
    """
    if len(items) == 0:
        return []
    recent = _recent_purchases(interactions, items)
    own_categories = set(item_categories[bought].tolist())
    together = _bought_together(interactions, user, bought, items, item_categories)
    reasons = []
    for item in items.tolist():
        own = item_categories[item] in own_categories
        told = (explanations or {}).get(item)
        reason = (
            _by_model(item, told, bought, together.counts, own)
            or _by_pair(item, pairs, together, item_categories, own)
            or Reason("popular" if recent.get(item, 0) else "none", recent.get(item, 0), None, own)
        )
        reasons.append(reason)
    return reasons


def _by_model(
    item: int,
    told: Explanation | None,
    bought: np.ndarray,
    both: Mapping[tuple[int, int], int],
    own: bool,
) -> Reason | None:
    """The purchase that the model names first, where it may be believed."""
    if told is None or not told.uses_attention:
        return None
    named = [int(code) for code, _ in told.history if int(code) in set(bought.tolist())]
    return Reason("model", both.get((item, named[0]), 0), named[0], own) if named else None


def _by_pair(
    item: int,
    pairs: ListedPairs | None,
    together: _Together,
    item_categories: np.ndarray,
    own: bool,
) -> Reason | None:
    """The own product that goes best with this one, by purchases or by likeness."""
    if pairs is not None:
        sure = pairs.bought_together[pairs.bought_together["item"] == item]
        if len(sure):
            # A stable sort: the surest stays first among those of the same category.
            elsewhere = item_categories[sure["own"].to_numpy(int)] != item_categories[item]
            sure = sure.iloc[np.argsort(elsewhere, kind="stable")]
            other = int(sure["own"].iloc[0])
            # Counted afresh: without the customer who asks.
            count = together.counts.get((item, other), 0)
            if count:
                return Reason("together", count, other, own, lift=float(sure["lift"].iloc[0]))
    other, count = together.best.get(item, (-1, 0))
    if count >= ENOUGH_CUSTOMERS:
        return Reason("together", count, other, own)
    if pairs is not None:
        alike = pairs.similar[pairs.similar["item"] == item]
        if len(alike):
            row = alike.iloc[0]
            text, image = (_number(row[f"{part}_similarity"]) for part in ("text", "image"))
            both = together.counts.get((item, int(row["own"])), 0)
            return Reason(
                "similar", both, int(row["own"]), own, text_similarity=text, image_similarity=image
            )
    return Reason("together", count, other, own) if count else None


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _recent_purchases(interactions: ibis.Table, items: np.ndarray) -> dict[int, int]:
    last_day = interactions.day.max().as_scalar()
    recent = interactions.filter(
        interactions.item.isin([int(item) for item in items]),
        interactions.day > last_day - RECENT_DAYS,
    )
    counts = recent.group_by("item").aggregate(n=recent.count()).to_pandas()
    return {int(item): int(n) for item, n in zip(counts["item"], counts["n"], strict=True)}


@dataclass(frozen=True)
class _Together:
    """Who bought both: ``(item, own) -> customers``, and item -> the best own product and its
    count."""

    counts: dict[tuple[int, int], int]
    best: dict[int, tuple[int, int]]


def _bought_together(
    interactions: ibis.Table,
    user: int,
    bought: np.ndarray,
    items: np.ndarray,
    item_categories: np.ndarray,
) -> _Together:
    """Other customers who bought own products and others, pair by pair."""
    if len(bought) == 0:
        return _Together({}, {})
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
        return _Together({}, {})
    sizes = buyers.reindex(both["item"]).to_numpy() * buyers.reindex(both["own"]).to_numpy()
    both["cosine"] = both["n"].to_numpy() / np.sqrt(sizes)
    same = item_categories[both["item"].to_numpy(int)] == item_categories[both["own"].to_numpy(int)]
    both["clear"] = same & (both["n"] >= ENOUGH_CUSTOMERS)
    order = ["clear", "cosine", "n", "own"]
    ordered = both.sort_values(order, ascending=[False, False, False, True])
    counts = {(int(i), int(o)): int(n) for i, o, n in both[["item", "own", "n"]].to_numpy(int)}
    best = ordered.drop_duplicates("item")[["item", "own", "n"]].to_numpy(int)
    return _Together(counts, {int(i): (int(o), int(n)) for i, o, n in best})
