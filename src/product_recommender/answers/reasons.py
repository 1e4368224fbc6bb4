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

from product_recommender.answers.listed_pairs import NO_PAIRS, ListedPairs
from product_recommender.answers.together import (
    ENOUGH_CUSTOMERS,
    NOBODY,
    Together,
    bought_together,
)
from product_recommender.recommenders.explanation import Explanation

RECENT_DAYS = 90
"""How far back "lately" reaches from the last day of the data."""


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
    Which own product others bought with it is named: ``bought_together``.

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
    owned = pd.DataFrame({"user": user, "own": bought})
    listed = pd.DataFrame({"user": user, "item": items})
    together = bought_together(interactions, owned, listed, item_categories).get(user, NOBODY)
    evidence = Evidence(recent_purchases(interactions, items), item_categories, pairs)
    return choose_reasons(items, bought, together, evidence, explanations)


@dataclass(frozen=True)
class Evidence:
    """What is known of products, whoever asks.

    Attributes
    ----------
    recent
        Item -> purchases of the last ``RECENT_DAYS`` days; items without one may be missing.
    item_categories
        Object or int array ``[n_items_listed]``: category of every item.
    pairs
        What the lists beside products say; None where there are none.
    """

    recent: Mapping[int, int]
    item_categories: np.ndarray
    pairs: ListedPairs | None


def choose_reasons(
    items: np.ndarray,
    bought: np.ndarray,
    together: Together,
    evidence: Evidence,
    explanations: Mapping[int, Explanation] | None = None,
) -> list[Reason]:
    """Take the fact that speaks most for each product, in the order of ``find_reasons``.

    Parameters
    ----------
    items
        int ``[k]``: items to find reasons for.
    bought
        int ``[h]``: items that the customer has bought and that may be named.
    together
        Other customers who bought both.
    evidence
        Recent purchases, categories, and the lists beside products.
    explanations
        What the model says of some of ``items``, by item code.
    """
    own_products = set(bought.tolist())
    own_categories = set(evidence.item_categories[bought].tolist())
    reasons = []
    for item in items.tolist():
        own = evidence.item_categories[item] in own_categories
        lately = evidence.recent.get(item, 0)
        reason = (
            _by_model(item, (explanations or {}).get(item), own_products, together.counts, own)
            or _by_pair(item, own_products, evidence, together, own)
            or Reason("popular" if lately else "none", lately, None, own)
        )
        reasons.append(reason)
    return reasons


def _by_model(
    item: int,
    told: Explanation | None,
    own_products: set[int],
    both: Mapping[tuple[int, int], int],
    own: bool,
) -> Reason | None:
    """The purchase that the model names first, where it may be believed."""
    if told is None or not told.uses_attention:
        return None
    named = [int(code) for code, _ in told.history if int(code) in own_products]
    return Reason("model", both.get((item, named[0]), 0), named[0], own) if named else None


def _by_pair(
    item: int, own_products: set[int], evidence: Evidence, together: Together, own: bool
) -> Reason | None:
    """The own product that goes best with this one, by purchases or by likeness."""
    pairs, category = evidence.pairs or NO_PAIRS, evidence.item_categories[item]
    sure = [pair for pair in pairs.bought_together.get(item, ()) if pair.own in own_products]
    if sure:
        # A stable choice: the surest stays first among those of the same category.
        first = min(sure, key=lambda pair: evidence.item_categories[pair.own] != category)
        # Counted afresh: without the customer who asks.
        count = together.counts.get((item, first.own), 0)
        if count:
            return Reason("together", count, first.own, own, lift=first.lift)
    other, count = together.best.get(item, (-1, 0))
    if count >= ENOUGH_CUSTOMERS:
        return Reason("together", count, other, own)
    for alike in pairs.similar.get(item, ()):
        if alike.own in own_products:
            both = together.counts.get((item, alike.own), 0)
            return Reason("similar", both, alike.own, own, None, *alike[1:])
    return Reason("together", count, other, own) if count else None


def recent_purchases(interactions: ibis.Table, items: np.ndarray) -> dict[int, int]:
    """Item -> purchases of the last ``RECENT_DAYS`` days, for those of ``items`` that have any.

    Parameters
    ----------
    interactions
        The dataset of that name; its last day is the last day of the data.
    items
        int: item codes.
    """
    last_day = interactions.day.max().as_scalar()
    recent = interactions.filter(
        interactions.item.isin(sorted({int(item) for item in items})),
        interactions.day > last_day - RECENT_DAYS,
    )
    counts = recent.group_by("item").aggregate(n=recent.count()).to_pandas()
    return {int(item): int(n) for item, n in zip(counts["item"], counts["n"], strict=True)}
