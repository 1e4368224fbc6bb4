"""Do the complements come true? Learnt before a cut, compared with what was bought after it.

Every customer with a product bought before the cut and another one after it puts a question for
each pair of the two: does the second stand in the first one's list? The lists are measured against
three others of the same length:

``chance``
    drawn from all products that may be complements;
``popular``
    what sells most before the cut. It hits often, because what sells is bought after anything, and
    says nothing about the product it stands beside;
``exchanged``
    the same lists, asked about what other customers bought afterwards. What is left over this is
    what the product itself says, whatever sells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse

from product_recommender.metrics.bootstrap import (
    NO_DIFFERENCE,
    bootstrap_interval,
    paired_differences,
)
from product_recommender.related.catalogue import Catalogue
from product_recommender.related.complement_evidence import EVIDENCE, Candidates
from product_recommender.related.complements import may_complement
from product_recommender.related.likeness import Likeness, first_of_each

POPULAR_LOOKED_AT = 500
"""Best sellers that a list of popular products is made from: some are no complements."""


@dataclass(frozen=True)
class LaterPurchases:
    """What was bought after a cut by customers who had bought before it, pair by pair.

    Attributes
    ----------
    users
        int64 ``[p]``: whose pair it is.
    before, after
        int64 ``[p]``: item codes. Only pairs that may be complements, of products sold before.
    """

    users: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(
        cls,
        catalogue: Catalogue,
        likeness: Likeness,
        most_alike: float,
        later: scipy.sparse.csr_matrix,
    ) -> Self:
        """Pair every earlier with every later purchase of each customer.

        Parameters
        ----------
        catalogue, likeness
            As of the cut: ``catalogue.purchases`` holds the earlier purchases.
        most_alike
            As of ``may_complement``.
        later
            Binary csr like ``catalogue.purchases``: what was bought for the first time afterwards.
        """
        earlier = catalogue.purchases
        n_before, n_after = np.diff(earlier.indptr), np.diff(later.indptr)
        users = np.repeat(np.arange(earlier.shape[0]), n_before)
        repeated = n_after[users]
        pair_users = np.repeat(users, repeated)
        before = np.repeat(earlier.indices, repeated).astype(np.int64)
        start = later.indptr[users].astype(np.int64)
        skipped = np.cumsum(repeated) - repeated
        places = np.arange(len(before)) - np.repeat(skipped - start, repeated)
        after = later.indices[places].astype(np.int64)
        sold = np.bincount(earlier.indices, minlength=len(catalogue)) > 0
        kept = sold[after] & (before != after)
        kept[kept] = may_complement(catalogue, likeness, most_alike, before[kept], after[kept])
        return cls(pair_users[kept], before[kept], after[kept])


def check_complements(
    found: Candidates,
    catalogue: Catalogue,
    likeness: Likeness,
    most_alike: float,
    later: LaterPurchases,
    n_resamples: int,
    level: float,
    seed: int,
) -> dict[str, Any]:
    """Compare complements with popularity and chance on what was bought later.

    Parameters
    ----------
    found
        Complements that were found before the cut.
    catalogue, likeness, most_alike
        What they were found with.
    later
        What happened.
    n_resamples, level, seed
        Of the bootstrap over customers.

    Returns
    -------
    dict
        ``all`` and each of ``EVIDENCE`` that has pairs -> ``products`` (with a list), ``listed``
        (pairs), ``customers`` (who put a question to one of these lists), ``pairs`` (questions)
        and ``hit_rate``, ``popular``, ``exchanged``, ``chance``: share of a customer's questions
        whose answer was listed, averaged over customers, with ``ci_low`` and ``ci_high``;
        ``over_popular``, ``over_exchanged``, ``over_chance``: ``difference``, ``ci_low``,
        ``ci_high``, ``verdict``.
    """
    results: dict[str, Any] = {}
    parts = {"all": np.ones(len(found), dtype=bool)}
    parts |= {name: found.evidence == kind for kind, name in enumerate(EVIDENCE)}
    for name, rows in parts.items():
        if not rows.any():
            continue
        lists = found.take(rows)
        shares = _shares(lists, catalogue, likeness, most_alike, later)
        results[name] = {
            "products": len(np.unique(lists.first)),
            "listed": len(lists),
            "customers": len(shares["hit_rate"]),
            "pairs": int(np.isin(later.before, lists.first).sum()),
        } | _compared(shares, n_resamples, level, seed)
    return results


def _compared(
    shares: dict[str, np.ndarray], n_resamples: int, level: float, seed: int
) -> dict[str, Any]:
    if not len(shares["hit_rate"]):
        return {}
    report: dict[str, Any] = {}
    for name, values in shares.items():
        low, high = bootstrap_interval(values, n_resamples, seed, level)
        report[name] = {"value": float(values.mean()), "ci_low": low, "ci_high": high}
    for other in ("popular", "exchanged", "chance"):
        lead = paired_differences(shares["hit_rate"], shares[other], n_resamples, seed, level)
        verdict = "better" if lead.low > 0 else "worse" if lead.high < 0 else NO_DIFFERENCE
        report[f"over_{other}"] = {
            "difference": lead.difference,
            "ci_low": lead.low,
            "ci_high": lead.high,
            "verdict": verdict,
        }
    return report


def _shares(
    lists: Candidates,
    catalogue: Catalogue,
    likeness: Likeness,
    most_alike: float,
    later: LaterPurchases,
) -> dict[str, np.ndarray]:
    """Hits of each customer with a question to one of these lists, as shares of the questions."""
    items, lengths = np.unique(lists.first, return_counts=True)
    asked = np.isin(later.before, items)
    users, before, after = later.users[asked], later.before[asked], later.after[asked]
    here = np.isin(items, before)
    lists = lists.take(np.isin(lists.first, items[here]))
    items, lengths = items[here], lengths[here]
    # A customer counts once here, too, however many questions they put.
    weights = 1.0 / np.bincount(later.users)[later.users]
    bought = np.bincount(later.after, weights=weights, minlength=len(catalogue))
    compared = _Compared.with_lists(lists, lengths, bought, catalogue, likeness, most_alike)
    place = np.searchsorted(items, before)
    n = len(catalogue)
    hits = {
        "hit_rate": np.isin(before * n + after, lists.first * n + lists.second),
        "popular": np.isin(before * n + after, compared.popular),
        "exchanged": compared.exchanged[place],
        "chance": compared.chance[place],
    }
    _, of_user = np.unique(users, return_inverse=True)
    questions = np.bincount(of_user)
    return {name: np.bincount(of_user, weights=hit) / questions for name, hit in hits.items()}


@dataclass(frozen=True)
class _Compared:
    """What lists of each product are compared with; arrays in the order of the products' codes.

    Attributes
    ----------
    popular
        int64: pairs ``first * n + second`` of best sellers, as many as each list has.
    exchanged, chance
        float64: how often the list holds what any customer bought later, and any product.
    """

    popular: np.ndarray
    exchanged: np.ndarray
    chance: np.ndarray

    @classmethod
    def with_lists(
        cls,
        lists: Candidates,
        lengths: np.ndarray,
        bought_later: np.ndarray,
        catalogue: Catalogue,
        likeness: Likeness,
        most_alike: float,
    ) -> Self:
        n = len(catalogue)
        items = np.unique(lists.first)
        sold = np.bincount(catalogue.purchases.indices, minlength=n) > 0
        everything = np.flatnonzero(sold)
        everything = everything[np.argsort(-catalogue.shares[everything], kind="stable")]
        listed = np.bincount(
            np.searchsorted(items, lists.first),
            weights=bought_later[lists.second],
            minlength=len(items),
        )
        popular: list[np.ndarray] = [np.zeros(0, dtype=np.int64)]
        exchanged, chance = np.zeros(len(items)), np.zeros(len(items))
        for i, (item, length) in enumerate(zip(items.tolist(), lengths.tolist(), strict=True)):
            first = np.full(len(everything), item)
            may = may_complement(catalogue, likeness, most_alike, first, everything)
            best = everything[may][:POPULAR_LOOKED_AT]
            best = best[first_of_each(np.zeros(len(best), np.int64), catalogue.parents[best])]
            popular.append(item * n + best[:length])
            exchanged[i] = listed[i] / max(float(bought_later[everything[may]].sum()), 1e-12)
            chance[i] = min(length / max(int(may.sum()), 1), 1.0)
        return cls(np.concatenate(popular), exchanged, chance)
