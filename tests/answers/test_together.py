"""Counting who else bought both, for many askers at once, against a count one by one."""

from __future__ import annotations

import math

import ibis
import numpy as np
import pandas as pd
import pytest

from product_recommender.answers.together import ENOUGH_CUSTOMERS, bought_together

CATEGORIES = np.array(["a", "b", "a", "b", "a", "c", "a", "b"], dtype=object)


def one_by_one(
    baskets: dict[int, set[int]], user: int, own: list[int], item: int
) -> tuple[dict[tuple[int, int], int], tuple[int, int] | None]:
    """Counts and the best own product of one asker and item, with sets alone."""
    others = {name: basket for name, basket in baskets.items() if name != user}
    counts: dict[tuple[int, int], int] = {}
    ranked = []
    for code in own:
        buyers, item_buyers = (
            {name for name, basket in others.items() if of in basket} for of in (code, item)
        )
        both = len(buyers & item_buyers)
        if both and code != item:
            counts[item, code] = both
            clear = CATEGORIES[code] == CATEGORIES[item] and both >= ENOUGH_CUSTOMERS
            cosine = both / math.sqrt(len(buyers) * len(item_buyers))
            ranked.append((not clear, -cosine, -both, code))
    return counts, (min(ranked)[3], -min(ranked)[2]) if ranked else None


@pytest.mark.parametrize("seed", range(4))
def test_counts_equal_those_of_one_customer_after_the_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"user": rng.integers(25, size=90), "item": rng.integers(8, size=90)})
    interactions = ibis.memtable(rows.assign(day=rng.integers(30, size=90)))
    baskets = {int(user): set(items) for user, items in rows.groupby("user")["item"]}
    askers = [user for user in baskets if user % 2]
    # Also products that an asker has: the command never lists them, but the count must stand.
    listed = {user: rng.permutation(8)[:5].tolist() for user in askers}
    owned = {user: sorted(baskets[user])[: 1 + user % 3] for user in askers}
    found = bought_together(
        interactions,
        pd.DataFrame([(u, o) for u in askers for o in owned[u]], columns=["user", "own"]),
        pd.DataFrame([(u, i) for u in askers for i in listed[u]], columns=["user", "item"]),
        CATEGORIES,
    )
    seen = 0
    for user in askers:
        expected = [one_by_one(baskets, user, owned[user], item) for item in listed[user]]
        counts = {pair: n for part, _ in expected for pair, n in part.items()}
        best = {i: b for i, (_, b) in zip(listed[user], expected, strict=True) if b is not None}
        if user not in found:
            assert not counts
            continue
        assert found[user].counts == counts
        assert found[user].best == best
        seen += len(counts)
    assert seen > 20


def test_nobody_owns_and_nothing_is_listed() -> None:
    interactions = ibis.memtable(pd.DataFrame({"user": [0, 1], "item": [0, 1], "day": [1, 1]}))
    nothing = pd.DataFrame({"user": [], "own": []}).astype(int)
    listed = pd.DataFrame({"user": [0], "item": [1]})
    assert bought_together(interactions, nothing, listed, CATEGORIES) == {}
    # Customer 0 has item 0; nobody has both.
    owned = pd.DataFrame({"user": [0], "own": [0]})
    assert bought_together(interactions, owned, listed, CATEGORIES) == {}
