"""Who else bought what customers own and what they are recommended, counted for many at once."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

ENOUGH_CUSTOMERS = 3
"""With fewer in common, likeness says more about a pair."""


@dataclass(frozen=True)
class Together:
    """Who bought both, as one customer is told: without that customer.

    Attributes
    ----------
    counts
        ``(item, own)`` -> other customers who bought both; only pairs that somebody else bought.
    best
        Item -> the own product that goes best with it, and its count.
    """

    counts: dict[tuple[int, int], int]
    best: dict[int, tuple[int, int]]


NOBODY = Together({}, {})
"""Nobody else bought both."""


def bought_together(
    interactions: ibis.Table,
    owned: pd.DataFrame,
    listed: pd.DataFrame,
    item_categories: np.ndarray,
) -> dict[int, Together]:
    """Count other customers who bought own and listed products, in one pass for all askers.

    Of several own products that others bought too, the best is one of the item's own category,
    which is easier to understand, if enough customers speak for it; among these the one with the
    highest cosine of buyers, ``both / sqrt(buyers of one * buyers of the other)``, the similarity
    of item-kNN.

    Parameters
    ----------
    interactions
        The dataset of that name; all parts count.
    owned
        ``user``, ``own``: item codes that may be named to each asker, each once.
    listed
        ``user``, ``item``: what each asker is recommended.
    item_categories
        Object or int array ``[n_items_listed]``: category of every item.

    Returns
    -------
    dict of int to Together
        By asker; one who is not in it shares nobody.
    """
    candidates = owned.merge(listed[["user", "item"]].drop_duplicates(), on="user")
    candidates = candidates[candidates["own"] != candidates["item"]]
    if candidates.empty:
        return {}
    pairs = interactions.select("user", "item").distinct()
    counted = candidates.merge(_count(pairs, candidates), on=["own", "item"])
    found = _without_the_asker(counted, pairs)
    if found.empty:
        return {}
    found["cosine"] = found["n"] / np.sqrt(found["own_buyers"] * found["item_buyers"])
    one, other = (item_categories[found[of].to_numpy(int)] for of in ("item", "own"))
    found["clear"] = (one == other) & (found["n"] >= ENOUGH_CUSTOMERS)
    found = found.sort_values(
        ["user", "clear", "cosine", "n", "own"], ascending=[True, False, False, False, True]
    )
    starts = np.flatnonzero(np.diff(found["user"], prepend=-2))
    ends = [*starts[1:], len(found)]
    return {
        int(found["user"].iloc[start]): _as_mappings(found.iloc[start:end])
        for start, end in zip(starts, ends, strict=True)
    }


def _count(pairs: ibis.Table, candidates: pd.DataFrame) -> pd.DataFrame:
    """``own, item, n, own_buyers, item_buyers`` of the pairs that anybody bought."""
    own, items = (sorted({int(of) for of in candidates[name]}) for name in ("own", "item"))
    one = pairs.filter(pairs["item"].isin(own)).rename(own="item")
    joined = one.inner_join(pairs.filter(pairs["item"].isin(items)), "user").select("own", "item")
    both = joined.group_by("own", "item").aggregate(n=joined.count()).to_pandas()
    bought = pairs.filter(pairs["item"].isin(sorted({*own, *items})))
    buyers = bought.group_by("item").aggregate(n=bought.count()).to_pandas()
    sizes = buyers.set_index("item")["n"]
    for name in ("own", "item"):
        both[f"{name}_buyers"] = both[name].map(sizes)
    return both


def _without_the_asker(counted: pd.DataFrame, pairs: ibis.Table) -> pd.DataFrame:
    """The customer's own purchases prove nothing; pairs that nobody else bought are dropped."""
    users = sorted({int(user) for user in counted["user"]})
    mine = pairs.filter(pairs["user"].isin(users)).to_pandas()
    bought = pd.MultiIndex.from_frame(mine[["user", "item"]])
    is_own, is_item = (
        pd.MultiIndex.from_frame(counted[["user", name]]).isin(bought).astype(int)
        for name in ("own", "item")
    )
    others = counted.assign(
        n=counted["n"] - is_own * is_item,
        own_buyers=counted["own_buyers"] - is_own,
        item_buyers=counted["item_buyers"] - is_item,
    )
    return others[others["n"] > 0]


def _as_mappings(rows: pd.DataFrame) -> Together:
    """The rows of one asker, for each item the best first."""
    numbers = rows[["item", "own", "n"]].to_numpy(int).tolist()
    best: dict[int, tuple[int, int]] = {}
    for item, own, n in numbers:
        best.setdefault(item, (own, n))
    return Together({(item, own): n for item, own, n in numbers}, best)
